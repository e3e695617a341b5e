//! The one place that knows what the store's items look like: whoever changes them changes this.

use adapters::store::connections::{Body, Grant, Slot};
use adapters::store::notices::Notice;
use domain::ids::ConnectionId;
use jiff::Timestamp;
use serde_json::Value;

use super::database::Item;

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

/// What a request is about, for the trace.
#[must_use]
pub fn label(operation: &str, request: &Value) -> String {
    let values = &request["ExpressionAttributeValues"];
    let start = ["Key", "Item"].iter().find_map(|name| request[*name]["sk"]["S"].as_str());
    let keys = request["RequestItems"].as_object().into_iter().flatten().find_map(|(_, asked)| asked["Keys"][0]["sk"]["S"].as_str());
    let what = start.or(keys).or_else(|| [":work", ":grant", ":notice"].iter().find_map(|name| values[*name]["S"].as_str()));
    let short = what.map(|what| if what.starts_with("notice#0") { "notice" } else { what });
    let condition = request["ConditionExpression"].as_str().filter(|_| operation == "UpdateItem");
    let why = match condition {
        Some(condition) if condition.contains("lease_until") => " take",
        Some("fence = :fence") => " settle",
        _ => "",
    };
    format!("{operation} {}{why}", short.unwrap_or("-"))
}

/// The grants that a connection has: the one in use, and its spare.
pub fn grants(body: &Body) -> impl Iterator<Item = &Grant> {
    [body.grant.as_ref(), body.spare.as_ref().map(|spare| &spare.grant)].into_iter().flatten()
}
