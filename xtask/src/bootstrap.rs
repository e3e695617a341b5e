//! Makes sure the tools are there: installs what may be installed without asking, names the rest in one error.
//!
//! Cheap when nothing is missing: files are looked for, and only `node --version` is run.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::steps::checked;

/// The oldest Node whose test runner the browser tests can use.
const NODE_MIN: u32 = 20;
const CHROMIUM_PACKAGES: [&str; 3] = ["chromium", "fonts-noto-core", "fonts-noto-cjk"];
const CHROMIUM_PLACES: [&str; 6] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// How much of the bootstrap a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Rust for this machine and for WebAssembly, Node, npm, a C compiler.
    Build,
    /// All that, and a browser with fonts for the scripts of the tests.
    Browser,
}

/// Installs what is missing, as far as that may be done without asking.
///
/// # Errors
/// One error that lists everything still missing, each with what to do about it.
pub(crate) fn run(root: &Path, need: Need) -> Result<()> {
    let mut checks = vec![rust(root), compiler(), node(), npm()];
    if need == Need::Browser {
        checks.push(browser());
    }
    let faults: Vec<String> = checks.into_iter().flatten().collect();
    match listed(&faults) {
        Some(text) => bail!("{text}"),
        None => Ok(()),
    }
}

/// The browser the tests drive: `EVERGRANT_CHROMIUM`, else the first one installed in a usual place.
pub(crate) fn chromium() -> Option<PathBuf> {
    match env::var_os("EVERGRANT_CHROMIUM") {
        Some(chosen) => Some(PathBuf::from(chosen)).filter(|path| path.is_file()),
        None => CHROMIUM_PLACES.iter().map(PathBuf::from).find(|path| path.is_file()),
    }
}

/// The components and targets of `rust-toolchain.toml`, which cargo does not miss until it needs them.
fn rust(root: &Path) -> Option<String> {
    if is_rust_complete() {
        return None;
    }
    if find("rustup").is_none() {
        return Some("the Rust toolchain lacks wasm32-unknown-unknown, clippy or rustfmt, and rustup is missing: https://rustup.rs".into());
    }
    // RUSTUP_TOOLCHAIN, which rustup sets for us, would hide the components and targets of rust-toolchain.toml.
    let mut rustup = Command::new("rustup");
    rustup.args(["toolchain", "install", "--no-self-update"]).current_dir(root).env_remove("RUSTUP_TOOLCHAIN");
    match checked(&mut rustup) {
        Err(error) => Some(format!("the Rust toolchain is incomplete: {error:#}")),
        Ok(()) if is_rust_complete() => None,
        Ok(()) => {
            Some("this runs on another toolchain than rust-toolchain.toml names: leave out `+toolchain`, unset RUSTUP_TOOLCHAIN".into())
        }
    }
}

/// Looked for beside the cargo that runs us; a process for each would cost more than the rest of a warm start.
fn is_rust_complete() -> bool {
    let Some(cargo) = env::var_os("CARGO").map(PathBuf::from) else {
        return false;
    };
    let Some(toolchain) = cargo.parent().and_then(Path::parent) else {
        return false;
    };
    ["lib/rustlib/wasm32-unknown-unknown", "bin/cargo-clippy", "bin/cargo-fmt"].iter().all(|part| toolchain.join(part).exists())
}

/// Cryptography and the embedded database are partly C.
fn compiler() -> Option<String> {
    match env::var_os("CC").is_some() || find("cc").is_some() {
        true => None,
        false => Some("a C compiler is missing: sudo apt-get install -y gcc libc6-dev".into()),
    }
}

fn node() -> Option<String> {
    let answer = Command::new("node").arg("--version").output().ok();
    let version = answer.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    judge_node(version.as_deref())
}

fn judge_node(version: Option<&str>) -> Option<String> {
    let Some(version) = version else {
        return Some(format!("node is missing: install Node {NODE_MIN} or newer from https://nodejs.org"));
    };
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE_MIN => None,
        _ => Some(format!("node is {version:?}: install Node {NODE_MIN} or newer from https://nodejs.org")),
    }
}

fn npm() -> Option<String> {
    match find("npm") {
        Some(_) => None,
        None => Some(format!("npm is missing: it comes with Node {NODE_MIN} from https://nodejs.org")),
    }
}

/// Installs Chromium with its fonts where that takes no question: as root on Debian and its kin.
fn browser() -> Option<String> {
    if chromium().is_some() {
        return None;
    }
    if let Some(chosen) = env::var_os("EVERGRANT_CHROMIUM") {
        return Some(format!("EVERGRANT_CHROMIUM names {}, which is not there", Path::new(&chosen).display()));
    }
    let packages = CHROMIUM_PACKAGES.join(" ");
    if find("apt-get").is_none() {
        return Some("Chromium is missing: install it and set EVERGRANT_CHROMIUM to its path".into());
    }
    if !is_root() {
        return Some(format!("Chromium is missing: sudo apt-get install -y --no-install-recommends {packages}"));
    }
    match install(&CHROMIUM_PACKAGES) {
        Ok(()) if chromium().is_some() => None,
        Ok(()) => Some("the package chromium holds no browser here: install one and set EVERGRANT_CHROMIUM to its path".into()),
        Err(error) => Some(format!("Chromium is missing, and `apt-get install {packages}` did not bring it: {error:#}")),
    }
}

/// Installs packages where that takes no question: as root on Debian and its kin.
///
/// # Errors
/// What to type, where it may not be done; what failed, where it was tried.
pub(crate) fn install_if_allowed(packages: &[&str]) -> Result<()> {
    match find("apt-get").is_some() && is_root() {
        true => install(packages),
        false => bail!("sudo apt-get install -y --no-install-recommends {}", packages.join(" ")),
    }
}

fn install(packages: &[&str]) -> Result<()> {
    // Someone else's unattended upgrade may hold the lock for a while.
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "DPkg::Lock::Timeout=300"]);
        command
    };
    checked(apt().arg("update"))?;
    checked(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

fn listed(faults: &[String]) -> Option<String> {
    match faults {
        [] => None,
        faults => Some(format!("this machine is not ready:\n  - {}", faults.join("\n  - "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_or_missing_or_odd_node_is_named_with_what_to_do() {
        assert_eq!(judge_node(Some("v20.0.0")), None);
        assert_eq!(judge_node(Some("v24.1.3")), None);
        for (version, start) in [(Some("v18.19.1"), "node is \"v18.19.1\""), (Some(""), "node is \"\""), (None, "node is missing")] {
            let fault = judge_node(version).expect("not fit");
            assert!(fault.starts_with(start), "{fault}");
            assert!(fault.contains("install Node 20 or newer"), "{fault}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = ["node is missing".to_owned(), "npm is missing".to_owned()];
        assert_eq!(listed(&faults).as_deref(), Some("this machine is not ready:\n  - node is missing\n  - npm is missing"));
        assert_eq!(listed(&[]), None);
    }

    #[test]
    fn a_program_is_found_only_where_it_is() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-at-all"), None);
    }
}
