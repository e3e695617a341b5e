//! What the functions tell of themselves, held against who listens: numbers and log events in the templates and in the runbook.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;
use syn::Macro;
use syn::visit::{self, Visit};

use super::{FLOW, RUNBOOK, about, found, of_kind, read};
use crate::Offence;
use crate::sources::is_test_file;
use crate::tree::File;

/// Where the metrics get their names.
const METRICS: &str = "functions/adapters/src/metrics.rs";
/// Their namespace.
const NAMESPACE: &str = "evergrant";

/// Metrics that alarms or the dashboard wait for and that nobody tells, and what the runbook's table has too much or too little.
pub(crate) fn misfitting_metrics(files: &[File]) -> Vec<Offence> {
    let names = names(&found(files, METRICS).text);
    let resources = read(files, FLOW);
    let alarms = of_kind(&resources, "AWS::CloudWatch::Alarm").map(|(_, alarm)| &alarm["Properties"]);
    let mut wanted: BTreeSet<String> =
        alarms.filter(|alarm| alarm["Namespace"] == NAMESPACE).map(|alarm| text(&alarm["MetricName"])).collect();
    let dashboard =
        of_kind(&resources, "AWS::CloudWatch::Dashboard").map(|(_, board)| text(&board["Properties"]["DashboardBody"]["Fn::Sub"]));
    let shown = dashboard.flat_map(|body| body.split("[\"evergrant\", \"").skip(1).map(until_quote).collect::<Vec<_>>());
    wanted.extend(shown);
    let is_told = |name: &String| names.contains(name) || name.split_once('.').is_some_and(|(kind, _)| names.contains(&format!("{kind}.")));
    let untold = wanted.iter().filter(|name| !is_told(name)).map(|name| about(FLOW, format!("waits for {name}, which nobody tells")));
    let listed = first_cells(&found(files, RUNBOOK).text, "## Numbers");
    let listed: BTreeSet<String> =
        listed.iter().map(|name| name.trim_end_matches(|letter: char| letter.is_uppercase() && name.contains('.')).to_owned()).collect();
    untold.chain(differing(&listed, &names, "metric")).collect()
}

/// Log events that the runbook does not know, and those that nobody logs.
pub(crate) fn misfitting_events(files: &[File]) -> Vec<Offence> {
    let mut logged = Logged::default();
    let sources = files.iter().filter(|file| file.is_rust() && file.path.starts_with("functions") && !is_test_file(file));
    for file in sources {
        // A source that cannot be parsed is told by another rule.
        if let Ok(tree) = syn::parse_file(&file.text) {
            logged.visit_file(&tree);
        }
    }
    let listed = first_cells(&found(files, RUNBOOK).text, "## Log events").into_iter().collect();
    differing(&listed, &logged.0, "log event").collect()
}

fn differing<'a>(listed: &'a BTreeSet<String>, told: &'a BTreeSet<String>, kind: &'a str) -> impl Iterator<Item = Offence> + 'a {
    let unknown = told.difference(listed).map(move |name| about(RUNBOOK, format!("does not list the {kind} {name:?}")));
    unknown.chain(listed.difference(told).map(move |name| about(RUNBOOK, format!("lists the {kind} {name:?}, which nobody tells"))))
}

/// The names in `Metric::name`: whole ones, and the beginnings of those that are put together, up to their point.
fn names(source: &str) -> BTreeSet<String> {
    let body = source.split_once("pub fn name(").and_then(|(_, rest)| rest.split_once("\n    }")).map(|(body, _)| body).unwrap_or_default();
    body.split('"').skip(1).step_by(2).map(|name| name.split_once(".{").map_or(name.to_owned(), |(kind, _)| format!("{kind}."))).collect()
}

/// What stands in backquotes in the first column of the table under a heading.
fn first_cells(text: &str, heading: &str) -> Vec<String> {
    let section = text.split_once(heading).map(|(_, rest)| rest.split("\n## ").next().unwrap_or_default()).unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| format!("`{cell}").split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn until_quote(text: &str) -> String {
    text.split('"').next().unwrap_or_default().to_owned()
}

/// Messages of log events.
#[derive(Default)]
struct Logged(BTreeSet<String>);

impl<'ast> Visit<'ast> for Logged {
    fn visit_macro(&mut self, call: &'ast Macro) {
        let words: Vec<String> = call.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let [first, level] = &words[..]
            && first == "tracing"
            && ["error", "warn", "info", "debug"].contains(&level.as_str())
        {
            self.0.extend(message(call.tokens.clone()));
        }
        visit::visit_macro(self, call);
    }
}

/// The last literal of a macro: its message.
fn message(tokens: TokenStream) -> Option<String> {
    let literals = tokens.into_iter().filter_map(|token| match token {
        TokenTree::Literal(literal) => syn::parse_str::<syn::LitStr>(&literal.to_string()).ok(),
        _ => None,
    });
    literals.last().map(|literal| literal.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, said};

    #[test]
    fn an_event_that_is_not_listed_and_one_that_nobody_logs_are_told() {
        let source = "fn f() { tracing::warn!(connection = %id, what = \"x\", \"new here\"); }";
        let runbook = "## Log events\n\n| event | level |\n|---|---|\n| `gone`, `tick` | info |\n\n## Alarms\n| `other` |\n";
        let offences = misfitting_events(&[example("functions/a/src/lib.rs", source), example(RUNBOOK, runbook)]);
        let told = said(&offences);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(
            told[0].contains("does not list the log event \"new here\"") && told[1].contains("\"gone\", which nobody tells"),
            "{told:?}"
        );
    }

    #[test]
    fn a_metric_that_nobody_tells_is_missed() {
        let source = "pub fn name(&self) -> String {\n match self { A(x) => return format!(\"Kinds.{}\", x), B => \"Known\" }\n    }\n";
        let flow = "Resources:\n  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties: { Namespace: evergrant, MetricName: Lost }\n  B:\n    Type: AWS::CloudWatch::Alarm\n    Properties: { Namespace: evergrant, MetricName: Kinds.one }\n";
        let runbook = "## Numbers\n| metric |\n|---|\n| `Kinds.KIND` | x |\n| `Other` | y |\n";
        let files = [example(METRICS, source), example(FLOW, flow), example(RUNBOOK, runbook)];
        let told = said(&misfitting_metrics(&files));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("waits for Lost") && told[1].contains("\"Known\"") && told[2].contains("\"Other\""), "{told:?}");
    }
}
