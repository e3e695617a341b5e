//! What sources reach for: the outside from `domain`, the clock from tests.

use proc_macro2::{TokenStream, TokenTree};
use syn::UseTree;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::Offence;
use crate::sources::{is_test, is_test_file};
use crate::tree::File;

/// What `domain` gets as an argument, or does not need. A crate's name counts at the beginning of a path, the rest anywhere in it.
const OUTSIDE: &[(&str, &str)] = &[
    ("std::env", "IO"),
    ("std::fs", "IO"),
    ("std::io", "IO"),
    ("std::net", "IO"),
    ("std::process", "IO"),
    ("std::thread", "IO"),
    ("tokio", "IO"),
    ("reqwest", "IO"),
    ("Instant", "the clock"),
    ("SystemTime", "the clock"),
    ("Timestamp::now", "the clock"),
    ("Zoned::now", "the clock"),
    ("Uuid::now_v7", "the clock"),
    ("Uuid::new_v4", "chance"),
    ("getrandom", "chance"),
    ("rand", "chance"),
    ("RandomState", "chance"),
];
const CRATES: [&str; 4] = ["tokio", "reqwest", "getrandom", "rand"];

/// Paths in a source of `domain` that lead to IO, the clock or chance; its tests may.
pub(crate) fn reaches_outside(file: &File) -> Vec<Offence> {
    let mut offences = Vec::new();
    for found in paths(file).iter().filter(|found| !found.in_test) {
        if let Some((_, why)) = OUTSIDE.iter().find(|(outside, _)| is_within(outside, &found.segments)) {
            offences.push(Offence::new(
                &file.path,
                found.line,
                format!("`{}` is {why}: take it as an argument", found.segments.join("::")),
            ));
        }
    }
    offences
}

/// Tests that wait for time to pass instead of setting the clock.
pub(crate) fn sleeps_in_tests(file: &File) -> Vec<Offence> {
    // There time is virtual: who sleeps sets the clock.
    if file.path.starts_with("tests/src/simulation/") {
        return Vec::new();
    }
    let is_sleep = |found: &&Found| found.in_test && found.segments.len() > 1 && found.segments.last().is_some_and(|last| last == "sleep");
    let paths = paths(file);
    let found = paths.iter().filter(is_sleep);
    found.map(|found| Offence::new(&file.path, found.line, format!("`{}` in a test: set the clock", found.segments.join("::")))).collect()
}

fn is_within(outside: &str, segments: &[String]) -> bool {
    let wanted: Vec<&str> = outside.split("::").collect();
    if CRATES.contains(&outside) {
        return segments.len() > 1 && segments[0] == outside;
    }
    segments.windows(wanted.len()).any(|window| window == wanted)
}

/// A path as written, or as a `use` spells it out.
struct Found {
    segments: Vec<String>,
    line: usize,
    in_test: bool,
}

fn paths(file: &File) -> Vec<Found> {
    let mut walk = Walk { found: Vec::new(), in_test: is_test_file(file) };
    // A source that cannot be parsed is told by another rule.
    if let Ok(tree) = syn::parse_file(&file.text) {
        walk.visit_file(&tree);
    }
    walk.found
}

struct Walk {
    found: Vec<Found>,
    in_test: bool,
}

impl Walk {
    fn keep(&mut self, segments: Vec<String>, line: usize) {
        self.found.push(Found { segments, line, in_test: self.in_test });
    }

    fn within_test(&mut self, is_test: bool, walk: impl FnOnce(&mut Self)) {
        let before = self.in_test;
        self.in_test |= is_test;
        walk(self);
        self.in_test = before;
    }

    fn spell_out(&mut self, tree: &UseTree, mut way: Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                way.push(path.ident.to_string());
                self.spell_out(&path.tree, way);
            }
            UseTree::Group(group) => group.items.iter().for_each(|item| self.spell_out(item, way.clone())),
            UseTree::Name(name) => {
                way.push(name.ident.to_string());
                self.keep(way, name.ident.span().start().line);
            }
            UseTree::Rename(rename) => {
                way.push(rename.ident.to_string());
                self.keep(way, rename.ident.span().start().line);
            }
            UseTree::Glob(glob) => {
                way.push("*".into());
                self.keep(way, glob.span().start().line);
            }
        }
    }

    /// Paths among the words of a macro, which is not parsed.
    fn scan(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut line = 1;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.end(&mut segments, line);
                        line = word.span().start().line;
                    }
                    segments.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    colons = 0;
                    self.scan(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => colons = 0,
            }
        }
        self.end(&mut segments, line);
    }

    fn end(&mut self, segments: &mut Vec<String>, line: usize) {
        if !segments.is_empty() {
            self.keep(std::mem::take(segments), line);
        }
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.within_test(is_test(&module.attrs), |walk| visit::visit_item_mod(walk, module));
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.within_test(is_test(&function.attrs), |walk| visit::visit_item_fn(walk, function));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.within_test(is_test(&item.attrs), |walk| walk.spell_out(&item.tree, Vec::new()));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.keep(segments, path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, said};

    #[test]
    fn every_way_to_write_a_path_outside_is_seen() {
        let text = "use std::{fmt, fs::File};\nuse std::time::{Duration, SystemTime as Now};\nfn f() { jiff::Timestamp::now(); }\n\
                    fn g() { println!(\"{}\", Uuid::new_v4()); }\nfn h(at: std::time::Instant) {}\nuse tokio::time;\n";
        let expected = [
            "1: `std::fs::File` is IO: take it as an argument",
            "2: `std::time::SystemTime` is the clock: take it as an argument",
            "3: `jiff::Timestamp::now` is the clock: take it as an argument",
            "4: `Uuid::new_v4` is chance: take it as an argument",
            "5: `std::time::Instant` is the clock: take it as an argument",
            "6: `tokio::time` is IO: take it as an argument",
        ];
        assert_eq!(said(&reaches_outside(&example("domain/src/a.rs", text))), expected);
    }

    #[test]
    fn what_stays_inside_passes_and_tests_may_reach_outside() {
        let text = "use std::time::Duration;\nfn f(rand: &[u8], now: Timestamp) -> Timestamp { now }\n\
                    #[cfg(test)]\nmod tests { use std::fs; #[test] fn reads() { fs::read(\"a\"); } }\n";
        assert_eq!(said(&reaches_outside(&example("domain/src/a.rs", text))), [""; 0]);
    }

    #[test]
    fn a_test_that_sleeps_is_seen_and_a_program_that_does_is_not() {
        let text = "async fn f() { tokio::time::sleep(a).await; }\n#[cfg(test)]\nmod tests { fn g() { std::thread::sleep(a); } }\n";
        let expected = "3: `std::thread::sleep` in a test: set the clock";
        assert_eq!(said(&sleeps_in_tests(&example("local/runner/src/a.rs", text))), [expected]);
        assert_eq!(sleeps_in_tests(&example("tests/tests/a.rs", text)).len(), 2);
    }
}
