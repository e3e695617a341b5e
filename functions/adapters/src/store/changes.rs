//! Whom each page changed, packed: one item a page, 17 bytes a person. A page notes them before it applies them, under the next number;
//! its number counts once the walk was written with it, and an item is never written again then.

use domain::ids::{ConnectionId, ObjectId};
use domain::roll::Kind;
use jiff::{SignedDuration, Timestamp};

use super::item::{Item, Reader, VERSION, bytes, expiry, number, text};
use super::{Store, StoreError, failed};

/// How long changes are kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Bytes of one change: the id, and one for its kind.
const PACKED: usize = 17;
/// How many pages each query of one reading takes at most: few where pages are full, and in the end enough where each changed one person.
const READS: [i32; 8] = [1, 2, 4, 8, 16, 32, 32, 32];

/// One change of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Whom.
    pub id: ObjectId,
    /// What.
    pub kind: Kind,
}

/// A place among a connection's changes: the next one to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The page's number.
    pub sequence: u64,
    /// Which of the page's changes, from 0.
    pub entry: u32,
}

/// Changes in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// Where the next stretch begins.
    pub next: Place,
    /// When the last page of them was noted; `None` where there is none. Whatever follows was noted no earlier.
    pub noted_at: Option<Timestamp>,
}

impl Place {
    /// Behind the changes of a page and all pages before.
    #[must_use]
    pub fn after(sequence: u64) -> Self {
        Self { sequence: sequence.saturating_add(1), entry: 0 }
    }
}

fn byte(kind: Kind) -> u8 {
    match kind {
        Kind::Added => 0,
        Kind::Changed => 1,
        Kind::Removed => 2,
        Kind::Hidden => 3,
        Kind::Forgotten => 4,
    }
}

fn kind(byte: u8) -> Option<Kind> {
    match byte {
        0 => Some(Kind::Added),
        1 => Some(Kind::Changed),
        2 => Some(Kind::Removed),
        3 => Some(Kind::Hidden),
        4 => Some(Kind::Forgotten),
        _ => None,
    }
}

impl Store {
    /// Notes whom a page changes, before it is applied. A page that is applied anew notes anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_changes(&self, id: &ConnectionId, sequence: u64, changes: &[Change], now: Timestamp) -> Result<(), StoreError> {
        let packed = changes.iter().flat_map(|change| change.id.0.as_bytes().iter().copied().chain([byte(change.kind)])).collect();
        let request = self.client.put_item().table_name(&self.people);
        let request = request
            .item("pk", text(partition(id)))
            .item("sk", text(sort_key(sequence)))
            .item("v", number(VERSION))
            .item("entries", bytes(packed))
            .item("expires_at", expiry(now + KEPT));
        request.send().await.map_err(|error| failed(format!("note whom page {sequence} of {id} changes"), error))?;
        Ok(())
    }

    /// Changes from a place on, up to and including the page `last`: at most `limit`. They may be fewer, or none, although more follow: only
    /// where the next stretch begins behind `last` nothing follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn changes_since(&self, id: &ConnectionId, from: Place, last: u64, limit: usize) -> Result<Stretch, StoreError> {
        let mut stretch = Stretch { changes: Vec::new(), next: from, noted_at: None };
        for pages_max in READS {
            if stretch.next.sequence > last || stretch.changes.len() >= limit {
                break;
            }
            let (pages, is_end) = self.noted(id, (stretch.next.sequence, last), pages_max).await?;
            for page in &pages {
                stretch.take(page, limit);
            }
            if is_end && stretch.changes.len() < limit {
                stretch.next = Place::after(last);
            }
        }
        Ok(stretch)
    }

    /// Pages from one number to another, at most so many, and whether there are no others. Read consistently: a change that a reader misses
    /// is missed for good.
    async fn noted(&self, id: &ConnectionId, (first, last): (u64, u64), pages_max: i32) -> Result<(Vec<Noted>, bool), StoreError> {
        let request = self.client.query().table_name(&self.people).consistent_read(true).limit(pages_max);
        let request = request
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(partition(id)))
            .expression_attribute_values(":first", text(sort_key(first)))
            .expression_attribute_values(":last", text(sort_key(last)));
        let answer = request.send().await.map_err(|error| failed(format!("read changes of {id}"), error))?;
        let pages = answer.items.unwrap_or_default().iter().map(Noted::read).collect::<Result<_, _>>()?;
        Ok((pages, answer.last_evaluated_key.is_none()))
    }
}

fn partition(id: &ConnectionId) -> String {
    format!("changes#{id}")
}

fn sort_key(sequence: u64) -> String {
    format!("{sequence:020}")
}

/// What one page noted.
struct Noted {
    sequence: u64,
    changes: Vec<Change>,
    at: Timestamp,
}

impl Noted {
    fn read(item: &Item) -> Result<Self, StoreError> {
        let reader = Reader::open(item)?;
        let packed = reader.bytes("entries")?.as_chunks::<PACKED>();
        let changes = packed.0.iter().map(unpack).collect::<Option<Vec<_>>>().filter(|_| packed.1.is_empty());
        let changes = changes.ok_or_else(|| reader.wrong("entries must be 17 bytes each, the last of them 0 to 4"))?;
        Ok(Self { sequence: reader.parsed("sk", "")?, changes, at: reader.moment("expires_at")? - KEPT })
    }
}

fn unpack(packed: &[u8; PACKED]) -> Option<Change> {
    let (id, code) = packed.split_first_chunk::<16>()?;
    Some(Change { id: ObjectId(uuid::Uuid::from_bytes(*id)), kind: kind(*code.first()?)? })
}

impl Stretch {
    /// Takes of a page what comes next, as long as there is room.
    fn take(&mut self, page: &Noted, limit: usize) {
        let room = limit.saturating_sub(self.changes.len());
        if room == 0 {
            return;
        }
        let begin = match page.sequence == self.next.sequence {
            true => self.next.entry as usize,
            false => 0,
        };
        let rest = page.changes.get(begin..).unwrap_or_default();
        let taken = rest.len().min(room);
        self.changes.extend_from_slice(&rest[..taken]);
        self.noted_at = Some(page.at);
        self.next = match taken < rest.len() {
            true => Place { sequence: page.sequence, entry: u32::try_from(begin + taken).unwrap_or(u32::MAX) },
            false => Place::after(page.sequence),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(sequence: u64, people: std::ops::Range<u128>) -> Noted {
        let change = |number| Change { id: ObjectId(uuid::Uuid::from_u128(number)), kind: Kind::Changed };
        Noted { sequence, changes: people.map(change).collect(), at: Timestamp::UNIX_EPOCH }
    }

    proptest! {
        #[test]
        fn stretches_of_any_length_put_together_are_all_changes_once(sizes in proptest::collection::vec(0_u128..6, 1..8), limit in 1_usize..10) {
            let mut people = 0;
            let pages: Vec<Noted> = (1..).zip(&sizes).map(|(sequence, size)| {
                people += size;
                page(sequence, people - size..people)
            }).collect();
            let (mut met, mut from) = (Vec::new(), Place::after(0));
            while from.sequence <= pages.len() as u64 {
                let mut stretch = Stretch { changes: Vec::new(), next: from, noted_at: None };
                pages.iter().filter(|page| page.sequence >= from.sequence).for_each(|page| stretch.take(page, limit));
                prop_assert!(stretch.next > from && stretch.changes.len() <= limit);
                met.extend(stretch.changes);
                from = stretch.next;
            }
            let all: Vec<Change> = pages.into_iter().flat_map(|page| page.changes).collect();
            prop_assert_eq!(met, all);
        }
    }

    #[test]
    fn entries_that_are_no_changes_are_named() {
        let item = |entries: Vec<u8>| {
            Item::from([
                ("pk".to_owned(), text("changes#con")),
                ("sk".to_owned(), text(sort_key(7))),
                ("v".to_owned(), number(VERSION)),
                ("entries".to_owned(), bytes(entries)),
                ("expires_at".to_owned(), number(3_024_000 + 5)),
            ])
        };
        let read = Noted::read(&item([[7; 16].as_slice(), &[2]].concat())).unwrap();
        assert_eq!((read.sequence, read.at), (7, Timestamp::from_second(5).unwrap()));
        assert_eq!(read.changes, [Change { id: ObjectId(uuid::Uuid::from_bytes([7; 16])), kind: Kind::Removed }]);
        for entries in [vec![0; 18], vec![0; 16], vec![5; 17]] {
            let error = Noted::read(&item(entries)).err().unwrap().to_string();
            assert!(error.starts_with("item changes#con/00000000000000000007 cannot be read: entries must be"), "{error}");
        }
    }
}
