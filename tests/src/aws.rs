//! AWS on one address, as `AWS_ENDPOINT_URL` has it: DynamoDB is the embedded engine behind it, KMS and SQS are a few lines here.
//!
//! Of KMS: a data key opens only under the encryption context that it was made with, or else `InvalidCiphertextException`.
//! Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html>, `API_Decrypt`. Of SQS: what is sent is kept
//! for the test to deliver. Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapters::entropy::{Entropy as _, SystemEntropy};
use adapters::transport::{Network, Transport as _};
use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The stand-in.
#[derive(Clone)]
pub struct Aws {
    /// Its address.
    pub endpoint: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// Data keys by their ciphertext, each with its encryption context.
    keys: HashMap<String, (String, Value)>,
    messages: Vec<String>,
}

struct Front {
    dynamodb: String,
    network: Network,
    kept: Arc<Mutex<Kept>>,
}

impl Aws {
    /// Starts it on a port of its own, in front of a DynamoDB.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(dynamodb: &str) -> Result<Self> {
        let kept = Arc::<Mutex<Kept>>::default();
        let front = Arc::new(Front { dynamodb: dynamodb.to_owned(), network: Network::connect()?, kept: Arc::clone(&kept) });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let routes = Router::new().fallback(answer).with_state(front);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, kept })
    }

    /// Takes the oldest message off the queue.
    #[must_use]
    pub fn take_message(&self) -> Option<String> {
        let mut kept = lock(&self.kept);
        (!kept.messages.is_empty()).then(|| kept.messages.remove(0))
    }

    /// The encryption contexts of all data keys that were made.
    #[must_use]
    pub fn contexts(&self) -> Vec<Value> {
        lock(&self.kept).keys.values().map(|(_, context)| context.clone()).collect()
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(front): State<Arc<Front>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = || serde_json::from_slice::<Value>(&body).unwrap_or_default();
    match target {
        "TrentService.GenerateDataKey" => data_key(&front, &asked()),
        "TrentService.Decrypt" => decrypt(&front, &asked()),
        "AmazonSQS.SendMessage" => send_message(&front, &asked()),
        _ => forward(&front, &headers, &body).await,
    }
}

fn spoken(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}

fn random() -> String {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    STANDARD.encode(bytes)
}

fn data_key(front: &Front, asked: &Value) -> Response {
    let (key, sealed) = (random(), random());
    lock(&front.kept).keys.insert(sealed.clone(), (key.clone(), asked["EncryptionContext"].clone()));
    spoken(StatusCode::OK, &json!({"CiphertextBlob": sealed, "Plaintext": key, "KeyId": asked["KeyId"]}))
}

fn decrypt(front: &Front, asked: &Value) -> Response {
    let kept = lock(&front.kept);
    let found = asked["CiphertextBlob"].as_str().and_then(|sealed| kept.keys.get(sealed));
    match found {
        Some((key, context)) if *context == asked["EncryptionContext"] => {
            spoken(StatusCode::OK, &json!({"Plaintext": key, "KeyId": asked["KeyId"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}))
        }
        _ => spoken(StatusCode::BAD_REQUEST, &json!({"__type": "InvalidCiphertextException"})),
    }
}

fn send_message(front: &Front, asked: &Value) -> Response {
    lock(&front.kept).messages.extend(asked["MessageBody"].as_str().map(str::to_owned));
    spoken(StatusCode::OK, &json!({"MessageId": "m", "MD5OfMessageBody": ""}))
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
