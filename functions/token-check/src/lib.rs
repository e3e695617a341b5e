//! Tries grants before anybody misses them.
//!
//! ```text
//! EventBridge tick ─► due ids of each lane and shard ─► read many at once ─► for each, a few at a time:
//!   take the lease as read ─► open the refresh token ─► ask Entra ─► domain judges
//!     ─► store the new tokens in a free slot ─► one conditional write: pointer, health, next check, notices owed
//! refused: ─► part of an incident? hold the verdict ─► may be mistaken? look again ─► is there a spare grant? switch to it
//! ```
//! Only who holds a connection's lease asks Entra about it, and only while the fence is still the holder's does anything change. The lease
//! outlasts the invocation, which Lambda ends at its deadline, so nobody acts after it. New tokens are durable before anything points to
//! them; those that just worked stay until the new ones have worked.
//!
//! A check that goes well is three requests to DynamoDB and one to Entra, and its part of two reads for a hundred.
//!
//! Deliberately absent: what an answer means (`domain`), reading people (`attribute-sync`), delivery of notices.

mod check;
mod incident;
pub mod plan;
mod renewal;
mod spare;

use std::collections::BTreeMap;

use adapters::Ports;
use adapters::store::StoreError;
use adapters::store::connections::DueCheck;
use domain::fleet::Incident;
use domain::ids::ConnectionId;
use domain::schedule::Lane;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

pub use check::Outcome;
pub use plan::Plan;

/// What one check may take: two renewals of at most 45 s each, and the last write. None is begun later than this before the deadline.
const CHECK_BUDGET: SignedDuration = SignedDuration::from_secs(110);
/// The most rounds of one tick.
const ROUNDS_MAX: u32 = 100;

/// What a tick came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// How many checks came to what.
    pub outcomes: BTreeMap<&'static str, u32>,
    /// Checks that failed on our side; they stay due.
    pub faults: u32,
    /// Due connections that were left for the next tick because the time ran out.
    pub left: u32,
}

/// What the checks of one tick share.
pub(crate) struct Round<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) plan: &'a Plan,
    /// The last incident, as it was at the begin of the tick.
    pub(crate) incident: Option<Incident>,
    /// When this invocation is killed.
    pub(crate) deadline: Timestamp,
}

/// One tick: checks what is due, until nothing is, or until `deadline`.
///
/// # Errors
/// [`StoreError`] where the due index cannot be read. A single connection's fault is counted in the report, and does not stop the others.
pub async fn tick(ports: &Ports, plan: &Plan, deadline: Timestamp) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let incident = incident::look(ports, &plan.guard).await?;
    let round = Round { ports, plan, incident, deadline };
    for _ in 0..ROUNDS_MAX {
        let (due, may_be_more) = line(&round).await?;
        if due.is_empty() {
            break;
        }
        if !round.has_time() {
            report.left += u32::try_from(due.len()).unwrap_or(u32::MAX);
            break;
        }
        let moved = work(&round, due, &mut report).await?;
        // Those that others hold, or that the index shows although they are done, do not become fewer by asking again.
        if !moved || !may_be_more {
            break;
        }
    }
    Ok(report)
}

impl Round<'_> {
    fn has_time(&self) -> bool {
        self.ports.clock.now() + CHECK_BUDGET <= self.deadline
    }
}

/// The connections that are due, and whether there may be more. Each lane has its own share, so that none starves another.
async fn line(round: &Round<'_>) -> Result<(Vec<ConnectionId>, bool), StoreError> {
    let (mut due, mut may_be_more) = (Vec::new(), false);
    for lane in Lane::ALL {
        let share = match lane {
            Lane::Healthy => round.plan.healthy_per_shard,
            Lane::First | Lane::Failing => round.plan.others_per_shard,
        };
        let found = round.ports.store.due_checks((lane, round.plan.part), round.ports.clock.now(), share).await?;
        // A shard that gave its whole share may have more.
        may_be_more |= usize::try_from(share).is_ok_and(|share| found.len() >= share);
        due.extend(found);
    }
    Ok((due, may_be_more))
}

/// Checks these connections; returns whether any of them was done with.
async fn work(round: &Round<'_>, ids: Vec<ConnectionId>, report: &mut Report) -> Result<bool, StoreError> {
    let ports = round.ports;
    let due = ports.store.read_due(&ids).await?;
    if let Err(error) = ports.store.count_checks(due.len(), ports.clock.now()).await {
        // The guard then sees fewer checks than there were, and suspects an incident a little sooner.
        tracing::warn!(error = &error as &dyn std::error::Error, "checks not counted");
    }
    let checks = futures::stream::iter(due).map(|due: DueCheck| async move {
        let id = due.connection.id.clone();
        (id, if round.has_time() { Some(check::check(round, due).await) } else { None })
    });
    let mut checks = checks.buffer_unordered(round.plan.in_flight);
    let mut moved = false;
    while let Some((id, outcome)) = checks.next().await {
        match outcome {
            None => report.left += 1,
            Some(Ok(outcome)) => {
                moved |= outcome != Outcome::NotDue;
                *report.outcomes.entry(outcome.word()).or_default() += 1;
            }
            Some(Err(error)) => {
                tracing::error!(connection = %id, error = &error as &dyn std::error::Error, "check failed on our side");
                report.faults += 1;
            }
        }
    }
    Ok(moved)
}
