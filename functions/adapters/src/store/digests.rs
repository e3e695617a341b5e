//! The operator's digest of a day: owed once, and what it lists, which is whatever somebody is still to be reminded of.

use domain::ids::NoticeId;
use domain::notice::ladder;
use domain::schedule::Part;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fleet::WORK;
use super::item::{Item, VERSION, expiry, json, number, text, time};
use super::ledgers::{Matter, Owed};
use super::notices::{Notice, sort_key};
use super::{Store, StoreError, failed};

/// Whose digests they are.
pub(super) const OPERATOR: &str = "operator";
/// How long a digest is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Troubles listed of each shard.
const PER_SHARD_MAX: i32 = 50;
/// Shards read at a time.
const IN_FLIGHT: usize = 8;

/// The digest of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Its id, made of the day.
    pub id: NoticeId,
    /// Since when it is owed.
    pub owed_at: Timestamp,
}

impl Store {
    /// Owes the digest of a day, unless it is owed already; `at` is the same moment whoever asks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owe_digest(&self, day: &str, at: Timestamp) -> Result<(), StoreError> {
        let what = || format!("owe the digest of {day}");
        let id: NoticeId =
            format!("dig-{day}").parse().map_err(|error| StoreError::Unavailable { what: what(), source: Box::new(error) })?;
        let item = Item::from([
            ("pk".to_owned(), text(OPERATOR)),
            ("sk".to_owned(), text(sort_key(at.as_millisecond(), &id))),
            ("v".to_owned(), number(VERSION)),
            ("body".to_owned(), json(&Digest { id, owed_at: at })?),
            ("work".to_owned(), text(WORK)),
            ("work_at".to_owned(), time(at)),
            ("expires_at".to_owned(), expiry(at + KEPT)),
        ]);
        let request = self.client.put_item().table_name(&self.connections).set_item(Some(item));
        let request = request.condition_expression("attribute_not_exists(pk)");
        match request.send().await.map_err(|error| failed(what(), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Troubles that are not over as far as is known: those of which somebody is still to be told or reminded, at most 50 of each shard,
    /// the longest standing first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing_troubles(&self) -> Result<Vec<Notice>, StoreError> {
        let far = Timestamp::MAX;
        let shards = futures::stream::iter(Part::WHOLE.shards().map(|shard| format!("notice#{shard:02}")));
        let found: Vec<_> = shards.map(|work| self.due_keys(work, far, PER_SHARD_MAX)).buffered(IN_FLIGHT).try_collect().await?;
        let keys = found.into_iter().flatten().filter(|due| due.pk.starts_with("connection#")).map(|due| (due.pk, due.sk)).collect();
        let items = self.batch_get(keys, "read standing troubles").await?;
        let mut troubles = Vec::new();
        for item in &items {
            if let Matter::Connection(notice) = Owed::read(item)?.matter
                && ladder::is_repeated(notice.kind)
            {
                troubles.push(notice);
            }
        }
        troubles.sort_by_key(|notice| notice.standing.since);
        Ok(troubles)
    }
}
