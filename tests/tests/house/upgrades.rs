//! What outlives a release: every kind of item has a fixture of an earlier one.

use std::collections::BTreeMap;

use system_tests::earlier::{self, KINDS};

use crate::Offence;
use crate::tree::File;

const STORE: &str = "functions/adapters/src/store";
/// How an item's version is written, and nothing else.
const WRITES: &str = "number(VERSION)";
/// Where a take only compares it.
const COMPARES: &str = "\":version\"";

/// Modules of the store that write other kinds of items than there are fixtures of. Whoever writes an item writes its version, once a kind.
pub(crate) fn without_fixture(files: &[File]) -> Vec<Offence> {
    let mut kinds = BTreeMap::<String, usize>::new();
    for (kind, _) in KINDS {
        *kinds.entry(kind.split('.').next().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with(STORE) && file.is_rust() && !file.is_named("item.rs")) {
        let module = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (written, known) = (writes(&file.text), kinds.remove(&module).unwrap_or_default());
        if written != known {
            let what = format!("writes {written} kinds of items, and {known} of them are in `earlier::KINDS`, with a fixture of each");
            offences.push(Offence::new(&file.path, 1, what));
        }
    }
    offences.extend(kinds.keys().map(|module| Offence::new(STORE, 1, format!("there is no module {module}, and fixtures of it"))));
    for (kind, _) in KINDS {
        if !earlier::folder().join(format!("{kind}.json")).exists() {
            offences.push(Offence::new(
                "tests/fixtures/items-1",
                1,
                format!("no fixture of {kind}: cargo run -p system-tests --example items"),
            ));
        }
    }
    offences
}

/// How often the code of a file, without its tests, writes a version.
fn writes(text: &str) -> usize {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| line.contains(WRITES) && !line.contains(COMPARES)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, said};

    #[test]
    fn a_new_kind_of_item_needs_a_fixture() {
        let text = "fn put() { request.item(\"v\", number(VERSION)) }\n#[cfg(test)]\nmod tests { const V: X = number(VERSION); }";
        let offences = without_fixture(&[example("functions/adapters/src/store/ledger.rs", text)]);
        assert_eq!(said(&offences)[0], "1: writes 1 kinds of items, and 0 of them are in `earlier::KINDS`, with a fixture of each");
        assert!(said(&offences).iter().any(|said| said.contains("there is no module walks")), "a module that is gone is noticed");
    }
}
