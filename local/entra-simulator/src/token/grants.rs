//! The three grants, each a chain of checks.

use jiff::SignedDuration;

use super::issue::{AuthorizationCode, RefreshToken, for_app, for_user, is_sign_in_scope, permission_of};
use super::{Form, Issued, client, policy};
use crate::moment;
use crate::refusal::Refusal;
use crate::registration::{App, Platform};
use crate::state::{State, Tenant};

/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow> (about one minute)
const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);

/// `grant_type=refresh_token`.
pub(super) fn refresh_token(state: &mut State, form: &Form<'_>) -> Result<Issued, Refusal> {
    let presented = form.require("refresh_token")?;
    let opened = RefreshToken::open(&state.seal, presented);
    let age = opened.as_ref().map(|token| moment::age(state.now, token.issued_at));
    let checked = check_refresh(state, form, opened);
    let (token, scopes) = checked.map_err(|refusal| age.into_iter().fold(refusal, Refusal::with_age))?;
    state.note_use(token.id, policy::INACTIVITY_MAX);
    Ok(Issued { body: for_user(state, form, token, (&scopes, None)), age })
}

fn check_refresh(state: &State, form: &Form<'_>, opened: Option<RefreshToken>) -> Result<(RefreshToken, Vec<String>), Refusal> {
    let authority = match (&opened, form.is_any_tenant()) {
        (Some(token), true) => token.tenant.to_string(),
        (None, true) => return Err(Refusal::of(9_002_313)),
        (_, false) => form.authority.to_owned(),
    };
    let tenant = client::tenant(state, &authority)?;
    let app = client::authenticated(state, form, tenant)?;
    client::require_principal(tenant, app)?;
    let token = opened.ok_or_else(|| Refusal::of(9_002_313))?;
    if token.client != app.client_id {
        return Err(Refusal::of(70000));
    }
    policy::check_life(state, tenant, &token)?;
    let scopes = requested_scopes(form, &token.scopes)?;
    check_user(state, (tenant, app), &token, &scopes)?;
    Ok((token, scopes))
}

/// The checks that depend on the user behind a grant.
fn check_user(state: &State, (tenant, app): (&Tenant, &App), token: &RefreshToken, scopes: &[String]) -> Result<(), Refusal> {
    let person = policy::check_user(tenant, token)?;
    policy::check_consent(tenant, app, token, scopes)?;
    policy::check_policies(state, tenant, person, token)
}

/// The scopes a request names, or those of the grant.
fn requested_scopes(form: &Form<'_>, granted: &[String]) -> Result<Vec<String>, Refusal> {
    let Some(scope) = form.field("scope") else { return Ok(granted.to_vec()) };
    let scopes: Vec<String> = scope.split_whitespace().map(str::to_owned).collect();
    let resources = scopes.iter().filter(|scope| !is_sign_in_scope(scope));
    let has_default = resources.clone().any(|scope| permission_of(scope) == ".default");
    match has_default && resources.count() > 1 {
        true => Err(Refusal::of(70011).with("scope", scope)),
        false => Ok(scopes),
    }
}

/// `grant_type=authorization_code`.
pub(super) fn authorization_code(state: &mut State, form: &Form<'_>) -> Result<Issued, Refusal> {
    let presented = form.require("code")?;
    let opened = AuthorizationCode::open(&state.seal, presented);
    let authority = match (&opened, form.is_any_tenant()) {
        (Some(code), true) => code.tenant.to_string(),
        (None, true) => return Err(Refusal::of(9_002_313)),
        (_, false) => form.authority.to_owned(),
    };
    let tenant = client::tenant(state, &authority)?;
    let app = client::authenticated(state, form, tenant)?;
    client::require_principal(tenant, app)?;
    let code = opened.ok_or_else(|| Refusal::of(9_002_313))?;
    check_code(form, (tenant, app), &code)?;
    if moment::age(state.now, code.issued_at) > CODE_LIFETIME {
        return Err(Refusal::of(70008));
    }
    let token = RefreshToken {
        id: code.id,
        tenant: code.tenant,
        user: code.user,
        client: code.client,
        scopes: code.scopes.clone(),
        platform: app.platform_of(&code.redirect_uri).unwrap_or(Platform::Web),
        issued_at: code.issued_at,
        interactive_at: code.issued_at,
        mfa_at: code.mfa_at,
    };
    let scopes = requested_scopes(form, &code.scopes)?;
    check_user(state, (tenant, app), &token, &scopes)?;
    if !state.redeem(code.id) {
        return Err(Refusal::of(54005));
    }
    Ok(Issued { body: for_user(state, form, token, (&scopes, code.nonce.as_deref())), age: None })
}

fn check_code(form: &Form<'_>, (tenant, app): (&Tenant, &App), code: &AuthorizationCode) -> Result<(), Refusal> {
    if code.client != app.client_id {
        return Err(Refusal::of(70000));
    }
    if code.tenant != tenant.id {
        return Err(Refusal::of(700_005));
    }
    if form.require("redirect_uri")? != code.redirect_uri {
        return Err(Refusal::of(50011).with("redirect", form.field("redirect_uri").unwrap_or_default()).with("app", app.client_id));
    }
    let Some(challenge) = &code.challenge else { return Ok(()) };
    match form.field("code_verifier").is_some_and(|verifier| challenge.is_met_by(verifier)) {
        true => Ok(()),
        false => Err(Refusal::of(501_481)),
    }
}

/// `grant_type=client_credentials`. A token is issued even when no permission was granted.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
pub(super) fn client_credentials(state: &mut State, form: &Form<'_>) -> Result<Issued, Refusal> {
    let scope = form.require("scope")?;
    if form.is_any_tenant() {
        return Err(Refusal::of(9_001_023));
    }
    let tenant = client::tenant(state, form.authority)?;
    let app = client::authenticated(state, form, tenant)?;
    client::require_principal(tenant, app)?;
    if permission_of(scope) != ".default" {
        return Err(Refusal::of(70011).with("scope", scope));
    }
    let (tenant, client) = (tenant.id, app.client_id);
    Ok(Issued { body: for_app(state, tenant, client), age: None })
}
