//! HTTP out: one request, one answer, one deadline. `oauth2` and Graph both go through it.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Request, Response};
use jiff::{SignedDuration, Timestamp};

/// The longest wait for one answer, connecting included.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// The largest answer that is read. A page of 999 people with sixty attributes stays below 4 MiB.
pub const BODY_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The server did not answer in time, or the connection failed.
    #[error("no answer from {host}")]
    NoAnswer {
        /// Whom we asked.
        host: String,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is larger than [`BODY_MAX_BYTES`].
    #[error("the answer from {host} is larger than {BODY_MAX_BYTES} bytes")]
    TooLarge {
        /// Whom we asked.
        host: String,
    },
}

/// Sends one request. Redirects are not followed: a redirect would carry the bearer token to another host.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` and reads the whole answer within [`DEADLINE`].
    ///
    /// # Errors
    /// [`TransportError`] where there is no whole answer. An answer with an error status is an answer.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError>;
}

/// [`Transport`] over the network.
#[derive(Debug, Clone)]
pub struct Network {
    client: reqwest::Client,
}

impl Network {
    /// Sets up TLS and the connection pool.
    ///
    /// # Errors
    /// Where the system has no usable TLS roots.
    pub fn connect() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DEADLINE)
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("evergrant/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let host = request.uri().host().unwrap_or("nobody").to_owned();
        let no_answer = |source: reqwest::Error| TransportError::NoAnswer { host: host.clone(), source: source.without_url().into() };
        let outgoing = reqwest::Request::try_from(request).map_err(no_answer)?;
        let mut answer = self.client.execute(outgoing).await.map_err(no_answer)?;
        let mut response = Response::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if response.body().len() + chunk.len() > BODY_MAX_BYTES {
                return Err(TransportError::TooLarge { host });
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

/// How long the server asks us to wait: whole or fractional seconds, or a date. Source: RFC 9110 section 10.2.3; Graph has been seen to
/// send fractions, <https://learn.microsoft.com/en-us/graph/throttling>
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return SignedDuration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_negative());
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(date.duration_since(now).max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<SignedDuration> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers, "2026-03-02T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_wait_comes_whole_fractional_or_as_a_date() {
        assert_eq!(wait("10"), Some(SignedDuration::from_secs(10)));
        assert_eq!(wait("2.128"), Some(SignedDuration::from_millis(2128)));
        assert_eq!(wait("Mon, 02 Mar 2026 10:01:00 GMT"), Some(SignedDuration::from_secs(60)));
        assert_eq!(wait("Mon, 02 Mar 2026 09:00:00 GMT"), Some(SignedDuration::ZERO));
    }

    #[test]
    fn nonsense_is_no_wait() {
        for text in ["soon", "", "-3", "NaN", "inf", "1e300"] {
            assert_eq!(wait(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }
}
