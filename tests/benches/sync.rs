//! What the sync costs on our side: processor time per person and peak memory, first load and unchanged round.
//!
//! Our side runs alone in a process of its own for each size; the directory (the simulator) and DynamoDB (the embedded engine) run in
//! another one, so that their work is not counted. Both are spoken to over loopback, through the same clients as in the cloud.
//!
//! `cargo bench -p system-tests --bench sync` prints a table. `-- --people 2000,20000` chooses the sizes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::Ports;
use adapters::clock::SystemClock;
use adapters::entra::{Entra, Registration};
use adapters::entropy::SystemEntropy;
use adapters::graph::Graph;
use adapters::queue::{Queue, QueueError, SyncTask};
use adapters::settings::Aws;
use adapters::store::{Store, tables};
use adapters::transport::{Network, Transport};
use adapters::vault::LocalVault;
use anyhow::{Context as _, Result, bail};
use attribute_sync::Step;
use domain::cloud::Endpoints;
use domain::ids::ConnectionId;
use entra_simulator::{App, Settings, Simulator};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use system_tests::planted::plant;
use url::Url;
use uuid::Uuid;

const CLIENT: Uuid = Uuid::from_u128(0x00e5_4a57);
const SECRET: &str = "secret of the bench";
/// More steps than any size needs.
const STEPS_MAX: usize = 100_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match (after("--outside"), after("--ours")) {
        (Some(people), _) => runtime.block_on(outside(people.parse()?)),
        (_, Some(world)) => runtime.block_on(ours(world)),
        (None, None) => table(after("--people").map_or("2000,20000", String::as_str)),
    }
}

fn table(sizes: &str) -> Result<()> {
    println!("{:>8}  {:>26}  {:>26}  {:>12}", "people", "first load", "unchanged round", "peak memory");
    for size in sizes.split(',') {
        let (mut outside, world) = start_outside(size)?;
        let ours = Command::new(std::env::current_exe()?).args(["--ours", &world]).output()?;
        outside.kill()?;
        outside.wait()?;
        if !ours.status.success() {
            bail!("our side failed: {}", String::from_utf8_lossy(&ours.stderr));
        }
        print!("{}", String::from_utf8(ours.stdout)?);
    }
    Ok(())
}

fn start_outside(people: &str) -> Result<(Child, String)> {
    let mut child = Command::new(std::env::current_exe()?).args(["--outside", people]).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    Ok((child, line.trim().to_owned()))
}

/// The directory and DynamoDB. Prints where they are, one tenant and a refresh token of it, and serves until it is ended.
async fn outside(people: u32) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let base: Url = format!("http://{}", listener.local_addr()?).parse()?;
    let settings = Settings { login_base: base.clone(), graph_base: base.clone(), seed: 1, start: Timestamp::now() };
    let simulator = Simulator::new(settings);
    simulator.add_app(App::web(CLIENT, "Bench", "http://127.0.0.1:1/callback", SECRET));
    let tenant = simulator.add_tenant("Bench");
    let admin = *simulator.add_people(tenant, people).first().context("nobody")?;
    let scope = format!("{}/User.Read.All", base.origin().ascii_serialization());
    let token =
        simulator.grant((tenant, admin), CLIENT, &["openid", "offline_access", &scope]).map_err(|error| anyhow::anyhow!("{error}"))?;
    let database = dynoxide::Database::memory().map_err(|error| anyhow::anyhow!("{error}"))?;
    let tables = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let dynamodb = tables.local_addr()?;
    tokio::spawn(dynoxide::server::serve_with_shutdown(tables, database, std::future::pending()));
    println!("{base} http://{dynamodb} {tenant} {admin} {people} {token}");
    std::io::stdout().flush()?;
    axum::serve(listener, simulator.router()).await?;
    Ok(())
}

struct NoQueue;

#[async_trait::async_trait]
impl Queue for NoQueue {
    async fn send(&self, _task: &SyncTask, _delay: Duration) -> Result<(), QueueError> {
        Ok(())
    }
}

/// Our side: one connection, its first load and an unchanged round.
async fn ours(world: &str) -> Result<()> {
    let parts: Vec<&str> = world.split(' ').collect();
    let [base, dynamodb, tenant, admin, people, token] = parts[..] else { bail!("not a world: {world}") };
    let ports = ports(base, dynamodb).await?;
    let id = plant(&ports, &"bench".parse()?, (tenant.parse()?, admin.parse()?), token).await?;
    token_check::tick(&ports, &token_check::Plan::default(), Timestamp::now() + SignedDuration::from_hours(1)).await?;
    let people: u64 = people.parse()?;
    let first = round(&ports, &id, people).await?;
    ports.store.hasten_walk(&id, Timestamp::now()).await?;
    let unchanged = round(&ports, &id, people).await?;
    let stored = ports.store.walk(&id).await?.context("no walk")?.0.people;
    if stored != people {
        bail!("{stored} of {people} people stored");
    }
    println!("{people:>8}  {first}  {unchanged}  {:>8.1} MiB", peak_memory_mib()?);
    Ok(())
}

async fn ports(base: &str, dynamodb: &str) -> Result<Ports> {
    let base: Url = base.parse()?;
    let endpoints = Endpoints { login: base.clone(), graph: base };
    let transport: Arc<dyn Transport> = Arc::new(Network::connect()?);
    let client = aws_sdk_dynamodb::Client::from_conf(Aws::stand_in(dynamodb).dynamodb());
    tables::create(&client, "connections", "people").await?;
    let registration = Registration {
        client_id: CLIENT.to_string(),
        credentials: SecretString::from(SECRET).into(),
        redirect_url: "http://127.0.0.1:1/callback".parse()?,
    };
    Ok(Ports {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        store: Store::new(client, "connections".to_owned(), "people".to_owned()),
        entra: Entra::new(endpoints.clone(), registration, Arc::clone(&transport)),
        graph: Graph::new(endpoints, transport),
        vault: Arc::new(LocalVault::new([1; 32], Arc::new(SystemEntropy))),
        queue: Arc::new(NoQueue),
    })
}

/// Walks one round and says what it cost.
async fn round(ports: &Ports, id: &ConnectionId, people: u64) -> Result<String> {
    let (began, cpu) = (Instant::now(), processor_time()?);
    let plan = attribute_sync::Plan::default();
    let shift = attribute_sync::Shift { ports, plan: &plan, deadline: Timestamp::now() + SignedDuration::from_mins(15) };
    for _ in 0..STEPS_MAX {
        match attribute_sync::step(shift, &SyncTask::quick(id.clone())).await? {
            Step::Moved => {}
            Step::Completed => {
                let cpu = processor_time()? - cpu;
                let each = cpu.as_secs_f64() * 1e6 / people as f64;
                return Ok(format!("{each:>8.1} us each {:>6.2} s wall", began.elapsed().as_secs_f64()));
            }
            other => bail!("the walk stopped: {other:?}"),
        }
    }
    bail!("the round did not end")
}

/// Processor time of this process, user and system. Source: proc(5), `/proc/self/stat` fields 14 and 15, in ticks of 10 ms.
fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// The most memory this process ever held. Source: proc(5), `VmHWM`.
fn peak_memory_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
