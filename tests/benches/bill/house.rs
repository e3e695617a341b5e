//! A deployment in virtual time, with a meter at every door.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adapters::metrics::gather;
use adapters::settings::Aws;
use adapters::store::Store;
use adapters::vault::{Binding, Vault, VaultError};
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use entra_simulator::Act;
use jiff::{SignedDuration, Timestamp};
use system_tests::World;
use system_tests::contest::Spent;
use system_tests::contest::toll::Gate;
use system_tests::crowd;
use system_tests::engine::{CONNECTIONS, PEOPLE};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::logged;
use crate::units::Units;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// Memory of every function: the template's `MemorySize`, in gigabytes.
const MEMORY: f64 = 0.25;
/// How long requests take, as assumed, one after the other, in seconds. Several of them run at once in truth.
const DYNAMODB: f64 = 0.005;
const KMS: f64 = 0.010;
const SQS: f64 = 0.010;
const ENTRA: f64 = 0.300;
const GRAPH: f64 = 0.300;
/// What Lambda itself logs of an invocation as JSON: `platform.start` and `platform.report`.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>
const PLATFORM_BYTES: f64 = 650.0;
/// What an entry of an index takes beside its attributes. Source:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
const ENTRY_BYTES: f64 = 100.0;
/// Attributes that put an item into an index.
const INDEXED: [&str; 5] = ["work", "customer", "name_key", "mail_key", "upn_key"];
/// An operation that sends, receives and deletes a message.
const REQUESTS_A_MESSAGE: f64 = 3.0;
/// The functions that a schedule wakes each minute here.
const TICKING: f64 = 3.0;

/// Counts what would be requests to KMS.
struct CountedVault {
    inner: Arc<dyn Vault>,
    calls: AtomicU64,
}

#[async_trait]
impl Vault for CountedVault {
    async fn seal(&self, binding: &Binding, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.seal(binding, secret).await
    }

    async fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.open(binding, sealed).await
    }
}

/// The deployment.
pub(crate) struct House {
    world: World,
    gate: Gate,
    vault: Arc<CountedVault>,
    connection: Option<domain::ids::ConnectionId>,
    /// What a minute takes in which nothing is due.
    idle: Units,
}

/// What was used, and under which names numbers were told.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) units: Units,
    pub(crate) names: std::collections::BTreeSet<String>,
}

impl House {
    /// A deployment with one connection to as many people, which is synced and was looked at; or with none. `idle` is what a minute takes
    /// in which nothing is due.
    pub(crate) async fn open(people: Option<u32>, idle: Units) -> Result<Self> {
        let mut world = World::with_people(people.unwrap_or_default().saturating_sub(1)).await;
        let gate = Gate::to(world.engine.endpoint.clone())?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let client = aws_sdk_dynamodb::Client::from_conf(Aws::stand_in(&format!("http://{}", listener.local_addr()?)).dynamodb());
        let routes = gate.router();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let vault = Arc::new(CountedVault { inner: Arc::clone(&world.ports.vault), calls: AtomicU64::new(0) });
        world.ports.store = Store::new(client, CONNECTIONS.to_owned(), PEOPLE.to_owned());
        world.ports.vault = Arc::clone(&vault) as Arc<dyn Vault>;
        world.sync = attribute_sync::Plan::default();
        let mut house = Self { world, gate, vault, connection: None, idle };
        if let Some(people) = people {
            house.world.work(Act::GivePhotos { count: people / 2 });
            house.connection = Some(house.world.connect().await);
            // The first load and the first tour are over.
            house.live(SignedDuration::from_hours(36), 0).await?;
        }
        Ok(house)
    }

    /// What one minute costs in which nothing is due.
    pub(crate) async fn idle(&mut self) -> Result<Used> {
        self.start_counting();
        self.minute().await
    }

    /// Lives for so long, with as many people changed a day; answers what it took beside idle minutes.
    pub(crate) async fn live(&mut self, time: SignedDuration, changed_a_day: u32) -> Result<Used> {
        let (end, day) = (self.world.now() + time, SignedDuration::from_hours(24));
        let mut next_day = self.world.now() + day / 2;
        let mut used = Used::default();
        let mut minutes = 0.0;
        self.start_counting();
        while let Some(due) = self.next_due().await?.filter(|due| *due < end) {
            if due > next_day && changed_a_day > 0 {
                self.world.set_now(next_day.max(self.world.now()));
                self.world.work(Act::ChangeJobTitles { count: changed_a_day });
                next_day += day;
            }
            self.world.set_now(due.max(self.world.now() + MINUTE));
            self.start_counting();
            let minute = self.minute().await?;
            used.units = used.units.plus(minute.units);
            used.names.extend(minute.names);
            minutes += 1.0;
        }
        self.world.set_now(end.max(self.world.now()));
        used.units = used.units.less(self.idle.times(minutes));
        (used.units.stored_bytes, used.units.object_bytes) = (self.stored_bytes().await, self.object_bytes());
        Ok(used)
    }

    /// When anything is due next.
    async fn next_due(&self) -> Result<Option<Timestamp>> {
        let Some(id) = &self.connection else { return Ok(None) };
        let store = &self.world.ports.store;
        let check = store.connection(id).await?.context("no connection")?.check_at;
        let walk = store.walk(id).await?.and_then(|(_, due)| due);
        let tour = store.tour(id).await?.and_then(|(_, due)| due);
        let tasks = self.world.tasks.waiting().into_iter().chain(self.world.photo_tasks.waiting()).map(|task| task.due_at).min();
        Ok([check, walk, tour, tasks].into_iter().flatten().min())
    }

    /// Forgets what the bench itself asked for.
    fn start_counting(&self) {
        let _ = self.gate.take();
        self.world.simulator.forget_requests();
        self.vault.calls.store(0, Ordering::Relaxed);
        logged::take();
    }

    /// What the schedules do within a minute, and everything that follows.
    async fn minute(&mut self) -> Result<Used> {
        let before = Spent::of("self")?;
        let world = &self.world;
        let work = async {
            world.tick().await;
            attribute_sync::tick(&world.ports).await?;
            photo_sync::tick(&world.studio()).await?;
            let mut delivered = 0.0;
            while let Some(message) = world.tasks.take_due() {
                world.take(&message).await;
                delivered += 1.0;
            }
            while let Some(message) = world.photo_tasks.take_due() {
                photo_sync::take(&world.studio(), &message, world.now() + photo_sync::SLICE).await;
                delivered += 1.0;
            }
            anyhow::Ok((delivered, world.events().await.len() as f64))
        };
        let (done, noted) = gather(work).await;
        let (messages, events) = done?;
        let names = noted.names().into_iter().collect();
        let invocations = TICKING + messages + f64::from(u8::from(events > 0.0));
        let lines: usize = noted.lines("evergrant-prod-attribute-sync", world.now()).iter().map(|line| line.to_string().len() + 1).sum();
        let tolls = self.gate.take().total();
        let keys = self.vault.calls.load(Ordering::Relaxed) as f64;
        let requests = world.simulator.requests();
        let entra = requests.iter().filter(|request| request.path.ends_with("/token")).count() as f64;
        let graph = requests.len() as f64 - entra;
        let waits = tolls.calls as f64 * DYNAMODB + keys * KMS + messages * SQS + entra * ENTRA + graph * GRAPH;
        // Of the stand-ins too, which work in this process.
        let processor = Spent::of("self")?.processor.saturating_sub(before.processor).as_secs_f64();
        let units = Units {
            invocations,
            gigabyte_seconds: (waits + processor) * MEMORY,
            reads: tolls.reads,
            writes: tolls.writes,
            queue_requests: messages * REQUESTS_A_MESSAGE,
            ticks: TICKING,
            events,
            key_requests: keys,
            log_bytes: logged::take() as f64 + lines as f64 + invocations * PLATFORM_BYTES,
            ..Units::default()
        };
        Ok(Used { units, names })
    }

    /// What the tables keep, entries of indexes included.
    async fn stored_bytes(&self) -> f64 {
        let items = self.world.engine.items().await;
        let bytes = items.iter().map(|item| {
            let entries = INDEXED.iter().filter(|name| item.contains_key(**name)).count() as f64;
            let key: usize = ["pk", "sk"].iter().filter_map(|name| Some(item.get(*name)?.as_s().ok()?.len())).sum();
            crowd::size(item) as f64 + ENTRY_BYTES + entries * (2.0 * key as f64 + ENTRY_BYTES)
        });
        bytes.sum()
    }

    fn object_bytes(&self) -> f64 {
        // The largest that a photo of 240 points may be is far larger; those of real people are about so.
        const PHOTO_BYTES: f64 = 12.0 * 1024.0;
        self.world.shelf.keys().len() as f64 * PHOTO_BYTES
    }
}

/// How often a text stands in the templates.
pub(crate) fn in_templates(text: &str) -> Result<f64> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra");
    let count = |name: &str| -> Result<usize> { Ok(std::fs::read_to_string(folder.join(name))?.matches(text).count()) };
    Ok((count("template.yaml")? + count("data.yaml")?) as f64)
}
