//! What the API is told by its environment, besides what every function is.
//!
//! | variable | meaning |
//! |---|---|
//! | `EVERGRANT_PUBLIC_URL` | where this API is |
//! | `EVERGRANT_PORTAL_ORIGINS` | origins of the operator's portal, separated by spaces |
//! | `EVERGRANT_CALLER_KEYS` | JWK set of the public keys that sign for portal users |
//! | `EVERGRANT_SERVER_KEYS` | JWK set of the public keys that sign for the operator's servers; without it no server may call |
//! | `EVERGRANT_PORTAL_REQUESTS_PER_MINUTE`, `EVERGRANT_PORTAL_REQUESTS_BURST` | how often a customer's portal users may ask: 600 a minute and 120 at once where absent, at most 60,000 and 10,000 |
//! | `EVERGRANT_SERVER_REQUESTS_PER_MINUTE`, `EVERGRANT_SERVER_REQUESTS_BURST` | the same of the operator's servers, for each customer: 3,000 a minute and 600 at once where absent |
//! | `EVERGRANT_PHOTO_BUCKET` | S3 bucket of people's photos |

use std::sync::Arc;

use adapters::Ports;
use adapters::settings::{Environment, SettingsError, photo_bucket};
use url::Url;

use crate::{Buckets, Callers, Portal, Rates};

/// Reads the environment and connects to the cloud.
///
/// # Errors
/// [`SettingsError`] with every fault.
pub async fn portal_from_environment() -> Result<Portal, SettingsError> {
    let mut environment = Environment::new(|name: &str| std::env::var(name).ok());
    let public_url = environment.url("EVERGRANT_PUBLIC_URL");
    let portal_origins = origins(&mut environment);
    let keys = environment.required("EVERGRANT_CALLER_KEYS");
    let callers = Callers::from_jwks(&keys).map_err(|error| environment.fault(format!("EVERGRANT_CALLER_KEYS: {error}"))).ok();
    let callers = callers.and_then(|callers| with_servers(&mut environment, callers));
    let buckets = Buckets::full(Rates::read(&mut environment));
    let (objects, ports) = tokio::join!(photo_bucket(&mut environment), Ports::from_environment());
    let ports = ports.map_err(|error| environment.join(error)).ok();
    let portal = ports.zip(objects).zip(callers).zip(public_url);
    environment.finish(portal.map(|(((ports, objects), callers), public_url)| {
        let objects = Arc::new(objects);
        Portal { ports, objects, callers, buckets, portal_origins, public_url }
    }))
}

fn with_servers(environment: &mut Environment<impl Fn(&str) -> Option<String>>, callers: Callers) -> Option<Callers> {
    match environment.optional("EVERGRANT_SERVER_KEYS") {
        None => Some(callers),
        Some(keys) => callers.and_servers(&keys).map_err(|error| environment.fault(format!("EVERGRANT_SERVER_KEYS: {error}"))).ok(),
    }
}

fn origins(environment: &mut Environment<impl Fn(&str) -> Option<String>>) -> Vec<String> {
    let text = environment.required("EVERGRANT_PORTAL_ORIGINS");
    let mut origins = Vec::new();
    for word in text.split_whitespace() {
        match Url::parse(word).map(|url| url.origin().ascii_serialization()) {
            Ok(origin) if origin == word => origins.push(origin),
            _ => environment.fault(format!("EVERGRANT_PORTAL_ORIGINS: {word:?} must be an origin such as https://portal.example")),
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;

    const PORTAL: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    const SERVER: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}]}"#;

    /// What is read of servers and rates, and what is wrong with them.
    fn read(variables: &[(&str, &str)]) -> Result<(bool, Rates), String> {
        let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut environment = Environment::new(lookup);
        let callers = with_servers(&mut environment, Callers::from_jwks(PORTAL).unwrap());
        let rates = Rates::read(&mut environment);
        environment.finish(Some((callers.is_some(), rates))).map_err(|error| error.to_string())
    }

    #[test]
    fn without_servers_and_rates_the_defaults_count() {
        assert_eq!(read(&[]), Ok((true, Rates::default())));
        let portal = Rate { per_minute: 60, burst: 10_000 };
        let variables = [
            ("EVERGRANT_SERVER_KEYS", SERVER),
            ("EVERGRANT_PORTAL_REQUESTS_PER_MINUTE", "60"),
            ("EVERGRANT_PORTAL_REQUESTS_BURST", "10000"),
        ];
        assert_eq!(read(&variables), Ok((true, Rates { portal, ..Rates::default() })));
    }

    #[test]
    fn what_is_wrong_with_servers_and_rates_is_named_with_its_bound() {
        for (name, value, fault) in [
            ("EVERGRANT_SERVER_KEYS", "{}", "EVERGRANT_SERVER_KEYS: the caller keys must be a JWK set"),
            ("EVERGRANT_SERVER_KEYS", PORTAL, "EVERGRANT_SERVER_KEYS: key \"a\" must not be among the keys of the portal's callers"),
            ("EVERGRANT_PORTAL_REQUESTS_PER_MINUTE", "0", "EVERGRANT_PORTAL_REQUESTS_PER_MINUTE must be a number from 1 to 60000"),
            ("EVERGRANT_PORTAL_REQUESTS_BURST", "10001", "EVERGRANT_PORTAL_REQUESTS_BURST must be a number from 1 to 10000"),
            ("EVERGRANT_SERVER_REQUESTS_PER_MINUTE", "many", "EVERGRANT_SERVER_REQUESTS_PER_MINUTE must be a number from 1 to 60000"),
            ("EVERGRANT_SERVER_REQUESTS_BURST", "-1", "EVERGRANT_SERVER_REQUESTS_BURST must be a number from 1 to 10000"),
        ] {
            let told = read(&[(name, value)]).expect_err(name);
            assert!(told.contains("1 fault(s)") && told.contains(fault), "{name}: {told}");
        }
    }
}
