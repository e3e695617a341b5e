//! What the API is told by its environment, besides what every function is.
//!
//! | variable | meaning |
//! |---|---|
//! | `EVERGRANT_PUBLIC_URL` | where this API is |
//! | `EVERGRANT_PORTAL_ORIGINS` | origins of the operator's portal, separated by spaces |
//! | `EVERGRANT_CALLER_KEYS` | JWK set of the operator's backends' public keys |
//! | `EVERGRANT_PHOTO_BUCKET` | S3 bucket of people's photos |

use std::sync::Arc;

use adapters::Ports;
use adapters::settings::{Environment, SettingsError, photo_bucket};
use url::Url;

use crate::{Callers, Portal};

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
    let (objects, ports) = tokio::join!(photo_bucket(&mut environment), Ports::from_environment());
    let ports = ports.map_err(|error| environment.join(error)).ok();
    let portal = ports.zip(objects).zip(callers).zip(public_url);
    environment.finish(portal.map(|(((ports, objects), callers), public_url)| {
        let objects = Arc::new(objects);
        Portal { ports, objects, callers, portal_origins, public_url }
    }))
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
