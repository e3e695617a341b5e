//! `bench start`: builds the functions as they are released, installs the peers, and measures how each starts. `bench bill`: counts what a
//! deployment uses of AWS.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use crate::bootstrap::{self, Need};
use crate::steps::{Journal, cargo};
use crate::{contest, target};

/// The functions that are released.
const FUNCTIONS: [&str; 6] = ["token-check", "attribute-sync", "photo-sync", "change-events", "notify", "portal-api"];

/// Measures starts.
///
/// # Errors
/// The failing step's.
pub(crate) fn start(root: &Path) -> Result<()> {
    bootstrap::run(root, Need::Build)?;
    let mut journal = Journal::begin();
    let mut build = cargo(root);
    build.args(["build", "--locked", "--release", "--bins"]).args(FUNCTIONS.iter().flat_map(|name| ["--package", name]));
    journal.command("the functions, as they are released", &mut build)?;
    let python = contest::peers(root, &mut journal)?;
    let mut command = cargo(root);
    command.args(["bench", "--locked", "-p", "system-tests", "--bench", "start", "--", "--functions"]).arg(target(root).join("release"));
    journal.command("starts, beside the peers'", command.arg("--python").arg(python).args(["--node", "node"]))?;
    journal.close();
    Ok(())
}

/// Counts the bill.
///
/// # Errors
/// The failing step's.
pub(crate) fn bill(root: &Path, options: &[OsString]) -> Result<()> {
    bootstrap::run(root, Need::Build)?;
    let mut journal = Journal::begin();
    let mut command = cargo(root);
    command.args(["bench", "--locked", "-p", "system-tests", "--bench", "bill", "--"]).args(options);
    journal.command("the bill", &mut command)?;
    journal.close();
    Ok(())
}
