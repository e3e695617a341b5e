//! Microsoft Graph: the people's delta, the person who consented, and the proof that a grant can read.

mod consenter;
mod page;

use std::sync::Arc;

use domain::cloud::{Endpoints, ForeignLink};
use domain::ids::TenantId;
use domain::person::{self, Change};
use domain::refusal::{self, Refusal};
use domain::walk::PageEnd;
use http::{HeaderMap, Request, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use crate::transport::{Transport, TransportError, retry_after};

/// The longest word or id of an answer that is kept, in characters. Real ones stay below 50.
const WORD_MAX: usize = 100;

/// The operator's client of Graph.
#[derive(Clone)]
pub struct Graph {
    endpoints: Endpoints,
    transport: Arc<dyn Transport>,
    leave_refused: consenter::LeaveRefused,
}

/// One page of the people's delta.
#[derive(Debug)]
pub struct DeltaPage {
    /// Entries in stream order; may be none although more pages follow.
    pub changes: Vec<Change>,
    /// Where it goes on.
    pub end: PageEnd,
}

/// The tenant as Graph describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its GUID.
    pub id: TenantId,
    /// Its display name.
    pub name: Option<String>,
}

/// Why Graph gave no page; one variant for each thing that a caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The access token is not accepted: get a new one.
    #[error("Graph does not accept the access token")]
    Unauthorized,
    /// The grant may not read this.
    #[error("Graph denies access ({code})")]
    Forbidden {
        /// Graph's word for it.
        code: String,
        /// Graph's id of the answer, for Microsoft's support.
        request_id: Option<String>,
    },
    /// The delta token is forgotten: start over with a full round, from `location` where Graph gave one.
    #[error("Graph wants a full synchronization")]
    Reset {
        /// Where the full round begins.
        location: Option<String>,
    },
    /// The token of a page in the middle of a round expired: start the round over.
    #[error("Graph forgot the page")]
    PageTokenExpired,
    /// Graph asks us to wait, or could not answer.
    #[error("Graph could not answer ({what})")]
    Unavailable {
        /// Status or cause.
        what: String,
        /// How long to wait, where Graph said so.
        retry_after: Option<SignedDuration>,
    },
    /// Graph refuses the request itself.
    #[error("Graph refuses the request ({status} {code})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Graph's word for it.
        code: String,
    },
    /// An answer links to a place that the token must not go to.
    #[error(transparent)]
    Foreign(#[from] ForeignLink),
    /// The answer is no page.
    #[error("Graph's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl GraphError {
    /// A denial as a refusal, so that it is diagnosed like one of Entra's; nothing for what says nothing about the grant.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Forbidden { code, request_id } => Some(refusal::from_graph(403, code, request_id.as_deref())),
            _ => None,
        }
    }
}

impl Graph {
    /// A client for these endpoints.
    #[must_use]
    pub fn new(endpoints: Endpoints, transport: Arc<dyn Transport>) -> Self {
        Self { endpoints, transport, leave_refused: consenter::LeaveRefused::default() }
    }

    /// Fetches one page of the people's delta: the one that `link` leads to, or the first.
    ///
    /// # Errors
    /// [`GraphError`]. A link to another host is refused before the token is sent anywhere.
    pub async fn delta(&self, token: &SecretString, link: Option<&str>, now: Timestamp) -> Result<DeltaPage, GraphError> {
        let url = match link {
            Some(link) => self.endpoints.admit(link)?,
            None => self.first_page(),
        };
        let answer = self.fetch(&url, token, now).await?;
        page::read(&answer).map_err(GraphError::Unreadable)
    }

    /// Proves that a token reads this tenant's people, and asks for the tenant's name.
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn prove(&self, token: &SecretString, now: Timestamp) -> Result<Organization, GraphError> {
        #[derive(Deserialize)]
        struct Organizations {
            value: Vec<Entry>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry {
            id: TenantId,
            display_name: Option<String>,
        }
        self.probe(token, now).await?;
        let answer = self.fetch(&self.page("v1.0/organization", "$select=id,displayName"), token, now).await?;
        let read: Organizations = serde_json::from_slice(&answer).map_err(GraphError::Unreadable)?;
        let missing = || GraphError::Refused { status: 200, code: "no organization".to_owned() };
        let entry = read.value.into_iter().next().ok_or_else(missing)?;
        Ok(Organization { id: entry.id, name: entry.display_name })
    }

    /// Proves that a token reads people, with the cheapest request that does: one resource unit. An app's token is given even where the
    /// consent behind it is gone; then this is [`GraphError::Forbidden`].
    /// Source: <https://learn.microsoft.com/en-us/graph/throttling-limits> (identity and access)
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn probe(&self, token: &SecretString, now: Timestamp) -> Result<(), GraphError> {
        self.fetch(&self.page("v1.0/users", "$top=1&$select=id"), token, now).await.map(drop)
    }

    fn first_page(&self) -> Url {
        self.page("v1.0/users/delta", &format!("$select=id,manager,{}", person::ATTRIBUTES.join(",")))
    }

    fn page(&self, path: &str, query: &str) -> Url {
        let mut url = self.endpoints.graph.clone();
        url.set_path(path);
        url.set_query(Some(query));
        url
    }

    async fn fetch(&self, url: &Url, token: &SecretString, now: Timestamp) -> Result<Vec<u8>, GraphError> {
        let unsent = |what: String| GraphError::Unavailable { what, retry_after: None };
        let request = Request::get(url.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()))
            .header(header::ACCEPT, "application/json")
            // Background work gives way to people. Source: <https://learn.microsoft.com/en-us/graph/throttling-limits>
            .header("x-ms-throttle-priority", "low")
            .body(Vec::new())
            .map_err(|error| unsent(error.to_string()))?;
        let answer = self.transport.send(request).await.map_err(|error: TransportError| unsent(error.to_string()))?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            _ => Err(read_error(&answer, now)),
        }
    }
}

/// Graph's error body. Source: <https://learn.microsoft.com/en-us/graph/errors>
#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    code: String,
    #[serde(rename = "innerError", default)]
    inner: InnerError,
}

#[derive(Default, Deserialize)]
struct InnerError {
    #[serde(rename = "request-id")]
    request_id: Option<String>,
}

fn read_error(answer: &Response<Vec<u8>>, now: Timestamp) -> GraphError {
    let body = serde_json::from_slice::<ErrorBody>(answer.body()).ok();
    let (code, inner) = body.map(|body| (body.error.code, body.error.inner)).unwrap_or_default();
    let code: String = code.chars().take(WORD_MAX).collect();
    let is_reset = ["syncStateNotFound", "resyncRequired"].iter().any(|word| code.eq_ignore_ascii_case(word));
    let status = answer.status();
    match status.as_u16() {
        410 => GraphError::Reset { location: location(answer.headers()) },
        400 | 404 if is_reset => GraphError::Reset { location: None },
        400 if code.eq_ignore_ascii_case("Directory_ExpiredPageToken") => GraphError::PageTokenExpired,
        401 => GraphError::Unauthorized,
        403 => GraphError::Forbidden { code, request_id: request_id(answer.headers(), inner) },
        408 | 423 | 429 | 500..=599 => {
            GraphError::Unavailable { what: format!("status {status}"), retry_after: retry_after(answer.headers(), now) }
        }
        status => GraphError::Refused { status, code },
    }
}

/// The header's id, or else the body's.
fn request_id(headers: &HeaderMap, inner: InnerError) -> Option<String> {
    let header = headers.get("request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let id = header.or(inner.request_id)?;
    Some(id.chars().take(WORD_MAX).collect())
}

fn location(headers: &HeaderMap) -> Option<String> {
    headers.get(header::LOCATION)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(body: &str, header: Option<&str>) -> GraphError {
        let mut answer = Response::builder().status(403);
        if let Some(id) = header {
            answer = answer.header("request-id", id);
        }
        read_error(&answer.body(body.as_bytes().to_vec()).unwrap(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_denial_says_what_graph_calls_it_and_which_answer_it_was() {
        let body =
            r#"{"error":{"code":"Authorization_RequestDenied","message":"no","innerError":{"request-id":"of-the-body","date":"d"}}}"#;
        let bare = r#"{"error":{"code":"Authorization_RequestDenied"}}"#;
        for (body, header, code, id) in [
            (body, Some("of-the-header"), "Authorization_RequestDenied", Some("of-the-header")),
            (body, None, "Authorization_RequestDenied", Some("of-the-body")),
            (bare, None, "Authorization_RequestDenied", None),
            ("<html>", Some("of-the-header"), "", Some("of-the-header")),
        ] {
            let refusal = denial(body, header).refusal().expect("a denial is a refusal");
            assert_eq!((refusal.status, String::from(refusal.error).as_str(), refusal.trace_id.as_deref()), (403, code, id), "{body}");
        }
        assert!(GraphError::Unauthorized.refusal().is_none());
    }
}
