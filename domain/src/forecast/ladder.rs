//! Which warning is owed: each rung of a ladder once for one expected end.
//!
//! The rungs are 14, 7, 3 and 1 days before the end, and the end itself. A grant that lives shortly leaves rungs out: nobody is warned in
//! the first half of a sign-in's life, because a warning that comes right after every repair is soon ignored. What stops a connection
//! that is not used (90 days) is told 30 days before.
//!
//! A forecast of low confidence rests on one indirect observation. It is shown all the while, and sent late, from 3 days before: a needless
//! repair is one click and a missed end stops the sync, but mail that proves wrong costs the trust that the next warning needs.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DAY, Forecast, Why};
use crate::api::Confidence;

const RUNGS: [u16; 5] = [14, 7, 3, 1, 0];
const HIGHEST_OF_LOW: u16 = 3;
const RUNGS_OF_INACTIVITY: [u16; 6] = [30, 14, 7, 3, 1, 0];

/// One rung: so many days before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rung(pub u16);

/// What was told last, and of which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// The end that was told of.
    pub ends_at: Timestamp,
    /// The lowest rung that was told.
    pub rung: Rung,
}

impl Forecast {
    /// Whether the end is so near that people should know: whether the first rung is reached.
    #[must_use]
    pub fn is_near(&self, now: Timestamp) -> bool {
        self.reached(now).is_some()
    }

    /// The warning that is owed now, after what was told before.
    #[must_use]
    pub fn owes(&self, told: Option<Warned>, now: Timestamp) -> Option<Warned> {
        let rung = self.reached(now)?;
        let is_told = told.is_some_and(|told| self.is_same_end(told.ends_at) && told.rung <= rung);
        (!is_told).then_some(Warned { ends_at: self.ends_at, rung })
    }

    /// Whole days until the end, a begun one as one; 0 when it has come.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> u16 {
        let left = self.ends_at.duration_since(now).as_secs().max(0);
        let days = left.saturating_add(DAY.as_secs() - 1) / DAY.as_secs();
        u16::try_from(days).unwrap_or(u16::MAX)
    }

    /// The lowest rung that is reached.
    fn reached(&self, now: Timestamp) -> Option<Rung> {
        let left = self.ends_at.duration_since(now);
        let length = match self.why {
            Why::Limit { length, .. } => length,
            _ => SignedDuration::MAX,
        };
        let lead = |rung: &u16| DAY * i32::from(*rung);
        let rungs: &[u16] = if self.why == Why::Inactivity { &RUNGS_OF_INACTIVITY } else { &RUNGS };
        let highest = if self.confidence == Confidence::Low { HIGHEST_OF_LOW } else { u16::MAX };
        let is_used = |rung: &&u16| **rung <= highest && lead(rung) <= length / 2;
        let lowest = rungs.iter().rev().filter(is_used).find(|rung| left <= lead(rung)).copied();
        // A life of less than two days has no rung but the end: half of it is warning enough.
        let is_half_over = length < DAY * 2 && left <= length / 2;
        lowest.or_else(|| is_half_over.then_some(1)).map(Rung)
    }

    /// Whether an end that was told is this one: not moved by more than a day, or by an eighth of a short life.
    fn is_same_end(&self, told: Timestamp) -> bool {
        let tolerance = match self.why {
            Why::Limit { length, .. } => (length / 8).min(DAY),
            _ => DAY,
        };
        self.ends_at.duration_since(told).abs() <= tolerance
    }
}
