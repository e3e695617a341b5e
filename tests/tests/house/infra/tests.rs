//! Templates that are wrong, and what is said of them.

use serde_json::json;

use super::*;
use crate::{example, said};

const STORE: &str = "impl Store { fn take(&self) { self.client.update_item().table_name(&self.connections); } }";
const MAIN: &str = "async fn main() { let key = \"EVERGRANT_KEY_ID\"; store.take() }";

fn cloud(resources: &str) -> Vec<File> {
    vec![
        example("functions/adapters/src/store.rs", STORE),
        example("functions/late/src/main.rs", MAIN),
        example(FLOW, &format!("Resources:\n{resources}")),
        example(DATA, "Resources:\n  GrantKey: { Properties: { KeyPolicy: { Statement: [] } } }\n"),
    ]
}

fn whats(offences: Vec<Offence>) -> Vec<String> {
    offences
        .into_iter()
        .map(|offence| offence.to_string().split_once(":1: ").map_or_else(String::new, |(_, what)| what.to_owned()))
        .collect()
}

fn role(statements: &str) -> String {
    let log = "{ Effect: Allow, Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: !GetAtt L.Arn }";
    format!(
        "  LateRole: {{ Type: AWS::IAM::Role, Properties: {{ Policies: [{{ PolicyDocument: {{ Statement: [{log}, {statements}] }} }}] }} }}\n"
    )
}

const TABLE: &str = "{ \"Fn::ImportValue\": !Sub \"evergrant-${Stage}:ConnectionsTableArn\" }";

#[test]
fn a_role_that_fits_passes() {
    let fitting = format!("{{ Effect: Allow, Action: dynamodb:UpdateItem, Resource: {TABLE} }}");
    assert_eq!(whats(misfitting_roles(&cloud(&role(&fitting)))), [""; 0]);
}

#[test]
fn a_role_that_lacks_something_or_has_too_much_is_seen() {
    let other = format!("{{ Effect: Allow, Action: [dynamodb:PutItem], Resource: {TABLE} }}");
    let expected = ["LateRole lacks dynamodb:UpdateItem connections", "LateRole need not have dynamodb:PutItem connections"];
    assert_eq!(whats(misfitting_roles(&cloud(&role(&other)))), expected);
    let decrypts = format!(
        "{{ Effect: Allow, Action: dynamodb:UpdateItem, Resource: {TABLE} }}, {{ Effect: Allow, Action: kms:Decrypt, Resource: k, \
         Condition: {{ StringEquals: {{ \"kms:EncryptionContext:purpose\": refresh-token }} }} }}"
    );
    let said = whats(misfitting_roles(&cloud(&role(&decrypts))));
    assert_eq!(said, ["LateRole need not have kms:Decrypt", "LateRole may seal or open {\"refresh-token\"}, and the code does {}"]);
    let said = whats(misfitting_keys(&cloud(&role(&decrypts))));
    assert_eq!(said, ["GrantKey and the roles differ about kms:Decrypt by late"]);
}

#[test]
fn variables_that_are_not_told_or_not_read_are_seen() {
    let function =
        "  LateFunction: { Type: AWS::Lambda::Function, Properties: { Environment: { Variables: { RUST_LOG: info, OTHER: x } } } }\n";
    let expected = ["LateFunction is not told EVERGRANT_KEY_ID", "LateFunction does not read OTHER"];
    assert_eq!(whats(misfitting_variables(&cloud(function))), expected);
}

#[test]
fn a_function_without_a_place_and_a_place_without_a_function_are_seen() {
    let other = "  OtherFunction: { Type: AWS::Lambda::Function }\n  NextFunction: { Type: AWS::Lambda::Function, Condition: HasNext }\n";
    assert_eq!(
        whats(misplaced_functions(&cloud(other))),
        ["has no LateFunction", "OtherFunction has no crate, and is made on no condition"]
    );
}

#[test]
fn a_wildcard_without_a_reason_is_seen() {
    let text = "A: \"*\"\n# Why.\nB: \"s3:*\"\nC: x/*\nD: \"x/*\"\nE: count(*)\nF: \"*left\"\nG: *\n";
    let expected = [
        "1: `A: \"*\"` without a reason in the line above",
        "5: `D: \"x/*\"` without a reason in the line above",
        "8: `G: *` without a reason in the line above",
    ];
    assert_eq!(said(&unexplained_wildcards(&example("infra/a.yaml", text))), expected);
    assert_eq!(said(&unexplained_wildcards(&example("widget/a.yaml", text))), [""; 0]);
}

#[test]
fn an_alarm_that_the_runbook_does_not_explain_is_seen() {
    let mut files = cloud("  Late: { Type: AWS::CloudWatch::Alarm }\n  Early: { Type: AWS::CloudWatch::Alarm }\n");
    files
        .push(example(RUNBOOK, "# Runbook\n\n### Late\n\n**Means:** x. **Look at:** y.\n\n### Never\n\n**Means:** **Look at:** **Do:**\n"));
    assert_eq!(whats(untold_alarms(&files)), ["says nothing of Early", "tells of Never, which is no alarm", "Late has no **Do:**"]);
}

#[test]
fn a_filter_for_words_that_nobody_logs_is_seen() {
    let filter = |name: &str, message: &str| {
        format!(
            "  {name}: {{ Type: AWS::Logs::MetricFilter, Properties: {{ FilterPattern: '{{ $.fields.message = \"{message}\" }}' }} }}\n"
        )
    };
    let files = cloud(&(filter("Heard", "EVERGRANT_KEY_ID") + &filter("Unheard", "nobody says so")));
    assert_eq!(whats(unheard_words(&files)), ["Unheard waits for \"nobody says so\", which nobody logs"]);
}

#[test]
fn a_table_is_read_with_keys_indexes_and_stream() {
    let mut files = cloud("  A: {}\n");
    files[3] = example(
        DATA,
        "Resources:\n  T: { Properties: { BillingMode: B, KeySchema: [{ AttributeName: pk, KeyType: HASH }], AttributeDefinitions: \
         [{ AttributeName: pk, AttributeType: S }], GlobalSecondaryIndexes: [{ IndexName: i, KeySchema: [], Projection: { ProjectionType: ALL } }] } }\n",
    );
    let expected = json!({
        "attributes": [["pk", "S"]], "billing": "B", "indexes": {"i": [[], "ALL", []]}, "keys": [["pk", "HASH"]], "stream": null,
    });
    assert_eq!(table_of_the_template(&files, "T"), expected);
}
