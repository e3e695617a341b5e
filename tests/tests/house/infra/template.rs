//! Reads the templates of the cloud: YAML with CloudFormation's short functions, as JSON with the long ones.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::tree::File;

/// A template's resources, by their logical names.
pub(crate) type Resources = Map<String, Value>;

/// What one statement of a policy allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
    /// Whom its condition names, by the last part of the ARN; empty where it names nobody.
    pub(crate) roles: Vec<String>,
    /// Which purposes of sealed secrets its condition names; empty where it names none.
    pub(crate) purposes: BTreeSet<String>,
}

/// The resources of a template.
///
/// # Panics
/// Where it cannot be read: a test that cannot read it must not pass.
pub(crate) fn resources(file: &File) -> Resources {
    let yaml: Yaml = serde_yaml_ng::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path.display()));
    match plain(yaml)["Resources"].take() {
        Value::Object(resources) => resources,
        other => panic!("{}: the resources are {other}", file.path.display()),
    }
}

/// `!Name value` becomes `{"Fn::Name": value}`, and `!Ref value` becomes `{"Ref": value}`.
fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(number) => number.as_i64().map_or_else(|| json!(number.as_f64()), |number| json!(number)),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(values) => values.into_iter().map(plain).collect(),
        Yaml::Mapping(pairs) => {
            let named = |(name, value): (Yaml, Yaml)| Some((name.as_str()?.to_owned(), plain(value)));
            pairs.into_iter().filter_map(named).collect::<Map<String, Value>>().into()
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                "Ref" => "Ref".to_owned(),
                name => format!("Fn::{name}"),
            };
            json!({ name: plain(tagged.value) })
        }
    }
}

/// Every resource of a kind, such as `AWS::IAM::Role`.
pub(crate) fn of_kind<'a>(resources: &'a Resources, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    resources.iter().filter(move |(_, resource)| resource["Type"] == kind)
}

/// What the inline policies of a role allow.
pub(crate) fn allowed(role: &Value) -> Vec<Statement> {
    let policies = listed(&role["Properties"]["Policies"]);
    policies.into_iter().flat_map(|policy| statements(&policy["PolicyDocument"])).collect()
}

/// The statements of a policy, those included that stand there on a condition.
pub(crate) fn statements(document: &Value) -> Vec<Statement> {
    let present = |statement: &Value| match &statement["Fn::If"] {
        Value::Array(parts) => parts.iter().find(|part| part["Effect"].is_string()).cloned(),
        _ => Some(statement.clone()),
    };
    let listed = listed(&document["Statement"]);
    let present = listed.iter().filter_map(present).filter(|statement| statement["Effect"] == "Allow");
    present.map(|statement| statement_of(&statement)).collect()
}

fn statement_of(statement: &Value) -> Statement {
    let condition = &statement["Condition"];
    let last = |arn: String| arn.rsplit('/').next().unwrap_or_default().replace("evergrant-${Stage}-", "");
    Statement {
        actions: texts(&statement["Action"]),
        resources: texts(&statement["Resource"]),
        roles: texts(&condition["ArnEquals"]["aws:PrincipalArn"]).into_iter().map(last).collect(),
        purposes: texts(&condition["StringEquals"]["kms:EncryptionContext:purpose"]).into_iter().collect(),
    }
}

/// One or many, as many.
fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    }
}

fn texts(value: &Value) -> Vec<String> {
    listed(value).iter().map(spoken).collect()
}

/// What a value says of what it names: an export or a resource of ours by its name, anything else as it stands.
pub(crate) fn spoken(value: &Value) -> String {
    let Some((name, inner)) = value.as_object().and_then(|object| object.iter().next()) else {
        return value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    };
    match name.as_str() {
        "Fn::ImportValue" => spoken(inner).replace("evergrant-${Stage}:", ""),
        "Fn::GetAtt" => spoken(inner).split('.').next().unwrap_or_default().to_owned(),
        "Fn::If" => spoken(&inner[1]),
        "Fn::Join" => {
            let parts: Vec<String> = listed(&inner[1]).iter().map(spoken).collect();
            parts.join(inner[0].as_str().unwrap_or_default())
        }
        _ => spoken(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn short_functions_are_read_as_long_ones() {
        let text = "Resources:\n  A: { B: !Ref C, D: !GetAtt E.Arn, F: !If [G, !Sub \"${H}\", 1.5], I: 3 }\n";
        let expected = json!({"B": {"Ref": "C"}, "D": {"Fn::GetAtt": "E.Arn"}, "F": {"Fn::If": ["G", {"Fn::Sub": "${H}"}, 1.5]}, "I": 3});
        assert_eq!(resources(&example("infra/a.yaml", text))["A"], expected);
    }

    #[test]
    fn a_statement_is_read_with_its_condition_and_whatever_it_depends_on() {
        let document = json!({"Statement": [
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {"Fn::ImportValue": {"Fn::Sub": "evergrant-${Stage}:GrantKeyArn"}},
             "Condition": {"ArnEquals": {"aws:PrincipalArn": {"Fn::Sub": "arn:role/evergrant-${Stage}-token-check"}},
                           "StringEquals": {"kms:EncryptionContext:purpose": "refresh-token"}}},
            {"Fn::If": ["Has", {"Effect": "Allow", "Action": ["a:B"], "Resource": {"Fn::Join": ["/index/", [{"Ref": "T"}, "by"]]}}, {"Ref": "No"}]},
            {"Effect": "Deny", "Action": "*", "Resource": "*"},
        ]});
        let statements = statements(&document);
        let [first, second] = &statements[..] else { panic!("two statements allow") };
        assert_eq!((&first.resources[..], &first.roles[..]), (&["GrantKeyArn".to_owned()][..], &["token-check".to_owned()][..]));
        assert_eq!(first.purposes, BTreeSet::from(["refresh-token".to_owned()]));
        assert_eq!((&second.actions[..], &second.resources[..]), (&["a:B".to_owned()][..], &["T/index/by".to_owned()][..]));
    }
}
