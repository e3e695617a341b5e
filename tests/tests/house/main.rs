//! The rules of the house, held against the tree itself: who may depend on whom, how sources are shaped, what must not be written.
//!
//! Each rule is a pure function from what was read to offences; [`tree`] reads. A test that fails prints every offender with its
//! place, and each rule is also shown a bad example, so that it is known to be able to fail.
//!
//! One more rule: a function in the module it belongs to, a test here that is named as a sentence, and a bad example beside it.

mod arrows;
mod infra;
mod manifests;
mod purity;
mod sources;
mod tree;
mod upgrades;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};

use adapters::store::tables;
use system_tests::engine::{CONNECTIONS, Engine, PEOPLE};

use crate::tree::File;

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    path: PathBuf,
    line: usize,
    what: String,
}

impl Offence {
    pub(crate) fn new(path: impl Into<PathBuf>, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path.display(), self.line, self.what)
    }
}

/// Fails with every offence, one a line, in the order of the tree.
#[track_caller]
fn assert_none(mut offences: Vec<Offence>) {
    offences.sort();
    let lines: Vec<String> = offences.iter().map(Offence::to_string).collect();
    assert!(lines.is_empty(), "{} against the rules of the house:\n{}\n", lines.len(), lines.join("\n"));
}

fn in_every(files: &[File], rule: impl Fn(&File) -> Vec<Offence>) -> Vec<Offence> {
    files.iter().flat_map(rule).collect()
}

fn in_every_source(rule: impl Fn(&File) -> Vec<Offence>) -> Vec<Offence> {
    tree::files().iter().filter(|file| file.is_rust()).flat_map(rule).collect()
}

#[test]
fn arrows_run_one_way() {
    assert_none(arrows::against_the_plan(&arrows::rooms()));
}

#[test]
fn every_folder_is_named_like_its_package_and_every_package_is_in_the_workspace() {
    assert_none(arrows::misnamed(&arrows::rooms()));
    let members: Vec<PathBuf> = arrows::rooms().into_iter().map(|room| room.manifest).collect();
    assert_none(arrows::left_out(&members, tree::files()));
}

#[test]
fn the_top_level_holds_only_the_named_rooms() {
    assert_none(tree::strangers_at_the_top(&tree::top_level()));
}

#[test]
fn domain_depends_only_on_crates_that_do_no_io() {
    assert_none(arrows::unexpected_in_domain(&arrows::rooms()));
}

#[test]
fn the_widget_does_not_bring_a_json_parser_to_the_browser() {
    assert_none(arrows::json_in_the_widget(&arrows::widget_graph()));
}

#[test]
fn domain_knows_no_io_no_clock_and_no_chance() {
    assert_none(in_every_source(|file| match file.path.starts_with("domain/src") {
        true => purity::reaches_outside(file),
        false => Vec::new(),
    }));
}

#[test]
fn tests_do_not_sleep() {
    assert_none(in_every_source(purity::sleeps_in_tests));
}

#[test]
fn sources_keep_their_shape() {
    assert_none(in_every_source(sources::misshapen));
}

#[test]
fn the_mains_of_the_functions_only_wire() {
    assert_none(in_every_source(sources::long_main));
}

#[test]
fn every_dependency_says_what_it_is_for() {
    assert_none(in_every(tree::files(), manifests::unexplained));
}

#[test]
fn packages_come_from_the_public_registries() {
    assert_none(in_every(tree::files(), manifests::private_registries));
}

#[test]
fn nothing_is_left_to_do() {
    assert_none(in_every(tree::files(), words::unfinished));
}

#[test]
fn the_licences_are_there_and_every_package_names_them() {
    assert_none(manifests::unlicensed(&arrows::rooms(), tree::files()));
}

#[test]
fn every_function_has_a_place_in_the_template() {
    assert_none(infra::misplaced_functions(tree::files()));
}

#[test]
fn a_role_allows_exactly_what_its_function_can_call() {
    assert_none(infra::misfitting_roles(tree::files()));
}

#[test]
fn the_key_that_opens_grants_and_the_roles_agree() {
    assert_none(infra::misfitting_keys(tree::files()));
}

#[test]
fn a_function_is_told_exactly_what_it_reads() {
    assert_none(infra::misfitting_variables(tree::files()));
}

#[test]
fn every_wildcard_of_the_templates_has_a_reason() {
    assert_none(in_every(tree::files(), infra::unexplained_wildcards));
}

#[test]
fn the_runbook_explains_every_alarm() {
    assert_none(infra::untold_alarms(tree::files()));
}

#[test]
fn what_is_counted_in_the_logs_is_logged() {
    assert_none(infra::unheard_words(tree::files()));
}

#[test]
fn every_kind_of_item_has_a_fixture_of_an_earlier_release() {
    assert_none(upgrades::without_fixture(tree::files()));
}

#[test]
fn what_alarms_and_dashboard_count_is_told_and_the_runbook_says_what_it_is() {
    assert_none(infra::misfitting_metrics(tree::files()));
}

#[test]
fn the_runbook_lists_every_log_event() {
    assert_none(infra::misfitting_events(tree::files()));
}

#[tokio::test]
async fn the_tables_of_the_template_are_those_of_the_code() {
    let engine = Engine::start().await.expect("the engine starts");
    tables::enable_stream(&engine.client, PEOPLE).await.expect("a stream can be had");
    for (name, resource) in [(CONNECTIONS, "ConnectionsTable"), (PEOPLE, "PeopleTable")] {
        let described = engine.client.describe_table().table_name(name).send().await.expect("the table is there");
        let made = infra::table_of_the_code(&described.table.expect("it is described"));
        assert_eq!(made, infra::table_of_the_template(tree::files(), resource), "{resource}");
    }
}

/// A file for the bad examples of the rules.
#[cfg(test)]
fn example(path: &str, text: &str) -> File {
    File { path: Path::new(path).to_path_buf(), text: text.to_owned() }
}

/// `line: what` of each offence, for the bad examples of the rules.
#[cfg(test)]
fn said(offences: &[Offence]) -> Vec<String> {
    offences.iter().map(|offence| format!("{}: {}", offence.line, offence.what)).collect()
}
