//! When a grant is expected to stop, on what evidence, and how sure.
//!
//! Entra seldom tells an end in advance. But when a sign-in frequency ends a grant, the refusal states the policy's length; when "remember
//! multi-factor authentication" ends one, its observed age is that length. So the second grant's end is known although the first one's
//! was not. Nothing is forecast without evidence.
//!
//! ```text
//! how earlier grants ended ──► lifetime ─┐
//! what Entra told, our credential's end ─┼─► foresee ──► forecast ──► ladder: which warning is owed
//! the consenter, as the sync saw it ─► omen ┘                └──► words: what an administrator reads
//! ```
//!
//! | confidence | what it means |
//! |---|---|
//! | high | Certain by rule (a credential's end, a lifetime that Entra told and kept to, an account that is blocked already), or the same length seen at least twice, last within a year. |
//! | medium | Seen once as Entra stated it; told once; a planned leave; or seen often, but not within a year, or by a second factor that may be older than this sign-in. |
//! | low | Seen once and only indirectly: an observed age that is a whole number of days. |
//!
//! What ended a grant otherwise teaches nothing, and a grant that clearly outlives a learned length refutes it. A password reset, a
//! withdrawn consent or a new policy cannot be foreseen; where the sync sees it before the next check, it is at least told as what it is.

mod ladder;
mod lifetime;
mod omen;
mod score;
mod words;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::api::Confidence;

pub use ladder::{Rung, Warned};
pub use lifetime::{Life, Lifetime, Limit, learn, remember};
pub use omen::{Account, Consenter, Omen, Sign};
pub use score::{Score, score};

/// How long a refresh token may lie unused. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
pub const INACTIVITY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The most past lifetimes that are remembered of one connection.
pub const LIFETIMES_MAX: usize = 8;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A grant that is accepted so long after an end was due has outlived it.
const OUTLIVED: SignedDuration = SignedDuration::from_hours(1);
/// A leave is carried out some time of its day, seldom to the minute.
const LEAVE_SLACK: SignedDuration = DAY;

/// What is known about a grant that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<'a> {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When Entra last accepted the grant.
    pub verified_at: Timestamp,
    /// How this connection's earlier grants ended by age, oldest first.
    pub lifetimes: &'a [Lifetime],
    /// The end that Entra told with the tokens, where it did.
    pub told: Option<Told>,
    /// When the operator's own credential ends, where that is known.
    pub credential_ends_at: Option<Timestamp>,
    /// What the sync saw coming, where it did.
    pub omen: Option<Omen>,
}

impl<'a> Known<'a> {
    /// What every grant tells; everything else is unknown.
    #[must_use]
    pub fn of(life: Life, lifetimes: &'a [Lifetime]) -> Self {
        let Life { signed_in_at, verified_at } = life;
        Self { signed_in_at, verified_at, lifetimes, told: None, credential_ends_at: None, omen: None }
    }
}

/// The end of the refresh token as Entra told it (`refresh_token_expires_in`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When.
    pub ends_at: Timestamp,
    /// Whether later answers kept to it.
    pub steadiness: Steadiness,
}

/// Whether a told end is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steadiness {
    /// Told once: it may move with the next answer.
    Once,
    /// A later answer told the same end: use does not lengthen it.
    Fixed,
    /// A later answer told a later end: use lengthens it, so it is none.
    Sliding,
}

impl Told {
    /// What an answer at `now` tells that gives the refresh token `expires_in`, after what the earlier answers of this grant told.
    #[must_use]
    pub fn next(before: Option<Self>, expires_in: SignedDuration, now: Timestamp) -> Option<Self> {
        let ends_at = now.checked_add(expires_in).ok()?;
        let steadiness = match before {
            None => Steadiness::Once,
            Some(Self { steadiness: Steadiness::Sliding, .. }) => Steadiness::Sliding,
            Some(before) if ends_at.duration_since(before.ends_at) > SignedDuration::from_mins(5) => Steadiness::Sliding,
            Some(_) => Steadiness::Fixed,
        };
        Some(Self { ends_at, steadiness })
    }
}

/// When a grant is expected to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// The expected end; past where it has ended already and only the next check is missing.
    pub ends_at: Timestamp,
    /// How sure.
    pub confidence: Confidence,
    /// What will end it.
    pub why: Why,
    /// What it rests on, oldest first.
    pub evidence: Vec<Evidence>,
}

/// What is expected to end a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Something lets a sign-in last only so long.
    Limit {
        /// What.
        limit: Limit,
        /// How long.
        length: SignedDuration,
    },
    /// Nobody uses it.
    Inactivity,
    /// The operator's credential ends.
    Credential,
    /// The consenter's sessions were revoked.
    Revoked,
    /// The consenter's password was reset, and the sessions with it.
    PasswordReset,
    /// The consenter's account is disabled.
    Disabled,
    /// The consenter's account is deleted.
    Deleted,
    /// The consenter leaves the company.
    Leave,
}

/// One thing that a forecast rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// An earlier grant that ended by its age.
    Ended(Lifetime),
    /// When the person signed in.
    SignedIn(Timestamp),
    /// When the grant was last used.
    Used(Timestamp),
    /// The end that Entra told with the tokens.
    Told(Timestamp),
    /// The end of the operator's credential.
    Credential(Timestamp),
    /// What the sync saw.
    Seen(Omen),
}

/// The end that the evidence speaks for. Of several the earliest counts; but an unsure one does not hide a surer one that people must be
/// told of at `now`.
#[must_use]
pub fn foresee(known: &Known<'_>, now: Timestamp) -> Option<Forecast> {
    let all = [lifetime::limit(known), told(known), inactivity(known), credential(known), omen::forecast(known)];
    let ends: Vec<Forecast> = all.into_iter().flatten().collect();
    let urgent = ends.iter().filter(|forecast| forecast.is_near(now)).min_by_key(|forecast| forecast.ends_at);
    urgent.or_else(|| ends.iter().min_by_key(|forecast| forecast.ends_at)).cloned()
}

fn told(known: &Known<'_>) -> Option<Forecast> {
    let Told { ends_at, steadiness } = known.told?;
    let length = ends_at.duration_since(known.signed_in_at);
    let confidence = match steadiness {
        Steadiness::Once => Confidence::Medium,
        Steadiness::Fixed => Confidence::High,
        Steadiness::Sliding => return None,
    };
    // The usual end, which each use moves on, is not worth telling.
    let is_news = length < INACTIVITY - DAY && !is_outlived(ends_at, known);
    let evidence = vec![Evidence::SignedIn(known.signed_in_at), Evidence::Told(ends_at)];
    is_news.then_some(Forecast { ends_at, confidence, why: Why::Limit { limit: Limit::Token, length }, evidence })
}

fn inactivity(known: &Known<'_>) -> Option<Forecast> {
    let ends_at = known.verified_at.checked_add(INACTIVITY).ok()?;
    Some(Forecast { ends_at, confidence: Confidence::High, why: Why::Inactivity, evidence: vec![Evidence::Used(known.verified_at)] })
}

fn credential(known: &Known<'_>) -> Option<Forecast> {
    let ends_at = known.credential_ends_at.filter(|ends_at| !is_outlived(*ends_at, known))?;
    Some(Forecast { ends_at, confidence: Confidence::High, why: Why::Credential, evidence: vec![Evidence::Credential(ends_at)] })
}

/// Whether Entra accepted the grant clearly after this end.
fn is_outlived(ends_at: Timestamp, known: &Known<'_>) -> bool {
    known.verified_at.duration_since(ends_at) > OUTLIVED
}

#[cfg(test)]
mod tests;
