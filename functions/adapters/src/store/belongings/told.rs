//! A stored item as JSON, for whoever asks what is stored: texts that hold JSON as what they hold, people by the full names of their
//! attributes, lists of ids as lists. Bytes that this file does not know are told by their number alone, because they may be a sealed secret.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::ObjectId;
use domain::roll::{LINE_BYTES, Line};
use serde_json::{Map, Value, json};

use super::Belonging;
use crate::store::people;

/// What only the working of the store needs.
const INTERNAL: [&str; 2] = ["holder", "fence"];
/// Bytes of a change: the id, and one for its kind.
const CHANGE_BYTES: usize = 17;
/// Bytes of an id.
const ID_BYTES: usize = 16;

impl Belonging {
    /// What it says.
    #[must_use]
    pub fn told(&self) -> Value {
        let mut told = Map::from_iter([
            ("kind".to_owned(), json!(self.kind())),
            ("table".to_owned(), json!(self.table)),
            ("key".to_owned(), json!([self.part("pk"), self.part("sk")])),
        ]);
        match people::read(&self.item).ok().filter(|_| self.kind() == "person") {
            Some(stored) => {
                told.insert("person".to_owned(), json!(stored.person));
                told.insert("changed_at".to_owned(), json!(stored.changed_at));
                told.insert("is_hidden".to_owned(), json!(stored.is_hidden));
            }
            None => told.extend(self.attributes()),
        }
        Value::Object(told)
    }

    fn attributes(&self) -> impl Iterator<Item = (String, Value)> {
        let is_news = |name: &&String| !["pk", "sk"].contains(&name.as_str()) && !INTERNAL.contains(&name.as_str());
        let mut names: Vec<&String> = self.item.keys().filter(is_news).collect();
        names.sort();
        names.into_iter().map(|name| (name.clone(), self.attribute(name)))
    }

    fn attribute(&self, name: &str) -> Value {
        match (self.kind(), name, self.item.get(name)) {
            ("roll", "lines", Some(AttributeValue::B(lines))) => {
                let ids = lines.as_ref().as_chunks::<LINE_BYTES>().0.iter().map(|line| Line::unpack(line).id.to_string());
                ids.collect::<Vec<_>>().into()
            }
            ("changes" | "gone", "entries", Some(AttributeValue::B(entries))) => {
                let entries = entries.as_ref().as_chunks::<CHANGE_BYTES>().0.iter();
                entries.map(|entry| json!([id(&entry[..ID_BYTES]), entry[ID_BYTES]])).collect()
            }
            ("newcomers", "people", Some(AttributeValue::Bs(people))) => people.iter().map(|person| json!(id(person.as_ref()))).collect(),
            (_, _, Some(value)) => told(value),
            (_, _, None) => Value::Null,
        }
    }
}

fn id(bytes: &[u8]) -> Option<String> {
    uuid::Uuid::from_slice(bytes).ok().map(|id| ObjectId(id).to_string())
}

fn told(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) if text.starts_with(['{', '[']) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(digits) => serde_json::from_str(digits).unwrap_or_else(|_| json!(digits)),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::Ss(texts) => json!(texts),
        AttributeValue::L(values) => values.iter().map(told).collect(),
        AttributeValue::M(values) => Value::Object(values.iter().map(|(name, value)| (name.clone(), told(value))).collect()),
        AttributeValue::B(bytes) => json!({"sealed_bytes": bytes.as_ref().len()}),
        _ => Value::Null,
    }
}
