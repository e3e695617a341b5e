//! What this function is told by its environment. It is told nothing of Entra.
//!
//! | variable | meaning |
//! |---|---|
//! | `EVERGRANT_CONNECTIONS_TABLE`, `EVERGRANT_PEOPLE_TABLE` | names of the two tables |
//! | `EVERGRANT_KEY_ID` | KMS key that opens what webhooks are signed with |
//! | `EVERGRANT_EVENT_BUS` | name or ARN of the EventBridge bus; `default` where absent |
//! | `EVERGRANT_EVENTS_FAILED_QUEUE_URL` | SQS queue of what SES told and cannot be noted |
//! | `EVERGRANT_MAIL_FROM` | whom mails are from, such as `Contoso <connections@mail.example.com>`; no mail is sent where absent |
//! | `EVERGRANT_MAIL_CONFIGURATION_SET` | SES's configuration set, whose events tell what became of each mail; must be there with the one above |
//! | `EVERGRANT_OPERATOR_NAME` | what mails call the operator |
//! | `EVERGRANT_OPERATOR_MAILS` | the operator's people who are told what is theirs to repair, separated by spaces; may be absent |
//! | `EVERGRANT_PORTAL_URL` | the operator's portal, where every mail's button leads |
//! | `EVERGRANT_PUBLIC_URL` | where the API is |
//! | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | set by Lambda |
//! | `AWS_ENDPOINT_URL` | an AWS stand-in |

use std::sync::Arc;

use adapters::bus::{EventBridgeBus, Failures};
use adapters::clock::SystemClock;
use adapters::entropy::{Entropy, SystemEntropy};
use adapters::outbox::{CloudOutbox, Hooks, Mailer};
use adapters::settings::{Aws, Environment, SettingsError};
use adapters::store::Store;
use adapters::vault::KmsVault;
use domain::notice::audience::MailAddress;

use crate::{Desk, Operator};

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
    let key_id = environment.required("EVERGRANT_KEY_ID");
    let bus = environment.optional("EVERGRANT_EVENT_BUS").unwrap_or_else(|| "default".to_owned());
    let queue = environment.url("EVERGRANT_EVENTS_FAILED_QUEUE_URL");
    let sender = sender(&mut environment);
    let operator = operator(&mut environment);
    let hooks = hooks(&mut environment);
    let desk = aws.zip(queue).zip(operator).zip(hooks).map(|(((aws, queue), operator), hooks)| {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let failures = Failures::new(aws_sdk_sqs::Client::from_conf(aws.sqs()), queue.into());
        let events = aws_sdk_eventbridge::Client::from_conf(aws.eventbridge());
        let mails = aws_sdk_sesv2::Client::from_conf(aws.mails());
        let mailer = sender.map(|(from, configuration_set)| Mailer::new(mails, from, configuration_set));
        Desk {
            clock: Arc::new(SystemClock),
            store: Store::new(aws_sdk_dynamodb::Client::from_conf(aws.dynamodb()), connections, people),
            vault: Arc::new(KmsVault::new(aws_sdk_kms::Client::from_conf(aws.kms()), key_id, Arc::clone(&entropy))),
            outbox: Arc::new(CloudOutbox::new(mailer, hooks)),
            bus: Arc::new(EventBridgeBus::new(events, bus, failures, Arc::clone(&entropy))),
            entropy,
            operator,
        }
    });
    environment.finish(desk)
}

/// Whom mails are from, and the configuration set; `None` where no mail is sent.
fn sender<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Option<(String, String)> {
    let from = environment.optional("EVERGRANT_MAIL_FROM")?;
    let address = from.rsplit_once('<').map_or(from.as_str(), |(_, address)| address.trim_end_matches('>'));
    if let Err(must) = address.parse::<MailAddress>() {
        environment.fault(format!("EVERGRANT_MAIL_FROM {must}"));
    }
    if from.chars().any(char::is_control) {
        environment.fault("EVERGRANT_MAIL_FROM must be one line".to_owned());
    }
    Some((from, environment.required("EVERGRANT_MAIL_CONFIGURATION_SET")))
}

fn operator<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Option<Operator> {
    let name = environment.required("EVERGRANT_OPERATOR_NAME");
    let mut mails = Vec::new();
    for text in environment.optional("EVERGRANT_OPERATOR_MAILS").unwrap_or_default().split_whitespace() {
        match text.parse::<MailAddress>() {
            Ok(address) => mails.push(address),
            Err(must) => environment.fault(format!("EVERGRANT_OPERATOR_MAILS: {text:?} {must}")),
        }
    }
    let (portal_url, public_url) = (environment.url("EVERGRANT_PORTAL_URL"), environment.url("EVERGRANT_PUBLIC_URL"));
    portal_url.zip(public_url).map(|(portal_url, public_url)| Operator { name, mails, portal_url, public_url })
}

fn hooks<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>) -> Option<Hooks> {
    match Hooks::connect() {
        Ok(hooks) => Some(hooks),
        Err(error) => {
            environment.fault(format!("TLS cannot be set up: {error}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 10] = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
        ("EVERGRANT_CONNECTIONS_TABLE", "connections"),
        ("EVERGRANT_PEOPLE_TABLE", "people"),
        ("EVERGRANT_KEY_ID", "alias/evergrant"),
        ("EVERGRANT_EVENTS_FAILED_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/000000000000/failed"),
        ("EVERGRANT_OPERATOR_NAME", "Signatures"),
        ("EVERGRANT_PORTAL_URL", "https://portal.example"),
        ("EVERGRANT_PUBLIC_URL", "https://api.example"),
    ];

    fn read_with(more: &[(&str, &str)]) -> Result<Desk, String> {
        let find = |name: &str| COMPLETE.iter().chain(more).rfind(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        read(find).map_err(|error| error.to_string())
    }

    #[test]
    fn mail_and_the_operators_people_may_be_absent() {
        let desk = read_with(&[]).unwrap_or_else(|error| panic!("{error}"));
        assert!(desk.operator.mails.is_empty());
        let desk = read_with(&[("EVERGRANT_OPERATOR_MAILS", "ada@example.com  ben@example.com")]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(desk.operator.mails.len(), 2);
        let from =
            [("EVERGRANT_MAIL_FROM", "Signatures <connections@mail.example.com>"), ("EVERGRANT_MAIL_CONFIGURATION_SET", "evergrant")];
        assert!(read_with(&from).is_ok());
    }

    #[test]
    fn every_fault_is_named() {
        let faults = read_with(&[
            ("EVERGRANT_KEY_ID", ""),
            ("EVERGRANT_MAIL_FROM", "connections@mail.example.com\nBcc: x@example.com"),
            ("EVERGRANT_OPERATOR_NAME", " "),
            ("EVERGRANT_OPERATOR_MAILS", "nobody"),
            ("EVERGRANT_PORTAL_URL", "http://portal.example"),
        ]);
        let faults = faults.err().expect("it is wrong");
        for part in [
            "EVERGRANT_KEY_ID is missing",
            "EVERGRANT_MAIL_FROM must be a mail address",
            "EVERGRANT_MAIL_CONFIGURATION_SET is missing",
            "EVERGRANT_OPERATOR_NAME is missing",
            "EVERGRANT_OPERATOR_MAILS: \"nobody\" must be a mail address",
            "EVERGRANT_PORTAL_URL must be an https URL",
        ] {
            assert!(faults.contains(part), "{part}: {faults}");
        }
    }
}
