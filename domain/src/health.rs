//! The connection's state and its transitions.
//!
//! ```text
//!                     ┌─────────────── refused, may pass ──────────────┐
//!                     ▼                                                │
//! awaiting-consent ─► healthy ◄─► expiring      suspended ─► dead      │
//!                     ▲   └───────────┴── refused, person needed ─► dead
//!                     └── consent, or Entra accepts again ─────────────┘
//! ```
//! An answer that says nothing about the grant (an outage, a throttle) never moves health. Only consent leaves `dead`, and only two
//! verdicts that agree, some time apart, lead there; one is enough where Entra's word is unmistakable.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::api::HealthWord;
use crate::diagnosis::{self, Action};
use crate::forecast::Forecast;
use crate::notice::{self, NoticeKind};
use crate::refusal::Refusal;

/// How far apart two verdicts must lie before they count as two: longer than Entra's own passing disagreements between data centres.
pub const APART: SignedDuration = SignedDuration::from_mins(10);

/// Health, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The state.
    pub health: Health,
    /// Since when.
    pub since: Timestamp,
    /// Since when Entra's answers say that the grant is dead, without it being believed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubted_since: Option<Timestamp>,
}

impl Standing {
    /// Health from now on, without any doubt.
    #[must_use]
    pub fn sure(health: Health, since: Timestamp) -> Self {
        Self { health, since, doubted_since: None }
    }
}

/// The state of a connection; each state carries only its own facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Health {
    /// Nobody has consented yet.
    AwaitingConsent,
    /// Entra accepts the grant.
    Healthy,
    /// Entra accepts the grant, and is expected to stop soon.
    Expiring,
    /// Entra refuses now; the grant may come back by itself.
    Suspended {
        /// Entra's answer.
        refusal: Refusal,
        /// How often it was tested again since.
        retests: u32,
    },
    /// Only a person can repair the grant.
    Dead {
        /// Entra's answer.
        refusal: Refusal,
    },
    /// The operator's own credential, registration or request is at fault.
    OperatorFault {
        /// Entra's answer.
        refusal: Refusal,
    },
    /// Ended on purpose.
    Disconnected,
}

impl Health {
    /// The state in one word.
    #[must_use]
    pub fn word(&self) -> HealthWord {
        match self {
            Self::AwaitingConsent => HealthWord::AwaitingConsent,
            Self::Healthy => HealthWord::Healthy,
            Self::Expiring => HealthWord::Expiring,
            Self::Suspended { .. } => HealthWord::Suspended,
            Self::Dead { .. } => HealthWord::Dead,
            Self::OperatorFault { .. } => HealthWord::OperatorFault,
            Self::Disconnected => HealthWord::Disconnected,
        }
    }

    /// Whether Entra accepted the grant when it was last asked.
    #[must_use]
    pub fn is_working(&self) -> bool {
        matches!(self, Self::Healthy | Self::Expiring)
    }

    /// Entra's answer that ended it, where there is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Suspended { refusal, .. } | Self::Dead { refusal } | Self::OperatorFault { refusal } => Some(refusal),
            Self::AwaitingConsent | Self::Healthy | Self::Expiring | Self::Disconnected => None,
        }
    }
}

impl HealthWord {
    /// The word itself, as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingConsent => "awaiting-consent",
            Self::Healthy => "healthy",
            Self::Expiring => "expiring",
            Self::Suspended => "suspended",
            Self::Dead => "dead",
            Self::OperatorFault => "operator-fault",
            Self::Disconnected => "disconnected",
        }
    }
}

/// What asking Entra came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Entra accepts the grant; when it is expected to stop, where that is known.
    Accepted(Option<Forecast>),
    /// Entra refuses.
    Refused(Box<Refusal>),
    /// Nothing can be concluded.
    Unclear,
}

/// What follows from a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Health from now on.
    pub standing: Standing,
    /// The notice owed for the change, if any.
    pub notice: Option<NoticeKind>,
}

/// Decides health after Entra was asked about the grant.
#[must_use]
pub fn judge(before: &Standing, reply: Reply, now: Timestamp) -> Verdict {
    let (health, doubted_since) = match reply {
        Reply::Accepted(Some(forecast)) if forecast.is_near(now) => (Health::Expiring, None),
        Reply::Accepted(_) => (Health::Healthy, None),
        Reply::Unclear => (before.health.clone(), before.doubted_since),
        Reply::Refused(refusal) => refused(before, *refusal, now),
    };
    let is_change = health.word() != before.health.word();
    Verdict {
        notice: notice::owed(before.health.word(), health.word()),
        standing: Standing { health, since: if is_change { now } else { before.since }, doubted_since },
    }
}

/// Health after a refusal, and since when death is only suspected.
fn refused(before: &Standing, refusal: Refusal, now: Timestamp) -> (Health, Option<Timestamp>) {
    let retests = match &before.health {
        Health::Suspended { retests, .. } => retests.saturating_add(1),
        _ => 0,
    };
    match diagnosis::action(&refusal) {
        Action::Wait => (before.health.clone(), before.doubted_since),
        Action::Suspend => (Health::Suspended { refusal, retests }, None),
        Action::BlameOperator => (Health::OperatorFault { refusal }, None),
        Action::Bury if is_certain(before, &refusal, now) => (Health::Dead { refusal }, None),
        Action::Bury => (before.health.clone(), before.doubted_since.or(Some(now))),
    }
}

/// Whether a verdict of death is believed: Entra's word is unmistakable, or it was the same some time ago.
fn is_certain(before: &Standing, refusal: &Refusal, now: Timestamp) -> bool {
    let is_second = before.doubted_since.is_some_and(|since| now.duration_since(since) >= APART);
    let is_dead_already = matches!(before.health, Health::Dead { .. });
    diagnosis::is_unmistakable(refusal) || is_second || is_dead_already
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{self, Answer, ErrorBody, Failure};
    use proptest::prelude::*;

    fn refusal(error: &str, suberror: &str, code: u32) -> Box<Refusal> {
        let body = ErrorBody {
            error: error.to_owned(),
            suberror: Some(suberror.to_owned()),
            error_description: Some(format!("AADSTS{code}: text")),
            ..ErrorBody::default()
        };
        match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
            Failure::Refused(refusal) => refusal,
            Failure::Unclear(unclear) => panic!("{unclear:?}"),
        }
    }

    fn healthy() -> Standing {
        Standing::sure(Health::Healthy, Timestamp::UNIX_EPOCH)
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_word_is_the_one_that_stands_in_json() {
        use HealthWord::{AwaitingConsent, Dead, Disconnected, Expiring, Healthy, OperatorFault, Suspended};
        for word in [AwaitingConsent, Healthy, Expiring, Suspended, Dead, OperatorFault, Disconnected] {
            assert_eq!(serde_json::json!(word), word.as_str());
        }
    }

    #[test]
    fn a_revoked_grant_dies_and_is_told_once() {
        let first = judge(&healthy(), Reply::Refused(refusal("invalid_grant", "bad_token", 50173)), later(10));
        assert_eq!(first.standing.health.word(), HealthWord::Dead);
        assert_eq!((first.standing.since, first.notice), (later(10), Some(NoticeKind::Dead)));
        let second = judge(&first.standing, Reply::Refused(refusal("invalid_grant", "bad_token", 50173)), later(20));
        assert_eq!((second.standing.since, second.notice), (later(10), None));
    }

    #[test]
    fn a_block_is_suspended_counts_its_retests_and_comes_back() {
        let blocked = || Reply::Refused(refusal("invalid_grant", "message_only", 53003));
        let first = judge(&healthy(), blocked(), later(10));
        let second = judge(&first.standing, blocked(), later(20));
        assert!(matches!(second.standing.health, Health::Suspended { retests: 1, .. }));
        assert_eq!(second.standing.since, later(10));
        let back = judge(&second.standing, Reply::Accepted(None), later(30));
        assert_eq!((back.standing.health, back.notice), (Health::Healthy, Some(NoticeKind::Recovered)));
    }

    #[test]
    fn an_unclear_answer_moves_nothing() {
        for health in [Health::Healthy, Health::Expiring, Health::AwaitingConsent] {
            let before = Standing::sure(health, later(1));
            assert_eq!(judge(&before, Reply::Unclear, later(9)).standing, before);
        }
    }

    #[test]
    fn a_throttle_that_claims_invalid_grant_moves_nothing() {
        let verdict = judge(&healthy(), Reply::Refused(refusal("invalid_grant", "", 50196)), later(9));
        assert_eq!(verdict.standing, healthy());
    }

    #[test]
    fn one_verdict_that_may_be_mistaken_only_raises_a_doubt() {
        let verdict = || Reply::Refused(refusal("invalid_grant", "basic_action", 50076));
        let first = judge(&healthy(), verdict(), later(10));
        assert_eq!((&first.standing.health, first.standing.doubted_since, first.notice), (&Health::Healthy, Some(later(10)), None));
        let soon = judge(&first.standing, verdict(), later(10 + APART.as_secs() - 1));
        assert_eq!(soon.standing, first.standing);
        let second = judge(&first.standing, verdict(), later(10 + APART.as_secs()));
        assert_eq!((second.standing.health.word(), second.notice), (HealthWord::Dead, Some(NoticeKind::Dead)));
    }

    #[test]
    fn a_doubt_ends_when_entra_accepts_and_outlasts_an_unclear_answer() {
        let doubted = Standing { doubted_since: Some(later(10)), ..healthy() };
        assert_eq!(judge(&doubted, Reply::Unclear, later(20)).standing, doubted);
        assert_eq!(judge(&doubted, Reply::Accepted(None), later(20)).standing, healthy());
    }

    proptest! {
        #[test]
        fn health_changes_exactly_when_since_moves(error in "invalid_grant|invalid_client|unauthorized_client|odd", suberror in "bad_token|message_only|basic_action|new|", code in 50000_u32..60000) {
            let before = healthy();
            let after = judge(&before, Reply::Refused(refusal(&error, &suberror, code)), later(5)).standing;
            prop_assert_eq!(after.health.word() == before.health.word(), after.since == before.since);
        }

        #[test]
        fn only_an_answer_about_the_grant_can_kill(status in 0_u16..1000, error in "[a-z_]{0,20}", text in ".{0,60}") {
            let body = ErrorBody { error, error_description: Some(text), ..ErrorBody::default() };
            let reply = match refusal::read(Answer { status, body: Some(body), ..Answer::default() }) {
                Failure::Refused(refusal) => Reply::Refused(refusal),
                Failure::Unclear(_) => Reply::Unclear,
            };
            let after = judge(&healthy(), reply, later(5)).standing.health;
            if matches!(after, Health::Dead { .. }) {
                prop_assert!((400..500).contains(&status) && status != 429);
            }
        }
    }
}
