//! What is handed out: codes, access tokens, refresh tokens and id_tokens.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens> and
//! <https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference>

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::Form;
use super::policy::SPA_LIFETIME;
use crate::directory::{Person, Role};
use crate::graph::AccessToken;
use crate::moment;
use crate::registration::Platform;
use crate::sealed::{Purpose, Seal};
use crate::state::State;

/// Microsoft Graph's own application id.
/// Source: <https://learn.microsoft.com/en-us/graph/permissions-reference>
pub(crate) const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";

/// What an authorization code carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuthorizationCode {
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) user: Uuid,
    pub(crate) client: Uuid,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) issued_at: Timestamp,
    pub(crate) mfa_at: Option<Timestamp>,
}

impl AuthorizationCode {
    /// Opens a code of this world.
    pub(crate) fn open(seal: &Seal, code: &str) -> Option<Self> {
        seal.open(Purpose::AuthorizationCode, code)
    }
}

/// A proof key's challenge. Source: RFC 7636 section 4.2
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Challenge {
    S256(String),
    Plain(String),
}

impl Challenge {
    /// Whether the verifier belongs to this challenge.
    pub(super) fn is_met_by(&self, verifier: &str) -> bool {
        match self {
            Self::Plain(challenge) => challenge == verifier,
            Self::S256(challenge) => {
                let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
                *challenge == URL_SAFE_NO_PAD.encode(digest.as_ref())
            }
        }
    }
}

/// What a refresh token carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) user: Uuid,
    pub(crate) client: Uuid,
    pub(crate) scopes: Vec<String>,
    pub(crate) platform: Platform,
    pub(crate) issued_at: Timestamp,
    /// When the user last signed in.
    pub(crate) interactive_at: Timestamp,
    /// When the user last proved a second factor.
    pub(crate) mfa_at: Option<Timestamp>,
}

impl RefreshToken {
    /// Opens a refresh token of this world.
    pub(crate) fn open(seal: &Seal, token: &str) -> Option<Self> {
        seal.open(Purpose::RefreshToken, token)
    }
}

/// The permission's name without its resource: `https://graph.microsoft.com/User.Read.All` asks for `User.Read.All`.
pub(crate) fn permission_of(scope: &str) -> &str {
    scope.rsplit_once('/').map_or(scope, |(_, permission)| permission)
}

/// Scopes of OpenID Connect itself, which need no consent here.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc>
pub(crate) fn is_sign_in_scope(scope: &str) -> bool {
    ["openid", "profile", "email", "offline_access"].contains(&scope)
}

/// Seals a successor of `token`, issued now; the predecessor stays as it is.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
pub(crate) fn issue_refresh_token(state: &mut State, token: RefreshToken) -> String {
    let token = RefreshToken { id: state.chance.guid(), issued_at: state.now, ..token };
    state.seal.seal(Purpose::RefreshToken, &token)
}

/// The answer to a grant that has a user behind it.
pub(super) fn for_user(state: &mut State, form: &Form<'_>, token: RefreshToken, (scopes, nonce): (&[String], Option<&str>)) -> Value {
    let permissions = scopes.iter().filter(|scope| !is_sign_in_scope(scope)).map(|scope| permission_of(scope).to_owned());
    let permissions = match permissions.collect::<Vec<_>>() {
        names if names.iter().any(|name| name == ".default") => everything_granted(state, &token),
        names => names,
    };
    let (access_token, expires_in) = access_token(state, (token.tenant, token.client), Some(token.user), permissions);
    let shown = scopes.iter().filter(|scope| *scope != "offline_access").map(|scope| with_resource(form.graph_base, scope));
    let mut body = json!({
        "token_type": "Bearer",
        "scope": shown.collect::<Vec<_>>().join(" "),
        "expires_in": expires_in,
        "ext_expires_in": expires_in,
        "access_token": access_token,
    });
    if has(&token.scopes, "openid") {
        body["id_token"] = json!(id_token(state, form.login_base, &token, nonce));
    }
    if form.field("client_info") == Some("1") {
        body["client_info"] = json!(URL_SAFE_NO_PAD.encode(json!({"uid": token.user, "utid": token.tenant}).to_string()));
    }
    if has(&token.scopes, "offline_access") {
        if token.platform == Platform::Spa {
            let left = SPA_LIFETIME - moment::age(state.now, token.interactive_at);
            body["refresh_token_expires_in"] = json!((left.as_secs() - 1).max(0));
        }
        body["refresh_token"] = json!(issue_refresh_token(state, token));
    }
    body
}

/// The answer to a grant without a user.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
pub(super) fn for_app(state: &mut State, tenant: Uuid, client: Uuid) -> Value {
    let (access_token, expires_in) = access_token(state, (tenant, client), None, Vec::new());
    json!({"token_type": "Bearer", "expires_in": expires_in, "ext_expires_in": expires_in, "access_token": access_token})
}

/// A token for Graph that lives 60 to 90 minutes.
fn access_token(state: &mut State, (tenant, client): (Uuid, Uuid), user: Option<Uuid>, scopes: Vec<String>) -> (String, i64) {
    let expires_in = 3600 + i64::try_from(state.chance.below(1801)).unwrap_or(0);
    let expires_at = state.now + SignedDuration::from_secs(expires_in);
    let token = AccessToken { id: state.chance.guid(), tenant, client, user, scopes, expires_at };
    (state.seal.seal(Purpose::AccessToken, &token), expires_in)
}

fn everything_granted(state: &State, token: &RefreshToken) -> Vec<String> {
    let tenant = state.tenants.get(&token.tenant);
    let Some(principal) = tenant.and_then(|tenant| tenant.service_principals.get(&token.client)) else { return Vec::new() };
    let own = principal.delegated_by_user.get(&token.user).into_iter().flatten();
    principal.delegated.iter().chain(own).cloned().collect()
}

fn id_token(state: &State, login_base: &Url, token: &RefreshToken, nonce: Option<&str>) -> String {
    let now = state.now.as_second();
    let person = state.tenants.get(&token.tenant).and_then(|tenant| tenant.directory.person(token.user));
    let text = |property: &str| person.map(|person: &Person| person.text(property)).unwrap_or_default();
    let pairwise = digest::digest(&digest::SHA256, format!("{}{}", token.user, token.client).as_bytes());
    let mut claims = json!({
        "iss": format!("{login_base}{}/v2.0", token.tenant),
        "aud": token.client,
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "tid": token.tenant,
        "oid": token.user,
        "sub": URL_SAFE_NO_PAD.encode(pairwise.as_ref()),
        "ver": "2.0",
    });
    if has(&token.scopes, "profile") {
        claims["preferred_username"] = json!(text("userPrincipalName"));
        claims["name"] = json!(text("displayName"));
    }
    if has(&token.scopes, "email") && !text("mail").is_empty() {
        claims["email"] = json!(text("mail"));
    }
    if state.apps.get(&token.client).is_some_and(|registered| registered.app.has_role_claims) {
        claims["wids"] = json!(roles(person));
    }
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    state.signing_key.sign(&claims)
}

/// Template ids of a person's directory roles; everybody has the last one.
/// Source: <https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference>
fn roles(person: Option<&Person>) -> Vec<&'static str> {
    let everybody = "b79fbf4d-3ef9-4689-8143-76b194e85509";
    match person.map(|person| person.role) {
        Some(Role::Admin) => vec!["62e90394-69f5-4237-9190-012177145e10", everybody],
        Some(Role::Member | Role::Guest) | None => vec![everybody],
    }
}

fn has(scopes: &[String], scope: &str) -> bool {
    scopes.iter().any(|held| held == scope)
}

fn with_resource(graph_base: &Url, scope: &str) -> String {
    match scope.contains('/') || is_sign_in_scope(scope) {
        true => scope.to_owned(),
        false => format!("{graph_base}{scope}"),
    }
}
