//! What is outside for a crowd: one tenant whose people all consented, and DynamoDB, each behind a port of its own.

use anyhow::{Context as _, Result, anyhow};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use entra_simulator::{Act, App, Role, Settings, Simulator};
use http::header;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};
use uuid::Uuid;

use crate::world::person;

/// The operator's registration in Entra.
pub(super) const CLIENT: Uuid = Uuid::from_u128(0x00e5_4a57);
/// Its secret.
pub(super) const SECRET: &str = "secret of the bench";
/// Where those who consented can be read.
pub(super) const CONSENTS: &str = "/crowd/consents";
/// No token of the simulator ends so, and neither a form nor a header writes it otherwise.
const FILLER: char = '.';

/// How long tokens are, in characters; the simulator's own are left as they are where they are longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// Refresh tokens.
    pub refresh: usize,
    /// Access tokens.
    pub access: usize,
}

impl Lengths {
    /// As Entra's are, about. An input.
    pub const REALISTIC: Self = Self { refresh: 1_300, access: 2_000 };
    /// As the simulator's are.
    pub const OWN: Self = Self { refresh: 0, access: 0 };
}

/// Where the outside is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outside {
    /// Entra and Graph.
    pub base: Url,
    /// DynamoDB.
    pub dynamodb: String,
    /// The tenant.
    pub tenant: Uuid,
}

/// Somebody who consented.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Consented {
    pub(super) person: Uuid,
    pub(super) token: String,
}

impl Outside {
    /// Starts it, for as long as the runtime runs; `people` consent.
    ///
    /// # Errors
    /// When no port is free, or the simulator refuses.
    pub async fn start(people: u32, lengths: Lengths) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let settings = Settings { login_base: base.clone(), graph_base: base.clone(), seed: 1, start: Timestamp::now() };
        let simulator = Simulator::new(settings);
        simulator.add_app(App::web(CLIENT, "Bench", "http://127.0.0.1:1/callback", SECRET));
        let tenant = simulator.add_tenant("Bench");
        simulator.work(tenant, Act::GrantConsent)?;
        let scope = format!("{}/User.Read.All", base.origin().ascii_serialization());
        let consent = |number: u32| {
            let person = simulator.add_user(tenant, person(&format!("Person{number}"), Role::Member));
            let token = simulator.grant((tenant, person), CLIENT, &["openid", "offline_access", &scope])?;
            anyhow::Ok(Consented { person, token: filled(&token, lengths.refresh) })
        };
        let consents = (0..people).map(consent).collect::<Result<Vec<_>>>()?;
        let fill = from_fn_with_state(lengths, fill);
        let router = simulator.router().layer(fill).merge(Router::new().route(CONSENTS, get(async move || Json(consents.clone()))));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let database = dynoxide::Database::memory().map_err(|error| anyhow!("{error}"))?;
        let tables = TcpListener::bind(("127.0.0.1", 0)).await?;
        let dynamodb = format!("http://{}", tables.local_addr()?);
        tokio::spawn(dynoxide::server::serve_with_shutdown(tables, database, std::future::pending()));
        Ok(Self { base, dynamodb, tenant })
    }
}

fn filled(token: &str, length: usize) -> String {
    let missing = length.saturating_sub(token.len());
    format!("{token}{}", FILLER.to_string().repeat(missing))
}

/// Takes the filler out of the tokens that come in, and fills up those that go out.
async fn fill(State(lengths): State<Lengths>, request: Request, next: Next) -> Response {
    let is_token_request = request.uri().path().ends_with("/token");
    let request = match is_token_request {
        true => emptied_form(request).await,
        false => emptied_header(request),
    };
    let response = next.run(request.unwrap_or_default()).await;
    match is_token_request && response.status().is_success() {
        true => filled_answer(response, lengths).await.unwrap_or_default(),
        false => response,
    }
}

async fn emptied_form(request: Request) -> Result<Request> {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(&body) {
        form.append_pair(&name, value.trim_end_matches(FILLER));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(form.finish())))
}

fn emptied_header(mut request: Request) -> Result<Request> {
    if let Some(bearer) = request.headers_mut().get_mut(header::AUTHORIZATION) {
        *bearer = bearer.to_str()?.trim_end_matches(FILLER).parse()?;
    }
    Ok(request)
}

async fn filled_answer(response: Response, lengths: Lengths) -> Result<Response> {
    let (mut parts, body) = response.into_parts();
    let mut answer: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await?)?;
    let answer_fields = answer.as_object_mut().context("an answer is an object")?;
    for (name, length) in [("refresh_token", lengths.refresh), ("access_token", lengths.access)] {
        if let Some(Value::String(token)) = answer_fields.get_mut(name) {
            *token = filled(token, length);
        }
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(answer.to_string())))
}
