//! `bench sync`: installs the peers, which others would write, and runs them beside our own sync.
//!
//! Python's packages go into a virtual environment below cargo's target folder, Node's beside the peer. Nothing is installed that is
//! there already, nor where `--only ours` leaves the peers out.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::bootstrap::{self, Need};
use crate::check::install;
use crate::steps::{Journal, cargo};
use crate::{python, target};

/// What is measured where nothing is chosen.
const SIZES: &str = "20000,200000";

/// Installs what is missing and hands the options over.
///
/// # Errors
/// The failing step's.
pub(crate) fn run(root: &Path, options: &[OsString]) -> Result<()> {
    bootstrap::run(root, Need::Build)?;
    let mut journal = Journal::begin();
    let mut command = cargo(root);
    command.args(["bench", "--locked", "-p", "system-tests", "--bench", "sync", "--"]);
    if !has(options, "--people") {
        command.args(["--people", SIZES]);
    }
    if !is_ours_alone(options) {
        let python = peers(root, &mut journal)?;
        command.arg("--python").arg(python).args(["--node", "node"]);
    }
    journal.command("the sync and its peers", command.args(options))?;
    journal.close();
    Ok(())
}

/// Installs what the peers run on; answers their Python.
///
/// # Errors
/// The failing step's.
pub(crate) fn peers(root: &Path, journal: &mut Journal) -> Result<PathBuf> {
    let wanted = root.join("tests/peers/python/requirements.txt");
    let python = python::environment("the peers", &wanted, &target(root).join("peers/python"), journal)?;
    install(&root.join("tests/peers/node"), "npm packages of the peers", journal)?;
    Ok(python)
}

fn has(options: &[OsString], name: &str) -> bool {
    options.iter().any(|option| option == name)
}

fn is_ours_alone(options: &[OsString]) -> bool {
    options.windows(2).any(|pair| pair == [OsStr::new("--only"), OsStr::new("ours")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn peers_are_left_out_where_ours_alone_is_asked_for() {
        assert!(is_ours_alone(&options("--people 500000 --only ours")));
        assert!(!is_ours_alone(&options("--only ours,node")));
        assert!(!is_ours_alone(&options("--people 500000")));
    }

    #[test]
    fn sizes_are_chosen_or_the_usual_ones() {
        assert!(has(&options("--people 500000"), "--people"));
        assert!(!has(&options("--wait 250"), "--people"));
    }
}
