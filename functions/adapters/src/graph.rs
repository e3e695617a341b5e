//! Microsoft Graph: the people's delta and photos, the person who consented, and the proof that a grant can read.

mod consenter;
mod page;
pub mod photos;

use std::iter;
use std::sync::Arc;

use domain::attribute::AttributeName;
use domain::cloud::{Endpoints, ForeignLink};
use domain::ids::TenantId;
use domain::refusal::{self, Refusal};
use domain::walk::PageEnd;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use crate::metrics::{self, Metric};
use crate::transport::{Transport, TransportError, retry_after};

pub use page::{Entry, Scan};

/// The longest word or id of an answer that is kept, in characters. Real ones stay below 50.
const WORD_MAX: usize = 100;
/// How much of an error's message is kept, in characters.
const MESSAGE_MAX: usize = 500;
/// People on a page of the list. Source: <https://learn.microsoft.com/en-us/graph/api/user-list>
const LIST_PAGE: u16 = 999;

/// Source: <https://learn.microsoft.com/en-us/graph/throttling-limits> (`x-ms-throttle-limit-percentage`)
const LOAD: &str = "x-ms-throttle-limit-percentage";
/// Background work gives way to people. Source: <https://learn.microsoft.com/en-us/graph/throttling-limits>
const PRIORITY: (&str, &str) = ("x-ms-throttle-priority", "low");

/// The operator's client of Graph.
#[derive(Clone)]
pub struct Graph {
    endpoints: Endpoints,
    transport: Arc<dyn Transport>,
    leave_refused: consenter::LeaveRefused,
}

/// One page of people.
#[derive(Debug)]
pub struct Page {
    /// Entries in stream order; may be none although more pages follow.
    pub entries: Vec<Entry>,
    /// Where it goes on.
    pub end: PageEnd,
    /// How much of what Graph allows this app in this tenant is used: above 1, requests are refused. Graph says so from 0.8 on.
    /// Source: <https://learn.microsoft.com/en-us/graph/throttling-limits> (identity and access)
    pub load: Option<f64>,
}

/// Where a page is.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// At the beginning, with these attributes.
    Beginning {
        /// Names for `$select`, without `id` and `manager`.
        select: &'a [String],
    },
    /// Where an earlier page said.
    Link(&'a str),
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
        /// What Graph says beside it; tells which attribute fails, and nothing else is read out of it.
        message: String,
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

    /// Lets Graph mark the present: the link from which a delta walk goes on later.
    /// Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview> (`$deltatoken=latest`)
    ///
    /// # Errors
    /// [`GraphError`].
    pub async fn mark(&self, token: &SecretString, select: &[String], now: Timestamp) -> Result<String, GraphError> {
        let url = self.page("v1.0/users/delta", &format!("$select={}&$deltatoken=latest", selected(select)));
        match self.walk(&url, token, now).await?.end {
            PageEnd::Round(link) => Ok(link),
            PageEnd::Next(_) | PageEnd::List => {
                Err(GraphError::Refused { status: 200, code: "no mark".to_owned(), message: String::new() })
            }
        }
    }

    /// Fetches one page of the people's delta.
    ///
    /// # Errors
    /// [`GraphError`]. A link to another host is refused before the token is sent anywhere.
    pub async fn delta(&self, token: &SecretString, place: Place<'_>, now: Timestamp) -> Result<Page, GraphError> {
        let url = match place {
            Place::Link(link) => self.endpoints.admit(link)?,
            Place::Beginning { select } => self.page("v1.0/users/delta", &format!("$select={}", selected(select))),
        };
        self.walk(&url, token, now).await
    }

    /// Fetches one page of the list of all people, as large as Graph gives it.
    /// Source: <https://learn.microsoft.com/en-us/graph/api/user-list> (`$top` up to 999)
    ///
    /// # Errors
    /// [`GraphError`]. A link to another host is refused before the token is sent anywhere.
    pub async fn list(&self, token: &SecretString, place: Place<'_>, now: Timestamp) -> Result<Page, GraphError> {
        let url = match place {
            Place::Link(link) => self.endpoints.admit(link)?,
            Place::Beginning { select } => {
                self.page("v1.0/users", &format!("$top={LIST_PAGE}&$select=id,{}&$expand=manager($select=id)", select.join(",")))
            }
        };
        let answer = self.fetch(&url, token, now).await?;
        let load = load(answer.headers());
        let page = page::read_list(answer.into_body()).map_err(GraphError::Unreadable)?;
        Ok(Page { load, ..page })
    }

    async fn walk(&self, url: &Url, token: &SecretString, now: Timestamp) -> Result<Page, GraphError> {
        let answer = self.fetch(url, token, now).await?;
        let load = load(answer.headers());
        let page = page::read_delta(answer.into_body()).map_err(GraphError::Unreadable)?;
        Ok(Page { load, ..page })
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
        let read: Organizations = serde_json::from_slice(answer.body()).map_err(GraphError::Unreadable)?;
        let missing = || GraphError::Refused { status: 200, code: "no organization".to_owned(), message: String::new() };
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

    /// Whether Graph gives these attributes when it is asked for them together, by the same cheap request.
    ///
    /// # Errors
    /// [`GraphError`], where it says neither.
    pub async fn gives(&self, token: &SecretString, select: &[AttributeName], now: Timestamp) -> Result<bool, GraphError> {
        let names: Vec<&str> = iter::once("id").chain(select.iter().map(AttributeName::as_str)).collect();
        match self.fetch(&self.page("v1.0/users", &format!("$top=1&$select={}", names.join(","))), token, now).await {
            Ok(_) => Ok(true),
            Err(GraphError::Refused { status: 400..=499, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn page(&self, path: &str, query: &str) -> Url {
        let mut url = self.endpoints.graph.clone();
        url.set_path(path);
        url.set_query(Some(query));
        url
    }

    fn outgoing(method: Method, url: &Url, token: &SecretString) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()))
            .header(header::ACCEPT, "application/json")
            .header(PRIORITY.0, PRIORITY.1)
    }

    async fn fetch(&self, url: &Url, token: &SecretString, now: Timestamp) -> Result<Response<Vec<u8>>, GraphError> {
        let unsent = |what: String| GraphError::Unavailable { what, retry_after: None };
        let request = Self::outgoing(Method::GET, url, token).body(Vec::new()).map_err(|error| unsent(error.to_string()))?;
        let answer = self.transport.send(request).await.map_err(|error: TransportError| unsent(error.to_string()))?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
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
    #[serde(default)]
    message: String,
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
    let (code, message, inner) = body.map(|body| (body.error.code, body.error.message, body.error.inner)).unwrap_or_default();
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
            if status == 429 {
                metrics::count(Metric::GraphThrottles);
            }
            GraphError::Unavailable { what: format!("status {status}"), retry_after: retry_after(answer.headers(), now) }
        }
        status => GraphError::Refused { status, code, message: message.chars().take(MESSAGE_MAX).collect() },
    }
}

/// The header's id, or else the body's.
fn request_id(headers: &HeaderMap, inner: InnerError) -> Option<String> {
    let header = headers.get("request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let id = header.or(inner.request_id)?;
    Some(id.chars().take(WORD_MAX).collect())
}

/// How much of what Graph allows is used up; 1 is where it begins to refuse.
fn load(headers: &HeaderMap) -> Option<f64> {
    headers.get(LOAD)?.to_str().ok()?.trim().parse().ok().filter(|load: &f64| load.is_finite())
}

fn selected(select: &[String]) -> String {
    format!("id,manager,{}", select.join(","))
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
