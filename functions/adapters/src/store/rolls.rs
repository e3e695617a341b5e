//! Whom full rounds met, and as what: one item a page, 28 bytes a person. The lines of the last complete full round are the base of the
//! next one, which reads a stored person only where they differ.

use std::collections::BTreeMap;

use domain::ids::{ConnectionId, ObjectId};
use domain::roll::{LINE_BYTES, Line};
use jiff::{SignedDuration, Timestamp};

use super::item::{Reader, VERSION, bytes, expiry, number, text};
use super::{Store, StoreError, failed};

/// How long lines are kept: longer than any base is used, which a full round renews every week.
const KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);
/// How old a base may be to be used: whole, because nothing of it has expired.
pub const BASE_AGE_MAX: SignedDuration = SignedDuration::from_hours(28 * 24);

/// A page of a full round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber {
    /// Which round.
    pub round: u32,
    /// Which page of it.
    pub page: u32,
}

/// A range of object ids, out of a power of two of equal ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// Which, from 0.
    pub index: u16,
    /// Out of how many; 1 to 256.
    pub ranges: u16,
}

impl IdRange {
    /// Whether an id is in the range. Object ids are random, so ranges of their first byte are about equally full.
    #[must_use]
    pub fn contains(self, id: &ObjectId) -> bool {
        let first = u16::from(id.0.as_bytes()[0]);
        first * self.ranges / 256 == self.index
    }

    /// The range's first and last sort key in the people table.
    pub(super) fn sort_keys(self) -> (String, String) {
        let width = 256 / self.ranges.max(1);
        let first = self.index * width;
        (format!("person#{first:02x}"), format!("person#{:02x}\u{7f}", first + width - 1))
    }
}

/// How fresh a reading must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// What was written a moment ago is read.
    Latest,
    /// What was written minutes ago is read, at half the price.
    Settled,
}

/// Lines of a range, as they are noted.
pub type Lines = Vec<[u8; LINE_BYTES]>;

impl Store {
    /// Notes whom one page met. `fence` is the writer's: of two notes of one page that of the later writer counts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_roll(
        &self,
        id: &ConnectionId,
        (page, fence): (PageNumber, u64),
        lines: &[Line],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let packed: Vec<u8> = lines.iter().flat_map(|line| line.pack()).collect();
        let request = self.client.put_item().table_name(&self.people);
        let request = request
            .item("pk", text(key(id)))
            .item("sk", text(format!("{:010}#{:010}#{fence:020}", page.round, page.page)))
            .item("v", number(VERSION))
            .item("lines", bytes(packed))
            .item("expires_at", expiry(now + KEPT));
        request.send().await.map_err(|error| failed(format!("note whom a page of {id} met"), error))?;
        Ok(())
    }

    /// Lines of a round's pages before `page`, within a range of ids; in the order of the pages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn roll(
        &self,
        id: &ConnectionId,
        before: PageNumber,
        (range, freshness): (IdRange, Freshness),
        expected: usize,
    ) -> Result<Lines, StoreError> {
        let keys = (format!("{:010}#", before.round), format!("{:010}#{:010}", before.round, before.page));
        self.lines(id, keys, (range, freshness), expected).await
    }

    /// Whom one page met, as its latest writer noted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn met_by(&self, id: &ConnectionId, page: PageNumber) -> Result<Vec<ObjectId>, StoreError> {
        let keys = (format!("{:010}#{:010}", page.round, page.page), format!("{:010}#{:010}", page.round, page.page + 1));
        let lines = self.lines(id, keys, (IdRange { index: 0, ranges: 1 }, Freshness::Latest), 0).await?;
        Ok(lines.iter().map(|line| Line::unpack(line).id).collect())
    }

    /// Lines of the pages between two sort keys.
    async fn lines(
        &self,
        id: &ConnectionId,
        (first, last): (String, String),
        (range, freshness): (IdRange, Freshness),
        expected: usize,
    ) -> Result<Lines, StoreError> {
        let request = self.client.query().table_name(&self.people).consistent_read(freshness == Freshness::Latest);
        let request = request
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(key(id)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        let mut items = request.into_paginator().items().send();
        let mut lines = Lines::with_capacity(expected);
        let mut last: Option<(String, usize)> = None;
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(format!("read whom a round of {id} met"), error))?;
            let reader = Reader::open(&item)?;
            let page = reader.text("sk")?.get(..21).unwrap_or_default();
            // A page that was noted twice: its writers come in the order of their fences.
            match &last {
                Some((earlier, from)) if earlier == page => lines.truncate(*from),
                _ => last = Some((page.to_owned(), lines.len())),
            }
            let packed = reader.bytes("lines")?.as_chunks::<LINE_BYTES>().0;
            lines.extend(packed.iter().filter(|line| range.ranges <= 1 || range.contains(&Line::unpack(line).id)));
        }
        Ok(lines)
    }

    /// Notes who is gone by a page, or by a search; `true` where somebody is gone, `false` where somebody is back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_gone(&self, id: &ConnectionId, note: GoneNote, gone: &[(ObjectId, bool)], now: Timestamp) -> Result<(), StoreError> {
        let packed: Vec<u8> = gone.iter().flat_map(|(id, is_gone)| id.0.as_bytes().iter().copied().chain([u8::from(*is_gone)])).collect();
        let request = self.client.put_item().table_name(&self.people);
        let request = request
            .item("pk", text(gone_key(id)))
            .item("sk", text(note.sort_key()))
            .item("v", number(VERSION))
            .item("entries", bytes(packed))
            .item("expires_at", expiry(now + KEPT));
        request.send().await.map_err(|error| failed(format!("note who is gone from {id}"), error))?;
        Ok(())
    }

    /// Who is gone by the pages of a round before `page`: the last word about each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gone(&self, id: &ConnectionId, before: PageNumber) -> Result<BTreeMap<ObjectId, bool>, StoreError> {
        let Some(last) = before.page.checked_sub(1) else {
            return Ok(BTreeMap::new());
        };
        let of = |page| GoneNote::Page(PageNumber { page, ..before }).sort_key();
        self.gone_between(id, (of(0), of(last))).await
    }

    /// Who of a hold's people is back since: the last word about each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn back(&self, id: &ConnectionId, hold: u32) -> Result<BTreeMap<ObjectId, bool>, StoreError> {
        let of = |page| GoneNote::Back { hold, page }.sort_key();
        let (first, last) = (PageNumber { round: 0, page: 0 }, PageNumber { round: u32::MAX, page: u32::MAX });
        self.gone_between(id, (of(first), of(last))).await
    }

    /// One list of who is to be removed, as a search found it; `None` where there is none of that number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn found_gone(&self, id: &ConnectionId, round: u32, list: u16) -> Result<Option<Vec<ObjectId>>, StoreError> {
        let request = self.client.get_item().table_name(&self.people).consistent_read(true);
        let request = request.key("pk", text(gone_key(id))).key("sk", text(GoneNote::Found { round, list }.sort_key()));
        let answer = request.send().await.map_err(|error| failed(format!("read who is gone from {id}"), error))?;
        let unpacked = answer.item.as_ref().map(|item| Reader::open(item)?.bytes("entries").map(unpack)).transpose()?;
        Ok(unpacked.map(|entries| entries.into_iter().map(|(id, _)| id).collect()))
    }

    async fn gone_between(&self, id: &ConnectionId, (first, last): (String, String)) -> Result<BTreeMap<ObjectId, bool>, StoreError> {
        let request = self.client.query().table_name(&self.people).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(gone_key(id)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        let mut items = request.into_paginator().items().send();
        let mut gone = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failed(format!("read who is gone from {id}"), error))?;
            gone.extend(unpack(Reader::open(&item)?.bytes("entries")?));
        }
        Ok(gone)
    }
}

/// Which note of who is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoneNote {
    /// What a page says.
    Page(PageNumber),
    /// Whom a search at a round's end found, in lists of bounded length.
    Found {
        /// The round.
        round: u32,
        /// Number of the list, from 0.
        list: u16,
    },
    /// Who of a hold's people a later page says to be there.
    Back {
        /// The hold's round.
        hold: u32,
        /// The page.
        page: PageNumber,
    },
}

impl GoneNote {
    fn sort_key(self) -> String {
        match self {
            Self::Page(page) => format!("{:010}#page#{:010}", page.round, page.page),
            Self::Found { round, list } => format!("{round:010}#found#{list:05}"),
            Self::Back { hold, page } => format!("{hold:010}#back#{:010}#{:010}", page.round, page.page),
        }
    }
}

fn unpack(packed: &[u8]) -> Vec<(ObjectId, bool)> {
    let entry = |bytes: &[u8; 17]| {
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[..16]);
        (ObjectId(uuid::Uuid::from_bytes(id)), bytes[16] != 0)
    };
    packed.as_chunks::<17>().0.iter().map(entry).collect()
}

fn key(id: &ConnectionId) -> String {
    format!("roll#{id}")
}

fn gone_key(id: &ConnectionId) -> String {
    format!("gone#{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_is_in_exactly_one_range_and_between_its_keys(id in any::<u128>(), power in 0_u32..=8) {
            let id = ObjectId(uuid::Uuid::from_u128(id));
            let ranges = 1_u16 << power;
            let inside: Vec<IdRange> = (0..ranges).map(|index| IdRange { index, ranges }).filter(|range| range.contains(&id)).collect();
            prop_assert_eq!(inside.len(), 1);
            let (first, last) = inside[0].sort_keys();
            let key = format!("person#{id}");
            prop_assert!(first <= key && key <= last, "{first} {key} {last}");
        }
    }
}
