//! What became of each notice: its ledger lies in the notice's own item.
//!
//! One handler at a time sends: it holds the item's lease. Others may write besides, when a channel tells what became of a mail, so every
//! write is conditional on the item's fence and raises it; whoever finds that it was raised reads again, and applies its change once more.

use std::borrow::Cow;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use domain::fleet::{Incident, Trouble};
use domain::ids::{ConnectionId, NoticeId};
use domain::notice::NoticeKind;
use domain::notice::ledger::Ledger;
use domain::schedule::{self, Part};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::digests::{Digest, OPERATOR};
use super::due::DueKey;
use super::fleet::{INCIDENTS, WORK};
use super::item::{Item, Reader, json, number, text, time};
use super::lease::{Holder, Terms};
use super::notices::{self, Notice};
use super::{Store, StoreError, connection_key, failed};

/// Shards read at a time.
const IN_FLIGHT: usize = 8;
/// How often a change of a ledger is applied anew because somebody else wrote it meanwhile.
const TRIES_MAX: u32 = 8;
/// The most notices of one connection that are looked at together: those of months.
const RECENT_MAX: i32 = 20;

/// Where a notice is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NoticeKey {
    pk: String,
    sk: String,
}

/// A notice of which something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotice {
    /// Where it is.
    pub key: NoticeKey,
    /// Since when.
    pub since: Timestamp,
}

/// The words that name a notice outside: letters, digits, `-` and `_` alone where the ids are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The connection's id, `fleet` for an incident, or `operator` for a digest.
    pub subject: String,
    /// When it was owed, in milliseconds since 1970; for an incident its cause.
    pub place: String,
    /// The notice's id.
    pub notice: String,
}

/// What is told.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handler holds one at a time, and nearly all of them are the large one")]
pub enum Matter {
    /// News of a connection.
    Connection(Notice),
    /// An incident of the whole fleet, which begins or ends.
    Incident(Incident),
    /// The operator's digest of a day.
    Digest(Digest),
}

/// A notice with its ledger, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// Where it is.
    pub key: NoticeKey,
    /// What is told.
    pub matter: Matter,
    /// What became of it so far.
    pub ledger: Ledger,
    holder: Option<Vec<u8>>,
    fence: u64,
}

/// Who writes a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The holder of the lease, who keeps it. Fails where somebody took it over.
    Holder(Holder),
    /// The holder, who is done with it. What it learned is noted even where somebody took it over.
    Leaver(Holder),
    /// Anybody who learned something.
    Anybody,
}

impl NoticeKey {
    /// The key that an address names; `None` where it is none of ours.
    #[must_use]
    pub fn at(address: &Address) -> Option<Self> {
        if address.subject == INCIDENTS {
            return Some(Self { pk: INCIDENTS.to_owned(), sk: format!("incident#{}", address.place) });
        }
        let id: NoticeId = address.notice.parse().ok()?;
        let sk = notices::sort_key(address.place.parse().ok()?, &id);
        if address.subject == OPERATOR {
            return Some(Self { pk: OPERATOR.to_owned(), sk });
        }
        let connection: ConnectionId = address.subject.parse().ok()?;
        Some(Self { pk: connection_key(&connection), sk })
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.pk, self.sk)
    }
}

impl Matter {
    /// Its id, the same however often it is delivered.
    #[must_use]
    pub fn id(&self) -> NoticeId {
        match self {
            Self::Connection(notice) => notice.id.clone(),
            Self::Digest(digest) => digest.id.clone(),
            Self::Incident(incident) => {
                let word = if incident.is_open() { "opened" } else { "ended" };
                let id = format!("inc-{}-{}-{word}", incident.opened_at.as_millisecond(), cause(&incident.trouble));
                // A cause is a word of ours; one that is not is left out rather than the incident.
                id.parse().unwrap_or_else(|_| NoticeId::mint(u128::from(incident.opened_at.as_millisecond().unsigned_abs()).to_be_bytes()))
            }
        }
    }

    /// What kind of notice it is.
    #[must_use]
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::Connection(notice) => notice.kind,
            Self::Incident(incident) if incident.is_open() => NoticeKind::IncidentOpened,
            Self::Incident(_) => NoticeKind::IncidentEnded,
            Self::Digest(_) => NoticeKind::Digest,
        }
    }

    /// Since when it is owed.
    #[must_use]
    pub fn owed_at(&self) -> Timestamp {
        match self {
            Self::Connection(notice) => notice.owed_at,
            Self::Incident(incident) => incident.ended.map_or(incident.opened_at, |ended| ended.at),
            Self::Digest(digest) => digest.owed_at,
        }
    }

    fn work(&self) -> String {
        match self {
            Self::Connection(notice) => notices::work(&notice.connection),
            Self::Incident(_) | Self::Digest(_) => WORK.to_owned(),
        }
    }
}

/// The cause of an incident in one word.
fn cause(trouble: &Trouble) -> &str {
    match trouble {
        Trouble::Credential => "credential",
        Trouble::Alike(cause) => cause,
    }
}

impl Owed {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader::open(item)?;
        let (pk, sk) = (reader.text("pk")?.to_owned(), reader.text("sk")?.to_owned());
        let matter = match pk.as_str() {
            INCIDENTS => Matter::Incident(reader.json("body")?),
            OPERATOR => Matter::Digest(reader.json("body")?),
            _ => Matter::Connection(reader.json("body")?),
        };
        // What an incident's item keeps of its begin says nothing about its end.
        let kept = item.contains_key("ledger").then(|| reader.json::<Ledger>("ledger")).transpose()?;
        let ledger = kept.filter(|ledger| ledger.of == matter.id()).unwrap_or_else(|| Ledger::begin(matter.id()));
        let holder = item.get("holder").and_then(|value| value.as_b().ok()).map(|nonce| nonce.as_ref().to_vec());
        Ok(Self { key: NoticeKey { pk, sk }, matter, ledger, holder, fence: reader.maybe_number("fence")?.unwrap_or_default() })
    }

    /// How it is named outside.
    #[must_use]
    pub fn address(&self) -> Address {
        let (subject, place) = match &self.matter {
            Matter::Connection(notice) => (notice.connection.to_string(), notice.owed_at.as_millisecond().to_string()),
            Matter::Incident(incident) => (INCIDENTS.to_owned(), cause(&incident.trouble).to_owned()),
            Matter::Digest(digest) => (OPERATOR.to_owned(), digest.owed_at.as_millisecond().to_string()),
        };
        Address { subject, place, notice: self.matter.id().to_string() }
    }

    /// When something is due next.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.ledger.due_at(self.matter.kind(), self.matter.owed_at())
    }
}

impl Store {
    /// Notices of which something is due: of each shard the longest overdue, at most `per_shard`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_notices(&self, now: Timestamp, per_shard: i32) -> Result<Vec<DueNotice>, StoreError> {
        let shards = futures::stream::iter(Part::WHOLE.shards().map(|shard| format!("notice#{shard:02}")));
        let found: Vec<Vec<DueKey>> = shards.map(|work| self.due_keys(work, now, per_shard)).buffered(IN_FLIGHT).try_collect().await?;
        let due = |due: DueKey| DueNotice { key: NoticeKey { pk: due.pk, sk: due.sk }, since: due.at };
        Ok(schedule::in_turn(found).into_iter().map(due).collect())
    }

    /// Takes the lease of a notice of which something is due, and reads it in the same write; `None` where somebody else has it, or nothing
    /// is due any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_notice(&self, key: &NoticeKey, holder: Holder, now: Timestamp) -> Result<Option<Owed>, StoreError> {
        let taken = self.take((key.pk.clone(), Cow::Owned(key.sk.clone())), Terms::Due, holder, now).await?;
        taken.map(|(item, _)| Owed::read(&item)).transpose()
    }

    /// Reads one notice with its ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owed(&self, key: &NoticeKey) -> Result<Option<Owed>, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(&key.pk)).key("sk", text(&key.sk));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed(format!("read notice {}", key.shown()), error))?;
        answer.item.as_ref().map(Owed::read).transpose()
    }

    /// The latest notices of a connection with their ledgers, newest first; at most 20.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owed_of(&self, id: &ConnectionId) -> Result<Vec<Owed>, StoreError> {
        let request = self.client.query().table_name(&self.connections).scan_index_forward(false).limit(RECENT_MAX).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :pk AND begins_with(sk, :notice)")
            .expression_attribute_values(":pk", text(connection_key(id)))
            .expression_attribute_values(":notice", text("notice#"));
        let answer = request.send().await.map_err(|error| failed(format!("read the ledgers of {id}"), error))?;
        answer.items.unwrap_or_default().iter().map(Owed::read).collect()
    }

    /// Changes a ledger, sets when its work is due next, and writes the notices that follow, in one write. `change` is applied anew where
    /// somebody wrote meanwhile, so it must say the same whatever else was noted.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] where the holder is not the holder any more, or the notice is another one.
    pub async fn amend<T>(
        &self,
        owed: &mut Owed,
        writer: Writer,
        mut change: impl FnMut(&mut Ledger) -> (T, Vec<Notice>) + Send,
    ) -> Result<T, StoreError> {
        let overtaken = |owed: &Owed| StoreError::Overtaken { what: format!("note what became of {}", owed.key.shown()) };
        let id = owed.matter.id();
        let mut tried: Option<(Ledger, T)> = None;
        for _ in 0..TRIES_MAX {
            if let Some((ledger, said)) = tried.take() {
                // Written after all, where the first answer was lost.
                if ledger == owed.ledger {
                    return Ok(said);
                }
            }
            let is_mine = |holder: Holder| owed.holder.as_deref() == Some(&holder.nonce[..]);
            let keeps = match writer {
                Writer::Holder(holder) if !is_mine(holder) => return Err(overtaken(owed)),
                Writer::Leaver(holder) => !is_mine(holder),
                Writer::Holder(_) | Writer::Anybody => true,
            };
            if owed.matter.id() != id {
                return Err(overtaken(owed));
            }
            let before = owed.ledger.clone();
            let (said, follow_ups) = change(&mut owed.ledger);
            if before == owed.ledger && follow_ups.is_empty() && keeps {
                return Ok(said);
            }
            match self.write_ledger(owed, keeps, &follow_ups).await {
                Ok(()) => {
                    owed.fence += 1;
                    return Ok(said);
                }
                Err(StoreError::Overtaken { .. }) => {
                    tried = Some((owed.ledger.clone(), said));
                    *owed = self.owed(&owed.key).await?.ok_or_else(|| overtaken(owed))?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(overtaken(owed))
    }

    async fn write_ledger(&self, owed: &Owed, keeps_lease: bool, follow_ups: &[Notice]) -> Result<(), StoreError> {
        let what = format!("note what became of {}", owed.key.shown());
        let unbuilt = |error: BuildError| StoreError::Unavailable { what: what.clone(), source: error.into() };
        let due_at = owed.due_at();
        let mut set = "SET ledger = :ledger".to_owned();
        if !keeps_lease {
            set.push_str(", lease_until = :free");
        }
        set.push_str(if due_at.is_some() { ", #work = :work, work_at = :at" } else { " REMOVE #work, work_at" });
        let mut update = Update::builder()
            .table_name(&self.connections)
            .key("pk", text(&owed.key.pk))
            .key("sk", text(&owed.key.sk))
            .update_expression(set + " ADD fence :one")
            .condition_expression("fence = :fence")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":ledger", json(&owed.ledger)?)
            .expression_attribute_values(":fence", number(owed.fence))
            .expression_attribute_values(":one", number(1));
        if !keeps_lease {
            update = update.expression_attribute_values(":free", number(0));
        }
        if let Some(at) = due_at {
            update = update.expression_attribute_values(":work", text(owed.matter.work())).expression_attribute_values(":at", time(at));
        }
        if follow_ups.is_empty() {
            return self.update(update.build().map_err(unbuilt)?, what).await;
        }
        let update = TransactWriteItem::builder().update(update.build().map_err(unbuilt)?).build();
        let mut request = self.client.transact_write_items().transact_items(update);
        for notice in follow_ups {
            let put = Put::builder().table_name(&self.connections).set_item(Some(notice.item()?)).build().map_err(unbuilt)?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        request.send().await.map_err(|error| failed(what, error))?;
        Ok(())
    }
}
