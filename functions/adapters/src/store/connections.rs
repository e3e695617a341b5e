//! Connections: health, tenant, which grant is in use, and when the next check is due.

use domain::api::{AccessWord, HealthWord};
use domain::forecast::{Forecast, Known, Life, Lifetime, Told, Warned};
use domain::health::{Health, Standing};
use domain::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use domain::schedule::{Lane, Part, shard};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::acknowledgements::Acknowledgement;
use super::grants::{self, SealedTokens};
use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::lease::{Holder, LeaseEnd, Terms};
use super::notices::Notice;
use super::pauses::PAUSED;
use super::sightings::Sighting;
use super::{Lease, Store, StoreError, connection_key, failed};

pub(super) const SK: &str = "connection";
/// The most connections that one customer's list shows.
const LIST_MAX: i32 = 100;

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
    /// What the sync saw of a consenter, where it saw anything.
    pub sighting: Option<Sighting>,
    /// Who said last that they know of a trouble, and when.
    pub acknowledged: Option<Acknowledgement>,
    /// Since when an operator lets nothing be done with it, where that is so; see [`pauses`](super::pauses).
    pub paused_since: Option<Timestamp>,
}

/// What a connection is, besides its keys. While it is well, the whole item should stay below a kilobyte: each check writes it twice.
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
    /// Another person's grant, which takes over when the one in use stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<Spare>,
    /// When Entra last accepted the grant.
    pub verified_at: Option<Timestamp>,
    /// When the grant is expected to stop.
    pub forecast: Option<Forecast>,
    /// What was told last of the expected end of the grant in use.
    #[serde(default)]
    pub warned: Option<Warned>,
    /// How earlier grants ended by age, oldest first.
    pub lifetimes: Vec<Lifetime>,
    /// Answers in a row that said nothing about the grant.
    pub unclear: u32,
    /// Since when Entra's refusals are held back as part of an incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
}

/// The Entra tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its GUID.
    pub id: TenantId,
    /// Its display name.
    pub name: Option<String>,
}

/// What a person consented to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// How attributes are read with it.
    pub access: AccessWord,
    /// Where its tokens are.
    pub current: Slot,
    /// Where those before are, kept until the current ones have worked.
    pub previous: Option<Slot>,
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// The person's account.
    pub consenter: ObjectId,
    /// The account's user principal name then.
    pub consenter_name: Option<String>,
    /// The end that Entra told with the tokens, where it did.
    #[serde(default)]
    pub told: Option<Told>,
}

/// A grant in reserve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spare {
    /// The grant.
    pub grant: Grant,
    /// When Entra last accepted it.
    pub verified_at: Timestamp,
    /// When it is tried next.
    pub check_at: Timestamp,
    /// Since when Entra's answers say that it is dead, without it being believed yet.
    pub doubted_since: Option<Timestamp>,
}

/// Where tokens are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Which of a few.
    pub slot: u8,
    /// The fence under which they were stored; rises each time.
    pub generation: u64,
}

impl Connection {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader::open(item)?;
        Ok(Self {
            id: reader.parsed("pk", "connection#")?,
            customer: reader.parsed("customer", "")?,
            body: reader.json("body")?,
            check_at: match item.contains_key("work_at") {
                true => Some(reader.time("work_at")?),
                false => None,
            },
            sighting: match item.contains_key("omen") {
                true => Some(reader.json("omen")?),
                false => None,
            },
            acknowledged: match item.contains_key("acknowledged") {
                true => Some(reader.json("acknowledged")?),
                false => None,
            },
            paused_since: match item.contains_key(PAUSED) {
                true => Some(reader.time(PAUSED)?),
                false => None,
            },
        })
    }

    /// Health in one word.
    #[must_use]
    pub fn health(&self) -> HealthWord {
        self.body.standing.health.word()
    }

    /// What is known about the end of the grant in use.
    #[must_use]
    pub fn known(&self, credential_ends_at: Option<Timestamp>) -> Option<Known<'_>> {
        let body = &self.body;
        let grant = body.grant.as_ref()?;
        let life = Life { signed_in_at: grant.signed_in_at, verified_at: body.verified_at.unwrap_or(grant.signed_in_at) };
        Some(match grant.access {
            AccessWord::Delegated => Known {
                told: grant.told,
                credential_ends_at,
                omen: self.sighting.and_then(|sighting| sighting.omen(grant)),
                ..Known::of(life, &body.lifetimes)
            },
            // The app's own permission rests on no person, and on no age.
            AccessWord::AppOnly => Known { credential_ends_at, ..Known::of(life, &[]) },
        })
    }

    /// How far the grant in use is known to have lived, where it rests on a person.
    #[must_use]
    pub fn life(&self) -> Option<Life> {
        let grant = self.body.grant.as_ref().filter(|grant| grant.access == AccessWord::Delegated)?;
        Some(Life { signed_in_at: grant.signed_in_at, verified_at: self.body.verified_at.unwrap_or(grant.signed_in_at) })
    }

    /// Which line its next check waits in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        let body = &self.body;
        let is_in_doubt = body.unclear > 0 || body.standing.doubted_since.is_some() || body.held_since.is_some();
        let signed_in_at = body.grant.as_ref().map(|grant| grant.signed_in_at);
        match body.standing.health.is_working() && !is_in_doubt {
            false => Lane::Failing,
            true if body.verified_at <= signed_in_at => Lane::First,
            true => Lane::Healthy,
        }
    }
}

/// Connections whose check is due, as they were read together.
#[derive(Debug, Default)]
pub struct DueChecks {
    /// Those that can be checked.
    pub readable: Vec<DueCheck>,
    /// Those whose items cannot be read, and why: they hold up nobody else.
    pub unreadable: Vec<(ConnectionId, StoreError)>,
}

/// A connection whose check is due, as it was read without its lease.
#[derive(Debug, Clone)]
pub struct DueCheck {
    /// The connection.
    pub connection: Connection,
    /// The tokens in use; absent where they must be looked for.
    pub tokens: Option<SealedTokens>,
    /// Until when somebody else holds the lease.
    pub leased_until: Timestamp,
    fence: u64,
}

impl DueChecks {
    /// Of an item that tells not even whose it is nothing can be told but that.
    fn read(items: &[Item]) -> Result<Self, StoreError> {
        let mut read = Self::default();
        for item in items {
            match (DueCheck::read(item), id_of(item)) {
                (Ok(due), _) => read.readable.push(due),
                (Err(error), Some(id)) => read.unreadable.push((id, error)),
                (Err(error), None) => return Err(error),
            }
        }
        Ok(read)
    }
}

impl DueCheck {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader::open(item)?;
        let leased_until = reader.time("lease_until")?;
        Ok(Self { connection: Connection::read(item)?, tokens: None, leased_until, fence: reader.number("fence")? })
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
            standing: Standing::sure(Health::AwaitingConsent, now),
            grant: None,
            verified_at: None,
            forecast: None,
            warned: None,
            lifetimes: Vec::new(),
            unclear: 0,
            spare: None,
            held_since: None,
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
        Ok(Connection {
            id: id.clone(),
            customer: customer.clone(),
            body,
            check_at: None,
            sighting: None,
            acknowledged: None,
            paused_since: None,
        })
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
        // The index holds keys alone, so that a check, which changes neither customer nor time of creation, does not write it.
        let listed: Vec<(String, String)> = answer.items.unwrap_or_default().iter().filter_map(key_of).collect();
        let found = self.batch_get(listed, "read a customer's connections").await?;
        let mut connections: Vec<Connection> = found.iter().map(Connection::read).collect::<Result<_, StoreError>>()?;
        connections.retain(|connection| connection.customer == *customer);
        connections.sort_by_key(|connection| connection.body.created_at);
        Ok(connections)
    }

    /// Ids of connections whose check is due in one lane: of each shard of `part` the longest overdue, at most `per_shard`. The index may
    /// lag; the lease decides.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_checks(&self, (lane, part): (Lane, Part), now: Timestamp, per_shard: i32) -> Result<Vec<ConnectionId>, StoreError> {
        self.due((lane.work(), part), now, per_shard).await
    }

    /// Reads connections whose check is due, and the tokens that each points to, many in one request. What is read is worth something only
    /// to whoever then takes the lease by [`Store::take_check`]. Connections that are gone, or that DynamoDB did not get to, are left out.
    /// Tokens that cannot be read are looked for again by whoever needs them, and fail there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_due(&self, ids: &[ConnectionId]) -> Result<DueChecks, StoreError> {
        let keys = ids.iter().map(|id| (connection_key(id), SK.to_owned())).collect();
        let items = self.batch_get(keys, "read due connections").await?;
        let DueChecks { readable: mut due, unreadable } = DueChecks::read(&items)?;
        // Where the last holder of the lease stored the tokens in use, none are newer. Any other may have stored some, and then died, given
        // up, or found that it could not tell.
        let in_use = |due: &DueCheck| {
            let grant = due.connection.body.grant.as_ref().filter(|grant| grant.access == AccessWord::Delegated)?;
            let is_newest = grant.current.generation == due.fence;
            is_newest.then(|| (connection_key(&due.connection.id), grants::sort_key(grant.current)))
        };
        let tokens = self.batch_get(due.iter().filter_map(in_use).collect(), "read tokens in use").await?;
        for item in &tokens {
            let Ok((owner, tokens)) = grants::read_owned(item) else { continue };
            let points_here = |due: &DueCheck| due.connection.body.grant.as_ref().is_some_and(|grant| grant.current == tokens.slot);
            if let Some(due) = due.iter_mut().find(|due| connection_key(&due.connection.id) == owner && points_here(due)) {
                due.tokens = Some(tokens);
            }
        }
        Ok(DueChecks { readable: due, unreadable })
    }

    /// Takes the lease of a connection whose check is due, if nobody took it since it was read; `None` otherwise.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_check(&self, due: &DueCheck, holder: Holder, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        let key = (connection_key(&due.connection.id), SK);
        let taken = self.take(key, Terms::DueAsRead { fence: due.fence }, holder, now).await?;
        Ok(taken.map(|(_, lease)| lease))
    }

    /// Takes a connection over from whoever holds its lease; `None` when there is no such connection. What the other holder then tries to
    /// write fails its condition.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seize_connection(
        &self,
        id: &ConnectionId,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Option<(Connection, Lease)>, StoreError> {
        let taken = self.take((connection_key(id), SK), Terms::Seize, holder, now).await?;
        taken.map(|(item, lease)| Ok((Connection::read(&item)?, lease))).transpose()
    }

    /// Writes what was decided about a connection and gives its lease back: token pointers, health, next check and the notices owed, in
    /// one conditional write.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when somebody took the lease over; nothing was written then.
    pub async fn settle_connection(&self, connection: &Connection, lease: &Lease, notices: &[Notice]) -> Result<(), StoreError> {
        let work = connection.check_at.map(|at| (format!("{}#{:02}", connection.lane().work(), shard(&connection.id)), at));
        let update = self.under(lease, json(&connection.body)?, work, LeaseEnd::Release);
        self.update_and_tell(update, notices, format!("settle connection {}", connection.id)).await
    }
}

fn id_of(item: &Item) -> Option<ConnectionId> {
    item.get("pk")?.as_s().ok()?.strip_prefix("connection#")?.parse().ok()
}

fn key_of(item: &Item) -> Option<(String, String)> {
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some((part("pk")?, part("sk")?))
}
