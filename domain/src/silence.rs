//! The promise that the product is measured by: whatever happens, nobody believes old data to be fresh.
//!
//! A minute of a connection is *silent and stale* when during it
//!
//! 1. its people were older than promised: their `as_of` lay further back than [`promised`] allows, and
//! 2. nothing said so: health told of no trouble, and the sync of no failure (`stale_since`, which the API and the widget show beside
//!    every answer about people). What a notice tells follows from one of these.
//!
//! A connection that was never synced shows no people, and has no such minutes. Minutes are counted when the connection's sync comes to a
//! step's end, from facts that it has read anyway, and each of them once. So while nobody works on a connection nothing is counted of it;
//! all of it is when somebody does, and until then it is the queues that ring.

use jiff::{SignedDuration, Timestamp};

use crate::schedule::SPREAD;

/// How much later than planned a round may end before the promise is broken.
pub const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// What is known of what a connection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The directory's state that its people show; none before the first round.
    pub as_of: Option<Timestamp>,
    /// How often its people are synced.
    pub every: SignedDuration,
    /// Since when something says that they may be old; none while nothing does.
    pub told_since: Option<Timestamp>,
    /// Up to when minutes are counted already.
    pub counted_until: Option<Timestamp>,
}

/// How old people may be without a word: as long as a round and the next one may lie apart, and [`GRACE`].
#[must_use]
pub fn promised(every: SignedDuration) -> SignedDuration {
    every + every / SPREAD + GRACE
}

impl Shown {
    /// How much of the time up to `now`, that is not counted yet, was silent and stale.
    #[must_use]
    pub fn silent(&self, now: Timestamp) -> SignedDuration {
        let Some(broken_at) = self.broken_at() else {
            return SignedDuration::ZERO;
        };
        let from = self.counted_until.map_or(broken_at, |counted| counted.max(broken_at));
        let to = self.told_since.map_or(now, |told| told.min(now));
        to.duration_since(from).max(SignedDuration::ZERO)
    }

    /// Up to when minutes are counted after they were at `now`: nothing has to be kept while the promise holds.
    #[must_use]
    pub fn booked(&self, now: Timestamp) -> Option<Timestamp> {
        self.broken_at().filter(|broken_at| *broken_at < now).map(|_| now)
    }

    /// From when on people are older than promised.
    fn broken_at(&self) -> Option<Timestamp> {
        self.as_of?.checked_add(promised(self.every)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVERY: SignedDuration = SignedDuration::from_mins(16);
    /// 16 + 2 + 15.
    const PROMISED: i64 = 33;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn fresh() -> Shown {
        Shown { as_of: Some(at(0)), every: EVERY, told_since: None, counted_until: None }
    }

    fn minutes(shown: &Shown, now: i64) -> i64 {
        shown.silent(at(now)).as_mins()
    }

    #[test]
    fn within_the_promise_nothing_is_silent() {
        assert_eq!((minutes(&fresh(), 0), minutes(&fresh(), PROMISED)), (0, 0));
        assert_eq!(fresh().booked(at(PROMISED)), None);
    }

    #[test]
    fn after_it_every_minute_is_until_something_says_so() {
        assert_eq!(minutes(&fresh(), PROMISED + 100), 100);
        let told = Shown { told_since: Some(at(PROMISED + 40)), ..fresh() };
        assert_eq!(minutes(&told, PROMISED + 100), 40);
        let in_time = Shown { told_since: Some(at(5)), ..fresh() };
        assert_eq!(minutes(&in_time, 10_000), 0);
    }

    #[test]
    fn who_was_never_synced_shows_nothing_old() {
        assert_eq!(minutes(&Shown { as_of: None, ..fresh() }, 10_000), 0);
    }

    proptest! {
        #[test]
        fn each_minute_is_counted_once(mut looks in proptest::collection::vec(0_i64..500, 1..9), told in proptest::option::of(0_i64..500)) {
            looks.sort_unstable();
            let last = *looks.last().unwrap();
            let mut shown = fresh();
            let mut sum = 0;
            for now in looks {
                shown.told_since = told.filter(|told| *told <= now).map(at);
                sum += minutes(&shown, now);
                shown.counted_until = shown.booked(at(now)).or(shown.counted_until);
            }
            let end = told.map_or(last, |told| told.min(last));
            // Between two looks what was told in between is known at the second one.
            prop_assert!(sum == (end - PROMISED).max(0));
        }
    }
}
