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

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use adapters::Ports;
use adapters::metrics::{self, Metric};
use adapters::store::StoreError;
use adapters::store::connections::{DueCheck, DueChecks};
use domain::fleet::Incident;
use domain::ids::ConnectionId;
use domain::schedule::{self, Lane};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};

pub use check::Outcome;
pub use plan::Plan;

/// What one check may take: two renewals of at most 45 s each, and the last write. None is begun later than this before the deadline.
const CHECK_BUDGET: SignedDuration = SignedDuration::from_secs(110);
/// How often one tick looks for due work, at most.
const LOOKS_MAX: u32 = 1_000;

/// The most entries of a shard's lane that a look passes over, because it has seen them.
const PASSED_OVER_MAX: usize = 1_000;

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
    /// The incident about our own credential, where one was open at the begin of the tick.
    pub(crate) incident: Option<Incident>,
    /// When this invocation is killed.
    pub(crate) deadline: Timestamp,
}

/// One tick: checks what is due, until nothing is, or until `deadline`. A check that is done with makes room for the next one: a slow one
/// holds up nobody else.
///
/// # Errors
/// [`StoreError`] where the due index cannot be read. A single connection's fault is counted in the report, and does not stop the others.
pub async fn tick(ports: &Ports, plan: &Plan, deadline: Timestamp) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let round = Round { ports, plan, incident: incident::of_credential(ports).await, deadline };
    let mut line = Line::default();
    let mut running = FuturesUnordered::new();
    loop {
        if line.waiting.len() < plan.in_flight && (line.looks == 0 || round.has_time()) {
            for (id, error) in line.refill(&round, running.len()).await? {
                report.note(&id, Err(error));
            }
        }
        while running.len() < plan.in_flight && round.has_time() {
            let Some(due) = line.waiting.pop_front() else { break };
            running.push(examine(&round, due));
        }
        match running.next().await {
            Some((id, outcome)) => {
                line.still_due += usize::from(matches!(outcome, Ok(Outcome::NotDue) | Err(_)));
                report.note(&id, outcome);
            }
            None => break,
        }
    }
    report.left = u32::try_from(line.waiting.len()).unwrap_or(u32::MAX);
    metrics::note(Metric::ChecksLeft, f64::from(report.left));
    if report.left == 0 {
        incident::conclude(ports, &plan.guard).await;
    }
    Ok(report)
}

async fn examine(round: &Round<'_>, due: DueCheck) -> (ConnectionId, Result<Outcome, StoreError>) {
    (due.connection.id.clone(), check::check(round, due).await)
}

impl Report {
    fn note(&mut self, id: &ConnectionId, outcome: Result<Outcome, StoreError>) {
        match outcome {
            Ok(outcome) => *self.outcomes.entry(outcome.word()).or_default() += 1,
            Err(error) => {
                tracing::error!(connection = %id, error = &error as &dyn std::error::Error, "check failed on our side");
                self.faults += 1;
            }
        }
    }
}

impl Round<'_> {
    fn has_time(&self) -> bool {
        self.ports.clock.now() + CHECK_BUDGET <= self.deadline
    }
}

/// The connections whose turn it is.
#[derive(Default)]
struct Line {
    waiting: VecDeque<DueCheck>,
    /// Everybody who ever stood in the line. The index shows them until their checks are written, and longer.
    seen: HashSet<ConnectionId>,
    /// How many of them were left as they were: others hold them, or their check failed on our side.
    still_due: usize,
    looks: u32,
    /// Whether the index had nobody else when it was last looked at.
    is_whole: bool,
}

impl Line {
    /// Looks for due connections, unless nobody was left the last time. Each lane has its own share, and its turn after every other's, so
    /// that none starves another. The index shows those first that stay due, wait or are `running`, the longest overdue: a share comes on
    /// top of them. Answers those whose items cannot be read, and why: they stay due.
    async fn refill(&mut self, round: &Round<'_>, running: usize) -> Result<Vec<(ConnectionId, StoreError)>, StoreError> {
        if self.is_whole || self.looks >= LOOKS_MAX {
            return Ok(Vec::new());
        }
        let (store, plan, now) = (&round.ports.store, round.plan, round.ports.clock.now());
        self.looks += 1;
        self.is_whole = true;
        let shown = (self.still_due + self.waiting.len() + running).min(PASSED_OVER_MAX);
        let shown = i32::try_from(shown).unwrap_or_default();
        let mut lanes = Vec::new();
        for lane in Lane::ALL {
            let share = match lane {
                Lane::Healthy => plan.healthy_per_shard,
                Lane::First | Lane::Failing => plan.others_per_shard,
            };
            let asked = share.saturating_add(shown);
            let found = store.due_checks((lane, plan.part), now, asked).await?;
            // A shard that gave all it was asked for may have more.
            self.is_whole &= usize::try_from(asked).is_ok_and(|asked| found.len() < asked);
            lanes.push(found);
        }
        let mut due = schedule::in_turn(lanes);
        due.retain(|id| self.seen.insert(id.clone()));
        if due.is_empty() {
            // Those that others hold do not become fewer by asking again.
            self.is_whole = true;
            return Ok(Vec::new());
        }
        let places: HashMap<&ConnectionId, usize> = due.iter().enumerate().map(|(place, id)| (id, place)).collect();
        let DueChecks { readable: mut due, unreadable } = store.read_due(&due).await?;
        self.still_due += unreadable.len();
        // What is read together comes in any order.
        due.sort_by_key(|due| places.get(&due.connection.id).copied());
        if let Err(error) = store.count_checks(due.len(), now).await {
            // The guard then sees fewer checks than there were, and suspects an incident a little sooner.
            tracing::warn!(error = &error as &dyn std::error::Error, "checks not counted");
        }
        self.waiting.extend(due);
        Ok(unreadable)
    }
}
