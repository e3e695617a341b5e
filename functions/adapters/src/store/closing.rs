//! The end of a connection on purpose: its grant is forgotten, and nothing is due any more. People stay; tokens are deleted apart.
//!
//! Whoever holds a lease of it is overtaken, and whatever they still write under it fails. What asks for no lease, a token or a person, may
//! still be written until that lease would have ended: [`Closed::quiet_from`] tells when that is over.

use domain::health::{Health, Standing};
use domain::ids::ConnectionId;
use domain::photo::Tour;
use domain::walk::Walk;
use jiff::{SignedDuration, Timestamp};

use super::attempts::Progress;
use super::connections::{self, Body};
use super::item::{Item, Reader, json, text};
use super::lease::{Holder, Lease, LeaseEnd, Terms};
use super::{Store, StoreError, connection_key, failed, walks};

/// How long the writes of closing may take.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// The longest that anybody holds a lease, where nobody knows until when: as long as an invocation may last.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LEASE_MAX: SignedDuration = SignedDuration::from_mins(15);
const TOUR: &str = "photos";

/// A connection that was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// From when on nobody writes for it any more, who began before it was closed. In the past where nobody was at it.
    pub quiet_from: Timestamp,
}

impl Body {
    /// The connection without its grant.
    fn disconnect(&mut self, now: Timestamp) {
        if !matches!(self.standing.health, Health::Disconnected) {
            self.standing = Standing::sure(Health::Disconnected, now);
        }
        (self.grant, self.spare, self.forecast, self.warned, self.held_since) = (None, None, None, None, None);
        self.unclear = 0;
    }
}

impl Store {
    /// Ends a connection, with 16 random bytes for each of its leases; `None` where there is no such connection. Doing it again does what
    /// is left to do.
    ///
    /// # Errors
    /// [`StoreError`]; part of it may be done then.
    pub async fn close(&self, id: &ConnectionId, random: [u8; 16], now: Timestamp) -> Result<Option<Closed>, StoreError> {
        self.supersede_attempt(id).await?;
        let mut quiet_from = Timestamp::UNIX_EPOCH;
        for sk in [connections::SK, walks::SK, TOUR] {
            let key = (connection_key(id), sk);
            let Some((item, lease, until)) = self.seize(key, Holder { nonce: random, until: now + LEASE }, now).await? else {
                match sk {
                    connections::SK => return Ok(None),
                    _ => continue,
                }
            };
            quiet_from = quiet_from.max(until);
            if let Some(body) = ended(&item, sk, now)? {
                let update = self.under(&lease, body, None, LeaseEnd::Release);
                self.update_and_tell(update, &[], format!("end the {sk} of {id}")).await?;
            }
            self.forget_pause(id, sk).await?;
        }
        Ok(Some(Closed { quiet_from }))
    }

    /// Until when somebody holds a lease of a connection, of its walk or of its tour over photos; in the past where nobody does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn busy_until(&self, id: &ConnectionId) -> Result<Timestamp, StoreError> {
        let mut busy_until = Timestamp::UNIX_EPOCH;
        for sk in [connections::SK, walks::SK, TOUR] {
            if let Some((_, until)) = self.leased(&connection_key(id), sk).await? {
                busy_until = busy_until.max(until);
            }
        }
        Ok(busy_until)
    }

    /// Deletes all sealed tokens of a connection; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_tokens(&self, id: &ConnectionId) -> Result<usize, StoreError> {
        let tokens = self.tokens(id).await?;
        for stored in &tokens {
            let request = self.client.delete_item().table_name(&self.connections).key("pk", text(connection_key(id)));
            let request = request.key("sk", text(super::grants::sort_key(stored.slot)));
            request.send().await.map_err(|error| failed(format!("delete tokens of {id}"), error))?;
        }
        Ok(tokens.len())
    }

    /// A consent that was begun comes to nothing.
    async fn supersede_attempt(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let Some(attempt) = self.latest_attempt(id).await? else {
            return Ok(());
        };
        match self.move_attempt(&attempt, &Progress::Pending, &Progress::Superseded).await {
            Ok(()) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes an item over from whoever holds its lease; tells until when they did.
    async fn seize(
        &self,
        (pk, sk): (String, &'static str),
        holder: Holder,
        now: Timestamp,
    ) -> Result<Option<(Item, Lease, Timestamp)>, StoreError> {
        let Some((fence, until)) = self.leased(&pk, sk).await? else {
            return Ok(None);
        };
        let taken = self.take((pk, sk), Terms::Seize, holder, now).await?;
        Ok(taken.map(|(item, lease)| {
            // Somebody took it in between: nobody knows until when.
            let until = if lease.fence == fence + 1 { until } else { until.max(now + LEASE_MAX) };
            (item, lease, until)
        }))
    }

    /// The fence of an item, and until when its lease lasts; `None` where it has none. A choice before the first consent has none.
    async fn leased(&self, pk: &str, sk: &str) -> Result<Option<(u64, Timestamp)>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(pk)).key("sk", text(sk)).consistent_read(true);
        let item = request.send().await.map_err(|error| failed(format!("read {pk}/{sk}"), error))?.item;
        let leased = item.filter(|item| item.contains_key("fence"));
        leased.map(|item| Ok((Reader::open(&item)?.number("fence")?, Reader::of(&item).time("lease_until")?))).transpose()
    }
}

/// The body of an item after its connection was closed; `None` where it has none.
fn ended(item: &Item, sk: &str, now: Timestamp) -> Result<Option<aws_sdk_dynamodb::types::AttributeValue>, StoreError> {
    if !item.contains_key("body") {
        return Ok(None);
    }
    let reader = Reader::open(item)?;
    match sk {
        connections::SK => {
            let mut body: Body = reader.json("body")?;
            body.disconnect(now);
            json(&body).map(Some)
        }
        walks::SK => {
            let mut walk: Walk = reader.json("body")?;
            walk.fail("The connection was disconnected.", now);
            json(&walk).map(Some)
        }
        _ => json(&reader.json::<Tour>("body")?).map(Some),
    }
}
