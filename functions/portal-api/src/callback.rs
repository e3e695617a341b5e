//! Where Entra sends the browser back to. Everything in the query is written by whoever likes to: it leads nowhere but through `state`.

use adapters::entra::{Ask, Authority, Invitation};
use adapters::store::StoreError;
use adapters::store::attempts::{Aim, Attempt, Progress};
use adapters::vault::VaultError;
use aws_lc_rs::constant_time;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use domain::api::AttemptWord;
use serde::Deserialize;
use url::Url;

use crate::pages::{self, BUSY, Message, escape};
use crate::proof::{self, Fault};
use crate::reconnect::hash;
use crate::{Portal, Shared, install, view};

/// What comes back. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>
#[derive(Deserialize)]
pub(crate) struct Returned {
    pub(crate) state: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) error_subcode: Option<String>,
    pub(crate) error_description: Option<String>,
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
    match next_page(portal, &attempt, returned).await {
        Ok(Some(url)) => return Redirect::to(url.as_str()).into_response(),
        Ok(None) => {}
        Err(error) => {
            tracing::error!(attempt = %attempt.id, error = &error as &dyn std::error::Error, "sign-in not begun");
            return page(StatusCode::SERVICE_UNAVAILABLE, Some(&attempt), BUSY);
        }
    }
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
        AttemptWord::Succeeded if attempt.terms.aim == Aim::Spare => {
            ("Backup added", "It takes over by itself when the consent in use stops. You can close this window.".to_owned())
        }
        AttemptWord::Succeeded => ("Connected", "The connection works. You can close this window.".to_owned()),
        AttemptWord::Failed => ("Not connected", told.failure.map(|failure| failure.sentence).unwrap_or_default()),
        AttemptWord::Superseded => ("Replaced", "This attempt was withdrawn or replaced by a newer one. Nothing was changed.".to_owned()),
        AttemptWord::Expired => ("Too late", "This attempt has expired. Nothing was changed. Please start again.".to_owned()),
        AttemptWord::Pending | AttemptWord::Verifying => ("One moment", "The connection is being verified.".to_owned()),
    };
    page(StatusCode::OK, Some(&attempt), Message { title, sentence: &sentence })
}

/// The sign-in that follows an administrator's consent to the app: whatever this callback says of the tenant, anybody can have written.
/// Nothing is changed by it, so it may be asked for as often as anybody likes.
async fn next_page(portal: &Portal, attempt: &Attempt, returned: &Returned) -> Result<Option<Url>, VaultError> {
    let is_pending = attempt.progress == Progress::Pending && portal.ports.clock.now() < attempt.terms.expires_at;
    let is_consent = attempt.terms.aim == Aim::AppOnly && returned.error.is_none() && returned.code.is_none();
    if !is_pending || !is_consent {
        return Ok(None);
    }
    let verifier = proof::verifier(portal, attempt).await?;
    Ok(Some(portal.ports.entra.authorize_url(&Invitation {
        ask: Ask::Identity,
        authority: attempt.terms.tenant.map_or(Authority::Organizations, Authority::Tenant),
        state: returned.state.as_deref().unwrap_or_default(),
        nonce: &attempt.terms.nonce,
        verifier: &verifier,
        login_hint: None,
        claims: None,
    })))
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
    let ended = match proof::verify(portal, attempt, returned).await {
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

const LOST: Message<'_> = Message {
    title: "This link leads nowhere",
    sentence: "It is incomplete, too old or not ours. Nothing was changed. Please start again from the portal.",
};

/// A page without inline script, so that it works under the strictest policy. The script tells the portal to look, and closes the window.
fn page(status: StatusCode, attempt: Option<&Attempt>, message: Message<'_>) -> Response {
    let id = attempt.map_or("", |attempt| attempt.id.as_str());
    let origin = attempt.and_then(|attempt| attempt.terms.origin.as_deref()).unwrap_or_default();
    let html = message.fill(include_str!("callback/page.html"));
    let html = html.replace("{{attempt}}", &escape(id)).replace("{{origin}}", &escape(origin));
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    pages::answer(status, policy, html)
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
