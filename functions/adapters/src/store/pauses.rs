//! Connections with which nothing is done for a while, because the operator wants it so: no checks, no sync, no photos. Health, tokens and
//! data stay what they are.
//!
//! Connection, walk and tour over photos carry `paused_since`, each for itself. Nobody takes the lease of such an item because its work is
//! due, and its work is in no index; whoever holds a lease when the pause begins is overtaken. A consent goes on all the same: it takes no
//! lease because work is due. What it makes due is taken out of the index again as soon as somebody asks for it.

use domain::ids::ConnectionId;
use domain::schedule::{self, shard};
use jiff::Timestamp;

use super::connections::{self, Connection};
use super::item::{number, text, time};
use super::{Store, StoreError, connection_key, failed, walks};

/// Since when an item is paused.
pub(super) const PAUSED: &str = "paused_since";
/// The items whose work a pause holds up.
const HELD: [&str; 3] = [connections::SK, walks::SK, "photos"];

impl Connection {
    /// When its check is due after a pause: at once, where there is anything to ask.
    fn check_after_pause(&self, now: Timestamp) -> Option<Timestamp> {
        let has_spare = self.body.spare.is_some();
        let next = schedule::next_check(&self.id, &self.body.standing, now);
        next.or(has_spare.then_some(now)).map(|_| now)
    }
}

impl Store {
    /// Lets nothing be done with a connection from now on; doing it twice is doing it once.
    ///
    /// # Errors
    /// [`StoreError`]; part of it may be paused then.
    pub async fn pause(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        for sk in HELD {
            let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(sk));
            let request = request
                .update_expression(
                    "SET paused_since = if_not_exists(paused_since, :now), lease_until = :zero REMOVE #work, work_at ADD fence :one",
                )
                .condition_expression("attribute_exists(body)")
                .expression_attribute_names("#work", "work")
                .expression_attribute_values(":now", time(now))
                .expression_attribute_values(":zero", number(0))
                .expression_attribute_values(":one", number(1));
            match request.send().await.map_err(|error| failed(format!("pause the {sk} of {id}"), error)) {
                Ok(_) | Err(StoreError::Overtaken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends a pause: whatever it held up is due at once. `connection` is what was read of it.
    ///
    /// # Errors
    /// [`StoreError`]; part of it may go on then, and doing it again does the rest.
    pub async fn resume(&self, connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
        let id = &connection.id;
        let check = connection.check_after_pause(now).map(|_| format!("{}#{:02}", connection.lane().work(), shard(id)));
        let work = [check, Some(walks::work(id)), Some(format!("photo#{:02}", shard(id)))];
        // The connection comes last: as long as it is paused, somebody sees that this is not done.
        for (sk, work) in HELD.into_iter().zip(work).rev() {
            let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(sk));
            let request = request.condition_expression("attribute_exists(paused_since)");
            let request = match work {
                Some(work) => request
                    .update_expression("SET #work = :work, work_at = :now REMOVE paused_since")
                    .expression_attribute_names("#work", "work")
                    .expression_attribute_values(":work", text(work))
                    .expression_attribute_values(":now", time(now)),
                None => request.update_expression("REMOVE paused_since"),
            };
            match request.send().await.map_err(|error| failed(format!("resume the {sk} of {id}"), error)) {
                Ok(_) | Err(StoreError::Overtaken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends a pause without making anything due.
    pub(super) async fn forget_pause(&self, id: &ConnectionId, sk: &str) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(sk));
        let request = request.update_expression("REMOVE paused_since").condition_expression("attribute_exists(paused_since)");
        match request.send().await.map_err(|error| failed(format!("forget the pause of {id}"), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes a paused item out of the index of due work.
    pub(super) async fn take_out(&self, pk: &str, sk: &str) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(pk)).key("sk", text(sk));
        let request = request
            .update_expression("REMOVE #work, work_at")
            .condition_expression("attribute_exists(paused_since)")
            .expression_attribute_names("#work", "work");
        match request.send().await.map_err(|error| failed(format!("take {pk}/{sk} out of what is due"), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
