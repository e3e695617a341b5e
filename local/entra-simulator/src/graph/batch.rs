//! `$batch`: up to twenty requests in one.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/json-batching>

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::{Answer, Failure, throttled};
use super::bearer::Bearer;
use super::{Call, one, percent_decoded, trouble};
use crate::Simulator;
use crate::faults::Trouble;
use crate::state::State;

/// Requests per batch.
const REQUESTS_MAX: usize = 20;

/// Answers every request of the batch; each is judged, and throttled, on its own.
pub(super) fn answer(simulator: &Simulator, state: &mut State, call: &Call<'_>, body: &[u8]) -> Answer {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let Some(requests) = parsed.as_ref().and_then(|batch| batch["requests"].as_array()) else {
        return Failure::bad_request("Invalid batch payload format.".to_owned()).into();
    };
    if requests.len() > REQUESTS_MAX {
        let count = requests.len();
        return Failure::bad_request(format!("Number of batch request steps exceeds the maximum value of {REQUESTS_MAX}: {count}.")).into();
    }
    let responses: Vec<Value> = requests.iter().map(|request| item(simulator, state, call.headers, request)).collect();
    Answer::ok(json!({"responses": responses}), 1)
}

fn item(simulator: &Simulator, state: &mut State, headers: &HeaderMap, request: &Value) -> Value {
    let url = request["url"].as_str().unwrap_or_default().trim_start_matches('/');
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let method: Method = request["method"].as_str().and_then(|method| method.parse().ok()).unwrap_or(Method::GET);
    let path = percent_decoded(path);
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let bearer = Bearer::examine(state, headers).ok();
    let ordered = trouble(state, bearer.as_ref().map(|bearer| bearer.tenant));
    let answer = match (ordered, bearer) {
        (Some(Trouble::Throttle(retry_after)), Some(bearer)) => throttled(state, (bearer.client, bearer.tenant), &retry_after),
        (Some(_), _) => Failure::new(503, "serviceNotAvailable", "The service is temporarily unavailable.").into(),
        (None, _) => one(simulator, state, &Call { method: &method, path: &path, query, headers }).unwrap_or_else(Answer::from),
    };
    answer.item(state, headers, &request["id"])
}
