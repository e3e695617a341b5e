//! Work that is due: where it is found in its index, and how it falls due sooner.

use domain::ids::ConnectionId;
use domain::schedule::{self, Lane, Part};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::connections::Connection;
use super::item::{Item, text, time};
use super::{Store, StoreError, connection_key, failed};

const SK: &str = "connection";
/// Shards of the work index read at a time.
const IN_FLIGHT: usize = 8;

/// An item whose work is due.
pub(super) struct DueKey {
    pub(super) pk: String,
    pub(super) sk: String,
    /// Since when.
    pub(super) at: Timestamp,
}

impl Store {
    /// Asks for a check soon, where the connection has a grant that can be checked; otherwise does nothing. A grant that was just used
    /// rests for [`REST`](domain::schedule::REST) first, and one whose last check did not go well waits as long as that check said:
    /// `connection` is what was read of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hasten_check(&self, connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
        match connection.lane() {
            Lane::Failing => Ok(()),
            Lane::Healthy | Lane::First => self.check_by(&connection.id, schedule::soonest_check(connection.body.verified_at, now)).await,
        }
    }

    /// Asks for a check by `at`, because a person wants it; does nothing where one is due sooner, or there is no grant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn check_by(&self, id: &ConnectionId, at: Timestamp) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let request = request
            .update_expression("SET work_at = :at")
            .condition_expression("attribute_exists(#work) AND work_at > :at")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":at", time(at));
        match request.send().await.map_err(|error| failed(format!("hasten the check of {id}"), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Due work of one kind, of a part of all shards, of each shard in turn.
    pub(super) async fn due(&self, (kind, part): (&str, Part), now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        let shards = futures::stream::iter(part.shards().map(|shard| format!("{kind}#{shard:02}")));
        let found = shards.map(|work| self.due_in_shard(work, now, per_shard)).buffered(IN_FLIGHT);
        let found: Vec<Vec<ConnectionId>> = found.try_collect().await?;
        Ok(schedule::in_turn(found))
    }

    async fn due_in_shard(&self, work: String, now: Timestamp, limit: i32) -> Result<Vec<ConnectionId>, StoreError> {
        let id = |due: DueKey| due.pk.strip_prefix("connection#")?.parse().ok();
        Ok(self.due_keys(work, now, limit).await?.into_iter().filter_map(id).collect())
    }

    /// Keys of the items of one line of work that are due, the longest overdue first.
    pub(super) async fn due_keys(&self, work: String, now: Timestamp, limit: i32) -> Result<Vec<DueKey>, StoreError> {
        let request = self.client.query().table_name(&self.connections).index_name("by-work").limit(limit);
        let request = request
            .key_condition_expression("#work = :work AND work_at <= :now")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":work", text(&work))
            .expression_attribute_values(":now", time(now));
        let answer = request.send().await.map_err(|error| failed(format!("find due work {work}"), error))?;
        let key = |item: &Item| {
            let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
            let at = item.get("work_at").and_then(|value| value.as_n().ok()?.parse().ok());
            Some(DueKey { pk: part("pk")?, sk: part("sk")?, at: Timestamp::from_millisecond(at?).ok()? })
        };
        Ok(answer.items.unwrap_or_default().iter().filter_map(key).collect())
    }
}
