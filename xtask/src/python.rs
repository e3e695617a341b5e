//! Python programs, each kind in a virtual environment of its own under cargo's folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::bootstrap;
use crate::steps::Journal;

/// What Debian calls a Python that can make environments.
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// A Python that has exactly what `wanted` lists, in `folder`: made anew when the list changed. `whose` names it in the journal.
///
/// # Errors
/// When there is no Python and none may be installed, or when a package cannot be.
pub(crate) fn environment(whose: &str, wanted: &Path, folder: &Path, journal: &mut Journal) -> Result<PathBuf> {
    let (python, installed) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let list = fs::read_to_string(wanted).with_context(|| format!("reading {}", wanted.display()))?;
    if fs::read_to_string(&installed).is_ok_and(|known| known == list) {
        return Ok(python);
    }
    if !can_make_environments() {
        bootstrap::install_if_allowed(&PACKAGES).context("Python 3.11 or newer with venv is missing")?;
    }
    let name = format!("Python's virtual environment of {whose}");
    journal.command(&name, Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]).arg(wanted);
    journal.command(&format!("Python packages of {whose}"), &mut pip)?;
    // Written last: one that is there means a finished installation.
    fs::write(&installed, list).with_context(|| format!("writing {}", installed.display()))?;
    Ok(python)
}

/// Debian keeps what an environment begins with in a package of its own.
fn can_make_environments() -> bool {
    let output = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    output.is_ok_and(|output| output.status.success())
}
