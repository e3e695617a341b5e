//! People as the API tells them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::DataAge;
use crate::ids::ObjectId;
use crate::person::Value;

/// One page of people, ordered by display name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// One person's attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonView {
    /// The person's object id in the tenant.
    pub id: ObjectId,
    /// Attributes by Graph's own names; an attribute that the directory never had, or has cleared, is left out.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, serde_json::Value>))]
    pub attributes: BTreeMap<String, Value>,
    /// The manager, where there is one that we hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<ManagerView>,
    /// When this person's attributes last changed here.
    pub changed_at: Timestamp,
}

/// A person's manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManagerView {
    /// The manager's object id.
    pub id: ObjectId,
    /// The manager's display name, joined here from what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}
