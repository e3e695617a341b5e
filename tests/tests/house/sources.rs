//! The shape of sources: how long, how many parameters, which names, which shortcuts are not taken.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, FnArg, Item, Meta, Signature, Type, Visibility};

use crate::Offence;
use crate::tree::File;

/// Lines of a file, without its tests.
const FILE_LINES_MAX: usize = 400;
/// Lines between the braces of a function.
const FUNCTION_LINES_MAX: usize = 60;
/// Parameters of a function, without `self`.
const PARAMETERS_MAX: usize = 5;
/// Lines of a function's `main.rs`, which only wires.
const MAIN_LINES_MAX: usize = 39;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["common", "helper", "helpers", "manager", "misc", "util", "utils"];
/// Macros that end the program, and with it the work of everyone else in the batch.
const ENDINGS: [&str; 3] = ["panic", "todo", "unimplemented"];

/// Everything in one source that is not shaped as the house wants it.
pub(crate) fn misshapen(file: &File) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut tell = |line: usize, what: String| offences.push(Offence::new(&file.path, line, what));
    if !file.text.starts_with("//!") {
        tell(1, "does not begin with `//!` and what it is for".into());
    }
    if file.is_named("mod.rs") {
        tell(1, "is a mod.rs: put it beside its folder, under the folder's name".into());
    }
    let tree = match syn::parse_file(&file.text) {
        Ok(tree) => tree,
        Err(error) => {
            tell(error.span().start().line, format!("cannot be read as Rust: {error}"));
            return offences;
        }
    };
    let tests: usize = tree.items.iter().filter(|item| is_test(attributes(item))).map(|item| lines(item).len()).sum();
    let own = file.text.lines().count().saturating_sub(tests);
    if own > FILE_LINES_MAX {
        tell(1, format!("has {own} lines without its tests, more than {FILE_LINES_MAX}"));
    }
    let mut shape = Shape { file, in_test: is_test_file(file), in_trait_of_another: false, is_trait_public: false, offences };
    shape.visit_file(&tree);
    shape.offences
}

/// A function's `main.rs` that does more than wire.
pub(crate) fn long_main(file: &File) -> Vec<Offence> {
    let count = file.text.lines().count();
    if !file.path.starts_with("functions") || !file.is_named("main.rs") || count <= MAIN_LINES_MAX {
        return Vec::new();
    }
    vec![Offence::new(&file.path, 1, format!("has {count} lines, more than {MAIN_LINES_MAX}: the steps belong in the library"))]
}

/// Whether all of a file is for tests: it stands in a `tests` or `benches` folder, or is the `tests.rs` of a module.
pub(crate) fn is_test_file(file: &File) -> bool {
    file.is_named("tests.rs") || file.path.components().any(|part| ["tests", "benches"].contains(&&*part.as_os_str().to_string_lossy()))
}

/// Whether attributes say that an item is compiled for tests only.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let name = attribute.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        match &attribute.meta {
            Meta::List(list) if name == "cfg" => is_cfg_test(&list.tokens),
            _ => name.ends_with("test"),
        }
    })
}

/// `test` or `all(test, ...)`.
fn is_cfg_test(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), None) => word == "test",
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group))) if word == "all" => {
            group.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "test"))
        }
        _ => false,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn lines(node: &impl syn::spanned::Spanned) -> Range<usize> {
    let span = node.span();
    span.start().line..span.end().line + 1
}

/// Walks one source.
struct Shape<'file> {
    file: &'file File,
    in_test: bool,
    /// Inside `impl Trait for`, whose signatures the trait decides.
    in_trait_of_another: bool,
    is_trait_public: bool,
    offences: Vec<Offence>,
}

impl Shape<'_> {
    fn tell(&mut self, line: usize, what: impl Into<String>) {
        self.offences.push(Offence::new(&self.file.path, line, what));
    }

    fn within_test(&mut self, is_test: bool, walk: impl FnOnce(&mut Self)) {
        let before = self.in_test;
        self.in_test |= is_test;
        walk(self);
        self.in_test = before;
    }

    /// In `domain` and `functions` nothing may end the program; elsewhere, and in tests, clippy's word is enough.
    fn must_go_on(&self) -> bool {
        !self.in_test && (self.file.path.starts_with("domain") || self.file.path.starts_with("functions"))
    }

    fn function(&mut self, signature: &Signature, body: Option<&Block>, is_public: bool) {
        let line = signature.fn_token.span.start().line;
        let name = &signature.ident;
        let body_lines = body.map_or(0, |body| lines(body).len().saturating_sub(2));
        if body_lines > FUNCTION_LINES_MAX && !self.in_test {
            self.tell(line, format!("`{name}` has {body_lines} lines, more than {FUNCTION_LINES_MAX}"));
        }
        if self.in_trait_of_another {
            return;
        }
        let parameters: Vec<_> = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_))).collect();
        if parameters.len() > PARAMETERS_MAX {
            self.tell(line, format!("`{name}` takes {} parameters, more than {PARAMETERS_MAX}", parameters.len()));
        }
        if is_public && !self.in_test && parameters.into_iter().any(is_bool) {
            self.tell(line, format!("public `{name}` takes a bool: make it a type whose values have names"));
        }
        if name.to_string().starts_with("get_") {
            self.tell(line, format!("`{name}` begins with get_: say the thing itself"));
        }
    }
}

fn is_bool(input: &FnArg) -> bool {
    matches!(input, FnArg::Typed(typed) if matches!(&*typed.ty, Type::Path(path) if path.path.is_ident("bool")))
}

fn is_public(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

impl<'ast> Visit<'ast> for Shape<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        if EMPTY_NAMES.contains(&name.as_str()) {
            self.tell(module.ident.span().start().line, format!("module `{name}` says nothing about what is inside"));
        }
        self.within_test(is_test(&module.attrs), |shape| visit::visit_item_mod(shape, module));
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.within_test(is_test(&function.attrs), |shape| {
            shape.function(&function.sig, Some(&function.block), is_public(&function.vis));
            visit::visit_item_fn(shape, function);
        });
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        let before = self.in_trait_of_another;
        self.in_trait_of_another = block.trait_.is_some();
        self.within_test(is_test(&block.attrs), |shape| visit::visit_item_impl(shape, block));
        self.in_trait_of_another = before;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.within_test(is_test(&function.attrs), |shape| {
            shape.function(&function.sig, Some(&function.block), is_public(&function.vis));
            visit::visit_impl_item_fn(shape, function);
        });
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.is_trait_public = is_public(&item.vis);
        visit::visit_item_trait(self, item);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.function(&function.sig, function.default.as_ref(), self.is_trait_public);
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let line = attribute.span().start().line;
        let inside = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
        };
        let has_word = |wanted: &str| inside.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == wanted));
        let name = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "allow" => self.tell(line, "`allow`: use #[expect(..., reason = \"...\")]"),
            "cfg_attr" if has_word("allow") => self.tell(line, "`allow`: use #[expect(..., reason = \"...\")]"),
            "expect" if !has_word("reason") => self.tell(line, "`expect` without a reason"),
            "ignore" => self.tell(line, "a test that is ignored tests nothing"),
            "path" => self.tell(line, "`path`: a module stands where its name says"),
            _ => {}
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && self.must_go_on() {
            self.tell(call.method.span().start().line, "`unwrap`: say what to do when it is not there");
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if ENDINGS.contains(&name.as_str()) && self.must_go_on() {
            self.tell(call.path.span().start().line, format!("`{name}!`: an error is an answer, too"));
        }
        visit::visit_macro(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, said};

    fn judged(path: &str, text: &str) -> Vec<String> {
        said(&misshapen(&example(path, &format!("//! Why.\n{text}"))))
    }

    #[test]
    fn a_source_that_keeps_its_shape_passes() {
        let text = "#[expect(dead_code, reason = \"shown\")]\nfn found(&self, is_due: bool) -> bool { is_due }\n\
                    #[cfg(test)]\nmod tests {\n #[test]\n fn it_holds() { None::<u8>.unwrap(); panic!() }\n}\n";
        assert_eq!(judged("domain/src/due.rs", text), [""; 0]);
    }

    #[test]
    fn a_source_that_does_not_say_what_it_is_for_is_seen() {
        assert_eq!(said(&misshapen(&example("a.rs", "use std::fmt;\n"))), ["1: does not begin with `//!` and what it is for"]);
        assert_eq!(judged("a/mod.rs", ""), ["1: is a mod.rs: put it beside its folder, under the folder's name"]);
        assert!(judged("a.rs", "fn {")[0].starts_with("2: cannot be read as Rust"));
    }

    #[test]
    fn a_long_file_is_seen_but_its_tests_do_not_count() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(500));
        assert_eq!(judged("a.rs", &format!("{}{tests}", "\n".repeat(399))), [""; 0]);
        assert_eq!(judged("a.rs", &format!("{}{tests}", "\n".repeat(400))), ["1: has 401 lines without its tests, more than 400"]);
    }

    #[test]
    fn a_long_function_is_seen_wherever_it_stands() {
        let long = format!("fn long() {{\n{}}}", "\n".repeat(61));
        let fitting = format!("fn fitting() {{\n{}}}", "\n".repeat(60));
        let expected = ["2: `long` has 61 lines, more than 60"];
        assert_eq!(judged("a.rs", &long), expected);
        assert_eq!(judged("a.rs", &format!("impl A {{ {long} }}")), expected);
        assert_eq!(judged("a.rs", &format!("impl B for A {{ {long} }}")), expected);
        assert_eq!(judged("a.rs", &format!("trait B {{ {long} }}")), expected);
        assert_eq!(judged("a.rs", &format!("#[tokio::test] async {long}")), [""; 0]);
        assert_eq!(judged("a.rs", &fitting), [""; 0]);
    }

    #[test]
    fn too_many_parameters_and_bools_in_public_are_seen() {
        assert_eq!(judged("a.rs", "fn f(&self, a: A, b: A, c: A, d: A, e: A) {}"), [""; 0]);
        assert_eq!(judged("a.rs", "fn f(a: A, b: A, c: A, d: A, e: A, g: A) {}"), ["2: `f` takes 6 parameters, more than 5"]);
        let bool_in_public = ["2: public `f` takes a bool: make it a type whose values have names"];
        assert_eq!(judged("a.rs", "pub(crate) fn f(is: bool) {}"), bool_in_public);
        assert_eq!(judged("a.rs", "impl A { pub fn f(&self, is: bool) {} }"), bool_in_public);
        assert_eq!(judged("a.rs", "pub trait A { fn f(&self, is: bool); }"), bool_in_public);
        assert_eq!(judged("a.rs", "impl B for A { fn f(&self, is: bool) {} }"), [""; 0]);
    }

    #[test]
    fn empty_names_are_seen() {
        assert_eq!(judged("a.rs", "mod utils;"), ["2: module `utils` says nothing about what is inside"]);
        assert_eq!(judged("a.rs", "fn get_name() {}"), ["2: `get_name` begins with get_: say the thing itself"]);
    }

    #[test]
    fn silenced_lints_and_tests_are_seen() {
        let silenced = "2: `allow`: use #[expect(..., reason = \"...\")]";
        assert_eq!(judged("a.rs", "#[allow(dead_code)] struct A;"), [silenced]);
        assert_eq!(judged("a.rs", "#![allow(dead_code)]"), [silenced]);
        assert_eq!(judged("a.rs", "#[cfg_attr(test, allow(dead_code))] struct A;"), [silenced]);
        assert_eq!(judged("a.rs", "#[expect(dead_code)] struct A;"), ["2: `expect` without a reason"]);
        assert_eq!(judged("a.rs", "#[ignore = \"slow\"] #[test] fn a() {}"), ["2: a test that is ignored tests nothing"]);
        assert_eq!(judged("a.rs", "#[path = \"../b.rs\"] mod b;"), ["2: `path`: a module stands where its name says"]);
    }

    #[test]
    fn what_ends_the_program_is_seen_where_it_must_go_on() {
        let unwrap = "fn f() { g().unwrap(); }";
        assert_eq!(judged("domain/src/a.rs", unwrap), ["2: `unwrap`: say what to do when it is not there"]);
        assert_eq!(judged("functions/portal-api/tests/a.rs", unwrap), [""; 0]);
        assert_eq!(judged("functions/portal-api/src/a/tests.rs", unwrap), [""; 0]);
        assert_eq!(judged("local/runner/src/a.rs", unwrap), [""; 0]);
        assert_eq!(judged("functions/notify/src/a.rs", "fn f() { todo!() }"), ["2: `todo!`: an error is an answer, too"]);
        assert_eq!(judged("domain/src/a.rs", "#[cfg(not(test))] fn f() { panic!() }"), ["2: `panic!`: an error is an answer, too"]);
    }

    #[test]
    fn a_main_that_does_more_than_wire_is_seen() {
        let main = |count: usize| example("functions/notify/src/main.rs", &"\n".repeat(count));
        assert_eq!(said(&long_main(&main(39))), [""; 0]);
        assert_eq!(said(&long_main(&main(40))), ["1: has 40 lines, more than 39: the steps belong in the library"]);
    }
}
