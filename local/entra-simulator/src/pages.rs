//! The pages a person sees, as plain HTML that works without scripts, in light and dark.

mod frame;

use axum::extract::RawQuery;
use axum::response::Response;
use url::form_urlencoded;

use crate::authorize::Asked;
use crate::consent::Wanted;
use crate::directory::Role;
use crate::refusal::Refusal;
use crate::sealed::Purpose;
use crate::signin::SignedIn;
use crate::state::State;
use frame::{escape, page};

/// Accounts offered on the sign-in page; others are typed.
const ACCOUNTS_MAX: usize = 12;

/// Who is it? A list of admins, one of each tenant where any may sign in, and a field for everybody else.
pub(crate) fn sign_in(state: &State, asked: &Asked, problem: Option<&str>) -> Response {
    let named = state.tenant_named(&asked.authority).map(|tenant| tenant.id);
    let tenants = state.tenants.values().filter(|tenant| tenant.exists && named.is_none_or(|named| named == tenant.id));
    let each_max = named.map_or(1, |_| ACCOUNTS_MAX);
    let accounts = tenants.flat_map(|tenant| {
        let admins = tenant.directory.present().filter(|person| person.role == Role::Admin).take(each_max);
        admins.map(|person| (person.text("displayName"), person.text("userPrincipalName"), tenant.name.as_str()))
    });
    let mut buttons = String::new();
    for (number, (name, login, tenant)) in accounts.take(ACCOUNTS_MAX).enumerate() {
        let (name, login, tenant) = (escape(name), escape(login), escape(tenant));
        buttons.push_str(&format!(
            r#"<li><button class="account" id="account-{number}" name="login" value="{login}"><b>{name}</b><span>{login}</span><span>{tenant}</span></button></li>"#
        ));
    }
    let problem =
        problem.map(|problem| format!(r#"<p class="problem" role="alert" id="problem">{}</p>"#, escape(problem))).unwrap_or_default();
    let action = action(asked);
    let request = asked.sealed(state);
    let hint = escape(asked.login_hint.as_deref().unwrap_or_default());
    let body = format!(
        r#"<h1>Sign in</h1><p>to continue to <strong>{app}</strong></p>{problem}
<form method="post" action="{action}"><input type="hidden" name="request" value="{request}"><input type="hidden" name="step" value="account">
<ul class="accounts" aria-label="Accounts">{buttons}</ul></form>
<form method="post" action="{action}"><input type="hidden" name="request" value="{request}"><input type="hidden" name="step" value="account">
<label for="login">Another account</label><input id="login" name="login" type="text" inputmode="email" autocomplete="username" value="{hint}" placeholder="name@organisation.example" required>
<label for="password">Password <small>(any will do)</small></label><input id="password" name="password" type="password" autocomplete="current-password">
<div class="actions"><button id="next" class="primary">Next</button></div></form>
{cancel}"#,
        app = escape(app_name(state, asked)),
        cancel = cancel(asked, &request),
    );
    page("Sign in", &body)
}

/// The second factor.
pub(crate) fn second_factor(state: &State, signed_in: &SignedIn) -> Response {
    let request = state.seal.seal(Purpose::PageForm, signed_in);
    let body = format!(
        r#"<h1>Approve the sign-in</h1><p>{account}</p><p>Your organisation asks for a second factor. Imagine the request on your phone, and approve it.</p>
<form method="post" action="{action}"><input type="hidden" name="request" value="{request}"><input type="hidden" name="step" value="mfa">
<div class="actions"><button id="next" class="primary">Approve</button></div></form>{cancel}"#,
        account = account(state, signed_in),
        action = action(&signed_in.asked),
        cancel = cancel(&signed_in.asked, &request),
    );
    page("Approve the sign-in", &body)
}

/// What the app wants, and in which tenant.
pub(crate) fn consent(state: &State, signed_in: &SignedIn, wanted: &Wanted) -> Response {
    let request = state.seal.seal(Purpose::PageForm, signed_in);
    let tenant = state.tenants.get(&signed_in.tenant);
    let delegated = wanted.delegated.iter().map(|name| (name, "on behalf of the signed-in user"));
    let roles = wanted.roles.iter().map(|name| (name, "without a signed-in user"));
    let list: String = delegated
        .chain(roles)
        .map(|(name, how)| format!("<li><b>{}</b><span>{}, {how}</span></li>", escape(name), meaning(name)))
        .collect();
    let offline = match signed_in.asked.scopes.iter().any(|scope| scope == "offline_access") {
        true => "<li><b>offline_access</b><span>Keep the access it was given</span></li>",
        false => "",
    };
    let body = format!(
        r#"<h1>Permissions requested</h1><p>{account}</p><p><strong id="app">{app}</strong> asks for access to <strong id="tenant">{tenant}</strong>:</p>
<ul class="permissions" id="permissions">{list}{offline}</ul>
<p>An administrator who accepts does so for the whole organisation. Access can be withdrawn at any time.</p>
<form method="post" action="{action}"><input type="hidden" name="request" value="{request}">
<div class="actions"><button id="cancel" name="step" value="cancel">Cancel</button><button id="accept" name="step" value="accept" class="primary">Accept</button></div></form>"#,
        account = account(state, signed_in),
        app = escape(app_name(state, &signed_in.asked)),
        tenant = escape(tenant.map_or("", |tenant| tenant.name.as_str())),
        action = action(&signed_in.asked),
    );
    page("Permissions requested", &body)
}

/// A refusal the client is not told about.
pub(crate) fn refused(state: &mut State, refusal: &Refusal) -> Response {
    let title = match refusal.code {
        90094 => "Needs admin approval",
        _ => "Sorry, we are having trouble signing you in",
    };
    let (trace, correlation) = (state.chance.guid(), state.chance.guid());
    let body = format!(
        r#"<h1>{title}</h1><p class="problem" role="alert" id="problem">{text}</p>
<dl><dt>Trace ID</dt><dd>{trace}</dd><dt>Correlation ID</dt><dd>{correlation}</dd><dt>Timestamp</dt><dd>{at}</dd></dl>"#,
        text = escape(&refusal.text()),
        at = crate::moment::graph(state.now),
    );
    let mut response = page(title, &body);
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
}

/// A form that posts itself to the client, or by its button where scripts are off.
/// Source: <https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html>
pub(crate) fn posting(target: &str, parameters: &[(&'static str, String)]) -> Response {
    let field = |(name, value): &(&str, String)| format!(r#"<input type="hidden" name="{name}" value="{}">"#, escape(value));
    let fields: String = parameters.iter().map(field).collect();
    let body = format!(
        r#"<h1>One moment</h1><form method="post" action="{}">{fields}<div class="actions"><button id="next" class="primary">Continue</button></div></form>
<script>document.forms[0].submit()</script>"#,
        escape(target)
    );
    page("One moment", &body)
}

/// GET `/{tenant}/oauth2/v2.0/logout`.
pub(crate) async fn signed_out() -> Response {
    page("Signed out", "<h1>You are signed out</h1><p>There are no sessions here, so there was nothing to end.</p>")
}

/// GET `/error?code=`.
pub(crate) async fn error_lookup(RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").and_then(|(_, value)| value.parse().ok());
    let text = code.map_or_else(|| "No code was given.".to_owned(), |code| Refusal::of(code).text());
    page("Error code", &format!("<h1>Error code</h1><p id=\"problem\">{}</p>", escape(&text)))
}

fn action(asked: &Asked) -> String {
    escape(&format!("/{}/signin", asked.authority))
}

fn cancel(asked: &Asked, request: &str) -> String {
    let action = action(asked);
    format!(
        r#"<form method="post" action="{action}"><input type="hidden" name="request" value="{request}"><div class="actions"><button id="cancel" name="step" value="cancel">Cancel</button></div></form>"#
    )
}

fn app_name<'a>(state: &'a State, asked: &Asked) -> &'a str {
    state.apps.get(&asked.client).map_or("", |registered| registered.app.name.as_str())
}

fn account(state: &State, signed_in: &SignedIn) -> String {
    let person = state.tenants.get(&signed_in.tenant).and_then(|tenant| tenant.directory.person(signed_in.user));
    escape(person.map_or("", |person| person.text("userPrincipalName")))
}

fn meaning(permission: &str) -> &'static str {
    match permission {
        "User.Read.All" => "Read all users' full profiles",
        "User.Read" => "Sign in and read the user's profile",
        "User.ReadBasic.All" => "Read all users' basic profiles",
        "Directory.Read.All" => "Read directory data",
        "ProfilePhoto.Read.All" => "Read all profile photos",
        _ => "Use this permission",
    }
}
