//! `$batch`: up to twenty requests in one.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/json-batching>

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::{Answer, Failure, throttled};
use super::bearer::Bearer;
use super::{Call, one, percent_decoded, trouble};
use crate::Simulator;
use crate::faults::{ItemFault, Trouble};
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
    let responses: Vec<Value> = requests.iter().filter_map(|request| item(simulator, state, call.headers, request)).collect();
    let is_throttled = responses.iter().any(|response| response["status"] == 429);
    let tenant = Bearer::examine(state, call.headers).ok().and_then(|bearer| state.tenants.get(&bearer.tenant));
    let fails = is_throttled && tenant.is_some_and(|tenant| tenant.fails_throttled_batches);
    Answer { status: if fails { 424 } else { 200 }, ..Answer::ok(json!({"responses": responses}), 1) }
}

/// The response to one request; none where the fault on order is that there is none.
fn item(simulator: &Simulator, state: &mut State, headers: &HeaderMap, request: &Value) -> Option<Value> {
    let url = request["url"].as_str().unwrap_or_default().trim_start_matches('/');
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let method: Method = request["method"].as_str().and_then(|method| method.parse().ok()).unwrap_or(Method::GET);
    let path = percent_decoded(path);
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let bearer = Bearer::examine(state, headers).ok();
    let tenant = bearer.as_ref().map(|bearer| bearer.tenant);
    let id = &request["id"];
    let answer = match (trouble(state, tenant), fault(state, tenant, &path), bearer) {
        (Some(Trouble::Throttle(retry_after)), _, Some(bearer)) => throttled(state, (bearer.client, bearer.tenant), &retry_after),
        (Some(_), ..) => Failure::new(503, "serviceNotAvailable", "The service is temporarily unavailable.").into(),
        (None, Some(fault), Some(bearer)) => match odd(state, &bearer, &fault) {
            Odd::Answer(answer) => answer,
            Odd::Item(item) => return Some(json!({"id": id, "status": item[0], "headers": {}, "body": item[1]})),
            Odd::Nothing => return None,
        },
        (None, ..) => one(simulator, state, &Call { method: &method, path: &path, query, headers }).unwrap_or_else(Answer::from),
    };
    Some(answer.item(state, headers, id))
}

/// The fault on order for an item with this path.
fn fault(state: &mut State, tenant: Option<Uuid>, path: &str) -> Option<ItemFault> {
    let faults = &mut state.tenants.get_mut(&tenant?)?.faults;
    faults.items.take_where(|order| path.contains(order.path.as_str())).map(|order| order.fault)
}

/// What a fault comes to.
enum Odd {
    Answer(Answer),
    /// Status and body, as they should not be.
    Item([Value; 2]),
    Nothing,
}

fn odd(state: &State, bearer: &Bearer, fault: &ItemFault) -> Odd {
    let failure = |status, code| Odd::Answer(Failure::new(status, code, "A failure of this item alone.").into());
    match fault {
        ItemFault::Throttled { retry_after } => Odd::Answer(throttled(state, (bearer.client, bearer.tenant), retry_after)),
        ItemFault::FailedDependency => failure(424, "FailedDependency"),
        ItemFault::Status503 => failure(503, "serviceNotAvailable"),
        ItemFault::Status504 => failure(504, "UnknownError"),
        ItemFault::Denied => failure(403, "ErrorAccessDenied"),
        ItemFault::NoMailbox => failure(400, "AuthenticationError"),
        ItemFault::BadToken => failure(401, "InvalidAuthenticationToken"),
        ItemFault::BareNotFound => Odd::Item([json!(404), Value::Null]),
        ItemFault::Malformed => Odd::Item([json!("broken"), json!({})]),
        ItemFault::Empty => Odd::Item([json!(200), Value::Null]),
        ItemFault::Unanswered => Odd::Nothing,
    }
}
