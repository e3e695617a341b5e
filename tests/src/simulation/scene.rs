//! One deployment in one thread: tables, Entra, connections, and the invocations that meet there.

mod rounds;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use adapters::Ports;
use adapters::entra::{Entra, Registration};
use adapters::entropy::Entropy;
use adapters::graph::Graph;
use adapters::objects::FolderObjects;
use adapters::store::tables;
use adapters::vault::LocalVault;
use axum::body::Body;
use domain::cloud::Endpoints;
use domain::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use domain::schedule::{Part, SHARDS, shard};
use entra_simulator::{App, Role, Settings, Simulator};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use portal_api::{Buckets, Callers, Portal, Rates};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::actor::Actor;
use super::breakage::Breakage;
use super::database::Model;
use super::door::{Door, Entrance};
use super::outside::{Outside, SkewedClock, Traced};
use super::plan::{Happening, Plan};
use super::post::{Office, Post};
use super::safe::Safe;
use super::watch::Rule;
use super::wire::Wiring;
use crate::answer::Answer;
use crate::caller::{ALL_SCOPES, Backend};
use crate::chance::Seeded;
use crate::planted::plant_as;
use crate::tasks::Tasks;
use crate::world::{CLIENT, CUSTOMER, PORTAL, REDIRECT, SECRET, person};

/// How long an invocation of the checks may take.
const TICK_LIMIT: Duration = Duration::from_secs(240);
/// How long an invocation of the API may take.
const API_LIMIT: Duration = Duration::from_secs(30);
/// What a grant is planted with: no id_token, whose signature would cost more than everything else.
const SCOPES: [&str; 3] = ["profile", "offline_access", "https://graph.microsoft.com/User.Read.All"];

static BACKEND: LazyLock<Backend> = LazyLock::new(Backend::start);

/// Everything of one run.
pub struct Scene {
    /// The plan.
    pub plan: Plan,
    /// What lies between.
    pub outside: Arc<Outside>,
    /// Entra.
    pub entrance: Arc<Entrance>,
    /// The sync's queue.
    pub office: Office,
    /// Seals.
    pub vault: LocalVault,
    /// What is broken.
    pub breakage: Option<Breakage>,
    wiring: Wiring,
    entropy: Arc<dyn Entropy>,
    endpoints: Endpoints,
    running: Vec<JoinHandle<()>>,
    invocations: u32,
    /// The minute for which the schedule was heard last.
    pub(super) minute: Option<Timestamp>,
}

impl Scene {
    /// Sets the scene: tables, tenants, and connections with a working grant each.
    ///
    /// # Panics
    /// When a connection cannot be planted.
    pub async fn set(plan: &Plan, breakage: Option<Breakage>, traced: Traced) -> Self {
        let start: Timestamp = "2026-03-02T10:00:00Z".parse().expect("a time");
        let endpoints = Endpoints {
            login: "https://login.microsoftonline.com/".parse().expect("a URL"),
            graph: "https://graph.microsoft.com/".parse().expect("a URL"),
        };
        let settings = Settings { login_base: endpoints.login.clone(), graph_base: endpoints.graph.clone(), seed: plan.seed, start };
        let simulator = Simulator::new(settings);
        simulator.add_app(App::web(CLIENT, "Signatures", REDIRECT, SECRET));
        let outside = Arc::new(Outside::new(plan, start, traced));
        let mut entrance = Entrance::new(Arc::clone(&outside), simulator, plan.provider, breakage);
        for number in 0..plan.connections {
            let tenant = entrance.simulator.add_tenant(&format!("Tenant {number}"));
            let admin = entrance.simulator.add_user(tenant, person(&format!("Ada{number}"), Role::Admin));
            entrance.accounts.push((tenant, admin));
        }
        let entropy: Arc<dyn Entropy> = Arc::new(Seeded::new(plan.seed ^ 0xe47));
        let model = Arc::new(Model::default());
        let clock = Arc::new(SkewedClock { outside: Arc::clone(&outside), actor: Actor::new("queue".to_owned(), SignedDuration::ZERO) });
        let mut scene = Self {
            plan: plan.clone(),
            wiring: Wiring::new(Arc::clone(&outside), model, breakage),
            vault: LocalVault::new([7; 32], Arc::clone(&entropy)),
            office: Office::new(Arc::new(Tasks::new(clock))),
            entrance: Arc::new(entrance),
            running: Vec::new(),
            invocations: 0,
            minute: None,
            outside,
            breakage,
            entropy,
            endpoints,
        };
        scene.plant().await;
        scene.people_the_directories();
        scene
    }

    async fn plant(&mut self) {
        let actor = self.actor("planter");
        let ports = self.ports(&actor, None);
        tables::create(&self.wiring.client(&actor), crate::engine::CONNECTIONS, crate::engine::PEOPLE).await.expect("new tables");
        let customer: CustomerId = CUSTOMER.parse().expect("a customer");
        for (number, account) in self.entrance.accounts.clone().into_iter().enumerate() {
            let id = self.id();
            self.outside.watch().add(id.clone());
            let token = self.entrance.simulator.grant(account, CLIENT, &SCOPES).expect("Ada may consent");
            self.outside.watch().issued(&token, None, self.outside.now());
            let account = (TenantId(account.0), ObjectId(account.1));
            plant_as(&ports, &id, (&customer, account), &token).await.unwrap_or_else(|error| panic!("connection {number}: {error:#}"));
        }
    }

    /// A new id in the first shard, so that ticks of that shard alone meet everything there is.
    fn id(&self) -> ConnectionId {
        loop {
            let mut bytes = [0; 16];
            self.entropy.fill(&mut bytes);
            let id = ConnectionId::mint(bytes);
            if shard(&id) == 0 {
                return id;
            }
        }
    }

    /// The ids of the connections.
    #[must_use]
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.outside.watch().connections.iter().map(|watched| watched.id.clone()).collect()
    }

    fn actor(&mut self, kind: &str) -> Arc<Actor> {
        self.invocations += 1;
        let most = u64::try_from(self.plan.skew_max.as_millis()).unwrap_or_default();
        let skew = i64::try_from(self.outside.chance.below(2 * most + 1)).unwrap_or_default() - i64::try_from(most).unwrap_or_default();
        Actor::new(format!("{kind}-{}", self.invocations), SignedDuration::from_millis(skew))
    }

    /// What an invocation is given; the sync's works for one connection.
    fn ports(&self, actor: &Arc<Actor>, connection: Option<usize>) -> Ports {
        let transport = Arc::new(Door { entrance: Arc::clone(&self.entrance), actor: Arc::clone(actor), connection });
        let redirect_url = REDIRECT.parse().expect("a URL");
        let credentials = SecretString::from(SECRET).into();
        let registration = Registration { client_id: CLIENT.to_string(), credentials, redirect_url };
        Ports {
            clock: Arc::new(SkewedClock { outside: Arc::clone(&self.outside), actor: Arc::clone(actor) }),
            store: self.wiring.store(actor),
            entra: Entra::new(self.endpoints.clone(), registration, Arc::clone(&transport) as _),
            graph: Graph::new(self.endpoints.clone(), transport),
            vault: Arc::new(Safe {
                vault: self.vault.clone(),
                outside: Arc::clone(&self.outside),
                actor: Arc::clone(actor),
                breakage: self.breakage,
            }),
            queue: Arc::new(Post { office: self.office.clone(), outside: Arc::clone(&self.outside), actor: Arc::clone(actor) }),
            entropy: Arc::clone(&self.entropy),
        }
    }

    /// Delivers one event of the schedule.
    pub fn tick(&mut self) {
        let actor = self.actor("check");
        let ports = self.ports(&actor, None);
        let outside = Arc::clone(&self.outside);
        let name = actor.name.clone();
        let deadline = ports.clock.now() + SignedDuration::try_from(TICK_LIMIT).unwrap_or_default();
        let first_shard = Part::new(0, SHARDS).expect("a part");
        let plan = token_check::Plan { part: first_shard, ..token_check::Plan::default() };
        let work = actor.start(TICK_LIMIT, async move { token_check::tick(&ports, &plan, deadline).await });
        self.running.push(tokio::spawn(async move {
            let ended = work.await;
            outside.note(&name, || match &ended {
                Ok(report) => format!("ended: {report:?}"),
                Err(_) => "died".to_owned(),
            });
            note_panic(&outside, ended.map(drop));
        }));
    }

    /// Lets a person consent, in the way that happens.
    pub fn consent(&mut self, connection: usize, happening: Happening) {
        let (begin, back) = (self.actor("begin"), self.actor("callback"));
        // A consent is most dangerous while a check is under way: most come back just then.
        let due_at = self.outside.watch().connections[connection].due_at.filter(|_| self.outside.chance.happens(700));
        let tick_at = due_at.and_then(|due_at| Timestamp::from_second((due_at.as_second() / 60 + 1) * 60).ok());
        let early = tick_at.map(|at| self.outside.instant(at).saturating_duration_since(Instant::now()));
        let visit = Visit {
            begin: (Arc::clone(&begin), self.portal(&begin)),
            back: (Arc::clone(&back), self.portal(&back)),
            outside: Arc::clone(&self.outside),
            entrance: Arc::clone(&self.entrance),
            id: self.ids()[connection].clone(),
            connection,
            waits: early.unwrap_or_default(),
            thinks: match early {
                Some(_) => Duration::from_millis(self.outside.chance.below(3_000)),
                None => Duration::from_secs(3 + self.outside.chance.below(200)),
            },
        };
        self.running.push(tokio::spawn(async move { visit.go(happening).await }));
    }

    fn portal(&self, actor: &Arc<Actor>) -> Portal {
        Portal {
            ports: self.ports(actor, None),
            // Nobody asks for a photo in bad weather, so nothing is ever looked for there.
            objects: Arc::new(FolderObjects::new(std::env::temp_dir().join("evergrant-no-photos"))),
            callers: Callers::from_jwks(&BACKEND.key_set()).expect("the backend's key is one"),
            buckets: Buckets::full(Rates::default()),
            portal_origins: vec![PORTAL.to_owned()],
            public_url: "https://api.example/".parse().expect("a URL"),
        }
    }

    /// Waits until every invocation has ended.
    pub async fn settle(&mut self) {
        for running in self.running.drain(..) {
            note_panic(&self.outside, running.await);
        }
    }
}

fn note_panic(outside: &Outside, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        let cause = error.into_panic();
        let text = cause.downcast_ref::<String>().cloned().or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        outside.watch().broken(Rule::Sound, format!("panic: {}", text.unwrap_or_default()));
    }
}

/// A person's way through a consent.
struct Visit {
    begin: (Arc<Actor>, Portal),
    back: (Arc<Actor>, Portal),
    outside: Arc<Outside>,
    entrance: Arc<Entrance>,
    id: ConnectionId,
    connection: usize,
    waits: Duration,
    thinks: Duration,
}

impl Visit {
    async fn go(self, happening: Happening) {
        let Self { begin, back, outside, entrance, id, connection, waits, thinks } = self;
        tokio::time::sleep(waits).await;
        let token = BACKEND.token(CUSTOMER, ALL_SCOPES, outside.now());
        let request = Request::post("/v1/reconnect-attempts").header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").body(Body::from(json!({"connection": id}).to_string()));
        let Some(answer) = ask(&outside, begin, request).await else { return };
        let begun: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        if happening == Happening::Abandoned {
            return;
        }
        tokio::time::sleep(thinks).await;
        entrance.simulator.set_now(outside.now());
        let Some(url) = begun["authorize_url"].as_str().and_then(|url| url.parse().ok()) else { return };
        let Ok(url) = entrance.simulator.accept(&url, entrance.accounts[connection]) else { return };
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let answer = ask(&outside, back, Request::get(path).body(Body::empty())).await;
        outside.note("person", || format!("sees {:?}", answer.map(|answer| answer.status)));
    }
}

/// Asks the API in an invocation of its own.
async fn ask(outside: &Outside, (actor, portal): (Arc<Actor>, Portal), request: http::Result<Request<Body>>) -> Option<Answer> {
    let request = request.expect("a request");
    let ended = actor.start(API_LIMIT, async move { Answer::of(portal_api::router(portal), request).await }).await;
    match ended {
        Ok(answer) => answer,
        Err(error) => {
            note_panic(outside, Err(error));
            None
        }
    }
}
