//! The cloud as code, held against the code: tables, variables, permissions, what is logged, and what the runbook says.
//!
//! [`calls`] finds out what a function can do from its sources, [`template`] what the templates let it do. Both must be the same: what is
//! missing fails in the cloud, what is too much helps whoever breaks in.

mod calls;
mod steps;
mod table;
mod template;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Offence;
use crate::tree::File;
use calls::{Reach, reach};
pub(crate) use table::{table_of_the_code, table_of_the_template};
use template::{Resources, Statement, allowed, of_kind, spoken, statements};
pub(crate) use told::{misfitting_events, misfitting_metrics};

/// What runs, and what outlives it.
const FLOW: &str = "infra/template.yaml";
const DATA: &str = "infra/data.yaml";
const RUNBOOK: &str = "infra/README.md";

/// Calls that [`calls`] finds and that do not happen: function, action, place, and why.
const NEVER: [(&str, &str, &str, &str); 1] =
    [("photo-sync", "dynamodb:PutItem", "connections", "nothing is told with a tour: `update_and_tell` is given no notice")];

/// What every function does through Lambda: it logs.
const LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
/// What Lambda does as the function, to take messages off a queue or to follow a stream.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-eventsourcemapping.html>
const TAKES_MESSAGES: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
const FOLLOWS_A_STREAM: [&str; 4] = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// Variables whose names are put together when they are read.
const PUT_TOGETHER: [(&str, &str); 2] =
    [("EVERGRANT_CLIENT_SECRET", "EVERGRANT_CLIENT_SECRET_ENDS_AT"), ("EVERGRANT_CLIENT_SECRET_2", "EVERGRANT_CLIENT_SECRET_2_ENDS_AT")];
/// Variables for machines that are not in the cloud: stand-ins, and files.
const NOT_IN_THE_CLOUD: [&str; 4] =
    ["EVERGRANT_CERTIFICATE_FILE", "EVERGRANT_CERTIFICATE_KEY_FILE", "EVERGRANT_GRAPH_URL", "EVERGRANT_LOGIN_URL"];

/// What each paragraph of the runbook answers.
const ANSWERS: [&str; 3] = ["**Means:**", "**Look at:**", "**Do:**"];

/// Every crate that is a Lambda function.
pub(crate) fn functions(files: &[File]) -> Vec<String> {
    let name = |file: &File| match file.path.to_string_lossy().split('/').collect::<Vec<_>>()[..] {
        ["functions", name, "src", "main.rs"] => Some(name.to_owned()),
        _ => None,
    };
    files.iter().filter_map(name).collect()
}

/// `token-check` as `TokenCheck`: how a function's resources begin.
fn pascal(name: &str) -> String {
    let capital = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    name.split('-').map(capital).collect()
}

fn read(files: &[File], path: &str) -> Resources {
    template::resources(found(files, path))
}

fn found<'a>(files: &'a [File], path: &str) -> &'a File {
    files.iter().find(|file| file.path.as_os_str() == path).unwrap_or_else(|| panic!("{path} is not there"))
}

fn about(path: &str, what: impl Into<String>) -> Offence {
    Offence::new(path, 1, what)
}

/// Functions without a place in the template, and places without a function. One that is made on a condition may wait for its crate.
pub(crate) fn misplaced_functions(files: &[File]) -> Vec<Offence> {
    let resources = read(files, FLOW);
    let crates: BTreeSet<String> = functions(files).iter().map(|name| format!("{}Function", pascal(name))).collect();
    let placed: BTreeMap<&String, &Value> = of_kind(&resources, "AWS::Lambda::Function").collect();
    let homeless = crates.iter().filter(|name| !placed.contains_key(name)).map(|name| about(FLOW, format!("has no {name}")));
    let empty = placed.iter().filter(|(name, function)| !crates.contains(**name) && function["Condition"].is_null());
    homeless.chain(empty.map(|(name, _)| about(FLOW, format!("{name} has no crate, and is made on no condition")))).collect()
}

/// Roles that allow what their function cannot call, or do not allow what it can.
pub(crate) fn misfitting_roles(files: &[File]) -> Vec<Offence> {
    let resources = read(files, FLOW);
    let mut offences = Vec::new();
    for name in functions(files) {
        let reach = reach(files, &name);
        let role = format!("{}Role", pascal(&name));
        offences.extend(reach.unknown.iter().map(|what| about(FLOW, format!("{role}: nobody says which action permits {what}"))));
        let (wanted, given) = (wanted(&name, &reach, &resources), given(&allowed(&resources[&role])));
        let missing = wanted.difference(&given).map(|(action, place)| format!("{role} lacks {action} {place}"));
        let idle = given.difference(&wanted).map(|(action, place)| format!("{role} need not have {action} {place}"));
        offences.extend(missing.chain(idle).map(|what| about(FLOW, what.trim().to_owned())));
        let purposes: BTreeSet<String> = allowed(&resources[&role]).into_iter().flat_map(|statement| statement.purposes).collect();
        if purposes != reach.purposes {
            offences.push(about(FLOW, format!("{role} may seal or open {purposes:?}, and the code does {:?}", reach.purposes)));
        }
    }
    offences
}

/// What a function must be allowed: what its code calls, and what Lambda does as it.
fn wanted(name: &str, reach: &Reach, resources: &Resources) -> BTreeSet<(String, String)> {
    let happens = |action: &str, place: &str| !NEVER.iter().any(|never| (never.0, never.1, never.2) == (name, action, place));
    let mut wanted: BTreeSet<(String, String)> = reach.actions.iter().filter(|(action, place)| happens(action, place)).cloned().collect();
    let mut also = |actions: &[&str]| wanted.extend(actions.iter().map(|action| ((*action).to_owned(), String::new())));
    also(&LOGS);
    let function = format!("{}Function", pascal(name));
    for (_, source) in of_kind(resources, "AWS::Lambda::EventSourceMapping") {
        if spoken(&source["Properties"]["FunctionName"]) == function {
            match spoken(&source["Properties"]["EventSourceArn"]).ends_with("StreamArn") {
                true => also(&FOLLOWS_A_STREAM),
                false => also(&TAKES_MESSAGES),
            }
        }
    }
    wanted
}

/// What statements allow, with the table and index where it is about one.
fn given(statements: &[Statement]) -> BTreeSet<(String, String)> {
    let place = |resource: &str| match resource.split_once("TableArn") {
        Some((table, "")) => table.to_lowercase(),
        Some((table, index)) => format!("{}/{}", table.to_lowercase(), index.trim_start_matches("/index/")),
        None => String::new(),
    };
    let each = |statement: &Statement| -> Vec<(String, String)> {
        let places: Vec<String> = statement.resources.iter().map(|resource| place(resource)).collect();
        statement.actions.iter().flat_map(|action| places.iter().map(move |place| (action.clone(), place.clone()))).collect()
    };
    statements.iter().flat_map(each).collect()
}

/// Where the key's own policy and the roles do not say the same about who may seal and open.
pub(crate) fn misfitting_keys(files: &[File]) -> Vec<Offence> {
    let (flow, data) = (read(files, FLOW), read(files, DATA));
    let cryptographic = |action: &&String| ["kms:Decrypt", "kms:GenerateDataKey"].contains(&action.as_str());
    let mut by_key = BTreeSet::new();
    for statement in statements(&data["GrantKey"]["Properties"]["KeyPolicy"]) {
        for action in statement.actions.iter().filter(cryptographic) {
            if statement.roles.is_empty() {
                by_key.insert((action.clone(), "everybody".to_owned()));
            }
            by_key.extend(statement.roles.iter().map(|role| (action.clone(), role.clone())));
        }
    }
    let mut by_role = BTreeSet::new();
    for name in functions(files) {
        let statements = allowed(&flow[&format!("{}Role", pascal(&name))]);
        by_role.extend(
            statements.iter().flat_map(|statement| &statement.actions).filter(cryptographic).map(|action| (action.clone(), name.clone())),
        );
    }
    let differing = by_key.symmetric_difference(&by_role);
    differing.map(|(action, who)| about(DATA, format!("GrantKey and the roles differ about {action} by {who}"))).collect()
}

/// Functions that are told what they do not read, or are not told what they do.
pub(crate) fn misfitting_variables(files: &[File]) -> Vec<Offence> {
    let resources = read(files, FLOW);
    let mut offences = Vec::new();
    for name in functions(files) {
        let function = format!("{}Function", pascal(&name));
        let told: BTreeSet<String> = match &resources[&function]["Properties"]["Environment"]["Variables"] {
            Value::Object(variables) => variables.keys().cloned().collect(),
            _ => BTreeSet::new(),
        };
        let wanted = variables(&reach(files, &name));
        offences.extend(wanted.difference(&told).map(|variable| about(FLOW, format!("{function} is not told {variable}"))));
        offences.extend(told.difference(&wanted).map(|variable| about(FLOW, format!("{function} does not read {variable}"))));
    }
    offences
}

/// The variables that sources read, in the cloud.
fn variables(reach: &Reach) -> BTreeSet<String> {
    let is_name = |word: &&String| word.strip_prefix("EVERGRANT_").is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_in_a_name));
    let mut names: BTreeSet<String> = reach.words.iter().filter(is_name).cloned().collect();
    let more: Vec<String> = PUT_TOGETHER.iter().filter(|(read, _)| names.contains(*read)).map(|(_, name)| (*name).to_owned()).collect();
    names.extend(more);
    names.retain(|name| !NOT_IN_THE_CLOUD.contains(&name.as_str()));
    names.insert("RUST_LOG".to_owned());
    names
}

fn is_in_a_name(letter: char) -> bool {
    letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
}

/// A `*` that stands for anything, without a reason in the line above it.
pub(crate) fn unexplained_wildcards(file: &File) -> Vec<Offence> {
    if !file.path.starts_with("infra") || file.path.extension().is_none_or(|extension| extension != "yaml") {
        return Vec::new();
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let is_explained = |index: usize| index > 0 && lines[index - 1].trim_start().starts_with('#');
    let wild = lines.iter().enumerate().filter(|(index, line)| is_wild(line) && !is_explained(*index));
    wild.map(|(index, line)| Offence::new(&file.path, index + 1, format!("`{}` without a reason in the line above", line.trim()))).collect()
}

/// `*` alone, `service:*`, `folder/*`: not a part of a text or of a query.
fn is_wild(line: &str) -> bool {
    let line = line.trim_start();
    let letters: Vec<char> = line.chars().collect();
    let is_star = |window: &[char]| matches!(window, ['"' | '\'' | ':' | '/' | ' ', '*', '"' | '\'' | '/']);
    !line.starts_with('#') && (letters.windows(3).any(is_star) || letters.ends_with(&[' ', '*']))
}

/// Alarms without a paragraph in the runbook that answers everything, and paragraphs about no alarm.
pub(crate) fn untold_alarms(files: &[File]) -> Vec<Offence> {
    let resources = read(files, FLOW);
    let alarms: BTreeSet<&str> = of_kind(&resources, "AWS::CloudWatch::Alarm").map(|(name, _)| name.as_str()).collect();
    let runbook = &found(files, RUNBOOK).text;
    let told: BTreeMap<&str, &str> = runbook.split("\n### ").skip(1).filter_map(|part| part.split_once('\n')).collect();
    let untold = alarms.iter().filter(|alarm| !told.contains_key(**alarm)).map(|alarm| about(RUNBOOK, format!("says nothing of {alarm}")));
    let unknown =
        told.keys().filter(|name| !alarms.contains(**name)).map(|name| about(RUNBOOK, format!("tells of {name}, which is no alarm")));
    let open = |(name, text): (&&str, &&str)| {
        let answers = ANSWERS.into_iter().filter(|answer| !text.contains(answer)).map(|answer| format!("{name} has no {answer}"));
        answers.collect::<Vec<_>>()
    };
    let open = told.iter().flat_map(open).map(|what| about(RUNBOOK, what));
    untold.chain(unknown).chain(open).collect()
}

/// Metric filters that wait for words which nobody logs.
pub(crate) fn unheard_words(files: &[File]) -> Vec<Offence> {
    let resources = read(files, FLOW);
    let is_logged = |message: &str| {
        let quoted = format!("\"{message}\"");
        files.iter().any(|file| file.is_rust() && file.path.starts_with("functions") && file.text.contains(&quoted))
    };
    let filters = of_kind(&resources, "AWS::Logs::MetricFilter");
    let message = |(name, filter): (&String, &Value)| {
        let pattern = filter["Properties"]["FilterPattern"].as_str().unwrap_or_default().to_owned();
        let message = pattern.split_once("$.fields.message = \"").and_then(|(_, rest)| rest.split_once('"'));
        message.map(|(message, _)| (name.clone(), message.to_owned()))
    };
    let unheard = filters.filter_map(message).filter(|(_, message)| !is_logged(message));
    unheard.map(|(name, message)| about(FLOW, format!("{name} waits for {message:?}, which nobody logs"))).collect()
}

#[cfg(test)]
mod tests;
