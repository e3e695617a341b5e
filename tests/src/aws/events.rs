//! EventBridge's `PutEvents`: what is taken is kept, and single entries can be left untaken. There is one bus besides the default one.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>, `API_DescribeEventBus`

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Front, lock, spoken};

/// Entries that were taken, and what is to be done with the next ones.
#[derive(Default)]
pub(super) struct Events {
    pub(super) taken: Vec<Value>,
    /// How often an entry that holds a text is not taken, and with which error code.
    pub(super) trouble: Vec<Trouble>,
    /// Entries of each request.
    pub(super) requests: Vec<usize>,
}

pub(super) struct Trouble {
    pub(super) text: String,
    pub(super) code: String,
    pub(super) times: usize,
}

pub(super) fn answer(front: &Front, asked: &Value) -> Response {
    let events = &mut lock(&front.kept).events;
    let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
    events.requests.push(entries.len());
    if entries.is_empty() || entries.len() > 10 {
        return spoken(StatusCode::BAD_REQUEST, &json!({"__type": "ValidationException", "message": "1 to 10 entries"}));
    }
    let results: Vec<Value> = entries.into_iter().map(|entry| events.put(entry)).collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    spoken(StatusCode::OK, &json!({"FailedEntryCount": failed, "Entries": results}))
}

/// The bus that is there.
pub const BUS: &str = "evergrant-local";

pub(super) fn describe(asked: &Value) -> Response {
    match asked["Name"].as_str() {
        Some(name) if name == BUS => {
            spoken(StatusCode::OK, &json!({"Name": name, "Arn": format!("arn:aws:events:local:0:event-bus/{name}")}))
        }
        name => {
            let message = format!("Event bus {} does not exist.", name.unwrap_or_default());
            spoken(StatusCode::BAD_REQUEST, &json!({"__type": "ResourceNotFoundException", "message": message}))
        }
    }
}

impl Events {
    fn put(&mut self, entry: Value) -> Value {
        let detail = entry["Detail"].as_str().unwrap_or_default();
        let trouble = self.trouble.iter_mut().find(|trouble| trouble.times > 0 && detail.contains(&trouble.text));
        if let Some(trouble) = trouble {
            trouble.times -= 1;
            return json!({"ErrorCode": trouble.code, "ErrorMessage": "the test's doing"});
        }
        if serde_json::from_str::<Value>(detail).is_err() {
            return json!({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."});
        }
        self.taken.push(entry);
        json!({"EventId": format!("event-{}", self.taken.len())})
    }
}
