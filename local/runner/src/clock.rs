//! A clock that can be put forward while it runs.

use std::sync::atomic::{AtomicI64, Ordering};

use adapters::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// The system's clock, shifted. It goes on ticking, so that what is seen on a screen moves as in real life.
#[derive(Debug, Default)]
pub struct ShiftedClock {
    offset_milliseconds: AtomicI64,
    moved: Notify,
}

impl ShiftedClock {
    /// A clock that is `offset` ahead of the system's, or behind it where that is negative.
    #[must_use]
    pub fn new(offset: SignedDuration) -> Self {
        Self { offset_milliseconds: AtomicI64::new(milliseconds(offset)), moved: Notify::new() }
    }

    /// How far it is ahead.
    #[must_use]
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.offset_milliseconds.load(Ordering::SeqCst))
    }

    /// Puts the clock to `offset` ahead of the system's. It never goes back: an earlier offset changes nothing.
    pub fn shift_to(&self, offset: SignedDuration) {
        self.offset_milliseconds.fetch_max(milliseconds(offset), Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Waits until the clock shows `at`, or was shifted; the caller looks again.
    pub async fn reach(&self, at: Timestamp) {
        let shifted = self.moved.notified();
        let wait = std::time::Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
        // A wait of real time cannot fail; whichever comes first ends it.
        let _ = tokio::time::timeout(wait, shifted).await;
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.offset()).unwrap_or(now)
    }
}

fn milliseconds(offset: SignedDuration) -> i64 {
    i64::try_from(offset.as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_ahead_by_its_offset() {
        let clock = ShiftedClock::new(SignedDuration::from_hours(48));
        let ahead = clock.now().duration_since(Timestamp::now());
        assert!((ahead - SignedDuration::from_hours(48)).abs() < SignedDuration::from_secs(5), "{ahead}");
    }

    #[test]
    fn the_clock_never_goes_back() {
        let clock = ShiftedClock::new(-SignedDuration::from_hours(24));
        clock.shift_to(-SignedDuration::from_hours(12));
        clock.shift_to(-SignedDuration::from_hours(20));
        assert_eq!(clock.offset(), -SignedDuration::from_hours(12));
    }

    #[tokio::test]
    async fn a_moment_that_has_passed_is_not_waited_for() {
        let clock = ShiftedClock::default();
        clock.reach(clock.now() - SignedDuration::from_hours(1)).await;
    }
}
