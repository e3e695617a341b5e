//! The model of DynamoDB against the embedded engine: the same requests, the same answers.

use proptest::prelude::*;
use serde_json::{Value, json};
use system_tests::simulation::database::{Answer, Database, Embedded, Model};

/// Conditions with the values that they name.
const CONDITIONS: &[(&str, &[(&str, i64)])] = &[
    ("attribute_not_exists(pk)", &[]),
    ("attribute_exists(pk)", &[]),
    ("fence = :a", &[(":a", 2)]),
    ("fence <> :a", &[(":a", 2)]),
    ("attribute_exists(pk) AND work_at <= :a AND lease_until < :a", &[(":a", 3)]),
    ("attribute_not_exists(pk) OR generation <= :a", &[(":a", 2)]),
    ("attribute_exists(pk) AND (fence > :a OR fence >= :b)", &[(":a", 3), (":b", 2)]),
    ("NOT fence BETWEEN :a AND :b", &[(":a", 1), (":b", 2)]),
    ("attribute_not_exists(pk) OR fence = :a OR (fence < :a AND NOT (word = :text AND generation >= :b))", &[(":a", 3), (":b", 1)]),
    ("begins_with(word, :text)", &[]),
];
/// Updates with the values that they name.
const UPDATES: &[(&str, &[(&str, i64)])] = &[
    ("SET lease_until = :u ADD fence :v", &[(":u", 5), (":v", 1)]),
    ("SET generation = if_not_exists(generation, :u)", &[(":u", 1)]),
    ("SET fence = if_not_exists(fence, :u) + :v, work_at = :v", &[(":u", 1), (":v", 4)]),
    ("SET fence = if_not_exists(fence, :u) - :v", &[(":u", 3), (":v", 1)]),
    ("REMOVE work_at, lease_until", &[]),
    ("SET work_at = :u REMOVE generation", &[(":u", 2)]),
    ("ADD fence :u", &[(":u", -1)]),
];

/// Sort keys between which a range lies.
const BOUNDS: &[&str] = &["a", "connection", "grant#0", "grant#05", "grant#1", "z"];

#[derive(Debug, Clone)]
enum Asked {
    Get(u8),
    BatchGet(u8, u8),
    Put(u8, i64, Option<usize>),
    Update(u8, usize, Option<usize>, bool),
    Delete(u8, Option<usize>),
    Query { pk: u8, start: Option<&'static str>, limit: Option<u8>, backward: bool },
    Due { until: i64, limit: u8, pages: u8 },
    Range { pk: u8, from: usize, to: usize, limit: Option<u8>, are_parts: bool },
    Welcome(u8, Vec<u8>, i64),
    BatchWrite(u8, i64),
    Transact { token: u8, put: (u8, i64), update: (usize, Option<usize>), check: Option<usize> },
}

fn asked() -> impl Strategy<Value = Asked> {
    let place = 0_u8..6;
    let condition = || prop::option::of(0..CONDITIONS.len());
    prop_oneof![
        place.clone().prop_map(Asked::Get),
        (0_u8..3, 3_u8..6).prop_map(|(one, other)| Asked::BatchGet(one, other)),
        (place.clone(), 0_i64..5, condition()).prop_map(|(place, value, condition)| Asked::Put(place, value, condition)),
        (place.clone(), 0..UPDATES.len(), condition(), any::<bool>())
            .prop_map(|(place, update, condition, new)| Asked::Update(place, update, condition, new)),
        (place.clone(), condition()).prop_map(|(place, condition)| Asked::Delete(place, condition)),
        (0_u8..2, prop::option::of(prop_oneof![Just("grant#"), Just("n")]), prop::option::of(1_u8..4), any::<bool>())
            .prop_map(|(pk, start, limit, backward)| Asked::Query { pk, start, limit, backward }),
        (0_i64..6, 1_u8..4, 1_u8..3).prop_map(|(until, limit, pages)| Asked::Due { until, limit, pages }),
        (0_u8..2, 0..BOUNDS.len(), 0..BOUNDS.len(), prop::option::of(1_u8..3), any::<bool>())
            .prop_map(|(pk, from, to, limit, are_parts)| Asked::Range { pk, from: from.min(to), to: from.max(to), limit, are_parts }),
        (place.clone(), prop::collection::btree_set(0_u8..5, 1..4), 0_i64..5).prop_map(|(place, people, most)| Asked::Welcome(
            place,
            people.into_iter().collect(),
            most
        )),
        (place.clone(), 0_i64..5).prop_map(|(place, value)| Asked::BatchWrite(place, value)),
        (0_u8..8, (0_u8..2, 0_i64..5), (0..UPDATES.len(), condition()), condition())
            .prop_map(|(token, put, update, check)| Asked::Transact { token, put, update, check }),
    ]
}

fn key(place: u8) -> Value {
    let sk = ["connection", "grant#0", "grant#1"][usize::from(place % 3)];
    json!({"pk": {"S": format!("p{}", place / 3)}, "sk": {"S": sk}})
}

fn item(place: u8, value: i64) -> Value {
    let mut item = key(place);
    item["fence"] = json!({"N": value.to_string()});
    item["generation"] = json!({"N": (value % 3).to_string()});
    item["word"] = json!({"S": format!("word{value}")});
    item["sealed"] = json!({"B": "AAEC"});
    if value % 2 == 0 {
        item["work"] = json!({"S": "check#01"});
        item["work_at"] = json!({"N": value.to_string()});
        item["lease_until"] = json!({"N": "0"});
    }
    item
}

/// A request about one table, with a condition and an update.
fn request(mut fields: Value, condition: Option<usize>, update: Option<usize>) -> Value {
    fields["TableName"] = json!("connections");
    let mut values = serde_json::Map::new();
    if let Some((text, named)) = condition.map(|place| CONDITIONS[place]) {
        fields["ConditionExpression"] = json!(text);
        values.extend(named.iter().map(|(name, value)| ((*name).to_owned(), json!({"N": value.to_string()}))));
        if text.contains(":text") {
            values.insert(":text".to_owned(), json!({"S": "word1"}));
        }
    }
    if let Some((text, named)) = update.map(|place| UPDATES[place]) {
        fields["UpdateExpression"] = json!(text);
        values.extend(named.iter().map(|(name, value)| ((*name).to_owned(), json!({"N": value.to_string()}))));
    }
    if !values.is_empty() {
        fields["ExpressionAttributeValues"] = values.into();
    }
    fields
}

fn spoken(asked: &Asked) -> (&'static str, Value) {
    match asked {
        Asked::Get(place) => ("GetItem", request(json!({"Key": key(*place), "ConsistentRead": true}), None, None)),
        Asked::BatchGet(one, other) => {
            ("BatchGetItem", json!({"RequestItems": {"connections": {"Keys": [key(*one), key(*other)], "ConsistentRead": true}}}))
        }
        Asked::Put(place, value, condition) => ("PutItem", request(json!({"Item": item(*place, *value)}), *condition, None)),
        Asked::Update(place, update, condition, is_new) => {
            let shown = if *is_new { "ALL_NEW" } else { "NONE" };
            let fields = json!({"Key": key(*place), "ReturnValues": shown, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
            ("UpdateItem", request(fields, *condition, Some(*update)))
        }
        Asked::Delete(place, condition) => {
            ("DeleteItem", request(json!({"Key": key(*place), "ReturnValues": "ALL_OLD"}), *condition, None))
        }
        Asked::Query { .. } | Asked::Due { .. } | Asked::Range { .. } => ("Query", query(asked)),
        Asked::Welcome(place, people, most) => {
            let set: Vec<String> =
                people.iter().map(|person| ["AAA=", "AAE=", "AAI=", "AAM=", "AAQ="][usize::from(*person)].to_owned()).collect();
            let mut fields = request(json!({"Key": key(*place), "ReturnValues": "ALL_NEW"}), None, None);
            fields["UpdateExpression"] = json!("SET fence = :most ADD people :people");
            fields["ConditionExpression"] = json!("attribute_not_exists(people) OR size(people) < :most");
            fields["ExpressionAttributeValues"] = json!({":people": {"BS": set}, ":most": {"N": most.to_string()}});
            ("UpdateItem", fields)
        }
        Asked::BatchWrite(place, value) => {
            let other = (place + 1) % 6;
            let requests = json!([{"PutRequest": {"Item": item(*place, *value)}}, {"DeleteRequest": {"Key": key(other)}}]);
            ("BatchWriteItem", json!({"RequestItems": {"connections": requests}}))
        }
        Asked::Transact { token, put, update, check } => {
            let mut actions = vec![
                json!({"Put": request(json!({"Item": item(put.0, put.1)}), None, None)}),
                json!({"Update": request(json!({"Key": key(2 + put.0)}), update.1, Some(update.0))}),
            ];
            actions.extend(check.map(|check| json!({"ConditionCheck": request(json!({"Key": key(5)}), Some(check), None)})));
            // A token stands for one transaction.
            let token = format!("{token}-{put:?}-{update:?}-{check:?}");
            ("TransactWriteItems", json!({"TransactItems": actions, "ClientRequestToken": short(&token)}))
        }
    }
}

/// A request for many items by their keys.
fn query(asked: &Asked) -> Value {
    match asked {
        Asked::Query { pk, start, limit, backward } => {
            let mut fields = request(json!({"ScanIndexForward": !backward}), None, None);
            let mut values = json!({":pk": {"S": format!("p{pk}")}});
            fields["KeyConditionExpression"] = json!("pk = :pk");
            if let Some(start) = start {
                fields["KeyConditionExpression"] = json!("pk = :pk AND begins_with(sk, :start)");
                values[":start"] = json!({"S": start});
            }
            fields["ExpressionAttributeValues"] = values;
            if let Some(limit) = limit {
                fields["Limit"] = json!(limit);
            }
            fields
        }
        Asked::Due { until, limit, .. } => {
            let mut fields = request(json!({"IndexName": "by-work", "Limit": limit}), None, None);
            fields["KeyConditionExpression"] = json!("#work = :work AND work_at <= :now");
            fields["ExpressionAttributeNames"] = json!({"#work": "work"});
            fields["ExpressionAttributeValues"] = json!({":work": {"S": "check#01"}, ":now": {"N": until.to_string()}});
            fields
        }
        Asked::Range { pk, from, to, limit, are_parts } => {
            let mut fields = request(json!({"KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last"}), None, None);
            fields["ConsistentRead"] = json!(true);
            fields["ExpressionAttributeValues"] =
                json!({":pk": {"S": format!("p{pk}")}, ":first": {"S": BOUNDS[*from]}, ":last": {"S": BOUNDS[*to]}});
            if let Some(limit) = limit {
                fields["Limit"] = json!(limit);
            }
            if *are_parts {
                fields["ProjectionExpression"] = json!("sk, word");
            }
            fields
        }
        other => panic!("{other:?} asks for no keys"),
    }
}

/// At most 36 characters, which is what DynamoDB takes.
fn short(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:x}")
}

/// What counts of an answer.
fn told(answer: &Answer) -> Value {
    let body = &answer.body;
    let kind = body["__type"].as_str().and_then(|kind| kind.rsplit('#').next());
    let reasons =
        body["CancellationReasons"].as_array().map(|reasons| reasons.iter().map(|reason| reason["Code"].clone()).collect::<Vec<_>>());
    let mut found = body["Responses"]["connections"].as_array().cloned().unwrap_or_default();
    found.sort_by_key(Value::to_string);
    let mut told = json!({
        "status": answer.status, "kind": kind, "reasons": reasons, "found": found, "item": body["Item"], "attributes": body["Attributes"],
        "items": body["Items"], "count": body["Count"], "last": body["LastEvaluatedKey"],
    });
    order_sets(&mut told);
    told
}

/// Sets have no order.
fn order_sets(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
            Value::Array(elements) if name == "BS" => elements.sort_by_key(Value::to_string),
            value => order_sets(value),
        }),
        Value::Array(values) => values.iter_mut().for_each(order_sets),
        _ => {}
    }
}

fn table() -> Value {
    let keys = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    let kinds = [("pk", "S"), ("sk", "S"), ("work", "S"), ("work_at", "N")];
    json!({
        "TableName": "connections", "BillingMode": "PAY_PER_REQUEST", "KeySchema": keys("pk", "sk"),
        "AttributeDefinitions": kinds.map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})),
        "GlobalSecondaryIndexes": [
            {"IndexName": "by-work", "KeySchema": keys("work", "work_at"), "Projection": {"ProjectionType": "KEYS_ONLY"}},
        ],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_model_answers_as_the_engine_does(all in prop::collection::vec(asked(), 1..40)) {
        let (model, engine) = (Model::default(), Embedded::start());
        prop_assert_eq!(model.answer("CreateTable", &table()).status, engine.answer("CreateTable", &table()).status);
        for asked in &all {
            let (operation, mut request) = spoken(asked);
            let pages = match asked {
                Asked::Due { pages, .. } => *pages,
                Asked::Range { .. } => 3,
                _ => 1,
            };
            for _ in 0..pages {
                let (modelled, real) = (model.answer(operation, &request), engine.answer(operation, &request));
                prop_assert_eq!(told(&modelled), told(&real), "{} {}", operation, request);
                match modelled.body.get("LastEvaluatedKey") {
                    Some(last) => request["ExclusiveStartKey"] = last.clone(),
                    None => break,
                }
            }
        }
    }
}
