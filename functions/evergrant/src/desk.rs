//! What the commands work with: the stage that the environment names.

use std::collections::HashMap;
use std::sync::Arc;

use adapters::clock::{Clock, SystemClock};
use adapters::entropy::{Entropy, SystemEntropy};
use adapters::objects::{FolderObjects, Objects, S3Objects};
use adapters::queue::{LaneUrls, Queue, SqsQueue};
use adapters::settings::{Aws, Environment, SettingsError};
use adapters::store::Store;
use adapters::vault::{KmsRotation, Rotation};
use futures::future::BoxFuture;
use jiff::Timestamp;

/// Waits until a point in time.
pub type Wait = Arc<dyn Fn(Timestamp) -> BoxFuture<'static, ()> + Send + Sync>;

/// Makes what seals secrets anew under the key of this name.
pub type Rotate = Arc<dyn Fn(&str) -> Arc<dyn Rotation> + Send + Sync>;

/// Variables by name.
pub type Variables = HashMap<String, String>;

/// Everything outside, as far as the environment names it.
#[derive(Clone)]
pub struct Desk {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Waits until the clock shows a time.
    pub wait: Wait,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The two tables.
    pub store: Store,
    /// The sync's tasks.
    pub queue: Option<Arc<dyn Queue>>,
    /// The photos.
    pub objects: Option<Arc<dyn Objects>>,
    /// Seals secrets anew, under the key that is asked for.
    pub rotation: Rotate,
    /// Where AWS is; without it, whatever speaks to AWS itself cannot be done.
    pub aws: Option<Aws>,
    /// What the environment says.
    pub variables: Variables,
}

impl Desk {
    /// Reads the environment. Only the tables must be named: each command says what else it needs.
    ///
    /// # Errors
    /// [`SettingsError`] names everything that is wrong.
    pub fn from_environment(variables: Variables) -> Result<Self, SettingsError> {
        let lookup = |name: &str| variables.get(name).cloned();
        let mut environment = Environment::new(lookup);
        let aws = Aws::read(&mut environment);
        let tables = (environment.required("EVERGRANT_CONNECTIONS_TABLE"), environment.required("EVERGRANT_PEOPLE_TABLE"));
        let queues = environment.optional("EVERGRANT_SYNC_QUEUE_URL").zip(environment.optional("EVERGRANT_BULK_QUEUE_URL"));
        let bucket = environment.optional("EVERGRANT_PHOTO_BUCKET");
        // The photos of a stage on this machine.
        let folder = environment.optional("EVERGRANT_PHOTO_FOLDER");
        let aws = environment.finish(aws)?;
        let sqs = || aws_sdk_sqs::Client::from_conf(aws.sqs());
        let s3 = || aws_sdk_s3::Client::from_conf(aws.s3());
        let kms = aws_sdk_kms::Client::from_conf(aws.kms());
        Ok(Self {
            clock: Arc::new(SystemClock),
            wait: Arc::new(|until| Box::pin(sleep_until(until))),
            entropy: Arc::new(SystemEntropy),
            store: Store::new(aws_sdk_dynamodb::Client::from_conf(aws.dynamodb()), tables.0, tables.1),
            queue: queues.map(|(quick, bulk)| Arc::new(SqsQueue::new(sqs(), LaneUrls { quick, bulk })) as Arc<dyn Queue>),
            objects: match (bucket, folder) {
                (Some(bucket), _) => Some(Arc::new(S3Objects::new(s3(), bucket))),
                (None, Some(folder)) => Some(Arc::new(FolderObjects::new(folder.into()))),
                (None, None) => None,
            },
            rotation: Arc::new(move |to| Arc::new(KmsRotation::new(kms.clone(), to.to_owned()))),
            aws: Some(aws),
            variables,
        })
    }

    /// Waits until a point in time.
    pub(crate) async fn wait_until(&self, until: Timestamp) {
        (self.wait)(until).await;
    }

    /// A variable that is set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }
}

async fn sleep_until(until: Timestamp) {
    let left = until.duration_since(SystemClock.now());
    tokio::time::sleep(std::time::Duration::try_from(left).unwrap_or_default()).await;
}
