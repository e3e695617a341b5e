//! The authorize endpoint: checks the request, and shows the sign-in page or says what is wrong.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>

mod redirect;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use crate::Simulator;
use crate::consent;
use crate::faults::Trouble;
use crate::pages;
use crate::refusal::Refusal;
use crate::registration::App;
use crate::sealed::Purpose;
use crate::state::State;
use crate::token::Challenge;

pub(crate) use redirect::{Reply, ResponseMode, location, respond};

/// The parameters of a query or form.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses a query or form body.
    pub(crate) fn parse(encoded: &str) -> Self {
        Self(form_urlencoded::parse(encoded.as_bytes()).into_owned().collect())
    }

    /// The value of a parameter that is there and not empty.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// What the browser is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Errand {
    /// A code for the client.
    SignIn,
    /// `/v2.0/adminconsent`.
    AdminConsent,
    /// `/adminconsent`, which grants what the registration lists.
    AdminConsentToRegistered,
}

/// A checked request; it travels through the pages in a sealed form field.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) errand: Errand,
    pub(crate) authority: String,
    pub(crate) client: Uuid,
    pub(crate) redirect_uri: String,
    pub(crate) response_mode: ResponseMode,
    pub(crate) state: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) login_hint: Option<String>,
    /// `prompt=consent` asks again for what was granted already.
    pub(crate) always_asks: bool,
}

impl Asked {
    /// The sealed form field.
    pub(crate) fn sealed(&self, state: &State) -> String {
        state.seal.seal(Purpose::PageForm, self)
    }
}

/// Why a request does not lead to a sign-in page.
pub(crate) enum Obstacle {
    /// Shown on a page; the browser is not sent anywhere.
    Page(Refusal),
    /// Told to the client.
    Redirect(Box<Asked>, &'static str, Refusal),
}

/// GET `/{tenant}/oauth2/v2.0/authorize`.
pub(crate) async fn serve(Shared(simulator): Shared<Simulator>, Path(authority): Path<String>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.as_deref().unwrap_or_default());
    begin(&simulator, |state| check(state, &authority, &parameters))
}

/// POST of the same parameters as a form.
pub(crate) async fn serve_form(Shared(simulator): Shared<Simulator>, Path(authority): Path<String>, body: String) -> Response {
    let parameters = Parameters::parse(&body);
    begin(&simulator, |state| check(state, &authority, &parameters))
}

/// Shows the sign-in page for a request that passes `check`.
pub(crate) fn begin(simulator: &Simulator, check: impl FnOnce(&mut State) -> Result<Asked, Obstacle>) -> Response {
    simulator.read(|state| {
        let outcome = check(state);
        if let Some(trouble) = outcome.as_ref().ok().and_then(|asked| trouble(state, &asked.authority)) {
            return trouble;
        }
        match outcome {
            Ok(asked) => pages::sign_in(state, &asked, None),
            Err(obstacle) => refuse(state, obstacle),
        }
    })
}

/// The checked request behind an authorize or admin consent URL.
pub(crate) fn asked(simulator: &Simulator, request: &Url) -> Result<Asked, Refusal> {
    let parameters = Parameters::parse(request.query().unwrap_or_default());
    let segments: Vec<&str> = request.path().trim_matches('/').split('/').collect();
    let outcome = simulator.read(|state| match segments.as_slice() {
        [authority, "oauth2", "v2.0", "authorize"] => check(state, authority, &parameters),
        [authority, "v2.0", "adminconsent"] => consent::check(state, Errand::AdminConsent, authority, &parameters),
        [authority, "adminconsent"] => consent::check(state, Errand::AdminConsentToRegistered, authority, &parameters),
        _ => Err(Obstacle::Page(Refusal::of(90013))),
    });
    outcome.map_err(|obstacle| match obstacle {
        Obstacle::Page(refusal) | Obstacle::Redirect(_, _, refusal) => refusal,
    })
}

/// Says what is wrong, where it is safe to say it.
pub(crate) fn refuse(state: &mut State, obstacle: Obstacle) -> Response {
    match obstacle {
        Obstacle::Page(refusal) => pages::refused(state, &refusal),
        Obstacle::Redirect(asked, error, refusal) => respond(&asked, &Reply::Error { error, subcode: None, description: refusal.text() }),
    }
}

/// Trouble on order for a tenant, or for any when the authority leaves it open.
fn trouble(state: &mut State, authority: &str) -> Option<Response> {
    let named = state.tenant_named(authority).map(|tenant| tenant.id);
    let mut tenants = state.tenants.values_mut().filter(|tenant| named.is_none_or(|named| named == tenant.id));
    match tenants.find_map(|tenant| tenant.faults.authorize.take())? {
        Trouble::Fail(fault) => Some(fault.response()),
        Trouble::Throttle(_) | Trouble::ClaimsChallenge => None,
    }
}

/// The client and its redirect URI; wrong ones are shown on a page, never redirected to.
pub(crate) fn registered<'a>(state: &'a State, authority: &str, parameters: &Parameters) -> Result<(&'a App, String), Refusal> {
    let is_open = ["organizations", "common"].contains(&authority);
    if !is_open && state.tenant_named(authority).is_none_or(|tenant| !tenant.exists) {
        return Err(Refusal::of(90002).with("tenant", authority));
    }
    let require = |name: &'static str| parameters.value(name).ok_or_else(|| Refusal::of(900_144).with("parameter", name));
    let client_id = require("client_id")?;
    let app = client_id.parse().ok().and_then(|id: Uuid| state.apps.get(&id));
    let Some(app) = app.map(|registered| &registered.app) else {
        return Err(Refusal::of(700_016).with("app", client_id).with("directory", authority));
    };
    let redirect_uri = require("redirect_uri")?;
    match app.platform_of(redirect_uri) {
        Some(_) => Ok((app, redirect_uri.to_owned())),
        None => Err(Refusal::of(50011).with("redirect", redirect_uri).with("app", client_id)),
    }
}

fn check(state: &mut State, authority: &str, parameters: &Parameters) -> Result<Asked, Obstacle> {
    let (app, redirect_uri) = registered(state, authority, parameters).map_err(Obstacle::Page)?;
    let mut asked = Asked {
        errand: Errand::SignIn,
        authority: authority.to_owned(),
        client: app.client_id,
        redirect_uri,
        response_mode: ResponseMode::Query,
        state: parameters.value("state").map(str::to_owned),
        scopes: parameters.value("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        nonce: parameters.value("nonce").map(str::to_owned),
        challenge: None,
        login_hint: parameters.value("login_hint").map(str::to_owned),
        always_asks: parameters.value("prompt") == Some("consent"),
    };
    let wrong = |asked: &Asked, error, refusal| Err(Obstacle::Redirect(Box::new(asked.clone()), error, refusal));
    match parameters.value("response_mode") {
        None | Some("query") => {}
        Some("fragment") => asked.response_mode = ResponseMode::Fragment,
        Some("form_post") => asked.response_mode = ResponseMode::FormPost,
        Some(_) => return wrong(&asked, "invalid_request", Refusal::of(70007)),
    }
    match check_flow(&asked, parameters) {
        Ok(challenge) => asked.challenge = challenge,
        Err((error, refusal)) => return wrong(&asked, error, refusal),
    }
    Ok(asked)
}

type Told = (&'static str, Refusal);

fn check_flow(asked: &Asked, parameters: &Parameters) -> Result<Option<Challenge>, Told> {
    match parameters.value("response_type") {
        Some("code") => {}
        None => return Err(("invalid_request", Refusal::of(900_144).with("parameter", "response_type"))),
        Some(kind) if kind.split(' ').any(|part| part == "id_token") => return Err(("unsupported_response_type", Refusal::of(700_054))),
        Some(_) => return Err(("unsupported_response_type", Refusal::of(70005))),
    }
    if asked.scopes.is_empty() {
        return Err(("invalid_request", Refusal::of(900_144).with("parameter", "scope")));
    }
    match parameters.value("prompt") {
        None | Some("login" | "consent") => {}
        Some("select_account") if asked.login_hint.is_none() => {}
        Some("select_account") => return Err(("invalid_request", Refusal::of(90005))),
        // There are no sessions here, so nobody is ever signed in already.
        Some("none") => return Err(("login_required", Refusal::of(50058))),
        Some(_) => return Err(("invalid_request", Refusal::of(90023))),
    }
    check_claims(parameters)?;
    challenge(parameters)
}

fn check_claims(parameters: &Parameters) -> Result<(), Told> {
    let is_json = |claims| serde_json::from_str::<serde_json::Value>(claims).is_ok_and(|claims| claims.is_object());
    match parameters.value("claims") {
        Some(claims) if !is_json(claims) => Err(("invalid_request", Refusal::of(50117))),
        _ => Ok(()),
    }
}

/// Source: RFC 7636 sections 4.2 and 4.3
fn challenge(parameters: &Parameters) -> Result<Option<Challenge>, Told> {
    let Some(challenge) = parameters.value("code_challenge").map(str::to_owned) else { return Ok(None) };
    if !(43..=128).contains(&challenge.len()) {
        return Err(("invalid_request", Refusal::of(501_491)));
    }
    match parameters.value("code_challenge_method") {
        Some("S256") => Ok(Some(Challenge::S256(challenge))),
        None | Some("plain") => Ok(Some(Challenge::Plain(challenge))),
        Some(_) => Err(("invalid_request", Refusal::of(50149))),
    }
}
