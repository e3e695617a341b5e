//! Which message is owed when health changes, who gets it, when, and how it reaches people.
//!
//! | module | what it decides |
//! |---|---|
//! | [`audience`] | who hears of a customer's connections, by which channel, of what |
//! | [`destination`] | which addresses of the internet a webhook may lead to |
//! | [`ladder`] | who is told of a notice, how often, until when |
//! | [`ledger`] | what became of each telling, and what is due next |
//! | [`quiet`] | until when a reminder waits |

pub mod audience;
pub mod destination;
pub mod ladder;
pub mod ledger;
pub mod quiet;

use serde::{Deserialize, Serialize};

use crate::api::HealthWord;
use crate::forecast::Warned;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The grant is expected to stop soon.
    Expiring,
    /// The grant still is expected to stop, and the end has come nearer.
    Reminder,
    /// Entra refuses now; it may pass.
    Suspended,
    /// A person must repair the grant.
    Dead,
    /// The operator must repair its credential.
    OperatorFault,
    /// The grant works again.
    Recovered,
    /// The grant stopped, and a spare one took its place.
    SwitchedToSpare,
    /// The spare grant stopped; the one in use works.
    SpareLost,
    /// So many people are gone from the directory at once that their removal waits for somebody's approval.
    DeletionsHeld,
    /// A notice reached nobody of the customer; told to the operator.
    NobodyReached,
    /// A webhook failed for so long that it is called no more.
    EndpointDisabled,
    /// Many grants fail alike, or the operator's credential is refused; told to the operator.
    IncidentOpened,
    /// That is over.
    IncidentEnded,
    /// Which connections are not well; told to the operator once a day.
    Digest,
}

/// The notice owed for a change of health, if any. Told only when health changes, and a recovery only after trouble that was told.
#[must_use]
pub fn owed(before: HealthWord, after: HealthWord) -> Option<NoticeKind> {
    use HealthWord::{AwaitingConsent, Dead, Disconnected, Expiring, Healthy, OperatorFault, Suspended};
    match (before, after) {
        (before, after) if before == after => None,
        (_, AwaitingConsent | Disconnected) | (AwaitingConsent | Disconnected, Healthy) => None,
        (_, Dead) => Some(NoticeKind::Dead),
        (_, Suspended) => Some(NoticeKind::Suspended),
        (_, OperatorFault) => Some(NoticeKind::OperatorFault),
        (Healthy | AwaitingConsent | Disconnected, Expiring) => Some(NoticeKind::Expiring),
        // That it works again comes first; that it will stop is told by the ladder, at the next check.
        (_, Healthy | Expiring) => Some(NoticeKind::Recovered),
    }
}

/// What is told where health changes by `change` and the ladder owes `warning`: the change to expiring is the first warning itself, a
/// reminder each later one. A warning that other news leaves no room for stays owed.
#[must_use]
pub fn with_warning(change: Option<NoticeKind>, warning: Option<Warned>) -> (Option<NoticeKind>, Option<Warned>) {
    match (change, warning) {
        (None, Some(warning)) => (Some(NoticeKind::Reminder), Some(warning)),
        (Some(NoticeKind::Expiring), warning) => (Some(NoticeKind::Expiring), warning),
        (change, _) => (change, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_a_standstill_never() {
        assert_eq!(owed(HealthWord::Healthy, HealthWord::Dead), Some(NoticeKind::Dead));
        assert_eq!(owed(HealthWord::Dead, HealthWord::Dead), None);
        assert_eq!(owed(HealthWord::Dead, HealthWord::Healthy), Some(NoticeKind::Recovered));
    }

    #[test]
    fn each_warning_is_told_by_one_notice_or_waits() {
        let owed = Some(Warned { ends_at: jiff::Timestamp::UNIX_EPOCH, rung: crate::forecast::Rung(7) });
        assert_eq!(with_warning(Some(NoticeKind::Expiring), owed), (Some(NoticeKind::Expiring), owed));
        assert_eq!(with_warning(None, owed), (Some(NoticeKind::Reminder), owed));
        assert_eq!(with_warning(Some(NoticeKind::Recovered), owed), (Some(NoticeKind::Recovered), None));
        assert_eq!(with_warning(None, None), (None, None));
        assert_eq!(super::owed(HealthWord::Suspended, HealthWord::Expiring), Some(NoticeKind::Recovered));
    }

    #[test]
    fn the_first_connection_is_no_recovery() {
        assert_eq!(owed(HealthWord::AwaitingConsent, HealthWord::Healthy), None);
    }
}
