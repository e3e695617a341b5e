//! Cold starts: what lies between exec and the first `GET .../invocation/next`, for each of our functions as it is released and for the
//! same hello to DynamoDB in Python and in Node, in the same run.
//!
//! Each is started by itself, so often, under a stand-in of Lambda's Runtime API, with a stand-in of AWS that answers at once; our functions
//! set up TLS and try out their keys in that time, and the others make a client of DynamoDB. Processor time and memory are those of the
//! process at its first poll. `cargo xtask bench start` builds what is released and prints the table; it fails where one of ours is above
//! a bound.

mod peers;
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use system_tests::aws::Aws;
use system_tests::caller::Backend;
use system_tests::contest::Spent;
use system_tests::engine::Engine;
use system_tests::lambda::{Runtime, Variables, shared_environment};

/// How often each is started.
const STARTS: usize = 20;
/// The most processor time from exec to the first poll.
const PROCESSOR_MAX: Duration = Duration::from_millis(10);
/// The largest binary, TLS included.
const BINARY_MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Our functions.
const FUNCTIONS: [&str; 6] = ["token-check", "attribute-sync", "photo-sync", "change-events", "notify", "portal-api"];

/// A program that is started.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<PathBuf>,
    /// Of one binary, how large it is.
    pub(crate) bytes: Option<u64>,
    pub(crate) variables: Variables,
}

/// What one start took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) processor: Duration,
    pub(crate) wall: Duration,
    pub(crate) peak_bytes: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1)).map(PathBuf::from);
    let folder = after("--functions").context("--functions needs the folder of the released functions: cargo xtask bench start")?;
    let engine = Engine::start().await?;
    let aws = Aws::start(&engine.endpoint).await?;
    let mut programs = FUNCTIONS.into_iter().map(|name| ours(name, &folder, &aws.endpoint)).collect::<Result<Vec<_>>>()?;
    programs.extend(peers::all((after("--python"), after("--node")), &aws.endpoint));
    let mut rows = Vec::new();
    for program in &programs {
        // The first one reads it from disk.
        start(program).await?;
        let mut starts = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            starts.push(start(program).await?);
        }
        rows.push(table::Row::of(program, &starts));
    }
    table::print(&rows);
    table::hold(&rows)
}

fn ours(name: &str, folder: &Path, aws: &str) -> Result<Program> {
    let path = folder.join(name);
    let bytes = path.metadata().with_context(|| format!("{} is not built", path.display()))?.len();
    let mut variables = shared_environment(aws, &Backend::start());
    let text = |name, value: &str| (name, value.to_owned());
    variables.extend([
        text("EVERGRANT_CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
        text("EVERGRANT_CLIENT_SECRET", "secret"),
        text("EVERGRANT_LOGIN_URL", "http://127.0.0.1:1"),
        text("EVERGRANT_GRAPH_URL", "http://127.0.0.1:1"),
        text("EVERGRANT_EVENTS_FAILED_QUEUE_URL", &format!("{aws}/000000000000/failed")),
        text("EVERGRANT_OPERATOR_NAME", "Letterhead"),
        text("EVERGRANT_PORTAL_URL", "https://portal.example"),
    ]);
    Ok(Program { name: name.to_owned(), path, arguments: Vec::new(), bytes: Some(bytes), variables })
}

/// Starts a program, and ends it when it has asked for its first event.
async fn start(program: &Program) -> Result<Start> {
    let mut runtime = Runtime::start().await?;
    let mut command = Command::new(&program.path);
    command.args(&program.arguments).env_clear().envs(program.variables.clone()).env("AWS_LAMBDA_RUNTIME_API", &runtime.address);
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().with_context(|| format!("{} does not start", program.name))?;
    let polled = runtime.polled().await;
    let wall = began.elapsed();
    let spent = Spent::of(&child.id().to_string());
    child.kill()?;
    child.wait()?;
    polled.with_context(|| program.name.clone())?;
    let spent = spent?;
    ensure!(!spent.processor.is_zero(), "{} spent nothing", program.name);
    Ok(Start { processor: spent.processor, wall, peak_bytes: spent.peak_bytes })
}
