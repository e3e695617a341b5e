//! Where each connection's delta walk stands, and when its next step is due.

use domain::ids::ConnectionId;
use domain::schedule::{Part, shard};
use domain::walk::Walk;
use jiff::Timestamp;

use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::lease::{Holder, LeaseEnd, Terms};
use super::{Lease, Store, StoreError, connection_key, failed};

const SK: &str = "walk";

impl Store {
    /// Makes the walk of a connection that just got its first grant, due at once; leaves one that is there as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_walk(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.connections);
        let request = request
            .item("pk", text(connection_key(id)))
            .item("sk", text(SK))
            .item("v", number(VERSION))
            .item("fence", number(0))
            .item("lease_until", number(0))
            .item("work", text(work(id)))
            .item("work_at", time(now))
            .item("body", json(&Walk::default())?)
            .condition_expression("attribute_not_exists(pk)");
        match request.send().await.map_err(|error| failed(format!("create the walk of {id}"), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads where a walk stands, and when its next step is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn walk(&self, id: &ConnectionId) -> Result<Option<(Walk, Option<Timestamp>)>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed(format!("read the walk of {id}"), error))?;
        answer.item.as_ref().map(read).transpose()
    }

    /// Ids of connections whose walk is due: of each shard the longest overdue, at most `per_shard`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_walks(&self, now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        self.due(("sync", Part::WHOLE), now, per_shard).await
    }

    /// Takes the lease of a walk, and reads it and when its next step was due; `None` when somebody else has it, or there is no walk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_walk(
        &self,
        id: &ConnectionId,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Option<(Walk, Lease, Option<Timestamp>)>, StoreError> {
        let taken = self.take((connection_key(id), SK), Terms::Free, holder, now).await?;
        let read = |(item, lease): (Item, Lease)| read(&item).map(|(walk, due_at)| (walk, lease, due_at));
        taken.map(read).transpose()
    }

    /// Notes where the walk stands and keeps the lease. The step counts as due again when the lease ends, so that a holder who dies is
    /// followed by another.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over.
    pub async fn note_walk(&self, id: &ConnectionId, walk: &Walk, lease: &Lease) -> Result<(), StoreError> {
        self.write_walk(id, walk, lease, (lease.until, LeaseEnd::Keep)).await
    }

    /// Writes where the walk stands and when its next step is due, and gives the lease back.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over.
    pub async fn settle_walk(&self, id: &ConnectionId, walk: &Walk, lease: &Lease, next_at: Timestamp) -> Result<(), StoreError> {
        self.write_walk(id, walk, lease, (next_at, LeaseEnd::Release)).await
    }

    async fn write_walk(
        &self,
        id: &ConnectionId,
        walk: &Walk,
        lease: &Lease,
        (next_at, end): (Timestamp, LeaseEnd),
    ) -> Result<(), StoreError> {
        let what = format!("write the walk of {id}");
        let update = self.under(lease, json(walk)?, Some((work(id), next_at)), end).build();
        let update = update.map_err(|error| StoreError::Unavailable { what: what.clone(), source: error.into() })?;
        self.update(update, what).await
    }

    /// Makes the walk due at once; returns whether there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hasten_walk(&self, id: &ConnectionId, now: Timestamp) -> Result<bool, StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let request = request
            .update_expression("SET work_at = :now, #work = :work")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":work", text(work(id)));
        match request.send().await.map_err(|error| failed(format!("hasten the walk of {id}"), error)) {
            Ok(_) => Ok(true),
            Err(StoreError::Overtaken { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn work(id: &ConnectionId) -> String {
    format!("sync#{:02}", shard(id))
}

fn read(item: &Item) -> Result<(Walk, Option<Timestamp>), StoreError> {
    let reader = Reader::open(item)?;
    let due = match item.contains_key("work_at") {
        true => Some(reader.time("work_at")?),
        false => None,
    };
    Ok((reader.json("body")?, due))
}
