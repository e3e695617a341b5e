//! One deployment with one tenant, and the person at the browser.

mod calls;
mod cloud;
mod events;
mod fleet;
mod notices;
mod office;
mod outside;
mod photos;
mod told;

use std::sync::Arc;

use adapters::Ports;
use adapters::clock::Clock;
use adapters::objects::Objects;
use adapters::queue::SyncTask;
use axum::body::Body;
use domain::ids::ConnectionId;
use entra_simulator::{Act, App, Role, Settings, Simulator, UserSeed};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use portal_api::{Buckets, Callers, Portal, Rate, Rates};
use serde_json::{Value, json};
use token_check::{Plan, Report};
use url::Url;
use uuid::Uuid;

use crate::answer::Answer;
use crate::caller::Backend;
use crate::chance::HandClock;
use crate::engine::Engine;
use crate::posted::Posted;
use crate::published::Published;
use crate::shelf::Shelf;
use crate::tasks::Tasks;
use crate::wire::Wire;

pub use fleet::Member;
pub use notices::{OPERATOR_MAIL, WEBHOOK_SECRET, addressed};
pub use office::{Said, vault};

/// The operator's registration in Entra.
pub const CLIENT: Uuid = Uuid::from_u128(0x1111_2222_3333_4444_5555_6666_7777_8888);
/// Its secret.
pub const SECRET: &str = "client-secret-of-the-operator";
/// Where Entra sends the browser back to.
pub const REDIRECT: &str = "https://api.example/v1/consent/callback";
/// The operator's portal.
pub const PORTAL: &str = "https://portal.example";
/// The customer whose connection most stories are about.
pub const CUSTOMER: &str = "acme";
/// As often as any story asks, whose clock does not move by itself.
const WIDE: Rate = Rate { per_minute: 60_000, burst: 60_000 };
/// After so many tasks a queue counts as one that never empties.
const TASKS_MAX: usize = 5_000;
/// How long an invocation of the sync may last.
const SHIFT: SignedDuration = SignedDuration::from_mins(15);

/// Everything.
pub struct World {
    /// Where chance comes from.
    pub seed: u64,
    /// Entra and Graph.
    pub simulator: Simulator,
    /// The way to them.
    pub wire: Arc<Wire>,
    /// The sync's queue.
    pub tasks: Arc<Tasks>,
    /// The queue of the tours over photos.
    pub photo_tasks: Arc<Tasks>,
    /// The photos.
    pub shelf: Arc<Shelf>,
    /// DynamoDB.
    pub engine: Engine,
    /// The event bus.
    pub published: Arc<Published>,
    /// Mails and webhooks.
    pub posted: Arc<Posted>,
    /// What the functions are given.
    pub ports: Ports,
    /// The operator's backend, which signs for portal users.
    pub backend: Backend,
    /// How the sync works: here, one page a step.
    pub sync: attribute_sync::Plan,
    /// The operator's backend that signs for servers.
    pub servers: Backend,
    /// The customer's tenant.
    pub tenant: Uuid,
    /// Its administrator.
    pub admin: Uuid,
    portal: Portal,
    clock: Arc<HandClock>,
}

/// A consent that was begun.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The attempt.
    pub attempt: String,
    /// Where the browser is sent.
    pub url: Url,
}

/// A person of a tenant.
#[must_use]
pub fn person(name: &str, role: Role) -> UserSeed {
    let address = format!("{}@contoso.example", name.to_lowercase());
    UserSeed { display_name: name.to_owned(), user_principal_name: address.clone(), mail: Some(address), role, ..UserSeed::default() }
}

fn seed() -> u64 {
    std::env::var("EVERGRANT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_260_302)
}

impl World {
    /// A deployment, and the tenant Contoso with its administrator Ada and nobody else.
    ///
    /// # Panics
    /// When the embedded database cannot be started.
    pub async fn new() -> Self {
        Self::from_seed(seed()).await
    }

    /// The same, and as many people beside Ada.
    pub async fn with_people(count: u32) -> Self {
        let world = Self::new().await;
        world.work(Act::AddPeople { count });
        world
    }

    /// A deployment whose chance comes from this seed.
    ///
    /// # Panics
    /// When the embedded database cannot be started.
    pub async fn from_seed(seed: u64) -> Self {
        let start: Timestamp = "2026-03-02T10:00:00Z".parse().expect("a time");
        let endpoints = outside::endpoints();
        let settings = Settings { login_base: endpoints.login.clone(), graph_base: endpoints.graph.clone(), seed, start };
        let simulator = Simulator::new(settings);
        simulator.add_app(App::web(CLIENT, "Signatures", REDIRECT, SECRET));
        let tenant = simulator.add_tenant("Contoso");
        let admin = simulator.add_user(tenant, person("Ada", Role::Admin));
        let clock = Arc::new(HandClock::new(start));
        let wire = Arc::new(Wire::new(simulator.clone()));
        let [tasks, photo_tasks] = [(); 2].map(|()| Arc::new(Tasks::new(Arc::clone(&clock) as Arc<dyn Clock>)));
        let shelf = Arc::new(Shelf::empty());
        let engine = Engine::start_followed(Arc::clone(&clock) as Arc<dyn Clock>).await.expect("the embedded database starts");
        let published = Arc::<Published>::default();
        let ports = outside::ports(&engine, seed, (&clock, &wire, &tasks));
        let (backend, servers) = (Backend::start(), Backend::start_for_servers());
        let callers = Callers::from_jwks(&backend.key_set()).and_then(|callers| callers.and_servers(&servers.key_set()));
        let portal = Portal {
            ports: ports.clone(),
            objects: Arc::clone(&shelf) as Arc<dyn Objects>,
            callers: callers.expect("the backends' keys are some"),
            buckets: Buckets::full(Rates { portal: WIDE, server: WIDE }),
            portal_origins: vec![PORTAL.to_owned()],
            public_url: "https://api.example/".parse().expect("a URL"),
        };
        let sync = attribute_sync::Plan { pages_max: 1, ..attribute_sync::Plan::default() };
        Self {
            seed,
            simulator,
            wire,
            tasks,
            photo_tasks,
            shelf,
            engine,
            published,
            posted: Arc::default(),
            ports,
            backend,
            servers,
            sync,
            tenant,
            admin,
            portal,
            clock,
        }
    }

    /// What every clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sets every clock.
    ///
    /// # Panics
    /// When it would run backwards.
    pub fn set_now(&self, now: Timestamp) {
        assert!(now >= self.now(), "the clock runs forward, not to {now} from {}", self.now());
        self.clock.set(now);
        self.simulator.set_now(now);
    }

    /// Lets time pass.
    pub fn pass(&self, time: SignedDuration) {
        self.set_now(self.now() + time);
    }

    /// Lets something happen in the customer's tenant, a second later than everything before it.
    ///
    /// # Panics
    /// When it cannot happen.
    pub fn work(&self, act: Act) -> Vec<Uuid> {
        self.pass(SignedDuration::from_secs(1));
        self.simulator.work(self.tenant, act).expect("the act can be performed")
    }

    /// How many token requests Entra answered that used a refresh token.
    #[must_use]
    pub fn refreshes(&self) -> usize {
        self.simulator.requests().iter().filter(|request| request.grant.as_deref() == Some("refresh_token")).count()
    }

    /// Makes a connection of a customer, which awaits consent.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn create(&self, customer: &str) -> ConnectionId {
        let answer = self.call(customer, "POST", "/v1/connections", None).await;
        let id = answer.json()["id"].as_str().map(str::to_owned);
        id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("a connection, not {}", answer.text))
    }

    /// Begins a consent.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn begin(&self, id: &ConnectionId) -> Begun {
        self.begin_with(&json!({"connection": id})).await
    }

    /// Begins a consent with this body.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn begin_with(&self, body: &Value) -> Begun {
        let answer = self.post("/v1/reconnect-attempts", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let begun = answer.json();
        let field = |name: &str| begun[name].as_str().unwrap_or_else(|| panic!("{name} in {begun}")).to_owned();
        Begun { attempt: field("id"), url: field("authorize_url").parse().expect("a URL") }
    }

    /// Signs Ada in at Entra's page and accepts; answers where the browser is sent back to.
    ///
    /// # Panics
    /// When the page would have refused.
    #[must_use]
    pub fn accept(&self, begun: &Begun) -> Url {
        self.simulator.accept(&begun.url, (self.tenant, self.admin)).expect("Ada may accept")
    }

    /// Follows the browser back to the API.
    ///
    /// # Panics
    /// When the URL is none.
    pub async fn come_back(&self, url: &Url) -> Answer {
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// How an attempt stands.
    pub async fn attempt(&self, attempt: &str) -> Value {
        self.get(&format!("/v1/reconnect-attempts/{attempt}")).await.json()
    }

    /// Consents as Ada, from the click to the verdict; answers how the attempt stands then.
    pub async fn consent(&self, id: &ConnectionId) -> Value {
        let begun = self.begin(id).await;
        self.come_back(&self.accept(&begun)).await;
        self.attempt(&begun.attempt).await
    }

    /// A connection of the customer that Ada consented to; nothing is synced yet.
    ///
    /// # Panics
    /// When the consent fails.
    pub async fn connect(&self) -> ConnectionId {
        let id = self.create(CUSTOMER).await;
        let attempt = self.consent(&id).await;
        assert_eq!(attempt["state"], "succeeded", "{attempt}");
        id
    }

    /// A connection that is synced.
    pub async fn connect_and_sync(&self) -> ConnectionId {
        let id = self.connect().await;
        self.drain().await;
        id
    }

    /// One tick of the checks.
    ///
    /// # Panics
    /// When the tick fails as a whole.
    pub async fn tick(&self) -> Report {
        self.tick_with(&Plan::default()).await
    }

    /// Lets time pass until the connection's check is due, and ticks; answers health after it.
    ///
    /// # Panics
    /// When no check is ever due.
    pub async fn check(&self, id: &ConnectionId) -> String {
        let due_at = self.stored(id).await.check_at.expect("a check is due some day");
        self.set_now(due_at.max(self.now()));
        self.tick().await;
        self.health(id).await
    }

    /// Checks the connection, and again where one verdict is not believed; answers health after it.
    pub async fn verdict(&self, id: &ConnectionId) -> String {
        let health = self.check(id).await;
        match self.stored(id).await.body.standing.doubted_since {
            Some(_) => self.check(id).await,
            None => health,
        }
    }

    /// One invocation of the sync, for as long as Lambda allows.
    fn shift(&self) -> attribute_sync::Shift<'_> {
        attribute_sync::Shift { ports: &self.ports, plan: &self.sync, deadline: self.now() + SHIFT }
    }

    /// Delivers a message of the sync's queue; whether it is done with.
    pub async fn take(&self, message: &str) -> bool {
        Box::pin(attribute_sync::take(self.shift(), message)).await
    }

    /// Does the next step of a connection's sync.
    ///
    /// # Errors
    /// When our side fails.
    pub async fn step(&self, id: &ConnectionId) -> Result<attribute_sync::Step, attribute_sync::step::StepError> {
        let task = SyncTask::quick(id.clone());
        Box::pin(attribute_sync::step(self.shift(), &task)).await
    }

    /// Delivers every task that is due now, and those that they ask for, until none is due.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn drain(&self) {
        for _ in 0..TASKS_MAX {
            let Some(message) = self.tasks.take_due() else { return };
            self.take(&message).await;
        }
        panic!("the queue does not empty");
    }

    /// Lets time pass until the next round is due, asks for it, and walks it to its end.
    ///
    /// # Panics
    /// When the connection never synced.
    pub async fn sync(&self, id: &ConnectionId) {
        let (_, due_at) = self.ports.store.walk(id).await.expect("the walk can be read").expect("there is a walk");
        self.set_now(due_at.expect("a round is due some day").max(self.now()));
        // What the schedules would have done meanwhile.
        self.tick().await;
        attribute_sync::tick(&self.ports).await.expect("the tick finds what is due");
        self.drain().await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this world was made with EVERGRANT_SEED={}", self.seed);
        }
    }
}
