//! Which attributes of people there are to sync, and which of them a connection syncs.
//!
//! ```text
//! a name as somebody wrote it ──► AttributeName ──┐
//! whom to leave out, how often ───────────────────┴─► Choice ──► what to ask of Graph, whom to hide
//! ```
//! An attribute is a property of Graph's `user` in the [`CATALOGUE`], or a directory extension, `extension_{app id}_{name}`, which each
//! tenant has of its own. The catalogue holds the properties whose changes a delta tells and that say something about a person;
//! [`NOT_SYNCED`] holds the others, each with its reason.
//!
//! Stored people name attributes by their [`code`], two letters, and [`name`] leads back: an extension is its own code.
//!
//! To add an attribute: a row in the catalogue with a code that no other row has or ever had, and the simulator's directory.

mod catalogue;
mod choice;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use catalogue::{CATALOGUE, NOT_SYNCED};
pub use choice::{ATTRIBUTES_MAX, Choice, Draft, EVERY_MAX, EVERY_MIN, Fault, InvalidChoice, LeaveOut};

/// How alike a known name must be to be meant by an unknown one: this part of its letters.
const LIKENESS_MIN: f64 = 0.5;
/// From so many letters on, a text that a name holds, or that holds a name, speaks for that name: `mobile` for `mobilePhone`.
const PART_MIN: usize = 3;
/// How much of an unknown name is repeated to whoever wrote it, in characters.
const SHOWN_MAX: usize = 100;
/// The longest name within a directory extension, in characters. Microsoft documents none; this keeps a request's URL bounded.
const EXTENSION_NAME_MAX: usize = 100;

/// An attribute that can be synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    /// Graph's name of it.
    pub name: &'static str,
    /// What it is called in stored people: two letters, for ever.
    pub code: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it is synced where nobody chose.
    pub is_default: bool,
}

/// What the values of an attribute are. None of the catalogue's is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = AttributeKind))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A text.
    Text,
    /// Yes or no.
    Flag,
    /// Several texts or records.
    List,
    /// Named values.
    Record,
    /// A point in time, RFC 3339 in UTC.
    Moment,
}

/// The name of an attribute that can be synced, as Graph spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AttributeName(Cow<'static, str>);

/// Why a text names no attribute that can be synced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// There is none like it.
    #[error("unknown attribute {0:?}")]
    Unknown(String),
    /// There is none of that name, but another may be meant.
    #[error("unknown attribute {0:?}; did you mean {1:?}?")]
    Misspelt(String, &'static str),
    /// It begins like a directory extension.
    #[error(
        "attribute {0:?} must be extension_, the 32 hexadecimal digits of the app's id, _ and a name of 1 to {EXTENSION_NAME_MAX} \
         letters, digits and _"
    )]
    Extension(String),
    /// Graph has it, and it is not for syncing.
    #[error("attribute {0:?} cannot be chosen: {1}")]
    NotSynced(&'static str, &'static str),
}

/// The attribute of a name, if the catalogue has it.
#[must_use]
pub fn find(name: &str) -> Option<&'static Attribute> {
    let row = CATALOGUE.binary_search_by(|attribute| attribute.name.cmp(name)).ok()?;
    CATALOGUE.get(row)
}

/// What an attribute is called in stored people. What is not in the catalogue is called by its own name.
#[must_use]
pub fn code(name: &str) -> &str {
    find(name).map_or(name, |attribute| attribute.code)
}

/// The name of an attribute that stored people call `code`: the way back from [`code`].
#[must_use]
pub fn name(code: &str) -> &str {
    catalogue::of_code(code).map_or(code, |attribute| attribute.name)
}

impl AttributeName {
    /// The name as Graph spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static Attribute> for AttributeName {
    fn from(attribute: &'static Attribute) -> Self {
        Self(Cow::Borrowed(attribute.name))
    }
}

impl FromStr for AttributeName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if let Some(attribute) = find(text) {
            return Ok(attribute.into());
        }
        match text.strip_prefix("extension_") {
            Some(rest) => extension(rest).ok_or_else(|| InvalidName::Extension(shown(text))),
            None => Err(refuse(text)),
        }
    }
}

impl TryFrom<String> for AttributeName {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A directory extension from what follows `extension_`: the id of the app that owns it, without hyphens, and its name.
/// Source: <https://learn.microsoft.com/en-us/graph/api/resources/extensionproperty>
fn extension(rest: &str) -> Option<AttributeName> {
    let (app, name) = rest.split_once('_')?;
    let is_app = app.len() == 32 && app.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_name = (1..=EXTENSION_NAME_MAX).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    // Graph writes the app's id in lower case, whatever it was asked for.
    (is_app && is_name).then(|| AttributeName(Cow::Owned(format!("extension_{}_{name}", app.to_ascii_lowercase()))))
}

/// Says why a name is refused, and which was meant.
fn refuse(text: &str) -> InvalidName {
    if let Some((name, reason)) = NOT_SYNCED.iter().find(|(name, _)| *name == text) {
        return InvalidName::NotSynced(name, reason);
    }
    match nearest(text) {
        Some(name) => InvalidName::Misspelt(shown(text), name),
        None => InvalidName::Unknown(shown(text)),
    }
}

/// The known name that is most like a text, whatever its letters' case; of equals, the first.
fn nearest(text: &str) -> Option<&'static str> {
    let text = shown(text).to_lowercase();
    let names = CATALOGUE.iter().map(|attribute| attribute.name).chain(NOT_SYNCED.iter().map(|(name, _)| *name));
    let rated = names.map(|name| (likeness(&text, &name.to_lowercase()), name));
    let best = rated.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    (best.0 >= LIKENESS_MIN).then_some(best.1)
}

/// The part of the letters that two texts share, and half of them more where one text is part of the other.
fn likeness(text: &str, name: &str) -> f64 {
    let is_part = text.len().min(name.len()) >= PART_MIN && (name.contains(text) || text.contains(name));
    strsim::normalized_damerau_levenshtein(text, name) + if is_part { LIKENESS_MIN } else { 0.0 }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}
