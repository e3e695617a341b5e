//! What Graph answers with, and how it says no.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/errors> and <https://learn.microsoft.com/en-us/graph/throttling-limits>

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::faults::RetryAfter;
use crate::moment;
use crate::state::State;

/// What is in an answer.
pub(super) enum Content {
    Json(Value),
    /// Bytes, and what they are called.
    Image(Vec<u8>, &'static str),
    /// An error whose ids and date are filled in when it is sent.
    Failure(Failure),
}

/// An answer before it is put on the wire.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content: Content,
    pub(super) headers: HeaderMap,
}

impl Answer {
    /// 200 with JSON; `units` is what the request cost.
    pub(super) fn ok(body: Value, units: u32) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-resource-unit", HeaderValue::from(units));
        Self { status: 200, content: Content::Json(body), headers }
    }

    /// 200 with an image.
    pub(super) fn image(bytes: Vec<u8>, kind: &'static str) -> Self {
        Self { status: 200, content: Content::Image(bytes, kind), headers: HeaderMap::new() }
    }

    /// The answer on the wire; `asked` are the request's headers.
    pub(super) fn response(self, state: &mut State, asked: &HeaderMap) -> Response {
        let ids = Ids::of(state, asked);
        let (kind, body) = match self.content {
            Content::Json(json) => (JSON, Body::from(json.to_string())),
            Content::Failure(failure) => (JSON, Body::from(failure.body(state, &ids).to_string())),
            Content::Image(bytes, kind) => (kind, Body::from(bytes)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.extend(self.headers);
        headers.insert("content-type", HeaderValue::from_static(kind));
        headers.insert("cache-control", HeaderValue::from_static("no-cache"));
        headers.insert("x-ms-ags-diagnostic", HeaderValue::from_static(DIAGNOSTIC));
        for (name, value) in [("request-id", ids.request), ("client-request-id", ids.client)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    /// The answer as an item of a batch.
    pub(super) fn item(self, state: &mut State, asked: &HeaderMap, id: &Value) -> Value {
        let ids = Ids::of(state, asked);
        let mut headers = serde_json::Map::new();
        for (name, value) in &self.headers {
            headers.insert(name.to_string(), json!(value.to_str().unwrap_or_default()));
        }
        let (kind, body) = match self.content {
            Content::Json(json) => (JSON, json),
            Content::Failure(failure) => (JSON, failure.body(state, &ids)),
            Content::Image(bytes, kind) => (kind, json!(STANDARD.encode(bytes))),
        };
        headers.insert("Content-Type".to_owned(), json!(kind));
        json!({"id": id, "status": self.status, "headers": headers, "body": body})
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let written = failure.headers.iter().filter_map(|(name, value)| Some((*name, HeaderValue::from_str(value).ok()?)));
        let headers = written.map(|(name, value)| (HeaderName::from_static(name), value)).collect();
        Self { status: failure.status, content: Content::Failure(failure), headers }
    }
}

const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
const DIAGNOSTIC: &str = r#"{"ServerInfo":{"DataCenter":"Simulator","Slice":"E","Ring":"1","ScaleUnit":"001","RoleInstance":"SIM0001"}}"#;

/// The ids of one exchange.
struct Ids {
    request: String,
    client: String,
}

impl Ids {
    fn of(state: &mut State, asked: &HeaderMap) -> Self {
        let request = state.chance.guid().to_string();
        let client = asked.get("client-request-id").and_then(|value| value.to_str().ok());
        let client = client.map_or_else(|| request.clone(), str::to_owned);
        Self { request, client }
    }
}

/// An error answer.
pub(super) struct Failure {
    status: u16,
    code: &'static str,
    message: String,
    headers: Vec<(&'static str, String)>,
}

impl Failure {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(super) fn bad_request(message: String) -> Self {
        Self::new(400, "Request_BadRequest", message)
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    pub(super) fn not_found(id: &str) -> Self {
        let message = format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        Self::new(404, "Request_ResourceNotFound", message)
    }

    pub(super) fn denied() -> Self {
        Self::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }

    /// Adds a header.
    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(&self, state: &State, ids: &Ids) -> Value {
        let mut inner = json!({
            "date": moment::inner(state.now), "request-id": ids.request, "client-request-id": ids.client,
        });
        if self.status == 429 {
            inner["code"] = json!("429");
            inner["message"] = json!("Please retry after");
            inner["status"] = json!("429");
        }
        json!({"error": {"code": self.code, "message": self.message, "innerError": inner}})
    }
}

/// 429 with the throttling headers of the identity service.
/// Source: <https://learn.microsoft.com/en-us/graph/throttling-limits>
pub(super) fn throttled(state: &State, (client, tenant): (Uuid, Uuid), retry_after: &RetryAfter) -> Answer {
    let scope = format!("Tenant_Application/Read/{client}/{tenant}");
    let failure = Failure::new(429, "TooManyRequests", "Please retry again later.")
        .with_header("x-ms-throttle-scope", scope)
        .with_header("x-ms-throttle-information", "ResourceUnitLimitExceeded")
        .with_header("x-ms-throttle-limit-percentage", "1.8");
    match retry_after.value(state.now) {
        Some(value) => Answer::from(failure.with_header("retry-after", value)),
        None => Answer::from(failure),
    }
}

/// 401 with a claims challenge.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge>
pub(super) fn challenge(login_base: &Url) -> Answer {
    let claims = STANDARD.encode(r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#);
    let challenge = format!(
        "Bearer realm=\"\", authorization_uri=\"{login_base}common/oauth2/authorize\", error=\"insufficient_claims\", claims=\"{claims}\""
    );
    let failure = Failure::new(401, "InvalidAuthenticationToken", "The presented token does not carry the claims that are required.");
    Answer::from(failure.with_header("www-authenticate", challenge))
}
