//! What the sync costs, beside what the programs cost that others would write: processor time, memory, units of DynamoDB, waiting.
//!
//! Each program runs in a process of its own, one after the other, and syncs the same rounds; the directory (the simulator) and DynamoDB
//! (the embedded engine) run in one more, so that their work is not counted: see [`system_tests::contest`]. Loopback, no TLS.
//!
//! `cargo xtask bench sync` installs the peers and runs this; `cargo bench -p system-tests --bench sync` runs our side alone. Options:
//!
//! | option | meaning |
//! |---|---|
//! | `--people 20000,200000` | sizes of the directory |
//! | `--few 2000` | size for the peer that is too slow for more |
//! | `--only ours,node` | programs: `ours`, `requests`, `msgraph`, `node` |
//! | `--wait 250` | Graph lets each request wait so many milliseconds |
//! | `--limit 64` | our side may map no more MiB of address space than this (`RLIMIT_AS`, set by prlimit(1)) |
//! | `--python P`, `--node P` | the interpreters that run the peers; a peer without its own is left out |

mod options;
mod program;
mod table;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use entra_simulator::Act;
use serde::{Deserialize, Serialize};
use system_tests::contest::{Contestant as _, Control, Ours, Outside, rounds};

use crate::options::{Options, Section};
use crate::program::Process;

/// What our own process is started with.
#[derive(Serialize, Deserialize)]
pub(crate) struct Errand {
    pub(crate) outside: Outside,
    /// Which tenancy.
    pub(crate) place: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [role, sizes] if role == "--outside" => multi_threaded()?.block_on(outside(sizes)),
        [role, errand] if role == "--ours" => current_thread()?.block_on(ours(serde_json::from_str(errand)?)),
        _ => current_thread()?.block_on(judge(&Options::read(&arguments)?)),
    }
}

/// As our functions run.
fn current_thread() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn multi_threaded() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn judge(options: &Options) -> Result<()> {
    for section in options.sections() {
        table::title(&section);
        let mut results = Vec::new();
        let outside = Running::start(&section)?;
        for (program, place) in section.programs() {
            let tenancy = &outside.found.tenancies[place];
            let control = Control::of(outside.found.base.clone())?;
            control.work(tenancy, &Act::ClearFaults).await?;
            let mut process = Process::start(program, options, (&outside.found, place, &control)).await?;
            control.work(tenancy, &Act::SlowGraph { milliseconds: section.wait }).await?;
            let outcomes = rounds::live(&mut process, &control, tenancy).await.with_context(|| program.name().to_owned())?;
            process.end()?;
            table::rows(program, &outcomes);
            results.push((program, outcomes));
        }
        table::end(&section, &results);
    }
    Ok(())
}

/// What is outside, in its process.
struct Running {
    child: Child,
    found: Outside,
}

impl Running {
    fn start(section: &Section) -> Result<Self> {
        let sizes: Vec<String> = section.sizes().iter().map(u32::to_string).collect();
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(["--outside", &sizes.join(",")]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let found = serde_json::from_str(&line).context("the outside did not start")?;
        Ok(Self { child, found })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It serves until it is ended; one that ended already needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The directory and DynamoDB. Prints where they are, and serves until it is ended.
async fn outside(sizes: &str) -> Result<()> {
    let sizes: Vec<u32> = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let outside = Outside::start(&sizes).await?;
    println!("{}", serde_json::to_string(&outside)?);
    std::io::stdout().flush()?;
    std::future::pending().await
}

/// Our side, which does what the judge says, word by word, as the peers do.
async fn ours(Errand { outside, place }: Errand) -> Result<()> {
    let mut ours = Ours::start(&outside, &outside.tenancies[place]).await?;
    println!("0");
    for line in std::io::stdin().lines() {
        let answer = match line?.as_str() {
            "wake" => ours.wake().await.map(|()| 0)?,
            "sync" => ours.sync().await.map(|()| 0)?,
            "stored" => ours.stored().await?,
            other => bail!("what is {other:?}?"),
        };
        println!("{answer}");
    }
    Ok(())
}
