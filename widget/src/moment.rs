//! A point in time as JavaScript counts it. The arithmetic of `jiff` would bring its error texts into the browser.

use std::time::Duration;

use jiff::Timestamp;

/// Milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

impl Moment {
    /// From a number of JavaScript's; what is no number is 1970.
    #[must_use]
    pub fn from_milliseconds(milliseconds: f64) -> Self {
        Self(milliseconds as i64)
    }

    /// As a number of JavaScript's: exact up to 2^53.
    #[must_use]
    pub fn milliseconds(self) -> f64 {
        self.0 as f64
    }

    /// The time since an earlier moment; zero when that is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment this much later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_has_passed_since_a_later_moment() {
        let noon = Moment::from_milliseconds(1_000.0);
        let later = noon.after(Duration::from_secs(2));
        assert_eq!(later.since(noon), Duration::from_secs(2));
        assert_eq!(noon.since(later), Duration::ZERO);
    }
}
