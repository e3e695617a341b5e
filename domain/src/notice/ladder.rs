//! Who is told of a notice, how often, and until when.
//!
//! ```text
//! at once ──► 1 day ──► 3 days ──► 7 days ──► weekly, for a year ──► silence
//!    └────────┴───────────┴──────────┴── it works again, somebody acknowledges it, later news, the end of the connection
//! ```
//! A notice about a standing trouble is repeated. Everything else is told once: that it works again, what happened to a spare grant, what
//! became of earlier notices. The warnings before an expected end come by the forecast's own ladder, each as a notice of its own.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::NoticeKind;
use crate::api::HealthWord;

/// Days after the first telling on which it is told again; then weekly.
const FIRST_DAYS: [u32; 3] = [1, 3, 7];
/// Days between the later reminders.
const WEEK_DAYS: u32 = 7;
/// The last step: a year of silence to reminders is an answer, too.
const STEPS_MAX: u16 = 54;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circle {
    /// The customer's contacts.
    Customer,
    /// The customer's contacts by mail, and the operator.
    MailAndOperator,
    /// The operator alone: the customer can do nothing about it.
    Operator,
    /// Whoever was told of the trouble that is over, and nobody else.
    WhoeverWasTold,
}

/// Who is told of a kind of notice.
#[must_use]
pub fn circle(kind: NoticeKind) -> Circle {
    match kind {
        NoticeKind::Expiring
        | NoticeKind::Reminder
        | NoticeKind::Suspended
        | NoticeKind::Dead
        | NoticeKind::SwitchedToSpare
        | NoticeKind::SpareLost
        | NoticeKind::DeletionsHeld => Circle::Customer,
        NoticeKind::EndpointDisabled => Circle::MailAndOperator,
        NoticeKind::OperatorFault
        | NoticeKind::NobodyReached
        | NoticeKind::IncidentOpened
        | NoticeKind::IncidentEnded
        | NoticeKind::Digest => Circle::Operator,
        NoticeKind::Recovered => Circle::WhoeverWasTold,
    }
}

/// Whether a kind is told again and again until it ends.
#[must_use]
pub fn is_repeated(kind: NoticeKind) -> bool {
    matches!(kind, NoticeKind::Expiring | NoticeKind::Suspended | NoticeKind::Dead | NoticeKind::OperatorFault | NoticeKind::DeletionsHeld)
}

/// Whether this telling may wait until the hours of quiet are over: a reminder may, news never.
#[must_use]
pub fn may_wait(kind: NoticeKind, step: u16) -> bool {
    step > 0 || kind == NoticeKind::Reminder
}

/// When a step is due; `None` where there is none. Step 0 is the first telling.
#[must_use]
pub fn due_at(kind: NoticeKind, owed_at: Timestamp, step: u16) -> Option<Timestamp> {
    if step > 0 && (!is_repeated(kind) || step > STEPS_MAX) {
        return None;
    }
    Some(owed_at + SignedDuration::from_hours(24 * i64::from(days(step))))
}

/// The step to tell now, `next` or a later one: whatever was missed meanwhile is told once, and not once for each time.
#[must_use]
pub fn step_at(kind: NoticeKind, owed_at: Timestamp, next: u16, now: Timestamp) -> Option<u16> {
    let is_due = |step: &u16| due_at(kind, owed_at, *step).is_some_and(|at| at <= now);
    (next..=STEPS_MAX).take_while(is_due).last()
}

fn days(step: u16) -> u32 {
    let first = FIRST_DAYS.len();
    match usize::from(step) {
        0 => 0,
        step if step <= first => FIRST_DAYS[step - 1],
        step => FIRST_DAYS[first - 1] + WEEK_DAYS * u32::try_from(step - first).unwrap_or(u32::MAX),
    }
}

/// What is known when a step would be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Health of the connection; `None` where it is gone.
    pub health: Option<HealthWord>,
    /// When somebody last said that they know.
    pub acknowledged_at: Option<Timestamp>,
    /// Whether a later notice took its place.
    pub is_superseded: bool,
    /// Whether deletions are held that were held when the notice was owed.
    pub holds_deletions: bool,
}

/// Why a notice is told no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The grant works again.
    Recovered,
    /// Somebody knows.
    Acknowledged,
    /// Later news took its place.
    Superseded,
    /// The connection ended, or is gone.
    Disconnected,
    /// What was held is decided.
    Decided,
    /// There is nobody to tell: nobody was told of the trouble either.
    Untold,
}

/// Whether a later notice takes the place of an earlier one of the same connection.
#[must_use]
pub fn supersedes(later: NoticeKind, earlier: NoticeKind) -> bool {
    (is_about_health(later) && is_about_health(earlier)) || (later == NoticeKind::DeletionsHeld && earlier == NoticeKind::DeletionsHeld)
}

/// Whether a kind tells how the grant in use is.
#[must_use]
pub fn is_about_health(kind: NoticeKind) -> bool {
    matches!(
        kind,
        NoticeKind::Expiring
            | NoticeKind::Reminder
            | NoticeKind::Suspended
            | NoticeKind::Dead
            | NoticeKind::OperatorFault
            | NoticeKind::Recovered
    )
}

/// Why a notice that is owed since `owed_at` is told no more, if so. Before it was told once, nobody can have acknowledged it.
#[must_use]
pub fn end(kind: NoticeKind, (owed_at, is_told): (Timestamp, bool), situation: &Situation) -> Option<End> {
    let is_about_a_standing_trouble = is_about_health(kind) || is_repeated(kind);
    let is_over = match situation.health {
        _ if !is_about_a_standing_trouble => false,
        None | Some(HealthWord::Disconnected) => return Some(End::Disconnected),
        Some(health) => is_well_again(kind, health),
    };
    if is_over {
        return Some(End::Recovered);
    }
    if situation.is_superseded {
        return Some(End::Superseded);
    }
    if kind == NoticeKind::DeletionsHeld && !situation.holds_deletions {
        return Some(End::Decided);
    }
    let is_acknowledged = is_told && situation.acknowledged_at.is_some_and(|at| at >= owed_at);
    is_acknowledged.then_some(End::Acknowledged)
}

fn is_well_again(kind: NoticeKind, health: HealthWord) -> bool {
    match kind {
        NoticeKind::Dead | NoticeKind::Suspended | NoticeKind::OperatorFault => {
            matches!(health, HealthWord::Healthy | HealthWord::Expiring)
        }
        NoticeKind::Expiring | NoticeKind::Reminder => health == HealthWord::Healthy,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [NoticeKind; 14] = [
        NoticeKind::Expiring,
        NoticeKind::Reminder,
        NoticeKind::Suspended,
        NoticeKind::Dead,
        NoticeKind::OperatorFault,
        NoticeKind::Recovered,
        NoticeKind::SwitchedToSpare,
        NoticeKind::SpareLost,
        NoticeKind::DeletionsHeld,
        NoticeKind::NobodyReached,
        NoticeKind::EndpointDisabled,
        NoticeKind::IncidentOpened,
        NoticeKind::IncidentEnded,
        NoticeKind::Digest,
    ];

    fn day(days: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days)
    }

    fn standing(health: HealthWord) -> Situation {
        Situation { health: Some(health), acknowledged_at: None, is_superseded: false, holds_deletions: true }
    }

    #[test]
    fn a_death_is_told_at_once_after_one_three_and_seven_days_and_then_weekly() {
        let days: Vec<i64> = (0..7).filter_map(|step| due_at(NoticeKind::Dead, day(0), step)).map(|at| at.as_second() / 86_400).collect();
        assert_eq!(days, [0, 1, 3, 7, 14, 21, 28]);
        assert_eq!(due_at(NoticeKind::Dead, day(0), STEPS_MAX), Some(day(364)));
        assert_eq!(due_at(NoticeKind::Dead, day(0), STEPS_MAX + 1), None);
        for kind in [NoticeKind::Recovered, NoticeKind::Reminder, NoticeKind::SpareLost, NoticeKind::NobodyReached] {
            assert_eq!((due_at(kind, day(3), 0), due_at(kind, day(3), 1)), (Some(day(3)), None), "{kind:?}");
        }
    }

    #[test]
    fn what_was_missed_is_told_once() {
        assert_eq!(step_at(NoticeKind::Dead, day(0), 0, day(15)), Some(4));
        assert_eq!(step_at(NoticeKind::Dead, day(0), 5, day(15)), None);
        assert_eq!(step_at(NoticeKind::Recovered, day(0), 0, day(15)), Some(0));
        assert_eq!(step_at(NoticeKind::Dead, day(1), 0, day(0)), None);
    }

    #[test]
    fn customers_are_not_told_of_what_the_operator_must_repair() {
        for kind in [NoticeKind::OperatorFault, NoticeKind::NobodyReached, NoticeKind::IncidentOpened, NoticeKind::IncidentEnded] {
            assert_eq!(circle(kind), Circle::Operator, "{kind:?}");
        }
    }

    #[test]
    fn only_reminders_wait_for_the_morning() {
        assert!(!may_wait(NoticeKind::Dead, 0) && !may_wait(NoticeKind::Recovered, 0));
        assert!(may_wait(NoticeKind::Dead, 1) && may_wait(NoticeKind::Reminder, 0));
    }

    #[test]
    fn each_trouble_ends_in_its_own_way() {
        use HealthWord::{Dead, Disconnected, Expiring, Healthy, Suspended};
        let untold = (day(5), false);
        for (kind, situation, expected) in [
            (NoticeKind::Dead, standing(Dead), None),
            (NoticeKind::Dead, standing(Healthy), Some(End::Recovered)),
            (NoticeKind::Dead, standing(Expiring), Some(End::Recovered)),
            (NoticeKind::Dead, standing(Disconnected), Some(End::Disconnected)),
            (NoticeKind::Dead, Situation { health: None, ..standing(Dead) }, Some(End::Disconnected)),
            (NoticeKind::Suspended, standing(Suspended), None),
            (NoticeKind::Suspended, Situation { is_superseded: true, ..standing(Dead) }, Some(End::Superseded)),
            (NoticeKind::Expiring, standing(Expiring), None),
            (NoticeKind::Expiring, standing(Healthy), Some(End::Recovered)),
            (NoticeKind::Recovered, standing(Healthy), None),
            (NoticeKind::SpareLost, standing(Dead), None),
            (NoticeKind::DeletionsHeld, standing(Healthy), None),
            (NoticeKind::DeletionsHeld, Situation { holds_deletions: false, ..standing(Healthy) }, Some(End::Decided)),
            (NoticeKind::NobodyReached, standing(Disconnected), None),
            (NoticeKind::IncidentOpened, Situation { health: None, ..standing(Healthy) }, None),
        ] {
            assert_eq!(end(kind, untold, &situation), expected, "{kind:?} {situation:?}");
        }
    }

    #[test]
    fn an_acknowledgement_counts_for_what_was_told_before_it() {
        let at = |days| Situation { acknowledged_at: Some(day(days)), ..standing(HealthWord::Dead) };
        assert_eq!(end(NoticeKind::Dead, (day(5), true), &at(5)), Some(End::Acknowledged));
        assert_eq!(end(NoticeKind::Dead, (day(5), true), &at(4)), None, "that was about an earlier death");
        assert_eq!(end(NoticeKind::Dead, (day(5), false), &at(5)), None, "the others are still to be told");
    }

    proptest! {
        #[test]
        fn steps_come_later_and_later_and_end(kind in proptest::sample::select(&KINDS[..]), owed in 0_i64..20_000) {
            let steps: Vec<Timestamp> = (0..200).map_while(|step| due_at(kind, day(owed), step)).collect();
            prop_assert!(steps.is_sorted() && !steps.is_empty() && steps.len() <= usize::from(STEPS_MAX) + 1);
            prop_assert_eq!(steps[0], day(owed));
        }

        #[test]
        fn the_step_to_tell_is_due_and_the_one_behind_it_is_not(days in 0_i64..500, next in 0_u16..60) {
            if let Some(step) = step_at(NoticeKind::Dead, day(0), next, day(days)) {
                prop_assert!(step >= next);
                prop_assert!(due_at(NoticeKind::Dead, day(0), step).is_some_and(|at| at <= day(days)));
                prop_assert!(due_at(NoticeKind::Dead, day(0), step + 1).is_none_or(|at| at > day(days)));
            }
        }
    }
}
