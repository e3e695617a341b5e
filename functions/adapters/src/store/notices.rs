//! Notices owed: written together with the change of health that they tell, found by the work index.

use domain::health::Standing;
use domain::ids::{ConnectionId, CustomerId, NoticeId};
use domain::notice::NoticeKind;
use domain::schedule::shard;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::connections::Connection;
use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::{Store, StoreError, connection_key, failed};

/// The most notices that one reading gives.
const READ_MAX: i32 = 50;

/// A message owed about a change of health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id, the same however often it is delivered.
    pub id: NoticeId,
    /// Whose connection.
    pub connection: ConnectionId,
    /// Whose customer.
    pub customer: CustomerId,
    /// What about.
    pub kind: NoticeKind,
    /// Health after the change.
    pub standing: Standing,
    /// When the grant is expected to stop, where the notice is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whole days until then, a begun one as one; 0 when it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<u16>,
    /// The contact that it is about, by its id, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// What the channel to that contact said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when it is owed.
    pub owed_at: Timestamp,
}

impl Notice {
    /// The notice that a connection's new health owes, with an id out of 16 random bytes.
    #[must_use]
    pub fn about(connection: &Connection, kind: NoticeKind, random: [u8; 16], now: Timestamp) -> Self {
        let forecast = connection.body.forecast.as_ref().filter(|_| matches!(kind, NoticeKind::Expiring | NoticeKind::Reminder));
        Self {
            id: NoticeId::mint(random),
            connection: connection.id.clone(),
            customer: connection.customer.clone(),
            kind,
            standing: connection.body.standing.clone(),
            ends_at: forecast.map(|forecast| forecast.ends_at),
            days_left: forecast.map(|forecast| forecast.days_left(now)),
            contact: None,
            why: None,
            owed_at: now,
        }
    }

    /// What is told of the delivery of this one, under an id that is made of its own, so that it is the same whoever writes it.
    #[must_use]
    pub fn follow_up(&self, kind: NoticeKind, about: Option<(String, String)>, now: Timestamp) -> Self {
        let word = match &about {
            Some((contact, _)) => format!("disabled-{contact}"),
            None => "nobody".to_owned(),
        };
        let id = format!("{}-{word}", self.id).parse().unwrap_or_else(|_| self.id.clone());
        let (contact, why) = about.unzip();
        Self { id, kind, contact, why, owed_at: now, ..self.clone() }
    }

    pub(super) fn item(&self) -> Result<Item, StoreError> {
        let sk = sort_key(self.owed_at.as_millisecond(), &self.id);
        Ok(Item::from([
            ("pk".to_owned(), text(connection_key(&self.connection))),
            ("sk".to_owned(), text(sk)),
            ("v".to_owned(), number(VERSION)),
            ("body".to_owned(), json(self)?),
            ("work".to_owned(), text(work(&self.connection))),
            ("work_at".to_owned(), time(self.owed_at)),
        ]))
    }
}

/// The sort key begins with the time, so that a connection's notices read in order.
pub(super) fn sort_key(owed_at_ms: i64, id: &NoticeId) -> String {
    format!("notice#{owed_at_ms:020}#{id}")
}

/// Where a notice waits to be told.
pub(super) fn work(connection: &ConnectionId) -> String {
    format!("notice#{:02}", shard(connection))
}

impl Store {
    /// The latest notices of a connection, newest first; at most 50.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices(&self, id: &ConnectionId) -> Result<Vec<Notice>, StoreError> {
        let request = self.client.query().table_name(&self.connections).scan_index_forward(false).limit(READ_MAX);
        let request = request
            .key_condition_expression("pk = :pk AND begins_with(sk, :notice)")
            .expression_attribute_values(":pk", text(connection_key(id)))
            .expression_attribute_values(":notice", text("notice#"));
        let answer = request.send().await.map_err(|error| failed(format!("read the notices of {id}"), error))?;
        answer.items.unwrap_or_default().iter().map(|item| Reader::open(item)?.json("body")).collect()
    }
}
