//! How long a stretch is, and when deletions are held: configuration, with defaults.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `EVERGRANT_DELETIONS` | at most so many people are removed within a day, whatever share they are; 0 to 1,000,000 | 20 |
//! | `EVERGRANT_DELETIONS_PERCENT` | where more are gone, they are removed up to this share of all; above it they are held; 0 to 100 | 10 |
//! | `EVERGRANT_QUICK_SECONDS` | how long a worker of the quick lane stays with one connection; 1 to 60 | 10 |

use adapters::Ports;
use adapters::queue::Lane;
use adapters::settings::{Environment, SettingsError};
use domain::walk::{Guard, Walk};
use jiff::{SignedDuration, Timestamp};

/// A full round over more people than this is done in the bulk lane.
const QUICK_PEOPLE_MAX: u64 = 4_000;
/// How long before the invocation's end the last page is begun: fetching (15 s) and storing (three writes of at most 10 s).
const PAGE_BUDGET: SignedDuration = SignedDuration::from_secs(50);

/// How a stretch is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// When deletions are held.
    pub guard: Guard,
    /// How long a worker of the quick lane stays with one connection.
    pub quick: SignedDuration,
    /// How many pages a stretch has at most.
    pub pages_max: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self { guard: Guard::default(), quick: SignedDuration::from_secs(10), pages_max: 100_000 }
    }
}

/// Connects to the cloud and reads the plan, as the environment says.
///
/// # Errors
/// [`SettingsError`] names everything that is wrong, in one error.
pub async fn from_environment() -> Result<(Ports, Plan), SettingsError> {
    let mut environment = Environment::new(|name: &str| std::env::var(name).ok());
    let plan = Plan::read(|name| std::env::var(name).ok()).map_err(|error| environment.join(error)).ok();
    let ports = Ports::from_environment().await.map_err(|error| environment.join(error)).ok();
    environment.finish(ports.zip(plan))
}

impl Plan {
    /// Reads the plan from the environment.
    ///
    /// # Errors
    /// [`SettingsError`] names every variable that is wrong, and its bounds.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut environment = Environment::new(lookup);
        let usual = Self::default();
        let people_max = environment.number("EVERGRANT_DELETIONS", 0..=1_000_000, usual.guard.people_max);
        let percent_max = environment.number("EVERGRANT_DELETIONS_PERCENT", 0..=100, usual.guard.percent_max);
        let quick = environment.number("EVERGRANT_QUICK_SECONDS", 1..=60, 10);
        let quick = SignedDuration::from_secs(i64::from(quick));
        environment.finish(Some(Self { guard: Guard { people_max, percent_max }, quick, ..usual }))
    }

    /// The last moment at which a stretch begins a page.
    #[must_use]
    pub(crate) fn last_begin(&self, lane: Lane, now: Timestamp, deadline: Timestamp) -> Timestamp {
        let last = deadline - PAGE_BUDGET;
        match lane {
            Lane::Quick => last.min(now + self.quick),
            Lane::Bulk => last,
        }
    }
}

/// The lane in which a walk goes on.
pub(crate) fn lane(walk: &Walk) -> Lane {
    match walk.is_full && walk.people.max(walk.people_seen) > QUICK_PEOPLE_MAX {
        true => Lane::Bulk,
        false => Lane::Quick,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Plan, String> {
        let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Plan::read(find).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_environment_gives_the_defaults_and_what_is_set_counts() {
        assert_eq!(read(&[]), Ok(Plan::default()));
        let plan =
            read(&[("EVERGRANT_DELETIONS", "500"), ("EVERGRANT_DELETIONS_PERCENT", "25"), ("EVERGRANT_QUICK_SECONDS", "3")]).unwrap();
        assert_eq!((plan.guard, plan.quick.as_secs()), (Guard { people_max: 500, percent_max: 25 }, 3));
    }

    #[test]
    fn every_fault_is_named_with_its_bounds() {
        let faults = read(&[("EVERGRANT_DELETIONS", "-1"), ("EVERGRANT_DELETIONS_PERCENT", "101"), ("EVERGRANT_QUICK_SECONDS", "0")]);
        let faults = faults.unwrap_err();
        for part in ["3 fault(s)", "EVERGRANT_DELETIONS must be a number from 0", "_PERCENT must be a number from 0 to 100", "from 1 to 60"]
        {
            assert!(faults.contains(part), "{faults}");
        }
    }

    #[test]
    fn only_full_rounds_over_many_people_are_bulk() {
        let walk = |is_full, people, people_seen| lane(&Walk { is_full, people, people_seen, ..Walk::default() });
        assert_eq!([walk(false, 500_000, 500_000), walk(true, 4_000, 10)], [Lane::Quick; 2]);
        assert_eq!([walk(true, 4_001, 0), walk(true, 0, 4_995)], [Lane::Bulk; 2]);
    }
}
