//! Measures how long `up` takes on a warm build, until the product says that it is ready.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::target;

/// How often it is measured.
const RUNS: usize = 5;

/// Starts the product with a fresh data folder, several times, and prints how long each start took.
///
/// # Errors
/// When it does not become ready.
pub(crate) fn measure(root: &Path) -> Result<()> {
    let folder = target(root).join("bench-data");
    // The first start builds what changed, and is not counted.
    start(&folder)?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        times.push(start(&folder)?);
    }
    times.sort();
    let seconds: Vec<String> = times.iter().map(|time| format!("{:.2}", time.as_secs_f64())).collect();
    println!("up on a warm build, fresh data: ready after {} s (median {} s of {RUNS})", seconds.join(" "), seconds[RUNS / 2]);
    Ok(())
}

fn start(folder: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let me = std::env::current_exe().context("finding xtask itself")?;
    let mut up = Command::new(me);
    up.args(["up", "--fresh", "--port", "0", "--data"]).arg(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = up.spawn().context("starting `up`")?;
    let is_ready = wait(&mut child);
    let time = begun.elapsed();
    // `up` became the runner, so this ends the runner.
    child.kill()?;
    child.wait()?;
    match is_ready? {
        true => Ok(time),
        false => bail!("`up` ended before it was ready"),
    }
}

fn wait(child: &mut Child) -> Result<bool> {
    let output = child.stdout.take().context("`up` has no output")?;
    for line in BufReader::new(output).lines() {
        if line?.starts_with("evergrant ready") {
            return Ok(true);
        }
    }
    Ok(false)
}
