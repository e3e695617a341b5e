//! The rules under test, as the checks apply them: what becomes of a connection after each answer, and which line it waits in.

use domain::health::{Health, Standing};
use domain::ids::ConnectionId;
use domain::refusal::{self, Answer, ErrorBody, Failure, Refusal};
use domain::schedule::{self, Lane};
use jiff::Timestamp;

/// How a connection stands: what of it decides when it is checked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Consented to, not used since.
    First,
    /// Worked when it was last tried.
    Healthy,
    /// So many answers in a row said nothing.
    Unclear(u32),
    /// Refused, may come back; so many retests since.
    Suspended(u32),
    /// Refused for good once; a second verdict decides.
    Doubted,
    /// Refused for good.
    Dead,
}

impl State {
    /// `None` for what is not checked any more.
    pub(crate) fn lane(self) -> Option<Lane> {
        match self {
            Self::First => Some(Lane::First),
            Self::Healthy => Some(Lane::Healthy),
            Self::Unclear(_) | Self::Suspended(_) | Self::Doubted => Some(Lane::Failing),
            Self::Dead => None,
        }
    }
}

/// What Entra says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Accepted,
    /// An outage: status 503 without a word when to come back.
    Unclear,
    /// Refused, may come back.
    Suspended,
    /// Refused for good.
    Dead,
}

impl Reply {
    /// How often the token endpoint is asked in one check. An answer that says nothing is asked for once more at once; a dead token sends
    /// the check to the one before it.
    pub(crate) fn requests(self) -> u32 {
        match self {
            Self::Accepted | Self::Suspended => 1,
            Self::Unclear | Self::Dead => 2,
        }
    }
}

/// The rules, with a refusal to show them.
pub(crate) struct Rules {
    refusal: Refusal,
}

impl Rules {
    pub(crate) fn new() -> Self {
        let body = ErrorBody { error: "invalid_grant".to_owned(), suberror: Some("message_only".to_owned()), ..ErrorBody::default() };
        match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
            Failure::Refused(refusal) => Self { refusal: *refusal },
            Failure::Unclear(unclear) => unreachable!("a refusal is read as one, not as {unclear:?}"),
        }
    }

    /// The state after an answer, and when the next check is due.
    pub(crate) fn after(&self, id: &ConnectionId, state: State, reply: Reply, now: Timestamp) -> (State, Option<Timestamp>) {
        match reply {
            Reply::Accepted => (State::Healthy, schedule::next_check(id, &Standing::sure(Health::Healthy, now), now)),
            Reply::Unclear => {
                let failures = match state {
                    State::Unclear(failures) => failures + 1,
                    State::First | State::Healthy | State::Suspended(_) | State::Doubted | State::Dead => 1,
                };
                (State::Unclear(failures), Some(schedule::after_unclear(id, failures, None, now)))
            }
            Reply::Suspended => {
                let retests = match state {
                    State::Suspended(retests) => retests + 1,
                    State::First | State::Healthy | State::Unclear(_) | State::Doubted | State::Dead => 0,
                };
                let health = Health::Suspended { refusal: self.refusal.clone(), retests };
                (State::Suspended(retests), schedule::next_check(id, &Standing::sure(health, now), now))
            }
            Reply::Dead if state == State::Doubted => (State::Dead, None),
            Reply::Dead => {
                let doubted = Standing { doubted_since: Some(now), ..Standing::sure(Health::Healthy, now) };
                (State::Doubted, schedule::next_check(id, &doubted, now))
            }
        }
    }
}
