//! Entra: the authorize URL, the token endpoint and the id_token.
//!
//! Requests and successes are `oauth2`'s. A failed answer is read a second time here, because Entra's says more than RFC 6749 knows:
//! `suberror`, `error_codes`, `claims` and the ids that Microsoft's support asks for.
//!
//! Map: `credentials` (who we are), `exchange` (one request, with one credential after another), `tap` (what came back), `identity` (who
//! signed in).

pub mod credentials;
mod exchange;
mod identity;
mod tap;

use std::sync::Arc;

use domain::cloud::Endpoints;
use domain::ids::TenantId;
use domain::refusal::Failure;
use jiff::{SignedDuration, Timestamp};
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::transport::Transport;
use credentials::Credentials;
use exchange::Grant;

pub use identity::{Identity, IdentityError};

/// The operator's app registration in Entra.
#[derive(Clone)]
pub struct Registration {
    /// The application (client) id.
    pub client_id: String,
    /// What proves to Entra that it is us, in the order in which it is tried.
    pub credentials: Credentials,
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

/// What a sign-in is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To read the directory in the person's name, from now on: a refresh token, and who signed in.
    Directory,
    /// To prove who signed in and in which tenant, and nothing else: neither a refresh token nor a permission of Graph.
    Identity,
}

/// What the sign-in page is asked for.
#[derive(Debug, Clone)]
pub struct Invitation<'a> {
    /// What for.
    pub ask: Ask,
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
    /// Gets the next tokens, where a person granted that; Entra gives a new one at each use, and leaves the old one valid.
    pub refresh_token: Option<SecretString>,
    /// How long the refresh token lives, where Entra tells: it does of those with a fixed life.
    pub refresh_expires_in: Option<SignedDuration>,
    /// Who signed in; only where a person did.
    pub id_token: Option<SecretString>,
}

impl Authority {
    /// The first segment of a path.
    fn segment(self) -> String {
        match self {
            Self::Organizations => "organizations".to_owned(),
            Self::Tenant(tenant) => tenant.to_string(),
        }
    }
}

impl Entra {
    /// A client for these endpoints and this registration.
    #[must_use]
    pub fn new(endpoints: Endpoints, registration: Registration, transport: Arc<dyn Transport>) -> Self {
        Self { endpoints, registration, transport }
    }

    /// The URL of the sign-in page, with PKCE S256 (RFC 7636).
    #[must_use]
    pub fn authorize_url(&self, invitation: &Invitation<'_>) -> Url {
        let client = self.client(invitation.authority, None);
        let verifier = PkceCodeVerifier::new(invitation.verifier.expose_secret().to_owned());
        let state = invitation.state.to_owned();
        let mut request = client
            .authorize_url(|| CsrfToken::new(state))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(self.scopes(invitation.ask).into_iter().map(Scope::new))
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
        self.exchange(authority, &Grant::Code { code, verifier }, now).await
    }

    /// Uses a refresh token.
    ///
    /// # Errors
    /// [`Failure`], as `domain` reads Entra's answer.
    pub async fn refresh(&self, tenant: TenantId, token: &SecretString, now: Timestamp) -> Result<Tokens, Failure> {
        self.exchange(Authority::Tenant(tenant), &Grant::Refresh(token), now).await
    }

    /// The URL of the page where an administrator grants the app its application permissions, for the whole tenant. Whatever the callback
    /// says of the tenant is for anybody to write: it counts only after a sign-in with [`Ask::Identity`] proved it, and `error` stands
    /// beside `admin_consent=True` where the administrator declined.
    /// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent>
    #[must_use]
    pub fn admin_consent_url(&self, authority: Authority, state: &str) -> Url {
        let mut url = self.login(&format!("{}/v2.0/adminconsent", authority.segment()));
        url.query_pairs_mut()
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("scope", &self.default_scope())
            .append_pair("redirect_uri", self.registration.redirect_url.as_str())
            .append_pair("state", state);
        url
    }

    /// A token of the app itself, without a person. Entra gives one even where no permission is granted: only Graph's answer shows that,
    /// see [`Graph::probe`](crate::graph::Graph::probe).
    /// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
    ///
    /// # Errors
    /// [`Failure`], as `domain` reads Entra's answer.
    pub async fn app_token(&self, tenant: TenantId, now: Timestamp) -> Result<Tokens, Failure> {
        self.exchange(Authority::Tenant(tenant), &Grant::App, now).await
    }

    /// What proves to Entra that it is us.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.registration.credentials
    }

    /// The scopes of what we ask for.
    fn scopes(&self, ask: Ask) -> Vec<String> {
        let mut scopes = vec!["openid".to_owned(), "profile".to_owned()];
        if ask == Ask::Directory {
            scopes.extend(["offline_access".to_owned(), format!("{}/User.Read.All", self.graph_origin())]);
        }
        scopes
    }

    /// Everything that the registration lists for Graph.
    /// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc> (`.default`)
    fn default_scope(&self) -> String {
        format!("{}/.default", self.graph_origin())
    }

    fn graph_origin(&self) -> String {
        self.endpoints.graph.origin().ascii_serialization()
    }

    /// An endpoint of OAuth 2.0 for these accounts.
    fn endpoint(&self, authority: Authority, name: &str) -> Url {
        self.login(&format!("{}/oauth2/v2.0/{name}", authority.segment()))
    }

    /// A page below the login origin.
    fn login(&self, path: &str) -> Url {
        let mut url = self.endpoints.login.clone();
        url.set_path(path);
        url
    }
}
