//! DynamoDB, embedded: each world has one of its own, behind a port of its own, spoken to by the real client. A meter in the client
//! counts requests and lets one fail, before it is sent or after it was carried out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use adapters::clock::{Clock, SystemClock};
use adapters::settings::Aws;
use adapters::store::{Store, tables};
use anyhow::{Context as _, Result, anyhow};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use dynoxide::{Database, storage_backend};
use runner::stream::Stream;
use tokio::net::TcpListener;

/// Name of the connections table.
pub const CONNECTIONS: &str = "connections";
/// Name of the people table.
pub const PEOPLE: &str = "people";

/// An item of a table.
pub type Item = HashMap<String, AttributeValue>;

/// A running engine with both tables.
pub struct Engine {
    /// The client that speaks to it.
    pub client: Client,
    /// What passes through the client.
    pub meter: Meter,
    /// Where it is.
    pub endpoint: String,
    database: Database,
}

/// Lets the engine stamp records of a stream by a world's clock.
struct Stamp(Arc<dyn Clock>);

impl storage_backend::Clock for Stamp {
    fn now_unix_secs(&self) -> u64 {
        self.0.now().as_second().try_into().unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().as_duration().as_secs_f64()
    }
}

/// Which part of a request is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The request: nothing is done.
    Request,
    /// The answer: it is done, and nobody knows.
    Answer,
}

/// Counts requests by operation, and loses those it is told to.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Readings>>);

#[derive(Debug, Default)]
struct Readings {
    counts: BTreeMap<String, u32>,
    losses: Vec<(String, u32, Lost)>,
    /// Stories lose answers of requests that are alone under way.
    loses_answer: bool,
}

impl Engine {
    /// Starts an engine that forgets everything at its end.
    ///
    /// # Errors
    /// When no port is free or the tables cannot be made.
    pub async fn start() -> Result<Self> {
        Self::start_at(Arc::new(SystemClock)).await
    }

    /// The same, by this clock, and with a stream of the people table. The engine looks through all records of the stream at every write,
    /// so that it is for some thousand people at most.
    ///
    /// # Errors
    /// When no port is free or the tables cannot be made.
    pub async fn start_followed(clock: Arc<dyn Clock>) -> Result<Self> {
        let engine = Self::start_at(clock).await?;
        tables::enable_stream(&engine.client, PEOPLE).await?;
        Ok(engine)
    }

    async fn start_at(clock: Arc<dyn Clock>) -> Result<Self> {
        let database = Database::memory_with_clock(Arc::new(Stamp(clock))).map_err(|error| anyhow!("{error}"))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port on this machine")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        // It ends with the test's runtime.
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database.clone(), std::future::pending()));
        let meter = Meter::default();
        let config = Aws::stand_in(&endpoint).dynamodb().to_builder().interceptor(meter.clone()).build();
        let client = Client::from_conf(config);
        tables::create(&client, CONNECTIONS, PEOPLE).await?;
        Ok(Self { client, meter, endpoint, database })
    }

    /// The stream of a table.
    ///
    /// # Errors
    /// When it has none.
    pub fn stream(&self, table: &str) -> Result<Stream> {
        Stream::of(self.database.clone(), table)
    }

    /// The two tables.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(self.client.clone(), CONNECTIONS.to_owned(), PEOPLE.to_owned())
    }

    /// Every item of both tables.
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for table in [CONNECTIONS, PEOPLE] {
            let mut pages = self.client.scan().table_name(table).into_paginator().items().send();
            while let Some(item) = pages.next().await {
                items.push(item.expect("the engine can be scanned"));
            }
        }
        items
    }

    /// One item of the connections table.
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn item(&self, pk: &str, sk: &str) -> Option<Item> {
        let request = self.client.get_item().table_name(CONNECTIONS).consistent_read(true);
        let request = request.key("pk", AttributeValue::S(pk.to_owned())).key("sk", AttributeValue::S(sk.to_owned()));
        request.send().await.expect("the engine can be read").item
    }
}

impl Engine {
    /// Takes an attribute from an item of the people table.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn take_attribute(&self, pk: &str, sk: &str, name: &str) -> AttributeValue {
        let request = self.client.update_item().table_name(PEOPLE).set_key(Some(key(pk, sk))).update_expression("REMOVE #name");
        let request = request.expression_attribute_names("#name", name).return_values(ReturnValue::AllOld);
        let before = request.send().await.expect("the engine can be written").attributes.unwrap_or_default();
        before.get(name).cloned().expect("the attribute is there")
    }

    /// Puts an attribute into an item of the people table.
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn put_attribute(&self, pk: &str, sk: &str, (name, value): (&str, AttributeValue)) {
        let request = self.client.update_item().table_name(PEOPLE).set_key(Some(key(pk, sk))).update_expression("SET #name = :value");
        let request = request.expression_attribute_names("#name", name).expression_attribute_values(":value", value);
        request.send().await.expect("the engine can be written");
    }
}

fn key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), AttributeValue::S(pk.to_owned())), ("sk".to_owned(), AttributeValue::S(sk.to_owned()))])
}

impl Meter {
    /// How many requests of an operation were sent, such as `BatchWriteItem`.
    #[must_use]
    pub fn count(&self, operation: &str) -> u32 {
        self.0.lock().expect("nobody panics in the meter").counts.get(operation).copied().unwrap_or_default()
    }

    /// Begins to count anew.
    pub fn reset(&self) {
        self.0.lock().expect("nobody panics in the meter").counts.clear();
    }

    /// Loses one request of an operation: the next, or one after `after` others.
    pub fn lose(&self, operation: &str, after: u32, lost: Lost) {
        self.0.lock().expect("nobody panics in the meter").losses.push((operation.to_owned(), after, lost));
    }

    /// Loses nothing that was not lost yet.
    pub fn lose_no_more(&self) {
        self.0.lock().expect("nobody panics in the meter").losses.clear();
    }

    fn before(&self, operation: &str) -> Result<(), BoxError> {
        let mut readings = self.0.lock().expect("nobody panics in the meter");
        *readings.counts.entry(operation.to_owned()).or_default() += 1;
        let Some(place) = readings.losses.iter().position(|(name, ..)| name == operation) else {
            return Ok(());
        };
        let (_, after, lost) = readings.losses[place].clone();
        if after > 0 {
            readings.losses[place].1 -= 1;
            return Ok(());
        }
        readings.losses.remove(place);
        readings.loses_answer = lost == Lost::Answer;
        match lost {
            Lost::Request => Err(format!("the story loses this {operation}").into()),
            Lost::Answer => Ok(()),
        }
    }

    fn after(&self) -> Result<(), BoxError> {
        let mut readings = self.0.lock().expect("nobody panics in the meter");
        match std::mem::take(&mut readings.loses_answer) {
            true => Err("the story loses this answer".into()),
            false => Ok(()),
        }
    }
}

/// The operation's name, out of `DynamoDB_20120810.GetItem`.
fn operation(headers: &aws_sdk_dynamodb::config::http::HttpRequest) -> String {
    let target = headers.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.before(&operation(context.request()))
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.after()
    }
}
