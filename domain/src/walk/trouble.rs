//! What a walk does where Graph gives no page, or no more.

use jiff::Timestamp;

use super::{Stage, Walk};
use crate::attribute::AttributeName;

/// After so many resets in one round the walk gives up for now and tries again at the next schedule.
pub const RESETS_MAX: u32 = 3;
/// After so many failures in a row at the link that begins a round, that link is given up and the directory walked from its beginning.
pub(super) const FAILURES_MAX: u32 = 8;
/// From so many waits in a row on, the sync counts as failing.
const WAITS_MAX: u32 = 3;

impl Walk {
    /// Starts over with a full round, because Graph forgot the delta token. `from` is the link that Graph gave, if it did.
    /// Returns whether the walk goes on now, or has been reset so often that it should wait for the next schedule.
    pub fn reset(&mut self, from: Option<String>, now: Timestamp) -> bool {
        self.resets += 1;
        self.delta_link = None;
        self.start(from.map_or(Stage::Marking, |link| Stage::Walking { link: Some(link) }), now);
        self.is_full = true;
        self.resets <= RESETS_MAX
    }

    /// Starts the round over, because a page's token expired. Returns what [`Walk::reset`] returns.
    pub fn restart(&mut self, now: Timestamp) -> bool {
        self.resets += 1;
        match (self.is_full, self.delta_link.clone()) {
            (false, Some(link)) => self.start(Stage::Walking { link: Some(link) }, now),
            _ => self.start(Stage::Marking, now),
        }
        self.resets <= RESETS_MAX
    }

    /// Starts over without these attributes, because Graph fails whenever it is asked for them. Returns what [`Walk::reset`] returns.
    pub fn degrade(&mut self, attributes: impl IntoIterator<Item = AttributeName>, now: Timestamp) -> bool {
        let before = self.degraded.len();
        self.degraded.extend(attributes);
        // Each step of this takes something away, so that it ends.
        let is_progress = self.degraded.len() > before;
        self.delta_link = None;
        self.start(Stage::Marking, now);
        is_progress
    }

    /// Gives the round up, because one of its links leads nowhere. The next one begins where the last complete one ended or, where that
    /// does not lead on either, with a full round.
    pub fn give_up(&mut self, problem: &str, now: Timestamp) {
        if self.page == 0 && self.failures >= FAILURES_MAX {
            self.delta_link = None;
        }
        self.note_leftovers();
        self.stage = Stage::Resting;
        self.fail(problem, now);
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
}
