//! What a function is told by its environment, read and tried out once at start. Everything that is wrong is named in one error.
//!
//! | variable | meaning |
//! |---|---|
//! | `EVERGRANT_CLOUD` | `global` (default), `us-government`, `us-defense` or `china` |
//! | `EVERGRANT_CLIENT_ID` | application (client) id of the operator's registration in Entra |
//! | `EVERGRANT_CREDENTIALS` | what proves to Entra that it is us, in the order in which it is tried: words out of `secret`, `secret-2`, `certificate` and `federated`, separated by commas; `secret` where absent |
//! | `EVERGRANT_CLIENT_SECRET`, `EVERGRANT_CLIENT_SECRET_2` | values of `secret` and `secret-2` |
//! | `EVERGRANT_CLIENT_SECRET_ENDS_AT`, `EVERGRANT_CLIENT_SECRET_2_ENDS_AT` | when they end, such as `2027-01-31T00:00:00Z`; may be absent |
//! | `EVERGRANT_CERTIFICATE` or `EVERGRANT_CERTIFICATE_FILE` | the certificate as PEM, or the file that holds it |
//! | `EVERGRANT_CERTIFICATE_KEY_ID` or `EVERGRANT_CERTIFICATE_KEY_FILE` | KMS key that signs for it (RSA, `SIGN_VERIFY`), or the file that holds its key as PEM |
//! | `EVERGRANT_FEDERATED_AUDIENCE` | audience of `federated`; `api://AzureADTokenExchange` where absent |
//! | `EVERGRANT_REDIRECT_URL` | this API's callback, as registered in Entra on the platform "Web" |
//! | `EVERGRANT_CONNECTIONS_TABLE`, `EVERGRANT_PEOPLE_TABLE` | names of the two tables |
//! | `EVERGRANT_KEY_ID` | KMS key that seals grants |
//! | `EVERGRANT_SYNC_QUEUE_URL`, `EVERGRANT_BULK_QUEUE_URL` | SQS queues of the sync: short stretches, and full rounds over many people |
//! | `EVERGRANT_PHOTO_BUCKET`, `EVERGRANT_PHOTO_QUEUE_URL` | bucket of the photos and queue of the tours over them; asked for by the functions that use them |
//! | `EVERGRANT_LOGIN_URL`, `EVERGRANT_GRAPH_URL` | origins of a stand-in, instead of the cloud's; both or neither |
//! | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | set by Lambda |
//! | `AWS_ENDPOINT_URL` | an AWS stand-in |
//!
//! Keys are tried out with the least that shows whether they fit, and that every function may have whatever else it may do:
//! `kms:DescribeKey` on `EVERGRANT_KEY_ID` and `kms:GetPublicKey` on `EVERGRANT_CERTIFICATE_KEY_ID`. To seal and to open once would ask a
//! function that only opens for the permission to seal.

mod aws;
mod credentials;
mod keys;
mod photos;
mod way;

use std::sync::Arc;

use domain::cloud::{Cloud, Endpoints};
use jiff::Timestamp;
use url::Url;

use crate::entra::Registration;
use crate::entra::credentials::{Credential, Credentials};
use crate::entropy::Entropy;
use crate::queue::LaneUrls;

pub use aws::Aws;
pub use photos::{photo_bucket, queue};

/// The environment, read.
pub struct Settings {
    /// Where Entra and Graph are.
    pub endpoints: Endpoints,
    /// The operator's app registration.
    pub registration: Registration,
    /// Name of the connections table.
    pub connections_table: String,
    /// Name of the people table.
    pub people_table: String,
    /// KMS key that seals grants.
    pub key_id: String,
    /// SQS queues of the sync.
    pub sync_queues: LaneUrls,
    /// Where AWS is, and as whom.
    pub aws: Aws,
}

/// Everything that is wrong with the environment.
#[derive(thiserror::Error)]
#[error("the configuration has {} fault(s): {}", faults.len(), faults.join("; "))]
pub struct SettingsError {
    faults: Vec<String>,
}

/// As the text for people: it is what a `main` that fails shows.
impl std::fmt::Debug for SettingsError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, out)
    }
}

impl SettingsError {
    /// One fault alone.
    #[must_use]
    pub fn from_fault(fault: String) -> Self {
        Self { faults: vec![fault] }
    }

    /// What is wrong, each in a sentence.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// Reads variables one by one and collects what is wrong.
pub struct Environment<F> {
    lookup: F,
    faults: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// Begins to read.
    pub fn new(lookup: F) -> Self {
        Self { lookup, faults: Vec::new() }
    }

    /// A variable that may be absent; an empty one counts as absent.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// A variable that must be there.
    pub fn required(&mut self, name: &str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.fault(format!("{name} is missing"));
        }
        value.unwrap_or_default()
    }

    /// A variable that may hold a whole number within bounds; `usual` where it is absent.
    pub fn number(&mut self, name: &str, bounds: std::ops::RangeInclusive<u32>, usual: u32) -> u32 {
        let Some(text) = self.optional(name) else {
            return usual;
        };
        let number = text.trim().parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            self.fault(format!("{name} must be a number from {} to {}, not {text:?}", bounds.start(), bounds.end()));
        }
        number.unwrap_or(usual)
    }

    /// A variable that must be an https URL; plain http only for this machine itself.
    pub fn url(&mut self, name: &str) -> Option<Url> {
        let text = self.required(name);
        let is_safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        let url = Url::parse(&text).ok().filter(is_safe);
        if url.is_none() && !text.is_empty() {
            self.fault(format!("{name} must be an https URL, not {text:?}"));
        }
        url
    }

    /// Notes a fault.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// Takes over the faults of another reading.
    pub fn join(&mut self, other: SettingsError) {
        self.faults.extend(other.faults);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All faults in one.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(SettingsError { faults: self.faults }),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// What was read so far; a part that is wrong is not there.
struct Draft {
    endpoints: Option<Endpoints>,
    client_id: String,
    credentials: Vec<Credential>,
    redirect_url: Option<Url>,
    connections_table: String,
    people_table: String,
    key_id: String,
    sync_queues: LaneUrls,
    aws: Option<Aws>,
}

impl Settings {
    /// Reads the environment and tries out its keys.
    ///
    /// # Errors
    /// [`SettingsError`] with every fault.
    pub async fn read(lookup: impl Fn(&str) -> Option<String>, now: Timestamp, entropy: &Arc<dyn Entropy>) -> Result<Self, SettingsError> {
        let mut environment = Environment::new(lookup);
        let draft = Draft::read(&mut environment, now, entropy);
        for fault in keys::try_out(draft.aws.as_ref(), &draft.key_id, &draft.credentials).await {
            environment.fault(fault);
        }
        environment.finish(draft.complete())
    }
}

impl Draft {
    fn read(environment: &mut Environment<impl Fn(&str) -> Option<String>>, now: Timestamp, entropy: &Arc<dyn Entropy>) -> Self {
        let aws = Aws::read(environment);
        Self {
            endpoints: endpoints(environment),
            client_id: environment.required("EVERGRANT_CLIENT_ID"),
            credentials: credentials::read(environment, aws.as_ref(), now, entropy),
            redirect_url: environment.url("EVERGRANT_REDIRECT_URL"),
            connections_table: environment.required("EVERGRANT_CONNECTIONS_TABLE"),
            people_table: environment.required("EVERGRANT_PEOPLE_TABLE"),
            key_id: environment.required("EVERGRANT_KEY_ID"),
            sync_queues: LaneUrls {
                quick: environment.required("EVERGRANT_SYNC_QUEUE_URL"),
                bulk: environment.required("EVERGRANT_BULK_QUEUE_URL"),
            },
            aws,
        }
    }

    fn complete(self) -> Option<Settings> {
        let mut credentials = self.credentials.into_iter();
        let first = Credentials::from(credentials.next()?);
        let credentials = credentials.fold(first, Credentials::then);
        let registration = Registration { client_id: self.client_id, credentials, redirect_url: self.redirect_url? };
        Some(Settings {
            endpoints: self.endpoints?,
            registration,
            connections_table: self.connections_table,
            people_table: self.people_table,
            key_id: self.key_id,
            sync_queues: self.sync_queues,
            aws: self.aws?,
        })
    }
}

fn endpoints(environment: &mut Environment<impl Fn(&str) -> Option<String>>) -> Option<Endpoints> {
    let is_stand_in = ["EVERGRANT_LOGIN_URL", "EVERGRANT_GRAPH_URL"].iter().any(|name| environment.optional(name).is_some());
    if is_stand_in {
        let (login, graph) = (environment.url("EVERGRANT_LOGIN_URL"), environment.url("EVERGRANT_GRAPH_URL"));
        return login.zip(graph).map(|(login, graph)| Endpoints { login, graph });
    }
    let name = environment.optional("EVERGRANT_CLOUD").unwrap_or_else(|| "global".to_owned());
    match name.parse::<Cloud>() {
        Ok(cloud) => {
            let (login, graph) = cloud.origins();
            login.parse().ok().zip(graph.parse().ok()).map(|(login, graph)| Endpoints { login, graph })
        }
        Err(unknown) => {
            environment.fault(format!("EVERGRANT_CLOUD: {unknown}"));
            None
        }
    }
}

#[cfg(test)]
mod tests;
