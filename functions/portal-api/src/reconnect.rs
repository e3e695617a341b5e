//! Consent attempts: begin, ask how it stands, withdraw.

use adapters::entra::{Ask, Authority, Invitation};
use adapters::entropy;
use adapters::store::StoreError;
use adapters::store::attempts::{Aim, Attempt, Progress, Terms};
use adapters::store::connections::Connection;
use adapters::vault::{self, Binding, Purpose};
use aws_lc_rs::digest;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::api::{AccessWord, BeginReconnect, Problem, ReconnectAttempt};
use domain::diagnosis;
use domain::ids::AttemptId;
use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;
use crate::{Portal, Shared, connections, view};

/// How long a person may take on Entra's pages.
const LIFE: SignedDuration = SignedDuration::from_mins(15);

/// Begins a consent: returns where to send the browser, and an attempt to ask about.
#[utoipa::path(post, path = "/v1/reconnect-attempts", tag = "reconnect", security(("caller" = [])), request_body = BeginReconnect, responses(
    (status = 201, body = ReconnectAttempt),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn begin(
    State(portal): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Json<BeginReconnect>, JsonRejection>,
) -> Result<(StatusCode, Json<ReconnectAttempt>), ApiError> {
    caller.require("reconnect:start")?;
    let Json(asked) = asked.map_err(|rejection| ApiError::Invalid { field: "body", bound: rejection.body_text() })?;
    let connection = connections::own(&portal, &caller, asked.connection.as_str()).await?;
    let aim = aim(&connection, &asked)?;
    let return_url = asked.return_url.as_deref().map(|url| portal_url(&portal, url)).transpose()?;
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    let now = portal.ports.clock.now();
    let secret = entropy::secret_text(portal.ports.entropy.as_ref());
    let verifier = SecretString::from(entropy::secret_text(portal.ports.entropy.as_ref()));
    let binding = Binding::new(&connection.id, Purpose::CodeVerifier);
    let sealed = vault::seal_text(portal.ports.vault.as_ref(), &binding, &verifier).await;
    let attempt = Attempt {
        id: AttemptId::mint(entropy::bytes16(portal.ports.entropy.as_ref())),
        progress: Progress::Pending,
        terms: Terms {
            connection: connection.id.clone(),
            customer: connection.customer.clone(),
            tenant: connection.body.tenant.as_ref().map(|tenant| tenant.id),
            aim,
            state_hash: hash(&secret),
            nonce: entropy::secret_text(portal.ports.entropy.as_ref()),
            return_url,
            origin: origin.filter(|origin| portal.portal_origins.contains(origin)),
            began_at: now,
            expires_at: now + LIFE,
        },
        sealed_verifier: sealed.map_err(|error| ApiError::Unavailable(error.into()))?,
    };
    portal.ports.store.begin_attempt(&attempt).await?;
    let url = authorize_url(&portal, &connection, (&attempt, &secret, &verifier), asked.choose_account);
    Ok((StatusCode::CREATED, Json(ReconnectAttempt { authorize_url: Some(url.into()), ..view::attempt(&attempt, now) })))
}

/// Tells how an attempt stands. This is the truth that the widget goes by; messages between windows are hints.
#[utoipa::path(get, path = "/v1/reconnect-attempts/{attempt}", tag = "reconnect", security(("caller" = [])),
    params(("attempt" = String, Path, description = "The attempt")), responses(
    (status = 200, body = ReconnectAttempt),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(State(portal): State<Shared>, caller: Caller, Named(id): Named) -> Result<Json<ReconnectAttempt>, ApiError> {
    caller.require("reconnect:start")?;
    let attempt = own(&portal, &caller, &id).await?;
    Ok(Json(view::attempt(&attempt, portal.ports.clock.now())))
}

/// Withdraws an attempt whose callback has not come; what Entra then sends is refused.
#[utoipa::path(delete, path = "/v1/reconnect-attempts/{attempt}", tag = "reconnect", security(("caller" = [])),
    params(("attempt" = String, Path, description = "The attempt")), responses(
    (status = 200, body = ReconnectAttempt),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn cancel(State(portal): State<Shared>, caller: Caller, Named(id): Named) -> Result<Json<ReconnectAttempt>, ApiError> {
    caller.require("reconnect:start")?;
    let attempt = own(&portal, &caller, &id).await?;
    match portal.ports.store.move_attempt(&attempt.id, &Progress::Pending, &Progress::Superseded).await {
        // It is too late to withdraw; the answer says how it stands.
        Ok(()) | Err(StoreError::Overtaken { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let attempt = own(&portal, &caller, &id).await?;
    Ok(Json(view::attempt(&attempt, portal.ports.clock.now())))
}

/// What is asked for. A spare is for a person's grant that works or worked: the first consent is none, and the app's own permission needs
/// none.
fn aim(connection: &Connection, asked: &BeginReconnect) -> Result<Aim, ApiError> {
    let access = connection.body.grant.as_ref().map(|grant| grant.access);
    match (asked.spare, asked.access.or(access).unwrap_or(AccessWord::Delegated)) {
        (false, AccessWord::Delegated) => Ok(Aim::Delegated),
        (false, AccessWord::AppOnly) => Ok(Aim::AppOnly),
        (true, AccessWord::Delegated) if access == Some(AccessWord::Delegated) => Ok(Aim::Spare),
        (true, _) => {
            let bound = "must be left out unless the connection reads on behalf of a person, and goes on to".to_owned();
            Err(ApiError::Invalid { field: "spare", bound })
        }
    }
}

async fn own(portal: &Portal, caller: &Caller, id: &str) -> Result<Attempt, ApiError> {
    let id: AttemptId = id.parse().map_err(|error: domain::ids::InvalidId| ApiError::Invalid { field: "attempt", bound: error.bound() })?;
    let attempt = portal.ports.store.attempt(&id).await?;
    attempt.filter(|attempt| attempt.terms.customer == caller.customer).ok_or(ApiError::NotFound("attempt"))
}

/// Accepts only URLs of the operator's portal: anything else would make the callback an open redirector (RFC 9700 section 4.11).
fn portal_url(portal: &Portal, text: &str) -> Result<String, ApiError> {
    let url = Url::parse(text).ok().filter(|url| portal.portal_origins.contains(&url.origin().ascii_serialization()));
    let bound = || "must be a URL of one of the operator's portal origins".to_owned();
    url.map(String::from).ok_or_else(|| ApiError::Invalid { field: "return_url", bound: bound() })
}

fn authorize_url(
    portal: &Portal,
    connection: &Connection,
    (attempt, secret, verifier): (&Attempt, &str, &SecretString),
    chooses: bool,
) -> Url {
    let authority = attempt.terms.tenant.map_or(Authority::Organizations, Authority::Tenant);
    let state = format!("{}.{secret}", attempt.id);
    if attempt.terms.aim == Aim::AppOnly {
        return portal.ports.entra.admin_consent_url(authority, &state);
    }
    let refusal = connection.body.standing.health.refusal();
    // An account that is gone is no good suggestion.
    let is_account_gone = refusal.is_some_and(|refusal| diagnosis::diagnose(refusal).cause.starts_with("account-"));
    let is_spare = attempt.terms.aim == Aim::Spare;
    let hint = connection.body.grant.as_ref().and_then(|grant| grant.consenter_name.as_deref());
    portal.ports.entra.authorize_url(&Invitation {
        ask: Ask::Directory,
        authority,
        state: &state,
        nonce: &attempt.terms.nonce,
        verifier,
        login_hint: hint.filter(|_| !chooses && !is_account_gone && !is_spare),
        claims: refusal.filter(|_| !is_spare).and_then(|refusal| refusal.claims.as_deref()),
    })
}

/// SHA-256 as base64url: what is stored of a secret that somebody must bring back.
pub(crate) fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}
