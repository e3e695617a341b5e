//! Which attributes there are, and which of them a connection syncs.

use serde::{Deserialize, Serialize};

use crate::attribute::{CATALOGUE, Draft, Fault, Kind, LeaveOut};

/// The attributes that can be synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttributeList {
    /// By name.
    pub attributes: Vec<AttributeView>,
}

/// An attribute that can be synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttributeView {
    /// Graph's own name of it.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// Whether it is synced where nobody chose.
    pub default: bool,
}

impl AttributeList {
    /// The whole catalogue.
    #[must_use]
    pub fn catalogue() -> Self {
        let view = |attribute: &crate::attribute::Attribute| AttributeView {
            name: attribute.name.to_owned(),
            kind: attribute.kind,
            default: attribute.is_default,
        };
        Self { attributes: CATALOGUE.iter().map(view).collect() }
    }
}

/// What a connection syncs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AttributeChoice {
    /// 1 to 100 names: of `/v1/attributes`, or of directory extensions, `extension_{app id without hyphens}_{name}`. People are listed and
    /// found by `displayName`, `mail` and `userPrincipalName`, which are synced in any case, like `accountEnabled` and `userType`.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub attributes: Vec<String>,
    /// Whom to leave out; nobody where it is not given.
    #[serde(default)]
    pub leave_out: LeaveOutView,
    /// Minutes between the beginnings of two rounds, from 5 to 1440; 15 where it is not given.
    #[serde(default = "every_minutes")]
    #[cfg_attr(feature = "openapi", schema(minimum = 5, maximum = 1440))]
    pub every_minutes: i64,
}

/// Whom a connection leaves out. They are not deleted, and come back as soon as they are not left out any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LeaveOutView {
    /// People whose account is disabled.
    pub disabled: bool,
    /// Guests.
    pub guests: bool,
    /// People without any licence.
    pub unlicensed: bool,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FaultView {
    /// Where, such as `attributes[3]`.
    pub field: String,
    /// What it must be, or why it is refused.
    pub bound: String,
}

impl From<&Fault> for FaultView {
    fn from(fault: &Fault) -> Self {
        Self { field: fault.field.clone(), bound: fault.bound.clone() }
    }
}

fn every_minutes() -> i64 {
    Draft::default().every_minutes
}

impl From<AttributeChoice> for Draft {
    fn from(choice: AttributeChoice) -> Self {
        let LeaveOutView { disabled, guests, unlicensed } = choice.leave_out;
        let leave_out = LeaveOut { disabled, guests, unlicensed };
        Self { attributes: choice.attributes, leave_out, every_minutes: choice.every_minutes }
    }
}

impl From<Draft> for AttributeChoice {
    fn from(draft: Draft) -> Self {
        let LeaveOut { disabled, guests, unlicensed } = draft.leave_out;
        let leave_out = LeaveOutView { disabled, guests, unlicensed };
        Self { attributes: draft.attributes, leave_out, every_minutes: draft.every_minutes }
    }
}
