//! The main job in the real binaries: a tick renews the grant, the queue's messages walk the directory, the API tells who is there, and
//! shows what they look like.

use std::sync::Arc;

use adapters::Ports;
use adapters::clock::SystemClock;
use adapters::entra::{Entra, Registration};
use adapters::entropy::SystemEntropy;
use adapters::graph::Graph;
use adapters::queue::{LaneUrls, SqsQueue};
use adapters::transport::{Network, Transport};
use adapters::vault::{Binding, KmsVault, Purpose, VaultError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::cloud::Endpoints;
use domain::ids::ConnectionId;
use entra_simulator::{App, Settings, Simulator};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use system_tests::aws::Aws;
use system_tests::caller::{ALL_SCOPES, Backend};
use system_tests::engine::Engine;
use system_tests::planted::plant;
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use crate::{Function, message, request, schedule};

pub(crate) const CLIENT: Uuid = Uuid::from_u128(0x11111111_2222_3333_4444_555555555555);
const SECRET: &str = "secret";
const PEOPLE: u32 = 450;
/// More messages than three pages can make.
const MESSAGES_MAX: usize = 20;

/// Everything that the functions speak to, each on an address of its own.
pub(crate) struct Place {
    pub(crate) engine: Engine,
    pub(crate) aws: Aws,
    pub(crate) simulator: Simulator,
    pub(crate) ports: Ports,
    backend: Backend,
    base: Url,
    pub(crate) id: ConnectionId,
}

impl Place {
    pub(crate) async fn set_up() -> Self {
        Self::around(Engine::start().await.expect("the engine starts"), PEOPLE).await
    }

    /// The same with this engine and as many people.
    pub(crate) async fn around(engine: Engine, people: u32) -> Self {
        let aws = Aws::start(&engine.endpoint).await.expect("the stand-in starts");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let base: Url = format!("http://{}", listener.local_addr().expect("it has an address")).parse().expect("it is a URL");
        let simulator = Simulator::new(Settings { login_base: base.clone(), graph_base: base.clone(), seed: 7, start: Timestamp::now() });
        simulator.add_app(App::web(CLIENT, "Letterhead", "https://api.example/v1/consent/callback", SECRET));
        let tenant = simulator.add_tenant("Contoso");
        let admin = simulator.add_people(tenant, people)[0];
        let scope = format!("{}/User.Read.All", base.origin().ascii_serialization());
        let token = simulator.grant((tenant, admin), CLIENT, &["openid", "offline_access", &scope]).expect("the admin consents");
        let routes = simulator.router();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let ports = ports(&engine, &aws, &base);
        let customer = "acme".parse().expect("it is an id");
        let whose = (domain::ids::TenantId(tenant), domain::ids::ObjectId(admin));
        let id = plant(&ports, &customer, whose, &token).await.expect("the connection is planted");
        Self { engine, aws, simulator, ports, backend: Backend::start(), base, id }
    }

    /// The functions' environment.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |name, value: &str| (name, value.to_owned());
        let mut variables = crate::shared_environment(&self.aws.endpoint, &self.backend);
        variables.push(text("EVERGRANT_CLIENT_ID", &CLIENT.to_string()));
        variables.push(text("EVERGRANT_CLIENT_SECRET", SECRET));
        variables.push(text("EVERGRANT_LOGIN_URL", self.base.as_str()));
        variables.push(text("EVERGRANT_GRAPH_URL", self.base.as_str()));
        variables
    }
}

/// The cloud's own adapters, pointed at the stand-ins.
fn ports(engine: &Engine, aws: &Aws, base: &Url) -> Ports {
    let stand_in = adapters::settings::Aws::stand_in(&aws.endpoint);
    let transport: Arc<dyn Transport> = Arc::new(Network::connect().expect("TLS can be set up"));
    let endpoints = Endpoints { login: base.clone(), graph: base.clone() };
    let redirect_url = "https://api.example/v1/consent/callback".parse().expect("it is a URL");
    let registration = Registration { client_id: CLIENT.to_string(), credentials: SecretString::from(SECRET).into(), redirect_url };
    let kms = aws_sdk_kms::Client::from_conf(stand_in.kms());
    let sqs = aws_sdk_sqs::Client::from_conf(stand_in.sqs());
    let url = |name: &str| format!("{}/000000000000/{name}", aws.endpoint);
    let urls = LaneUrls { quick: url("sync"), bulk: url("bulk") };
    Ports {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        store: engine.store(),
        entra: Entra::new(endpoints.clone(), registration, Arc::clone(&transport)),
        graph: Graph::new(endpoints, transport),
        vault: Arc::new(KmsVault::new(kms, "alias/evergrant".to_owned(), Arc::new(SystemEntropy))),
        queue: Arc::new(SqsQueue::new(sqs, urls)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_runs_in_the_real_binaries() {
    let place = Place::set_up().await;
    let mut check = Function::start_with("token-check", place.environment()).await;
    let (kind, report) = check.ask(schedule()).await;
    assert_eq!((kind.as_str(), report), ("response", json!({"outcomes": {"healthy": 1}, "faults": 0, "left": 0})));

    let mut sync = Function::start_with("attribute-sync", place.environment()).await;
    assert_eq!(sync.ask(schedule()).await.0, "response");
    let mut delivered = 0;
    while let Some(task) = place.aws.take_message() {
        let (kind, answer) = sync.ask(json!({"Records": [message("one", &task)]})).await;
        assert_eq!((kind.as_str(), answer), ("response", json!({"batchItemFailures": []})), "{task}");
        delivered += 1;
        assert!(delivered < MESSAGES_MAX, "the walk comes to an end");
    }
    assert_eq!(delivered, 1, "450 people are one stretch: a mark, a page of the list, and what changed since");

    let mut api = Function::start_with("portal-api", place.environment()).await;
    let token = place.backend.token("acme", ALL_SCOPES, Timestamp::now());
    let (_, page) = api.ask(request(&format!("/v1/connections/{}/people?limit=100", place.id), Some(&token))).await;
    let page: Value = serde_json::from_str(page["body"].as_str().unwrap_or_default()).expect("a page of people");
    assert_eq!((page["people"].as_array().map(Vec::len), &page["data"]["people"]), (Some(100), &json!(PEOPLE)));
    assert!(page["next_cursor"].is_string(), "more follow");

    let person = page["people"][0]["id"].as_str().unwrap_or_default();
    photographed(&place, &mut api, person.parse().expect("it is an id")).await;
}

/// A photo comes from the directory through the bucket to the API's caller.
async fn photographed(place: &Place, api: &mut Function, person: Uuid) {
    let jpeg = b"\xff\xd8\xff and not a text: \x80\xfe";
    place.simulator.give_photo(place.simulator.tenants()[0].id, person, jpeg);
    place.ports.store.start_tour(&place.id, Timestamp::now()).await.expect("the tour can be made");
    let mut photos = Function::start_with("photo-sync", place.environment()).await;
    assert_eq!(photos.ask(schedule()).await.0, "response");
    let task = place.aws.take_message().expect("the tick asks for a step");
    let (kind, answer) = photos.ask(json!({"Records": [message("one", &task)]})).await;
    assert_eq!((kind.as_str(), answer), ("response", json!({"batchItemFailures": []})));
    assert_eq!(place.aws.take_message(), None, "one slice is enough");
    let objects: Vec<_> = place.aws.objects().into_iter().collect();
    assert_eq!((objects.len(), &objects[0].1), (1, &("image/jpeg".to_owned(), jpeg.to_vec())));
    assert!(objects[0].0.starts_with(&format!("photos/{}/{person}/", place.id)), "{}", objects[0].0);
    let token = place.backend.token("acme", ALL_SCOPES, Timestamp::now());
    let path = format!("/v1/connections/{}/people/{person}/photo", place.id);
    let (_, answer) = api.ask(request(&path, Some(&token))).await;
    assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(true)), "{answer}");
    assert_eq!(answer["headers"]["content-type"], "image/jpeg");
    assert_eq!(answer["body"], STANDARD.encode(jpeg));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kms_is_told_whose_secret_it_is_and_what_for() {
    let place = Place::set_up().await;
    let vault = &place.ports.vault;
    let home = Binding::new(&place.id, Purpose::AccessToken);
    let sealed = vault.seal(&home, b"secret").await.expect("KMS gives a key");
    assert!(place.aws.contexts().contains(&json!({"connection": place.id, "purpose": "access-token"})));
    assert_eq!(vault.open(&home, &sealed).await.expect("it opens where it belongs").as_slice(), b"secret");
    let elsewhere = Binding::new(&ConnectionId::mint([1; 16]), Purpose::AccessToken);
    for away in [elsewhere, Binding::new(&place.id, Purpose::RefreshToken)] {
        assert!(matches!(vault.open(&away, &sealed).await, Err(VaultError::DoesNotOpen { .. })), "{away:?}");
    }
}
