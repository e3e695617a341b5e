//! Tokens, sealed: of each grant the refresh token, and beside it the access token that the sync reads Graph with.
//!
//! A new pair is put into a slot that nothing points to, before the connection points to it. So nothing that is still needed is
//! overwritten, and a token whose pointer was not written is found again: its generation is higher than the pointer's.

use domain::ids::{ConnectionId, ObjectId};
use jiff::Timestamp;

use super::connections::{Body, Slot};
use super::item::{Item, Reader, VERSION, bytes, number, text, time};
use super::{Store, StoreError, connection_key, failed};

/// How many slots there are: current and previous token of the grant in use, the same of its spare, one that a worker filled and died before
/// it was pointed to, and one to write to.
const SLOTS: u8 = 6;

/// The tokens of one grant, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTokens {
    /// Where they are.
    pub slot: Slot,
    /// Whose sign-in they come from.
    pub consenter: ObjectId,
    /// Gets the next tokens; absent where the app reads by itself.
    pub refresh: Option<Vec<u8>>,
    /// Reads Graph.
    pub access: Vec<u8>,
    /// Until when it does.
    pub access_until: Timestamp,
}

/// A slot that may be overwritten, besides those in `kept`.
#[must_use]
pub fn free_slot(body: &Body, kept: Option<Slot>) -> u8 {
    let grants = [body.grant.as_ref(), body.spare.as_ref().map(|spare| &spare.grant)];
    let used: Vec<u8> = grants
        .into_iter()
        .flatten()
        .flat_map(|grant| [Some(grant.current), grant.previous])
        .chain([kept])
        .flatten()
        .map(|slot| slot.slot)
        .collect();
    (0..SLOTS).find(|slot| !used.contains(slot)).unwrap_or_default()
}

impl Store {
    /// Stores tokens, durable before anything points to them. Older ones never replace newer ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_tokens(&self, id: &ConnectionId, tokens: &SealedTokens) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.connections);
        let mut request = request
            .item("pk", text(connection_key(id)))
            .item("sk", text(sort_key(tokens.slot)))
            .item("v", number(VERSION))
            .item("slot", number(tokens.slot.slot))
            .item("generation", number(tokens.slot.generation))
            .item("consenter", text(tokens.consenter.to_string()))
            .item("access", bytes(tokens.access.clone()))
            .item("access_until", time(tokens.access_until))
            .condition_expression("attribute_not_exists(pk) OR generation <= :generation")
            .expression_attribute_values(":generation", number(tokens.slot.generation));
        if let Some(refresh) = &tokens.refresh {
            request = request.item("refresh", bytes(refresh.clone()));
        }
        request.send().await.map_err(|error| failed(format!("store tokens of {id}"), error))?;
        Ok(())
    }

    /// All sealed tokens of a connection, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self, id: &ConnectionId) -> Result<Vec<SealedTokens>, StoreError> {
        let request = self.client.query().table_name(&self.connections).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :pk AND begins_with(sk, :grant)")
            .expression_attribute_values(":pk", text(connection_key(id)))
            .expression_attribute_values(":grant", text("grant#"));
        let answer = request.send().await.map_err(|error| failed(format!("read the tokens of {id}"), error))?;
        let mut tokens: Vec<SealedTokens> = answer.items.unwrap_or_default().iter().map(read).collect::<Result<_, StoreError>>()?;
        tokens.sort_by_key(|tokens| std::cmp::Reverse(tokens.slot.generation));
        Ok(tokens)
    }

    /// The sealed tokens in one slot, unless others were put there since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens_in(&self, id: &ConnectionId, slot: Slot) -> Result<Option<SealedTokens>, StoreError> {
        let request =
            self.client.get_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(sort_key(slot)));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed(format!("read tokens of {id}"), error))?;
        let found = answer.item.as_ref().map(read).transpose()?;
        Ok(found.filter(|tokens| tokens.slot == slot))
    }
}

pub(super) fn sort_key(slot: Slot) -> String {
    format!("grant#{}", slot.slot)
}

pub(super) fn read(item: &Item) -> Result<SealedTokens, StoreError> {
    let reader = Reader::open(item)?;
    Ok(SealedTokens {
        slot: Slot { slot: reader.number("slot")?, generation: reader.number("generation")? },
        consenter: reader.parsed("consenter", "")?,
        refresh: match item.contains_key("refresh") {
            true => Some(reader.bytes("refresh")?.to_vec()),
            false => None,
        },
        access: reader.bytes("access")?.to_vec(),
        access_until: reader.time("access_until")?,
    })
}
