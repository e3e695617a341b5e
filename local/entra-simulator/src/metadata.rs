//! Discovery and keys.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc>

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::Simulator;
use crate::refusal::{Circumstances, Refusal};

/// GET `/{tenant}/v2.0/.well-known/openid-configuration`.
pub(crate) async fn discovery(Shared(simulator): Shared<Simulator>, Path(authority): Path<String>) -> Response {
    let Some(issuer) = issuer(&simulator, &authority) else { return unknown(&simulator, &authority) };
    let (login, graph) = (&simulator.settings().login_base, &simulator.settings().graph_base);
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{login}{authority}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{login}{authority}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{login}{authority}/discovery/v2.0/keys"),
        // Announced as Entra does; nothing answers there.
        "userinfo_endpoint": format!("{graph}oidc/userinfo"),
        "end_session_endpoint": format!("{login}{authority}/oauth2/v2.0/logout"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "oid", "ver", "email"],
        "request_uri_parameter_supported": false,
    });
    Json(document).into_response()
}

/// GET `/{tenant}/discovery/v2.0/keys`.
pub(crate) async fn keys(Shared(simulator): Shared<Simulator>, Path(authority): Path<String>) -> Response {
    match issuer(&simulator, &authority) {
        Some(issuer) => Json(simulator.read(|state| state.signing_key.set(&issuer))).into_response(),
        None => unknown(&simulator, &authority),
    }
}

/// The issuer of an authority: exact for a tenant, a template where the tenant is open.
fn issuer(simulator: &Simulator, authority: &str) -> Option<String> {
    let login = &simulator.settings().login_base;
    if ["organizations", "common"].contains(&authority) {
        return Some(format!("{login}{{tenantid}}/v2.0"));
    }
    simulator.read(|state| {
        let tenant = state.tenant_named(authority).filter(|tenant| tenant.exists)?;
        Some(format!("{login}{}/v2.0", tenant.id))
    })
}

fn unknown(simulator: &Simulator, authority: &str) -> Response {
    let login_base = &simulator.settings().login_base;
    simulator.read(|state| {
        let (now, trace_id, correlation_id) = (state.now, state.chance.guid(), state.chance.guid());
        let circumstances = Circumstances { now, trace_id, correlation_id, login_base };
        let mut response = Refusal::of(90002).with("tenant", authority).response(&circumstances, None);
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    })
}
