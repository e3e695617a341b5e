//! The real binaries, as Lambda starts them: against a stand-in of its Runtime API and the embedded database.
//!
//! [`main_job`] goes the whole way from a check to the API; [`kills`] ends workers in the middle of it; [`stream`] is about change events,
//! [`notices`] about what is told to people, [`command`] starts the operator's command line as engineers do, [`start`] is about what keeps
//! functions from starting.

mod command;
mod kills;
mod main_job;
mod notices;
mod start;
mod stream;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::aws::{Aws, Mood};
use system_tests::caller::ALL_SCOPES;
use system_tests::lambda::{Runtime, shared_environment};

/// Where a function's binary is; the first who asks builds them all beside this test.
fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let this = std::env::current_exe().expect("a test has a path");
        let folder = this.parent().and_then(std::path::Path::parent).expect("it is in target/debug/deps").to_owned();
        let mut build = Command::new(env!("CARGO"));
        // All of the workspace, tests too: of less, cargo would enable fewer features and compile AWS's clients again.
        build.args(["build", "--locked", "--offline", "--quiet", "--workspace", "--bins", "--tests"]);
        build.env("CARGO_TARGET_DIR", folder.parent().expect("target/debug has a parent"));
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
        assert!(built.success(), "the functions can be built");
        folder
    });
    folder.join(name)
}

/// A function that runs.
struct Function {
    child: Child,
    runtime: Runtime,
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn environment(world: &World, aws: &Aws) -> Vec<(&'static str, String)> {
    let text = |name, value: &str| (name, value.to_owned());
    let mut variables = shared_environment(&aws.endpoint, &world.backend);
    variables.push(("EVERGRANT_SERVER_KEYS", world.servers.key_set()));
    variables.push(text("EVERGRANT_SERVER_REQUESTS_PER_MINUTE", "1"));
    variables.push(text("EVERGRANT_SERVER_REQUESTS_BURST", "1"));
    variables.push(text("EVERGRANT_CLIENT_ID", "11111111-2222-3333-4444-555555555555"));
    variables.push(text("EVERGRANT_CLIENT_SECRET", "secret"));
    variables.push(text("EVERGRANT_LOGIN_URL", "http://127.0.0.1:1"));
    variables.push(text("EVERGRANT_GRAPH_URL", "http://127.0.0.1:1"));
    variables
}

impl Function {
    async fn start(name: &str, world: &World) -> (Self, Aws) {
        let aws = Aws::start(&world.engine.endpoint).await.expect("the stand-in starts");
        (Self::start_with(name, environment(world, &aws)).await, aws)
    }

    async fn start_with(name: &str, environment: Vec<(&'static str, String)>) -> Self {
        let runtime = Runtime::start().await.expect("a port is free");
        let mut command = Command::new(binary(name));
        command.env_clear().envs(environment).env("AWS_LAMBDA_RUNTIME_API", &runtime.address);
        let child = command.stdout(Stdio::null()).spawn().expect("the function starts");
        Self { child, runtime }
    }

    /// Sends an event and waits for the answer: `response` or `error`, and what it says.
    async fn ask(&mut self, event: Value) -> (String, Value) {
        self.runtime.ask(event).await.expect("the function answers in time")
    }
}

fn schedule() -> Value {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event", "source": "aws.scheduler",
        "account": "000000000000", "time": "2026-03-02T10:00:00Z", "region": "local", "resources": [], "detail": {},
    })
}

fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": "r", "body": body, "attributes": {}, "messageAttributes": {}, "md5OfBody": "",
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:local:000000000000:sync", "awsRegion": "local",
    })
}

fn request(path: &str, token: Option<&str>) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut headers = json!({"host": "api.example", "accept": "application/json"});
    if let Some(token) = token {
        headers["authorization"] = json!(format!("Bearer {token}"));
    }
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "domainName": "api.example", "domainPrefix": "api", "requestId": "r",
            "routeKey": "$default", "stage": "$default", "time": "02/Mar/2026:10:00:00 +0000", "timeEpoch": 1_772_445_600_000_i64,
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
        },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_lets_the_checks_tick() {
    let world = World::new().await;
    let (mut function, aws) = Function::start("token-check", &world).await;
    let (kind, report) = function.ask(schedule()).await;
    assert_eq!((kind.as_str(), report), ("response", json!({"outcomes": {}, "faults": 0, "left": 0})));
    // A key service that fails says nothing about the grant.
    aws.set_mood(Mood::Failing);
    let id = world.connect().await;
    world.ports.store.check_by(&id, Timestamp::UNIX_EPOCH).await.unwrap();
    let (kind, report) = function.ask(schedule()).await;
    assert_eq!((kind.as_str(), report), ("response", json!({"outcomes": {"unclear": 1}, "faults": 0, "left": 0})));
    assert_eq!(world.health(&id).await, "healthy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_answered_in_part() {
    let world = World::new().await;
    for name in ["attribute-sync", "photo-sync"] {
        let (mut function, _aws) = Function::start(name, &world).await;
        let good = r#"{"connection":"con-00000000000000000000000000"}"#;
        let records = json!({"Records": [message("one", good), message("two", "no task"), message("three", good)]});
        let (kind, answer) = function.ask(records).await;
        assert_eq!((kind.as_str(), answer), ("response", json!({"batchItemFailures": [{"itemIdentifier": "two"}]})), "{name}");
        let (kind, answer) = function.ask(schedule()).await;
        assert_eq!((kind.as_str(), answer), ("response", json!({"batchItemFailures": []})), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_answers_behind_a_gateway() {
    let world = World::new().await;
    let id = world.connect().await;
    let (mut function, _aws) = Function::start("portal-api", &world).await;
    let (_, document) = function.ask(request("/v1/openapi.json", None)).await;
    assert_eq!(document["statusCode"], 200, "{document}");
    let body: Value = serde_json::from_str(document["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["info"]["title"], "Evergrant");
    let (_, refused) = function.ask(request("/v1/connections", None)).await;
    assert_eq!((&refused["statusCode"], &refused["headers"]["content-type"]), (&json!(401), &json!("application/problem+json")));
    let token = world.backend.token("acme", ALL_SCOPES, Timestamp::now());
    let (_, list) = function.ask(request("/v1/connections", Some(&token))).await;
    let body: Value = serde_json::from_str(list["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["connections"][0]["id"], json!(id), "{list}");
    let token = world.servers.token("acme", ALL_SCOPES, Timestamp::now());
    let people = format!("/v1/connections/{id}/people?limit=5");
    let (_, read) = function.ask(request(&people, Some(&token))).await;
    assert_eq!((&read["statusCode"], &read["headers"]["cache-control"]), (&json!(200), &json!("private, no-cache")), "{read}");
    let (_, refused) = function.ask(request(&people, Some(&token))).await;
    assert_eq!((&refused["statusCode"], refused["headers"]["retry-after"].is_string()), (&json!(429), true), "{refused}");
    let (_, lost) = function.ask(request("/v1/consent/callback", None)).await;
    assert_eq!(lost["statusCode"], 400, "{lost}");
    assert!(lost["body"].as_str().is_some_and(|page| page.contains("leads nowhere")), "{lost}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_another_kind_is_an_error_and_the_next_one_is_served() {
    let world = World::new().await;
    let (mut function, _aws) = Function::start("token-check", &world).await;
    let (kind, _) = function.ask(json!({"hello": "world"})).await;
    assert_eq!(kind, "error");
    assert_eq!(function.ask(schedule()).await.0, "response");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incomplete_environment_is_told_in_one_error() {
    let run = |name: &str, variables: &[(&str, &str)]| -> Output {
        let mut command = Command::new(binary(name));
        command.env_clear().envs(variables.iter().copied()).output().expect("the function starts")
    };
    for (name, own) in [
        ("token-check", &[][..]),
        ("attribute-sync", &[]),
        ("photo-sync", &["EVERGRANT_PHOTO_QUEUE_URL is missing", "EVERGRANT_PHOTO_BUCKET is missing"]),
        ("portal-api", &["EVERGRANT_PUBLIC_URL", "EVERGRANT_CALLER_KEYS", "EVERGRANT_PHOTO_BUCKET is missing"]),
    ] {
        let output = run(name, &[("EVERGRANT_CLOUD", "germany"), ("EVERGRANT_REDIRECT_URL", "http://api.example/callback")]);
        assert!(!output.status.success(), "{name}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let shared =
            ["EVERGRANT_CLIENT_ID is missing", "EVERGRANT_CLOUD: cloud must be one of", "EVERGRANT_REDIRECT_URL must be an https URL"];
        for part in shared.iter().chain(own) {
            assert!(told.contains(part), "{name} does not tell {part}: {told}");
        }
        assert_eq!(told.lines().count(), 1, "{name}: {told}");
    }
}
