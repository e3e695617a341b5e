//! The steps of a sign-in, each posted by a page: who, the second factor, the consent.

use axum::extract::{Path, State as Shared};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Simulator;
use crate::authorize::{Asked, Errand, Parameters, Reply, respond};
use crate::consent::{self, Wanted};
use crate::directory::{Presence, Role};
use crate::pages;
use crate::refusal::Refusal;
use crate::sealed::Purpose;
use crate::state::State;
use crate::token::AuthorizationCode;

/// Who signed in so far, carried from page to page next to the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    pub(crate) asked: Asked,
    pub(crate) tenant: Uuid,
    pub(crate) user: Uuid,
    pub(crate) mfa_at: Option<Timestamp>,
}

/// POST `/{tenant}/signin`: every page posts here, and says by its `step` which one it was.
pub(crate) async fn serve(Shared(simulator): Shared<Simulator>, Path(_): Path<String>, body: String) -> Response {
    let form = Parameters::parse(&body);
    let (response, has_granted) = simulator.read(|state| take(state, &form));
    if has_granted {
        simulator.tell();
    }
    response
}

/// Takes one step; also says whether it changed a grant.
fn take(state: &mut State, form: &Parameters) -> (Response, bool) {
    let sealed = form.value("request").unwrap_or_default();
    let asked = state.seal.open::<Asked>(Purpose::PageForm, sealed);
    let signed_in = state.seal.open::<SignedIn>(Purpose::PageForm, sealed);
    match (form.value("step"), asked, signed_in) {
        (Some("cancel"), Some(asked), _) => (cancelled(&asked), false),
        (Some("cancel"), _, Some(signed_in)) => (cancelled(&signed_in.asked), false),
        (Some("account"), Some(asked), _) => (choose(state, asked, form.value("login").unwrap_or_default()), false),
        (Some("mfa"), _, Some(mut signed_in)) => {
            signed_in.mfa_at = Some(state.now);
            (ask_consent(state, signed_in), false)
        }
        // A form of the second factor's page must not be posted as if it were the consent page's.
        (Some("accept"), _, Some(signed_in)) if signed_in.mfa_at.is_none() && needs_mfa(state, &signed_in) => {
            (pages::refused(state, &Refusal::of(90013)), false)
        }
        (Some("accept"), _, Some(signed_in)) => match judge(state, &signed_in) {
            Ok(wanted) => {
                let pair = (signed_in.tenant, signed_in.user);
                let has_granted = consent::grant(state, signed_in.asked.client, wanted, pair);
                (finish(state, &signed_in), has_granted)
            }
            Err(refusal) => (pages::refused(state, &refusal), false),
        },
        _ => (pages::refused(state, &Refusal::of(90013)), false),
    }
}

/// Somebody chose an account or typed a user principal name.
fn choose(state: &mut State, asked: Asked, login: &str) -> Response {
    let Some((tenant, user)) = state.tenant_of_login(login) else {
        return pages::sign_in(state, &asked, Some("This account does not exist. Check the name, or choose another account."));
    };
    let signed_in = SignedIn { asked, tenant, user, mfa_at: None };
    if let Err(refusal) = judge(state, &signed_in) {
        return pages::refused(state, &refusal);
    }
    match needs_mfa(state, &signed_in) {
        true => pages::second_factor(state, &signed_in),
        false => ask_consent(state, signed_in),
    }
}

/// Whether the tenant asks this user for a second factor.
pub(crate) fn needs_mfa(state: &State, signed_in: &SignedIn) -> bool {
    let Some(tenant) = state.tenants.get(&signed_in.tenant) else { return false };
    let is_required = tenant.directory.person(signed_in.user).is_some_and(|person| person.mfa_required_since.is_some());
    is_required || tenant.policies.remember_mfa_days.is_some()
}

fn ask_consent(state: &mut State, signed_in: SignedIn) -> Response {
    match judge(state, &signed_in) {
        Err(refusal) => pages::refused(state, &refusal),
        Ok(wanted) if consent::is_missing(state, &signed_in.asked, &wanted, (signed_in.tenant, signed_in.user)) => {
            pages::consent(state, &signed_in, &wanted)
        }
        Ok(_) => finish(state, &signed_in),
    }
}

/// Whether this user may go on with this request, and what there is to grant.
pub(crate) fn judge(state: &State, signed_in: &SignedIn) -> Result<Wanted, Refusal> {
    let asked = &signed_in.asked;
    let unknown = || Refusal::of(700_016).with("app", asked.client).with("directory", &asked.authority);
    let app = &state.apps.get(&asked.client).ok_or_else(unknown)?.app;
    let tenant = state.tenants.get(&signed_in.tenant).filter(|tenant| tenant.exists);
    let tenant = tenant.ok_or_else(|| Refusal::of(90002).with("tenant", signed_in.tenant))?;
    let person = tenant.directory.person(signed_in.user).filter(|person| person.presence == Presence::Present);
    let missing = || Refusal::of(50034).with("user", signed_in.user).with("directory", &tenant.name);
    let person = person.ok_or_else(missing)?;
    let named =
        |refusal: Refusal| refusal.with("app", app.client_id).with("name", &app.name).with("user", person.text("userPrincipalName"));
    let is_open = ["organizations", "common"].contains(&asked.authority.as_str());
    if !is_open && state.tenant_named(&asked.authority).is_none_or(|named| named.id != tenant.id) {
        let directory = state.tenant_named(&asked.authority).map_or("", |named| named.name.as_str());
        return Err(named(Refusal::of(50020)).with("directory", directory));
    }
    if !person.is_enabled() {
        return Err(Refusal::of(50057));
    }
    if tenant.policies.blocked_by.is_some() {
        return Err(Refusal::of(53003));
    }
    let principal = tenant.service_principals.get(&asked.client);
    if principal.is_some_and(|principal| principal.is_disabled) {
        return Err(named(Refusal::of(7_000_112)));
    }
    let is_left_out = principal.is_some_and(|principal| principal.requires_assignment && !principal.assigned.contains(&person.id));
    if is_left_out && asked.errand == Errand::SignIn {
        return Err(named(Refusal::of(50105)));
    }
    let wanted = consent::wanted(app, asked);
    let is_granted = !consent::is_missing(state, asked, &wanted, (tenant.id, person.id));
    let may_go_on = person.role == Role::Admin || (asked.errand == Errand::SignIn && (is_granted || !wanted.needs_admin()));
    match may_go_on {
        true => Ok(wanted),
        false => Err(named(Refusal::of(90094))),
    }
}

/// Everything was given: back to the client.
fn finish(state: &mut State, signed_in: &SignedIn) -> Response {
    let reply = reply(state, signed_in);
    respond(&signed_in.asked, &reply)
}

/// What the client is told about a finished sign-in.
pub(crate) fn reply(state: &mut State, signed_in: &SignedIn) -> Reply {
    let asked = &signed_in.asked;
    match asked.errand {
        Errand::AdminConsent => Reply::AdminConsent { tenant: signed_in.tenant, scope: Some(asked.scopes.join(" ")) },
        Errand::AdminConsentToRegistered => Reply::AdminConsent { tenant: signed_in.tenant, scope: None },
        Errand::SignIn => {
            let code = AuthorizationCode {
                id: state.chance.guid(),
                tenant: signed_in.tenant,
                user: signed_in.user,
                client: asked.client,
                redirect_uri: asked.redirect_uri.clone(),
                challenge: asked.challenge.clone(),
                nonce: asked.nonce.clone(),
                scopes: asked.scopes.clone(),
                issued_at: state.now,
                mfa_at: signed_in.mfa_at,
            };
            Reply::Code(state.seal.seal(Purpose::AuthorizationCode, &code))
        }
    }
}

/// The person said no.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent> and, for the v1-style endpoint,
/// <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
fn cancelled(asked: &Asked) -> Response {
    respond(asked, &denial(asked))
}

/// What the client is told about it.
pub(crate) fn denial(asked: &Asked) -> Reply {
    let (error, subcode) = match asked.errand {
        Errand::SignIn => ("access_denied", Some("cancel")),
        Errand::AdminConsent => ("consent_required", None),
        Errand::AdminConsentToRegistered => ("permission_denied", None),
    };
    let description = match asked.errand {
        Errand::AdminConsentToRegistered => "The admin canceled the request".to_owned(),
        Errand::SignIn | Errand::AdminConsent => Refusal::of(65004).text(),
    };
    Reply::Error { error, subcode, description }
}
