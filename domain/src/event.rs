//! What is told when a person changes: which event an old and a new image of the person come to.
//!
//! ```text
//!            │ new: shown                          │ new: hidden or gone
//! ───────────┼─────────────────────────────────────┼────────────────────
//! old: shown │ person.changed, unless all is equal │ person.removed
//! old: else  │ person.changed, as new              │ nothing
//! ```
//! The images alone decide. A page that is applied twice writes the same person twice, and says so once; a worker that dies and one that
//! does its work again come to one event together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use crate::person::{Person, Record, Value};
use crate::roll::Visibility;

/// The version of [`Detail`]. A new field is no new version; a field that goes, or means something else, is.
pub const VERSION: u32 = 1;
/// The name by which events call the manager; it is none of Graph's attributes.
pub const MANAGER: &str = "manager";

/// Attributes that changed, with what they are now; `None` where they are cleared.
pub type Changes = BTreeMap<String, Option<Value>>;

/// What happened to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The person was not to be seen before, and now is, with these attributes.
    Appeared(Changes),
    /// These attributes changed.
    Changed(Changes),
    /// The person is not to be seen any more.
    Removed,
}

/// Whether events carry values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Telling {
    /// Names alone: whoever wants values reads them, and is asked who they are.
    #[default]
    Names,
    /// Names, and what they are now.
    Values,
}

/// Says what happened between two images of one person; `None` where nobody has to be told.
#[must_use]
pub fn happening(old: Option<&Record>, new: Option<&Record>) -> Option<Happening> {
    let shown = |image: Option<&Record>| image.filter(|image| image.visibility == Visibility::Shown).map(|image| all(&image.person));
    match (shown(old), shown(new)) {
        (None, None) => None,
        (Some(_), None) => Some(Happening::Removed),
        (None, Some(new)) => Some(Happening::Appeared(new.into_iter().map(|(name, value)| (name, Some(value))).collect())),
        (Some(old), Some(new)) => Some(differences(&old, &new)).filter(|changes| !changes.is_empty()).map(Happening::Changed),
    }
}

/// Everything that is set, the manager included.
fn all(person: &Person) -> BTreeMap<String, Value> {
    let manager = person.manager.map(|id| (MANAGER.to_owned(), Value::Text(id.to_string())));
    person.attributes.clone().into_iter().chain(manager).collect()
}

fn differences(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Changes {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    changed.map(|name| (name.clone(), new.get(name).cloned())).collect()
}

/// The id of an event. Whoever gets an event twice knows it by this id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The id of the event of one stream record, out of the record's `eventID`: it is globally unique and the same whenever the record is
    /// delivered, where a sequence number is unique in its shard alone, and a fresh id would make of a redelivery a second event.
    /// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html>
    #[must_use]
    pub fn of_record(event_id: &str) -> Self {
        Self(format!("evt-{event_id}"))
    }

    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What an event says, as it is published: field by field as in the JSON Schema of `change-events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// [`VERSION`].
    pub version: u32,
    /// The same at every delivery.
    pub id: EventId,
    /// Whose person.
    #[serde(flatten)]
    pub origin: Origin,
    /// The person's object id.
    pub person: ObjectId,
    /// When the change was stored.
    pub changed_at: Timestamp,
    /// What is said of a person who is there.
    #[serde(flatten)]
    pub present: Option<Present>,
}

/// Where a person belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The connection.
    pub connection: ConnectionId,
    /// The customer, unless the connection is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The tenant, where a consent proved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
}

/// What `person.changed` says beyond `person.removed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Present {
    /// Whether the person was not to be seen before.
    pub is_new: bool,
    /// Names of the attributes that changed, in order; of a new person, of all that are set.
    pub attributes: BTreeSet<String>,
    /// What they are now, `null` where cleared; only where configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Changes>,
}

impl Happening {
    /// The event's type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Appeared(_) | Self::Changed(_) => "person.changed",
            Self::Removed => "person.removed",
        }
    }

    /// What the event says of a person who is there.
    #[must_use]
    pub fn present(&self, telling: Telling) -> Option<Present> {
        let (is_new, changes) = match self {
            Self::Appeared(changes) => (true, changes),
            Self::Changed(changes) => (false, changes),
            Self::Removed => return None,
        };
        let values = match telling {
            Telling::Names => None,
            Telling::Values => Some(changes.clone()),
        };
        Some(Present { is_new, attributes: changes.keys().cloned().collect(), values })
    }
}

#[cfg(test)]
mod tests;
