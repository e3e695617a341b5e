//! What a function is told by its environment, read once at start. Everything that is wrong is named in one error.
//!
//! | variable | meaning |
//! |---|---|
//! | `EVERGRANT_CLOUD` | `global` (default), `us-government`, `us-defense` or `china` |
//! | `EVERGRANT_CLIENT_ID` | application (client) id of the operator's registration in Entra |
//! | `EVERGRANT_CLIENT_SECRET` | the client secret's value |
//! | `EVERGRANT_REDIRECT_URL` | this API's callback, as registered in Entra on the platform "Web" |
//! | `EVERGRANT_CONNECTIONS_TABLE`, `EVERGRANT_PEOPLE_TABLE` | names of the two tables |
//! | `EVERGRANT_KEY_ID` | KMS key that seals grants |
//! | `EVERGRANT_SYNC_QUEUE_URL` | SQS queue of the sync |
//! | `EVERGRANT_LOGIN_URL`, `EVERGRANT_GRAPH_URL` | origins of a stand-in, instead of the cloud's; both or neither |
//! | `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | set by Lambda |
//! | `AWS_ENDPOINT_URL` | an AWS stand-in |

use domain::cloud::{Cloud, Endpoints};
use secrecy::SecretString;
use url::Url;

use crate::entra::Registration;

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
    /// SQS queue of the sync.
    pub sync_queue_url: String,
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
}

/// Where AWS is, and as whom we speak to it. Credentials are those of the environment, which Lambda keeps fresh: no chain of providers
/// has to be tried at start.
#[derive(Clone)]
pub struct Aws {
    region: String,
    endpoint: Option<String>,
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<SecretString>,
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

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`SettingsError`] with every fault.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut environment = Environment::new(lookup);
        let endpoints = endpoints(&mut environment);
        let client_id = environment.required("EVERGRANT_CLIENT_ID");
        let secret = SecretString::from(environment.required("EVERGRANT_CLIENT_SECRET"));
        let redirect_url = environment.url("EVERGRANT_REDIRECT_URL");
        let connections_table = environment.required("EVERGRANT_CONNECTIONS_TABLE");
        let people_table = environment.required("EVERGRANT_PEOPLE_TABLE");
        let key_id = environment.required("EVERGRANT_KEY_ID");
        let sync_queue_url = environment.required("EVERGRANT_SYNC_QUEUE_URL");
        let aws = Aws::read(&mut environment);
        let settings = endpoints.zip(redirect_url).map(|(endpoints, redirect_url)| Self {
            endpoints,
            registration: Registration { client_id, secret, redirect_url },
            connections_table,
            people_table,
            key_id,
            sync_queue_url,
            aws,
        });
        environment.finish(settings)
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

impl Aws {
    fn read(environment: &mut Environment<impl Fn(&str) -> Option<String>>) -> Self {
        Self {
            region: environment.required("AWS_REGION"),
            endpoint: environment.optional("AWS_ENDPOINT_URL"),
            access_key_id: environment.required("AWS_ACCESS_KEY_ID"),
            secret_access_key: environment.required("AWS_SECRET_ACCESS_KEY").into(),
            session_token: environment.optional("AWS_SESSION_TOKEN").map(SecretString::from),
        }
    }

    /// A stand-in on this machine, which takes any credentials.
    #[must_use]
    pub fn stand_in(endpoint: &str) -> Self {
        Self {
            region: "local".to_owned(),
            endpoint: Some(endpoint.to_owned()),
            access_key_id: "local".to_owned(),
            secret_access_key: "local".to_owned().into(),
            session_token: None,
        }
    }
}

macro_rules! service {
    ($name:ident, $crate_name:ident) => {
        impl Aws {
            /// The configuration of one service's client: a total deadline below every lease, and few retries inside it.
            #[must_use]
            pub fn $name(&self) -> $crate_name::Config {
                use secrecy::ExposeSecret as _;
                use $crate_name::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig};
                let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
                let credentials = Credentials::new(&self.access_key_id, self.secret_access_key.expose_secret(), token, None, "environment");
                let timeouts = TimeoutConfig::builder()
                    .operation_timeout(std::time::Duration::from_secs(10))
                    .operation_attempt_timeout(std::time::Duration::from_secs(4))
                    .build();
                let mut builder = $crate_name::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(Region::new(self.region.clone()))
                    .credentials_provider(credentials)
                    .retry_config(RetryConfig::standard().with_max_attempts(3))
                    .timeout_config(timeouts);
                builder.set_endpoint_url(self.endpoint.clone());
                builder.build()
            }
        }
    };
}

service!(dynamodb, aws_sdk_dynamodb);
service!(kms, aws_sdk_kms);
service!(sqs, aws_sdk_sqs);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn environment() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            ("EVERGRANT_CLIENT_ID", "app"),
            ("EVERGRANT_CLIENT_SECRET", "hush"),
            ("EVERGRANT_REDIRECT_URL", "https://api.example/v1/consent/callback"),
            ("EVERGRANT_CONNECTIONS_TABLE", "connections"),
            ("EVERGRANT_PEOPLE_TABLE", "people"),
            ("EVERGRANT_KEY_ID", "alias/evergrant"),
            ("EVERGRANT_SYNC_QUEUE_URL", "https://sqs.example/1/sync"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ])
    }

    fn read(environment: &HashMap<&str, &str>) -> Result<Settings, SettingsError> {
        Settings::read(|name| environment.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn a_complete_environment_is_read() {
        let settings = read(&environment()).unwrap();
        assert_eq!(settings.endpoints.graph.as_str(), "https://graph.microsoft.com/");
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let mut wrong = environment();
        wrong.remove("EVERGRANT_CLIENT_ID");
        wrong.insert("EVERGRANT_CLOUD", "germany");
        wrong.insert("EVERGRANT_REDIRECT_URL", "http://api.example/callback");
        let faults = read(&wrong).err().map(|error| error.to_string()).unwrap();
        for part in [
            "3 fault(s)",
            "EVERGRANT_CLIENT_ID is missing",
            "EVERGRANT_CLOUD: cloud must be one of",
            "EVERGRANT_REDIRECT_URL must be an https URL",
        ] {
            assert!(faults.contains(part), "{faults}");
        }
    }

    #[test]
    fn a_stand_in_needs_both_origins() {
        let mut half = environment();
        half.insert("EVERGRANT_LOGIN_URL", "http://127.0.0.1:1");
        assert!(read(&half).is_err());
    }
}
