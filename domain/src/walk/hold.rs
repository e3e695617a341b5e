//! When so many people are gone at once that it is rather a mistake than true, and what becomes of it then.
//!
//! A wave of deletions is told by two thresholds, an absolute and a relative one, and both must be passed: a small tenant loses most of its
//! people at times, and a large one some people every day. What was removed within a day counts together, so that a wave in small rounds is
//! one all the same. Whoever is held stays stored and is shown, until somebody approves the removal; a rejection keeps them until the next
//! full round, which asks again if they are still not there.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a deletion counts towards a wave.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// When deletions are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// At most so many people are removed within a day whatever share they are.
    pub people_max: u32,
    /// At most this share of all people is removed within a day, where they are more than that; in percent.
    pub percent_max: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Self { people_max: 20, percent_max: 10 }
    }
}

impl Guard {
    /// Whether the removal of `gone` out of `people` is held, after `late` were removed within a day.
    #[must_use]
    pub fn holds(&self, gone: u64, people: u64, late: u64) -> bool {
        let wave = gone + late;
        let share = u128::from(wave) * 100;
        gone > 0 && wave > u64::from(self.people_max) && share > u128::from(people + late) * u128::from(self.percent_max)
    }
}

/// A wave of deletions that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The round that found it; whoever decides names it, so that no other wave is meant.
    pub round: u32,
    /// How many people it would remove.
    pub people: u64,
    /// Out of how many.
    pub of: u64,
    /// Since when it is held.
    pub since: Timestamp,
    /// In how many lists they are noted.
    pub lists: u16,
}

/// What somebody decided about a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Which hold.
    pub round: u32,
    /// Whether they are removed.
    pub verdict: Verdict,
    /// Who decided: a portal user.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What becomes of the people of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They are removed.
    Approve,
    /// They stay, until the next full round asks again.
    Reject,
}

/// What a sweep came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// More ranges are to be searched.
    More,
    /// Whoever is gone is removed.
    Removes,
    /// They are too many, and held.
    Holds {
        /// Whether nothing was held before: then a notice is owed.
        is_news: bool,
    },
}

/// Deletions carried out of late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// When the first of them was.
    pub since: Option<Timestamp>,
    /// How many.
    pub people: u64,
}

impl Removed {
    /// How many within a day before `now`, as far as is known: counted from the first one.
    #[must_use]
    pub fn of_late(&self, now: Timestamp) -> u64 {
        match self.since {
            Some(since) if now.duration_since(since) <= LATELY => self.people,
            _ => 0,
        }
    }

    /// Counts some more.
    pub fn add(&mut self, people: u64, now: Timestamp) {
        let late = self.of_late(now);
        let since = self.since.filter(|_| late > 0).unwrap_or(now);
        *self = Self { since: Some(since), people: late + people };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_thresholds_must_be_passed() {
        let guard = Guard { people_max: 20, percent_max: 10 };
        for (gone, people, late, held) in [
            (0, 100, 0, false),
            (20, 20, 0, false),
            (21, 21, 0, true),
            (21, 210, 0, false),
            (22, 210, 0, true),
            (50_000, 500_000, 0, false),
            (50_001, 500_000, 0, true),
            (11, 90, 10, true),
            (0, 90, 30, false),
        ] {
            assert_eq!(guard.holds(gone, people, late), held, "{gone} of {people} after {late}");
        }
    }

    #[test]
    fn deletions_of_one_day_count_together_and_then_no_more() {
        let at = |hour: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour);
        let mut removed = Removed::default();
        removed.add(5, at(0));
        removed.add(6, at(20));
        assert_eq!((removed.of_late(at(24)), removed.of_late(at(25))), (11, 0));
        removed.add(1, at(30));
        assert_eq!(removed, Removed { since: Some(at(30)), people: 1 });
    }
}
