//! Reads the token endpoint's answers in full: successes as `oauth2` reads them, failures a second time.

use std::pin::Pin;
use std::sync::Mutex;

use domain::refusal::{self, ErrorBody, Failure, Unclear};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{AsyncHttpClient, ExtraTokenFields, RequestTokenError, StandardTokenResponse, TokenResponse as _};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Tokens;
use crate::transport::{Transport, TransportError, retry_after};

/// Fields beyond RFC 6749.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct EntraFields {
    id_token: Option<String>,
    refresh_token_expires_in: Option<u32>,
}

impl ExtraTokenFields for EntraFields {}

/// What `oauth2` makes of a success.
pub(super) type Answer = StandardTokenResponse<EntraFields, BasicTokenType>;

/// The longest lifetime of an access token that is believed.
/// Source: <https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-continuous-access-evaluation>
const LIFETIME_MAX: SignedDuration = SignedDuration::from_hours(28);
/// The most seconds that a lifetime is read as.
const SECONDS_MAX: u64 = 0xffff_ffff;
/// Fields that tell a lifetime in seconds.
const LIFETIMES: [&str; 2] = ["expires_in", "refresh_token_expires_in"];

/// Passes one request on, and keeps what came back, so that a failure can be read in full.
pub(super) struct Tap<'a> {
    transport: &'a dyn Transport,
    answer: Mutex<Option<Response<Vec<u8>>>>,
}

impl<'a> Tap<'a> {
    pub(super) fn new(transport: &'a dyn Transport) -> Self {
        Self { transport, answer: Mutex::new(None) }
    }

    pub(super) fn conclude(
        self,
        outcome: Result<Answer, RequestTokenError<TransportError, BasicErrorResponse>>,
        now: Timestamp,
    ) -> Result<Tokens, Failure> {
        match outcome {
            Ok(answer) => tokens(&answer),
            Err(RequestTokenError::Request(error)) => Err(Failure::Unclear(Unclear { what: error.to_string(), retry_after: None })),
            Err(RequestTokenError::ServerResponse(_) | RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
                Err(self.failure(now))
            }
        }
    }

    fn failure(self, now: Timestamp) -> Failure {
        let Some(answer) = self.answer.into_inner().ok().flatten() else {
            return Failure::Unclear(Unclear { what: "the request was not sent".to_owned(), retry_after: None });
        };
        let body = serde_json::from_slice::<ErrorBody>(answer.body()).ok();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        refusal::read(refusal::Answer {
            status: answer.status().as_u16(),
            retry_after: retry_after(answer.headers(), now),
            request_id: header("x-ms-request-id"),
            telemetry: header("x-ms-clitelem"),
            body,
        })
    }
}

impl<'c> AsyncHttpClient<'c> for Tap<'_> {
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(async move {
            let answer = self.transport.send(request).await?;
            if let Ok(mut kept) = self.answer.lock() {
                *kept = Some(answer.clone());
            }
            Ok(answer.map(legible))
        })
    }
}

/// The same body with its lifetimes as whole numbers, which is all that `oauth2` reads. One that is no number is left out: the tokens beside
/// it are good. Source: <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>
fn legible(body: Vec<u8>) -> Vec<u8> {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return body;
    };
    let is_odd = |value: &Value| value.as_u64().is_none_or(|seconds| seconds > SECONDS_MAX);
    let odd: Vec<&str> = LIFETIMES.into_iter().filter(|name| fields.get(*name).is_some_and(is_odd)).collect();
    if odd.is_empty() {
        return body;
    }
    for name in odd {
        let seconds = fields.remove(name).and_then(|value| whole_seconds(&value));
        fields.extend(seconds.map(|seconds| (name.to_owned(), Value::from(seconds.min(SECONDS_MAX)))));
    }
    serde_json::to_vec(&fields).unwrap_or(body)
}

/// Seconds as a number or a text, without their fraction.
fn whole_seconds(value: &Value) -> Option<u64> {
    let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (whole, fraction) = written.trim().split_once('.').unwrap_or((written.trim(), "0"));
    whole.parse().ok().filter(|_| fraction.bytes().all(|digit| digit.is_ascii_digit()))
}

/// What an answer gives; an empty token is none.
fn tokens(answer: &Answer) -> Result<Tokens, Failure> {
    let filled = |secret: &str| Some(secret).filter(|secret| !secret.trim().is_empty()).map(SecretString::from);
    let Some(access_token) = filled(answer.access_token().secret()) else {
        return Err(Failure::Unclear(Unclear { what: "the access token is empty".to_owned(), retry_after: None }));
    };
    let extra = answer.extra_fields();
    // Entra always states a lifetime; its shortest is ten minutes.
    // Source: <https://learn.microsoft.com/en-us/entra/identity-platform/configurable-token-lifetimes>
    let expires_in = answer.expires_in().and_then(|wait| SignedDuration::try_from(wait).ok());
    Ok(Tokens {
        access_token,
        expires_in: expires_in.unwrap_or(SignedDuration::from_mins(10)).min(LIFETIME_MAX),
        refresh_token: answer.refresh_token().and_then(|token| filled(token.secret())),
        refresh_expires_in: extra.refresh_token_expires_in.map(|seconds| SignedDuration::from_secs(i64::from(seconds))),
        id_token: extra.id_token.as_deref().and_then(filled),
    })
}
