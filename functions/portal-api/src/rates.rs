//! How often callers may ask: a bucket of tokens for each kind of caller and customer, refilled evenly.
//!
//! A bucket is kept as the moment at which it is full again: a request moves that moment on by the time that one token takes, and is
//! refused where it would lie further ahead than a whole bucket takes. A bucket that is full is not kept at all. The state is this
//! process's own: where Lambda runs several at a time, each grants as much.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use adapters::settings::Environment;
use domain::ids::CustomerId;
use jiff::{SignedDuration, Timestamp};

use crate::callers::CallerKind;
use crate::problem::ApiError;

/// From so many buckets on, those that are full again are forgotten whenever another is needed.
const BUCKETS: usize = 4_096;

/// How often callers of one kind may ask for one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute, in the long run; at least 1.
    pub per_minute: u32,
    /// Requests at once, after a rest; at least 1.
    pub burst: u32,
}

/// How often each kind of caller may ask for one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// All portal users of the customer together.
    pub portal: Rate,
    /// The operator's servers together.
    pub server: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self { portal: Rate { per_minute: 600, burst: 120 }, server: Rate { per_minute: 3_000, burst: 600 } }
    }
}

impl Rates {
    /// Reads the four variables of the environment; those that are absent are as by default.
    pub(crate) fn read(environment: &mut Environment<impl Fn(&str) -> Option<String>>) -> Self {
        let mut rate = |minute: &str, burst: &str, usual: Rate| Rate {
            per_minute: environment.number(minute, 1..=60_000, usual.per_minute),
            burst: environment.number(burst, 1..=10_000, usual.burst),
        };
        let usual = Self::default();
        Self {
            portal: rate("EVERGRANT_PORTAL_REQUESTS_PER_MINUTE", "EVERGRANT_PORTAL_REQUESTS_BURST", usual.portal),
            server: rate("EVERGRANT_SERVER_REQUESTS_PER_MINUTE", "EVERGRANT_SERVER_REQUESTS_BURST", usual.server),
        }
    }
}

/// The buckets, shared by all clones.
#[derive(Debug, Clone)]
pub struct Buckets {
    rates: Rates,
    full_at: Arc<Mutex<HashMap<(CallerKind, CustomerId), Timestamp>>>,
}

impl Buckets {
    /// Buckets that are all full.
    #[must_use]
    pub fn full(rates: Rates) -> Self {
        Self { rates, full_at: Arc::default() }
    }

    /// Takes a token for a request.
    pub(crate) fn take(&self, kind: CallerKind, customer: &CustomerId, now: Timestamp) -> Result<(), ApiError> {
        let rate = match kind {
            CallerKind::Portal => self.rates.portal,
            CallerKind::Server => self.rates.server,
        };
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, customer.clone());
        let (full_at, taken) = rate.take(buckets.get(&key).copied(), now);
        if buckets.len() >= BUCKETS && !buckets.contains_key(&key) {
            buckets.retain(|_, full_at| *full_at > now);
        }
        buckets.insert(key, full_at);
        taken.map_err(|wait| ApiError::TooMany { seconds: whole_seconds(wait) })
    }
}

impl Rate {
    /// Takes a token where there is one, or says how long to wait for it; and when the bucket is full again.
    fn take(self, full_at: Option<Timestamp>, now: Timestamp) -> (Timestamp, Result<(), SignedDuration>) {
        let token = SignedDuration::from_secs(60) / i32::try_from(self.per_minute.max(1)).unwrap_or(i32::MAX);
        let whole = token * i32::try_from(self.burst.max(1)).unwrap_or(i32::MAX);
        let missing = full_at.map_or(SignedDuration::ZERO, |full_at| full_at.duration_since(now));
        // A clock that was put back leaves no bucket emptier than empty.
        let missing = missing.clamp(SignedDuration::ZERO, whole);
        match missing + token > whole {
            true => (now + missing, Err(missing + token - whole)),
            false => (now + missing + token, Ok(())),
        }
    }
}

/// In whole seconds, as `Retry-After` wants it; at least one.
fn whole_seconds(wait: SignedDuration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or_default().div_ceil(1_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn customer(name: &str) -> CustomerId {
        name.parse().unwrap()
    }

    fn rates() -> Rates {
        Rates { portal: Rate { per_minute: 60, burst: 3 }, server: Rate { per_minute: 600, burst: 5 } }
    }

    /// How many of ten requests pass, and after how long the next may come.
    fn burst(buckets: &Buckets, kind: CallerKind, who: &str, now: Timestamp) -> (usize, Option<u64>) {
        let taken: Vec<_> = (0..10).map(|_| buckets.take(kind, &customer(who), now)).collect();
        let wait = taken.iter().find_map(|taken| match taken {
            Err(ApiError::TooMany { seconds }) => Some(*seconds),
            _ => None,
        });
        (taken.iter().filter(|taken| taken.is_ok()).count(), wait)
    }

    #[test]
    fn a_rested_caller_may_ask_a_burst_and_then_evenly() {
        let buckets = Buckets::full(rates());
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(0)), (3, Some(1)));
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(999)).0, 0);
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(1_000)).0, 1);
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(3_500)).0, 2);
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(60_000)).0, 3, "and no more than a burst is ever saved up");
    }

    #[test]
    fn customers_and_kinds_of_callers_do_not_share() {
        let buckets = Buckets::full(rates());
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(0)).0, 3);
        assert_eq!(burst(&buckets, CallerKind::Server, "acme", at(0)).0, 5);
        assert_eq!(burst(&buckets.clone(), CallerKind::Portal, "globex", at(0)).0, 3);
        assert_eq!(burst(&buckets.clone(), CallerKind::Portal, "acme", at(0)).0, 0, "a clone is the same bucket");
    }

    #[test]
    fn a_refused_request_costs_nothing_and_says_how_long_to_wait() {
        let buckets = Buckets::full(Rates { portal: Rate { per_minute: 4, burst: 1 }, ..rates() });
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(0)), (1, Some(15)));
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(14_001)), (0, Some(1)));
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(15_000)).0, 1);
    }

    #[test]
    fn a_clock_that_was_put_back_locks_nobody_out() {
        let buckets = Buckets::full(rates());
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(1_000_000)).0, 3);
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(0)), (0, Some(1)));
        assert_eq!(burst(&buckets, CallerKind::Portal, "acme", at(1_000)).0, 1);
    }

    #[test]
    fn full_buckets_are_forgotten_where_there_are_many() {
        let buckets = Buckets::full(rates());
        for number in 0..BUCKETS {
            buckets.take(CallerKind::Server, &customer(&format!("c{number}")), at(0)).unwrap();
        }
        buckets.take(CallerKind::Server, &customer("one-more"), at(60_000)).unwrap();
        assert_eq!(buckets.full_at.lock().unwrap().len(), 1);
    }
}
