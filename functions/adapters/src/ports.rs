//! Everything that a function speaks to, in one value that its steps share.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::entra::Entra;
use crate::entropy::{Entropy, SystemEntropy};
use crate::graph::Graph;
use crate::queue::{Queue, SqsQueue};
use crate::settings::{Settings, SettingsError};
use crate::store::Store;
use crate::transport::{Network, Transport};
use crate::vault::{KmsVault, Vault};

/// Everything outside.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The two tables.
    pub store: Store,
    /// Entra.
    pub entra: Entra,
    /// Graph.
    pub graph: Graph,
    /// Seals secrets.
    pub vault: Arc<dyn Vault>,
    /// The sync's tasks.
    pub queue: Arc<dyn Queue>,
}

impl Ports {
    /// Connects to the cloud, as the environment says, after its keys were tried out.
    ///
    /// # Errors
    /// [`SettingsError`] names everything that is wrong with the environment, in one error.
    pub async fn from_environment() -> Result<Self, SettingsError> {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let settings = Settings::read(|name| std::env::var(name).ok(), clock.now(), &entropy).await?;
        let network = Network::connect().map_err(|error| SettingsError::from_fault(format!("TLS cannot be set up: {error}")))?;
        let transport: Arc<dyn Transport> = Arc::new(network);
        let kms = aws_sdk_kms::Client::from_conf(settings.aws.kms());
        let sqs = aws_sdk_sqs::Client::from_conf(settings.aws.sqs());
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(settings.aws.dynamodb());
        Ok(Self {
            clock,
            store: Store::new(dynamodb, settings.connections_table, settings.people_table),
            entra: Entra::new(settings.endpoints.clone(), settings.registration, Arc::clone(&transport)),
            graph: Graph::new(settings.endpoints, transport),
            vault: Arc::new(KmsVault::new(kms, settings.key_id, Arc::clone(&entropy))),
            queue: Arc::new(SqsQueue::new(sqs, settings.sync_queues)),
            entropy,
        })
    }
}
