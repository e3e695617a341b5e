//! Builds the widget: Rust to WebAssembly, its glue, and what a browser loads, into `target/widget/dist`.
//!
//! ```text
//! cargo rustc -p widget ──► wasm-bindgen (library) ──► rename Yew's marks ──► build.mjs: wasm-opt, esbuild, manifest
//! ```
//!
//! Nothing is done when no input has changed: the inputs' sizes and times are compared with those of the last build.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// The most that a first load may weigh, script, WebAssembly and English texts together, compressed with Brotli.
const BROTLI_BYTES_MAX: u64 = 100 * 1024;
/// What decides whether there is anything to build, beside the folders of [`SOURCES`].
const INPUTS: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "rust-toolchain.toml",
    "widget/Cargo.toml",
    "widget/README.md",
    "widget/build.mjs",
    "widget/custom-elements.json",
    "widget/package-lock.json",
    "widget/package.json",
];
const SOURCES: [&str; 4] = ["domain/src", "widget/src", "widget/js", "xtask/src/widget.rs"];

/// Builds the widget, if anything has changed since the last build, and says where it is: `target/widget/dist`.
///
/// # Errors
/// When a tool is missing or fails; its own output says why.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let out = root.join("target/widget");
    let stamp = out.join("inputs");
    let inputs = fingerprint(root)?;
    let is_fresh = fs::read_to_string(&stamp).is_ok_and(|known| known == inputs);
    let dist = out.join("dist");
    if is_fresh && dist.join("manifest.json").exists() {
        return Ok(dist);
    }
    install(root)?;
    let module = compile(root)?;
    let bindgen = out.join("bindgen");
    bind(&module, &bindgen)?;
    rename_marks(&bindgen.join("widget.js"))?;
    let mut node = Command::new("node");
    node.arg("build.mjs").arg(&bindgen).arg(&dist);
    run(node.current_dir(root.join("widget")))?;
    fs::write(&stamp, inputs).with_context(|| format!("write {}", stamp.display()))?;
    Ok(dist)
}

/// Builds the widget and prints what a first load weighs.
///
/// # Errors
/// When the build fails, or when the widget is heavier than [`BROTLI_BYTES_MAX`].
pub(crate) fn size(root: &Path) -> Result<()> {
    let dist = build(root)?;
    let mut node = Command::new("node");
    node.arg("size.mjs").arg(dist).arg(BROTLI_BYTES_MAX.to_string());
    run(node.current_dir(root.join("widget")))
}

/// Path, size and time of every input: reading them all costs a millisecond.
fn fingerprint(root: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = INPUTS.iter().map(|path| root.join(path)).collect();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    let mut text = String::new();
    for file in files {
        let facts = fs::metadata(&file).with_context(|| format!("look at {}", file.display()))?;
        let changed = facts.modified()?.duration_since(std::time::UNIX_EPOCH)?.as_nanos();
        writeln!(text, "{} {} {changed}", file.display(), facts.len())?;
    }
    Ok(text)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("list {}", path.display()))? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

/// Installs the tools when they are missing or not those of the lock file; npm leaves its own copy of the lock behind.
fn install(root: &Path) -> Result<()> {
    let folder = root.join("widget");
    let time = |path: &str| fs::metadata(folder.join(path)).and_then(|facts| facts.modified());
    let is_installed = match (time("node_modules/.package-lock.json"), time("package-lock.json")) {
        (Ok(installed), Ok(wanted)) => installed >= wanted,
        _ => false,
    };
    if is_installed {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    run(npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder))
}

/// `cargo rustc --crate-type cdylib` and not `cargo build`: with two crate types, link-time optimisation would be off.
fn compile(root: &Path) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut cargo = Command::new("cargo");
    cargo.args(["rustc", "--locked", "--quiet", "--package", "widget", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--target", "wasm32-unknown-unknown", "--profile", "widget"]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", forget_paths(root)?.join("\u{1f}"));
    run(cargo.current_dir(root))?;
    Ok(target.join("wasm32-unknown-unknown/widget/widget.wasm"))
}

/// Panics name the source file: without this, the folders of whoever builds would be in the file that everybody loads.
fn forget_paths(root: &Path) -> Result<Vec<String>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).context("there is no home folder")?;
    let mut folders = vec![root.to_owned()];
    for registry in fs::read_dir(home.join("registry/src")).into_iter().flatten() {
        folders.push(registry?.path());
    }
    Ok(folders.iter().map(|folder| format!("--remap-path-prefix={}=", folder.display())).collect())
}

/// The library rather than the command line tool: its version is held by `Cargo.lock`.
fn bind(module: &Path, out: &Path) -> Result<()> {
    ensure!(module.exists(), "cargo made no {}", module.display());
    let _ = fs::remove_dir_all(out);
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen.input_path(module).web(true)?.typescript(false).omit_default_module_path(false);
    bindgen.generate(out).with_context(|| format!("make the glue of {}", module.display()))
}

/// Yew marks nodes and events with properties that every Yew program shares, and numbers its programs from 1: without other names, a
/// click in the widget would run a handler of a portal that is a Yew program itself.
fn rename_marks(glue: &Path) -> Result<()> {
    let text = fs::read_to_string(glue).with_context(|| format!("read {}", glue.display()))?;
    let renamed = text.replace("__yew_", "__eg_");
    if renamed == text {
        bail!("{} holds none of Yew's marks: its glue has changed, look at what it marks now", glue.display());
    }
    fs::write(glue, renamed).with_context(|| format!("write {}", glue.display()))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
