//! What passes to DynamoDB, counted: each request is passed on with the wish to be told the capacity used, and what is told is added up
//! and taken out of the answer again, so that nobody pays for being counted.
//!
//! A request is about people where it names the key of one, `person#...`; everything else is control. Contestants keep people under such
//! keys, whatever else they keep. The checksum of an answer, `x-amz-crc32`, is left out, because the answer is no longer the engine's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use adapters::transport::{BODY_MAX_BYTES, Network, Transport as _};
use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What requests came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// Requests, those that were sent again included.
    pub calls: u64,
    /// People whom a write named.
    pub written: u64,
    /// Read units.
    pub reads: f64,
    /// Write units, those of the indexes included.
    pub writes: f64,
    /// Of the write units, those of the indexes.
    pub indexes: f64,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// People.
    People,
    /// Where the sync stands, whom it met, and all else.
    Control,
}

/// What passed: by operation, and what it was about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tolls(pub Vec<(About, String, Count)>);

impl Tolls {
    /// All that was about people, or all that was not.
    #[must_use]
    pub fn about(&self, about: About) -> Count {
        self.0.iter().filter(|(what, ..)| *what == about).fold(Count::default(), |sum, (.., count)| sum.plus(*count))
    }

    /// How many requests wrote, though they may have written nothing.
    #[must_use]
    pub fn write_calls(&self, about: About) -> u64 {
        let calls = self.0.iter().filter(|(what, operation, _)| *what == about && writes(operation)).map(|(.., count)| count.calls);
        calls.sum()
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> Count {
        self.about(About::People).plus(self.about(About::Control))
    }
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            written: self.written + other.written,
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            indexes: self.indexes + other.indexes,
        }
    }
}

/// The gate that everything passes.
#[derive(Clone)]
pub struct Gate {
    network: Network,
    /// Where it leads to.
    engine: String,
    counts: Arc<Mutex<BTreeMap<(About, String), Count>>>,
}

impl Gate {
    /// A gate to the engine at this URL.
    ///
    /// # Errors
    /// Where the system has no usable TLS roots.
    pub fn to(engine: String) -> Result<Self> {
        Ok(Self { network: Network::connect()?, engine, counts: Arc::default() })
    }

    /// The gate as a server.
    pub fn router(&self) -> Router {
        Router::new().fallback(pass).with_state(self.clone())
    }

    /// What passed since this was last asked.
    ///
    /// # Panics
    /// Never: nobody panics at the gate.
    #[must_use]
    pub fn take(&self) -> Tolls {
        let counts = std::mem::take(&mut *self.counts.lock().expect("nobody panics at the gate"));
        Tolls(counts.into_iter().map(|((about, operation), count)| (about, operation, count)).collect())
    }

    async fn pass_on(&self, request: Request) -> Result<Response> {
        let (mut parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_MAX_BYTES).await?;
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let (about, written) = look_at(&operation, &body);
        let body = match is_counted(&operation) {
            true => wishing(&body),
            false => body.to_vec(),
        };
        parts.uri = self.engine.parse()?;
        for of_the_connection in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::ACCEPT_ENCODING] {
            parts.headers.remove(of_the_connection);
        }
        let (mut parts, answer) = self.network.send(Request::from_parts(parts, body)).await?.into_parts();
        let (answer, told) = match parts.status.is_success() && is_counted(&operation) {
            true => without_capacity(&answer)?,
            false => (answer, Vec::new()),
        };
        let used = used(&operation, &told);
        self.add((about, operation), Count { calls: 1, written, ..used });
        for of_the_engine in [header::CONTENT_LENGTH.as_str(), header::TRANSFER_ENCODING.as_str(), "x-amz-crc32"] {
            parts.headers.remove(of_the_engine);
        }
        Ok(Response::from_parts(parts, Body::from(answer)))
    }

    fn add(&self, key: (About, String), more: Count) {
        let mut counts = self.counts.lock().expect("nobody panics at the gate");
        let sum = counts.entry(key).or_default();
        *sum = sum.plus(more);
    }
}

async fn pass(State(gate): State<Gate>, request: Request) -> Response {
    gate.pass_on(request).await.unwrap_or_else(|error| {
        let mut answer = Response::new(Body::from(format!("{error:#}")));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        answer
    })
}

/// The operations that use capacity.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html>
fn is_counted(operation: &str) -> bool {
    writes(operation) || ["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"].contains(&operation)
}

fn writes(operation: &str) -> bool {
    ["BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"].contains(&operation)
}

/// What a request is about, and how many people it writes. Inside a text of JSON the quote before a key would be escaped.
fn look_at(operation: &str, body: &[u8]) -> (About, u64) {
    // Python writes a space after a colon.
    const KEYS: [&[u8]; 2] = [b":\"person#", b": \"person#"];
    let named = KEYS.into_iter().map(|key| body.windows(key.len()).filter(|window| *window == key).count() as u64).sum();
    match (named, writes(operation)) {
        (0, _) => (About::Control, 0),
        (_, true) => (About::People, named),
        (_, false) => (About::People, 0),
    }
}

/// The same request, which wants to be told what it used.
fn wishing(body: &[u8]) -> Vec<u8> {
    let rest = body.iter().position(|byte| *byte == b'{').map_or(body, |open| &body[open + 1..]);
    [br#"{"ReturnConsumedCapacity":"INDEXES","#.as_slice(), rest].concat()
}

/// Capacity of one table, its indexes included.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html>
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Told {
    capacity_units: f64,
    global_secondary_indexes: BTreeMap<String, Told>,
}

/// Of one table, or of several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Capacity {
    One(Told),
    Several(Vec<Told>),
}

/// An answer without the capacity that it tells, and that.
fn without_capacity(answer: &[u8]) -> Result<(Vec<u8>, Vec<Told>)> {
    let mut fields: BTreeMap<&str, &RawValue> = serde_json::from_slice(answer)?;
    let told = fields.remove("ConsumedCapacity").context("the engine tells no capacity")?;
    let told = match serde_json::from_str(told.get())? {
        Capacity::One(told) => vec![told],
        Capacity::Several(told) => told,
    };
    Ok((serde_json::to_vec(&fields)?, told))
}

fn used(operation: &str, told: &[Told]) -> Count {
    let units = told.iter().map(|told| told.capacity_units).sum();
    match writes(operation) {
        true => {
            let indexes = told.iter().flat_map(|told| told.global_secondary_indexes.values());
            Count { writes: units, indexes: indexes.map(|index| index.capacity_units).sum(), ..Count::default() }
        }
        false => Count { reads: units, ..Count::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_about_people_where_it_names_their_keys() {
        let put = |sk: &str| format!(r#"{{"PutRequest":{{"Item":{{"sk":{{"S":"{sk}"}},"body":{{"S":"{{\"a\":\"person#3\"}}"}}}}}}}}"#);
        let two = format!(r#"{{"RequestItems":{{"people":[{},{}]}}}}"#, put("person#1"), put("person#2"));
        assert_eq!(look_at("BatchWriteItem", two.as_bytes()), (About::People, 2));
        assert_eq!(look_at("BatchWriteItem", two.replace(':', ": ").as_bytes()), (About::People, 2));
        assert_eq!(look_at("Query", two.as_bytes()), (About::People, 0));
        assert_eq!(look_at("PutItem", put("roll#1").as_bytes()), (About::Control, 0));
    }

    #[test]
    fn the_wish_is_added_and_what_it_brings_is_taken_out_again() {
        let wish: serde_json::Value = serde_json::from_slice(&wishing(br#"{"TableName":"people"}"#)).unwrap();
        assert_eq!(wish, serde_json::json!({"ReturnConsumedCapacity": "INDEXES", "TableName": "people"}));
        let told = r#"{"CapacityUnits":3.0,"TableName":"people","GlobalSecondaryIndexes":{"by-name":{"CapacityUnits":2.0}}}"#;
        for told in [told.to_owned(), format!("[{told}]")] {
            let answer = format!(r#"{{"UnprocessedItems":{{}},"ConsumedCapacity":{told}}}"#);
            let (rest, told) = without_capacity(answer.as_bytes()).unwrap();
            assert_eq!(rest, br#"{"UnprocessedItems":{}}"#);
            assert_eq!(used("BatchWriteItem", &told), Count { writes: 3.0, indexes: 2.0, ..Count::default() });
            assert_eq!(used("Query", &told), Count { reads: 3.0, ..Count::default() });
        }
    }
}
