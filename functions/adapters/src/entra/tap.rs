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
            Ok(answer) => Ok(tokens(&answer)),
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
            Ok(answer)
        })
    }
}

fn tokens(answer: &Answer) -> Tokens {
    let extra = answer.extra_fields();
    // Entra always states a lifetime; its shortest is ten minutes.
    // Source: <https://learn.microsoft.com/en-us/entra/identity-platform/configurable-token-lifetimes>
    let expires_in = answer.expires_in().and_then(|wait| SignedDuration::try_from(wait).ok());
    Tokens {
        access_token: answer.access_token().secret().clone().into(),
        expires_in: expires_in.unwrap_or(SignedDuration::from_mins(10)),
        refresh_token: answer.refresh_token().map(|token| token.secret().clone().into()),
        refresh_expires_in: extra.refresh_token_expires_in.map(|seconds| SignedDuration::from_secs(i64::from(seconds))),
        id_token: extra.id_token.clone().map(SecretString::from),
    }
}
