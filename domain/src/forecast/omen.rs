//! What the directory says about the person who consented, before Entra says it by refusing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Evidence, Forecast, Known, LEAVE_SLACK, Why};
use crate::api::Confidence;

/// How long after a revocation a token may still be accepted.
/// Source: <https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions> ("a small delay of a few minutes"), and
/// <https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-continuous-access-evaluation> (up to 15 minutes)
const PROPAGATION: SignedDuration = SignedDuration::from_mins(15);
/// A password change and a revocation so close to each other are one event.
const SAME_EVENT: SignedDuration = SignedDuration::from_mins(2);

/// The person who consented, as the directory has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consenter {
    /// They are there.
    Present {
        /// Whether they may sign in; unknown counts as yes.
        account: Account,
        /// Tokens issued before this are void.
        /// Source: <https://learn.microsoft.com/en-us/graph/api/resources/user> (`signInSessionsValidFromDateTime`)
        sessions_valid_from: Option<Timestamp>,
        /// When the password was last changed or reset.
        password_changed_at: Option<Timestamp>,
        /// When they leave the company, where that may be read.
        leaves_at: Option<Timestamp>,
    },
    /// They are not: deleted, for now or for good.
    Gone,
}

/// Whether an account may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// It may.
    Enabled,
    /// It may not.
    Disabled,
}

/// A sign, and when the sync first saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omen {
    /// What it is.
    pub sign: Sign,
    /// When it was seen.
    pub seen_at: Timestamp,
}

/// What the directory says that will end the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sign", rename_all = "kebab-case")]
pub enum Sign {
    /// The account is deleted.
    Deleted,
    /// The account is disabled.
    Disabled,
    /// Every token issued before is void.
    Revoked {
        /// Before what.
        valid_from: Timestamp,
        /// Whether a password reset did it.
        is_reset: bool,
    },
    /// The person leaves.
    Leave {
        /// When.
        at: Timestamp,
    },
}

impl Sign {
    /// What speaks against a grant that was signed in at `signed_in_at`; the gravest counts.
    #[must_use]
    pub fn read(consenter: &Consenter, signed_in_at: Timestamp) -> Option<Self> {
        let Consenter::Present { account, sessions_valid_from, password_changed_at, leaves_at } = *consenter else {
            return Some(Self::Deleted);
        };
        if account == Account::Disabled {
            return Some(Self::Disabled);
        }
        let revoked_at = sessions_valid_from.filter(|valid_from| *valid_from > signed_in_at);
        let is_reset = |at: Timestamp| password_changed_at.is_some_and(|changed| changed.duration_since(at).abs() <= SAME_EVENT);
        match (revoked_at, leaves_at) {
            (Some(valid_from), _) => Some(Self::Revoked { valid_from, is_reset: is_reset(valid_from) }),
            (None, Some(at)) => Some(Self::Leave { at }),
            (None, None) => None,
        }
    }

    /// Whether Entra will refuse the grant when it is next asked.
    #[must_use]
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Leave { .. })
    }
}

/// What the sign says about the grant's end. Entra's own later acceptance takes it back.
pub(super) fn forecast(known: &Known<'_>) -> Option<Forecast> {
    let omen = known.omen?;
    let (ends_at, slack, why) = match omen.sign {
        Sign::Deleted => (omen.seen_at, PROPAGATION, Why::Deleted),
        Sign::Disabled => (omen.seen_at, PROPAGATION, Why::Disabled),
        Sign::Revoked { valid_from, .. } if valid_from <= known.signed_in_at => return None,
        Sign::Revoked { valid_from, is_reset: true } => (valid_from, PROPAGATION, Why::PasswordReset),
        Sign::Revoked { valid_from, is_reset: false } => (valid_from, PROPAGATION, Why::Revoked),
        Sign::Leave { at } => (at, LEAVE_SLACK, Why::Leave),
    };
    let is_outlived = known.verified_at.duration_since(ends_at) > slack;
    let confidence = match omen.sign.is_end() {
        true => Confidence::High,
        false => Confidence::Medium,
    };
    (!is_outlived).then(|| Forecast { ends_at, confidence, why, evidence: vec![Evidence::Seen(omen)] })
}
