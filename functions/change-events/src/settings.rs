//! What this function is told by its environment. It is told nothing of Entra, and holds no key.
//!
//! | variable | meaning |
//! |---|---|
//! | `EVERGRANT_CONNECTIONS_TABLE`, `EVERGRANT_PEOPLE_TABLE` | names of the two tables |
//! | `EVERGRANT_EVENT_BUS` | name or ARN of the EventBridge bus; `default` where absent |
//! | `EVERGRANT_EVENT_CONTENT` | `names` (default): events name the attributes that changed; `values`: they carry what they are now, too |
//! | `EVERGRANT_EVENTS_FAILED_QUEUE_URL` | SQS queue of what cannot be told; also the failure destination of the event source |
//! | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | set by Lambda |
//! | `AWS_ENDPOINT_URL` | an AWS stand-in |

use std::sync::Arc;

use adapters::bus::{EventBridgeBus, Failures};
use adapters::clock::SystemClock;
use adapters::entropy::SystemEntropy;
use adapters::settings::{Aws, Environment, SettingsError};
use adapters::store::Store;
use domain::event::Telling;

use crate::Desk;

/// Connects to the cloud, as the environment says.
///
/// # Errors
/// [`SettingsError`] names everything that is wrong, in one error.
pub fn from_environment() -> Result<Desk, SettingsError> {
    read(|name| std::env::var(name).ok())
}

fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Desk, SettingsError> {
    let mut environment = Environment::new(lookup);
    let aws = Aws::read(&mut environment);
    let connections = environment.required("EVERGRANT_CONNECTIONS_TABLE");
    let people = environment.required("EVERGRANT_PEOPLE_TABLE");
    let bus = environment.optional("EVERGRANT_EVENT_BUS").unwrap_or_else(|| "default".to_owned());
    let telling = telling(&mut environment);
    let queue = environment.url("EVERGRANT_EVENTS_FAILED_QUEUE_URL");
    let desk = aws.zip(telling).zip(queue).map(|((aws, telling), queue)| {
        let failures = Failures::new(aws_sdk_sqs::Client::from_conf(aws.sqs()), queue.into());
        let events = aws_sdk_eventbridge::Client::from_conf(aws.eventbridge());
        Desk {
            clock: Arc::new(SystemClock),
            store: Store::new(aws_sdk_dynamodb::Client::from_conf(aws.dynamodb()), connections, people),
            bus: Arc::new(EventBridgeBus::new(events, bus, failures, Arc::new(SystemEntropy))),
            telling,
        }
    });
    environment.finish(desk)
}

fn telling<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Option<Telling> {
    match environment.optional("EVERGRANT_EVENT_CONTENT").as_deref() {
        None | Some("names") => Some(Telling::Names),
        Some("values") => Some(Telling::Values),
        Some(other) => {
            environment.fault(format!("EVERGRANT_EVENT_CONTENT must be names or values, not {other:?}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 6] = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
        ("EVERGRANT_CONNECTIONS_TABLE", "connections"),
        ("EVERGRANT_PEOPLE_TABLE", "people"),
        ("EVERGRANT_EVENTS_FAILED_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/000000000000/failed"),
    ];

    fn read_with(more: &[(&str, &str)]) -> Result<Desk, String> {
        let find = |name: &str| COMPLETE.iter().chain(more).rfind(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        read(find).map_err(|error| error.to_string())
    }

    #[test]
    fn events_carry_values_only_where_that_is_asked_for() {
        let telling = |more: &[(&str, &str)]| read_with(more).map(|desk| desk.telling);
        assert_eq!(telling(&[]), Ok(Telling::Names));
        assert_eq!(telling(&[("EVERGRANT_EVENT_CONTENT", "names")]), Ok(Telling::Names));
        assert_eq!(telling(&[("EVERGRANT_EVENT_CONTENT", "values")]), Ok(Telling::Values));
    }

    #[test]
    fn every_fault_is_named() {
        let faults = read_with(&[
            ("EVERGRANT_PEOPLE_TABLE", ""),
            ("EVERGRANT_EVENT_CONTENT", "all"),
            ("EVERGRANT_EVENTS_FAILED_QUEUE_URL", "failed"),
            ("AWS_REGION", " "),
        ]);
        let faults = faults.err().expect("it is wrong");
        for part in [
            "4 fault(s)",
            "AWS_REGION is missing",
            "EVERGRANT_PEOPLE_TABLE is missing",
            "EVERGRANT_EVENT_CONTENT must be names or values, not \"all\"",
            "EVERGRANT_EVENTS_FAILED_QUEUE_URL must be an https URL, not \"failed\"",
        ] {
            assert!(faults.contains(part), "{part}: {faults}");
        }
    }
}
