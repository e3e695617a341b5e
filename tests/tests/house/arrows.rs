//! Who may depend on whom. The plan below is the house's floor plan, lowest first.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::Offence;
use crate::tree::{File, root};

/// Each package with the packages of ours it may name in any of its dependency tables, those of tests included.
const PLAN: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("adapters", &["domain"]),
    ("token-check", FUNCTION),
    ("attribute-sync", FUNCTION),
    ("change-events", FUNCTION),
    ("photo-sync", FUNCTION),
    ("portal-api", FUNCTION),
    ("notify", FUNCTION),
    ("evergrant", FUNCTION),
    ("widget", &["domain"]),
    ("entra-simulator", &[]),
    (
        "runner",
        &["domain", "adapters", "token-check", "attribute-sync", "change-events", "photo-sync", "portal-api", "notify", "entra-simulator"],
    ),
    (
        "system-tests",
        &[
            "domain",
            "adapters",
            "token-check",
            "attribute-sync",
            "change-events",
            "photo-sync",
            "portal-api",
            "notify",
            "evergrant",
            "widget",
            "entra-simulator",
            "runner",
        ],
    ),
    ("xtask", &[]),
];
const FUNCTION: &[&str] = &["domain", "adapters"];

/// The one package that is not named like its folder, because `tests` is what people look for.
const EXCEPTION: (&str, &str) = ("tests", "system-tests");

/// What `domain` may use: time arithmetic, shapes, likeness of texts, errors, URLs, ids. None of them does IO as it is used here.
const DOMAIN_MAY_USE: &[&str] = &["jiff", "serde", "strsim", "thiserror", "url", "utoipa", "uuid"];

/// A package of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) license: Option<String>,
    pub(crate) uses: Vec<Use>,
}

/// A line of a dependency table.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub(crate) name: String,
    pub(crate) is_ours: bool,
    pub(crate) is_for_tests: bool,
    pub(crate) line: usize,
}

/// The packages as `cargo metadata` tells them, without asking a registry.
pub(crate) fn rooms() -> Vec<Room> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo metadata");
    metadata.packages.into_iter().map(room).collect()
}

fn room(package: cargo_metadata::Package) -> Room {
    let text = std::fs::read_to_string(&package.manifest_path).expect("a manifest can be read");
    let uses = package.dependencies.into_iter().map(|dependency| Use {
        line: line_of(&text, &dependency.name),
        is_ours: dependency.path.is_some(),
        is_for_tests: dependency.kind == DependencyKind::Development,
        name: dependency.name,
    });
    let manifest = package.manifest_path.as_std_path();
    Room {
        name: package.name.to_string(),
        manifest: manifest.strip_prefix(root()).unwrap_or(manifest).to_path_buf(),
        license: package.license,
        uses: uses.collect(),
    }
}

fn line_of(manifest: &str, name: &str) -> usize {
    let is_it = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    manifest.lines().position(is_it).map_or(1, |index| index + 1)
}

/// Arrows the plan does not have, and packages it does not know.
pub(crate) fn against_the_plan(rooms: &[Room]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for room in rooms {
        let Some((_, allowed)) = PLAN.iter().find(|(name, _)| *name == room.name) else {
            let what = format!("`{}` is not in the plan: add it to PLAN in {} with the packages it may use", room.name, file!());
            offences.push(Offence::new(&room.manifest, 1, what));
            continue;
        };
        for arrow in room.uses.iter().filter(|arrow| arrow.is_ours && !allowed.contains(&arrow.name.as_str())) {
            let may = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
            let what = format!("`{}` may not use `{}`, only {may}", room.name, arrow.name);
            offences.push(Offence::new(&room.manifest, arrow.line, what));
        }
    }
    offences
}

/// Packages whose folder has another name.
pub(crate) fn misnamed(rooms: &[Room]) -> Vec<Offence> {
    let folder = |room: &Room| room.manifest.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
    let is_fine = |room: &Room| {
        let folder = folder(room);
        (folder.as_str(), room.name.as_str()) == EXCEPTION || folder.rsplit('/').next() == Some(room.name.as_str())
    };
    let wrong = rooms.iter().filter(|room| !is_fine(room));
    wrong.map(|room| Offence::new(&room.manifest, 1, format!("package `{}` lives in folder `{}`", room.name, folder(room)))).collect()
}

/// Manifests that no `cargo test --workspace` would ever build.
pub(crate) fn left_out(members: &[PathBuf], files: &[File]) -> Vec<Offence> {
    let manifests = files.iter().filter(|file| file.is_named("Cargo.toml") && file.path != Path::new("Cargo.toml"));
    let strays = manifests.filter(|file| !members.contains(&file.path));
    strays.map(|file| Offence::new(&file.path, 1, "is not among the workspace's members in Cargo.toml")).collect()
}

/// Crates in `domain` beyond the agreed few; what only its tests use is free.
pub(crate) fn unexpected_in_domain(rooms: &[Room]) -> Vec<Offence> {
    let domain = rooms.iter().filter(|room| room.name == "domain");
    let uses = domain.flat_map(|room| room.uses.iter().map(move |used| (room, used)));
    let strange = uses.filter(|(_, used)| !used.is_for_tests && !DOMAIN_MAY_USE.contains(&used.name.as_str()));
    let what = |name: &str| format!("`domain` may not use `{name}`, only {}", DOMAIN_MAY_USE.join(", "));
    strange.map(|(room, used)| Offence::new(&room.manifest, used.line, what(&used.name))).collect()
}

/// The widget's graph for the browser, a crate a line, each after its depth. Yew itself is left out: it reaches serde_json, calls
/// nothing of it, and the linker drops it; the widget's size cap holds that.
pub(crate) fn widget_graph() -> String {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(root()).args(["tree", "--locked", "--package", "widget", "--target", "wasm32-unknown-unknown"]);
    tree.args(["--edges", "normal,no-proc-macro", "--prune", "yew", "--prefix", "depth", "--format", " {p}"]);
    let output = tree.output().expect("cargo tree starts");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
}

/// Ways by which serde_json comes to the browser, where `JSON.parse` already is.
pub(crate) fn json_in_the_widget(graph: &str) -> Vec<Offence> {
    let mut way: Vec<&str> = Vec::new();
    let mut offences = Vec::new();
    for line in graph.lines() {
        let mut words = line.split_whitespace();
        let (Some(depth), Some(name)) = (words.next().and_then(|depth| depth.parse().ok()), words.next()) else { continue };
        way.truncate(depth);
        way.push(name);
        if name == "serde_json" {
            offences.push(Offence::new("widget/Cargo.toml", 1, format!("serde_json reaches the browser: {}", way.join(" -> "))));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, said};

    fn room(name: &str, manifest: &str, uses: &[&str]) -> Room {
        let uses = uses.iter().map(|name| Use { name: (*name).to_owned(), is_ours: true, is_for_tests: true, line: 7 });
        Room { name: name.to_owned(), manifest: manifest.into(), license: None, uses: uses.collect() }
    }

    #[test]
    fn the_plan_itself_has_no_arrow_up_and_so_no_circle() {
        for (index, (name, allowed)) in PLAN.iter().enumerate() {
            for lower in *allowed {
                assert!(PLAN[..index].iter().any(|(known, _)| known == lower), "{name} -> {lower}");
            }
        }
    }

    #[test]
    fn an_arrow_up_is_seen() {
        let rooms = [room("domain", "domain/Cargo.toml", &["adapters"]), room("widget", "widget/Cargo.toml", &["domain", "runner"])];
        let expected = ["7: `domain` may not use `adapters`, only nothing of ours", "7: `widget` may not use `runner`, only domain"];
        assert_eq!(said(&against_the_plan(&rooms)), expected);
    }

    #[test]
    fn a_package_without_a_place_in_the_plan_is_told_where_to_get_one() {
        let offences = against_the_plan(&[room("billing", "functions/billing/Cargo.toml", &[])]);
        assert!(offences[0].what.starts_with("`billing` is not in the plan: add it to PLAN in "), "{offences:?}");
    }

    #[test]
    fn a_package_named_unlike_its_folder_is_seen() {
        let rooms = [
            room("system-tests", "tests/Cargo.toml", &[]),
            room("adapters", "functions/adapters/Cargo.toml", &[]),
            room("rules", "domain/Cargo.toml", &[]),
        ];
        assert_eq!(said(&misnamed(&rooms)), ["1: package `rules` lives in folder `domain`"]);
    }

    #[test]
    fn a_package_outside_the_workspace_is_seen() {
        let files = [example("Cargo.toml", ""), example("domain/Cargo.toml", ""), example("functions/notify/Cargo.toml", "")];
        let offences = left_out(&["domain/Cargo.toml".into()], &files);
        assert_eq!(offences, [Offence::new("functions/notify/Cargo.toml", 1, "is not among the workspace's members in Cargo.toml")]);
    }

    #[test]
    fn a_crate_in_domain_that_could_do_io_is_seen_unless_only_tests_use_it() {
        let uses = |is_for_tests| vec![Use { name: "tokio".into(), is_ours: false, is_for_tests, line: 9 }];
        let domain = |uses| [Room { uses, ..room("domain", "domain/Cargo.toml", &[]) }];
        assert_eq!(said(&unexpected_in_domain(&domain(uses(true)))), [""; 0]);
        assert_eq!(unexpected_in_domain(&domain(uses(false))).len(), 1);
    }

    #[test]
    fn the_way_of_a_json_parser_to_the_browser_is_told() {
        let graph = "0 widget v0.1.0\n1 domain v0.1.0\n2 serde v1.0.0\n1 gloo-net v0.6.0\n2 serde_json v1.0.0\n";
        assert_eq!(said(&json_in_the_widget(graph)), ["1: serde_json reaches the browser: widget -> gloo-net -> serde_json"]);
    }

    #[test]
    fn a_dependency_is_found_on_its_line() {
        let manifest = "[dependencies]\nserde_json.workspace = true\nserde = { workspace = true }\n";
        assert_eq!((line_of(manifest, "serde"), line_of(manifest, "serde_json"), line_of(manifest, "tokio")), (3, 2, 1));
    }
}
