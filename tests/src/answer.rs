//! What a browser, or another caller, is answered.

use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Map, Value};
use tower::ServiceExt as _;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
    /// The body as it is, where it is no text.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Asks a router.
    ///
    /// # Panics
    /// When the body breaks off.
    pub async fn of(router: axum::Router, request: Request<Body>) -> Self {
        let response: Response<Body> = match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("the API's answers do not break off");
        let (text, bytes) = (String::from_utf8_lossy(&bytes).into_owned(), bytes.to_vec());
        Self { status: parts.status, headers: parts.headers, text, bytes }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} and no JSON: {}", self.status, self.text))
    }

    /// A header's text; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer for a snapshot: status and body, without ids and times.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        serde_json::json!({"status": self.status.as_u16(), "body": redacted(&self.json())})
    }
}

/// A value with ids and times replaced by their kind, so that a snapshot shows the shape and the words.
#[must_use]
pub fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted_text(text)),
        Value::Array(values) => values.iter().map(redacted).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), redacted(value))).collect::<Map<_, _>>().into(),
        other => other.clone(),
    }
}

fn redacted_text(text: &str) -> String {
    let is_time =
        text.parse::<jiff::Timestamp>().is_ok() || (text.ends_with('Z') && text.replacen(' ', "T", 1).parse::<jiff::Timestamp>().is_ok());
    match text {
        _ if is_time => "[time]".to_owned(),
        _ if uuid::Uuid::try_parse(text).is_ok() => "[guid]".to_owned(),
        _ if text.starts_with("con-") => "[connection]".to_owned(),
        _ if text.starts_with("att-") => "[attempt]".to_owned(),
        _ if text.contains("/oauth2/v2.0/authorize?") => "[authorize url]".to_owned(),
        other => other.to_owned(),
    }
}

/// A point in time out of an answer.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn time(value: &Value) -> jiff::Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("a time, not {value}"))
}
