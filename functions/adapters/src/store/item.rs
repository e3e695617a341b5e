//! Items as maps: how attributes are written, and read back with a name for what is wrong.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

/// The schema version that this code writes, and the newest that it reads.
pub(super) const VERSION: u64 = 2;

/// An item.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A point in time as milliseconds since 1970: sorts, and fits a condition.
pub(super) fn time(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

/// A point in time as DynamoDB's TTL wants it: seconds since 1970.
pub(super) fn expiry(at: Timestamp) -> AttributeValue {
    number(at.as_second())
}

pub(super) fn bytes(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// A value of ours as JSON in one attribute.
pub(super) fn json(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    let unwritable = |error: serde_json::Error| StoreError::Unavailable { what: "write a value as JSON".to_owned(), source: error.into() };
    serde_json::to_string(value).map(AttributeValue::S).map_err(unwritable)
}

/// Reads attributes of one item.
pub(super) struct Reader<'a> {
    item: &'a Item,
}

impl<'a> Reader<'a> {
    /// Begins to read an item or a part of one, whatever its version: for keys, which are the same in all.
    pub(super) fn of(item: &'a Item) -> Self {
        Self { item }
    }

    /// Begins to read an item, whose version must be known.
    pub(super) fn open(item: &'a Item) -> Result<Self, StoreError> {
        let reader = Self { item };
        match reader.number::<u64>("v")? {
            1..=VERSION => Ok(reader),
            newer => Err(reader.wrong(&format!("v is {newer}, and this release knows up to {VERSION}"))),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        let value = self.item.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.wrong(&format!("{name} must be a text")))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.maybe_number(name)?.ok_or_else(|| self.wrong(&format!("{name} must be a number")))
    }

    pub(super) fn maybe_number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let Some(value) = self.item.get(name) else {
            return Ok(None);
        };
        let read = value.as_n().ok().and_then(|digits| digits.parse().ok());
        read.map(Some).ok_or_else(|| self.wrong(&format!("{name} must be a number")))
    }

    pub(super) fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        let milliseconds = self.number(name)?;
        Timestamp::from_millisecond(milliseconds).map_err(|_| self.wrong(&format!("{name} must be milliseconds since 1970")))
    }

    /// A point in time as DynamoDB's TTL has it.
    pub(super) fn moment(&self, name: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_second(self.number(name)?).map_err(|_| self.wrong(&format!("{name} must be seconds since 1970")))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        let value = self.item.get(name).and_then(|value| value.as_b().ok());
        value.map(AsRef::as_ref).ok_or_else(|| self.wrong(&format!("{name} must be bytes")))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        // Where it went wrong, and not in the parser's own words: those quote what stands there.
        let misread =
            |error: serde_json::Error| self.wrong(&format!("{name} cannot be read at line {} column {}", error.line(), error.column()));
        serde_json::from_str(self.text(name)?).map_err(misread)
    }

    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &str, prefix: &str) -> Result<T, StoreError> {
        let text = self.text(name)?;
        let bare = text.strip_prefix(prefix).ok_or_else(|| self.wrong(&format!("{name} must begin with {prefix}")))?;
        bare.parse().map_err(|error| self.wrong(&format!("{name}: {error}")))
    }

    /// What is wrong with an attribute.
    pub(super) fn wrong(&self, attribute: &str) -> StoreError {
        let part = |name: &str| self.item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        StoreError::Unreadable { key: format!("{}/{}", part("pk"), part("sk")), attribute: attribute.to_owned() }
    }
}
