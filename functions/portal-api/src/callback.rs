//! Where Entra sends the browser back to. Everything in the query is written by whoever likes to: it leads nowhere but through `state`.

use adapters::entra::{Authority, Identity, IdentityError, Tokens};
use adapters::graph::{GraphError, Organization};
use adapters::store::StoreError;
use adapters::store::attempts::{Attempt, Progress};
use adapters::vault::{self, Binding, Purpose};
use aws_lc_rs::constant_time;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::api::AttemptWord;
use domain::refusal::{ErrorWord, Failure, Suberror};
use serde::Deserialize;
use url::Url;

use crate::install::{self, Candidate};
use crate::reconnect::hash;
use crate::{Portal, Shared, view};

/// The authorization code was made for another tenant than the one asked to redeem it. It only chooses the sentence.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>
const CODE_OF_ANOTHER_TENANT: u32 = 700_005;

/// What comes back. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>
#[derive(Deserialize)]
pub(crate) struct Returned {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_subcode: Option<String>,
    error_description: Option<String>,
}

/// Why an attempt failed: a word for programs and a sentence for people.
pub(crate) struct Fault {
    reason: &'static str,
    sentence: String,
}

impl Fault {
    pub(crate) fn new(reason: &'static str, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: sentence.into() }
    }

    pub(crate) fn unavailable() -> Self {
        Self::new("unavailable", "Something failed on our side or at Microsoft. Nothing was changed. Please try again.")
    }
}

/// Takes the person back from Entra.
#[utoipa::path(get, path = "/v1/consent/callback", tag = "reconnect", params(
    ("state" = Option<String>, Query, description = "Which attempt this answers"),
    ("code" = Option<String>, Query, description = "The authorization code"),
    ("error" = Option<String>, Query, description = "Why there is none"),
), responses(
    (status = 200, description = "A page that says how it went", content_type = "text/html"),
    (status = 303, description = "Back to the portal, where the attempt ran in its own tab"),
    (status = 400, description = "A page that says that the link leads nowhere", content_type = "text/html"),
))]
pub(crate) async fn receive(State(portal): State<Shared>, returned: Result<Query<Returned>, QueryRejection>) -> Response {
    let Ok(Query(returned)) = returned else {
        return page(StatusCode::BAD_REQUEST, None, LOST);
    };
    match find(&portal, &returned).await {
        Ok(Some(attempt)) => answer(&portal, attempt, &returned).await,
        Ok(None) => page(StatusCode::BAD_REQUEST, None, LOST),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "callback not answered");
            page(StatusCode::SERVICE_UNAVAILABLE, None, BUSY)
        }
    }
}

/// The attempt that `state` belongs to: the id finds it, the secret half proves it.
async fn find(portal: &Portal, returned: &Returned) -> Result<Option<Attempt>, StoreError> {
    let state = returned.state.as_deref().unwrap_or_default();
    let Some((id, secret)) = state.split_once('.') else {
        return Ok(None);
    };
    let Ok(id) = id.parse() else {
        return Ok(None);
    };
    let attempt = portal.ports.store.attempt(&id).await?;
    let is_ours =
        |attempt: &Attempt| constant_time::verify_slices_are_equal(attempt.terms.state_hash.as_bytes(), hash(secret).as_bytes()).is_ok();
    Ok(attempt.filter(is_ours))
}

async fn answer(portal: &Portal, attempt: Attempt, returned: &Returned) -> Response {
    let progress = match conclude(portal, &attempt, returned).await {
        Ok(progress) => progress,
        Err(error) => {
            // The attempt ends by its own clock; nothing was changed.
            tracing::error!(attempt = %attempt.id, error = &error as &dyn std::error::Error, "attempt not concluded");
            return page(StatusCode::SERVICE_UNAVAILABLE, Some(&attempt), BUSY);
        }
    };
    let attempt = Attempt { progress, ..attempt };
    let told = view::attempt(&attempt, portal.ports.clock.now());
    if let Some(back) = back(&attempt) {
        return Redirect::to(back.as_str()).into_response();
    }
    let (title, sentence) = match told.state {
        AttemptWord::Succeeded => ("Connected", "The connection works again. You can close this window.".to_owned()),
        AttemptWord::Failed => ("Not connected", told.failure.map(|failure| failure.sentence).unwrap_or_default()),
        AttemptWord::Superseded => ("Replaced", "This attempt was withdrawn or replaced by a newer one. Nothing was changed.".to_owned()),
        AttemptWord::Expired => ("Too late", "This attempt has expired. Nothing was changed. Please start again.".to_owned()),
        AttemptWord::Pending | AttemptWord::Verifying => ("One moment", "The connection is being verified.".to_owned()),
    };
    page(StatusCode::OK, Some(&attempt), Message { title, sentence: &sentence })
}

/// Where to lead a browser whose attempt ran in the portal's own tab. The URL was accepted when the attempt began.
fn back(attempt: &Attempt) -> Option<Url> {
    let mut url = Url::parse(attempt.terms.return_url.as_deref()?).ok()?;
    url.query_pairs_mut().append_pair("eg_attempt", attempt.id.as_str());
    Some(url)
}

/// Claims the attempt, once, and carries it to its end. Whoever comes later, or too late, changes nothing.
async fn conclude(portal: &Portal, attempt: &Attempt, returned: &Returned) -> Result<Progress, StoreError> {
    let store = &portal.ports.store;
    if attempt.progress != Progress::Pending || portal.ports.clock.now() >= attempt.terms.expires_at {
        return Ok(attempt.progress.clone());
    }
    let latest = store.latest_attempt(&attempt.terms.connection).await?;
    let claimed = match latest.as_ref() == Some(&attempt.id) {
        true => Progress::Verifying,
        false => Progress::Superseded,
    };
    match store.move_attempt(&attempt.id, &Progress::Pending, &claimed).await {
        Ok(()) => {}
        Err(StoreError::Overtaken { .. }) => {
            return Ok(store.attempt(&attempt.id).await?.map_or(Progress::Superseded, |attempt| attempt.progress));
        }
        Err(error) => return Err(error),
    }
    if claimed == Progress::Superseded {
        return Ok(claimed);
    }
    let ended = match verify(portal, attempt, returned).await {
        Ok(candidate) => install::install(portal, attempt, candidate).await,
        Err(fault) => Err(fault),
    };
    let ended = match ended {
        Ok(()) => Progress::Succeeded,
        Err(Fault { reason, sentence }) => {
            tracing::info!(attempt = %attempt.id, reason, "consent failed");
            Progress::Failed { reason: reason.to_owned(), sentence }
        }
    };
    store.move_attempt(&attempt.id, &Progress::Verifying, &ended).await?;
    Ok(ended)
}

/// Turns a callback into a candidate that is proved to work, in the right tenant.
async fn verify(portal: &Portal, attempt: &Attempt, returned: &Returned) -> Result<Candidate, Fault> {
    let ports = &portal.ports;
    let now = ports.clock.now();
    // An error is looked for first: Entra sends other fields along with it.
    if returned.error.is_some() {
        return Err(declined(returned));
    }
    let code = returned.code.clone().ok_or_else(|| Fault::new("refused", "Microsoft sent no authorization code. Please try again."))?;
    let binding = Binding::new(&attempt.terms.connection, Purpose::CodeVerifier);
    let verifier = vault::open_text(ports.vault.as_ref(), &binding, &attempt.sealed_verifier).await;
    let verifier = verifier.map_err(|_| Fault::unavailable())?;
    let authority = attempt.terms.tenant.map_or(Authority::Organizations, Authority::Tenant);
    let tokens = ports.entra.redeem(authority, code, &verifier, now).await.map_err(|failure| not_redeemed(&failure))?;
    let id_token = tokens.id_token.as_ref().ok_or_else(Fault::unavailable)?;
    let identity = ports.entra.identify(id_token, &attempt.terms.nonce, now).await.map_err(|error| not_identified(attempt, &error))?;
    if attempt.terms.tenant.is_some_and(|tenant| tenant != identity.tenant) {
        return Err(wrong_tenant());
    }
    let organization = ports.graph.prove(&tokens.access_token, now).await.map_err(|error| not_proved(&error))?;
    candidate(identity, organization, tokens)
}

fn candidate(identity: Identity, organization: Organization, tokens: Tokens) -> Result<Candidate, Fault> {
    if organization.id != identity.tenant {
        return Err(wrong_tenant());
    }
    let Some(refresh_token) = tokens.refresh_token.clone() else {
        return Err(Fault::new("missing-permission", "Microsoft gave no lasting access. Please start again and accept all permissions."));
    };
    Ok(Candidate { identity, organization, tokens, refresh_token: Some(refresh_token) })
}

fn wrong_tenant() -> Fault {
    let sentence = "You signed in to another Microsoft Entra tenant than the one this connection belongs to. Nothing was changed. \
                    Choose \"Use another account\" and sign in as an administrator of the right tenant.";
    Fault::new("wrong-tenant", sentence)
}

fn declined(returned: &Returned) -> Fault {
    let error = returned.error.as_deref().unwrap_or_default();
    let text = returned.error_description.as_deref().unwrap_or_default();
    let is_admins = text.contains("AADSTS90094") || text.contains("AADSTS90095") || error == "consent_required";
    match (error, returned.error_subcode.as_deref()) {
        _ if is_admins => admin_required(),
        ("access_denied" | "permission_denied", _) | (_, Some("cancel")) => {
            Fault::new("denied", "The sign-in was cancelled or the permissions were declined. Nothing was changed.")
        }
        ("temporarily_unavailable" | "server_error", _) => Fault::unavailable(),
        _ => Fault::new("refused", "Microsoft refused the sign-in. Nothing was changed. Please try again."),
    }
}

fn admin_required() -> Fault {
    Fault::new("admin-required", "Only an administrator can accept these permissions. Ask one to sign in here. Nothing was changed.")
}

fn not_redeemed(failure: &Failure) -> Fault {
    match failure {
        Failure::Unclear(_) => Fault::unavailable(),
        Failure::Refused(refusal) if refusal.error == ErrorWord::InvalidClient => {
            Fault::new("unavailable", "Our own sign-in to Microsoft failed. Nothing was changed, and there is nothing for you to do.")
        }
        Failure::Refused(refusal) if refusal.suberror == Some(Suberror::ConsentRequired) => admin_required(),
        Failure::Refused(refusal) if refusal.codes.contains(&CODE_OF_ANOTHER_TENANT) => wrong_tenant(),
        Failure::Refused(_) => Fault::new("refused", "Microsoft did not accept this sign-in. Nothing was changed. Please try again."),
    }
}

fn not_identified(attempt: &Attempt, error: &IdentityError) -> Fault {
    tracing::warn!(attempt = %attempt.id, error = error as &dyn std::error::Error, "id_token not accepted");
    match error {
        IdentityError::KeysUnavailable(_) => Fault::unavailable(),
        IdentityError::Invalid(_) => {
            Fault::new("verification-failed", "The sign-in could not be verified. Nothing was changed. Please try again.")
        }
    }
}

fn not_proved(error: &GraphError) -> Fault {
    match error {
        GraphError::Forbidden { .. } | GraphError::Unauthorized => Fault::new(
            "missing-permission",
            "This account may not read the directory. Sign in as an administrator and accept all permissions. Nothing was changed.",
        ),
        _ => Fault::unavailable(),
    }
}

/// What a page says.
#[derive(Clone, Copy)]
struct Message<'a> {
    title: &'a str,
    sentence: &'a str,
}

const LOST: Message<'_> = Message {
    title: "This link leads nowhere",
    sentence: "It is incomplete, too old or not ours. Nothing was changed. Please start again from the portal.",
};
const BUSY: Message<'_> =
    Message { title: "Not finished", sentence: "Something failed on our side. Nothing was changed. Please try again." };

/// A page without inline script, so that it works under the strictest policy. The script tells the portal to look, and closes the window.
fn page(status: StatusCode, attempt: Option<&Attempt>, message: Message<'_>) -> Response {
    let id = attempt.map_or("", |attempt| attempt.id.as_str());
    let origin = attempt.and_then(|attempt| attempt.terms.origin.as_deref()).unwrap_or_default();
    let html = include_str!("callback/page.html")
        .replace("{{attempt}}", &escape(id))
        .replace("{{origin}}", &escape(origin))
        .replace("{{title}}", &escape(message.title))
        .replace("{{sentence}}", &escape(message.sentence));
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(html)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// The page's script and style.
pub(crate) fn assets() -> Router<Shared> {
    let asset = |kind: &'static str, text: &'static str| {
        get(move || async move {
            let headers: [(HeaderName, HeaderValue); 2] =
                [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"))];
            (headers, text)
        })
    };
    Router::new()
        .route("/v1/consent/callback.js", asset("text/javascript; charset=utf-8", include_str!("callback/page.js")))
        .route("/v1/consent/callback.css", asset("text/css; charset=utf-8", include_str!("callback/page.css")))
}
