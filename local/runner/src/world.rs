//! The whole product and its stand-ins, put together on this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use adapters::Ports;
use adapters::clock::Clock as _;
use adapters::entra::{Entra, Registration};
use adapters::entropy::{Entropy, SystemEntropy};
use adapters::graph::Graph;
use adapters::objects::FolderObjects;
use adapters::transport::{Network, Transport};
use adapters::vault::LocalVault;
use anyhow::{Context as _, Result, anyhow};
use change_events::Desk;
use domain::cloud::Endpoints;
use domain::event::Telling;
use domain::ids::CustomerId;
use entra_simulator::{App, Settings, Simulator, TenantSummary};
use jiff::Timestamp;
use portal_api::{Buckets, Callers, Portal, Rates};
use secrecy::SecretString;
use tokio::sync::{Mutex as AsyncMutex, RwLock};
use url::Url;
use uuid::Uuid;

use crate::callers::{Kind, Signer};
use crate::clock::ShiftedClock;
use crate::customers;
use crate::detour::{Detour, GRAPH_ORIGIN};
use crate::engine::{self, Engine};
use crate::events::EventJournal;
use crate::folder::{Folder, write_durably};
use crate::journal::{Deed, Journal, Notes, damaged};
use crate::outbox::LocalOutbox;
use crate::queue::InProcessQueue;
use crate::seed;
use crate::stream::Bookmark as _;

/// The operator's app registration in the simulated Entra.
const CLIENT_ID: Uuid = Uuid::from_u128(0x6c65_7474_6572_4865_8164_0000_0000_0001);
const CLIENT_SECRET: &str = "letterhead-demonstration-secret";
/// Where every draw of the simulated directories comes from.
const SEED: u64 = 8300;

/// Where everything is reached.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The demonstration portal.
    pub portal: Url,
    /// The product's API.
    pub api: Url,
    /// The simulated Entra and Graph.
    pub simulator: Url,
}

/// Time passing at somebody's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Passing {
    /// What the clock showed when it began.
    pub from: Timestamp,
    /// What it shows in the end.
    pub until: Timestamp,
}

/// Everything in one process.
pub struct World {
    /// What the product speaks to.
    pub ports: Ports,
    /// The clock of the product and of the simulator.
    pub clock: Arc<ShiftedClock>,
    /// The sync's tasks.
    pub queue: Arc<InProcessQueue>,
    /// The tasks of the tours over photos.
    pub photo_queue: Arc<InProcessQueue>,
    /// People's photos.
    pub objects: Arc<FolderObjects>,
    /// Entra, Graph and the customers' directories.
    pub simulator: Simulator,
    /// Where everything is reached.
    pub addresses: Addresses,
    /// Signs the portal's tokens.
    pub signer: Signer,
    /// Signs the tokens of the operator's servers.
    pub servers: Signer,
    /// What the runner remembers.
    pub journal: Journal,
    /// The bus, and what was published on it.
    pub events: Arc<EventJournal>,
    /// Mails and webhooks that would leave this machine.
    pub outbox: Arc<LocalOutbox>,
    /// The embedded DynamoDB.
    pub engine: Engine,
    /// Held shared by whoever works for a moment, and alone by whoever lets time pass.
    pub turn: Arc<RwLock<()>>,
    /// People of the largest customer.
    pub people: u32,
    passing: Mutex<Option<Passing>>,
    /// What the function behind the stream is given; one batch at a time.
    desk: AsyncMutex<Desk>,
    // Locked until the process ends.
    _folder: Folder,
}

impl World {
    /// Opens what the folder holds, or begins anew.
    ///
    /// # Errors
    /// One sentence that names what is damaged.
    pub async fn open(folder: Folder, addresses: Addresses, people: u32) -> Result<Self> {
        let journal = Journal::open(&folder.file("runner.json"), Notes::begin(-seed::REACHES_BACK))?;
        if journal.notes().beats_done > 0 {
            folder.require(&["dynamodb.sqlite", "simulator.json", "vault.key"])?;
        }
        let clock = Arc::new(ShiftedClock::new(journal.notes().offset));
        let simulator = open_simulator(&folder.file("simulator.json"), &addresses, clock.now())?;
        let database = folder.file("dynamodb.sqlite");
        let events = Arc::new(EventJournal::open(&folder.file("events.json"))?);
        let engine = engine::start(&database, events.place().as_deref()).await.with_context(|| damaged(&database))?;
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let vault = LocalVault::from_file(&folder.file("vault.key"), Arc::clone(&entropy))?;
        let [queue, photo_queue] = [(); 2].map(|()| Arc::new(InProcessQueue::new(Arc::clone(&clock) as _)));
        let objects = Arc::new(FolderObjects::new(folder.objects()));
        let network = Network::connect().context("TLS cannot be set up")?;
        let transport: Arc<dyn Transport> = Arc::new(Detour::new(network, &addresses.simulator));
        let endpoints = Endpoints { login: addresses.simulator.clone(), graph: GRAPH_ORIGIN.parse()? };
        let registration = Registration {
            client_id: CLIENT_ID.to_string(),
            credentials: SecretString::from(CLIENT_SECRET).into(),
            redirect_url: callback(&addresses.api)?,
        };
        let ports = Ports {
            clock: Arc::clone(&clock) as _,
            store: engine.store(),
            entra: Entra::new(endpoints.clone(), registration, Arc::clone(&transport)),
            graph: Graph::new(endpoints, transport),
            vault: Arc::new(vault),
            queue: Arc::clone(&queue) as _,
            entropy,
        };
        let signer = Signer::from_file(Kind::Portal, &folder.file("callers.key"))?;
        let servers = Signer::from_file(Kind::Server, &folder.file("servers.key"))?;
        let desk = Desk { clock: ports.clock.clone(), store: engine.store(), bus: Arc::clone(&events) as _, telling: Telling::Names };
        let outbox = Arc::new(LocalOutbox::open(&folder.file("outbox.json"), Arc::clone(&clock) as _)?);
        let (turn, passing) = (Arc::default(), Mutex::default());
        Ok(Self {
            ports,
            clock,
            queue,
            photo_queue,
            objects,
            simulator,
            addresses,
            signer,
            servers,
            journal,
            events,
            outbox,
            engine,
            turn,
            people,
            passing,
            desk: AsyncMutex::new(desk),
            _folder: folder,
        })
    }

    /// Publishes what changed since it was last asked for.
    ///
    /// # Errors
    /// When the engine or the journal fails.
    pub async fn publish_changes(&self) -> Result<usize> {
        let desk = self.desk.lock().await;
        self.engine.people.follow(&desk, self.events.as_ref(), self.clock.offset()).await
    }

    /// The product's API over these ports.
    ///
    /// # Errors
    /// When one of the operator's own key sets is refused.
    pub fn api(&self) -> Result<axum::Router> {
        let origin = |host: &str| self.addresses.portal.as_str().trim_end_matches('/').replace("localhost", host);
        Ok(portal_api::router(Portal {
            ports: self.ports.clone(),
            objects: Arc::clone(&self.objects) as _,
            callers: Callers::from_jwks(&self.signer.key_set())?.and_servers(&self.servers.key_set())?,
            buckets: Buckets::full(Rates::default()),
            portal_origins: vec![origin("localhost"), origin("127.0.0.1")],
            public_url: self.addresses.api.clone(),
        }))
    }

    /// Puts the simulator's clock to where ours stands.
    pub fn tell_simulator_the_time(&self) {
        self.simulator.set_now(self.clock.now());
    }

    /// The directory of a customer, once the seeding has made it.
    #[must_use]
    pub fn tenant_of(&self, customer: &CustomerId) -> Option<TenantSummary> {
        let name = customers::all().find(|known| known.id == customer.as_str())?.name;
        self.simulator.tenants().into_iter().find(|tenant| tenant.name == name)
    }

    /// Remembers what somebody did to a customer's directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tell(&self, customer: Option<&CustomerId>, what: impl Into<String>) -> Result<()> {
        let deed = Deed { at: self.clock.now(), customer: customer.cloned(), what: what.into() };
        self.journal.change(|notes| notes.tell(deed))
    }

    /// The time that passes at somebody's wish, if any does.
    pub fn passing(&self) -> Option<Passing> {
        *self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to let time pass, unless it does already; returns whether it did not.
    pub fn begin_passing(&self, passing: Passing) -> bool {
        let mut now = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        match *now {
            Some(_) => false,
            None => {
                *now = Some(passing);
                true
            }
        }
    }

    /// Ends what [`World::begin_passing`] began.
    pub fn end_passing(&self) {
        *self.passing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Where Entra sends the browser back to.
fn callback(api: &Url) -> Result<Url> {
    api.join("v1/consent/callback").context("the API's address has no paths")
}

fn open_simulator(path: &Path, addresses: &Addresses, now: Timestamp) -> Result<Simulator> {
    let settings = Settings { login_base: addresses.simulator.clone(), graph_base: GRAPH_ORIGIN.parse()?, seed: SEED, start: now };
    let simulator = match fs::read(path) {
        Ok(bytes) => {
            let saved = serde_json::from_slice(&bytes).with_context(|| damaged(path))?;
            Simulator::load(settings, saved).map_err(|error| anyhow!("{}: {error}", damaged(path)))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Simulator::new(settings),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    save_at_every_change(&simulator, path.to_owned());
    let app = App::web(CLIENT_ID, "Letterhead", callback(&addresses.api)?.as_str(), CLIENT_SECRET);
    // Registering an app again would heal its broken secret.
    if !simulator.apps().contains(&app) {
        simulator.add_app(app);
    }
    Ok(simulator)
}

/// The change is on the disk before whoever made it goes on, so that no token outlives the consent that it rests on.
fn save_at_every_change(simulator: &Simulator, path: PathBuf) {
    let saving = Mutex::new(());
    simulator.on_change(move |simulator| {
        let _one_at_a_time = saving.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = serde_json::to_vec(&simulator.save()).map_err(io::Error::from);
        if let Err(error) = saved.and_then(|bytes| write_durably(&path, &bytes)) {
            tracing::error!(error = &error as &dyn std::error::Error, path = %path.display(), "the simulator was not saved");
        }
    });
}
