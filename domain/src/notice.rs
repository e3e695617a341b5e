//! Which message is owed when health changes.

use serde::{Deserialize, Serialize};

use crate::api::HealthWord;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The grant is expected to stop soon.
    Expiring,
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
        (_, Expiring) => Some(NoticeKind::Expiring),
        (_, Healthy) => Some(NoticeKind::Recovered),
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
    fn the_first_connection_is_no_recovery() {
        assert_eq!(owed(HealthWord::AwaitingConsent, HealthWord::Healthy), None);
    }
}
