//! Refresh tokens, sealed, in three slots; and the access token that the sync reads Graph with.
//!
//! A new token is put into the slot that neither the current nor the previous one is in, before the connection points to it. So nothing
//! that is still needed is overwritten, and a token whose pointer was not written is found again: its generation is higher than the
//! pointer's.

use domain::ids::ConnectionId;
use jiff::Timestamp;

use super::connections::{Grant, Slot};
use super::item::{Item, Reader, VERSION, bytes, expiry, number, text, time};
use super::{Store, StoreError, connection_key, failed};

/// How many slots there are: the current token, the previous one, and one to write to.
const SLOTS: u8 = 3;

/// A sealed refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedGrant {
    /// Where it is.
    pub slot: Slot,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// The slot that may be overwritten.
#[must_use]
pub fn free_slot(grant: Option<&Grant>) -> u8 {
    let is_used =
        |slot: &u8| grant.is_some_and(|grant| grant.current.slot == *slot || grant.previous.is_some_and(|previous| previous.slot == *slot));
    (0..SLOTS).find(|slot| !is_used(slot)).unwrap_or_default()
}

impl Store {
    /// Stores a sealed refresh token, durable before anything points to it. An older token never replaces a newer one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_grant(&self, id: &ConnectionId, grant: &SealedGrant, now: Timestamp) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.connections);
        let request = request
            .item("pk", text(connection_key(id)))
            .item("sk", text(format!("grant#{}", grant.slot.slot)))
            .item("v", number(VERSION))
            .item("slot", number(grant.slot.slot))
            .item("generation", number(grant.slot.generation))
            .item("stored_at", time(now))
            .item("sealed", bytes(grant.sealed.clone()))
            .condition_expression("attribute_not_exists(pk) OR generation <= :generation")
            .expression_attribute_values(":generation", number(grant.slot.generation));
        request.send().await.map_err(|error| failed(format!("store a grant of {id}"), error))?;
        Ok(())
    }

    /// The sealed refresh tokens of a connection, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grants(&self, id: &ConnectionId) -> Result<Vec<SealedGrant>, StoreError> {
        let request = self.client.query().table_name(&self.connections).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :pk AND begins_with(sk, :grant)")
            .expression_attribute_values(":pk", text(connection_key(id)))
            .expression_attribute_values(":grant", text("grant#"));
        let answer = request.send().await.map_err(|error| failed(format!("read the grants of {id}"), error))?;
        let read = |item: &Item| {
            let reader = Reader::open(item)?;
            let slot = Slot { slot: reader.number("slot")?, generation: reader.number("generation")? };
            Ok(SealedGrant { slot, sealed: reader.bytes("sealed")?.to_vec() })
        };
        let mut grants: Vec<SealedGrant> = answer.items.unwrap_or_default().iter().map(read).collect::<Result<_, StoreError>>()?;
        grants.sort_by_key(|grant| std::cmp::Reverse(grant.slot.generation));
        Ok(grants)
    }

    /// Stores the sealed access token; it expires by TTL.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_access(&self, id: &ConnectionId, sealed: Vec<u8>, until: Timestamp) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.connections);
        let request = request
            .item("pk", text(connection_key(id)))
            .item("sk", text("access"))
            .item("v", number(VERSION))
            .item("until", time(until))
            .item("expires_at", expiry(until))
            .item("sealed", bytes(sealed));
        request.send().await.map_err(|error| failed(format!("store the access token of {id}"), error))?;
        Ok(())
    }

    /// The sealed access token, unless it ends before `at`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn access(&self, id: &ConnectionId, at: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text("access"));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed(format!("read the access token of {id}"), error))?;
        let Some(item) = answer.item else {
            return Ok(None);
        };
        let reader = Reader::open(&item)?;
        let is_live = reader.time("until")? > at;
        Ok(is_live.then_some(reader.bytes("sealed")?.to_vec()))
    }
}
