//! Entra: the authorize URL, the token endpoint and the id_token.
//!
//! Requests and successes are `oauth2`'s. A failed answer is read a second time here, because Entra's says more than RFC 6749 knows:
//! `suberror`, `error_codes`, `claims` and the ids that Microsoft's support asks for.

mod identity;

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use domain::cloud::Endpoints;
use domain::ids::TenantId;
use domain::refusal::{self, ErrorBody, Failure, Unclear};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    StandardTokenIntrospectionResponse, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::transport::{Transport, TransportError, retry_after};

pub use identity::{Identity, IdentityError};

/// The operator's app registration in Entra.
#[derive(Clone)]
pub struct Registration {
    /// The application (client) id.
    pub client_id: String,
    /// The client secret's value.
    pub secret: SecretString,
    /// Where Entra sends the browser back to; must be registered there letter for letter, on the platform "Web".
    pub redirect_url: Url,
}

/// The operator's client of Entra.
#[derive(Clone)]
pub struct Entra {
    endpoints: Endpoints,
    registration: Registration,
    transport: Arc<dyn Transport>,
}

/// Which tenant's sign-in page a person is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Any work account: before the first consent proved the tenant.
    Organizations,
    /// Only this tenant's accounts.
    Tenant(TenantId),
}

/// What the sign-in page is asked for.
#[derive(Debug, Clone)]
pub struct Invitation<'a> {
    /// Which sign-in page.
    pub authority: Authority,
    /// Comes back with the callback.
    pub state: &'a str,
    /// Comes back in the id_token.
    pub nonce: &'a str,
    /// PKCE's secret; only its hash is in the URL.
    pub verifier: &'a SecretString,
    /// Whose account to suggest; without it the person chooses.
    pub login_hint: Option<&'a str>,
    /// Claims that a refusal asked for.
    pub claims: Option<&'a str>,
}

/// What the token endpoint gave.
pub struct Tokens {
    /// Reads Graph.
    pub access_token: SecretString,
    /// How long it does.
    pub expires_in: SignedDuration,
    /// Gets the next tokens; Entra gives a new one at each use, and leaves the old one valid.
    pub refresh_token: Option<SecretString>,
    /// Who signed in; only for an authorization code.
    pub id_token: Option<SecretString>,
}

/// Fields beyond RFC 6749.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct EntraFields {
    id_token: Option<String>,
}

impl ExtraTokenFields for EntraFields {}

type Answer = StandardTokenResponse<EntraFields, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    StandardTokenIntrospectionResponse<EntraFields, BasicTokenType>,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Entra {
    /// A client for these endpoints and this registration.
    #[must_use]
    pub fn new(endpoints: Endpoints, registration: Registration, transport: Arc<dyn Transport>) -> Self {
        Self { endpoints, registration, transport }
    }

    /// The URL of the sign-in page, with PKCE S256 (RFC 7636).
    #[must_use]
    pub fn authorize_url(&self, invitation: &Invitation<'_>) -> Url {
        let client = self.client(invitation.authority);
        let verifier = PkceCodeVerifier::new(invitation.verifier.expose_secret().to_owned());
        let state = invitation.state.to_owned();
        let mut request = client
            .authorize_url(|| CsrfToken::new(state))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(self.scopes().map(Scope::new))
            .add_extra_param("nonce", invitation.nonce)
            .add_extra_param("response_mode", "query");
        request = match invitation.login_hint {
            Some(hint) => request.add_extra_param("login_hint", hint),
            None => request.add_extra_param("prompt", "select_account"),
        };
        if let Some(claims) = invitation.claims {
            request = request.add_extra_param("claims", claims);
        }
        request.url().0
    }

    /// Redeems the authorization code of a callback.
    ///
    /// # Errors
    /// [`Failure`], as `domain` reads Entra's answer.
    pub async fn redeem(&self, authority: Authority, code: String, verifier: &SecretString, now: Timestamp) -> Result<Tokens, Failure> {
        let tap = Tap::new(self.transport.as_ref());
        let client = self.client(authority);
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        let outcome = request.request_async(&tap).await;
        tap.conclude(outcome, now)
    }

    /// Uses a refresh token.
    ///
    /// # Errors
    /// [`Failure`], as `domain` reads Entra's answer.
    pub async fn refresh(&self, tenant: TenantId, token: &SecretString, now: Timestamp) -> Result<Tokens, Failure> {
        let tap = Tap::new(self.transport.as_ref());
        let client = self.client(Authority::Tenant(tenant));
        let token = RefreshToken::new(token.expose_secret().to_owned());
        let request = client.exchange_refresh_token(&token).add_scopes(self.scopes().map(Scope::new));
        let outcome = request.request_async(&tap).await;
        tap.conclude(outcome, now)
    }

    /// What we ask for: who signs in, a refresh token, and the directory's people.
    fn scopes(&self) -> impl Iterator<Item = String> {
        let read_people = format!("{}/User.Read.All", self.endpoints.graph.origin().ascii_serialization());
        ["openid", "profile", "offline_access"].map(str::to_owned).into_iter().chain([read_people])
    }

    fn client(&self, authority: Authority) -> Client {
        let tenant = match authority {
            Authority::Organizations => "organizations".to_owned(),
            Authority::Tenant(tenant) => tenant.to_string(),
        };
        let endpoint = |name: &str| self.login(&format!("{tenant}/oauth2/v2.0/{name}"));
        oauth2::Client::new(ClientId::new(self.registration.client_id.clone()))
            .set_client_secret(ClientSecret::new(self.registration.secret.expose_secret().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(endpoint("authorize")))
            .set_token_uri(TokenUrl::from_url(endpoint("token")))
            .set_redirect_uri(RedirectUrl::from_url(self.registration.redirect_url.clone()))
    }

    /// A page below the login origin.
    fn login(&self, path: &str) -> Url {
        let mut url = self.endpoints.login.clone();
        url.set_path(path);
        url
    }
}

/// Passes one request on, and keeps what came back, so that a failure can be read in full.
struct Tap<'a> {
    transport: &'a dyn Transport,
    answer: Mutex<Option<Response<Vec<u8>>>>,
}

impl<'a> Tap<'a> {
    fn new(transport: &'a dyn Transport) -> Self {
        Self { transport, answer: Mutex::new(None) }
    }

    fn conclude(
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
        id_token: extra.id_token.clone().map(SecretString::from),
    }
}
