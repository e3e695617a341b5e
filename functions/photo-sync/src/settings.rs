//! What the photos' function is told by its environment, besides what every function is.
//!
//! | variable | meaning |
//! |---|---|
//! | `EVERGRANT_PHOTO_BUCKET` | S3 bucket of the photos |
//! | `EVERGRANT_PHOTO_QUEUE_URL` | SQS queue of the tours over photos |

use std::sync::Arc;

use adapters::Ports;
use adapters::settings::{Environment, SettingsError, photo_bucket, queue};

use crate::Studio;

/// Reads the environment and connects to the cloud.
///
/// # Errors
/// [`SettingsError`] with every fault.
pub async fn studio_from_environment() -> Result<Studio, SettingsError> {
    let mut environment = Environment::new(|name: &str| std::env::var(name).ok());
    let queue = queue(&mut environment, "EVERGRANT_PHOTO_QUEUE_URL");
    let (objects, ports) = futures::join!(photo_bucket(&mut environment), Ports::from_environment());
    let ports = ports.map_err(|error| environment.join(error)).ok();
    let studio = ports.zip(objects).zip(queue);
    environment.finish(studio.map(|((ports, objects), queue)| Studio { ports, objects: Arc::new(objects), queue: Arc::new(queue) }))
}
