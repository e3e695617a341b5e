//! The operations of DynamoDB that the store uses, on two ordered maps. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::expression::{Expression, compare};
use super::{Answer, Database, Item, Written};

type Key = (String, String);
type Table = BTreeMap<Key, Item>;

/// Two key attributes, hash and range.
type KeyNames = (String, String);

/// The model.
#[derive(Default)]
pub struct Model(Mutex<State>);

#[derive(Default, Clone)]
struct State {
    tables: BTreeMap<String, Table>,
    indexes: BTreeMap<(String, String), Index>,
    /// Tokens of transactions that were carried out.
    done: BTreeSet<String>,
}

#[derive(Clone)]
struct Index {
    key: KeyNames,
    /// The attributes beside the keys; all, where there is no list.
    projected: Option<Vec<String>>,
}

impl Model {
    /// A model with the same contents, for another run.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Mutex::new(self.state().clone()))
    }

    /// Looks at every item of a table.
    pub fn look(&self, table: &str, mut look: impl FnMut(&Item)) {
        self.state().tables.get(table).into_iter().flat_map(BTreeMap::values).for_each(&mut look);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for Model {
    fn answer(&self, operation: &str, request: &Value) -> Answer {
        let mut state = self.state();
        match operation {
            "CreateTable" => state.create_table(request),
            "GetItem" => state.read_item(request),
            "BatchGetItem" => state.batch_get_item(request),
            "Query" => state.query(request),
            "PutItem" | "UpdateItem" | "DeleteItem" => state.write_one(operation, request),
            "BatchWriteItem" => state.batch_write(request),
            "TransactWriteItems" => state.transact(request),
            other => panic!("the model does not know the operation {other}"),
        }
    }
}

/// Panics at parameters that would change the answer and are not known here.
fn admit(request: &Value, known: &[&str]) {
    for name in request.as_object().into_iter().flat_map(|fields| fields.keys()) {
        assert!(known.contains(&name.as_str()), "the model does not know the parameter {name}");
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn key(item: &Value) -> Key {
    (text(&item["pk"], "S").to_owned(), text(&item["sk"], "S").to_owned())
}

fn object(value: &Value) -> Item {
    value.as_object().cloned().unwrap_or_default()
}

impl State {
    fn create_table(&mut self, request: &Value) -> Answer {
        let table = text(request, "TableName");
        if self.tables.contains_key(table) {
            return Answer::refusal("ResourceInUseException");
        }
        self.tables.insert(table.to_owned(), Table::new());
        for index in request["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
            let part = |place: usize| text(&index["KeySchema"][place], "AttributeName").to_owned();
            let listed =
                |names: &Value| names.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            let projected = match text(&index["Projection"], "ProjectionType") {
                "ALL" => None,
                _ => Some(listed(&index["Projection"]["NonKeyAttributes"])),
            };
            let name = (table.to_owned(), text(index, "IndexName").to_owned());
            self.indexes.insert(name, Index { key: (part(0), part(1)), projected });
        }
        Answer::success(json!({"TableDescription": {"TableName": table, "TableStatus": "ACTIVE"}}), Vec::new())
    }

    fn table(&mut self, name: &str) -> &mut Table {
        self.tables.get_mut(name).unwrap_or_else(|| panic!("no table {name}"))
    }

    fn read_item(&mut self, request: &Value) -> Answer {
        admit(request, &["TableName", "Key", "ConsistentRead"]);
        let found = self.table(text(request, "TableName")).get(&key(&request["Key"]));
        Answer::success(found.map_or(json!({}), |item| json!({"Item": item})), Vec::new())
    }

    fn batch_get_item(&mut self, request: &Value) -> Answer {
        admit(request, &["RequestItems"]);
        let mut responses = Item::new();
        for (table, asked) in object(&request["RequestItems"]) {
            admit(&asked, &["Keys", "ConsistentRead"]);
            let keys = asked["Keys"].as_array().cloned().unwrap_or_default();
            let found: Vec<_> = keys.iter().filter_map(|asked| self.table(&table).get(&key(asked)).cloned()).collect();
            responses.insert(table, json!(found));
        }
        Answer::success(json!({"Responses": responses, "UnprocessedKeys": {}}), Vec::new())
    }

    fn query(&mut self, request: &Value) -> Answer {
        const KNOWN: &[&str] = &["TableName", "IndexName", "KeyConditionExpression", "ExpressionAttributeNames"];
        const MORE: &[&str] = &["ExpressionAttributeValues", "Limit", "ScanIndexForward", "ConsistentRead", "ExclusiveStartKey"];
        admit(request, &[KNOWN, MORE, &["ProjectionExpression"]].concat());
        let table = text(request, "TableName").to_owned();
        let index = request["IndexName"].as_str().map(|name| {
            let index = self.indexes.get(&(table.clone(), name.to_owned()));
            index.cloned().unwrap_or_else(|| panic!("no index {name}"))
        });
        let (hash, range) = index.as_ref().map_or_else(|| ("pk".to_owned(), "sk".to_owned()), |index| index.key.clone());
        let condition = text(request, "KeyConditionExpression");
        let is_indexed = |item: &&Item| item.contains_key(&hash) && item.contains_key(&range);
        let meets = |item: &&Item| Expression::new(condition, request).meets(item);
        let mut found: Vec<&Item> = self.table(&table).values().filter(is_indexed).filter(meets).collect();
        let place = |item: &Item| (item.get(&range).cloned(), item.get("pk").cloned(), item.get("sk").cloned());
        let ordered = |left: &(Option<Value>, Option<Value>, Option<Value>), right: &(Option<Value>, Option<Value>, Option<Value>)| {
            let by =
                |left: &Option<Value>, right: &Option<Value>| compare(left.as_ref(), right.as_ref()).unwrap_or(std::cmp::Ordering::Equal);
            by(&left.0, &right.0).then(by(&left.1, &right.1)).then(by(&left.2, &right.2))
        };
        found.sort_by(|left, right| ordered(&place(left), &place(right)));
        if request["ScanIndexForward"] == false {
            found.reverse();
        }
        if let Some(start) = request["ExclusiveStartKey"].as_object() {
            let is_start = |item: &&Item| item.get("pk") == start.get("pk") && item.get("sk") == start.get("sk");
            let after = found.iter().position(is_start).map_or(found.len(), |place| place + 1);
            found.drain(..after);
        }
        let limit = request["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let is_cut = found.len() >= limit;
        found.truncate(limit);
        let keys = [hash.as_str(), range.as_str(), "pk", "sk"];
        let last = found
            .last()
            .filter(|_| is_cut)
            .map(|item| item.iter().filter(|(name, _)| keys.contains(&name.as_str())).collect::<BTreeMap<_, _>>());
        let last = json!(last);
        let projected = |item: &&Item| match index.as_ref().and_then(|index| index.projected.as_ref()) {
            None => (*item).clone(),
            Some(more) => {
                let is_shown = |name: &String| keys.contains(&name.as_str()) || more.contains(name);
                item.iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
            }
        };
        let wanted: Option<Vec<&str>> = request["ProjectionExpression"].as_str().map(|names| names.split(", ").collect());
        let is_wanted = |name: &String| wanted.as_ref().is_none_or(|wanted| wanted.contains(&name.as_str()));
        let items = found.iter().map(projected).map(|item| item.into_iter().filter(|(name, _)| is_wanted(name)).collect());
        let items: Vec<Item> = items.collect();
        let mut body = json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items});
        if !last.is_null() {
            body["LastEvaluatedKey"] = last;
        }
        Answer::success(body, Vec::new())
    }

    fn write_one(&mut self, operation: &str, request: &Value) -> Answer {
        match self.prepare(operation, request) {
            Err(stored) => {
                let mut answer = Answer::refusal("ConditionalCheckFailedException");
                if request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD" && !stored.is_empty() {
                    answer.body["Item"] = json!(stored);
                }
                answer
            }
            Ok(written) => {
                self.carry_out(&written);
                let shown = match request["ReturnValues"].as_str().unwrap_or("NONE") {
                    "NONE" => None,
                    "ALL_NEW" => written.after.clone(),
                    "ALL_OLD" => written.before.clone(),
                    other => panic!("the model does not know ReturnValues={other}"),
                };
                let body = shown.map_or(json!({}), |item| json!({"Attributes": item}));
                Answer::success(body, vec![written])
            }
        }
    }

    /// What a write comes to, or the item that does not meet its condition.
    fn prepare(&mut self, operation: &str, request: &Value) -> Result<Written, Item> {
        const KNOWN: &[&str] = &["TableName", "Item", "Key", "UpdateExpression", "ConditionExpression", "ExpressionAttributeNames"];
        const MORE: &[&str] = &["ExpressionAttributeValues", "ReturnValues", "ReturnValuesOnConditionCheckFailure"];
        admit(request, &[KNOWN, MORE].concat());
        let table = text(request, "TableName").to_owned();
        let place = key(if operation == "PutItem" { &request["Item"] } else { &request["Key"] });
        let before = self.table(&table).get(&place).cloned();
        let stored = before.clone().unwrap_or_default();
        if let Some(condition) = request["ConditionExpression"].as_str()
            && !Expression::new(condition, request).meets(&stored)
        {
            return Err(stored);
        }
        let after = match operation {
            "PutItem" => Some(object(&request["Item"])),
            "DeleteItem" => None,
            "UpdateItem" => {
                let mut item = if stored.is_empty() { object(&request["Key"]) } else { stored };
                if let Some(update) = request["UpdateExpression"].as_str() {
                    Expression::new(update, request).apply(&mut item);
                }
                Some(item)
            }
            _ => before.clone(),
        };
        Ok(Written { table, before, after })
    }

    fn carry_out(&mut self, written: &Written) {
        let Some(item) = written.after.as_ref().or(written.before.as_ref()) else { return };
        let place = key(&json!(item));
        let table = self.table(&written.table);
        match &written.after {
            Some(item) => table.insert(place, item.clone()),
            None => table.remove(&place),
        };
    }

    fn batch_write(&mut self, request: &Value) -> Answer {
        admit(request, &["RequestItems"]);
        let mut all = Vec::new();
        for (table, requests) in object(&request["RequestItems"]) {
            for request in requests.as_array().into_iter().flatten() {
                let (operation, mut inner) = match request.get("PutRequest") {
                    Some(put) => ("PutItem", put.clone()),
                    None => ("DeleteItem", request["DeleteRequest"].clone()),
                };
                inner["TableName"] = json!(table);
                if let Ok(written) = self.prepare(operation, &inner) {
                    self.carry_out(&written);
                    all.push(written);
                }
            }
        }
        Answer::success(json!({"UnprocessedItems": {}}), all)
    }

    fn transact(&mut self, request: &Value) -> Answer {
        admit(request, &["TransactItems", "ClientRequestToken"]);
        let token = request["ClientRequestToken"].as_str().map(str::to_owned);
        if token.as_ref().is_some_and(|token| self.done.contains(token)) {
            return Answer::success(json!({}), Vec::new());
        }
        let mut all = Vec::new();
        let mut reasons = Vec::new();
        let mut is_refused = false;
        for action in request["TransactItems"].as_array().into_iter().flatten() {
            let (kind, inner) = object(action).into_iter().next().unwrap_or_else(|| panic!("an empty action"));
            let operation = match kind.as_str() {
                "Put" => "PutItem",
                "Update" => "UpdateItem",
                "Delete" => "DeleteItem",
                "ConditionCheck" => "ConditionCheck",
                other => panic!("the model does not know the action {other}"),
            };
            let prepared = self.prepare(operation, &inner);
            is_refused |= prepared.is_err();
            reasons.push(match &prepared {
                Ok(_) => json!({"Code": "None"}),
                Err(_) => json!({"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}),
            });
            all.extend(prepared.ok().filter(|_| operation != "ConditionCheck"));
        }
        if is_refused {
            let mut answer = Answer::refusal("TransactionCanceledException");
            answer.body["CancellationReasons"] = json!(reasons);
            return answer;
        }
        all.iter().for_each(|written| self.carry_out(written));
        self.done.extend(token);
        Answer::success(json!({}), all)
    }
}
