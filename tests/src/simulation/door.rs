//! The way to Entra and Graph, and what other providers do with old refresh tokens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use adapters::transport::{BODY_MAX_BYTES, DEADLINE, Transport, TransportError};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use entra_simulator::Simulator;
use http::{Request, Response, StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::actor::Actor;
use super::breakage::{Breakage, dead_token};
use super::outside::{Outside, Passed};
use super::pages::Asked;
use super::plan::Provider;
use super::stirs::Stirs;
use super::watch::{Rule, Verdict};

/// How long a used token is good at a provider with grace.
const GRACE: SignedDuration = SignedDuration::from_secs(30);
/// Numbers of refusals that only a person can lift. Source:
/// <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>
const LASTING: [u64; 8] = [50173, 50076, 50078, 50079, 65001, 70043, 70000, 700_082];

/// What all invocations of a run share of Entra.
pub struct Entrance {
    /// The outside.
    pub outside: Arc<Outside>,
    /// Entra.
    pub simulator: Simulator,
    /// Each connection's tenant and its admin.
    pub accounts: Vec<(Uuid, Uuid)>,
    /// What becomes of old tokens.
    pub provider: Provider,
    /// What is broken.
    pub breakage: Option<Breakage>,
    router: Router,
    /// Families of tokens that were ended because an old one was used.
    ended: Mutex<Vec<usize>>,
    /// How often something moves in a directory, in a thousand requests for a page.
    pub stirring: AtomicU64,
    stirs: Stirs,
}

impl Entrance {
    /// The entrance to this simulator.
    #[must_use]
    pub fn new(outside: Arc<Outside>, simulator: Simulator, provider: Provider, breakage: Option<Breakage>) -> Self {
        let router = simulator.router();
        Self {
            outside,
            simulator,
            accounts: Vec::new(),
            provider,
            breakage,
            router,
            ended: Mutex::default(),
            stirring: AtomicU64::default(),
            stirs: Stirs::default(),
        }
    }

    /// What Entra answers; the body is null where it is no JSON.
    async fn ask(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.simulator.set_now(self.outside.now());
        let response: Response<Body> = match self.router.clone().oneshot(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, BODY_MAX_BYTES).await.unwrap_or_default();
        Response::from_parts(parts, bytes.to_vec())
    }

    /// What the provider answers to a refresh, and what the rules must know of it.
    async fn refresh(&self, asked: Refresh, request: Request<Vec<u8>>, asker: &Arc<Actor>) -> Response<Vec<u8>> {
        if self.is_ended(&asked, asker) {
            self.outside.watch().tokens[asked.token].verdict = Verdict::Dead;
            return answered(400, &dead_token());
        }
        let response = self.ask(request).await;
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let now = self.outside.now();
        let mut watch = self.outside.watch();
        let codes = body["error_codes"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        match response.status() {
            StatusCode::OK if body["access_token"].is_string() => {
                watch.accepted(asked.connection, asked.token, now);
                if let Some(text) = body["refresh_token"].as_str() {
                    watch.issued(text, Some(asked.token), now);
                }
            }
            status if status.is_client_error() => {
                let is_lasting = codes.into_iter().any(|code| LASTING.contains(&code));
                watch.tokens[asked.token].verdict = if is_lasting { Verdict::Dead } else { Verdict::Otherwise };
            }
            _ => {}
        }
        response
    }

    /// Whether the provider ended the token's family, now or before.
    fn is_ended(&self, asked: &Refresh, asker: &Arc<Actor>) -> bool {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.outside.now();
        let mut watch = self.outside.watch();
        let token = watch.tokens[asked.token].clone();
        if ended.contains(&token.family) {
            return true;
        }
        let is_reused = token.successor.is_some_and(|(used_at, _)| match self.provider {
            Provider::Lasting => false,
            Provider::Grace => now.duration_since(used_at) > GRACE,
            Provider::SingleUse => true,
        });
        if is_reused {
            ended.push(token.family);
            let is_newer = |other: &super::watch::Token| other.family == token.family && other.number > token.number;
            let has_newer = watch.tokens.iter().any(|other| is_newer(other) && other.is_stored && other.verdict != Verdict::Dead);
            // A request whose asker gave it up long ago could not know of the newer one.
            if has_newer && watch.is_asking(asked.connection, asker) {
                watch.broken(Rule::I4, format!("{} used an old token although a newer one was stored", asker.name));
            }
        }
        is_reused
    }

    /// What Entra says about a connection's newest token, without anybody noticing.
    pub async fn probe(&self, connection: usize) -> Option<Verdict> {
        let (tenant, _) = self.accounts[connection];
        let (text, family) = {
            let watch = self.outside.watch();
            let token = &watch.tokens[watch.current(connection)?];
            (token.text.clone(), token.family)
        };
        if self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(&family) {
            return Some(Verdict::Dead);
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", &text);
        form.append_pair("client_id", &crate::world::CLIENT.to_string()).append_pair("client_secret", crate::world::SECRET);
        let uri = format!("https://{}/{tenant}/oauth2/v2.0/token", crate::wire::LOGIN);
        let response = self.ask(Request::post(uri).body(form.finish().into_bytes()).ok()?).await;
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let is_lasting = body["error_codes"].as_array().into_iter().flatten().filter_map(Value::as_u64).any(|code| LASTING.contains(&code));
        Some(match response.status() {
            StatusCode::OK => Verdict::Accepted,
            _ if is_lasting => Verdict::Dead,
            _ => Verdict::Otherwise,
        })
    }
}

/// A refresh.
#[derive(Debug, Clone, Copy)]
struct Refresh {
    connection: usize,
    token: usize,
}

/// The door of one invocation.
pub struct Door {
    /// What is behind it.
    pub entrance: Arc<Entrance>,
    /// Whose door.
    pub actor: Arc<Actor>,
    /// Whose directory is read through it, where it is the sync's.
    pub connection: Option<usize>,
}

impl Door {
    /// The refresh that a request is, if it is one. A breakage may put an older token into it.
    fn refresh_of(&self, request: &mut Request<Vec<u8>>) -> Option<Refresh> {
        let tenant: Uuid = request.uri().path().split('/').nth(1)?.parse().ok()?;
        let connection = self.entrance.accounts.iter().position(|(other, _)| *other == tenant)?;
        let mut fields: Vec<(String, String)> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        let (_, text) = fields.iter_mut().find(|(name, _)| name == "refresh_token")?;
        let watch = self.entrance.outside.watch();
        let mut token = watch.token(text)?;
        if self.entrance.breakage == Some(Breakage::OlderToken) {
            let older = watch.tokens.iter().find(|older| older.successor.is_some_and(|(_, number)| number == token));
            token = older.map_or(token, |older| older.number);
            text.clone_from(&watch.tokens[token].text);
            *request.body_mut() = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes();
        }
        Some(Refresh { connection, token })
    }

    /// What arrives, after what is broken.
    fn arrives(&self, response: Option<Response<Vec<u8>>>, is_refresh: bool) -> Option<Response<Vec<u8>>> {
        let Some(breakage) = self.entrance.breakage.filter(|_| is_refresh) else { return response };
        let status = response.as_ref().map_or(0, |response| response.status().as_u16());
        let body = response.as_ref().and_then(|response| serde_json::from_slice(response.body()).ok()).unwrap_or_default();
        if breakage == Breakage::TokensLogged {
            tracing::info!(answer = %body, "Entra answered");
        }
        match breakage.bend_answer(status, &body) {
            Some((status, body)) => Some(answered(status, &body)),
            None => response,
        }
    }

    async fn pass(&self, mut request: Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
        let refresh = self.refresh_of(&mut request);
        let under_way = refresh.map(|refresh| UnderWay::begin(self, refresh.connection));
        let label = match refresh {
            Some(Refresh { connection, token }) => format!("refresh of connection {connection} with token {token}"),
            None => format!("{} {}", request.method(), request.uri().path().rsplit('/').next().unwrap_or_default()),
        };
        let page = self.connection.zip(Asked::of(request.uri()));
        let (entrance, actor) = (Arc::clone(&self.entrance), Arc::clone(&self.actor));
        let passed = self.entrance.outside.through(&self.actor, &label, move || {
            Box::pin(async move {
                match (refresh, page) {
                    (Some(refresh), _) => entrance.refresh(refresh, request, &actor).await,
                    (None, Some(page)) => entrance.page(page, request).await,
                    (None, None) => entrance.redeem(request).await,
                }
            })
        });
        let response = match tokio::time::timeout(DEADLINE, passed).await {
            Ok(Passed::Answered(response)) => Some(response),
            Ok(Passed::Throttled) => Some(self.outage()),
            Ok(Passed::Lost) | Err(_) => None,
        };
        drop(under_way);
        let status = response.as_ref().map(|response| response.status().as_u16());
        self.entrance.outside.note(&self.actor.name, || format!("{label} -> {status:?}"));
        self.arrives(response, refresh.is_some())
    }

    /// One of the answers of a service that is not well.
    fn outage(&self) -> Response<Vec<u8>> {
        let chance = &self.entrance.outside.chance;
        let html = |status| {
            let page = b"<html><body>Service unavailable</body></html>".to_vec();
            Response::builder().status(status).header(header::CONTENT_TYPE, "text/html").body(page).unwrap_or_default()
        };
        match chance.below(5) {
            0 => answered(503, &json!({"error": "temporarily_unavailable"})),
            1 => html(200),
            2 => html(502),
            3 => answered(429, &json!({"error": "invalid_grant", "suberror": "bad_token"})),
            _ => {
                let mut response = answered(429, &json!({}));
                response.headers_mut().insert(header::RETRY_AFTER, (30 + chance.below(300)).into());
                response
            }
        }
    }
}

impl Entrance {
    /// What Graph answers to a request for a page, and what the rules must know of it. Around it, something may move in the directory.
    async fn page(&self, (connection, asked): (usize, Asked), request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.stir(connection);
        let (again, _) = request.clone().into_parts();
        let mut response = self.give(connection, asked, request).await;
        if self.breakage == Some(Breakage::PageSkipped) {
            response = self.skip(connection, response, &again).await;
        }
        if let Some(page) = self.breakage.and_then(|breakage| breakage.bend_page(response.body())) {
            response = answered(response.status().as_u16(), &page);
        }
        self.stir(connection);
        response
    }

    async fn give(&self, connection: usize, asked: Asked, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        let response = self.ask(request).await;
        let mut watch = self.outside.watch();
        let people = &mut watch.people[connection];
        match response.status() {
            StatusCode::OK => people.page_given(asked, &serde_json::from_slice(response.body()).unwrap_or_default()),
            StatusCode::GONE => {
                let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
                location.into_iter().for_each(|location| people.reset(location));
            }
            _ => {}
        }
        response
    }

    /// A page that leads where the next one does.
    async fn skip(&self, connection: usize, response: Response<Vec<u8>>, again: &http::request::Parts) -> Response<Vec<u8>> {
        let mut page: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let Some(uri) = page["@odata.nextLink"].as_str().and_then(|link| link.parse::<http::Uri>().ok()) else { return response };
        let mut request = Request::get(uri.clone()).body(Vec::new()).unwrap_or_default();
        request.headers_mut().clone_from(&again.headers);
        let next = self.give(connection, Asked::Link(uri.to_string()), request).await;
        let next: Value = serde_json::from_slice(next.body()).unwrap_or_default();
        if next["@odata.nextLink"].is_null() {
            return response;
        }
        page["@odata.nextLink"] = next["@odata.nextLink"].clone();
        answered(200, &page)
    }

    fn stir(&self, connection: usize) {
        if !self.outside.chance.happens(self.stirring.load(Ordering::Relaxed)) {
            return;
        }
        self.simulator.set_now(self.outside.now());
        let what = self.stirs.stir(&self.simulator, self.accounts[connection], &self.outside.chance);
        self.outside.note("world", || format!("in directory {connection}: {what}"));
        self.look(connection);
    }

    /// Lets the rules know how a directory is now.
    pub fn look(&self, connection: usize) {
        let directory = self.simulator.directory(self.accounts[connection].0);
        self.outside.watch().people[connection].look(&directory, self.outside.now());
    }

    /// Anything but a refresh; a consent may bring a token.
    async fn redeem(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        let is_token = request.uri().path().ends_with("/token");
        let response = self.ask(request).await;
        if is_token {
            let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            if let Some(text) = body["refresh_token"].as_str() {
                self.outside.watch().issued(text, None, self.outside.now());
            }
        }
        response
    }
}

fn answered(status: u16, body: &Value) -> Response<Vec<u8>> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(body.to_string().into_bytes()).unwrap_or_default()
}

/// A refresh that is under way; it ends with its asker.
struct UnderWay<'a> {
    door: &'a Door,
    connection: usize,
}

impl<'a> UnderWay<'a> {
    fn begin(door: &'a Door, connection: usize) -> Self {
        door.entrance.outside.watch().asks(connection, &door.actor);
        Self { door, connection }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.door.entrance.outside.watch().asked(self.connection, &self.door.actor);
    }
}

#[async_trait]
impl Transport for Door {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        self.pass(request).await.ok_or_else(|| TransportError::NoAnswer { host, source: "the connection broke".into() })
    }
}
