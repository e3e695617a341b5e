//! What developers and CI run: `cargo xtask <command>`, or `xtask/run <command>` on a fresh machine.
//!
//! The branches are here, the leaves beside: [`bootstrap`] makes sure the tools are there, [`widget`] packs the widget, [`up`]
//! hands over to the runner, [`check`] runs every test, [`simulation`] runs checks and sync through bad days, [`contest`] measures the
//! sync beside others, [`release`] cold starts and the bill, [`python`] makes Python's environments, [`ready`] measures a start, [`steps`]
//! tells what is happening and how long it took.
//!
//! Deliberately absent: options that choose what to test. Each step names the plain command that runs it alone.
//!
//! One more command: a line in [`HELP`], a branch in [`run`].

mod bootstrap;
mod check;
mod contest;
mod python;
mod ready;
mod release;
mod simulation;
mod steps;
mod up;
mod widget;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::bootstrap::Need;
use crate::check::Browser;
use crate::steps::{Journal, cargo};

const HELP: &str = "\
cargo xtask <command>

  up [--fresh] [--port N] [--data DIR]   build what is needed and run the whole product on this machine
  test [--no-browser]                    run everything CI runs
  simulate [--seeds N] [--from S]        run checks and sync through N bad days; also --minutes M, --seed S (with its
                                         trace), --faults (every plan of one and of two), --teeth (every breakage)
  bench sync [--people N,N] [--only ours] measure the sync beside programs that others would write; also --few N, --wait MS,
                                         --limit MIB: see tests/benches/sync/main.rs
  bench start                            build the functions as they are released, and measure their cold starts beside Python and Node
  bench bill [--people N]                count which units of AWS a deployment uses, and what they cost
  bench                                  measure: checks, the sync, a million checks, the forecasts, the time until ready, the widget's size
  size                                   measure the widget and hold it against its cap
  widget                                 build the widget into target/widget/dist
  bootstrap                              install or name the tools that are missing
  help                                   show this text";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> Result<()> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.to_string_lossy(), rest),
        None => bail!("which command?\n\n{HELP}"),
    };
    let root = root();
    match (command.as_ref(), rest) {
        ("up", options) => up::run(&root, options),
        ("test", []) => check::run(&root, Browser::Tested),
        ("test", [option]) if option == "--no-browser" => check::run(&root, Browser::LeftOut),
        ("simulate", options) => simulation::run(&root, options),
        ("bench", []) => bench(&root),
        ("bench", [what, options @ ..]) if what == "sync" => contest::run(&root, options),
        ("bench", [what]) if what == "start" => release::start(&root),
        ("bench", [what, options @ ..]) if what == "bill" => release::bill(&root, options),
        ("size", []) => {
            bootstrap::run(&root, Need::Build)?;
            widget::size(&root)
        }
        ("widget", []) => {
            bootstrap::run(&root, Need::Build)?;
            widget::build(&root).map(drop)
        }
        ("bootstrap", []) => bootstrap::run(&root, Need::Browser),
        ("help" | "--help" | "-h", _) => {
            println!("{HELP}");
            Ok(())
        }
        ("test" | "bench" | "size" | "widget" | "bootstrap", unexpected) => {
            bail!("`{command}` does not take {}\n\n{HELP}", steps::spoken(unexpected))
        }
        _ => bail!("there is no command `{command}`\n\n{HELP}"),
    }
}

fn bench(root: &Path) -> Result<()> {
    bootstrap::run(root, Need::Build)?;
    let mut journal = Journal::begin();
    let benches = ["--bench", "checks", "--bench", "sync", "--bench", "fleet", "--bench", "forecast"];
    journal.command("benchmarks", cargo(root).args(["bench", "--locked", "-p", "system-tests"]).args(benches))?;
    journal.step("time until ready", "cargo xtask bench", || ready::measure(root))?;
    journal.step("widget size", "cargo xtask size", || widget::size(root))?;
    journal.close();
    Ok(())
}

/// The workspace's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo builds: `CARGO_TARGET_DIR` as cargo reads it, relative to where the developer stands, else `target`.
fn target(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => std::path::absolute(&folder).unwrap_or(PathBuf::from(folder)),
        None => root.join("target"),
    }
}
