//! What a consent is to come to: repair, a backup, or another way to read. One flow leads to all of them; the words differ.

use domain::api::{AccessWord, ConnectionStatus, HealthWord};

use crate::face::Permits;
use crate::words::{Line, Slot};

/// What a consent is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Goal {
    /// A grant that works, by the account that consented last.
    #[default]
    Reconnect,
    /// A grant that works, by an account that the person chooses.
    OtherAccount,
    /// A second administrator's consent, in reserve.
    Backup,
    /// People are read by the app itself.
    AppOnly,
    /// People are read on behalf of a person.
    Delegated,
}

impl Goal {
    /// Every goal, for lookups and tests.
    pub const ALL: [Self; 5] = [Self::Reconnect, Self::OtherAccount, Self::Backup, Self::AppOnly, Self::Delegated];

    /// The goal as `js/session.js` and hosts know it, and the id of its button in the card.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::OtherAccount => "other-account",
            Self::Backup => "backup",
            Self::AppOnly => "app-only",
            Self::Delegated => "delegated",
        }
    }

    /// The goal that a word names; unknown words mean to reconnect.
    #[must_use]
    pub fn named(word: &str) -> Self {
        Self::ALL.into_iter().find(|goal| goal.word() == word).unwrap_or_default()
    }

    /// What to do in Microsoft's window.
    #[must_use]
    pub fn waiting(self) -> Line {
        match self {
            Self::Reconnect | Self::OtherAccount | Self::Delegated => Line::of("consent.waiting.text"),
            Self::Backup => Line::of("consent.waiting.backup"),
            Self::AppOnly => Line::of("consent.waiting.app-only"),
        }
    }

    /// What is checked before anything changes.
    #[must_use]
    pub fn verifying(self) -> Line {
        match self {
            Self::Backup => Line::of("consent.verifying.backup"),
            _ => Line::of("consent.verifying.text"),
        }
    }

    /// What has been reached, in a few words.
    #[must_use]
    pub fn succeeded(self) -> Line {
        match self {
            Self::Reconnect | Self::OtherAccount => Line::of("consent.succeeded.title"),
            Self::Backup => Line::of("consent.succeeded.backup"),
            Self::AppOnly => Line::of("consent.succeeded.app-only"),
            Self::Delegated => Line::of("consent.succeeded.delegated"),
        }
    }

    /// What that means.
    #[must_use]
    pub fn meaning(self) -> Line {
        match self {
            Self::Reconnect | Self::OtherAccount => Line::of("consent.succeeded.text"),
            Self::Backup => Line::of("consent.meaning.backup"),
            Self::AppOnly => Line::of("consent.meaning.app-only"),
            Self::Delegated => Line::of("consent.meaning.delegated"),
        }
    }

    /// What has not been reached, in a few words.
    #[must_use]
    pub fn failed(self) -> Line {
        match self {
            Self::Reconnect | Self::OtherAccount => Line::of("consent.failed.title"),
            Self::Backup => Line::of("consent.failed.backup"),
            Self::AppOnly | Self::Delegated => Line::of("consent.failed.switch"),
        }
    }
}

/// A way to make a connection that works depend on less, or to read as before.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Where it leads.
    pub goal: Goal,
    /// What the button says.
    pub label: Line,
    /// What it does and who is needed, in a sentence.
    pub sentence: Line,
}

/// The ways that are open to a status.
#[must_use]
pub fn choices(status: &ConnectionStatus, permits: Permits) -> Vec<Choice> {
    let is_refused = matches!(status.health, HealthWord::Suspended | HealthWord::Dead);
    match status.access.filter(|_| permits.reconnect) {
        Some(AccessWord::Delegated) if is_working(status) => {
            let backup = status.spare.is_none().then(|| Choice {
                goal: Goal::Backup,
                label: Line::of("choice.backup"),
                sentence: Line::of("choice.backup.text"),
            });
            let switch = Choice { goal: Goal::AppOnly, label: Line::of("choice.app-only"), sentence: Line::of("choice.app-only.text") };
            backup.into_iter().chain([switch]).collect()
        }
        Some(AccessWord::AppOnly) if is_working(status) || is_refused => {
            vec![Choice { goal: Goal::Delegated, label: Line::of("choice.delegated"), sentence: Line::of("choice.delegated.text") }]
        }
        _ => Vec::new(),
    }
}

/// On whose behalf people are read, while that works.
#[must_use]
pub fn access(status: &ConnectionStatus) -> Option<Line> {
    match (status.access.filter(|_| is_working(status))?, &status.consented_by) {
        (AccessWord::Delegated, Some(person)) => Some(Line::of("access.delegated_of").with("person", Slot::Text(person.clone()))),
        (AccessWord::Delegated, None) => Some(Line::of("access.delegated")),
        (AccessWord::AppOnly, _) => Some(Line::of("access.app-only")),
    }
}

/// Whose consent is in reserve, and when Microsoft last accepted it.
#[must_use]
pub fn backup(status: &ConnectionStatus) -> Option<Line> {
    let spare = status.spare.as_ref().filter(|_| is_working(status))?;
    let line = match &spare.consented_by {
        Some(person) => Line::of("access.backup_of").with("person", Slot::Text(person.clone())),
        None => Line::of("access.backup"),
    };
    Some(line.with("distance", Slot::Distance(spare.last_verified_at.into())))
}

fn is_working(status: &ConnectionStatus) -> bool {
    matches!(status.health, HealthWord::Healthy | HealthWord::Expiring)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    const ALL: Permits = Permits { reconnect: true, sync: true, decide: true };

    fn goals(status: &ConnectionStatus, permits: Permits) -> Vec<Goal> {
        choices(status, permits).into_iter().map(|choice| choice.goal).collect()
    }

    #[test]
    fn every_goal_is_found_by_its_word() {
        for goal in Goal::ALL {
            assert_eq!(Goal::named(goal.word()), goal);
        }
        assert_eq!(Goal::named("brand-new"), Goal::Reconnect);
    }

    #[test]
    fn every_goal_is_one_that_the_script_knows_how_to_ask_for() {
        let script = include_str!("../js/session.js");
        for goal in Goal::ALL {
            let [plain, quoted] = [["\n  ", goal.word(), ": {"].concat(), ["\n  '", goal.word(), "': {"].concat()];
            assert!(script.contains(&plain) || script.contains(&quoted), "{goal:?}");
        }
    }

    #[test]
    fn a_backup_is_offered_until_there_is_one() {
        let mut status = samples::status("healthy");
        assert_eq!(goals(&status, ALL), [Goal::AppOnly]);
        status.spare = None;
        assert_eq!(goals(&status, ALL), [Goal::Backup, Goal::AppOnly]);
    }

    #[test]
    fn a_persons_consent_is_made_robust_only_while_it_works() {
        for health in samples::HEALTHS {
            let status = samples::status(health);
            let works = matches!(health, "healthy" | "expiring");
            assert_eq!(!goals(&status, ALL).is_empty(), works, "{health}");
            assert_eq!(access(&status).is_some(), works, "{health}");
        }
    }

    #[test]
    fn the_way_back_to_a_person_is_open_while_the_app_reads_or_is_refused() {
        let mut status = samples::status("app-only");
        for (health, is_open) in [
            (HealthWord::Healthy, true),
            (HealthWord::Expiring, true),
            (HealthWord::Suspended, true),
            (HealthWord::Dead, true),
            (HealthWord::OperatorFault, false),
            (HealthWord::Disconnected, false),
        ] {
            status.health = health;
            assert_eq!(goals(&status, ALL) == [Goal::Delegated], is_open, "{health:?}");
        }
    }

    #[test]
    fn a_host_that_takes_the_consent_away_takes_the_choices_away() {
        let none = Permits { reconnect: false, sync: true, decide: true };
        for name in ["healthy", "expiring", "app-only"] {
            assert!(goals(&samples::status(name), none).is_empty(), "{name}");
        }
    }

    #[test]
    fn an_unknown_way_to_read_is_neither_shown_nor_changed() {
        let status = ConnectionStatus { access: None, spare: None, ..samples::status("healthy") };
        assert_eq!((goals(&status, ALL), access(&status), backup(&status)), (Vec::new(), None, None));
    }

    #[test]
    fn a_working_connection_says_on_whose_behalf_it_reads() {
        let mut status = samples::status("healthy");
        let named = Line::of("access.delegated_of").with("person", Slot::Text("maria.keller@contoso.example".to_owned()));
        assert_eq!(access(&status), Some(named));
        status.consented_by = None;
        assert_eq!(access(&status), Some(Line::of("access.delegated")));
        assert_eq!(access(&samples::status("app-only")), Some(Line::of("access.app-only")));
    }

    #[test]
    fn a_backup_is_named_with_the_time_of_its_last_check() {
        let mut status = samples::status("healthy");
        let checked = Slot::Distance(status.spare.as_ref().expect("the sample has a spare").last_verified_at.into());
        let named = Line::of("access.backup_of").with("person", Slot::Text("jonas.weber@contoso.example".to_owned()));
        assert_eq!(backup(&status), Some(named.with("distance", checked.clone())));
        status.spare.iter_mut().for_each(|spare| spare.consented_by = None);
        assert_eq!(backup(&status), Some(Line::of("access.backup").with("distance", checked)));
    }

    #[test]
    fn what_is_reached_and_what_is_not_is_told_apart() {
        let ends = |goal: Goal| [goal.succeeded(), goal.meaning(), goal.failed()];
        for (place, goal) in Goal::ALL.into_iter().enumerate().skip(1) {
            for other in &Goal::ALL[place + 1..] {
                assert_ne!(ends(goal), ends(*other));
            }
        }
    }
}
