//! The tenant, the client and its credential: the steps every grant begins with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use url::form_urlencoded;
use uuid::Uuid;

use super::{Form, assertion};
use crate::refusal::Refusal;
use crate::registration::{App, CredentialState};
use crate::state::{State, Tenant};

/// The tenant the path names.
pub(super) fn tenant<'a>(state: &'a State, name: &str) -> Result<&'a Tenant, Refusal> {
    let tenant = state.tenant_named(name).filter(|tenant| tenant.exists);
    tenant.ok_or_else(|| Refusal::of(90002).with("tenant", name))
}

/// The registered client, after its credential was checked.
pub(super) fn authenticated<'a>(state: &'a State, form: &Form<'_>, tenant: &Tenant) -> Result<&'a App, Refusal> {
    let basic = basic(form);
    let client_id = match &basic {
        Some((client_id, _)) => client_id.as_str(),
        None => form.require("client_id")?,
    };
    let registered = client_id.parse::<Uuid>().ok().and_then(|id| state.apps.get(&id));
    let Some(registered) = registered else {
        return Err(Refusal::of(700_016).with("app", client_id).with("directory", &tenant.name));
    };
    let app = &registered.app;
    let credential = match tenant.credential {
        CredentialState::Sound => registered.credential,
        broken => broken,
    };
    let secret = basic.as_ref().map(|(_, secret)| secret.as_str()).or_else(|| form.field("client_secret"));
    match (secret, form.field("client_assertion")) {
        (Some(secret), _) => check_secret(state, app, credential, secret)?,
        (None, Some(_)) if credential != CredentialState::Sound => return Err(Refusal::of(700_027).with("app", app.client_id)),
        (None, Some(presented)) => assertion::check(state, form, (app, tenant), presented)?,
        (None, None) => return Err(Refusal::of(7_000_218)),
    }
    Ok(app)
}

/// Refuses an app that is not in the tenant, or disabled there.
pub(super) fn require_principal(tenant: &Tenant, app: &App) -> Result<(), Refusal> {
    match tenant.service_principals.get(&app.client_id) {
        None => Err(Refusal::of(700_016).with("app", app.client_id).with("directory", &tenant.name)),
        Some(principal) if principal.is_disabled => Err(Refusal::of(7_000_112).with("app", app.client_id).with("name", &app.name)),
        Some(_) => Ok(()),
    }
}

fn check_secret(state: &State, app: &App, credential: CredentialState, presented: &str) -> Result<(), Refusal> {
    let secret = app.secrets.iter().find(|secret| secret.value == presented);
    let has_ended = secret.and_then(|secret| secret.expires_at).is_some_and(|end| end <= state.now);
    match (secret, credential) {
        (None, _) | (_, CredentialState::Broken) => Err(Refusal::of(7_000_215).with("app", app.client_id)),
        (Some(_), CredentialState::Expired) => Err(Refusal::of(7_000_222).with("app", app.client_id)),
        (Some(_), CredentialState::Sound) if has_ended => Err(Refusal::of(7_000_222).with("app", app.client_id)),
        (Some(_), CredentialState::Sound) => Ok(()),
    }
}

/// HTTP Basic with form-encoded parts. Source: RFC 6749 section 2.3.1
fn basic(form: &Form<'_>) -> Option<(String, String)> {
    let header = form.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(header.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((form_decoded(client_id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    form_urlencoded::parse(text.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}
