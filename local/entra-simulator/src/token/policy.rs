//! Whether a user's grant still holds: the user, the assignment, the consent, and the tenant's policies.

use jiff::SignedDuration;
use serde_json::json;

use super::issue::{GRAPH_APP_ID, RefreshToken, is_sign_in_scope, permission_of};
use crate::directory::{Person, Presence};
use crate::moment;
use crate::refusal::Refusal;
use crate::registration::{App, Platform};
use crate::state::{State, Tenant};

/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
pub(crate) const INACTIVITY_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
pub(crate) const SPA_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Whether the refresh token itself still lives.
pub(super) fn check_life(state: &State, tenant: &Tenant, token: &RefreshToken) -> Result<(), Refusal> {
    let issued = moment::ticks(token.issued_at);
    if token.platform == Platform::Spa && moment::age(state.now, token.interactive_at) > SPA_LIFETIME {
        return Err(Refusal::of(700_084).with("issued", issued));
    }
    let used = state.last_use(token.id).unwrap_or(token.issued_at);
    if moment::age(state.now, used) > INACTIVITY_MAX {
        return Err(Refusal::of(700_082).with("issued", issued).with("inactive", "90.00:00:00"));
    }
    let valid_from = tenant.directory.person(token.user).and_then(|person| person.tokens_valid_from);
    match valid_from {
        Some(valid_from) if token.issued_at < valid_from => {
            Err(Refusal::of(50173).with("issued", issued).with("valid_from", moment::ticks(valid_from)))
        }
        _ => Ok(()),
    }
}

/// Whether the user can still sign in.
pub(crate) fn check_user<'a>(tenant: &'a Tenant, token: &RefreshToken) -> Result<&'a Person, Refusal> {
    let person = tenant.directory.person(token.user);
    let missing = |code| Refusal::of(code).with("user", token.user).with("directory", &tenant.name);
    match person {
        Some(person) if person.presence == Presence::SoftDeleted => Err(missing(500_341)),
        Some(person) if person.presence == Presence::Present && !person.is_enabled() => Err(Refusal::of(50057)),
        Some(person) if person.presence == Presence::Present => Ok(person),
        Some(_) | None => Err(missing(50034)),
    }
}

/// Whether the user is assigned, and everything asked for is consented.
pub(super) fn check_consent(tenant: &Tenant, app: &App, token: &RefreshToken, scopes: &[String]) -> Result<(), Refusal> {
    let refused = |code| Refusal::of(code).with("app", app.client_id).with("name", &app.name);
    let Some(principal) = tenant.service_principals.get(&app.client_id) else { return Err(refused(65001)) };
    if principal.requires_assignment && !principal.assigned.contains(&token.user) {
        return Err(refused(50105).with("user", token.user));
    }
    let mut permissions = scopes.iter().filter(|scope| !is_sign_in_scope(scope)).map(|scope| permission_of(scope));
    let is_granted = |permission: &str| match permission {
        ".default" => !principal.delegated.is_empty() || principal.delegated_by_user.contains_key(&token.user),
        permission => principal.has_delegated(token.user, permission),
    };
    match permissions.all(is_granted) {
        true => Ok(()),
        false => Err(refused(65001)),
    }
}

/// Whether the tenant's policies let the grant be used without the user.
pub(super) fn check_policies(state: &State, tenant: &Tenant, person: &Person, token: &RefreshToken) -> Result<(), Refusal> {
    let policies = &tenant.policies;
    if let Some(policy) = policies.blocked_by {
        let claims = json!({"access_token": {"capolids": {"essential": true, "values": [policy]}}});
        return Err(Refusal::of(53003).with_claims(claims));
    }
    let has_mfa = |required| token.mfa_at.is_some_and(|at| at >= required);
    if person.mfa_required_since.is_some_and(|required| !has_mfa(required)) {
        return Err(Refusal::of(50076).with("resource", GRAPH_APP_ID));
    }
    // A sign-in that was not asked for a second factor counts as the last time it could have been given (an assumption).
    let proven_at = token.mfa_at.unwrap_or(token.interactive_at);
    let remembered = policies.remember_mfa_days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    if remembered.is_some_and(|remembered| moment::age(state.now, proven_at) > remembered) {
        return Err(Refusal::of(50078).with("resource", GRAPH_APP_ID));
    }
    let Some(seconds) = policies.sign_in_frequency_seconds.filter(|_| !policies.defers_sign_in_frequency) else { return Ok(()) };
    let lifetime = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    match moment::age(state.now, token.interactive_at) > lifetime {
        true => Err(Refusal::of(70043).with("issued", moment::ticks(token.interactive_at)).with("seconds", seconds)),
        false => Ok(()),
    }
}
