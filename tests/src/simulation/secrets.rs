//! What must not stand anywhere in plain: every token, code and secret of the simulated Entra begins like no other text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::world::SECRET;

/// How refresh tokens, access tokens and codes begin.
const BEGINNINGS: [&str; 3] = ["1.ARt.", "EwB.", "1.AUc."];

/// Whether a text holds a secret.
#[must_use]
pub fn are_in(text: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| text.contains(beginning)) || text.contains(SECRET)
}

/// Whether a request to DynamoDB holds one, in a text or in bytes.
#[must_use]
pub fn are_in_request(request: &Value) -> bool {
    match request {
        Value::String(text) => are_in(text),
        Value::Array(values) => values.iter().any(are_in_request),
        Value::Object(fields) => fields.iter().any(|(name, value)| match (name.as_str(), value) {
            ("B", Value::String(text)) => STANDARD.decode(text).is_ok_and(|bytes| are_in(&String::from_utf8_lossy(&bytes))),
            _ => are_in_request(value),
        }),
        _ => false,
    }
}
