//! Our side: one connection, synced by the code that runs in the cloud, through the same clients.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::Ports;
use adapters::clock::Clock;
use adapters::entra::{Entra, Registration};
use adapters::entropy::SystemEntropy;
use adapters::graph::Graph;
use adapters::queue::{Queue, QueueError, SyncTask};
use adapters::settings::Aws;
use adapters::store::{Store, tables};
use adapters::transport::{Network, Transport};
use adapters::vault::LocalVault;
use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use attribute_sync::{Plan, Shift, Step};
use domain::cloud::Endpoints;
use domain::ids::{ConnectionId, ObjectId, TenantId};
use jiff::{SignedDuration, Timestamp};
use runner::clock::ShiftedClock;
use secrecy::SecretString;

use super::outside::{CLIENT, Outside, SECRET, Tenancy};
use super::{Contestant, Spent};
use crate::planted::plant;

/// How long an invocation may last. Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
const INVOCATION: SignedDuration = SignedDuration::from_mins(15);
/// More steps than a round of any size needs.
const STEPS_MAX: usize = 100_000;
/// What passes between two rounds: nearly what does by the usual schedule, and all rounds together within a token's life.
const BETWEEN: SignedDuration = SignedDuration::from_mins(11);
const CONNECTIONS: &str = "connections";
const PEOPLE: &str = "people";

/// Our side.
pub struct Ours {
    ports: Ports,
    queue: Arc<Handed>,
    clock: Arc<ShiftedClock>,
    id: ConnectionId,
}

impl Ours {
    /// A connection that was just consented to, and checked once.
    ///
    /// # Errors
    /// When the outside does not let us.
    pub async fn start(outside: &Outside, tenancy: &Tenancy) -> Result<Self> {
        let queue = Arc::new(Handed::default());
        let clock = Arc::new(ShiftedClock::default());
        let ports = ports(outside, Arc::clone(&queue) as Arc<dyn Queue>, Arc::clone(&clock) as Arc<dyn Clock>).await?;
        let account = (TenantId(tenancy.tenant), ObjectId(tenancy.admin));
        let id = plant(&ports, &"bench".parse()?, account, &tenancy.refresh_token).await?;
        token_check::tick(&ports, &token_check::Plan::default(), Timestamp::now() + SignedDuration::from_hours(1)).await?;
        Ok(Self { ports, queue, clock, id })
    }
}

#[async_trait(?Send)]
impl Contestant for Ours {
    async fn wake(&mut self) -> Result<()> {
        self.clock.shift_to(self.clock.offset() + BETWEEN);
        self.ports.store.hasten_walk(&self.id, self.clock.now()).await?;
        Ok(())
    }

    async fn sync(&mut self) -> Result<()> {
        let mut task = SyncTask::quick(self.id.clone());
        for _ in 0..STEPS_MAX {
            let shift = Shift { ports: &self.ports, plan: &Plan::default(), deadline: self.clock.now() + INVOCATION };
            match attribute_sync::step(shift, &task).await? {
                Step::Moved => task = self.queue.take().context("what is left was not handed on")?,
                Step::Completed => return Ok(()),
                other => bail!("the walk stopped: {other:?}"),
            }
        }
        bail!("the round did not end")
    }

    async fn stored(&mut self) -> Result<u64> {
        Ok(self.ports.store.walk(&self.id).await?.context("no walk")?.0.people)
    }

    /// Nothing: whoever wants to know looks at the process from outside.
    fn spent(&self) -> Result<Spent> {
        Ok(Spent::default())
    }
}

async fn ports(outside: &Outside, queue: Arc<dyn Queue>, clock: Arc<dyn Clock>) -> Result<Ports> {
    let endpoints = Endpoints { login: outside.base.clone(), graph: outside.base.clone() };
    let transport: Arc<dyn Transport> = Arc::new(Network::connect()?);
    let client = aws_sdk_dynamodb::Client::from_conf(Aws::stand_in(&outside.dynamodb).dynamodb());
    tables::create(&client, CONNECTIONS, PEOPLE).await?;
    let registration = Registration {
        client_id: CLIENT.to_string(),
        credentials: SecretString::from(SECRET).into(),
        redirect_url: "http://127.0.0.1:1/callback".parse()?,
    };
    Ok(Ports {
        clock,
        entropy: Arc::new(SystemEntropy),
        store: Store::new(client, CONNECTIONS.to_owned(), PEOPLE.to_owned()),
        entra: Entra::new(endpoints.clone(), registration, Arc::clone(&transport)),
        graph: Graph::new(endpoints, transport),
        vault: Arc::new(LocalVault::new([1; 32], Arc::new(SystemEntropy))),
        queue,
    })
}

/// A queue of one task, delivered by hand.
#[derive(Default)]
struct Handed(Mutex<Option<SyncTask>>);

impl Handed {
    fn take(&self) -> Option<SyncTask> {
        self.0.lock().expect("nobody panics in the queue").take()
    }
}

#[async_trait]
impl Queue for Handed {
    async fn send(&self, task: &SyncTask, _delay: Duration) -> Result<(), QueueError> {
        *self.0.lock().expect("nobody panics in the queue") = Some(task.clone());
        Ok(())
    }
}
