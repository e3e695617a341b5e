//! Sources as steps: functions, methods and constants, with whom each calls and what it says.

use std::collections::BTreeSet;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Lit, Member, Path, Token, Type};

use crate::sources::{is_test, is_test_file};
use crate::tree::File;

/// Parts of a transaction, by the type that builds them.
const PARTS: [(&str, &str); 4] = [
    ("ConditionCheck", "dynamodb:ConditionCheckItem"),
    ("Delete", "dynamodb:DeleteItem"),
    ("Put", "dynamodb:PutItem"),
    ("Update", "dynamodb:UpdateItem"),
];

/// What goes through to whoever is inside.
const THROUGH: [&str; 4] = ["as_deref", "as_ref", "clone", "inner"];

/// A function, method or constant of `adapters` or of a function's crate.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) file: String,
    pub(super) owner: Option<String>,
    pub(super) name: String,
    pub(super) calls: Vec<Call>,
    pub(super) operations: Vec<String>,
    pub(super) parts: Vec<String>,
    pub(super) tables: BTreeSet<String>,
    pub(super) indexes: BTreeSet<String>,
    pub(super) names_an_index: bool,
    pub(super) words: BTreeSet<String>,
    pub(super) purposes: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) enum Call {
    Method { receiver: String, name: String },
    Path(Vec<String>),
}

/// Every step of a crate under `functions`, without its tests.
pub(super) fn steps(files: &[File], crate_name: &str) -> Vec<Step> {
    let folder = format!("functions/{crate_name}/src");
    let own = files.iter().filter(|file| file.is_rust() && file.path.starts_with(&folder) && !is_test_file(file));
    let mut walk = Walk::default();
    for file in own {
        walk.file = file.path.to_string_lossy().into_owned();
        // A source that cannot be parsed is told by another rule.
        if let Ok(tree) = syn::parse_file(&file.text) {
            walk.visit_file(&tree);
        }
    }
    walk.done
}

#[derive(Default)]
struct Walk {
    file: String,
    owner: Option<String>,
    under_way: Option<Step>,
    done: Vec<Step>,
}

impl Walk {
    fn within(&mut self, name: String, walk: impl FnOnce(&mut Self)) {
        // A function inside of another belongs to it.
        if self.under_way.is_some() {
            return walk(self);
        }
        self.under_way = Some(Step { file: self.file.clone(), owner: self.owner.clone(), name, ..Step::default() });
        walk(self);
        self.done.extend(self.under_way.take());
    }

    fn note(&mut self, note: impl FnOnce(&mut Step)) {
        if let Some(step) = &mut self.under_way {
            note(step);
        }
    }

    fn path(&mut self, path: &Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(|step| {
            match &segments[..] {
                [.., part, builder] if builder == "builder" => {
                    step.parts.extend(PARTS.iter().filter(|(known, _)| known == part).map(|(_, action)| (*action).to_owned()));
                }
                [.., kind, variant] if kind == "Purpose" => {
                    step.purposes.insert(kebab(variant));
                }
                _ => {}
            }
            step.calls.push(Call::Path(segments));
        });
    }
}

/// `RefreshToken` as `refresh-token`.
fn kebab(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

/// The name by which somebody is spoken to: the last one of the expression.
fn receiver(expression: &Expr) -> String {
    match expression {
        Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default(),
        Expr::Field(field) => match &field.member {
            Member::Named(name) => name.to_string(),
            Member::Unnamed(_) => String::new(),
        },
        Expr::MethodCall(call) if THROUGH.iter().any(|name| call.method == name) => receiver(&call.receiver),
        Expr::Reference(inner) => receiver(&inner.expr),
        Expr::Paren(inner) => receiver(&inner.expr),
        _ => String::new(),
    }
}

fn is_self(expression: &Expr) -> bool {
    matches!(expression, Expr::Path(path) if path.path.is_ident("self"))
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        if is_test(&block.attrs) {
            return;
        }
        self.owner = match &*block.self_ty {
            Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        visit::visit_item_impl(self, block);
        self.owner = None;
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_test(&function.attrs) {
            self.within(function.sig.ident.to_string(), |walk| visit::visit_item_fn(walk, function));
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            self.within(function.sig.ident.to_string(), |walk| visit::visit_impl_item_fn(walk, function));
        }
    }

    fn visit_item_const(&mut self, constant: &'ast syn::ItemConst) {
        self.within(constant.ident.to_string(), |walk| visit::visit_item_const(walk, constant));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let (receiver, name) = (receiver(&call.receiver), call.method.to_string());
        self.note(|step| {
            if receiver == "client" && call.args.is_empty() && name != "clone" {
                step.operations.push(name.clone());
            }
            if name == "index_name" {
                step.names_an_index = true;
                step.indexes.extend(call.args.first().and_then(literal));
            }
            step.calls.push(Call::Method { receiver, name });
        });
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        if let (true, Member::Named(name)) = (is_self(&field.base), &field.member)
            && ["connections", "people"].iter().any(|table| name == table)
        {
            self.note(|step| {
                step.tables.insert(name.to_string());
            });
        }
        visit::visit_expr_field(self, field);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func {
            self.path(&path.path);
        }
        visit::visit_expr_call(self, call);
    }

    /// Functions that are passed on, and constants. A single lower-case word is a variable.
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let is_constant = |name: String| name.chars().all(|letter| !letter.is_lowercase());
        if path.path.get_ident().is_none_or(|name| is_constant(name.to_string())) {
            self.path(&path.path);
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.note(|step| {
            step.words.insert(text.value());
        });
    }

    /// Macros that take expressions, such as `join!` and `format!`; others hold no calls of ours.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Ok(expressions) = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            for expression in &expressions {
                self.visit_expr(expression);
            }
        }
    }
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
