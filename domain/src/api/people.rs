//! People as the API tells them: effective values, where each comes from, and how old they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DataAge;
use crate::ids::ObjectId;
use crate::person::Value;

/// One person's attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonView {
    /// The person's object id in the tenant.
    pub id: ObjectId,
    /// Effective values of attributes by Graph's own names; an attribute that has none is left out.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, serde_json::Value>))]
    pub attributes: BTreeMap<String, Value>,
    /// Where each of these values comes from, by the same names, and where `manager` does.
    pub provenance: BTreeMap<String, ProvenanceView>,
    /// The manager, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<ManagerView>,
    /// When this person's attributes last changed here.
    pub changed_at: Timestamp,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProvenanceView {
    /// From where, in one word.
    pub source: SourceWord,
    /// Who set it, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was set, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl ProvenanceView {
    /// That of a value as the directory has it.
    pub const DIRECTORY: Self = Self { source: SourceWord::Directory, by: None, at: None };
}

/// Where a value comes from, in one word; of several values the one that comes first here is in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SourceWord {
    /// Set for this person on top of the directory, which it never reaches.
    Overlay,
    /// Set by the customer for everybody who has no overlay.
    CustomDefault,
    /// The directory's own.
    Directory,
}

/// A person's manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManagerView {
    /// The manager's object id.
    pub id: ObjectId,
    /// The manager's display name, joined here from what is stored. Another name is a change of the manager, not of this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// One person, and how old that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OnePerson {
    /// The person.
    pub person: PersonView,
    /// The age of this data.
    pub data: DataAge,
}

/// One page of people, ordered by display name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeoplePage {
    /// The people of this page; may be fewer than asked for, or none, although more follow.
    pub people: Vec<PersonView>,
    /// Where the next page begins; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The age of this data.
    pub data: DataAge,
}

/// Asks for several people at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LookUpPeople {
    /// Whom; 1 to 100.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub people: Vec<PersonKey>,
}

/// What names a person: exactly one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PersonKey {
    /// The object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ObjectId>,
    /// The whole mail address; upper and lower case are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// The whole user principal name; upper and lower case are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_principal_name: Option<String>,
}

/// What was found of those who were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeopleFound {
    /// One answer to each key, in the order in which they were asked.
    pub answers: Vec<LookupAnswer>,
    /// The age of this data.
    pub data: DataAge,
}

/// The answer to one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupAnswer {
    /// The key, as it was asked.
    pub asked: PersonKey,
    /// Whether it names a person.
    pub outcome: LookupWord,
    /// The person; present where `outcome` is `found`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonView>,
    /// Object ids of those whom it may mean; present where `outcome` is `ambiguous`, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<ObjectId>,
}

/// Whether a key names a person, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LookupWord {
    /// It names the person of the answer.
    Found,
    /// It names nobody.
    NotFound,
    /// Several people have this address; ask by object id.
    Ambiguous,
}

/// Who of a connection's people changed since a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeopleChanges {
    /// Each person once, in the order of their first change; may be fewer than asked for, or none, although more follow.
    pub changes: Vec<PersonChange>,
    /// Where to go on, now or later; it is good for 34 days.
    pub next_cursor: String,
    /// Whether more changes wait already.
    pub has_more: bool,
    /// The age of this data.
    pub data: DataAge,
}

/// What became of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonChange {
    /// Whom it is about.
    pub id: ObjectId,
    /// What became of them, in one word.
    pub change: ChangeWord,
    /// The person as they are now; absent where `change` is `removed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonView>,
}

/// What became of a person, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChangeWord {
    /// Came, and is there now.
    Added,
    /// Was there, and is now.
    Changed,
    /// Is not there now; whoever came and went meanwhile is told so too.
    Removed,
}
