//! The way to DynamoDB: the real client's HTTP ends here, and no socket is opened.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use adapters::settings::Aws;
use adapters::store::Store;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::actor::Actor;
use super::breakage::Breakage;
use super::database::{Answer, Database, Model};
use super::items;
use super::outside::{Outside, Passed};
use super::secrets;
use super::watch::Rule;
use crate::engine::{CONNECTIONS, PEOPLE};

/// Operations that change nothing.
const READS: [&str; 3] = ["GetItem", "BatchGetItem", "Query"];

/// How often DynamoDB leaves a part of a batch undone, in a thousand.
const UNDONE: u64 = 50;

/// After so long a machine that stood still with a batch in its hands is too late with it: others may hold the walk.
const BLIND_MAX: SignedDuration = SignedDuration::from_secs(100);

/// How often each item was written without a condition, by its key.
type Versions = HashMap<(String, String), u64>;

/// The wire of one invocation.
#[derive(Clone)]
pub struct Wire {
    outside: Arc<Outside>,
    actor: Arc<Actor>,
    model: Arc<Model>,
    breakage: Option<Breakage>,
    /// Requests held back by a breakage.
    held: Arc<Mutex<Vec<(String, Value)>>>,
    /// The last answer of each read, for a breakage.
    remembered: Arc<Mutex<HashMap<String, Answer>>>,
    written: Arc<Mutex<Versions>>,
}

/// What all invocations of a run share of it.
#[derive(Clone)]
pub struct Wiring {
    /// The outside.
    pub outside: Arc<Outside>,
    /// The tables.
    pub model: Arc<Model>,
    /// What is broken.
    pub breakage: Option<Breakage>,
    remembered: Arc<Mutex<HashMap<String, Answer>>>,
    written: Arc<Mutex<Versions>>,
}

impl Wiring {
    /// Wiring to these tables.
    #[must_use]
    pub fn new(outside: Arc<Outside>, model: Arc<Model>, breakage: Option<Breakage>) -> Self {
        Self { outside, model, breakage, remembered: Arc::default(), written: Arc::default() }
    }

    /// The store as an invocation has it.
    #[must_use]
    pub fn store(&self, actor: &Arc<Actor>) -> Store {
        Store::new(self.client(actor), CONNECTIONS.to_owned(), PEOPLE.to_owned())
    }

    /// The client as an invocation has it.
    #[must_use]
    pub fn client(&self, actor: &Arc<Actor>) -> Client {
        let wire = Wire {
            outside: Arc::clone(&self.outside),
            actor: Arc::clone(actor),
            model: Arc::clone(&self.model),
            breakage: self.breakage,
            held: Arc::default(),
            remembered: Arc::clone(&self.remembered),
            written: Arc::clone(&self.written),
        };
        let config = Aws::stand_in("http://dynamodb.example").dynamodb().to_builder();
        // The client's own bucket of retries is one for the whole process, and would let one run decide about another.
        let config = config.retry_partition(RetryPartition::custom("run").build()).http_client(wire);
        let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build();
        Client::from_conf(config)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.pass(operation, body).await })
    }
}

impl Wire {
    async fn pass(self, operation: String, mut request: Value) -> Result<HttpResponse, ConnectorError> {
        if secrets::are_in_request(&request) {
            self.outside.watch().broken(Rule::I6, format!("{operation} carries a token in plain"));
        }
        if let Some(breakage) = self.breakage {
            breakage.bend(&operation, &mut request, self.outside.now().as_millisecond());
        }
        let left = self.leave_undone(&operation, &mut request);
        let label = items::label(&operation, &request);
        let (meant, sent_at) = (self.versions(&operation, &request), self.outside.now());
        let (outside, actor) = (Arc::clone(&self.outside), Arc::clone(&self.actor));
        let is_lenient = self.breakage == Some(Breakage::LostIsDone) && !READS.contains(&operation.as_str());
        let passed = outside.through(&actor, &label, move || {
            Box::pin(async move {
                let is_late = !meant.is_empty() && self.outside.now().duration_since(sent_at) > BLIND_MAX;
                match self.versions(&operation, &request) == meant && !is_late {
                    true => self.carry_out(&operation, &request),
                    false => Answer::refusal("ProvisionedThroughputExceededException"),
                }
            })
        });
        let answer = match passed.await {
            Passed::Answered(answer) => with_undone(answer, left),
            Passed::Lost if is_lenient => Answer { status: 200, body: json!({}), written: Vec::new() },
            Passed::Lost => return Err(ConnectorError::io("the connection broke".into())),
            Passed::Throttled => Answer::refusal("ProvisionedThroughputExceededException"),
        };
        outside.note(&actor.name, || format!("{label} -> {} {}", answer.status, answer.body["__type"].as_str().unwrap_or_default()));
        let status = StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
        Ok(HttpResponse::new(status, SdkBody::from(answer.body.to_string())))
    }

    /// How often the items were written that a request writes without a condition. Where that changes while the request is under way, or it
    /// is under way for longer than a walk is held, it came so late that others went on: it is granted that such a request is lost, because
    /// DynamoDB takes no conditions in a batch.
    fn versions(&self, operation: &str, request: &Value) -> Vec<u64> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        items::written_blindly(operation, request).iter().map(|key| written.get(key).copied().unwrap_or_default()).collect()
    }

    /// Takes some of a batch of people out, as DynamoDB may: they come back as undone.
    fn leave_undone(&self, operation: &str, request: &mut Value) -> Option<(&'static str, Value)> {
        let (name, left) = match operation {
            "BatchWriteItem" => ("UnprocessedItems", request["RequestItems"].get_mut(PEOPLE)?),
            "BatchGetItem" => ("UnprocessedKeys", request["RequestItems"].get_mut(PEOPLE)?.get_mut("Keys")?),
            _ => return None,
        };
        let chance = &self.outside.chance;
        if !self.outside.is_stormy() || !chance.happens(UNDONE) {
            return None;
        }
        let all = left.as_array_mut().filter(|all| all.len() > 1)?;
        let done = 1 + usize::try_from(chance.below(all.len() as u64 - 1)).unwrap_or_default();
        let undone = Value::Array(all.split_off(done));
        Some((name, json!({PEOPLE: if operation == "BatchGetItem" { json!({"Keys": undone, "ConsistentRead": true}) } else { undone }})))
    }

    fn carry_out(&self, operation: &str, request: &Value) -> Answer {
        let breakage = self.breakage;
        if breakage.is_some_and(|breakage| breakage.pretends(operation, request)) {
            return Answer { status: 200, body: json!({}), written: Vec::new() };
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if breakage.is_some_and(|breakage| breakage.holds_back(operation, request)) {
            held.push((operation.to_owned(), request.clone()));
            return Answer { status: 200, body: json!({}), written: Vec::new() };
        }
        let answer = self.answer(operation, request);
        let lets_go = breakage.map_or("connection", Breakage::lets_go);
        if !held.is_empty() && answer.written.iter().any(|write| write.after.as_ref().is_some_and(|item| item["sk"]["S"] == lets_go)) {
            held.drain(..).for_each(|(operation, request)| drop(self.answer(&operation, &request)));
        }
        answer
    }

    fn answer(&self, operation: &str, request: &Value) -> Answer {
        let mut answer = self.model.answer(operation, request);
        if let Some(breakage) = self.breakage {
            breakage.shows(&mut answer.body);
        }
        if !answer.written.is_empty() {
            let now = self.outside.now();
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            items::written_blindly(operation, request).into_iter().for_each(|key| *written.entry(key).or_default() += 1);
            drop(written);
            self.outside.watch().wrote(&answer.written, now);
            if let Some(second) = self.breakage.and_then(|breakage| breakage.follows(operation, request)) {
                let again = self.model.answer(operation, &second);
                self.outside.watch().wrote(&again.written, now);
            }
        }
        if self.breakage == Some(Breakage::StaleReads) && READS.contains(&operation) && request["IndexName"].is_null() {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            return remembered.insert(request.to_string(), answer.clone()).unwrap_or(answer);
        }
        answer
    }
}

/// An answer with what was left undone.
fn with_undone(mut answer: Answer, left: Option<(&'static str, Value)>) -> Answer {
    if let Some((name, left)) = left.filter(|_| answer.status == 200) {
        answer.body[name] = left;
    }
    answer
}
