//! Deletions that are held, and what somebody decides about them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PersonView;
use crate::walk::Verdict;

/// So many people are gone from the directory at once that it is rather a mistake than true. They stay stored and shown until somebody
/// decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletionsHeld {
    /// Which wave: whoever decides names it, so that no later one is meant.
    pub round: u32,
    /// How many people are gone.
    pub people: u64,
    /// Out of how many.
    pub of: u64,
    /// Since when they are held.
    pub since: Timestamp,
    /// Whether whoever asks may decide; absent where not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_decide: bool,
}

/// Whom a wave of deletions is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldPage {
    /// The wave; absent where none is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<DeletionsHeld>,
    /// Some of those who are gone, so that somebody can judge: at most 100.
    pub people: Vec<PersonView>,
}

/// Decides about a wave of deletions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideDeletions {
    /// Which wave.
    pub round: u32,
    /// What becomes of the people.
    pub verdict: Verdict,
}
