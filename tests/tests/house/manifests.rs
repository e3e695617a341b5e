//! What manifests and lock files say: what a dependency is for, where it comes from, under which licence we stand.

use std::path::Path;

use crate::Offence;
use crate::arrows::Room;
use crate::tree::File;

const LICENSE: &str = "MIT OR Apache-2.0";

/// Dependencies without a comment on their line. One taken from the workspace's table is explained there; one of ours explains itself.
pub(crate) fn unexplained(file: &File) -> Vec<Offence> {
    if !file.is_named("Cargo.toml") {
        return Vec::new();
    }
    let mut offences = Vec::new();
    let mut is_table = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            is_table = line.trim_end().ends_with("dependencies]");
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| is_table && !line.starts_with('#')) else { continue };
        let is_elsewhere = line.contains("workspace = true") || value.contains("path =");
        if !is_elsewhere && line.rsplit_once(" # ").is_none_or(|(_, comment)| comment.trim().is_empty()) {
            offences.push(Offence::new(&file.path, index + 1, format!("`{}` does not say what it is for: `... # why`", name.trim())));
        }
    }
    offences
}

/// Packages, or settings that would bring packages, from anywhere but the registries that the clients know by themselves. Lock files of
/// npm name no address at all, those of cargo one registry for all packages.
pub(crate) fn private_registries(file: &File) -> Vec<Offence> {
    let first = file.text.lines().find_map(|line| value_of(line, "source = "));
    let is_private = |line: &str| match file.path.file_name().and_then(|name| name.to_str()) {
        Some("Cargo.lock") => value_of(line, "source = ").is_some_and(|source| !source.starts_with("registry+") || Some(source) != first),
        Some("package-lock.json") => value_of(line, "\"resolved\": ").is_some_and(|url| url.contains(':')),
        Some(".npmrc") => line.contains("registry"),
        Some("config.toml") => line.starts_with("[source") || line.starts_with("[registr"),
        _ => false,
    };
    let lines = file.text.lines().enumerate().filter(|(_, line)| is_private(line));
    lines.map(|(index, line)| Offence::new(&file.path, index + 1, format!("names where packages come from: {}", line.trim()))).collect()
}

fn value_of<'line>(line: &'line str, key: &str) -> Option<&'line str> {
    line.trim().strip_prefix(key).map(|value| value.trim_end_matches(',').trim_matches('"'))
}

/// Licence texts that are missing, and packages of ours, for cargo or published on npm, that name another licence.
pub(crate) fn unlicensed(rooms: &[Room], files: &[File]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, title) in [("LICENSE-MIT", "MIT License"), ("LICENSE-APACHE", "Apache License")] {
        let file = files.iter().find(|file| file.path == Path::new(path));
        if !file.is_some_and(|file| file.text.trim_start().starts_with(title)) {
            offences.push(Offence::new(path, 1, format!("is not the {title}")));
        }
    }
    for room in rooms.iter().filter(|room| room.license.as_deref() != Some(LICENSE)) {
        offences.push(Offence::new(&room.manifest, 1, format!("does not say license = {LICENSE:?}")));
    }
    for file in files.iter().filter(|file| file.is_named("package.json")) {
        let package: serde_json::Value = serde_json::from_str(&file.text).unwrap_or_default();
        let is_private = package.get("private").is_some_and(|private| private == true);
        if !is_private && package.get("license").is_none_or(|license| license != LICENSE) {
            offences.push(Offence::new(&file.path, 1, format!("does not say \"license\": {LICENSE:?}")));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, said};

    #[test]
    fn a_dependency_that_does_not_say_what_it_is_for_is_seen() {
        let text = "[package]\nname = \"domain\"\n[workspace.dependencies]\n# Time.\njiff = \"0.2\" # points in time\nurl = { version = \"2\" }\n\
                    domain = { path = \"domain\" }\n[dev-dependencies]\nserde.workspace = true\nrand = \"0.9\"\n";
        let expected = ["6: `url` does not say what it is for: `... # why`", "10: `rand` does not say what it is for: `... # why`"];
        assert_eq!(said(&unexplained(&example("domain/Cargo.toml", text))), expected);
    }

    #[test]
    fn a_package_from_a_private_registry_is_seen() {
        let cases = [
            ("Cargo.lock", "source = \"registry+https://one.example/index\"\nsource = \"git+https://one.example/x\""),
            ("Cargo.lock", "source = \"registry+https://one.example/index\"\nsource = \"registry+https://two.example/index\""),
            ("a/package-lock.json", "\"version\": \"1.0.0\",\n\"resolved\": \"https://npm.example/a.tgz\","),
            ("a/.npmrc", "fund=false\nregistry=https://npm.example/"),
            (".cargo/config.toml", "[alias]\n[source.crates-io]"),
        ];
        for (path, text) in cases {
            let offences = private_registries(&example(path, text));
            assert_eq!(offences.iter().map(|offence| offence.line).collect::<Vec<_>>(), [2], "{path}: {offences:?}");
        }
    }

    #[test]
    fn a_missing_or_other_licence_is_seen() {
        let mut room =
            Room { name: "domain".into(), manifest: "domain/Cargo.toml".into(), license: Some(LICENSE.into()), uses: Vec::new() };
        let mut files = vec![
            example("LICENSE-MIT", "MIT License\n"),
            example("LICENSE-APACHE", "  Apache License\n"),
            example("widget/package.json", "{\"license\": \"MIT OR Apache-2.0\"}"),
        ];
        assert_eq!(said(&unlicensed(std::slice::from_ref(&room), &files)), [""; 0]);
        room.license = None;
        files[1].text = "All rights reserved".into();
        files[2].text = "{\"license\": \"ISC\"}".into();
        let expected = [
            "1: is not the Apache License",
            "1: does not say license = \"MIT OR Apache-2.0\"",
            "1: does not say \"license\": \"MIT OR Apache-2.0\"",
        ];
        assert_eq!(said(&unlicensed(&[room], &files)), expected);
    }
}
