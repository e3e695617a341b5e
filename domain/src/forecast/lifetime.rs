//! What past grants teach about how long the next one lasts.
//!
//! A check comes at intervals, so the age at which a grant ended is known to lie between that of its last acceptance and that of its
//! first refusal. Several such observations narrow it. "Remember multi-factor authentication" counts in whole days, so an observation
//! that no whole number of days fits was something else, and teaches nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DAY, Evidence, Forecast, Known, LIFETIMES_MAX, OUTLIVED, Why};
use crate::api::Confidence;
use crate::refusal::Refusal;
use crate::schedule::CHECK_PERIOD;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// How much earlier than we note it a person may have signed in: what reading and accepting Entra's consent page may take.
const SIGN_IN_LAG: SignedDuration = SignedDuration::from_mins(15);
/// The fixed life of a refresh token that was issued to a single-page application.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
const SINGLE_PAGE: SignedDuration = DAY;
/// An observation that leaves more than this open says nothing by itself: nobody looked for too long.
const VAGUE_MAX: SignedDuration = SignedDuration::from_hours(2 * 24);
/// A sign-in that comes within this time after an end by age is taken for its repair.
const REPAIR_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Evidence that is older than this is worth one level of confidence less: policies change.
const FRESH: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How far a grant is known to have lived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When Entra last accepted the grant.
    pub verified_at: Timestamp,
}

/// How long one past grant lasted, and what ended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When Entra last accepted it.
    pub verified_at: Timestamp,
    /// When Entra first refused.
    pub ended_at: Timestamp,
    /// The length as Entra stated it, where it did.
    pub stated: Option<SignedDuration>,
    /// What limits it.
    pub limit: Limit,
}

/// What lets a sign-in last only so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// A sign-in frequency of Conditional Access, in hours or days.
    /// Source: <https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-session-lifetime>
    SignInFrequency,
    /// "Remember multi-factor authentication on trusted devices", 1 to 365 days.
    /// Source: <https://learn.microsoft.com/en-us/entra/identity/authentication/howto-mfa-mfasettings>
    SecondFactor,
    /// The token's own fixed life. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
    Token,
}

/// What a refusal teaches about how long a sign-in lasts in this tenant: the length where the text states it, or the observed age where
/// an age limit ended it. Other ends teach nothing: a password is not reset every so many days.
#[must_use]
pub fn learn(refusal: &Refusal, life: Life, now: Timestamp) -> Option<Lifetime> {
    let by_code = refusal.codes.iter().find_map(|code| match code {
        70043 | 70044 => Some(Limit::SignInFrequency),
        50078 => Some(Limit::SecondFactor),
        700_081 | 700_084 => Some(Limit::Token),
        _ => None,
    });
    let facts = &refusal.facts;
    let by_text = || facts.lifetime_max.map(|_| Limit::SignInFrequency).or(facts.fixed_lifetime.map(|_| Limit::Token));
    let limit = by_code.or_else(by_text)?;
    let Life { signed_in_at, verified_at } = life;
    Some(Lifetime { signed_in_at, verified_at, ended_at: now, stated: facts.lifetime_max.or(facts.fixed_lifetime), limit })
}

/// Takes over what a grant's life taught when it ends, by age (`lesson`) or otherwise: older lessons that it outlived are dropped. One
/// life teaches once, however often its end is told.
pub fn remember(lifetimes: &mut Vec<Lifetime>, life: Life, lesson: Option<Lifetime>) {
    let survived = life.verified_at.duration_since(life.signed_in_at);
    lifetimes.retain(|lifetime| !lifetime.range().is_outlived(survived));
    lifetimes.extend(lesson.filter(|_| lifetimes.last().is_none_or(|last| last.signed_in_at != life.signed_in_at)));
    let surplus = lifetimes.len().saturating_sub(LIFETIMES_MAX);
    lifetimes.drain(..surplus);
}

/// The limit that ended earlier grants. The newest lesson that still stands and is clear enough counts, because policies change; older
/// ones that agree with it narrow the length, and make it sure.
pub(super) fn limit(known: &Known<'_>) -> Option<Forecast> {
    let survived = known.verified_at.duration_since(known.signed_in_at);
    let stands = |lifetime: &&Lifetime| !lifetime.range().is_outlived(survived);
    let newest_first: Vec<&Lifetime> = known.lifetimes.iter().rev().filter(stands).collect();
    let agreements = (0..newest_first.len()).map(|from| Agreement::of(&newest_first[from..], survived));
    let (agreement, length) = agreements.flatten().find_map(|agreement| Some((agreement.clone(), agreement.length()?)))?;
    let evidence = agreement.lessons.iter().rev().map(|lifetime| Evidence::Ended((*lifetime).clone()));
    Some(Forecast {
        ends_at: known.signed_in_at.checked_add(length).ok()?,
        confidence: agreement.confidence(known),
        why: Why::Limit { limit: agreement.newest.limit, length },
        evidence: evidence.chain([Evidence::SignedIn(known.signed_in_at)]).collect(),
    })
}

/// A lesson, and older ones that agree with it.
#[derive(Debug, Clone)]
struct Agreement<'a> {
    newest: &'a Lifetime,
    /// The newest among them, newest first.
    lessons: Vec<&'a Lifetime>,
    /// Between which ages all of them ended.
    range: Range,
}

impl<'a> Agreement<'a> {
    /// What agrees with the first of these, for a grant that lived to `survived` already.
    fn of(newest_first: &[&'a Lifetime], survived: SignedDuration) -> Option<Self> {
        let (newest, older) = newest_first.split_first()?;
        let mut agreement = Self { newest, lessons: vec![newest], range: newest.range().beyond(survived) };
        for lesson in older.iter().filter(|lesson| lesson.limit == newest.limit) {
            if let Some(range) = agreement.range.meet(lesson.range()) {
                agreement.range = range;
                agreement.lessons.push(lesson);
            }
        }
        Some(agreement)
    }

    fn length(&self) -> Option<SignedDuration> {
        self.range.length(self.newest.limit)
    }

    /// How sure it is.
    fn confidence(&self, known: &Known<'_>) -> Confidence {
        let is_stated = self.lessons.iter().any(|lesson| lesson.stated.is_some());
        let is_fresh = known.verified_at.duration_since(self.newest.ended_at) <= FRESH && !self.may_ride(known.signed_in_at);
        match (self.lessons.len(), is_stated, is_fresh) {
            _ if self.range.is_vague() => Confidence::Low,
            (2.., _, true) => Confidence::High,
            (2.., _, false) | (_, true, true) => Confidence::Medium,
            _ => Confidence::Low,
        }
    }

    /// Whether a sign-in may ride on a second factor that was given earlier, which the browser remembers. One that soon followed an end
    /// by age does not: there was none left to ride on.
    fn may_ride(&self, signed_in_at: Timestamp) -> bool {
        self.newest.limit == Limit::SecondFactor && signed_in_at.duration_since(self.newest.ended_at) > REPAIR_MAX
    }
}

impl Lifetime {
    /// Between which ages it ended.
    pub(super) fn range(&self) -> Range {
        match (self.stated, self.limit) {
            (Some(stated), _) => Range { low: stated, high: stated },
            (None, Limit::Token) => Range { low: SINGLE_PAGE, high: SINGLE_PAGE },
            (None, _) => Range {
                low: self.verified_at.duration_since(self.signed_in_at),
                high: self.ended_at.duration_since(self.signed_in_at) + SIGN_IN_LAG,
            },
        }
    }
}

/// Between which ages a limit lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    low: SignedDuration,
    high: SignedDuration,
}

impl Range {
    /// Whether a grant that was accepted at this age shows that the limit does not hold.
    fn is_outlived(self, age: SignedDuration) -> bool {
        age > self.high + OUTLIVED
    }

    /// Where both ranges lie, if they do; lengths that differ by no more than a check period are one.
    fn meet(self, other: Self) -> Option<Self> {
        let (low, high) = (self.low.max(other.low), self.high.min(other.high));
        let is_alike = low <= high + CHECK_PERIOD;
        is_alike.then(|| Self { low: low.min(high), high: low.max(high) })
    }

    /// What is left of the range for a grant that was accepted at this age.
    fn beyond(self, age: SignedDuration) -> Self {
        Self { low: self.low.max((age - OUTLIVED).min(self.high)), ..self }
    }

    /// The length to count with: the one stated, or the shortest whole number of days in the range, or of hours where the limit can
    /// be set in hours. None where nothing fits, or where too much does.
    fn length(self, limit: Limit) -> Option<SignedDuration> {
        if self.high - self.low > VAGUE_MAX {
            return None;
        }
        let within = |unit: SignedDuration| self.whole(unit).filter(|length| *length <= self.high);
        match limit {
            _ if self.low == self.high => Some(self.low),
            Limit::SignInFrequency => within(DAY).or_else(|| within(HOUR)),
            Limit::SecondFactor | Limit::Token => within(DAY),
        }
    }

    /// The shortest whole number of units that is not below the range.
    fn whole(self, unit: SignedDuration) -> Option<SignedDuration> {
        let (low, unit) = (self.low.as_secs(), unit.as_secs());
        let units = low.checked_add(unit - 1)?.checked_div(unit)?;
        (units > 0).then(|| SignedDuration::from_secs(units * unit))
    }

    /// Whether more than one whole number of days fits.
    fn is_vague(self) -> bool {
        self.high - self.low >= DAY
    }
}
