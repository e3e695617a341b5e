//! The token endpoint: what a request must hold, in the order it is looked at, and what is issued.
//!
//! The order of evaluation is an assumption; Entra does not publish its own. The parts have their sources.
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>

mod assertion;
mod client;
mod grants;
mod issue;
mod policy;

use axum::extract::{Path, Request, State as Shared};
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method};
use jiff::SignedDuration;
use serde_json::Value;
use url::{Url, form_urlencoded};
use uuid::Uuid;

use crate::Simulator;
use crate::faults::{Quirk, Trouble};
use crate::recorder::Noted;
use crate::refusal::{Circumstances, Refusal};
use crate::state::{State, Tenant};

pub(crate) use issue::{AuthorizationCode, Challenge, RefreshToken, is_sign_in_scope, issue_refresh_token, permission_of};

/// Bodies above this are refused.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A token request.
pub(crate) struct Form<'a> {
    /// The first segment of the path: a GUID, a domain, or `organizations` or `common`.
    authority: &'a str,
    fields: Vec<(String, String)>,
    headers: &'a HeaderMap,
    login_base: &'a Url,
    graph_base: &'a Url,
}

impl Form<'_> {
    /// A field that is there and not empty.
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A field that must be there.
    fn require(&self, name: &'static str) -> Result<&str, Refusal> {
        self.field(name).ok_or_else(|| Refusal::of(900_144).with("parameter", name))
    }

    /// Whether the path leaves the tenant open.
    fn is_any_tenant(&self) -> bool {
        ["organizations", "common", "consumers"].contains(&self.authority)
    }
}

/// An answered grant.
struct Issued {
    body: Value,
    /// The age of the refresh token that was presented, if any.
    age: Option<SignedDuration>,
}

/// POST `/{tenant}/oauth2/v2.0/token`.
pub(crate) async fn serve(Shared(simulator): Shared<Simulator>, Path(authority): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let form = Form {
        authority: &authority,
        fields: form_urlencoded::parse(&body).into_owned().collect(),
        headers: &parts.headers,
        login_base: &simulator.settings().login_base,
        graph_base: &simulator.settings().graph_base,
    };
    simulator.read(|state| {
        let tenant = tenant_of(state, &form);
        let mut response = respond(state, &form, &parts.method, tenant);
        let grant = form.field("grant_type").map(str::to_owned);
        response.extensions_mut().insert(Noted { tenant, grant });
        response
    })
}

fn respond(state: &mut State, form: &Form<'_>, method: &Method, tenant: Option<Uuid>) -> Response {
    let circumstances = Circumstances {
        now: state.now,
        trace_id: state.chance.guid(),
        correlation_id: correlation(form).unwrap_or_else(|| state.chance.guid()),
        login_base: form.login_base,
    };
    match faults(state, tenant).and_then(|tenant| tenant.faults.token.take()) {
        Some(Trouble::Fail(fault)) => return fault.response(),
        Some(Trouble::Throttle(retry_after)) => {
            let refusal = Refusal::of(90055).with("tenant", tenant.unwrap_or_default());
            let mut response = refusal.response(&circumstances, None);
            if let Some(value) = retry_after.value(state.now).and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(RETRY_AFTER, value);
            }
            return response;
        }
        Some(Trouble::ClaimsChallenge) | None => {}
    }
    let forced = faults(state, tenant)
        .and_then(|tenant| tenant.faults.quirks.take_where(|quirk| matches!(quirk, Quirk::Refuse(_) | Quirk::UnknownSuberror)));
    let outcome = match &forced {
        Some(Quirk::Refuse(code)) => Err(Refusal::of(*code)),
        Some(Quirk::UnknownSuberror) => Err(Refusal::of(50076).with("resource", issue::GRAPH_APP_ID)),
        _ => evaluate(state, form, method),
    };
    match outcome {
        Ok(issued) => granted(state, tenant, issued, &circumstances),
        Err(refusal) => {
            let bends = |quirk: &Quirk| matches!(quirk, Quirk::MissingErrorCodes | Quirk::StringErrorCodes | Quirk::TwoCodes);
            let quirk = forced.or_else(|| faults(state, tenant)?.faults.quirks.take_where(bends));
            refusal.response(&circumstances, quirk.as_ref())
        }
    }
}

fn granted(state: &mut State, tenant: Option<Uuid>, mut issued: Issued, circumstances: &Circumstances<'_>) -> Response {
    let quirk = faults(state, tenant).and_then(|tenant| tenant.faults.quirks.take_where(|quirk| *quirk == Quirk::NoRefreshToken));
    if let (Some(_), Some(fields)) = (quirk, issued.body.as_object_mut()) {
        fields.remove("refresh_token");
    }
    let mut response = axum::Json(issued.body).into_response();
    circumstances.write_headers(&mut response, 0, issued.age);
    response
}

/// Looks at the request step by step; the first thing wrong is the answer.
fn evaluate(state: &mut State, form: &Form<'_>, method: &Method) -> Result<Issued, Refusal> {
    if method != Method::POST {
        return Err(Refusal::of(900_561).with("method", method));
    }
    let grant_type = form.require("grant_type")?;
    match grant_type {
        "refresh_token" => grants::refresh_token(state, form),
        "authorization_code" => grants::authorization_code(state, form),
        "client_credentials" => grants::client_credentials(state, form),
        other => Err(Refusal::of(70003).with("grant_type", other)),
    }
}

fn faults(state: &mut State, tenant: Option<Uuid>) -> Option<&mut Tenant> {
    state.tenants.get_mut(&tenant?)
}

/// The tenant a request is about: the path's, or the one the presented code or token came from.
fn tenant_of(state: &State, form: &Form<'_>) -> Option<Uuid> {
    if !form.is_any_tenant() {
        return state.tenant_named(form.authority).map(|tenant| tenant.id);
    }
    let code = form.field("code").and_then(|code| AuthorizationCode::open(&state.seal, code)).map(|code| code.tenant);
    let token = form.field("refresh_token").and_then(|token| RefreshToken::open(&state.seal, token));
    code.or(token.map(|token| token.tenant))
}

/// The caller's id of the exchange, if it sent one.
fn correlation(form: &Form<'_>) -> Option<Uuid> {
    let header = form.headers.get("client-request-id").and_then(|value| value.to_str().ok());
    header.or_else(|| form.field("client-request-id")).and_then(|id| id.parse().ok())
}
