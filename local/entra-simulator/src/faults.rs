//! Trouble on order: what the next requests of a tenant meet instead of an answer.

mod property;

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::moment;

pub use property::PropertyRefusal;
pub(crate) use property::Refused;

/// How a throttled answer says when to come back.
/// Source: <https://learn.microsoft.com/en-us/graph/throttling> (seconds, possibly fractional) and RFC 9110 section 10.2.3
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Whole seconds.
    Seconds(u32),
    /// Written as given, such as `2.128`.
    Fractional(String),
    /// An HTTP-date, 30 seconds ahead on the simulator's clock.
    HttpDate,
    /// No header at all.
    Absent,
}

impl RetryAfter {
    /// The header's value, if there is a header.
    pub(crate) fn value(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::Seconds(seconds) => Some(seconds.to_string()),
            Self::Fractional(text) => Some(text.clone()),
            Self::HttpDate => Some(moment::http(now + SignedDuration::from_secs(30))),
            Self::Absent => None,
        }
    }
}

/// Which endpoint a fault is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The token endpoint.
    Token,
    /// Microsoft Graph.
    Graph,
    /// The authorize and admin consent endpoints.
    Authorize,
}

/// An answer that is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 503 with an empty body.
    Status503,
    /// 504 with an empty body.
    Status504,
    /// The connection breaks while the body is read.
    Reset,
    /// 502 with a proxy's HTML page.
    Html502,
    /// 200 whose JSON stops in the middle.
    TruncatedJson,
    /// 400 whose JSON holds two megabytes of text.
    HugeText,
    /// 200 whose body takes this many seconds of real time to arrive.
    SlowBody {
        /// Seconds until the body ends.
        seconds: u32,
    },
}

impl Fault {
    /// The answer on the wire.
    pub(crate) fn response(&self) -> Response {
        let (status, kind, body) = match self {
            Self::Status503 => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", Body::empty()),
            Self::Status504 => (StatusCode::GATEWAY_TIMEOUT, "text/plain", Body::empty()),
            Self::Reset => (StatusCode::OK, "application/json", breaking_body()),
            Self::Html502 => (StatusCode::BAD_GATEWAY, "text/html", Body::from(PROXY_PAGE)),
            Self::TruncatedJson => (StatusCode::OK, "application/json", Body::from(r#"{"token_type":"Bearer","value":[{"id":"#)),
            Self::HugeText => (StatusCode::BAD_REQUEST, "application/json", huge_body()),
            Self::SlowBody { seconds } => (StatusCode::OK, "application/json", slow_body(*seconds)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}

const PROXY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>";

fn breaking_body() -> Body {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{")), Err(broken)]))
}

fn huge_body() -> Body {
    let text = "a very long story ".repeat(2 * 1024 * 1024 / 18);
    Body::from(format!(r#"{{"error":"invalid_grant","error_description":"{text}"}}"#))
}

fn slow_body(seconds: u32) -> Body {
    let late = stream::once(async move {
        tokio::time::sleep(std::time::Duration::from_secs(seconds.into())).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"}"))
    });
    let first = stream::iter([Ok(Bytes::from_static(b"{"))]);
    Body::from_stream(first.chain(late))
}

/// How one item of a batch goes wrong by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemFault {
    /// 429.
    Throttled {
        /// When to come back.
        retry_after: RetryAfter,
    },
    /// 424.
    FailedDependency,
    /// 503.
    Status503,
    /// 504.
    Status504,
    /// 403 by the mailbox.
    Denied,
    /// 400, as for somebody without a mailbox.
    NoMailbox,
    /// 401 for the token itself.
    BadToken,
    /// 404 without a body.
    BareNotFound,
    /// A status that is no number.
    Malformed,
    /// 200 without a body.
    Empty,
    /// No response at all.
    Unanswered,
}

/// A fault on order for items whose path contains a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ItemOrder {
    pub(crate) path: String,
    pub(crate) fault: ItemFault,
}

/// What stands in a request's way before anything is evaluated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Trouble {
    Throttle(RetryAfter),
    Fail(Fault),
    ClaimsChallenge,
}

/// What is odd about the next answers of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Quirk {
    MissingErrorCodes,
    StringErrorCodes,
    TwoCodes,
    NoRefreshToken,
    /// The request is refused with this code, whatever else holds.
    Refuse(u32),
    /// The request is refused with a `suberror` nobody has heard of.
    UnknownSuberror,
}

/// Things to use up, each a number of times, first in first out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stock<T>(VecDeque<(T, u32)>);

impl<T> Default for Stock<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Clone> Stock<T> {
    /// Adds `item`, to be taken `times` times.
    pub(crate) fn add(&mut self, item: T, times: u32) {
        if times > 0 {
            self.0.push_back((item, times));
        }
    }

    /// Takes the first item once.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.take_where(|_| true)
    }

    /// Takes the first item that `suits` once.
    pub(crate) fn take_where(&mut self, suits: impl Fn(&T) -> bool) -> Option<T> {
        let position = self.0.iter().position(|(item, _)| suits(item))?;
        let (item, left) = self.0.get_mut(position)?;
        *left -= 1;
        let (taken, left) = (item.clone(), *left);
        if left == 0 {
            self.0.remove(position);
        }
        Some(taken)
    }

    /// Forgets everything on order.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Everything on order for one tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    pub(crate) token: Stock<Trouble>,
    pub(crate) graph: Stock<Trouble>,
    pub(crate) authorize: Stock<Trouble>,
    pub(crate) quirks: Stock<Quirk>,
    #[serde(default)]
    pub(crate) properties: Refused,
    #[serde(default)]
    pub(crate) items: Stock<ItemOrder>,
    /// How long Graph takes over each answer, in real time.
    #[serde(default)]
    pub(crate) slow_graph_milliseconds: u32,
}

impl Faults {
    /// The stock of one endpoint.
    pub(crate) fn of(&mut self, target: Target) -> &mut Stock<Trouble> {
        match target {
            Target::Token => &mut self.token,
            Target::Graph => &mut self.graph,
            Target::Authorize => &mut self.authorize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_taken_as_often_as_it_was_ordered() {
        let mut stock = Stock::default();
        stock.add('a', 2);
        stock.add('b', 1);
        stock.add('c', 0);
        let taken: Vec<_> = std::iter::from_fn(|| stock.take()).collect();
        assert_eq!(taken, ['a', 'a', 'b']);
    }
}
