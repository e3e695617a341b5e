//! Where a delta walk stands and what it does next.
//!
//! A round is a chain of pages that ends with a delta link, from which the next round begins. Without a delta link a round is full: it
//! walks the whole directory, and, where people were stored before, ends with a sweep of those that it did not meet.
//!
//! ```text
//! resting ── begin ──► walking ── page ──► walking ── last page ──► resting
//!                        ▲  │                            │ (full round over stored people)
//!                        │  └─ reset / page token expired│
//!                        └───────────────────────────────┴──► sweeping ── last range ──► resting
//! ```
//! A page is applied before the walk moves, so a page may be applied twice, and none is left out.
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview>

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ObjectId;

/// After so many resets in one round the walk gives up for now and tries again at the next schedule.
pub const RESETS_MAX: u32 = 3;
/// After so many failures in a row at the link that begins a round, that link is given up and the directory walked from its beginning.
const FAILURES_MAX: u32 = 8;
/// From so many waits in a row on, the sync counts as failing.
const WAITS_MAX: u32 = 3;
/// How many seen ids one sweep holds in memory at a time, about: 16 bytes each.
const SWEEP_IDS: u64 = 65_536;

/// A delta walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// What it is doing.
    pub stage: Stage,
    /// Where the next round begins; without it, at the beginning of the directory.
    pub delta_link: Option<String>,
    /// Number of the round under way, or of the last one.
    pub round: u32,
    /// Pages applied in this round.
    pub page: u32,
    /// Entries seen in this round.
    pub people_seen: u64,
    /// People stored.
    pub people: u64,
    /// Whom the page under way adds and removes, noted before it is applied so that a crash in between does not count anybody twice.
    pub tally: Option<Tally>,
    /// People that the sweep under way kept so far.
    pub kept: u64,
    /// Whether this round walks the whole directory over people stored before, and so ends with a sweep.
    pub is_sweep_owed: bool,
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
    /// Why it waits or fails, in one sentence.
    pub problem: Option<String>,
    /// Until when the server asked us to wait.
    pub waits_until: Option<Timestamp>,
}

/// What a walk is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing, until the next round is due.
    Resting,
    /// Walking the pages.
    Walking {
        /// The next page; without it, the first page of the directory.
        link: Option<String>,
    },
    /// Removing people that a full round did not meet, one range of ids at a time.
    Sweeping {
        /// The range, from 0 to one less than [`Walk::sweep_ranges`].
        range: u16,
    },
}

/// Whom one page adds and removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// People that were not stored before.
    pub added: Vec<ObjectId>,
    /// People that were.
    pub removed: Vec<ObjectId>,
}

/// How a page ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageEnd {
    /// More pages follow, even if this one is empty.
    Next(String),
    /// The round is over; the next one begins here.
    Round(String),
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            stage: Stage::Resting,
            delta_link: None,
            round: 0,
            page: 0,
            people_seen: 0,
            people: 0,
            tally: None,
            kept: 0,
            is_sweep_owed: false,
            resets: 0,
            began_at: None,
            as_of: None,
            completed_at: None,
            failures: 0,
            stale_since: None,
            problem: None,
            waits_until: None,
        }
    }
}

impl Walk {
    /// Begins a round, unless one is under way.
    pub fn begin(&mut self, now: Timestamp) {
        if self.stage == Stage::Resting {
            self.resets = 0;
            let link = self.delta_link.clone();
            self.start_round(link, now);
        }
    }

    /// Moves on after a page was applied.
    pub fn turn(&mut self, end: PageEnd, entries: u64, now: Timestamp) {
        let tally = self.tally.take().unwrap_or_default();
        self.count(tally.added.len(), tally.removed.len());
        self.page += 1;
        self.people_seen += entries;
        self.recover();
        match end {
            PageEnd::Next(link) => self.stage = Stage::Walking { link: Some(link) },
            PageEnd::Round(link) => {
                self.delta_link = Some(link);
                match self.is_sweep_owed {
                    true => self.stage = Stage::Sweeping { range: 0 },
                    false => self.rest(now),
                }
            }
        }
    }

    /// Counts what became of a page whose worker died: of its tally, these are stored now. The page can then be applied anew, even if it
    /// says something else by then.
    pub fn absorb(&mut self, stored: &HashSet<ObjectId>) {
        let tally = self.tally.take().unwrap_or_default();
        let added = tally.added.iter().filter(|person| stored.contains(person)).count();
        let removed = tally.removed.iter().filter(|person| !stored.contains(person)).count();
        self.count(added, removed);
    }

    fn count(&mut self, added: usize, removed: usize) {
        self.people = (self.people + added as u64).saturating_sub(removed as u64);
    }

    /// Starts over with a full round, because Graph forgot the delta token. `from` is the link that Graph gave, if it did.
    /// Returns whether the walk goes on now, or has been reset so often that it should wait for the next schedule.
    pub fn reset(&mut self, from: Option<String>, now: Timestamp) -> bool {
        self.resets += 1;
        self.delta_link = None;
        self.is_sweep_owed = true;
        self.start_round(from, now);
        self.resets <= RESETS_MAX
    }

    /// Starts the round over, because a page's token expired. Returns what [`Walk::reset`] returns.
    pub fn restart(&mut self, now: Timestamp) -> bool {
        self.resets += 1;
        self.is_sweep_owed |= self.delta_link.is_none();
        let link = self.delta_link.clone();
        self.start_round(link, now);
        self.resets <= RESETS_MAX
    }

    /// Gives the round up, because one of its links leads nowhere. The next one begins where the last complete one ended or, where that
    /// does not lead on either, at the beginning of the directory.
    pub fn give_up(&mut self, problem: &str, now: Timestamp) {
        if self.page == 0 && self.failures >= FAILURES_MAX {
            self.delta_link = None;
        }
        self.is_sweep_owed |= self.delta_link.is_none();
        self.stage = Stage::Resting;
        self.fail(problem, now);
    }

    /// Moves on after a range was swept in which `kept` people are left. A full round ends with an exact count.
    pub fn swept(&mut self, range: u16, kept: u64, now: Timestamp) {
        self.kept += kept;
        match range + 1 < self.sweep_ranges() {
            true => self.stage = Stage::Sweeping { range: range + 1 },
            false => {
                self.people = self.kept;
                self.rest(now);
            }
        }
    }

    /// Into how many ranges of ids the sweep is cut so that memory stays bounded: 1 to 256, a power of two.
    #[must_use]
    pub fn sweep_ranges(&self) -> u16 {
        let ranges = self.people_seen.div_ceil(SWEEP_IDS).clamp(1, 256).next_power_of_two();
        u16::try_from(ranges).unwrap_or(256)
    }

    /// Notes that the sync cannot go on now. Stored people stay as they are, and say since when they fall behind.
    pub fn fail(&mut self, problem: &str, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.stale_since.get_or_insert(now);
        self.problem = Some(problem.to_owned());
        self.waits_until = None;
    }

    /// Notes that the server asked us to wait. Whoever waits again and again falls behind.
    pub fn wait(&mut self, until: Timestamp, problem: &str, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= WAITS_MAX {
            self.stale_since.get_or_insert(now);
        }
        self.problem = Some(problem.to_owned());
        self.waits_until = Some(until);
    }

    /// Until when the walk waits, where it does at `now`. Whole milliseconds count, because due work is found by those.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        self.waits_until.filter(|until| until.as_millisecond() > now.as_millisecond())
    }

    /// Whether a round is under way.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.stage != Stage::Resting
    }

    fn start_round(&mut self, link: Option<String>, now: Timestamp) {
        self.stage = Stage::Walking { link };
        self.round += 1;
        self.page = 0;
        self.people_seen = 0;
        self.tally = None;
        self.kept = 0;
        self.began_at = Some(now);
    }

    fn rest(&mut self, now: Timestamp) {
        self.stage = Stage::Resting;
        self.is_sweep_owed = false;
        self.as_of = self.began_at;
        self.completed_at = Some(now);
        self.recover();
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
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn next(link: &str) -> PageEnd {
        PageEnd::Next(link.to_owned())
    }

    fn round(link: &str) -> PageEnd {
        PageEnd::Round(link.to_owned())
    }

    #[test]
    fn the_first_round_walks_from_the_beginning_and_needs_no_sweep() {
        let mut walk = Walk::default();
        walk.begin(at(1));
        assert_eq!(walk.stage, Stage::Walking { link: None });
        walk.turn(next("p2"), 200, at(2));
        walk.turn(round("d1"), 100, at(3));
        assert_eq!((walk.stage.clone(), walk.as_of, walk.completed_at), (Stage::Resting, Some(at(1)), Some(at(3))));
        walk.begin(at(9));
        assert_eq!(walk.stage, Stage::Walking { link: Some("d1".to_owned()) });
    }

    #[test]
    fn beginning_twice_does_not_start_over() {
        let mut walk = Walk::default();
        walk.begin(at(1));
        walk.turn(next("p2"), 200, at(2));
        let before = walk.clone();
        walk.begin(at(3));
        assert_eq!(walk, before);
    }

    #[test]
    fn a_reset_sweeps_only_after_a_complete_round() {
        let mut walk = Walk { delta_link: Some("d".to_owned()), people: 10, ..Walk::default() };
        walk.begin(at(1));
        assert!(walk.reset(None, at(2)));
        walk.turn(next("p2"), 200, at(3));
        assert!(walk.restart(at(4)));
        walk.turn(round("d2"), 8, at(5));
        assert_eq!(walk.stage, Stage::Sweeping { range: 0 });
        walk.swept(0, 8, at(6));
        assert_eq!((walk.stage.clone(), walk.people), (Stage::Resting, 8));
    }

    #[test]
    fn endless_resets_end_in_waiting() {
        let mut walk = Walk::default();
        walk.begin(at(1));
        let went_on = (0..10).take_while(|_| walk.reset(None, at(2))).count();
        assert_eq!(went_on, RESETS_MAX as usize);
    }

    fn id(number: u128) -> ObjectId {
        ObjectId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_noted_tally_counts_once() {
        let mut walk = Walk::default();
        walk.begin(at(1));
        walk.tally = Some(Tally { added: vec![id(1), id(2)], removed: vec![] });
        walk.turn(next("p"), 5, at(2));
        walk.turn(round("d"), 0, at(3));
        assert_eq!(walk.people, 2);
    }

    #[test]
    fn of_a_page_whose_worker_died_only_what_was_written_counts() {
        let mut walk = Walk { people: 10, ..Walk::default() };
        walk.tally = Some(Tally { added: vec![id(1), id(2)], removed: vec![id(3), id(4)] });
        walk.absorb(&HashSet::from([id(1), id(4)]));
        assert_eq!((walk.people, walk.tally), (10, None));
    }

    #[test]
    fn a_round_whose_link_leads_nowhere_begins_anew_from_what_is_known() {
        let mut walk = Walk { delta_link: Some("d".to_owned()), ..Walk::default() };
        walk.begin(at(1));
        walk.turn(next("foreign"), 10, at(2));
        walk.give_up("no", at(3));
        assert_eq!((walk.stage.clone(), walk.stale_since, walk.is_sweep_owed), (Stage::Resting, Some(at(3)), false));
        for _ in 0..=FAILURES_MAX {
            walk.begin(at(4));
            walk.give_up("no", at(5));
        }
        walk.begin(at(6));
        assert_eq!((walk.stage, walk.is_sweep_owed), (Stage::Walking { link: None }, true));
    }

    #[test]
    fn who_waits_again_and_again_falls_behind() {
        let mut walk = Walk::default();
        walk.begin(at(1));
        let stale = [at(2), at(3), at(4), at(5)].map(|now| {
            walk.wait(now, "wait", now);
            walk.stale_since
        });
        assert_eq!(stale, [None, None, Some(at(4)), Some(at(4))]);
    }

    #[test]
    fn staleness_lasts_from_the_first_failure_to_the_next_complete_round() {
        let mut walk = Walk::default();
        walk.begin(at(1));
        walk.fail("a", at(5));
        walk.fail("b", at(6));
        assert_eq!((walk.stale_since, walk.failures), (Some(at(5)), 2));
        walk.turn(next("p"), 1, at(7));
        assert_eq!((walk.stale_since, walk.failures), (Some(at(5)), 0));
        walk.turn(round("d"), 1, at(8));
        assert_eq!(walk.stale_since, None);
    }

    #[test]
    fn a_sweep_of_half_a_million_is_cut_into_ranges() {
        let ranges = |people_seen| Walk { people_seen, ..Walk::default() }.sweep_ranges();
        assert_eq!((ranges(0), ranges(65_536), ranges(65_537), ranges(500_000)), (1, 1, 2, 8));
        assert_eq!(ranges(u64::MAX), 256);
    }
}
