//! `test`: everything a change must pass, in the order that fails soonest, each step with its own output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::bootstrap::{self, Need};
use crate::steps::{Journal, cargo};
use crate::{python, simulation, target, widget};

/// Whether the browser tests are part of the run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Browser {
    Tested,
    LeftOut,
}

/// Runs every check and test; the first failing step ends the run.
///
/// # Errors
/// When a tool is missing or a step fails, naming it and how to run it alone.
pub(crate) fn run(root: &Path, browser: Browser) -> Result<()> {
    let need = match browser {
        Browser::Tested => Need::Browser,
        Browser::LeftOut => Need::Build,
    };
    let mut journal = Journal::begin();
    journal.step("tools", "cargo xtask bootstrap", || bootstrap::run(root, need))?;
    journal.command("format", cargo(root).args(["fmt", "--all", "--check"]))?;
    templates(root, &mut journal)?;
    journal.command("lints", cargo(root).args(LINTS))?;
    journal.command("lints of the widget as WebAssembly", cargo(root).args(WIDGET_LINTS))?;
    install(&root.join("tests/independent"), "npm packages of the independent OAuth server", &mut journal)?;
    journal.command("programs and tests", cargo(root).args(BUILD))?;
    journal.command("unit tests, stories, house", cargo(root).args(["test", "--locked", "--workspace", "--no-fail-fast"]))?;
    simulation::check(root, &mut journal)?;
    let dist = journal.step("widget", "cargo xtask widget", || widget::build(root))?;
    journal.step("widget size", "cargo xtask size", || widget::size(root))?;
    if browser == Browser::Tested {
        browse(root, &dist, &mut journal)?;
    }
    journal.close();
    Ok(())
}

/// Every program and every test, in one go: of a part of them cargo would enable fewer features, and compile AWS's clients once more.
const BUILD: [&str; 5] = ["build", "--locked", "--workspace", "--bins", "--tests"];
/// One example of the workspace, built with every package's features, so that nothing is compiled once more for it alone.
const MAILS: [&str; 5] = ["build", "--locked", "--workspace", "--example", "mails"];
const LINTS: [&str; 9] =
    ["clippy", "--locked", "--workspace", "--all-targets", "--features", "system-tests/simulation", "--", "-D", "warnings"];
const WIDGET_LINTS: [&str; 9] = ["clippy", "--locked", "-p", "widget", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"];

/// Lints the templates of the cloud, and creates them on an emulated AWS.
fn templates(root: &Path, journal: &mut Journal) -> Result<()> {
    let wanted = root.join("infra/check/requirements.txt");
    let python = python::environment("the templates' checks", &wanted, &target(root).join("infra"), journal)?;
    let mut lint = Command::new(python.with_file_name("cfn-lint"));
    journal.command("lints of the templates", lint.args(["-t", "infra/template.yaml", "infra/data.yaml"]).current_dir(root))?;
    journal.command("templates on an emulated AWS", Command::new(&python).arg("infra/check/create.py").current_dir(root))
}

/// Drives the demonstration portal in a real browser, one file at a time.
fn browse(root: &Path, dist: &Path, journal: &mut Journal) -> Result<()> {
    let folder = root.join("tests/browser");
    install(&folder, "npm packages of the browser tests", journal)?;
    let tests = test_files(&folder)?;
    let runner = target(root).join("debug/runner");
    let mails = target(root).join("debug/examples/mails");
    journal.command("mails to look at", cargo(root).args(MAILS))?;
    let chromium = bootstrap::chromium().context("chromium was found before and is gone")?;
    let variables = [
        ("EVERGRANT_RUNNER", runner.as_path()),
        ("EVERGRANT_MAILS", mails.as_path()),
        ("EVERGRANT_WIDGET", dist),
        ("EVERGRANT_CHROMIUM", chromium.as_path()),
    ];
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1"]).args(tests).envs(variables).current_dir(&folder);
    journal.command("browser tests", &mut node)
}

/// Installs what the folder's lock file names, unless it is there already.
///
/// # Errors
/// When npm fails.
pub(crate) fn install(folder: &Path, step: &str, journal: &mut Journal) -> Result<()> {
    match is_installed(folder) {
        true => Ok(()),
        false => journal.command(step, Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder)),
    }
}

/// npm writes `node_modules/.package-lock.json` last, so one newer than the lock file means a finished installation of it.
fn is_installed(folder: &Path) -> bool {
    let written = |file: &str| fs::metadata(folder.join(file)).and_then(|metadata| metadata.modified());
    match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    }
}

/// The test files' names, sorted. Node 20 does not expand patterns itself.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let name = PathBuf::from(entry?.file_name());
        if name.to_string_lossy().ends_with(".test.mjs") {
            files.push(name);
        }
    }
    if files.is_empty() {
        bail!("no *.test.mjs in {}", folder.display());
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own under cargo's, emptied first.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a new folder");
        folder
    }

    #[test]
    fn test_files_are_found_sorted_and_nothing_else_is() {
        let folder = folder("found");
        for name in ["b.test.mjs", "a.test.mjs", "portal.mjs", "package.json"] {
            fs::write(folder.join(name), "").expect("a new file");
        }
        let found = test_files(&folder).expect("two files");
        fs::remove_dir_all(&folder).expect("the folder is ours");
        assert_eq!(found, [PathBuf::from("a.test.mjs"), PathBuf::from("b.test.mjs")]);
    }

    #[test]
    fn a_run_without_a_single_test_file_fails() {
        let folder = folder("empty");
        let error = test_files(&folder).expect_err("no file, no pass");
        fs::remove_dir_all(&folder).expect("the folder is ours");
        assert!(error.to_string().starts_with("no *.test.mjs in "), "{error}");
    }

    #[test]
    fn npm_packages_are_installed_only_when_their_own_lock_says_so() {
        let folder = folder("npm");
        fs::write(folder.join("package-lock.json"), "{}").expect("a new file");
        assert!(!is_installed(&folder));
        fs::create_dir(folder.join("node_modules")).expect("a new folder");
        assert!(!is_installed(&folder), "an interrupted installation");
        fs::write(folder.join("node_modules/.package-lock.json"), "{}").expect("a new file");
        assert!(is_installed(&folder));
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
