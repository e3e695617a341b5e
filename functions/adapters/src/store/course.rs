//! What is worked on step by step: one item beside its connection, which says where the work stands and when its next step is due, and
//! which only the holder of its lease changes.

use domain::ids::ConnectionId;
use domain::schedule::{Part, shard};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::lease::{Holder, LeaseEnd, Terms};
use super::{Lease, Store, StoreError, connection_key, failed};

/// A kind of such work.
pub(super) trait Course: Serialize + DeserializeOwned + Default {
    /// The sort key of its item, and what it is called in errors.
    const SK: &'static str;
    /// The kind of work in the due index.
    const WORK: &'static str;
}

fn work<C: Course>(id: &ConnectionId) -> String {
    format!("{}#{:02}", C::WORK, shard(id))
}

fn read<C: Course>(item: &Item) -> Result<(C, Option<Timestamp>), StoreError> {
    let reader = Reader::open(item)?;
    let due = match item.contains_key("work_at") {
        true => Some(reader.time("work_at")?),
        false => None,
    };
    Ok((reader.json("body")?, due))
}

impl Store {
    /// Makes it, due at once; leaves one that is there as it is.
    pub(super) async fn create_course<C: Course>(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.connections);
        let request = request
            .item("pk", text(connection_key(id)))
            .item("sk", text(C::SK))
            .item("v", number(VERSION))
            .item("fence", number(0))
            .item("lease_until", number(0))
            .item("work", text(work::<C>(id)))
            .item("work_at", time(now))
            .item("body", json(&C::default())?)
            .condition_expression("attribute_not_exists(pk)");
        match request.send().await.map_err(|error| failed(format!("create the {} of {id}", C::SK), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads where it stands, and when its next step is due.
    pub(super) async fn course<C: Course>(&self, id: &ConnectionId) -> Result<Option<(C, Option<Timestamp>)>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(C::SK));
        let answer = request.consistent_read(true).send().await;
        let answer = answer.map_err(|error| failed(format!("read the {} of {id}", C::SK), error))?;
        answer.item.as_ref().map(read).transpose()
    }

    /// Whose next step is due: of each shard the longest overdue, at most `per_shard`.
    pub(super) async fn due_courses<C: Course>(&self, now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        self.due((C::WORK, Part::WHOLE), now, per_shard).await
    }

    /// Takes its lease, and reads it and when its next step was due; `None` when somebody else has it, or there is none.
    pub(super) async fn take_course<C: Course>(
        &self,
        id: &ConnectionId,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Option<(C, Lease, Option<Timestamp>)>, StoreError> {
        let taken = self.take((connection_key(id), C::SK), Terms::Free, holder, now).await?;
        let read = |(item, lease): (Item, Lease)| read(&item).map(|(course, due_at)| (course, lease, due_at));
        taken.map(read).transpose()
    }

    /// Writes where it stands and when its next step is due, under its lease.
    pub(super) async fn write_course<C: Course>(
        &self,
        id: &ConnectionId,
        course: &C,
        lease: &Lease,
        (next_at, end): (Timestamp, LeaseEnd),
    ) -> Result<(), StoreError> {
        let update = self.under(lease, json(course)?, Some((work::<C>(id), next_at)), end);
        self.update_and_tell(update, &[], format!("write the {} of {id}", C::SK)).await
    }

    /// Makes it due at `at`, where it is there and not due sooner; returns whether it was.
    pub(super) async fn hasten_course<C: Course>(&self, id: &ConnectionId, at: Timestamp) -> Result<bool, StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(C::SK));
        let request = request
            .update_expression("SET work_at = :at, #work = :work")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(work_at) OR work_at > :at)")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":at", time(at))
            .expression_attribute_values(":work", text(work::<C>(id)));
        match request.send().await.map_err(|error| failed(format!("hasten the {} of {id}", C::SK), error)) {
            Ok(_) => Ok(true),
            Err(StoreError::Overtaken { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
