//! Where each connection's tour over its people's photos stands, and who is new to it.
//!
//! Newcomers are a set of ids beside the tour, added without its lease by whoever finds them, and taken out by the tour once they were
//! asked about.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ConnectionId, ObjectId};
use domain::photo::Tour;
use jiff::{SignedDuration, Timestamp};

use super::course::Course;
use super::item::{Item, Reader, VERSION, expiry, number, text};
use super::lease::{Holder, LeaseEnd};
use super::{Lease, Store, StoreError, connection_key, failed};

/// The most newcomers that wait; whoever comes when there are as many is found by the next tour.
const NEWCOMERS_MAX: usize = 1_000;
/// How long after the first newcomer the tour looks at them, so that those who come together are asked about together.
const GATHERING: SignedDuration = SignedDuration::from_mins(1);
/// How long newcomers are remembered; by then a tour has been everywhere.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
const NEWCOMERS: &str = "newcomers";

impl Course for Tour {
    const SK: &'static str = "photos";
    const WORK: &'static str = "photo";
}

impl Store {
    /// Makes the tour of a connection that just got a grant, or lets the one that is there look at once whether it may go on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start_tour(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        self.create_course::<Tour>(id, now).await?;
        self.hasten_course::<Tour>(id, now).await.map(drop)
    }

    /// Reads where a tour stands, and when its next step is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tour(&self, id: &ConnectionId) -> Result<Option<(Tour, Option<Timestamp>)>, StoreError> {
        self.course(id).await
    }

    /// Ids of connections whose tour is due: of each shard the longest overdue, at most `per_shard`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_tours(&self, now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        self.due_courses::<Tour>(now, per_shard).await
    }

    /// Takes the lease of a tour, and reads it and when its next step was due; `None` when somebody else has it, or there is no tour.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_tour(
        &self,
        id: &ConnectionId,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Option<(Tour, Lease, Option<Timestamp>)>, StoreError> {
        self.take_course(id, holder, now).await
    }

    /// Notes where the tour stands and keeps the lease. Its next step counts as due when the lease ends, so that a holder who dies is
    /// followed by another.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over.
    pub async fn note_tour(&self, id: &ConnectionId, tour: &Tour, lease: &Lease) -> Result<(), StoreError> {
        self.write_course(id, tour, lease, (lease.until, LeaseEnd::Keep)).await
    }

    /// Writes where the tour stands and when its next step is due, and gives the lease back. Newcomers who came meanwhile are not
    /// forgotten: the tour falls due for them, unless it waits for something else until `not_before`.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over.
    pub async fn settle_tour(
        &self,
        id: &ConnectionId,
        tour: &Tour,
        lease: &Lease,
        (next_at, not_before): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.write_course(id, tour, lease, (next_at, LeaseEnd::Release)).await?;
        match next_at > not_before && !self.newcomers(id).await?.is_empty() {
            true => self.hasten_course::<Tour>(id, not_before).await.map(drop),
            false => Ok(()),
        }
    }

    /// Lets the tour look at these people soon, whatever is kept of their photos. Where there is no tour, they are forgotten after a week.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn welcome(&self, id: &ConnectionId, people: &[ObjectId], now: Timestamp) -> Result<(), StoreError> {
        if people.is_empty() {
            return Ok(());
        }
        let request = self.client.update_item().table_name(&self.connections).set_key(Some(key(id)));
        let request = request
            .update_expression("SET v = :v, expires_at = :end ADD people :people")
            .condition_expression("attribute_not_exists(people) OR size(people) < :most")
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":end", expiry(now + KEPT))
            .expression_attribute_values(":most", number(NEWCOMERS_MAX))
            .expression_attribute_values(":people", packed(people.iter().take(NEWCOMERS_MAX)));
        match request.send().await.map_err(|error| failed(format!("welcome newcomers of {id}"), error)) {
            Ok(_) => {}
            Err(StoreError::Overtaken { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.hasten_course::<Tour>(id, now + GATHERING).await.map(drop)
    }

    /// Those who wait to be looked at for the first time, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newcomers(&self, id: &ConnectionId) -> Result<Vec<ObjectId>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).set_key(Some(key(id))).consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(format!("read the newcomers of {id}"), error))?;
        let Some(item) = answer.item else {
            return Ok(Vec::new());
        };
        Reader::open(&item)?;
        let packed = item.get("people").and_then(|people| people.as_bs().ok()).map(Vec::as_slice).unwrap_or_default();
        let mut people: Vec<ObjectId> = packed.iter().filter_map(unpacked).collect();
        people.sort_unstable();
        Ok(people)
    }

    /// Takes out newcomers who were asked about.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn know(&self, id: &ConnectionId, people: &[ObjectId]) -> Result<(), StoreError> {
        if people.is_empty() {
            return Ok(());
        }
        let request = self.client.update_item().table_name(&self.connections).set_key(Some(key(id)));
        let request = request
            .update_expression("DELETE people :people")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":people", packed(people.iter()));
        match request.send().await.map_err(|error| failed(format!("take out newcomers of {id}"), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn key(id: &ConnectionId) -> Item {
    Item::from([("pk".to_owned(), text(connection_key(id))), ("sk".to_owned(), text(NEWCOMERS))])
}

fn packed<'a>(people: impl Iterator<Item = &'a ObjectId>) -> AttributeValue {
    AttributeValue::Bs(people.map(|person| Blob::new(person.0.as_bytes().to_vec())).collect())
}

fn unpacked(packed: &Blob) -> Option<ObjectId> {
    uuid::Uuid::from_slice(packed.as_ref()).ok().map(ObjectId)
}
