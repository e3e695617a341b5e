//! AWS on one address, as `AWS_ENDPOINT_URL` has it: DynamoDB is the embedded engine behind it; EventBridge, KMS, S3, SES, SQS and STS are a
//! few lines here.

mod events;
mod kms;
mod queues;
mod s3;
mod ses;
mod sts;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapters::clock::{Clock, SystemClock};
use adapters::transport::{Network, Transport as _};
use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use events::{Events, Trouble};
use kms::Keys;
use queues::Queues;
use ses::Mail;

pub use events::BUS;
pub use kms::SEALING_KEY;
pub use s3::{BUCKET, Object};
pub use sts::{ISSUER, SUBJECT, key_set};

/// The stand-in.
#[derive(Clone)]
pub struct Aws {
    /// Its address.
    pub endpoint: String,
    /// How many requests came so far.
    pub requests: watch::Receiver<usize>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    keys: Keys,
    messages: Vec<String>,
    dead: Queues,
    mail: Mail,
    events: Events,
    objects: BTreeMap<String, Object>,
    /// How KMS, S3, SES and STS are.
    mood: Mood,
    /// What is away.
    away: Option<Service>,
    /// How often each operation was asked for.
    asked: HashMap<String, usize>,
}

/// How KMS, S3, SES and STS answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    /// As they should.
    #[default]
    Well,
    /// They deny access.
    Denying,
    /// They fail.
    Failing,
    /// They do not answer at all.
    Silent,
}

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The tables.
    DynamoDb,
    /// The bus.
    EventBridge,
    /// Keys.
    Kms,
    /// Objects.
    S3,
    /// Mails.
    Ses,
    /// Queues.
    Sqs,
    /// Tokens of the functions' own.
    Sts,
}

impl Service {
    /// Which one a request is for.
    fn meant(target: &str, uri: &Uri, body: &Bytes) -> Self {
        match target.split_once('.') {
            Some(("TrentService", _)) => Self::Kms,
            Some(("AWSEvents", _)) => Self::EventBridge,
            Some(("AmazonSQS", _)) => Self::Sqs,
            None if ses::is_meant(uri) => Self::Ses,
            None if s3::is_meant(uri) => Self::S3,
            None if body.starts_with(b"Action=GetWebIdentityToken&") => Self::Sts,
            _ => Self::DynamoDb,
        }
    }
}

struct Front {
    dynamodb: String,
    network: Network,
    clock: Arc<dyn Clock>,
    requests: watch::Sender<usize>,
    kept: Arc<Mutex<Kept>>,
}

impl Aws {
    /// Starts it on a port of its own, in front of a DynamoDB.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(dynamodb: &str) -> Result<Self> {
        Self::start_at(dynamodb, Arc::new(SystemClock)).await
    }

    /// The same, with tokens of STS by this clock.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start_at(dynamodb: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        let kept = Arc::<Mutex<Kept>>::default();
        let (requests, counted) = watch::channel(0);
        let front = Front { dynamodb: dynamodb.to_owned(), network: Network::connect()?, clock, requests, kept: Arc::clone(&kept) };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let routes = Router::new().fallback(answer).with_state(Arc::new(front));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, requests: counted, kept })
    }

    /// Takes the oldest message off the queue.
    #[must_use]
    pub fn take_message(&self) -> Option<String> {
        let mut kept = lock(&self.kept);
        (!kept.messages.is_empty()).then(|| kept.messages.remove(0))
    }

    /// Puts a message back that was not done with.
    pub fn put_back(&self, body: String) {
        lock(&self.kept).messages.push(body);
    }

    /// Makes a queue, and the one that takes what is given up from it; answers the URLs of both.
    #[must_use]
    pub fn add_queue(&self, name: &str) -> (String, String) {
        lock(&self.kept).dead.add(name);
        let url = |name: &str| format!("{}/000000000000/{name}", self.endpoint);
        (url(name), url(&format!("{name}-dead")))
    }

    /// Puts a message on a queue that was made.
    pub fn put_message(&self, url: &str, body: &str) {
        lock(&self.kept).dead.put(url, body.to_owned());
    }

    /// The bodies of the messages on a queue that was made.
    #[must_use]
    pub fn messages_on(&self, url: &str) -> Vec<String> {
        lock(&self.kept).dead.bodies(url)
    }

    /// Takes SES out of its sandbox, and verifies a domain.
    pub fn open_mail(&self, domain: &str) {
        lock(&self.kept).mail.open(domain);
    }

    /// Puts another symmetric key into KMS.
    pub fn add_sealing_key(&self, key_id: &str) {
        lock(&self.kept).keys.add_sealing(key_id);
    }

    /// Takes what was put on the event bus.
    #[must_use]
    pub fn take_events(&self) -> Vec<Value> {
        std::mem::take(&mut lock(&self.kept).events.taken)
    }

    /// How many entries each request of `PutEvents` held; forgets it.
    #[must_use]
    pub fn take_event_requests(&self) -> Vec<usize> {
        std::mem::take(&mut lock(&self.kept).events.requests)
    }

    /// Leaves an entry untaken that holds this text, so many times, with this error code.
    pub fn trouble_events(&self, text: &str, code: &str, times: usize) {
        lock(&self.kept).events.trouble.push(Trouble { text: text.to_owned(), code: code.to_owned(), times });
    }

    /// Takes the mails that SES took, as they were asked for.
    #[must_use]
    pub fn take_mails(&self) -> Vec<Value> {
        std::mem::take(&mut lock(&self.kept).mail.taken)
    }

    /// The encryption contexts of all data keys that were made.
    #[must_use]
    pub fn contexts(&self) -> Vec<Value> {
        lock(&self.kept).keys.contexts()
    }

    /// Puts an RSA key, given as PEM, into KMS.
    ///
    /// # Panics
    /// When it is none.
    pub fn add_signing_key(&self, key_id: &str, pem: &str) {
        lock(&self.kept).keys.add(key_id, pem);
    }

    /// What the bucket holds, by key.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Object> {
        lock(&self.kept).objects.clone()
    }

    /// Lets KMS, S3, SES and STS answer differently from now on.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.kept).mood = mood;
    }

    /// Lets one service be away from now on, or none: it does nothing, and says that it is unavailable.
    pub fn set_away(&self, service: Option<Service>) {
        lock(&self.kept).away = service;
    }

    /// How often an operation of KMS, S3, SES or STS was asked for, such as `Sign` or `PUT object`.
    #[must_use]
    pub fn asked(&self, operation: &str) -> usize {
        lock(&self.kept).asked.get(operation).copied().unwrap_or_default()
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(front): State<Arc<Front>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    front.requests.send_modify(|requests| *requests += 1);
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = || serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let operation = target.split_once('.').map_or("", |(_, operation)| operation);
    let service = Service::meant(target, &uri, &body);
    if lock(&front.kept).away == Some(service) {
        return spoken(StatusCode::SERVICE_UNAVAILABLE, &json!({"__type": "ServiceUnavailable", "message": "it is away"}));
    }
    match service {
        Service::Kms => match note(&front, operation) {
            Mood::Well => kms::answer(&front, operation, &asked()),
            Mood::Denying => spoken(StatusCode::BAD_REQUEST, &json!({"__type": "AccessDeniedException", "message": "not authorized"})),
            Mood::Failing => spoken(StatusCode::INTERNAL_SERVER_ERROR, &json!({"__type": "KMSInternalException"})),
            Mood::Silent => std::future::pending().await,
        },
        Service::EventBridge if operation == "DescribeEventBus" => events::describe(&asked()),
        Service::EventBridge => events::answer(&front, &asked()),
        Service::Sqs => queues::answer(&front, operation, &asked()),
        Service::Ses => ses::answer(&front, &uri, asked()).await,
        Service::S3 => s3::answer(&front, (&method, &uri), &headers, &body).await,
        Service::Sts => match note(&front, "GetWebIdentityToken") {
            Mood::Silent => std::future::pending().await,
            mood => sts::answer(&front, mood, &body),
        },
        Service::DynamoDb => forward(&front, &headers, &body).await,
    }
}

/// Counts a request; answers the mood that it meets.
fn note(front: &Front, operation: &str) -> Mood {
    let mut kept = lock(&front.kept);
    *kept.asked.entry(operation.to_owned()).or_default() += 1;
    kept.mood
}

fn spoken(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}

/// Everything else is for DynamoDB.
async fn forward(front: &Front, headers: &HeaderMap, body: &Bytes) -> Response {
    let mut request = Request::post(&front.dynamodb);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(body.to_vec()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match front.network.send(request).await {
        Ok(answer) => {
            let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
            let mut response = (answer.status(), answer.into_body()).into_response();
            if let Some(kind) = kind {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
