//! How much a tick does, and when it suspects an incident: configuration, with defaults.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `EVERGRANT_CHECKS_IN_FLIGHT` | checks at a time in one invocation, 1 to 200; times the number of parts it is the cap of the whole fleet | 8 |
//! | `EVERGRANT_CHECK_PART` | which part of the shards this function's ticks serve, such as `0/4` to `3/4`; up to 16 parts | `0/1` |
//! | `EVERGRANT_INCIDENT_GRANTS` | how many grants must fail alike within ten minutes to be an incident, at least | 10 |
//! | `EVERGRANT_INCIDENT_PERCENT` | what share of all checks they must be, at least | 10 |
//! | `EVERGRANT_INCIDENT_QUIET_MINUTES` | an incident with nothing like it for so long is over | 30 |
//! | `EVERGRANT_INCIDENT_HOURS_MAX` | what lasts so long is no incident, and its verdicts stand | 24 |
//!
//! One function with 8 checks at a time keeps 30,000 connections. For a million, 16 parts of 24 each: `tests/benches/fleet` shows why.

use adapters::Ports;
use adapters::settings::{Environment, SettingsError};
use domain::fleet::Guard;
use domain::schedule::Part;
use jiff::SignedDuration;

/// What a tick is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which shards it serves.
    pub part: Part,
    /// Checks at a time.
    pub in_flight: usize,
    /// Connections of the healthy lane taken of one shard at each look, besides those under way.
    pub healthy_per_shard: i32,
    /// Connections of each other lane taken of one shard at each look, besides those under way.
    pub others_per_shard: i32,
    /// When failures are an incident.
    pub guard: Guard,
}

impl Default for Plan {
    fn default() -> Self {
        Self { part: Part::WHOLE, in_flight: 8, healthy_per_shard: 60, others_per_shard: 20, guard: Guard::default() }
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
        let in_flight = environment.number("EVERGRANT_CHECKS_IN_FLIGHT", 1..=200, 8);
        let alike_min = environment.number("EVERGRANT_INCIDENT_GRANTS", 2..=1_000_000, usual.guard.alike_min);
        let share_percent_min = environment.number("EVERGRANT_INCIDENT_PERCENT", 1..=100, usual.guard.share_percent_min);
        let quiet = environment.number("EVERGRANT_INCIDENT_QUIET_MINUTES", 10..=1_440, 30);
        let longest = environment.number("EVERGRANT_INCIDENT_HOURS_MAX", 1..=168, 24);
        let part = part(&mut environment);
        let guard = Guard {
            alike_min,
            share_percent_min,
            quiet: SignedDuration::from_mins(i64::from(quiet)),
            longest: SignedDuration::from_hours(i64::from(longest)),
        };
        let in_flight = usize::try_from(in_flight).unwrap_or(usual.in_flight);
        environment.finish(part.map(|part| Self { part, in_flight, guard, ..usual }))
    }
}

/// Reads `INDEX/PARTS`.
fn part<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Option<Part> {
    let Some(text) = environment.optional("EVERGRANT_CHECK_PART") else {
        return Some(Part::WHOLE);
    };
    let numbers = text.split_once('/').and_then(|(index, parts)| Some((index.trim().parse().ok()?, parts.trim().parse().ok()?)));
    let part = numbers.map(|(index, parts)| Part::new(index, parts).map_err(|error| error.to_string()));
    match part.unwrap_or_else(|| Err("must look like 0/4".to_owned())) {
        Ok(part) => Some(part),
        Err(fault) => {
            environment.fault(format!("EVERGRANT_CHECK_PART: {fault}"));
            None
        }
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
    fn an_empty_environment_gives_the_defaults() {
        assert_eq!(read(&[]), Ok(Plan::default()));
    }

    #[test]
    fn what_is_set_counts() {
        let plan =
            read(&[("EVERGRANT_CHECK_PART", "3/4"), ("EVERGRANT_CHECKS_IN_FLIGHT", "32"), ("EVERGRANT_INCIDENT_GRANTS", "50")]).unwrap();
        assert_eq!((plan.part.shards().count(), plan.in_flight, plan.guard.alike_min), (4, 32, 50));
    }

    #[test]
    fn every_fault_is_named_with_its_bounds() {
        let faults = read(&[("EVERGRANT_CHECK_PART", "4/4"), ("EVERGRANT_CHECKS_IN_FLIGHT", "0"), ("EVERGRANT_INCIDENT_PERCENT", "many")]);
        let faults = faults.unwrap_err();
        for part in [
            "3 fault(s)",
            "EVERGRANT_CHECK_PART: part must be from 0",
            "EVERGRANT_CHECKS_IN_FLIGHT must be a number from 1 to 200, not \"0\"",
            "\"many\"",
        ] {
            assert!(faults.contains(part), "{faults}");
        }
    }
}
