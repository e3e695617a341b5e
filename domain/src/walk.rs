//! Where the sync of one directory stands and what it does next.
//!
//! A round brings what is stored up to what the directory holds. A full round walks everybody: it lets Graph mark the present first, lists
//! all people in large pages, and goes on with the delta since the mark. Any other round walks the delta since the one before it.
//!
//! ```text
//!            ┌── marking ── mark ──► listing ── last page ──┐
//! resting ───┤ (full)     └ refused ──► walking             ├──► sweeping ──► removing ──► resting,
//!            └── delta link ─────────► walking ── last page ┘     (who is gone? how many?)   or the next round
//! ```
//! A page is applied before the walk moves, so a page may be applied twice, and none is left out. Who is gone is removed at a round's end,
//! when it is known how many they are: a wave of deletions is held until somebody approves it.
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview>

mod hold;
mod trouble;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attribute::AttributeName;

pub use hold::{Decision, Guard, Hold, Removed, Ruling, Verdict};
pub use trouble::RESETS_MAX;

/// How old the last full round may be before the next one: what a delta lost is found within a week.
const FULL_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How old a delta link may become before it is renewed, long before Graph forgets it after seven days.
/// Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview> (token duration)
pub const LINK_AGE_MAX: SignedDuration = SignedDuration::from_hours(5 * 24);
/// How many people of a full round are held in memory at a time, about: 28 bytes each.
pub const ROLL_MAX: u64 = 600_000;

/// The sync of one directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Walk {
    /// What it is doing.
    pub stage: Stage,
    /// Where the next round begins; without it, with a full round.
    pub delta_link: Option<String>,
    /// Number of the round under way, or of the last one.
    pub round: u32,
    /// Whether that round walks the whole directory.
    pub is_full: bool,
    /// Pages applied in this round.
    pub page: u32,
    /// Entries seen in this round.
    pub people_seen: u64,
    /// People stored that are shown.
    pub people: u64,
    /// Of a full round: people met so far that are shown.
    pub kept: u64,
    /// Whether people may be stored whom this full round does not meet.
    pub is_sweep_owed: bool,
    /// How many notes of changes are complete: each says whom one page changed.
    pub changes: u64,
    /// How many of them were complete when the round's last page was: whom the round removes is named later.
    pub changes_met: u64,
    /// Whether people are being written, and the note after the last complete one may say whom.
    pub is_noting: bool,
    /// People who are gone by pages of this round.
    pub gone: u64,
    /// People found so far who are stored and gone.
    pub missing: Missing,
    /// In how many lists they are noted.
    pub lists: u16,
    /// The last complete full round.
    pub base: Option<Base>,
    /// A wave of deletions that is held.
    pub hold: Option<Hold>,
    /// Deletions carried out of late.
    pub removed: Removed,
    /// By which choice of attributes the round reads, as that choice's fingerprint.
    pub choice: Option<String>,
    /// Attributes that Graph fails to give; they keep the values they had.
    pub degraded: BTreeSet<AttributeName>,
    /// Resets in this round.
    pub resets: u32,
    /// When this round began.
    pub began_at: Option<Timestamp>,
    /// The directory's state that the stored people show: when the last complete round began.
    pub as_of: Option<Timestamp>,
    /// When the last complete round ended.
    pub completed_at: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// Since when the sync fails.
    pub stale_since: Option<Timestamp>,
    /// Up to when it is counted how long people were silently stale, while they are older than promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_counted: Option<Timestamp>,
    /// Why it waits or fails, in one sentence.
    pub problem: Option<String>,
    /// Until when the server asked us to wait.
    pub waits_until: Option<Timestamp>,
}

/// What a walk is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing, until the next round is due.
    #[default]
    Resting,
    /// Beginning a full round: Graph marks the present, from which the delta goes on after the list.
    Marking,
    /// Listing everybody.
    Listing {
        /// The next page; without it, the first.
        link: Option<String>,
        /// The mark.
        marked: String,
    },
    /// Walking a delta.
    Walking {
        /// The next page; without it, the first page of the whole directory.
        link: Option<String>,
    },
    /// Finding whom the round did not meet, one range of ids at a time.
    Sweeping {
        /// The range, from 0 to one less than [`Walk::sweep_ranges`].
        range: u16,
    },
    /// Removing whom the round found gone.
    Removing {
        /// How many of its lists are done.
        done: u16,
    },
    /// Removing whom an approved hold names.
    Releasing {
        /// The hold's round.
        round: u32,
        /// How many of its lists are done.
        done: u16,
        /// How many there are.
        lists: u16,
    },
}

/// How many people are stored and gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// All of them.
    pub people: u64,
    /// Those that are shown.
    pub shown: u64,
}

/// A complete full round: whom it met, and as what, is noted, so that the next one reads only who is not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its number.
    pub round: u32,
    /// How many notes of changes were complete at its last page; later ones, its own removals too, name who is not as it met them.
    pub changes: u64,
    /// When it ended.
    pub at: Timestamp,
}

/// How a page ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageEnd {
    /// More pages follow, even if this one is empty.
    Next(String),
    /// The delta is over; the next one begins here.
    Round(String),
    /// The list is over.
    List,
}

/// What a page came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries on it.
    pub entries: u64,
    /// How many more people are shown than before.
    pub shown: i64,
    /// Of a full round: people met on it for the first time and shown, less those met before who are not shown any more.
    pub kept: i64,
    /// People who are gone by it, less those who are back.
    pub gone: i64,
    /// Whether a note says whom it changed.
    pub is_noted: bool,
}

impl Walk {
    /// Begins a round by this choice of attributes, unless one is under way.
    pub fn begin(&mut self, choice: &str, now: Timestamp) {
        if self.stage != Stage::Resting {
            return;
        }
        self.resets = 0;
        let is_old = self.base.is_none_or(|base| now.duration_since(base.at) > FULL_PERIOD);
        let is_other = self.choice.as_deref() != Some(choice);
        self.choice = Some(choice.to_owned());
        match self.delta_link.clone().filter(|_| !is_old && !is_other) {
            Some(link) => self.start(Stage::Walking { link: Some(link) }, now),
            None => {
                // What failed a week ago may work again.
                self.degraded.clear();
                self.start(Stage::Marking, now);
            }
        }
    }

    /// Follows what somebody decided about the hold, if there is one and that was meant.
    pub fn heed(&mut self, decision: &Decision) {
        let Some(hold) = self.hold.filter(|hold| hold.round == decision.round && self.stage == Stage::Resting) else {
            return;
        };
        self.hold = None;
        if decision.verdict == Verdict::Approve {
            self.stage = Stage::Releasing { round: hold.round, done: 0, lists: hold.lists };
        }
    }

    /// Begins the list, after Graph marked the present.
    pub fn mark(&mut self, marked: String) {
        self.stage = Stage::Listing { link: None, marked };
        self.recover();
    }

    /// Walks the whole directory by its delta, because Graph does not mark, or does not list.
    pub fn walk_plainly(&mut self, now: Timestamp) {
        self.start(Stage::Walking { link: None }, now);
    }

    /// Whether nobody can be stored but who this round met: then nobody has to be read.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.is_full && self.base.is_none() && !self.is_sweep_owed
    }

    /// Moves on after a page was applied.
    pub fn turn(&mut self, end: PageEnd, tally: &Tally, now: Timestamp) {
        self.count(tally);
        self.page += 1;
        self.people_seen += tally.entries;
        self.kept = self.kept.saturating_add_signed(tally.kept);
        self.gone = self.gone.saturating_add_signed(tally.gone);
        self.recover();
        let stage = std::mem::take(&mut self.stage);
        match (end, stage) {
            (PageEnd::Next(link), Stage::Listing { marked, .. }) => self.stage = Stage::Listing { link: Some(link), marked },
            (PageEnd::Next(link), _) => self.stage = Stage::Walking { link: Some(link) },
            (PageEnd::Round(link), _) | (PageEnd::List, Stage::Listing { marked: link, .. }) => self.close(link, now),
            (PageEnd::List, stage) => self.stage = stage,
        }
    }

    fn close(&mut self, link: String, now: Timestamp) {
        self.delta_link = Some(link);
        self.changes_met = self.changes;
        match self.gone > 0 || (self.is_full && self.is_sweep_owed) {
            true => self.stage = Stage::Sweeping { range: 0 },
            false => self.complete(now),
        }
    }

    /// Counts what people were written, and that the note of it is complete.
    pub fn count(&mut self, tally: &Tally) {
        self.people = self.people.saturating_add_signed(tally.shown);
        self.changes += u64::from(tally.is_noted);
        self.is_noting = false;
    }

    /// Moves on after a range was searched for people who are stored and gone, who are noted in as many `lists`. After the last range it is
    /// known how many they are: too many are held.
    pub fn swept(&mut self, range: u16, (missing, lists): (Missing, u16), (guard, now): (&Guard, Timestamp)) -> Ruling {
        self.missing.people += missing.people;
        self.missing.shown += missing.shown;
        self.lists += lists;
        if range + 1 < self.sweep_ranges() {
            self.stage = Stage::Sweeping { range: range + 1 };
            return Ruling::More;
        }
        let people = match self.is_full {
            true => self.kept + self.missing.shown,
            false => self.people,
        };
        if self.lists == 0 {
            self.complete(now);
            return Ruling::Removes;
        }
        if !guard.holds(self.missing.people, people, self.removed.of_late(now)) {
            self.stage = Stage::Removing { done: 0 };
            return Ruling::Removes;
        }
        let known = self.hold;
        let since = known.map_or(now, |hold| hold.since);
        self.hold = Some(Hold { round: self.round, people: self.missing.people, of: people, since, lists: self.lists });
        // They stay stored and shown.
        self.kept += self.missing.shown;
        self.complete(now);
        Ruling::Holds { is_news: known.is_none() }
    }

    /// Moves on after one list of who is gone was carried out.
    pub fn remove(&mut self, tally: &Tally, now: Timestamp) {
        self.count(tally);
        self.removed.add(tally.shown.unsigned_abs(), now);
        match self.stage {
            Stage::Removing { done } if done + 1 < self.lists => self.stage = Stage::Removing { done: done + 1 },
            Stage::Removing { .. } => self.complete(now),
            Stage::Releasing { round, done, lists } if done + 1 < lists => self.stage = Stage::Releasing { round, done: done + 1, lists },
            Stage::Releasing { .. } => self.stage = Stage::Resting,
            Stage::Resting | Stage::Marking | Stage::Listing { .. } | Stage::Walking { .. } | Stage::Sweeping { .. } => {}
        }
    }

    /// Into how many ranges of ids the sweep is cut so that memory stays bounded: 1 to 256, a power of two.
    #[must_use]
    pub fn sweep_ranges(&self) -> u16 {
        let ranges = self.people_seen.max(self.people).div_ceil(ROLL_MAX).clamp(1, 256).next_power_of_two();
        u16::try_from(ranges).unwrap_or(256)
    }

    /// Whether a round is under way.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.stage != Stage::Resting
    }

    fn start(&mut self, stage: Stage, now: Timestamp) {
        self.note_leftovers();
        self.is_full = matches!(stage, Stage::Marking | Stage::Walking { link: None });
        self.stage = stage;
        self.round += 1;
        self.page = 0;
        self.people_seen = 0;
        self.kept = 0;
        self.gone = 0;
        self.missing = Missing::default();
        self.lists = 0;
        self.began_at = Some(now);
    }

    /// Whoever an earlier or an unfinished round stored may be unknown to the next one.
    fn note_leftovers(&mut self) {
        self.is_sweep_owed |= self.is_noting || self.people > 0 || self.people_seen > 0 || self.completed_at.is_some();
    }

    /// The round is over. After a full one, what changed since its mark follows at once.
    fn complete(&mut self, now: Timestamp) {
        self.as_of = self.began_at;
        self.completed_at = Some(now);
        self.stage = Stage::Resting;
        self.recover();
        if self.is_full {
            self.people = self.kept;
            self.base = Some(Base { round: self.round, changes: self.changes_met, at: now });
            self.is_sweep_owed = false;
            let link = self.delta_link.clone();
            self.start(Stage::Walking { link }, now);
            self.is_full = false;
        }
    }

    fn recover(&mut self) {
        self.failures = 0;
        self.problem = None;
        self.waits_until = None;
        if self.stage == Stage::Resting {
            self.stale_since = None;
        }
    }
}

#[cfg(test)]
mod tests;
