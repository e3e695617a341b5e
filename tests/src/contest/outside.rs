//! What is outside for contestants: a directory of one or more tenants, and DynamoDB behind the toll.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use entra_simulator::{App, Settings, Simulator};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use super::toll::{Gate, Tolls};

/// The operator's registration in Entra.
pub(super) const CLIENT: Uuid = Uuid::from_u128(0x00e5_4a57);
/// Its secret.
pub(super) const SECRET: &str = "secret of the bench";
/// What is read from Graph.
pub(super) const READINGS: &str = "/contest/readings";

/// Where the outside is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outside {
    /// Entra and Graph.
    pub base: Url,
    /// DynamoDB.
    pub dynamodb: String,
    /// Its tenants, in the order they were asked for.
    pub tenancies: Vec<Tenancy>,
}

/// A tenant whose admin consented.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tenancy {
    /// The tenant.
    pub tenant: Uuid,
    /// Who consented.
    pub admin: Uuid,
    /// How many people it has.
    pub people: u32,
    /// What the consent gave.
    pub refresh_token: String,
}

/// What requests to Graph came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// How many there were.
    pub requests: u64,
    /// How long at least one was unanswered.
    pub waited: Duration,
    /// Bytes of the answers' bodies, as they went over the wire.
    pub bytes: u64,
}

/// What was counted since the last look.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    /// At Graph.
    pub graph: Asked,
    /// At DynamoDB.
    pub dynamodb: Tolls,
}

impl Outside {
    /// Starts it, for as long as the runtime runs, with a tenant of each of these sizes.
    ///
    /// # Errors
    /// When no port is free, or the simulator refuses.
    pub async fn start(sizes: &[u32]) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let settings = Settings { login_base: base.clone(), graph_base: base.clone(), seed: 1, start: Timestamp::now() };
        let simulator = Simulator::new(settings);
        simulator.add_app(App::web(CLIENT, "Bench", "http://127.0.0.1:1/callback", SECRET));
        let tenancies = sizes.iter().map(|people| tenancy(&simulator, &base, *people)).collect::<Result<_>>()?;
        let (dynamodb, gate) = dynamodb().await?;
        let desk = Desk { gate, graph: Arc::default() };
        let router = simulator.router().layer(from_fn_with_state(desk.clone(), count)).merge(desk.router());
        tokio::spawn(async move { axum::serve(listener.tap_io(prompt), router).await });
        Ok(Self { base, dynamodb, tenancies })
    }
}

fn tenancy(simulator: &Simulator, base: &Url, people: u32) -> Result<Tenancy> {
    let tenant = simulator.add_tenant("Bench");
    let admin = *simulator.add_people(tenant, people).first().ok_or_else(|| anyhow!("a tenant needs an admin"))?;
    let scope = format!("{}/User.Read.All", base.origin().ascii_serialization());
    let refresh_token = simulator.grant((tenant, admin), CLIENT, &["openid", "offline_access", &scope])?;
    Ok(Tenancy { tenant, admin, people, refresh_token })
}

/// The embedded engine, and the gate before it.
async fn dynamodb() -> Result<(String, Gate)> {
    let database = dynoxide::Database::memory().map_err(|error| anyhow!("{error}"))?;
    let engine = TcpListener::bind(("127.0.0.1", 0)).await?;
    let gate = Gate::to(format!("http://{}/", engine.local_addr()?))?;
    tokio::spawn(dynoxide::server::serve_with_shutdown(engine, database, std::future::pending()));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let router = gate.router();
    tokio::spawn(async move { axum::serve(listener.tap_io(prompt), router).await });
    Ok((address, gate))
}

/// Small packets go at once, as over a network whose other end acknowledges them.
fn prompt(stream: &mut tokio::net::TcpStream) {
    // A connection that ended already needs no promptness.
    let _ = stream.set_nodelay(true);
}

/// Where the judge reads.
#[derive(Clone)]
struct Desk {
    gate: Gate,
    graph: Arc<Mutex<Line>>,
}

/// Requests to Graph.
#[derive(Default)]
struct Line {
    asked: Asked,
    /// How many are unanswered.
    unanswered: u32,
    /// Since when at least one is.
    since: Option<Instant>,
}

impl Desk {
    fn router(&self) -> Router {
        Router::new().route(READINGS, get(readings)).with_state(self.clone())
    }

    fn line<T>(&self, look: impl FnOnce(&mut Line) -> T) -> T {
        look(&mut self.graph.lock().expect("nobody panics at the desk"))
    }
}

async fn readings(State(desk): State<Desk>) -> Json<Readings> {
    let graph = desk.line(|line| std::mem::take(&mut line.asked));
    Json(Readings { graph, dynamodb: desk.gate.take() })
}

/// Counts what is asked of Graph; a body is finished before it goes out, so that making it counts as waiting too.
async fn count(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/v1.0/") {
        return next.run(request).await;
    }
    desk.line(Line::enter);
    let mut unanswered = Unanswered { desk, bytes: 0 };
    let (parts, body) = next.run(request).await.into_parts();
    // A body that breaks off is an answer that breaks off.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    unanswered.bytes = body.len() as u64;
    drop(unanswered);
    Response::from_parts(parts, Body::from(body))
}

/// A request that is not answered yet; it leaves the line with its answer, or when whoever asked hangs up.
struct Unanswered {
    desk: Desk,
    bytes: u64,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let bytes = self.bytes;
        self.desk.line(|line| line.leave(bytes));
    }
}

impl Line {
    fn enter(&mut self) {
        self.unanswered += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    fn leave(&mut self, bytes: u64) {
        self.asked.requests += 1;
        self.asked.bytes += bytes;
        self.unanswered -= 1;
        if self.unanswered == 0 {
            self.asked.waited += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        }
    }
}
