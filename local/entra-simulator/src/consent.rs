//! Consent: the admin consent endpoints, what a user may grant, and granting it.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent>

use std::collections::BTreeSet;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::Response;
use uuid::Uuid;

use crate::Simulator;
use crate::authorize::{self, Asked, Errand, Obstacle, Parameters, ResponseMode};
use crate::directory::Role;
use crate::refusal::Refusal;
use crate::registration::App;
use crate::state::State;
use crate::token::{is_sign_in_scope, permission_of};

/// Delegated permissions an ordinary user may grant; all others need an admin.
/// Source: <https://learn.microsoft.com/en-us/graph/permissions-reference>
const USER_MAY_GRANT: &[&str] = &["User.Read", "User.ReadBasic.All", "Calendars.Read", "Mail.Read", "People.Read"];

/// What somebody grants.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) delegated: BTreeSet<String>,
    pub(crate) roles: BTreeSet<String>,
}

impl Wanted {
    /// Whether only an admin may grant it.
    pub(crate) fn needs_admin(&self) -> bool {
        !self.roles.is_empty() || self.delegated.iter().any(|permission| !USER_MAY_GRANT.contains(&permission.as_str()))
    }
}

/// GET `/{tenant}/v2.0/adminconsent`.
pub(crate) async fn serve(Shared(simulator): Shared<Simulator>, Path(authority): Path<String>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.as_deref().unwrap_or_default());
    authorize::begin(&simulator, |state| check(state, Errand::AdminConsent, &authority, &parameters))
}

/// GET `/{tenant}/adminconsent`.
pub(crate) async fn serve_registered(
    Shared(simulator): Shared<Simulator>,
    Path(authority): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::parse(query.as_deref().unwrap_or_default());
    authorize::begin(&simulator, |state| check(state, Errand::AdminConsentToRegistered, &authority, &parameters))
}

/// Checks the parameters of either endpoint.
pub(crate) fn check(state: &mut State, errand: Errand, authority: &str, parameters: &Parameters) -> Result<Asked, Obstacle> {
    let (app, redirect_uri) = authorize::registered(state, authority, parameters).map_err(Obstacle::Page)?;
    let scopes: Vec<String> = match errand {
        Errand::AdminConsentToRegistered => vec![".default".to_owned()],
        _ => parameters.value("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
    };
    if scopes.is_empty() {
        return Err(Obstacle::Page(Refusal::of(900_144).with("parameter", "scope")));
    }
    Ok(Asked {
        errand,
        authority: authority.to_owned(),
        client: app.client_id,
        redirect_uri,
        response_mode: ResponseMode::Query,
        state: parameters.value("state").map(str::to_owned),
        scopes,
        nonce: None,
        challenge: None,
        login_hint: None,
        always_asks: true,
    })
}

/// What the request asks this app to be granted. Application permissions only come with `.default` on admin consent.
pub(crate) fn wanted(app: &App, asked: &Asked) -> Wanted {
    let mut wanted = Wanted::default();
    for scope in asked.scopes.iter().filter(|scope| !is_sign_in_scope(scope)) {
        match permission_of(scope) {
            ".default" => {
                wanted.delegated.extend(app.delegated_permissions.iter().cloned());
                if asked.errand != Errand::SignIn {
                    wanted.roles.extend(app.application_permissions.iter().cloned());
                }
            }
            permission => {
                wanted.delegated.insert(permission.to_owned());
            }
        }
    }
    wanted
}

/// Whether the consent page must be shown to this user.
pub(crate) fn is_missing(state: &State, asked: &Asked, wanted: &Wanted, (tenant, user): (Uuid, Uuid)) -> bool {
    let principal = state.tenants.get(&tenant).and_then(|tenant| tenant.service_principals.get(&asked.client));
    let Some(principal) = principal else { return true };
    asked.always_asks || wanted.delegated.iter().any(|permission| !principal.has_delegated(user, permission))
}

/// Records the grant; an admin grants for the whole tenant, a user for themselves. True when that changed anything.
pub(crate) fn grant(state: &mut State, client: Uuid, wanted: Wanted, (tenant, user): (Uuid, Uuid)) -> bool {
    let Some(world) = state.tenants.get_mut(&tenant) else { return false };
    let role = world.directory.person(user).map(|person| person.role);
    let is_new = !world.service_principals.contains_key(&client);
    let principal = world.service_principals.entry(client).or_default();
    let (delegated, roles) = match role {
        Some(Role::Admin) => (&mut principal.delegated, &mut principal.roles),
        _ => (principal.delegated_by_user.entry(user).or_default(), &mut principal.roles),
    };
    let before = (delegated.len(), roles.len());
    delegated.extend(wanted.delegated);
    roles.extend(wanted.roles);
    is_new || before != (delegated.len(), roles.len())
}
