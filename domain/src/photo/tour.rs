//! Where the tour over everybody's photos stands, and what it does next.
//!
//! People are cut into ranges of ids, which are random, and each range has its turn once a day: so a large tenant is asked a little all
//! the time, and never everything at once. The first tour does not pause between ranges. Between two turns newcomers are looked at, and
//! those about whom nothing could be found out.
//!
//! Whatever is written follows a note of whose photos it is about ([`Tour::unsettled`]), so that a worker who dies leaves nothing behind
//! that nobody knows of.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LOOK_MAX, Tally};
use crate::ids::{ConnectionId, ObjectId};
use crate::schedule;

/// About how many people a range has.
const RANGE_PEOPLE: u64 = 1_024;
/// The most ranges.
const RANGES_MAX: u64 = 256;
/// The most people who wait to be asked about again; those beyond have their turn in the next tour.
const PARKED_MAX: usize = 100;
/// How often somebody is asked about again before the next tour.
const TRIES_MAX: u32 = 3;
/// How long somebody waits who is asked about again.
const PARKED_WAIT: SignedDuration = SignedDuration::from_mins(10);
/// From this part of what Graph allows on, in percent, the tour gives way to everything else.
/// Source: <https://learn.microsoft.com/en-us/graph/throttling-limits> (`x-ms-throttle-limit-percentage`)
const LOAD_MAX: u32 = 80;
/// How long it gives way.
const LOAD_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// After so many looks in a row without a single answer the next people are tried: it may be these who cannot be asked about.
const STUCK: u32 = 4;
/// After so many looks in a row that were denied as a whole, the permission counts as missing.
const DENIED_MAX: u32 = 3;

/// A tour over everybody's photos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tour {
    /// What it is doing.
    pub stage: Stage,
    /// Into how many ranges people are cut; a power of two, 1 to 256.
    pub ranges: u16,
    /// The range that is looked at, or whose turn is next.
    pub range: u16,
    /// When that range has its turn.
    pub turn_at: Timestamp,
    /// Whose photos were being written.
    pub unsettled: Vec<ObjectId>,
    /// People to be asked about again.
    pub parked: Vec<Parked>,
    /// When they are.
    pub parked_until: Timestamp,
    /// People about whom Graph said something in this tour.
    pub answered: u64,
    /// People about whom nothing could be found out in this tour; what is kept of their photos stays.
    pub missed: u64,
    /// Looks in a row that were denied as a whole.
    pub denied_looks: u32,
    /// Looks in a row after which we had to wait.
    pub failures: u32,
    /// Until when Graph asked us to wait.
    pub waits_until: Option<Timestamp>,
    /// Since when photos may not be read. Looked at again once a day, and after a new consent.
    pub off_since: Option<Timestamp>,
    /// Why photos are not read, in one sentence.
    pub problem: Option<String>,
    /// When this tour began.
    pub began_at: Option<Timestamp>,
    /// When the last complete tour ended.
    pub completed_at: Option<Timestamp>,
}

/// What a tour is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing, until the next range has its turn.
    Resting,
    /// Looking at a range.
    Looking {
        /// The first id that was not looked at yet.
        from: ObjectId,
    },
}

/// Somebody to be asked about again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Who.
    pub person: ObjectId,
    /// How often it was tried.
    pub tries: u32,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Remove whatever a worker who died left behind of these people's photos.
    Settle(Vec<ObjectId>),
    /// Ask about these people again.
    Again(Vec<ObjectId>),
    /// Ask about these people for the first time, whatever is kept of them.
    Newcomers(Vec<ObjectId>),
    /// Ask about the next people of a range, both ends included.
    Range {
        /// The first id.
        first: ObjectId,
        /// The last id.
        last: ObjectId,
    },
    /// Nothing before that.
    Rest {
        /// When.
        until: Timestamp,
    },
}

/// What came of a look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// What Graph said.
    pub tally: Tally,
    /// How much of what it allows Graph says to be used up, in percent; 0 where it says nothing.
    pub load_percent: u32,
    /// Whom nothing was found out about.
    pub left: Vec<ObjectId>,
    /// The last id that was looked at; absent where it reached to the end of the range.
    pub reaches: Option<ObjectId>,
}

/// How a tour goes on after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the look is over; the same people are asked about once more otherwise.
    pub is_done: bool,
    /// What follows.
    pub pause: Pause,
}

/// What follows a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The next one.
    No,
    /// A wait.
    Until(Timestamp),
    /// A fresh access token.
    Token,
    /// Nothing, because photos may not be read.
    Off,
}

impl Default for Tour {
    fn default() -> Self {
        Self {
            stage: Stage::Resting,
            ranges: 1,
            range: 0,
            turn_at: Timestamp::UNIX_EPOCH,
            unsettled: Vec::new(),
            parked: Vec::new(),
            parked_until: Timestamp::UNIX_EPOCH,
            answered: 0,
            missed: 0,
            denied_looks: 0,
            failures: 0,
            waits_until: None,
            off_since: None,
            problem: None,
            began_at: None,
            completed_at: None,
        }
    }
}

impl Tour {
    /// What to do next. Begins the range whose turn it is. `people` is how many are stored.
    pub fn next(&mut self, newcomers: &[ObjectId], people: u64, now: Timestamp) -> Work {
        if !self.unsettled.is_empty() {
            return Work::Settle(self.unsettled.clone());
        }
        if self.off_since.is_some() && !has_come(self.turn_at, now) {
            return Work::Rest { until: self.turn_at };
        }
        if !self.parked.is_empty() && has_come(self.parked_until, now) {
            return Work::Again(self.parked.iter().take(LOOK_MAX).map(|parked| parked.person).collect());
        }
        if !newcomers.is_empty() {
            return Work::Newcomers(newcomers.iter().take(LOOK_MAX).copied().collect());
        }
        if self.stage == Stage::Resting && has_come(self.turn_at, now) {
            self.begin(people, now);
        }
        match self.stage {
            Stage::Looking { from } => Work::Range { first: from, last: bounds(self.range, self.ranges).1 },
            Stage::Resting => Work::Rest { until: self.rests_until() },
        }
    }

    /// When the next thing falls due by itself, for a tour that rests.
    #[must_use]
    pub fn rests_until(&self) -> Timestamp {
        match self.parked.is_empty() {
            true => self.turn_at,
            false => self.turn_at.min(self.parked_until),
        }
    }

    fn begin(&mut self, people: u64, now: Timestamp) {
        if self.range == 0 {
            let ranges = people.div_ceil(RANGE_PEOPLE).clamp(1, RANGES_MAX).next_power_of_two();
            self.ranges = u16::try_from(ranges).unwrap_or(1);
            self.began_at = Some(now);
            (self.answered, self.missed) = (0, 0);
        }
        self.stage = Stage::Looking { from: bounds(self.range, self.ranges).0 };
    }

    /// Nothing is left behind any more.
    pub fn settled(&mut self) {
        self.unsettled.clear();
    }

    /// Goes on after a look. Nobody's photo is given up because Graph did not answer: whoever was left is asked about again, and where
    /// nobody at all was answered, the same look is taken once more.
    pub fn hear(&mut self, connection: &ConnectionId, work: &Work, heard: &Heard, now: Timestamp) -> Verdict {
        let tally = heard.tally;
        self.answered += u64::from(tally.answered);
        if tally.answered > 0 {
            (self.off_since, self.denied_looks) = (None, 0);
        } else if tally.unauthorized > 0 {
            return Verdict { is_done: false, pause: Pause::Token };
        } else if tally.denied > 0 {
            self.denied_looks += 1;
            if self.answered == 0 || self.denied_looks >= DENIED_MAX {
                self.turn_off(connection, now);
                return Verdict { is_done: false, pause: Pause::Off };
            }
        }
        let is_silence = tally.answered + tally.denied == 0 && !heard.left.is_empty();
        let is_asked_to_wait = tally.throttled > 0 || tally.wait.is_some();
        let holds_up = is_asked_to_wait || (is_silence && !matches!(work, Work::Again(_)));
        self.failures = match (holds_up, is_silence) {
            (true, _) => self.failures.saturating_add(1),
            (false, true) => self.failures,
            (false, false) => 0,
        };
        let is_done = !is_silence || matches!(work, Work::Again(_)) || (!is_asked_to_wait && self.failures >= STUCK);
        let wait_until = schedule::after_unclear(connection, self.failures, tally.wait, now);
        if is_done {
            self.park(work, heard, if holds_up { wait_until } else { now + PARKED_WAIT });
            self.move_on(connection, work, heard, now);
        }
        (self.waits_until, self.problem) = match holds_up {
            true => (Some(wait_until), Some("Microsoft Graph asked us to wait with photos.".to_owned())),
            false => (None, None),
        };
        let pause = match holds_up {
            true => Pause::Until(wait_until),
            false if heard.load_percent >= LOAD_MAX => self.give_way(now + LOAD_WAIT),
            false => Pause::No,
        };
        Verdict { is_done, pause }
    }

    fn give_way(&mut self, until: Timestamp) -> Pause {
        self.waits_until = Some(until);
        Pause::Until(until)
    }

    /// Keeps in mind whom to ask about again. A wait that Graph asked for is no try.
    fn park(&mut self, work: &Work, heard: &Heard, until: Timestamp) {
        let effort = u32::from(heard.tally.throttled == 0);
        let asked: &[ObjectId] = if let Work::Again(asked) = work { asked } else { &[] };
        let before = std::mem::take(&mut self.parked);
        let (again, mut kept): (Vec<Parked>, Vec<Parked>) = before.into_iter().partition(|parked| asked.contains(&parked.person));
        let tries = |person| again.iter().find(|parked| parked.person == person).map_or(0, |parked| parked.tries);
        let waiting: HashSet<ObjectId> = kept.iter().map(|parked| parked.person).collect();
        for person in heard.left.iter().copied().filter(|person| !waiting.contains(person)) {
            let tries = tries(person) + effort;
            match tries <= TRIES_MAX && kept.len() < PARKED_MAX {
                true => kept.push(Parked { person, tries }),
                false => self.missed += 1,
            }
        }
        self.parked = kept;
        if !heard.left.is_empty() {
            self.parked_until = until;
        }
    }

    fn move_on(&mut self, connection: &ConnectionId, work: &Work, heard: &Heard, now: Timestamp) {
        let Work::Range { last, .. } = work else { return };
        if let Some(reached) = heard.reaches.filter(|reached| reached < last) {
            self.stage = Stage::Looking { from: following(reached) };
            return;
        }
        self.stage = Stage::Resting;
        self.range += 1;
        if self.range >= self.ranges {
            self.range = 0;
            self.completed_at = Some(now);
        }
        self.turn_at = match self.completed_at {
            None => now,
            Some(_) => schedule::next_photos(connection, self.ranges, now),
        };
    }

    /// Stops until tomorrow, or until somebody consents anew. Nothing that is kept is touched.
    fn turn_off(&mut self, connection: &ConnectionId, now: Timestamp) {
        self.off_since.get_or_insert(now);
        self.problem =
            Some("Microsoft Graph denies access to photos: the permission User.Read.All or ProfilePhoto.Read.All is missing.".to_owned());
        (self.stage, self.range, self.answered, self.denied_looks, self.failures) = (Stage::Resting, 0, 0, 0, 0);
        self.turn_at = schedule::next_photos(connection, 1, now);
        self.waits_until = None;
        self.parked.clear();
    }

    /// Starts again, if photos could not be read and somebody consented since.
    pub fn reconsider(&mut self, consented_at: Timestamp) {
        if self.off_since.is_some_and(|off_since| consented_at > off_since) {
            (self.off_since, self.problem, self.turn_at) = (None, None, consented_at);
        }
    }

    /// Waits for something that does not concern Graph's limits.
    pub fn wait(&mut self, until: Timestamp) {
        self.waits_until = Some(until);
    }

    /// Until when the tour waits, where it does at `now`.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        self.waits_until.filter(|until| !has_come(*until, now))
    }

    /// Whether a range is being looked at.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.stage != Stage::Resting
    }
}

/// Whole milliseconds count, because due work is found by those.
fn has_come(at: Timestamp, now: Timestamp) -> bool {
    at.as_millisecond() <= now.as_millisecond()
}

/// The first and the last id of a range.
fn bounds(range: u16, ranges: u16) -> (ObjectId, ObjectId) {
    let width = u128::MAX / u128::from(ranges.max(1));
    // Ranges are a power of two, so all but the highest bits of every end are ones.
    let first = u128::from(range) * (width + u128::from(ranges > 1));
    (ObjectId(uuid::Uuid::from_u128(first)), ObjectId(uuid::Uuid::from_u128(first.saturating_add(width))))
}

fn following(id: ObjectId) -> ObjectId {
    ObjectId(uuid::Uuid::from_u128(id.0.as_u128().saturating_add(1)))
}

#[cfg(test)]
mod tests;
