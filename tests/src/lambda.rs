//! Lambda around one function: its Runtime API, and what the environment tells.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};

use crate::aws::BUCKET;
use crate::caller::Backend;
use crate::engine::{CONNECTIONS, PEOPLE};

/// The longest that a function may take to answer here.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Variables, by name.
pub type Variables = Vec<(&'static str, String)>;

/// The Runtime API of one function.
pub struct Runtime {
    /// Where it is: what `AWS_LAMBDA_RUNTIME_API` tells.
    pub address: String,
    desk: Arc<Desk>,
    answers: mpsc::UnboundedReceiver<(String, Value)>,
    polls: watch::Receiver<u32>,
}

/// What the function asks at.
struct Desk {
    events: Mutex<VecDeque<Value>>,
    has_event: Notify,
    polls: watch::Sender<u32>,
    answers: mpsc::UnboundedSender<(String, Value)>,
}

impl Runtime {
    /// Starts it on a port of its own.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let ((send, answers), (counted, polls)) = (mpsc::unbounded_channel(), watch::channel(0));
        let desk = Arc::new(Desk { events: Mutex::default(), has_event: Notify::new(), polls: counted, answers: send });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered))
            .with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, desk, answers, polls })
    }

    /// Waits until the function asks for an event for the first time: it has started.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn polled(&mut self) -> Result<()> {
        let polled = self.polls.wait_for(|polls| *polls > 0);
        tokio::time::timeout(PATIENCE, polled).await.context("the function does not start in time")??;
        Ok(())
    }

    /// Sends an event and waits for the answer: `response` or `error`, and what it says.
    ///
    /// # Errors
    /// When the function does not answer in time.
    ///
    /// # Panics
    /// Never: nobody panics at the desk.
    pub async fn ask(&mut self, event: Value) -> Result<(String, Value)> {
        self.desk.events.lock().expect("nobody panics at the desk").push_back(event);
        self.desk.has_event.notify_one();
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        answer.context("the function does not answer in time")?.context("the Runtime API is gone")
    }
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    desk.polls.send_modify(|polls| *polls += 1);
    loop {
        let event = desk.events.lock().expect("nobody panics at the desk").pop_front();
        let Some(event) = event else {
            desk.has_event.notified().await;
            continue;
        };
        let deadline = (Timestamp::now() + SignedDuration::from_secs(300)).as_millisecond().to_string();
        let headers = [
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
            ("lambda-runtime-deadline-ms", deadline),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:local:000000000000:function:evergrant".to_owned()),
        ];
        return (headers, Json(event)).into_response();
    }
}

async fn answered(State(desk): State<Arc<Desk>>, Path((_, kind)): Path<(String, String)>, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
    let _ = desk.answers.send((kind, body));
    StatusCode::ACCEPTED
}

/// What every function is told, wherever Entra is.
#[must_use]
pub fn shared_environment(aws: &str, backend: &Backend) -> Variables {
    let text = |name, value: &str| (name, value.to_owned());
    vec![
        text("EVERGRANT_REDIRECT_URL", "https://api.example/v1/consent/callback"),
        text("EVERGRANT_CONNECTIONS_TABLE", CONNECTIONS),
        text("EVERGRANT_PEOPLE_TABLE", PEOPLE),
        text("EVERGRANT_KEY_ID", "alias/evergrant"),
        text("EVERGRANT_SYNC_QUEUE_URL", &format!("{aws}/000000000000/sync")),
        text("EVERGRANT_BULK_QUEUE_URL", &format!("{aws}/000000000000/bulk")),
        text("EVERGRANT_PHOTO_QUEUE_URL", &format!("{aws}/000000000000/photos")),
        text("EVERGRANT_PHOTO_BUCKET", BUCKET),
        text("EVERGRANT_PUBLIC_URL", "https://api.example"),
        text("EVERGRANT_PORTAL_ORIGINS", "https://portal.example"),
        ("EVERGRANT_CALLER_KEYS", backend.key_set()),
        text("AWS_REGION", "local"),
        text("AWS_ACCESS_KEY_ID", "local"),
        text("AWS_SECRET_ACCESS_KEY", "local"),
        text("AWS_ENDPOINT_URL", aws),
        text("AWS_LAMBDA_FUNCTION_NAME", "evergrant"),
        text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        text("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ]
}
