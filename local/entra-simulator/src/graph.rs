//! Microsoft Graph v1.0, as far as reading a directory needs it.

mod answer;
mod batch;
mod bearer;
mod photos;
pub(crate) mod properties;
mod users;

use std::time::Duration;

use axum::extract::Request;
use axum::extract::State as Shared;
use axum::response::Response;
use http::{HeaderMap, Method};
use url::form_urlencoded;
use uuid::Uuid;

use crate::Simulator;
use crate::faults::Trouble;
use crate::recorder::Noted;
use crate::state::State;
use answer::{Answer, Failure};
use bearer::Bearer;

pub(crate) use bearer::AccessToken;

/// Bodies above this are refused.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// One request to Graph, alone or out of a batch.
struct Call<'a> {
    method: &'a Method,
    /// Without the leading `/v1.0/`.
    path: &'a str,
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
}

impl Call<'_> {
    /// The value of a query parameter.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The selected properties, or what is wrong with the list.
    fn select(&self) -> Result<Vec<String>, Failure> {
        let names = self.parameter("$select").unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        match names.iter().find(|name| *name != "manager" && !properties::is_property(name)) {
            Some(unknown) => Err(unknown_property(unknown)),
            None => Ok(names),
        }
    }
}

fn unknown_property(name: &str) -> Failure {
    Failure::bad_request(format!("Could not find a property named '{name}' on type 'microsoft.graph.user'."))
}

/// Everything below `/v1.0/`.
pub(crate) async fn serve(Shared(simulator): Shared<Simulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        let answer = Answer::from(Failure::bad_request("The request body is too large.".to_owned()));
        return simulator.read(|state| answer.response(state, &parts.headers));
    };
    let path = percent_decoded(parts.uri.path().trim_start_matches("/v1.0/"));
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let call = Call { method: &parts.method, path: &path, query, headers: &parts.headers };
    let (response, slow_milliseconds) = simulator.read(|state| {
        let bearer = Bearer::examine(state, &parts.headers);
        let tenant = bearer.as_ref().ok().map(|bearer| bearer.tenant);
        let mut response = match trouble(state, tenant) {
            Some(Trouble::Fail(fault)) => fault.response(),
            Some(Trouble::Throttle(retry_after)) => {
                let client = bearer.map_or(Uuid::nil(), |bearer| bearer.client);
                answer::throttled(state, (client, tenant.unwrap_or_default()), &retry_after).response(state, &parts.headers)
            }
            Some(Trouble::ClaimsChallenge) => answer::challenge(&simulator.settings().login_base).response(state, &parts.headers),
            None => answer(&simulator, state, &call, &body).response(state, &parts.headers),
        };
        response.extensions_mut().insert(Noted { tenant, grant: None });
        let faults = tenant.and_then(|tenant| state.tenants.get(&tenant)).map(|tenant| &tenant.faults);
        (response, faults.map_or(0, |faults| faults.slow_graph_milliseconds))
    });
    if slow_milliseconds > 0 {
        tokio::time::sleep(Duration::from_millis(slow_milliseconds.into())).await;
    }
    response
}

fn trouble(state: &mut State, tenant: Option<Uuid>) -> Option<Trouble> {
    state.tenants.get_mut(&tenant?)?.faults.graph.take()
}

/// The answer to a request that met no trouble on order.
fn answer(simulator: &Simulator, state: &mut State, call: &Call<'_>, body: &[u8]) -> Answer {
    match (call.method, call.path) {
        (&Method::POST, "$batch") => batch::answer(simulator, state, call, body),
        _ => one(simulator, state, call).unwrap_or_else(Answer::from),
    }
}

/// The answer to a single request, in a batch or not.
fn one(simulator: &Simulator, state: &mut State, call: &Call<'_>) -> Result<Answer, Failure> {
    let bearer = Bearer::examine(state, call.headers)?;
    bearer.require_app(state)?;
    if call.method != Method::GET {
        return Err(Failure::new(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."));
    }
    let segments: Vec<&str> = call.path.trim_end_matches('/').split('/').collect();
    match segments.as_slice() {
        ["organization"] => users::organization(simulator, state, &bearer),
        ["me"] => users::one(state, &bearer, call, "me"),
        ["users"] => users::list(simulator, state, &bearer, call),
        ["users", "delta" | "delta()" | "microsoft.graph.delta" | "microsoft.graph.delta()"] => {
            users::delta(simulator, state, &bearer, call)
        }
        ["users", user] => users::one(state, &bearer, call, user),
        ["users", user, "manager"] => users::manager(state, &bearer, call, user),
        ["users", user, "photo"] => photos::metadata(simulator, state, &bearer, (user, None)),
        ["users", user, "photos", size] => photos::metadata(simulator, state, &bearer, (user, Some(size))),
        ["users", user, "photo", "$value"] => photos::bytes(state, &bearer, (user, None)),
        ["users", user, "photos", size, "$value"] => photos::bytes(state, &bearer, (user, Some(size))),
        _ => {
            let segment = segments.last().copied().unwrap_or_default();
            Err(Failure::bad_request(format!("Resource not found for the segment '{segment}'.")))
        }
    }
}

fn percent_decoded(path: &str) -> String {
    // A path is no form, so a plus must survive the form decoder.
    let escaped = path.replace('+', "%2B");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}
