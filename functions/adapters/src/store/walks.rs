//! Where each connection's delta walk stands, and when its next step is due.

use domain::attribute::Choice;
use domain::ids::ConnectionId;
use domain::schedule::{Part, shard};
use domain::walk::{Decision, Walk};
use jiff::Timestamp;

use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::lease::{Holder, LeaseEnd, Terms};
use super::notices::Notice;
use super::{Lease, Store, StoreError, connection_key, failed};

pub(super) const SK: &str = "walk";

/// A walk whose lease was taken.
#[derive(Debug, Clone)]
pub struct TakenWalk {
    /// Where it stands.
    pub walk: Walk,
    /// When its next step was due.
    pub due_at: Option<Timestamp>,
    /// Which attributes it is to read, and whom to leave out.
    pub choice: Choice,
    /// What somebody decided about deletions that are held; perhaps others than now.
    pub decision: Option<Decision>,
}

impl Store {
    /// Makes the walk of a connection that just got its first grant, due at once; leaves one that is there as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_walk(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let set = "SET v = :v, fence = if_not_exists(fence, :zero), lease_until = :zero, #work = :work, work_at = :now, body = :body";
        let request = request
            .update_expression(set)
            // What the connection chose may be there already.
            .condition_expression("attribute_not_exists(body)")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":work", text(work(id)))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":body", json(&Walk::default())?);
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
        answer.item.as_ref().filter(|item| item.contains_key("body")).map(read).transpose()
    }

    /// Ids of connections whose walk is due: of each shard the longest overdue, at most `per_shard`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_walks(&self, now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        self.due(("sync", Part::WHOLE), now, per_shard).await
    }

    /// Takes the lease of a walk, and reads it; `None` when somebody else has it, or there is no walk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_walk(&self, id: &ConnectionId, holder: Holder, now: Timestamp) -> Result<Option<(TakenWalk, Lease)>, StoreError> {
        let taken = self.take((connection_key(id), SK), Terms::Free, holder, now).await?;
        let read = |(item, lease): (Item, Lease)| read_taken(&item).map(|walk| (walk, lease));
        taken.map(read).transpose()
    }

    /// Notes where the walk stands and keeps the lease, until `lease.until`. The step counts as due again then, so that a holder who dies is
    /// followed by another.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over.
    pub async fn note_walk(&self, id: &ConnectionId, walk: &Walk, lease: &Lease, notices: &[Notice]) -> Result<(), StoreError> {
        let update = self.under(lease, json(walk)?, Some((work(id), lease.until)), LeaseEnd::Keep);
        self.update_and_tell(update, notices, format!("note the walk of {id}")).await
    }

    /// Writes where the walk stands and when its next step is due, and gives the lease back.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over.
    pub async fn settle_walk(&self, id: &ConnectionId, walk: &Walk, lease: &Lease, next_at: Timestamp) -> Result<(), StoreError> {
        let update = self.under(lease, json(walk)?, Some((work(id), next_at)), LeaseEnd::Release);
        self.update_and_tell(update, &[], format!("write the walk of {id}")).await
    }

    /// Notes what somebody decided about deletions that are held, and makes the walk due at once; whether there is a walk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decide_deletions(&self, id: &ConnectionId, decision: &Decision, now: Timestamp) -> Result<bool, StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let request = request
            .update_expression("SET decision = :decision, work_at = :now, #work = :work")
            .condition_expression("attribute_exists(body)")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":decision", json(decision)?)
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":work", text(work(id)));
        match request.send().await.map_err(|error| failed(format!("note a decision about {id}"), error)) {
            Ok(_) => Ok(true),
            Err(StoreError::Overtaken { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the walk due at once; returns whether there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hasten_walk(&self, id: &ConnectionId, now: Timestamp) -> Result<bool, StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let request = request
            .update_expression("SET work_at = :now, #work = :work")
            .condition_expression("attribute_exists(body)")
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

pub(super) fn work(id: &ConnectionId) -> String {
    format!("sync#{:02}", shard(id))
}

pub(super) fn read(item: &Item) -> Result<(Walk, Option<Timestamp>), StoreError> {
    let reader = Reader::open(item)?;
    let due = match item.contains_key("work_at") {
        true => Some(reader.time("work_at")?),
        false => None,
    };
    Ok((reader.json("body")?, due))
}

fn read_taken(item: &Item) -> Result<TakenWalk, StoreError> {
    let reader = Reader::open(item)?;
    let (walk, due_at) = read(item)?;
    let choice = match item.contains_key("choice") {
        true => reader.json("choice")?,
        false => Choice::default(),
    };
    let decision = match item.contains_key("decision") {
        true => Some(reader.json("decision")?),
        false => None,
    };
    Ok(TakenWalk { walk, due_at, choice, decision })
}
