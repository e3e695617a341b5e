//! `simulate`: the token work and the sync through thousands of bad days, as fast as it goes.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::bootstrap::{self, Need};
use crate::steps::{Journal, cargo, checked};

/// How long CI runs new days; as many as this time allows.
const MINUTES: &str = "1";
/// CI runs every plan of one fault, and every so-many-th of two; all of them take minutes.
const SHARE_OF_TWO: &str = "4";
/// Seeds that CI gives each breakage to show; several times what the rarest takes.
const TEETH_SEEDS: &str = "1000";

/// Builds the simulation and hands the options over.
///
/// # Errors
/// When it cannot be built, or finds something.
pub(crate) fn run(root: &Path, options: &[OsString]) -> Result<()> {
    bootstrap::run(root, Need::Build)?;
    checked(program(root).args(options))
}

/// What CI runs of it: its tests, every plan of one fault and a share of two, every breakage, and as many days as its time allows.
///
/// # Errors
/// The failing step's.
pub(crate) fn check(root: &Path, journal: &mut Journal) -> Result<()> {
    journal.command("simulation: tests", cargo(root).arg("test").args(BUILD).args(["--test", "simulation"]))?;
    journal.command("simulation: one and two faults", program(root).args(["--faults", SHARE_OF_TWO]))?;
    journal.command("simulation: breakages", program(root).args(["--teeth", TEETH_SEEDS]))?;
    journal.command("simulation: bad days", program(root).args(["--minutes", MINUTES]))
}

/// How all of it is built, apart from everything else.
const BUILD: [&str; 7] = ["--locked", "--profile", "simulation", "-p", "system-tests", "--features", "simulation"];

fn program(root: &Path) -> Command {
    let mut command = cargo(root);
    command.args(["run", "--quiet"]).args(BUILD).args(["--example", "simulate", "--"]);
    command
}
