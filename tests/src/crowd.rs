//! Many connections of one tenant, to measure what checks cost: real ticks against the simulator and the embedded engine over loopback,
//! with the clock moved by hand.
//!
//! Tokens can be as long as Entra's, and sealed bytes are as long as with KMS, so that items are as large as in the cloud. Every person
//! of the tenant consented, and what a tick finds is never taken for an incident, however many fail.

mod counted;
mod outside;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adapters::Ports;
use adapters::clock::{Clock as _, SystemClock};
use adapters::entra::{Entra, Registration};
use adapters::entropy::SystemEntropy;
use adapters::graph::Graph;
use adapters::queue::{Queue, QueueError, SyncTask};
use adapters::settings::Aws;
use adapters::store::connections::Tenant;
use adapters::store::{Store, tables};
use adapters::transport::{Network, Transport};
use adapters::vault::LocalVault;
use anyhow::{Context as _, Result, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::api::AccessWord;
use domain::cloud::Endpoints;
use domain::ids::{ConnectionId, ObjectId, TenantId};
use entra_simulator::Act;
use http::Request;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use token_check::{Plan, Report};

use crate::chance::HandClock;
use crate::engine::{CONNECTIONS, Item, PEOPLE};
use crate::planted::{Consent, Seedling, plant_seedling};
use crate::scale::{Scale, Use, Uses};

use counted::{CountedTransport, CountedVault};
use outside::{CLIENT, CONSENTS, Consented, SECRET};
pub use outside::{Lengths, Outside};

/// How attributes are read by the connections of a crowd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// In a person's name.
    Delegated,
    /// By the app itself.
    AppOnly,
    /// In a person's name, with another person's grant in reserve.
    Spare,
}

/// Whether requests to DynamoDB are looked into. That takes processor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watch {
    /// They are.
    Counted,
    /// They are not.
    Timed,
}

/// A crowd of connections, all of a kind.
pub struct Crowd {
    outside: Outside,
    ports: Ports,
    clock: Arc<HandClock>,
    wire: Arc<CountedTransport>,
    vault: Arc<CountedVault>,
    client: Client,
    scale: Scale,
    /// Whoever consented, those in reserve left out.
    people: Vec<Consented>,
    /// The connections.
    pub ids: Vec<ConnectionId>,
}

/// What a tick or several came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Checks by what they came to.
    pub outcomes: BTreeMap<String, u32>,
    /// Requests to the token endpoint.
    pub token_requests: u64,
    /// Requests to Graph.
    pub graph_requests: u64,
    /// Secrets sealed: each is one GenerateDataKey at KMS.
    pub seals: u64,
    /// Secrets opened: each is one Decrypt at KMS.
    pub opens: u64,
    /// Requests to DynamoDB, where they were counted.
    pub dynamodb: Uses,
}

impl Cost {
    /// How many checks there were.
    #[must_use]
    pub fn checks(&self) -> u32 {
        self.outcomes.values().sum()
    }

    /// All requests to DynamoDB.
    #[must_use]
    pub fn total(&self) -> Use {
        self.dynamodb.values().fold(Use::default(), |sum, more| sum.plus(*more))
    }
}

struct NoQueue;

#[async_trait::async_trait]
impl Queue for NoQueue {
    async fn send(&self, _task: &SyncTask, _delay: Duration) -> Result<(), QueueError> {
        Ok(())
    }
}

impl Crowd {
    /// Connects to an outside in which nobody is connected yet.
    ///
    /// # Errors
    /// When the outside does not answer.
    pub async fn enter(outside: Outside, watch: Watch) -> Result<Self> {
        let scale = Scale::default();
        let config = Aws::stand_in(&outside.dynamodb).dynamodb();
        let client = Client::from_conf(config.clone());
        tables::create(&client, CONNECTIONS, PEOPLE).await?;
        let measured = match watch {
            Watch::Counted => Client::from_conf(config.to_builder().interceptor(scale.clone()).build()),
            Watch::Timed => client.clone(),
        };
        let endpoints = Endpoints { login: outside.base.clone(), graph: outside.base.clone() };
        let wire = Arc::new(CountedTransport::new(Network::connect()?));
        let transport = Arc::clone(&wire) as Arc<dyn Transport>;
        let vault = Arc::new(CountedVault::new(LocalVault::new([1; 32], Arc::new(SystemEntropy))));
        let clock = Arc::new(HandClock::new(SystemClock.now()));
        let credentials = SecretString::from(SECRET).into();
        let registration =
            Registration { client_id: CLIENT.to_string(), credentials, redirect_url: "http://127.0.0.1:1/callback".parse()? };
        let ports = Ports {
            clock: Arc::clone(&clock) as Arc<_>,
            entropy: Arc::new(SystemEntropy),
            store: Store::new(measured, CONNECTIONS.to_owned(), PEOPLE.to_owned()),
            entra: Entra::new(endpoints.clone(), registration, Arc::clone(&transport)),
            graph: Graph::new(endpoints, transport),
            vault: Arc::clone(&vault) as Arc<_>,
            queue: Arc::new(NoQueue),
        };
        Ok(Self { outside, ports, clock, wire, vault, client, scale, people: Vec::new(), ids: Vec::new() })
    }

    /// Connects everybody; with spares, every second person is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn connect(&mut self, kind: Kind) -> Result<()> {
        let url = self.outside.base.join(CONSENTS)?;
        let answer = self.wire.send(Request::get(url.as_str()).body(Vec::new())?).await?;
        let people: Vec<Consented> = serde_json::from_slice(answer.body())?;
        let step = if kind == Kind::Spare { 2 } else { 1 };
        for (number, people) in (1_u128..).zip(people.chunks(step)) {
            let seedling = Seedling {
                // Shards are chosen by a hash of the id.
                id: ConnectionId::mint(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes()),
                customer: format!("customer-{number:08}").parse()?,
                tenant: Tenant { id: TenantId(self.outside.tenant), name: Some("Northwind Traders Limited".to_owned()) },
                access: if kind == Kind::AppOnly { AccessWord::AppOnly } else { AccessWord::Delegated },
                consent: consent(&people[0]),
                spare: people.get(1).map(consent),
            };
            plant_seedling(&self.ports, &seedling).await?;
            self.ids.push(seedling.id);
        }
        self.people = people.into_iter().step_by(step).collect();
        Ok(())
    }

    /// Lets time pass.
    pub fn pass(&self, time: SignedDuration) {
        self.clock.set(self.clock.now() + time);
    }

    /// Lets something happen to everybody who consented and is in use, now by our clock.
    ///
    /// # Errors
    /// When it cannot happen.
    pub async fn work(&self, act: impl Fn(uuid::Uuid) -> Act) -> Result<()> {
        let clock = serde_json::json!({"now": self.clock.now()});
        self.command(Request::put(self.outside.base.join("/_simulator/clock")?.as_str()), &clock).await?;
        let url = self.outside.base.join(&format!("/_simulator/tenants/{}/acts", self.outside.tenant))?;
        for Consented { person, .. } in &self.people {
            self.command(Request::post(url.as_str()), &act(*person)).await?;
        }
        Ok(())
    }

    /// Tells the simulator to do something.
    async fn command(&self, request: http::request::Builder, body: &impl Serialize) -> Result<()> {
        let request = request.header("content-type", "application/json");
        let answer = self.wire.send(request.body(serde_json::to_vec(body)?)?).await?;
        ensure!(answer.status().is_success(), "the simulator refused: {}", answer.status());
        Ok(())
    }

    /// One tick, which checks all that is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tick(&self) -> Result<Report> {
        let usual = Plan::default();
        let plan = Plan { guard: domain::fleet::Guard { alike_min: u32::MAX, ..usual.guard }, ..usual };
        let report = token_check::tick(&self.ports, &plan, self.clock.now() + SignedDuration::from_hours(1)).await?;
        ensure!(report.faults == 0 && report.left == 0, "a tick failed or left somebody: {report:?}");
        Ok(report)
    }

    /// Some ticks, each so long after the one before, and what they cost together.
    ///
    /// # Errors
    /// When a tick fails.
    pub async fn measure(&self, ticks: u32, apart: SignedDuration) -> Result<Cost> {
        let counters = [&self.wire.tokens, &self.wire.others, &self.vault.seals, &self.vault.opens];
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let before = counters.map(read);
        drop(self.scale.take());
        let mut outcomes = BTreeMap::new();
        for _ in 0..ticks {
            self.pass(apart);
            for (outcome, count) in self.tick().await?.outcomes {
                *outcomes.entry(outcome.to_owned()).or_default() += count;
            }
        }
        let mut after = counters.map(read).into_iter().zip(before).map(|(after, before)| after - before);
        let mut next = || after.next().unwrap_or_default();
        let [token_requests, graph_requests, seals, opens] = [next(), next(), next(), next()];
        Ok(Cost { outcomes, token_requests, graph_requests, seals, opens, dynamodb: self.scale.take() })
    }

    /// How many bytes the items of one connection have, by sort key.
    /// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sizes(&self) -> Result<BTreeMap<String, usize>> {
        let id = self.ids.first().context("nobody is connected")?;
        let request = self.client.query().table_name(CONNECTIONS).key_condition_expression("pk = :pk");
        let answer = request.expression_attribute_values(":pk", AttributeValue::S(format!("connection#{id}"))).send().await?;
        let sort_key = |item: &Item| item.get("sk").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
        Ok(answer.items.unwrap_or_default().iter().map(|item| (sort_key(item), size(item))).collect())
    }
}

fn consent(of: &Consented) -> Consent {
    let name = format!("{}@northwind-traders.example", &of.person.simple().to_string()[..12]);
    Consent { person: ObjectId(of.person), name: Some(name), token: of.token.clone() }
}

/// What an item takes, in bytes, as DynamoDB counts.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
#[must_use]
pub fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 1,
    };
    item.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
}
