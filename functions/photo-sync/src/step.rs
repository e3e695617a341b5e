//! One step of one tour: as many looks as fit into a slice of time.

use std::time::Duration;

use adapters::entropy;
use adapters::objects::ObjectsError;
use adapters::queue::{QueueError, SyncTask};
use adapters::store::connections::Connection;
use adapters::store::{Holder, Lease, StoreError};
use adapters::tokens::{self, TokenError};
use domain::ids::ConnectionId;
use domain::photo::{Pause, Tour, Work};
use domain::schedule;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::{Studio, look};

/// How long a slice lasts. Afterwards the work is handed on, so that no tenant keeps a worker to itself.
pub const SLICE: SignedDuration = SignedDuration::from_mins(5);
/// The longest that the look takes which is under way when the slice ends: two batches and one photo alone (15 s each), objects to put
/// and to remove (five rounds of 10 s each), entries and the tour itself (three writes of 10 s), and some to spare.
pub const TAIL: SignedDuration = SignedDuration::from_mins(4);
/// After so long without a step a tour under way falls due again: its worker or its task was lost.
const WATCHDOG: SignedDuration = SignedDuration::from_secs(120);
/// The wait for a fresh access token.
const TOKEN_WAIT: SignedDuration = SignedDuration::from_mins(2);
/// The wait after Graph did not accept a token that should be live.
const UNACCEPTED_WAIT: SignedDuration = SignedDuration::from_mins(10);
/// The wait for the first people.
const PEOPLE_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// How many times a day a tour looks whether its connection was repaired.
const REPAIR_LOOKS: u16 = 24;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Somebody else is at it, or nothing is due.
    Idle,
    /// The slice is over; more follows.
    Moved,
    /// Nothing is left to do before the next turn.
    Rested,
    /// The tour waits, and goes on by itself.
    Waiting,
    /// The tour cannot go on until something is repaired.
    Held,
}

/// Why a step failed on our side. The tour's lease ends by itself, and the tour is still due.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object store failed.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The access token cannot be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The next step could not be asked for; the watchdog will.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Until when a slice that begins now may last, where the worker ends at `deadline`.
#[must_use]
pub fn slice_until(studio: &Studio, deadline: Timestamp) -> Timestamp {
    (studio.ports.clock.now() + SLICE).min(deadline - TAIL)
}

/// Takes the tour's lease and takes look after look until `until`; at least one.
///
/// # Errors
/// [`StepError`].
pub async fn step(studio: &Studio, id: &ConnectionId, until: Timestamp) -> Result<Step, StepError> {
    let ports = &studio.ports;
    let now = ports.clock.now();
    let holder = Holder { nonce: entropy::bytes16(ports.entropy.as_ref()), until: now.max(until) + TAIL };
    let Some((tour, lease, due_at)) = ports.store.take_tour(id, holder, now).await? else {
        return Ok(Step::Idle);
    };
    let mut slice = Slice { studio, id, tour, lease, until };
    let due_at = due_at.unwrap_or(now);
    let ended = match slice.tour.waits(now) {
        // A task that comes early does not shorten a wait.
        Some(wait) => slice.settle(wait, wait).await.map(|()| Step::Idle),
        None if due_at > now && !slice.tour.is_under_way() => slice.settle(due_at, due_at).await.map(|()| Step::Idle),
        None => match Box::pin(slice.advance()).await {
            Ok(end) => slice.finish(end).await,
            Err(error) => Err(error),
        },
    };
    match ended {
        // Whoever took the tour over goes on with it.
        Err(StepError::Store(StoreError::Overtaken { .. })) => Ok(Step::Idle),
        ended => ended,
    }
}

/// A tour for as long as its lease is held.
pub(crate) struct Slice<'a> {
    pub(crate) studio: &'a Studio,
    pub(crate) id: &'a ConnectionId,
    pub(crate) tour: Tour,
    pub(crate) lease: Lease,
    pub(crate) until: Timestamp,
}

/// What becomes of the tour after its slice.
enum End {
    /// Go on at once.
    GoOn,
    /// Go on after a wait.
    Wait(Timestamp),
    /// Go on at the next turn, or as soon as somebody joins.
    Rest(Timestamp),
    /// Look again then whether it may go on.
    Hold(Timestamp),
}

impl Slice<'_> {
    fn now(&self) -> Timestamp {
        self.studio.ports.clock.now()
    }

    async fn advance(&mut self) -> Result<End, StepError> {
        let (store, now) = (&self.studio.ports.store, self.now());
        let connection = store.connection(self.id).await?.filter(|connection| connection.body.standing.health.is_working());
        let Some(connection) = connection else {
            return Ok(End::Hold(schedule::next_photos(self.id, REPAIR_LOOKS, now)));
        };
        if let Some(grant) = &connection.body.grant {
            self.tour.reconsider(grant.signed_in_at);
        }
        let walk = store.walk(self.id).await?.map(|(walk, _)| walk);
        let Some(walk) = walk.filter(|walk| walk.completed_at.is_some()) else {
            return Ok(End::Hold(now + PEOPLE_WAIT));
        };
        match tokens::live(&self.studio.ports, &connection).await? {
            Some(token) => self.go_round(&connection, &token, walk.people).await,
            None => self.await_token(&connection, TOKEN_WAIT).await,
        }
    }

    /// Asks for a check, and waits for the token that it brings. Health is the check's to judge.
    async fn await_token(&mut self, connection: &Connection, wait: SignedDuration) -> Result<End, StepError> {
        let now = self.now();
        self.studio.ports.store.hasten_check(connection, now).await?;
        self.tour.wait(now + wait);
        Ok(End::Wait(now + wait))
    }

    /// Look after look.
    async fn go_round(&mut self, connection: &Connection, token: &SecretString, people: u64) -> Result<End, StepError> {
        let store = &self.studio.ports.store;
        let mut newcomers = store.newcomers(self.id).await?;
        loop {
            let work = self.tour.next(&newcomers, people, self.now());
            match &work {
                Work::Rest { until } if self.tour.off_since.is_some() => return Ok(End::Hold(*until)),
                Work::Rest { until } => return Ok(End::Rest(*until)),
                Work::Settle(people) => look::tidy(self, people).await?,
                Work::Again(_) | Work::Newcomers(_) | Work::Range { .. } => {
                    let heard = look::look(self, &work, token).await?;
                    let verdict = self.tour.hear(self.id, &work, &heard, self.now());
                    if let Work::Newcomers(asked) = &work
                        && verdict.is_done
                    {
                        // Whom nothing was found out about is kept in mind by the tour before it is forgotten here.
                        store.note_tour(self.id, &self.tour, &self.lease).await?;
                        store.know(self.id, asked).await?;
                        newcomers.retain(|person| !asked.contains(person));
                    }
                    match verdict.pause {
                        Pause::No => {}
                        Pause::Until(at) => return Ok(End::Wait(at)),
                        Pause::Token => return self.await_token(connection, UNACCEPTED_WAIT).await,
                        Pause::Off => return Ok(self.stop()),
                    }
                }
            }
            if self.now() >= self.until {
                return Ok(End::GoOn);
            }
            store.note_tour(self.id, &self.tour, &self.lease).await?;
        }
    }

    fn stop(&self) -> End {
        tracing::warn!(connection = %self.id, problem = self.tour.problem, "photos may not be read");
        End::Hold(self.tour.turn_at)
    }

    /// Writes where the tour stands and, where there is more to do at once, asks for the next step.
    async fn finish(&self, end: End) -> Result<Step, StepError> {
        let now = self.now();
        match end {
            End::GoOn => {
                self.settle(now + WATCHDOG, now + WATCHDOG).await?;
                self.studio.queue.send(&SyncTask::quick(self.id.clone()), Duration::ZERO).await?;
                Ok(Step::Moved)
            }
            End::Wait(at) => self.settle(at, at).await.map(|()| Step::Waiting),
            End::Rest(at) => self.settle(at, now).await.map(|()| Step::Rested),
            End::Hold(at) => self.settle(at, at).await.map(|()| Step::Held),
        }
    }

    async fn settle(&self, next_at: Timestamp, not_before: Timestamp) -> Result<(), StepError> {
        Ok(self.studio.ports.store.settle_tour(self.id, &self.tour, &self.lease, (next_at, not_before)).await?)
    }
}
