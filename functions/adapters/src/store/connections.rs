//! Connections: health, tenant, which grant is in use, and when the next check is due.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::api::HealthWord;
use domain::forecast::{Forecast, Lifetime};
use domain::health::{Health, Standing};
use domain::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use domain::schedule::{SHARDS, shard};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::lease::{LeaseEnd, Terms};
use super::notices::Notice;
use super::{Lease, Store, StoreError, connection_key, failed};

const SK: &str = "connection";
/// The most connections that one customer's list shows.
const LIST_MAX: i32 = 100;
/// Shards of the work index read at a time.
const IN_FLIGHT: usize = 8;

/// One customer's link to one tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Ours, and the same after every re-consent.
    pub id: ConnectionId,
    /// Whose.
    pub customer: CustomerId,
    /// Everything else.
    pub body: Body,
    /// When the next check is due; `None` when none is.
    pub check_at: Option<Timestamp>,
}

/// What a connection is, besides its keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// When the connection was made.
    pub created_at: Timestamp,
    /// The tenant, once the first consent proved it.
    pub tenant: Option<Tenant>,
    /// Health, and since when.
    pub standing: Standing,
    /// The grant in use.
    pub grant: Option<Grant>,
    /// When Entra last accepted the grant.
    pub verified_at: Option<Timestamp>,
    /// When the grant is expected to stop.
    pub forecast: Option<Forecast>,
    /// How earlier grants ended by age, oldest first.
    pub lifetimes: Vec<Lifetime>,
    /// Answers in a row that said nothing about the grant.
    pub unclear: u32,
}

/// The Entra tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its GUID.
    pub id: TenantId,
    /// Its display name.
    pub name: Option<String>,
}

/// The grant in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Where its refresh token is.
    pub current: Slot,
    /// Where the one before is, kept until the current one has worked.
    pub previous: Option<Slot>,
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// The person's account.
    pub consenter: ObjectId,
    /// The account's user principal name then.
    pub consenter_name: Option<String>,
}

/// Where a refresh token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// One of three.
    pub slot: u8,
    /// The fence under which it was stored; rises with every token.
    pub generation: u64,
}

impl Connection {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader::open(item)?;
        Ok(Self {
            id: reader.parsed("pk", "connection#")?,
            customer: reader.parsed("customer", "")?,
            body: reader.json("body")?,
            check_at: match item.contains_key("work_at") {
                true => Some(reader.time("work_at")?),
                false => None,
            },
        })
    }

    /// Health in one word.
    #[must_use]
    pub fn health(&self) -> HealthWord {
        self.body.standing.health.word()
    }
}

impl Store {
    /// Makes a connection that awaits consent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_connection(&self, id: &ConnectionId, customer: &CustomerId, now: Timestamp) -> Result<Connection, StoreError> {
        let body = Body {
            created_at: now,
            tenant: None,
            standing: Standing { health: Health::AwaitingConsent, since: now },
            grant: None,
            verified_at: None,
            forecast: None,
            lifetimes: Vec::new(),
            unclear: 0,
        };
        let request = self.client.put_item().table_name(&self.connections);
        let request = request
            .item("pk", text(connection_key(id)))
            .item("sk", text(SK))
            .item("v", number(VERSION))
            .item("customer", text(customer.as_str()))
            .item("created_at", time(now))
            .item("fence", number(0))
            .item("lease_until", number(0))
            .item("body", json(&body)?)
            .condition_expression("attribute_not_exists(pk)");
        request.send().await.map_err(|error| failed(format!("create connection {id}"), error))?;
        Ok(Connection { id: id.clone(), customer: customer.clone(), body, check_at: None })
    }

    /// Reads one connection.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed(format!("read connection {id}"), error))?;
        answer.item.as_ref().map(Connection::read).transpose()
    }

    /// A customer's connections, oldest first; at most 100.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connections_of(&self, customer: &CustomerId) -> Result<Vec<Connection>, StoreError> {
        let request = self.client.query().table_name(&self.connections).index_name("by-customer").limit(LIST_MAX);
        let request =
            request.key_condition_expression("customer = :customer").expression_attribute_values(":customer", text(customer.as_str()));
        let answer = request.send().await.map_err(|error| failed(format!("list connections of {customer}"), error))?;
        answer.items.unwrap_or_default().iter().map(Connection::read).collect()
    }

    /// Ids of connections whose check is due: of each shard the longest overdue, at most `per_shard`. The index may lag; the lease decides.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_checks(&self, now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        self.due("check", now, per_shard).await
    }

    /// Takes the lease of a connection whose check is due; `None` when it is not due any more, or somebody else has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_check(&self, id: &ConnectionId, now: Timestamp, until: Timestamp) -> Result<Option<(Connection, Lease)>, StoreError> {
        self.take_connection(id, Terms::Due, (now, until)).await
    }

    /// Takes a connection over from whoever holds its lease; `None` when there is no such connection. What the other holder then tries to
    /// write fails its condition.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seize_connection(
        &self,
        id: &ConnectionId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<(Connection, Lease)>, StoreError> {
        self.take_connection(id, Terms::Seize, (now, until)).await
    }

    async fn take_connection(
        &self,
        id: &ConnectionId,
        terms: Terms,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<(Connection, Lease)>, StoreError> {
        let taken = self.take((connection_key(id), SK), terms, now, until).await?;
        taken.map(|(item, lease)| Ok((Connection::read(&item)?, lease))).transpose()
    }

    /// Writes what was decided about a connection and gives its lease back: token pointer, health, next check and the notice owed, in one
    /// conditional write.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over; nothing was written then.
    pub async fn settle_connection(&self, connection: &Connection, lease: &Lease, notice: Option<&Notice>) -> Result<(), StoreError> {
        let work = connection.check_at.map(|at| (format!("check#{:02}", shard(&connection.id)), at));
        let update = self.under(lease, json(&connection.body)?, work, LeaseEnd::Release);
        let what = format!("settle connection {}", connection.id);
        let unbuilt = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable { what: what.clone(), source: error.into() };
        let update = update.build().map_err(unbuilt)?;
        let Some(notice) = notice else {
            return self.update(update, what).await;
        };
        let put = Put::builder().table_name(&self.connections).set_item(Some(notice.item()?)).build().map_err(unbuilt)?;
        let request = self.client.transact_write_items();
        let request = request
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(put).build());
        request.send().await.map_err(|error| failed(what, error))?;
        Ok(())
    }

    /// Asks for a check at once, where the connection has a grant that can be checked; otherwise does nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hasten_check(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let request = request
            .update_expression("SET work_at = :now")
            .condition_expression("attribute_exists(#work) AND work_at > :now")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":now", time(now));
        match request.send().await.map_err(|error| failed(format!("hasten the check of {id}"), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Due work of one kind, of all shards.
    pub(super) async fn due(&self, kind: &str, now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        let shards = futures::stream::iter((0..SHARDS).map(|shard| format!("{kind}#{shard:02}")));
        let found = shards.map(|work| self.due_in_shard(work, now, per_shard)).buffered(IN_FLIGHT);
        let found: Vec<Vec<ConnectionId>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn due_in_shard(&self, work: String, now: Timestamp, limit: i32) -> Result<Vec<ConnectionId>, StoreError> {
        let request = self.client.query().table_name(&self.connections).index_name("by-work").limit(limit);
        let request = request
            .key_condition_expression("#work = :work AND work_at <= :now")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":work", text(&work))
            .expression_attribute_values(":now", time(now));
        let answer = request.send().await.map_err(|error| failed(format!("find due work {work}"), error))?;
        let id = |item: &Item| {
            let key = item.get("pk").and_then(|value| value.as_s().ok())?;
            key.strip_prefix("connection#")?.parse().ok()
        };
        Ok(answer.items.unwrap_or_default().iter().filter_map(id).collect())
    }
}
