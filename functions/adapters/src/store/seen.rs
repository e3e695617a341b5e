//! Whom a full round has met, packed: one item a page, 16 bytes a person, and 16 more for whose manager it told. The sweep reads them
//! back one range of ids at a time, so that memory does not grow with the tenant.

use std::collections::HashSet;

use domain::ids::{ConnectionId, ObjectId};
use jiff::{SignedDuration, Timestamp};

use super::item::{Reader, VERSION, bytes, expiry, number, text};
use super::{Store, StoreError, failed};

/// How long a round may take before its notes expire.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A page of a full round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber {
    /// Which round.
    pub round: u32,
    /// Which page of it.
    pub page: u32,
}

/// Whom a page, or a range of a whole round, met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Met {
    /// Everybody.
    pub people: HashSet<ObjectId>,
    /// Those of them whose manager was told as well.
    pub managed: HashSet<ObjectId>,
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

impl Store {
    /// Notes whom one page met.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_seen(&self, id: &ConnectionId, page: PageNumber, met: &Met, now: Timestamp) -> Result<(), StoreError> {
        let pack = |ids: &HashSet<ObjectId>| bytes(ids.iter().flat_map(|person| *person.0.as_bytes()).collect());
        let request = self.client.put_item().table_name(&self.people);
        let request = request
            .item("pk", text(format!("seen#{id}")))
            .item("sk", text(format!("{:010}#{:010}", page.round, page.page)))
            .item("v", number(VERSION))
            .item("ids", pack(&met.people))
            .item("managed", pack(&met.managed))
            .item("expires_at", expiry(now + KEPT));
        request.send().await.map_err(|error| failed(format!("note whom a page of {id} met"), error))?;
        Ok(())
    }

    /// Whom a round met, within a range of ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seen(&self, id: &ConnectionId, round: u32, range: IdRange) -> Result<Met, StoreError> {
        let request = self.client.query().table_name(&self.people).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :pk AND begins_with(sk, :round)")
            .expression_attribute_values(":pk", text(format!("seen#{id}")))
            .expression_attribute_values(":round", text(format!("{round:010}#")));
        let mut pages = request.into_paginator().items().send();
        let mut met = Met::default();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| failed(format!("read whom a round of {id} met"), error))?;
            let reader = Reader::open(&item)?;
            met.people.extend(unpack(reader.bytes("ids")?, range));
            met.managed.extend(unpack(reader.bytes("managed")?, range));
        }
        Ok(met)
    }
}

/// The ids of a range.
fn unpack(packed: &[u8], range: IdRange) -> impl Iterator<Item = ObjectId> {
    let ids = packed.as_chunks::<16>().0.iter().map(|bytes| ObjectId(uuid::Uuid::from_bytes(*bytes)));
    ids.filter(move |person| range.contains(person))
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
