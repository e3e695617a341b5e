//! People: what the directory says about each, and the order in which they are listed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use domain::attribute;
use domain::ids::{ConnectionId, ObjectId};
use domain::person::{AddressKind, Person, Record, Value};
use domain::roll::Visibility;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::rolls::IdRange;
use super::{Store, StoreError, addresses, failed};

/// The most items of one batch read, by DynamoDB.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const READ_BATCH: usize = 100;
/// The most items of one batch write, by DynamoDB.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const WRITE_BATCH: usize = 25;
/// Batches in flight at a time.
const IN_FLIGHT: usize = 8;
/// How often what DynamoDB left undone is asked again, with doubling waits from 50 ms: 3.2 s in all.
const TRIES_MAX: u32 = 6;
/// The most index entries that one search reads, so that a rare word in a large tenant costs a bounded read; the cursor leads on.
const SEARCH_READ_MAX: i32 = 2_000;

/// A stored person.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPerson {
    /// The person.
    pub person: Person,
    /// When something about the person last changed here.
    pub changed_at: Timestamp,
    /// Whether the person is left out: stored, in no index, and nobody to readers.
    pub is_hidden: bool,
}

/// Who is stored, without what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredId {
    /// The person.
    pub id: ObjectId,
    /// Whether they are shown.
    pub visibility: Visibility,
}

/// What becomes of a stored person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Stored as this.
    Put(Record),
    /// Removed.
    Delete(ObjectId),
}

impl StoredPerson {
    /// Without when it changed.
    #[must_use]
    pub fn record(self) -> Record {
        let visibility = if self.is_hidden { Visibility::Hidden } else { Visibility::Shown };
        Record { person: self.person, visibility }
    }
}

/// A person's attributes as they are stored, under their codes, so that an item stays below a kilobyte. What has no code keeps its name.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "a")]
    attributes: BTreeMap<&'a str, &'a Value>,
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    manager: Option<ObjectId>,
}

/// The same, read back.
#[derive(Deserialize)]
struct OwnedBody {
    #[serde(rename = "a")]
    attributes: BTreeMap<String, Value>,
    #[serde(rename = "m", default)]
    manager: Option<ObjectId>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Only people whose name, mail or user principal name contains this text, in lower case.
    pub search: Option<String>,
    /// Where the last page ended.
    pub after: Option<String>,
    /// How many at most; 1 to 100.
    pub limit: u8,
}

impl Store {
    /// Reads these people; those that are not stored are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people(&self, id: &ConnectionId, people: &[ObjectId]) -> Result<Vec<StoredPerson>, StoreError> {
        let batches = futures::stream::iter(people.chunks(READ_BATCH).map(<[ObjectId]>::to_vec));
        let read = batches.map(|batch| self.read_batch(id, batch)).buffered(IN_FLIGHT);
        let found: Vec<Vec<StoredPerson>> = read.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn read_batch(&self, id: &ConnectionId, people: Vec<ObjectId>) -> Result<Vec<StoredPerson>, StoreError> {
        let what = || format!("read people of {id}");
        let mut keys: Vec<Item> = people.iter().map(|person| key(id, person)).collect();
        let mut found = Vec::new();
        for attempt in 0..TRIES_MAX {
            pause(attempt).await;
            let wanted = KeysAndAttributes::builder().set_keys(Some(std::mem::take(&mut keys))).consistent_read(true).build();
            let wanted = wanted.map_err(|error| StoreError::Unavailable { what: what(), source: error.into() })?;
            let answer = self.client.batch_get_item().request_items(&self.people, wanted).send().await;
            let answer = answer.map_err(|error| failed(what(), error))?;
            for item in answer.responses.unwrap_or_default().remove(&self.people).unwrap_or_default() {
                found.push(read(&item)?);
            }
            keys = answer.unprocessed_keys.unwrap_or_default().remove(&self.people).map(|left| left.keys).unwrap_or_default();
            if keys.is_empty() {
                return Ok(found);
            }
        }
        Err(StoreError::Unavailable { what: what(), source: "DynamoDB left keys unread".into() })
    }

    /// Writes people. Writing them twice is writing them once.
    ///
    /// # Errors
    /// [`StoreError`]; part of it may be written then.
    pub async fn write_people(&self, id: &ConnectionId, writes: &[Write], now: Timestamp) -> Result<(), StoreError> {
        let requests = |batch: &[Write]| batch.iter().map(|write| write_request(id, write, now)).collect();
        let batches: Vec<Vec<WriteRequest>> = writes.chunks(WRITE_BATCH).map(requests).collect::<Result<_, StoreError>>()?;
        let written = futures::stream::iter(batches).map(|batch| self.write_batch(id, batch));
        written.buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    async fn write_batch(&self, id: &ConnectionId, mut left: Vec<WriteRequest>) -> Result<(), StoreError> {
        let what = || format!("write people of {id}");
        for attempt in 0..TRIES_MAX {
            pause(attempt).await;
            let answer = self.client.batch_write_item().request_items(&self.people, std::mem::take(&mut left)).send().await;
            let answer = answer.map_err(|error| failed(what(), error))?;
            left = answer.unprocessed_items.unwrap_or_default().remove(&self.people).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable { what: what(), source: "DynamoDB left items unwritten".into() })
    }

    /// One page of people by display name, and the cursor of the next page. The page may hold fewer than asked for, or none, although more
    /// follow: only a page without a cursor is the last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_people(&self, id: &ConnectionId, listing: &Listing) -> Result<(Vec<StoredPerson>, Option<String>), StoreError> {
        let (entries, next) = self.index_entries(id, listing).await?;
        let ids: Vec<ObjectId> = entries.iter().filter_map(object_id).collect();
        let mut by_id: HashMap<ObjectId, StoredPerson> =
            self.people(id, &ids).await?.into_iter().map(|stored| (stored.person.id, stored)).collect();
        Ok((ids.iter().filter_map(|person| by_id.remove(person)).collect(), next))
    }

    /// Entries of the index by name, and where the next page begins.
    async fn index_entries(&self, id: &ConnectionId, listing: &Listing) -> Result<(Vec<Item>, Option<String>), StoreError> {
        let limit = usize::from(listing.limit.clamp(1, 100));
        // Every name key is longer than this one character, and greater.
        let after = listing.after.as_deref().unwrap_or("\u{0}");
        let mut request = self.client.query().table_name(&self.people).index_name("by-name");
        request = request
            .key_condition_expression("pk = :pk AND name_key > :after")
            .expression_attribute_values(":pk", text(id.as_str()))
            .expression_attribute_values(":after", text(after));
        request = match &listing.search {
            None => request.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX)),
            Some(search) => request
                .limit(SEARCH_READ_MAX)
                .filter_expression("contains(#search, :search)")
                .expression_attribute_names("#search", "search")
                .expression_attribute_values(":search", text(search)),
        };
        let answer = request.send().await.map_err(|error| failed(format!("list people of {id}"), error))?;
        let mut entries = answer.items.unwrap_or_default();
        let read_to = answer.last_evaluated_key.as_ref().and_then(name_key);
        let next = match entries.len() > limit {
            true => {
                entries.truncate(limit);
                entries.last().and_then(name_key)
            }
            false => read_to,
        };
        Ok((entries, next))
    }

    /// Ids of the stored people in a range.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored_ids(&self, id: &ConnectionId, range: IdRange) -> Result<Vec<StoredId>, StoreError> {
        let (first, last) = range.sort_keys();
        let request = self.client.query().table_name(&self.people).consistent_read(true).projection_expression("sk, name_key");
        let request = request
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(id.as_str()))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        let mut items = request.into_paginator().items().send();
        let mut ids = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(format!("list ids of {id}"), error))?;
            ids.extend(object_id(&item).map(|id| StoredId { id, visibility: visibility(&item) }));
        }
        Ok(ids)
    }
}

async fn pause(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(Duration::from_millis(25 << attempt)).await;
    }
}

fn key(id: &ConnectionId, person: &ObjectId) -> Item {
    Item::from([("pk".to_owned(), text(id.as_str())), ("sk".to_owned(), text(format!("person#{person}")))])
}

fn write_request(id: &ConnectionId, write: &Write, now: Timestamp) -> Result<WriteRequest, StoreError> {
    let unbuilt = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable {
        what: format!("write people of {id}"),
        source: error.into(),
    };
    match write {
        Write::Delete(person) => {
            let delete = DeleteRequest::builder().set_key(Some(key(id, person))).build().map_err(unbuilt)?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        }
        Write::Put(record) => {
            let put = PutRequest::builder().set_item(Some(item(id, record, now)?)).build().map_err(unbuilt)?;
            Ok(WriteRequest::builder().put_request(put).build())
        }
    }
}

fn item(id: &ConnectionId, Record { person, visibility }: &Record, now: Timestamp) -> Result<Item, StoreError> {
    let attributes = person.attributes.iter().map(|(name, value)| (attribute::code(name), value)).collect();
    let mut item = key(id, &person.id);
    let attributes: [(&str, AttributeValue); 3] =
        [("v", number(VERSION)), ("body", json(&Body { attributes, manager: person.manager })?), ("changed_at", time(now))];
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    // Who is left out is in no index.
    if *visibility == Visibility::Shown {
        item.extend([("name_key".to_owned(), text(person.sort_key())), ("search".to_owned(), text(person.search_text()))]);
        item.extend(AddressKind::ALL.into_iter().filter_map(|kind| addresses::index_key(person, kind)));
    }
    Ok(item)
}

/// Reads a person's item; those of the first version name their attributes in full.
pub(super) fn read(item: &Item) -> Result<StoredPerson, StoreError> {
    let reader = Reader::open(item)?;
    let person = match reader.number::<u64>("v")? {
        1 => reader.json("body")?,
        _ => {
            let OwnedBody { attributes, manager } = reader.json("body")?;
            let attributes = attributes.into_iter().map(|(code, value)| (attribute::name(&code).to_owned(), value)).collect();
            Person { id: reader.parsed("sk", "person#")?, attributes, manager }
        }
    };
    Ok(StoredPerson { person, changed_at: reader.time("changed_at")?, is_hidden: visibility(item) == Visibility::Hidden })
}

pub(super) fn visibility(item: &Item) -> Visibility {
    match item.contains_key("name_key") {
        true => Visibility::Shown,
        false => Visibility::Hidden,
    }
}

pub(super) fn object_id(item: &Item) -> Option<ObjectId> {
    item.get("sk")?.as_s().ok()?.strip_prefix("person#")?.parse().ok()
}

fn name_key(item: &Item) -> Option<String> {
    item.get("name_key")?.as_s().ok().cloned()
}
