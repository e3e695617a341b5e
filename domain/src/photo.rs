//! Photos, on a slow lane of their own: whose photo is looked at when, what Graph's answers mean, and what a photo must be to be kept.
//!
//! ```text
//! tour ── range 0 ─► range 1 ─► … ─► last range ─► range 0, about a day later
//!          │
//!          └─ look: up to twenty people ─► metadata ─► decide: keep, forget, or fetch ─► bytes ─► judge ─► store
//! ```
//! Photos are not part of Graph's delta, so each person's is asked about once a day, by the ETag in its metadata; bytes are fetched only
//! where that changed. Newcomers are asked about at once. An answer that says nothing about a photo changes nothing.
//! Source: <https://learn.microsoft.com/en-us/graph/api/profilephoto-get>

mod answer;
mod image;
mod stretch;
mod tour;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ObjectId;

pub use answer::{Answer, Metadata, SIDE, Tally, Way};
pub use image::{BYTES_MAX, Kind, Unfit, judge};
pub use stretch::{Listed, Sighted, Stretch, stretch};
pub use tour::{Heard, Parked, Pause, Stage, Tour, Verdict, Work};

/// The most people of one look: as many as one batch of Graph holds.
/// Source: <https://learn.microsoft.com/en-us/graph/json-batching> (batch size limitations)
pub const LOOK_MAX: usize = 20;

/// What is kept about one person's photo. Of people who have none, nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The person.
    pub person: ObjectId,
    /// Graph's ETag of it; some photos have none.
    pub etag: Option<String>,
    /// The photo, or why it is not kept.
    pub found: Found,
}

/// What was found where Graph has a photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// A photo.
    Photo(Photo),
    /// Something that is not kept. It is not fetched again before its ETag changes.
    Unfit(Unfit),
}

/// A photo in the object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photo {
    /// Its key there.
    pub object: String,
    /// What it is.
    pub kind: Kind,
    /// How large it is.
    pub size_bytes: u32,
    /// A digest of its bytes, as base64url.
    pub digest: String,
    /// When it was fetched.
    pub fetched_at: Timestamp,
}

impl Kept {
    /// The photo, where there is one.
    #[must_use]
    pub fn photo(&self) -> Option<&Photo> {
        match &self.found {
            Found::Photo(photo) => Some(photo),
            Found::Unfit(_) => None,
        }
    }
}

/// What is to be done about one person's photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Nothing.
    Keep,
    /// There is none any more.
    Forget,
    /// It is new, or may have changed.
    Fetch {
        /// Its ETag now.
        etag: Option<String>,
        /// How it is fetched.
        way: Way,
    },
    /// Nothing is known: ask again.
    Again,
}

/// Decides by the metadata, or what came instead of it. Only a plain answer that there is no photo forgets one.
#[must_use]
pub fn decide(kept: Option<&Kept>, answer: &Answer<Metadata>) -> Move {
    let known = kept.and_then(|kept| kept.etag.as_ref());
    match answer {
        Answer::Given(metadata) if known.is_some() && known == metadata.etag.as_ref() => Move::Keep,
        Answer::Given(metadata) => Move::Fetch { etag: metadata.etag.clone(), way: metadata.way() },
        Answer::NoPhoto if kept.is_some() => Move::Forget,
        Answer::NoPhoto | Answer::NobodyThere | Answer::Denied | Answer::Refused => Move::Keep,
        Answer::Unauthorized | Answer::Throttled { .. } | Answer::Later { .. } | Answer::Unreadable => Move::Again,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn kept(etag: Option<&str>) -> Kept {
        let person = ObjectId(uuid::Uuid::from_u128(1));
        Kept { person, etag: etag.map(str::to_owned), found: Found::Unfit(Unfit::NotAnImage) }
    }

    fn given(etag: Option<&str>) -> Answer<Metadata> {
        Answer::Given(Metadata { etag: etag.map(str::to_owned), width: 648, height: 648 })
    }

    #[test]
    fn bytes_are_fetched_only_where_the_etag_is_not_the_known_one() {
        let fetch = |etag: Option<&str>| Move::Fetch { etag: etag.map(str::to_owned), way: Way::Square };
        for (known, answer, expected) in [
            (None, given(Some("a")), fetch(Some("a"))),
            (Some(kept(Some("a"))), given(Some("a")), Move::Keep),
            (Some(kept(Some("a"))), given(Some("b")), fetch(Some("b"))),
            (Some(kept(Some("a"))), given(None), fetch(None)),
            (Some(kept(None)), given(None), fetch(None)),
            (Some(kept(None)), given(Some("a")), fetch(Some("a"))),
        ] {
            assert_eq!(decide(known.as_ref(), &answer), expected, "{known:?} {answer:?}");
        }
    }

    #[test]
    fn nothing_but_a_plain_answer_forgets_a_photo() {
        let known = kept(Some("a"));
        for answer in [
            Answer::NobodyThere,
            Answer::Denied,
            Answer::Refused,
            Answer::Unauthorized,
            Answer::Unreadable,
            Answer::Later { after: None },
            Answer::Throttled { after: None },
            Answer::Throttled { after: Some(SignedDuration::from_secs(3)) },
        ] {
            assert!(matches!(decide(Some(&known), &answer), Move::Keep | Move::Again), "{answer:?}");
        }
        assert_eq!(decide(Some(&known), &Answer::NoPhoto), Move::Forget);
        assert_eq!(decide(None, &Answer::NoPhoto), Move::Keep, "there is nothing to forget");
    }
}
