//! When a grant is expected to stop, on what evidence, and how sure.
//!
//! Entra never tells an end in advance. But when a sign-in frequency ends a grant, the refusal states the policy's length; when "remember
//! multi-factor authentication" ends one, its observed age is that length. So the second grant's end is known although the first one's
//! was not. Nothing is forecast without evidence.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::api::{Confidence, FactView, ForecastView};
use crate::diagnosis;
use crate::refusal::Refusal;

/// How long a refresh token may lie unused. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
pub const INACTIVITY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long before the end a connection counts as expiring, at most.
pub const WARNING_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The most past lifetimes that are remembered of one connection.
pub const LIFETIMES_MAX: usize = 8;

/// How long one past grant lasted, and what ended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When Entra first refused.
    pub ended_at: Timestamp,
    /// The policy's length as Entra stated it, where it did.
    pub stated: Option<SignedDuration>,
}

impl Lifetime {
    fn length(&self) -> SignedDuration {
        self.stated.unwrap_or_else(|| self.ended_at.duration_since(self.signed_in_at))
    }
}

/// What is known about a grant that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<'a> {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When Entra last accepted the grant.
    pub verified_at: Timestamp,
    /// How this connection's earlier grants ended by age, oldest first.
    pub lifetimes: &'a [Lifetime],
    /// When the operator's own credential ends, where that is known.
    pub credential_ends_at: Option<Timestamp>,
}

/// When a grant is expected to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// The expected end.
    pub ends_at: Timestamp,
    /// How sure.
    pub confidence: Confidence,
    /// What will end it.
    pub why: Why,
    /// What it rests on, oldest first.
    pub evidence: Vec<Lifetime>,
}

/// What is expected to end a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A policy of the tenant lets a sign-in last only so long.
    Policy(SignedDuration),
    /// Nobody uses it.
    Inactivity,
    /// The operator's credential ends.
    Credential,
}

/// What a refusal teaches about how long a sign-in lasts in this tenant: the policy's length where the text states it, or the observed
/// age where an age limit ended it. Other ends teach nothing: a password is not reset every so many days.
#[must_use]
pub fn learn(refusal: &Refusal, signed_in_at: Timestamp, now: Timestamp) -> Option<Lifetime> {
    let stated = refusal.facts.lifetime_max;
    let cause = diagnosis::diagnose(refusal).cause;
    let is_by_age = stated.is_some() || cause == "mfa-too-old" || cause == "sign-in-frequency";
    is_by_age.then_some(Lifetime { signed_in_at, ended_at: now, stated })
}

/// The earliest end that the evidence speaks for.
#[must_use]
pub fn foresee(known: &Known<'_>) -> Option<Forecast> {
    let sure = |ends_at, why| Forecast { ends_at, why, confidence: Confidence::High, evidence: Vec::new() };
    let inactivity = known.verified_at.checked_add(INACTIVITY).ok().map(|end| sure(end, Why::Inactivity));
    let credential = known.credential_ends_at.map(|end| sure(end, Why::Credential));
    let ends = [policy(known), inactivity, credential];
    ends.into_iter().flatten().min_by_key(|forecast| forecast.ends_at)
}

/// The policy that ended earlier grants. The shortest length counts: the most restrictive setting wins.
/// Source: <https://learn.microsoft.com/en-us/entra/identity/authentication/concepts-azure-multi-factor-authentication-prompts-session-lifetime>
fn policy(known: &Known<'_>) -> Option<Forecast> {
    let shortest = known.lifetimes.iter().min_by_key(|lifetime| lifetime.length())?;
    let length = shortest.length();
    let is_alike = |lifetime: &&Lifetime| (lifetime.length() - length).abs() <= length / 10;
    let evidence: Vec<Lifetime> = known.lifetimes.iter().filter(is_alike).cloned().collect();
    let confidence = match (evidence.len(), shortest.stated) {
        (1, None) => Confidence::Low,
        (1, Some(_)) => Confidence::Medium,
        _ => Confidence::High,
    };
    Some(Forecast { ends_at: known.signed_in_at.checked_add(length).ok()?, confidence, why: Why::Policy(length), evidence })
}

impl Forecast {
    /// Whether the end is so near that people should know: within 14 days, or within half the policy's length where that is shorter.
    #[must_use]
    pub fn is_near(&self, now: Timestamp) -> bool {
        let window = match self.why {
            Why::Policy(length) => (length / 2).min(WARNING_MAX),
            Why::Inactivity | Why::Credential => WARNING_MAX,
        };
        self.ends_at.duration_since(now) <= window
    }

    /// The forecast in words.
    #[must_use]
    pub fn view(&self) -> ForecastView {
        let reason = match self.why {
            Why::Policy(length) => format!(
                "A policy of your tenant lets a sign-in last {}, as {} of this connection showed.",
                in_words(length),
                match self.evidence.len() {
                    1 => "an earlier sign-in".to_owned(),
                    count => format!("{count} earlier sign-ins"),
                }
            ),
            Why::Inactivity => "Microsoft ends a connection that is not used for 90 days.".to_owned(),
            Why::Credential => "Our own credential for Microsoft ends then. There is nothing for you to do.".to_owned(),
        };
        let fact = |lifetime: &Lifetime| FactView {
            label: match lifetime.stated {
                Some(length) => format!("Microsoft stated a limit of {}", in_words(length)),
                None => format!("A sign-in was refused after {}", in_words(lifetime.length())),
            },
            text: None,
            at: Some(lifetime.ended_at),
        };
        ForecastView { ends_at: self.ends_at, confidence: self.confidence, reason, evidence: self.evidence.iter().map(fact).collect() }
    }
}

fn in_words(length: SignedDuration) -> String {
    let hours = (length.as_secs() + 1800) / 3600;
    match (hours / 24, hours) {
        (days, _) if days >= 2 => format!("{} days", (hours + 12) / 24),
        (_, 1) => "1 hour".to_owned(),
        (_, hours) => format!("{hours} hours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn day(number: i32) -> Timestamp {
        Timestamp::UNIX_EPOCH + DAY * number
    }

    fn lifetime(from: i32, to: i32, stated: Option<i32>) -> Lifetime {
        Lifetime { signed_in_at: day(from), ended_at: day(to), stated: stated.map(|days| DAY * days) }
    }

    fn known(lifetimes: &[Lifetime]) -> Known<'_> {
        Known { signed_in_at: day(100), verified_at: day(101), lifetimes, credential_ends_at: None }
    }

    #[test]
    fn without_history_only_inactivity_is_foreseen() {
        let forecast = foresee(&known(&[])).unwrap();
        assert_eq!((forecast.ends_at, forecast.why), (day(191), Why::Inactivity));
        assert!(!forecast.is_near(day(101)));
    }

    #[test]
    fn a_stated_policy_is_learned_from_one_death() {
        let forecast = foresee(&known(&[lifetime(80, 95, Some(14))])).unwrap();
        assert_eq!((forecast.ends_at, forecast.confidence), (day(114), Confidence::Medium));
        assert!(!forecast.is_near(day(106)));
        assert!(forecast.is_near(day(107)));
    }

    #[test]
    fn an_observed_length_is_sure_only_when_it_repeats() {
        let once = [lifetime(80, 94, None)];
        let twice = [lifetime(60, 74, None), lifetime(80, 94, None)];
        assert_eq!(foresee(&known(&once)).unwrap().confidence, Confidence::Low);
        assert_eq!(foresee(&known(&twice)).unwrap().confidence, Confidence::High);
    }

    #[test]
    fn the_shortest_length_counts_and_longer_ones_are_no_evidence_for_it() {
        let mixed = [lifetime(0, 30, Some(30)), lifetime(80, 94, Some(14))];
        let forecast = foresee(&known(&mixed)).unwrap();
        assert_eq!((forecast.ends_at, forecast.evidence.len()), (day(114), 1));
    }

    #[test]
    fn our_own_credential_can_be_the_first_to_end() {
        let mut facts = known(&[]);
        facts.credential_ends_at = Some(day(103));
        let forecast = foresee(&facts).unwrap();
        assert_eq!(forecast.why, Why::Credential);
        assert!(forecast.is_near(day(101)));
    }

    #[test]
    fn the_reason_says_how_long_and_on_what_evidence() {
        let forecast = foresee(&known(&[lifetime(80, 95, Some(14))])).unwrap().view();
        assert_eq!(
            forecast.reason,
            "A policy of your tenant lets a sign-in last 14 days, as an earlier sign-in of this connection showed."
        );
        assert_eq!(forecast.evidence[0].label, "Microsoft stated a limit of 14 days");
    }
}
