//! The demonstration portal: Letterhead's admin page, its tiny backend, and the panel that works the simulator.
//!
//! Only the page and the widget are what an operator would have. `/token` is what an operator's backend does for its signed-in users, and
//! `/server-token` what its server does for itself, offered here so that the API can be tried with no more than curl; everything below `/panel` exists for the demonstration.

use std::path::Path;
use std::sync::Arc;

use adapters::clock::Clock as _;
use anyhow::{Context as _, Result};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::ids::CustomerId;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::callers;
use crate::customers;
use crate::panel::Trouble;
use crate::passing;
use crate::world::World;

mod happened;

/// The longest time that may pass at one wish.
const HOURS_MAX: i64 = 24 * 120;
/// The files of the page, with their kinds.
const FILES: [(&str, &str, &str); 8] = [
    ("/", "text/html; charset=utf-8", include_str!("../portal/index.html")),
    ("/portal.css", CSS, include_str!("../portal/portal.css")),
    ("/panel.css", CSS, include_str!("../portal/panel.css")),
    ("/portal.js", SCRIPT, include_str!("../portal/portal.js")),
    ("/people.js", SCRIPT, include_str!("../portal/people.js")),
    ("/panel.js", SCRIPT, include_str!("../portal/panel.js")),
    ("/backend.js", SCRIPT, include_str!("../portal/backend.js")),
    ("/icon.svg", "image/svg+xml", include_str!("../portal/icon.svg")),
];
/// What a mail's page may load: its own style.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

type Shared = Arc<World>;

/// The portal.
///
/// # Errors
/// When the API's address cannot stand in a header.
pub fn router(world: Shared, widget: Option<&Path>) -> Result<Router> {
    let mut routes = Router::new()
        .route("/config.json", get(config))
        .route("/token", post(token))
        .route("/server-token", post(server_token))
        .route("/panel/state", get(happened::state))
        .route("/panel/acts", post(act))
        .route("/panel/pass", post(pass));
    for (path, kind, text) in FILES {
        routes = routes.route(path, get(move || async move { ([(header::CONTENT_TYPE, kind)], text) }));
    }
    if let Some(folder) = widget {
        routes = routes.nest_service("/widget", ServeDir::new(folder));
    }
    let policy = HeaderValue::from_str(&policy(&world)).context("the API's address")?;
    let set = |name: HeaderName, value: HeaderValue| SetResponseHeaderLayer::overriding(name, value);
    let is_there = widget.is_some();
    // A mail brings its own style in its own page, and nothing else.
    let mails = Router::new().route("/panel/mails/{number}", get(happened::mail_page));
    let mails = mails.layer(set(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY)));
    Ok(routes
        .layer(axum::Extension(Widget { is_there }))
        .layer(set(header::CONTENT_SECURITY_POLICY, policy))
        .merge(mails)
        .layer(middleware::from_fn_with_state(Arc::clone(&world), admit))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(set(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .layer(set(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
        .with_state(world))
}

#[derive(Clone, Copy)]
struct Widget {
    is_there: bool,
}

/// Nothing from elsewhere, and the API as the only place to speak to.
fn policy(world: &World) -> String {
    let api = world.addresses.api.as_str().trim_end_matches('/');
    [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        &format!("connect-src 'self' {api}"),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    .join("; ")
}

/// Lets only this machine's own names pass, and only the portal's own pages change anything: otherwise any page of the web could.
async fn admit(State(world): State<Shared>, request: Request, next: Next) -> Response {
    let port = world.addresses.portal.port().unwrap_or_default();
    let is_own = |name: Option<&HeaderValue>, before: &str| {
        let name = name.and_then(|name| name.to_str().ok());
        name.map(|name| ["localhost", "127.0.0.1"].iter().any(|host| name == format!("{before}{host}:{port}")))
    };
    let is_here = is_own(request.headers().get(header::HOST), "") == Some(true);
    let is_stranger = is_own(request.headers().get(header::ORIGIN), "http://") == Some(false);
    match is_here && !is_stranger {
        true => next.run(request).await,
        false => problem(StatusCode::FORBIDDEN, "this portal answers only itself, on this machine"),
    }
}

fn problem(status: StatusCode, title: &str) -> Response {
    let body = Json(json!({"status": status.as_u16(), "title": title}));
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

async fn config(State(world): State<Shared>, axum::Extension(widget): axum::Extension<Widget>) -> Json<Value> {
    let customers: Vec<_> = customers::all().collect();
    Json(json!({
        "api": world.addresses.api, "simulator": world.addresses.simulator, "customers": customers, "widget": widget.is_there,
    }))
}

/// Whose page it is.
#[derive(Deserialize)]
struct Whose {
    customer: String,
}

impl Whose {
    fn known(&self) -> Option<CustomerId> {
        customers::all().find(|customer| customer.id == self.customer)?.id()
    }
}

const STRANGER: &str = "customer must be one of those in config.json";

/// What an operator's backend does for a user whom it has signed in. The token's end is told in the browser's time, which the product's
/// clock may be far ahead of here.
async fn token(State(world): State<Shared>, Query(whose): Query<Whose>) -> Response {
    let Some(customer) = whose.known() else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, STRANGER);
    };
    match world.signer.mint(&customer, world.clock.now()) {
        Ok(token) => Json(json!({"token": token, "expiresAt": Timestamp::now() + callers::LIFE})).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
    }
}

/// A token of the operator's own server, as plain text.
async fn server_token(State(world): State<Shared>, Query(whose): Query<Whose>) -> Response {
    let Some(customer) = whose.known() else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, STRANGER);
    };
    match world.servers.mint(&customer, world.clock.now()) {
        Ok(token) => token.into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
    }
}

#[derive(Deserialize)]
struct ActWanted {
    act: Trouble,
}

async fn act(State(world): State<Shared>, Query(whose): Query<Whose>, Json(wanted): Json<ActWanted>) -> Response {
    let Some(customer) = whose.known() else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, STRANGER);
    };
    let happened = wanted.act.happen(&world, &customer).await;
    match happened.and_then(|what| world.tell(Some(&customer), what).map(|()| what)) {
        Ok(what) => Json(json!({"what": what})).into_response(),
        Err(error) => problem(StatusCode::CONFLICT, &format!("{error:#}")),
    }
}

#[derive(Deserialize)]
struct PassWanted {
    hours: i64,
}

/// Lets time pass in the background; the page watches it by asking for the state.
async fn pass(State(world): State<Shared>, Json(wanted): Json<PassWanted>) -> Response {
    if !(1..=HOURS_MAX).contains(&wanted.hours) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, &format!("hours must be 1 to {HOURS_MAX}"));
    }
    if happened::seeding(&world).is_some() || world.passing().is_some() {
        return problem(StatusCode::CONFLICT, "time is passing already");
    }
    let until = world.clock.now() + SignedDuration::from_hours(wanted.hours);
    tokio::spawn(async move {
        let passed = passing::pass(&world, until).await;
        let words = match wanted.hours {
            1 => "1 hour passed".to_owned(),
            hours if hours % 24 == 0 => format!("{} day(s) passed", hours / 24),
            hours => format!("{hours} hours passed"),
        };
        if let Err(error) = passed.and_then(|()| world.tell(None, words)) {
            tracing::error!(error = format!("{error:#}"), "time did not pass");
        }
    });
    StatusCode::ACCEPTED.into_response()
}
