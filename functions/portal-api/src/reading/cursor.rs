//! Where a reader of changes stands. It means something only to us, names its connection, and is worth something only as long as all
//! changes after it are kept.

use adapters::store::changes::{KEPT, Place, Stretch};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::ConnectionId;
use domain::walk::Walk;
use jiff::{SignedDuration, Timestamp};

use crate::problem::ApiError;

/// How much earlier than what it stands before a cursor ends: by more than clocks differ, and than a page takes to be applied.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);
/// A reader who asks for nothing new gets the same cursor again for so long, so that the answer stays the same.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// The layout that is written.
const LAYOUT: &str = "1";

/// A place among a connection's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The next change to read.
    pub(super) place: Place,
    /// Whatever comes next was noted then or later.
    since: Timestamp,
}

impl Cursor {
    /// After everything that was noted so far.
    pub(super) fn at_end(last: u64, now: Timestamp) -> Self {
        Self { place: Place::after(last), since: now }
    }

    /// Where the reader stands who has read this stretch from here, which went up to the page `last`.
    pub(super) fn behind(self, stretch: &Stretch, last: u64, now: Timestamp) -> Self {
        let is_young = now.duration_since(self.since) < RENEWED_AFTER;
        match stretch.next.sequence > last {
            true if stretch.changes.is_empty() && is_young => Self { place: stretch.next, ..self },
            true => Self { place: stretch.next, since: now },
            false => Self { place: stretch.next, since: stretch.noted_at.unwrap_or(self.since) },
        }
    }

    /// Makes sure that all changes after it are noted and kept.
    pub(super) fn require_kept(self, walk: Option<&Walk>, now: Timestamp) -> Result<(), ApiError> {
        let walk = walk.filter(|walk| walk.as_of.is_some() && self.place.sequence <= walk.changes.saturating_add(1));
        match walk.is_some() && now.duration_since(self.since) < KEPT - MARGIN {
            true => Ok(()),
            false => Err(ApiError::Gone("not every change after this cursor is kept: ask for a new cursor, then read the list anew")),
        }
    }

    pub(super) fn write(self, connection: &ConnectionId) -> String {
        let Place { sequence, entry } = self.place;
        let text = format!("{LAYOUT} {connection} {sequence} {entry} {}", self.since.as_millisecond());
        URL_SAFE_NO_PAD.encode(text)
    }

    pub(super) fn read(text: &str, connection: &ConnectionId) -> Result<Self, ApiError> {
        let invalid = |bound: &str| ApiError::Invalid { field: "cursor", bound: bound.to_owned() };
        let unreadable = || invalid("must be a next_cursor as it was given");
        let text = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(unreadable)?;
        let words: Vec<&str> = text.split(' ').collect();
        let [LAYOUT, whose, sequence, entry, since] = words[..] else {
            return Err(unreadable());
        };
        if whose != connection.as_str() {
            return Err(invalid("must be a next_cursor of this connection"));
        }
        let place = sequence.parse().ok().zip(entry.parse().ok()).map(|(sequence, entry)| Place { sequence, entry });
        let since = since.parse().ok().and_then(|since| Timestamp::from_millisecond(since).ok());
        place.zip(since).map(|(place, since)| Self { place, since }).ok_or_else(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_second(number * 86_400).unwrap()
    }

    fn connection(name: &str) -> ConnectionId {
        name.parse().unwrap()
    }

    fn walk(changes: u64, as_of: Option<Timestamp>) -> Walk {
        Walk { changes, as_of, ..Walk::default() }
    }

    fn cursor(sequence: u64, since: Timestamp) -> Cursor {
        Cursor { place: Place { sequence, entry: 0 }, since }
    }

    fn stretch(next: u64, noted_at: Option<Timestamp>) -> Stretch {
        Stretch { changes: Vec::new(), next: Place { sequence: next, entry: 3 }, noted_at }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_written_and_only_to_its_connection() {
        let cursor = Cursor { place: Place { sequence: u64::MAX, entry: 17 }, since: day(20_000) };
        let text = cursor.write(&connection("con-1"));
        assert_eq!(Cursor::read(&text, &connection("con-1")).unwrap(), cursor);
        for (text, bound) in [
            (text.as_str(), "cursor must be a next_cursor of this connection"),
            ("", "cursor must be a next_cursor as it was given"),
            ("***", "cursor must be a next_cursor as it was given"),
            (&URL_SAFE_NO_PAD.encode("1 con-2 1 1"), "cursor must be a next_cursor as it was given"),
            (&URL_SAFE_NO_PAD.encode("2 con-2 1 1 1"), "cursor must be a next_cursor as it was given"),
            (&URL_SAFE_NO_PAD.encode("1 con-2 -1 1 1"), "cursor must be a next_cursor as it was given"),
            (&URL_SAFE_NO_PAD.encode(format!("1 con-2 1 1 {}", i64::MAX)), "cursor must be a next_cursor as it was given"),
            (&URL_SAFE_NO_PAD.encode("1 con-2 1 1 1 1"), "cursor must be a next_cursor as it was given"),
        ] {
            assert_eq!(Cursor::read(text, &connection("con-2")).unwrap_err().to_string(), bound, "{text}");
        }
    }

    #[test]
    fn a_cursor_is_good_for_34_days_within_what_is_noted() {
        let loaded = walk(7, Some(day(0)));
        for (sequence, since, now, is_good) in [(8, 0, 0, true), (8, 0, 33, true), (8, 0, 34, false), (1, 0, 1, true), (9, 0, 1, false)] {
            let kept = cursor(sequence, day(since)).require_kept(Some(&loaded), day(now));
            assert_eq!(kept.is_ok(), is_good, "{sequence} on day {now}");
        }
        let new = cursor(1, day(0));
        assert!(new.require_kept(Some(&walk(0, Some(day(0)))), day(1)).is_ok(), "nothing was ever noted");
        assert!(new.require_kept(Some(&walk(0, None)), day(1)).is_err(), "people are loaded for the first time");
        assert!(new.require_kept(None, day(1)).is_err());
    }

    #[test]
    fn a_reader_in_the_midst_stands_where_the_last_page_was_noted_and_one_at_the_end_stands_now() {
        let before = cursor(2, day(1));
        assert_eq!(before.behind(&stretch(5, Some(day(3))), 7, day(9)).since, day(3));
        assert_eq!(before.behind(&stretch(5, None), 7, day(9)).since, day(1), "nothing read, nothing gained");
        assert_eq!(before.behind(&stretch(8, None), 7, day(9)), Cursor { place: Place { sequence: 8, entry: 3 }, since: day(9) });
    }

    #[test]
    fn whoever_hears_nothing_new_keeps_the_cursor_for_a_day() {
        let before = cursor(8, day(1));
        let end = Stretch { changes: Vec::new(), next: before.place, noted_at: None };
        assert_eq!(before.behind(&end, 7, day(1) + SignedDuration::from_hours(23)), before);
        assert_eq!(before.behind(&end, 7, day(2)), cursor(8, day(2)));
    }
}
