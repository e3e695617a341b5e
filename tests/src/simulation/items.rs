//! The one place that knows what the store's items look like: whoever changes them changes this.

use adapters::store::connections::{Body, Grant, Slot};
use adapters::store::notices::Notice;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::attribute;
use domain::ids::{ConnectionId, ObjectId};
use domain::walk::Walk;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::database::Item;
use crate::engine::PEOPLE;

/// An item of the connections table, as far as the rules look at it.
#[derive(Debug, Clone)]
pub enum Stored {
    /// A connection: what it is, and when its check is due.
    Connection(Box<Body>, Option<Timestamp>),
    /// The tokens of a slot, by the sealed bytes of the refresh token as base64.
    Grant(Slot, String),
    /// A notice owed.
    Notice(Box<Notice>),
    /// Anything else.
    Other,
}

/// Whose item it is, and what it says.
///
/// # Panics
/// When it is not as the store writes it.
#[must_use]
pub fn read(item: &Item) -> Option<(ConnectionId, Stored)> {
    let text = |name: &str| item.get(name).and_then(|value| value["S"].as_str());
    let id = text("pk")?.strip_prefix("connection#")?.parse().ok()?;
    let sk = text("sk")?;
    let stored = match sk {
        "connection" => {
            let body = serde_json::from_str(text("body")?).expect("a connection's body");
            Stored::Connection(Box::new(body), item.contains_key("work").then(|| time(item, "work_at")).flatten())
        }
        _ if sk.starts_with("grant#") => {
            let slot = Slot {
                slot: u8::try_from(number(item, "slot")?).expect("a slot's number"),
                generation: u64::try_from(number(item, "generation")?).expect("a generation"),
            };
            Stored::Grant(slot, item.get("refresh").and_then(|value| value["B"].as_str())?.to_owned())
        }
        _ if sk.starts_with("notice#") => Stored::Notice(Box::new(serde_json::from_str(text("body")?).expect("a notice's body"))),
        _ => Stored::Other,
    };
    Some((id, stored))
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name).and_then(|value| value["N"].as_str())?.parse().ok()
}

fn time(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(number(item, name)?).ok()
}

/// An item of the sync, as far as the rules look at it.
#[derive(Debug, Clone)]
pub enum Synced {
    /// Where the walk stands, and when its next step is due.
    Walk(Box<Walk>, Option<Timestamp>),
    /// A person: what is said of them, and when that was written.
    Person(ObjectId, Told),
    /// Who is gone, and who is back, by a page of a round.
    Gone((u32, u32), Vec<(ObjectId, bool)>),
}

/// A stored person.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Attributes by Graph's names, and the manager, as [`said`] tells them.
    pub body: Value,
    /// When it was written, as it stands there.
    pub changed_at: i64,
    /// Whether the person is listed.
    pub is_shown: bool,
}

/// Whose item it is, and what it says of the sync.
///
/// # Panics
/// When it is not as the store writes it.
#[must_use]
pub fn read_synced(item: &Item) -> Option<(ConnectionId, Synced)> {
    let text = |name: &str| item.get(name).and_then(|value| value["S"].as_str());
    let (pk, sk) = (text("pk")?, text("sk")?);
    if let Some(id) = pk.strip_prefix("connection#").filter(|_| sk == "walk") {
        let walk = serde_json::from_str(text("body")?).expect("a walk's body");
        return Some((id.parse().ok()?, Synced::Walk(walk, item.contains_key("work").then(|| time(item, "work_at")).flatten())));
    }
    if let Some(id) = pk.strip_prefix("gone#") {
        let (round, page) = sk.split_once("#page#")?;
        let entries = STANDARD.decode(item.get("entries")?["B"].as_str()?).expect("bytes");
        let page = (round.parse().expect("a round"), page.parse().expect("a page"));
        return Some((id.parse().ok()?, Synced::Gone(page, unpacked(&entries))));
    }
    let person = sk.strip_prefix("person#")?.parse().ok()?;
    let body: Value = serde_json::from_str(text("body")?).expect("a person's body");
    let attributes = body["a"].as_object().into_iter().flatten();
    let attributes: Map<String, Value> = attributes.map(|(code, value)| (attribute::name(code).to_owned(), value.clone())).collect();
    let told = Told {
        body: said(attributes, &body["m"]),
        changed_at: number(item, "changed_at").expect("when it was written"),
        is_shown: item.contains_key("name_key"),
    };
    Some((pk.parse().ok()?, Synced::Person(person, told)))
}

/// What is said of a person, to be compared.
#[must_use]
pub fn said(attributes: Map<String, Value>, manager: &Value) -> Value {
    json!([attributes, manager])
}

/// Ids with a flag each.
fn unpacked(packed: &[u8]) -> Vec<(ObjectId, bool)> {
    let entry = |bytes: &[u8; 17]| Some((ObjectId(Uuid::from_slice(&bytes[..16]).ok()?), bytes[16] != 0));
    packed.as_chunks::<17>().0.iter().filter_map(entry).collect()
}

/// A note of who is gone, here as base64, without those who are.
#[must_use]
pub fn without_gone(packed: &str) -> String {
    let bytes = STANDARD.decode(packed).unwrap_or_default();
    let back: Vec<u8> = bytes.as_chunks::<17>().0.iter().filter(|entry| entry[16] == 0).flatten().copied().collect();
    STANDARD.encode(back)
}

/// The keys of the people's table that a request writes without a condition: whatever comes last stays.
#[must_use]
pub fn written_blindly(operation: &str, request: &Value) -> Vec<(String, String)> {
    let key = |item: &Value| Some((item["pk"]["S"].as_str()?.to_owned(), item["sk"]["S"].as_str()?.to_owned()));
    match operation {
        "PutItem" if request["TableName"] == PEOPLE && request["ConditionExpression"].is_null() => {
            key(&request["Item"]).into_iter().collect()
        }
        "BatchWriteItem" => {
            let requests = request["RequestItems"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_array).flatten();
            requests.filter_map(|write| key(&write["PutRequest"]["Item"]).or_else(|| key(&write["DeleteRequest"]["Key"]))).collect()
        }
        _ => Vec::new(),
    }
}

/// What a request is about, for the trace.
#[must_use]
pub fn label(operation: &str, request: &Value) -> String {
    let values = &request["ExpressionAttributeValues"];
    let start = ["Key", "Item"].iter().find_map(|name| request[*name]["sk"]["S"].as_str());
    let keys = request["RequestItems"].as_object().into_iter().flatten().find_map(|(_, asked)| asked["Keys"][0]["sk"]["S"].as_str());
    let blind = written_blindly(operation, request).into_iter().next().map(|(_, sk)| sk);
    let what =
        start.or(keys).or(blind.as_deref()).or_else(|| [":work", ":grant", ":notice"].iter().find_map(|name| values[*name]["S"].as_str()));
    let short = what.map(|what| if what.starts_with("notice#0") { "notice" } else { what });
    let condition = request["ConditionExpression"].as_str().filter(|_| operation == "UpdateItem");
    let why = match condition {
        Some("fence = :fence") => " settle",
        Some(condition) if condition.contains("lease_until BETWEEN") => " note",
        Some(condition) if condition.contains("lease_until") => " take",
        _ => "",
    };
    format!("{operation} {}{why}", short.unwrap_or("-"))
}

/// The grants that a connection has: the one in use, and its spare.
pub fn grants(body: &Body) -> impl Iterator<Item = &Grant> {
    [body.grant.as_ref(), body.spare.as_ref().map(|spare| &spare.grant)].into_iter().flatten()
}
