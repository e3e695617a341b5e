//! The object store: photos, too large for a table.
//!
//! ```text
//! photos/CONNECTION/OBJECTID/ETAGHASH
//! ```
//! A photo that changes gets another key, so that whoever reads the old one reads all of it. What a person's folder holds besides the key
//! that the table names is a remainder, and may be removed.

mod folder;
mod s3;

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{ConnectionId, ObjectId};
use domain::photo::Kind;

pub use folder::FolderObjects;
pub use s3::S3Objects;

/// The most keys of one listing; S3 gives no more at a time.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub const LISTED_MAX: usize = 1_000;

/// Where all photos of one person are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    connection: ConnectionId,
    person: ObjectId,
}

/// The key of one photo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// A photo to be put into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Where.
    pub key: ObjectKey,
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The object store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// It did not answer, or refused.
    #[error("could not {what}")]
    Unavailable {
        /// What was tried, and for which key.
        what: String,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An object is larger than any that is put here.
    #[error("object {key} has more than {most_bytes} bytes")]
    TooLarge {
        /// Which.
        key: String,
        /// The bound.
        most_bytes: usize,
    },
}

impl ObjectsError {
    fn unavailable(what: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { what, source: source.into() }
    }
}

/// Keeps photos.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Puts a photo into the store. Putting it twice is putting it once.
    ///
    /// # Errors
    /// [`ObjectsError`]; it is there as a whole or not at all.
    async fn put(&self, object: Object) -> Result<(), ObjectsError>;

    /// Reads a photo; `None` where it is not there.
    ///
    /// # Errors
    /// [`ObjectsError`].
    async fn read(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectsError>;

    /// Removes a photo, whether it is there or not.
    ///
    /// # Errors
    /// [`ObjectsError`].
    async fn remove(&self, key: &ObjectKey) -> Result<(), ObjectsError>;

    /// The keys of everything in one person's place.
    ///
    /// # Errors
    /// [`ObjectsError`].
    async fn list(&self, place: &Place) -> Result<Vec<ObjectKey>, ObjectsError>;

    /// The keys of a connection's photos that come after one, in their order: at most [`LISTED_MAX`], and none where there are no more.
    ///
    /// # Errors
    /// [`ObjectsError`].
    async fn list_after(&self, connection: &ConnectionId, after: Option<&ObjectKey>) -> Result<Vec<ObjectKey>, ObjectsError>;
}

impl Place {
    /// The place of one person's photos.
    #[must_use]
    pub fn of(connection: &ConnectionId, person: ObjectId) -> Self {
        Self { connection: connection.clone(), person }
    }

    /// The key of the photo that has this ETag in Graph, or this digest where it has none.
    #[must_use]
    pub fn key(&self, version: &str) -> ObjectKey {
        let hash = digest::digest(&digest::SHA256, version.as_bytes());
        let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        ObjectKey(format!("{self}{hex}"))
    }
}

/// The beginning of all its keys.
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "photos/{}/{}/", self.connection, self.person)
    }
}

impl ObjectKey {
    /// A key as it was stored.
    #[must_use]
    pub fn stored(key: &str) -> Self {
        Self(key.to_owned())
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The beginning of all keys of a connection.
fn home(connection: &ConnectionId) -> String {
    format!("photos/{connection}/")
}

/// A digest of bytes that tells them from all others: SHA-256, as base64url.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_connection_person_and_version() {
        let (connection, person) = (ConnectionId::mint([1; 16]), ObjectId(uuid::Uuid::from_u128(2)));
        let place = Place::of(&connection, person);
        let key = place.key("\"BA09D118\"");
        assert_eq!(key.as_str(), format!("photos/{connection}/{person}/57ef29b8acca8e424f91f322841294bc"));
        assert_ne!(key, place.key("\"BA09D119\""));
        assert_eq!(ObjectKey::stored(key.as_str()), key);
    }
}
