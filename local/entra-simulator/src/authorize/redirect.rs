//! The way back to the client, in each response mode.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use super::{Asked, Errand};
use crate::pages;

/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow> (`response_mode`)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

/// What the client is told.
pub(crate) enum Reply {
    /// A code to redeem.
    Code(String),
    /// The admin of a tenant consented; the scopes are shown by the v2 endpoint alone.
    AdminConsent { tenant: Uuid, scope: Option<String> },
    /// Nothing came of it.
    Error { error: &'static str, subcode: Option<&'static str>, description: String },
}

impl Reply {
    fn parameters(&self, asked: &Asked) -> Vec<(&'static str, String)> {
        let mut parameters = match self {
            Self::Code(code) => vec![("code", code.clone())],
            Self::AdminConsent { tenant, scope } => {
                let mut parameters = vec![("admin_consent", "True".to_owned()), ("tenant", tenant.to_string())];
                parameters.extend(scope.clone().map(|scope| ("scope", scope)));
                parameters
            }
            Self::Error { error, subcode, description } => {
                let mut parameters = vec![("error", (*error).to_owned())];
                parameters.extend(subcode.map(|subcode| ("error_subcode", subcode.to_owned())));
                parameters.push(("error_description", description.clone()));
                // Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent>
                if asked.errand == Errand::AdminConsent {
                    parameters.push(("admin_consent", "True".to_owned()));
                }
                parameters
            }
        };
        parameters.extend(asked.state.clone().map(|state| ("state", state)));
        parameters
    }
}

/// Sends the browser back to the client.
pub(crate) fn respond(asked: &Asked, reply: &Reply) -> Response {
    if asked.response_mode == ResponseMode::FormPost {
        return pages::posting(&asked.redirect_uri, &reply.parameters(asked));
    }
    let Some(location) = location(asked, reply) else { return StatusCode::BAD_REQUEST.into_response() };
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(location.as_str()) {
        headers.insert(LOCATION, location);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    response
}

/// The client's URI with the reply in its query or fragment.
pub(crate) fn location(asked: &Asked, reply: &Reply) -> Option<Url> {
    let parameters = reply.parameters(asked);
    let mut location = Url::parse(&asked.redirect_uri).ok()?;
    match asked.response_mode {
        ResponseMode::Fragment => {
            let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
            location.set_fragment(Some(&encoded));
        }
        ResponseMode::Query | ResponseMode::FormPost => {
            location.query_pairs_mut().extend_pairs(parameters);
        }
    }
    Some(location)
}
