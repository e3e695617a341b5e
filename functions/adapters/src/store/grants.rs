//! Tokens, sealed: of each grant the refresh token, and beside it the access token that the sync reads Graph with.
//!
//! A new pair is put into a slot that nothing points to, before the connection points to it. A token whose pointer was not written is found
//! again: its generation is higher than the pointer's. So a slot that nothing points to may hold what is needed all the same, put there by a
//! worker that died, or by one that is at it right now. DynamoDB decides with the write itself: what is still of use is not overwritten.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ConnectionId, ObjectId};
use jiff::Timestamp;

use super::connections::{Body, Grant, Slot};
use super::item::{Item, Reader, VERSION, bytes, number, text, time};
use super::{Store, StoreError, connection_key, failed};

/// How many slots there are: current and previous token of the grant in use, the same of its spare, of each one that a worker stored and
/// died before it was pointed to, and one more to write to.
const SLOTS: u8 = 8;

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

/// What must outlast the storing of new tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Slots that are pointed to, and the one of the tokens that just worked.
    slots: Vec<u8>,
    /// From which generation on an account's tokens are of use, whether they are pointed to or not.
    since: Vec<(ObjectId, u64)>,
}

impl Kept {
    /// What a connection needs, as it stands in the store.
    #[must_use]
    pub fn of(body: &Body) -> Self {
        let grants = || [body.grant.as_ref(), body.spare.as_ref().map(|spare| &spare.grant)].into_iter().flatten();
        let slots = grants().flat_map(|grant| [Some(grant.current), grant.previous]).flatten();
        Self { slots: slots.map(|slot| slot.slot).collect(), since: grants().map(|grant| (grant.consenter, grant.since())).collect() }
    }

    /// Adds tokens that were just stored.
    pub fn add(&mut self, slot: Slot) {
        self.slots.push(slot.slot);
    }

    /// The same for whoever stores what Entra gave for `used`: older tokens of that account are not needed any more.
    #[must_use]
    pub fn since(mut self, used: &SealedTokens) -> Self {
        self.add(used.slot);
        self.since.retain(|(consenter, _)| *consenter != used.consenter);
        self.since.push((used.consenter, used.slot.generation));
        self
    }

    /// A slot that nothing points to.
    #[must_use]
    pub fn free_slot(&self) -> u8 {
        self.free_slots().next().unwrap_or_default()
    }

    fn free_slots(&self) -> impl Iterator<Item = u8> {
        (0..SLOTS).filter(|slot| !self.slots.contains(slot))
    }

    fn needs(&self, tokens: &SealedTokens) -> bool {
        self.since.iter().any(|(consenter, since)| tokens.consenter == *consenter && tokens.slot.generation >= *since)
    }

    /// When tokens may be stored over others, or over none: over older ones that are not needed. Those of the same generation are the same,
    /// sent once more because the first answer was lost.
    fn condition(&self, generation: u64) -> Condition {
        let mut condition = Condition {
            text: "attribute_not_exists(pk) OR generation = :generation OR (generation < :generation".to_owned(),
            values: vec![(":generation".to_owned(), number(generation))],
        };
        for (place, (consenter, since)) in self.since.iter().enumerate() {
            let (owner, from) = (format!(":consenter{place}"), format!(":since{place}"));
            condition.text += &format!(" AND NOT (consenter = {owner} AND generation >= {from})");
            condition.values.extend([(owner, text(consenter.to_string())), (from, number(since))]);
        }
        condition.text.push(')');
        condition
    }
}

/// A condition and the values that it names.
struct Condition {
    text: String,
    values: Vec<(String, AttributeValue)>,
}

impl Grant {
    /// From which generation on tokens of its account belong to it.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.previous.map_or(self.current.generation, |previous| previous.generation.min(self.current.generation))
    }
}

impl Store {
    /// Stores tokens, durable before anything points to them, where nothing of `kept` is overwritten; returns where they are now. That is
    /// the slot that they name, unless it holds something of use: then it is one that is empty, or else one that holds the least.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Overtaken`] where others store tokens of this connection at the same time, or newer ones are there.
    pub async fn put_tokens(&self, id: &ConnectionId, mut tokens: SealedTokens, kept: &Kept) -> Result<Slot, StoreError> {
        let generation = tokens.slot.generation;
        match self.put_into_slot(id, &tokens, kept.condition(generation)).await {
            Err(StoreError::Overtaken { .. }) => {}
            put => return put.map(|()| tokens.slot),
        }
        let stored = self.tokens(id).await?;
        let found = |slot: u8| stored.iter().find(|tokens| tokens.slot.slot == slot);
        let worth = |slot: &u8| found(*slot).map(|tokens| (kept.needs(tokens), tokens.slot.generation));
        tokens.slot.slot = kept.free_slots().min_by_key(worth).unwrap_or_default();
        let seen = found(tokens.slot.slot).map_or(0, |tokens| tokens.slot.generation);
        // Only over what was seen there.
        let condition = Condition {
            text: "attribute_not_exists(pk) OR generation = :generation OR (generation < :generation AND generation = :seen)".to_owned(),
            values: vec![(":generation".to_owned(), number(generation)), (":seen".to_owned(), number(seen))],
        };
        self.put_into_slot(id, &tokens, condition).await?;
        Ok(tokens.slot)
    }

    async fn put_into_slot(&self, id: &ConnectionId, tokens: &SealedTokens, condition: Condition) -> Result<(), StoreError> {
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
            .condition_expression(condition.text)
            .set_expression_attribute_values(Some(condition.values.into_iter().collect()));
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

/// Tokens, and the partition that they are in.
pub(super) fn read_owned(item: &Item) -> Result<(String, SealedTokens), StoreError> {
    Ok((Reader::open(item)?.text("pk")?.to_owned(), read(item)?))
}

fn read(item: &Item) -> Result<SealedTokens, StoreError> {
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
