//! What a check costs: processor time of our side alone, requests and capacity units at DynamoDB, requests to Entra, calls of KMS.
//!
//! Our side runs alone in a process of its own; the simulator and DynamoDB (the embedded engine) run in another one, so that their work
//! is not counted. Each crowd is lived through twice: once with every request to DynamoDB counted, and once without, for the processor
//! time. Sealing is local: what a call of KMS costs is not in the processor time, and how many there were is told.
//!
//! `cargo bench -p system-tests --bench checks` prints a table; `-- --connections 200,2000` chooses the sizes, and `--checks` how
//! many checks of a kind there are at least.

mod phases;
mod table;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use system_tests::crowd::{Cost, Kind, Lengths, Outside, Watch};

/// One run of our side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Errand {
    pub(crate) kind: Kind,
    pub(crate) watch: Watch,
    /// How many checks a phase has at least, where it can be repeated.
    pub(crate) checks_min: u32,
    pub(crate) outside: Outside,
}

/// What happened, and what it cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Phase {
    pub(crate) name: String,
    pub(crate) ticks: u32,
    pub(crate) cost: Cost,
    /// Processor time of our side.
    pub(crate) processor: Duration,
    /// Bytes of one connection's items afterwards, by sort key.
    pub(crate) sizes: std::collections::BTreeMap<String, usize>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match (after("--outside"), after("--ours")) {
        (Some(people), _) => runtime.block_on(outside(people.parse()?, arguments.iter().any(|argument| argument == "--own-tokens"))),
        (_, Some(errand)) => runtime.block_on(ours(serde_json::from_str(errand)?)),
        (None, None) => {
            let checks_min = after("--checks").map_or(Ok(2_000), |checks| checks.parse())?;
            all(after("--connections").map_or("200,2000", String::as_str), checks_min)
        }
    }
}

fn all(sizes: &str, checks_min: u32) -> Result<()> {
    let sizes: Vec<u32> = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let smallest = sizes.iter().copied().min().context("no size")?;
    let crowds = sizes.into_iter().map(|size| (size, Lengths::REALISTIC)).chain([(smallest, Lengths::OWN)]);
    for (size, lengths) in crowds {
        table::title(size, lengths);
        for kind in [Kind::Delegated, Kind::AppOnly, Kind::Spare] {
            let run = |watch| {
                let people = if kind == Kind::Spare { size * 2 } else { size };
                let (child, outside) = start_outside(people, lengths)?;
                live(child, &Errand { kind, watch, checks_min, outside })
            };
            let (counted, timed) = (run(Watch::Counted)?, run(Watch::Timed)?);
            for (counted, timed) in counted.iter().zip(&timed) {
                table::row(counted, timed.processor);
            }
            table::parts(kind, &counted);
        }
    }
    Ok(())
}

/// Lives through all phases of a crowd, in a fresh process.
fn live(mut outside: Child, errand: &Errand) -> Result<Vec<Phase>> {
    let errand = serde_json::to_string(errand)?;
    let ours = Command::new(std::env::current_exe()?).args(["--ours", &errand]).output()?;
    outside.kill()?;
    outside.wait()?;
    if !ours.status.success() {
        bail!("our side failed: {}", String::from_utf8_lossy(&ours.stderr));
    }
    Ok(serde_json::from_slice(&ours.stdout)?)
}

fn start_outside(people: u32, lengths: Lengths) -> Result<(Child, Outside)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--outside", &people.to_string()]).stdout(Stdio::piped());
    if lengths == Lengths::OWN {
        command.arg("--own-tokens");
    }
    let mut child = command.spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    Ok((child, serde_json::from_str(&line)?))
}

/// The simulator and DynamoDB. Prints where they are, and serves until it is ended.
async fn outside(people: u32, has_own_tokens: bool) -> Result<()> {
    let lengths = if has_own_tokens { Lengths::OWN } else { Lengths::REALISTIC };
    let outside = Outside::start(people, lengths).await?;
    println!("{}", serde_json::to_string(&outside)?);
    std::io::stdout().flush()?;
    std::future::pending().await
}

/// Our side. Prints the phases.
async fn ours(errand: Errand) -> Result<()> {
    let phases = phases::live(errand).await?;
    println!("{}", serde_json::to_string(&phases)?);
    Ok(())
}
