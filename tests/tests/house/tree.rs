//! Reads the tree as git would keep it: what `.gitignore` leaves out is not there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ignore::WalkBuilder;

use crate::Offence;

/// A text file; its path begins at the workspace's folder.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.path.file_name().is_some_and(|own| own == name)
    }
}

/// Every text file, read once.
pub(crate) fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let paths = walk(None).into_iter().filter(|path| root().join(path).is_file());
        // What is not UTF-8 is a picture or the like.
        paths.filter_map(|path| Some(File { text: fs::read_to_string(root().join(&path)).ok()?, path })).collect()
    })
}

/// The names at the top of the tree.
pub(crate) fn top_level() -> Vec<PathBuf> {
    walk(Some(1))
}

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the tests live in the workspace")
}

fn walk(depth_max: Option<usize>) -> Vec<PathBuf> {
    let mut walk = WalkBuilder::new(root());
    walk.hidden(false).parents(false).git_global(false).git_exclude(false).require_git(false).max_depth(depth_max);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    let entries = walk.build().map(|entry| entry.expect("the tree can be read").into_path());
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|path| Some(path.strip_prefix(root()).ok()?.to_path_buf())).filter(|path| path != Path::new("")).collect();
    paths.sort();
    paths
}

const ROOMS: [&str; 8] = ["README.md", "domain", "functions", "widget", "local", "tests", "infra", "xtask"];
const FURNITURE: [&str; 7] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rustfmt.toml", "clippy.toml", "LICENSE-APACHE", "LICENSE-MIT"];

/// What stands at the top of the tree without a place there.
pub(crate) fn strangers_at_the_top(names: &[PathBuf]) -> Vec<Offence> {
    let is_known = |name: &str| name.starts_with('.') || ROOMS.contains(&name) || FURNITURE.contains(&name);
    let strangers = names.iter().filter(|name| !is_known(&name.to_string_lossy()));
    strangers.map(|name| Offence::new(name, 1, format!("has no place at the top: {}", ROOMS.join(" ")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_at_the_top_is_seen() {
        let names = ["domain", ".gitignore", "Cargo.lock", "scripts"].map(PathBuf::from);
        let offences = strangers_at_the_top(&names);
        assert_eq!(offences.len(), 1);
        assert_eq!(offences[0].path, Path::new("scripts"));
    }

    #[test]
    fn the_tree_holds_sources_and_nothing_that_was_built() {
        assert!(files().iter().any(|file| file.path == Path::new("tests/tests/house/tree.rs")));
        assert!(files().iter().all(|file| !file.path.starts_with("target") && !file.path.starts_with(".git/")));
    }
}
