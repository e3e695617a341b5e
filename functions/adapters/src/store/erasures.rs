//! How far the erasure of a customer is: begun, counted as it goes, done. It names no person, is what the proof is made of, and expires.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::ids::{ConnectionId, CustomerId};
use jiff::{SignedDuration, Timestamp};

use super::item::{Item, Reader, VERSION, expiry, number, text, time};
use super::{Store, StoreError, failed};

/// How long the proof can be asked for again: as long as a deleted item can be had back from a backup.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html>
const KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);
const SK: &str = "erasure";
/// How counters begin.
const COUNT: &str = "erased_";

/// An erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// When it was begun.
    pub begun_at: Timestamp,
    /// The connections that are erased.
    pub connections: BTreeSet<ConnectionId>,
    /// From when on nobody writes for them any more who began before.
    pub quiet_from: Timestamp,
    /// When nothing was found any more.
    pub finished_at: Option<Timestamp>,
    /// How much was deleted, by kind.
    pub deleted: BTreeMap<String, u64>,
}

impl Store {
    /// Reads how far an erasure is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn erasure(&self, customer: &CustomerId) -> Result<Option<Erasure>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).set_key(Some(key(customer))).consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(format!("read the erasure of {customer}"), error))?;
        answer.item.as_ref().map(read).transpose()
    }

    /// Begins an erasure anew, or notes more connections of one that is under way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_erasure(&self, customer: &CustomerId, erasure: &Erasure) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).set_key(Some(key(customer)));
        let ids: Vec<String> = erasure.connections.iter().map(ToString::to_string).collect();
        let request = request
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":begun", time(erasure.begun_at))
            .expression_attribute_values(":quiet", time(erasure.quiet_from));
        // DynamoDB knows no empty set.
        let request = match ids.is_empty() {
            true => request.update_expression("SET v = :v, begun_at = :begun, quiet_from = :quiet REMOVE finished_at, expires_at"),
            false => request
                .update_expression("SET v = :v, begun_at = :begun, quiet_from = :quiet, connections = :ids REMOVE finished_at, expires_at")
                .expression_attribute_values(":ids", AttributeValue::Ss(ids)),
        };
        request.send().await.map_err(|error| failed(format!("note the erasure of {customer}"), error))?;
        Ok(())
    }

    /// Forgets what an erasure that is done counted, so that another can begin.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_erasure(&self, customer: &CustomerId) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.connections).set_key(Some(key(customer)));
        request.send().await.map_err(|error| failed(format!("forget the erasure of {customer}"), error))?;
        Ok(())
    }

    /// Counts what was deleted elsewhere than in the two tables.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_erased(&self, customer: &CustomerId, kind: &str, count: usize) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).set_key(Some(key(customer)));
        let request = request
            .update_expression("ADD #count :count")
            .expression_attribute_names("#count", format!("{COUNT}{kind}"))
            .expression_attribute_values(":count", number(count));
        request.send().await.map_err(|error| failed(format!("count what was erased of {customer}"), error))?;
        Ok(())
    }

    /// The part of a transaction that counts what its other parts delete.
    pub(super) fn counted_erased(&self, customer: &CustomerId, kind: &str, count: usize) -> Result<Update, BuildError> {
        let update = Update::builder().table_name(&self.connections).set_key(Some(key(customer)));
        let update = update
            .update_expression("ADD #count :count")
            .expression_attribute_names("#count", format!("{COUNT}{kind}"))
            .expression_attribute_values(":count", number(count));
        update.build()
    }

    /// Notes that nothing is left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_erasure(&self, customer: &CustomerId, now: Timestamp) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).set_key(Some(key(customer)));
        let request = request
            .update_expression("SET finished_at = :now, expires_at = :end")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":end", expiry(now + KEPT));
        request.send().await.map_err(|error| failed(format!("finish the erasure of {customer}"), error))?;
        Ok(())
    }
}

fn key(customer: &CustomerId) -> Item {
    Item::from([("pk".to_owned(), text(format!("erasure#{customer}"))), ("sk".to_owned(), text(SK))])
}

fn read(item: &Item) -> Result<Erasure, StoreError> {
    let reader = Reader::open(item)?;
    let ids = item.get("connections").and_then(|ids| ids.as_ss().ok()).map(Vec::as_slice).unwrap_or_default();
    let ids = ids.iter().map(|id| id.parse().map_err(|error| reader.wrong(&format!("connections: {error}"))));
    let counts = item.keys().filter_map(|name| name.strip_prefix(COUNT));
    let counts = counts.map(|kind| Ok((kind.to_owned(), reader.number(&format!("{COUNT}{kind}"))?)));
    Ok(Erasure {
        begun_at: reader.time("begun_at")?,
        connections: ids.collect::<Result<_, StoreError>>()?,
        quiet_from: reader.time("quiet_from")?,
        finished_at: match item.contains_key("finished_at") {
            true => Some(reader.time("finished_at")?),
            false => None,
        },
        deleted: counts.collect::<Result<_, StoreError>>()?,
    })
}
