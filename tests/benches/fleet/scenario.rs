//! What happens in a day.

use domain::ids::ConnectionId;

use crate::fleet::{Chance, HOUR, MINUTE, Moment};
use crate::rules::Reply;

/// When what the scenario is about begins, and the hour in which it ends.
pub(crate) const NOON: Moment = 12 * HOUR;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Everybody is well.
    Steady,
    /// From noon to one Entra answers 503 to everything.
    Outage,
    /// From noon to one our own schedule does not run. Of 2 of 100 grants the answers say nothing all day, and when the schedule runs
    /// again, 10,000 of a million connections are consented to within ten minutes.
    Stopped,
    /// From noon on 4 of 100 grants are dead, 4 suspended, and of 2 the answers say nothing.
    Losses,
    /// This many of a million connections are consented to within ten minutes after noon.
    Newcomers(u64),
}

/// What a check takes beside Entra's answer: lease, tokens, seals, verdict. An input.
const OURS: Moment = 60;
/// What Entra takes to answer: of 100 answers so many take so long. An input.
const ANSWERS: [(u64, Moment); 3] = [(90, 220), (99, 600), (100, 3_000)];
/// What Entra takes to answer 503. An input.
const OUTAGE_ANSWER: Moment = 100;

/// The mean time of a check that Entra accepts.
pub(crate) fn mean_check() -> f64 {
    let mut below = 0;
    let sum = ANSWERS.iter().map(|(until, takes)| {
        let share = until - std::mem::replace(&mut below, *until);
        share * takes
    });
    OURS as f64 + sum.sum::<u64>() as f64 / 100.0
}

impl Scenario {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Outage => "outage 12-13 h",
            Self::Stopped => "stopped 12-13 h, lateness counted from 13 h on",
            Self::Losses => "10 % lost at 12 h",
            Self::Newcomers(_) => "50,000 first at 12 h",
        }
    }

    /// When a connection is consented to, where that is today.
    pub(crate) fn consent_at(self, chance: &mut Chance) -> Option<Moment> {
        match self {
            Self::Newcomers(of_a_million) if chance.below(1_000_000) < of_a_million => Some(NOON + chance.below(10 * MINUTE)),
            Self::Stopped if chance.below(100) == 0 => Some(NOON + HOUR + chance.below(10 * MINUTE)),
            _ => None,
        }
    }

    /// From when on a check that began at `now` is late: nobody can be in time while the schedule does not run.
    pub(crate) fn late_from(self, due: Moment, now: Moment) -> Moment {
        match self {
            Self::Stopped if now >= NOON + HOUR => due.max(NOON + HOUR),
            _ => due,
        }
    }

    pub(crate) fn has_tick(self, at: Moment) -> bool {
        self != Self::Stopped || !(NOON..NOON + HOUR).contains(&at)
    }

    pub(crate) fn reply(self, id: &ConnectionId, now: Moment) -> Reply {
        match self {
            Self::Outage if (NOON..NOON + HOUR).contains(&now) => Reply::Unclear,
            // Two characters of chance: 1,024 of them.
            Self::Stopped if (82..=101).contains(&fate(id)) => Reply::Unclear,
            Self::Losses if now >= NOON => match fate(id) {
                0..=40 => Reply::Dead,
                41..=81 => Reply::Suspended,
                82..=101 => Reply::Unclear,
                _ => Reply::Accepted,
            },
            _ => Reply::Accepted,
        }
    }

    pub(crate) fn latency(self, reply: Reply, chance: &mut Chance) -> Moment {
        if self == Self::Outage && reply == Reply::Unclear {
            return OURS + u64::from(reply.requests()) * OUTAGE_ANSWER;
        }
        let answer = |chance: &mut Chance| {
            let draw = chance.below(100);
            ANSWERS.iter().find(|(until, _)| draw < *until).map_or(0, |(_, takes)| *takes)
        };
        OURS + (0..reply.requests()).map(|_| answer(chance)).sum::<u64>()
    }
}

/// A number below 1,024 that stays with the connection, and has nothing to do with its shard: the last two characters of the id, which
/// are digits of base 32.
fn fate(id: &ConnectionId) -> u64 {
    const DIGITS: &str = "0123456789abcdefghjkmnpqrstvwxyz";
    let digit = |character| DIGITS.chars().position(|digit| digit == character).unwrap_or_default() as u64;
    id.as_str().chars().rev().take(2).fold(0, |sum, character| sum * 32 + digit(character))
}
