//! Tries grants before anybody misses them.
//!
//! ```text
//! EventBridge tick ─► due ids of each shard ─► for each, a few at a time:
//!   take the lease ─► open the refresh token ─► ask Entra ─► domain judges
//!     ─► store the new token in the free slot ─► one conditional write: pointer, health, next check, notice owed
//! ```
//! Only who holds a connection's lease asks Entra about it, and only while the fence is still the holder's does anything change. The new
//! token is durable before anything points to it; the one that just worked stays until the new one has worked.
//!
//! Deliberately absent: what an answer means (`domain`), reading people (`attribute-sync`), delivery of notices.

pub mod check;
mod renewal;

use std::collections::BTreeMap;

use adapters::Ports;
use adapters::store::StoreError;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

pub use check::Outcome;

/// Due connections taken of one shard in one tick. What is left is first in the next tick.
const PER_SHARD_MAX: i32 = 50;
/// Connections checked at a time.
const IN_FLIGHT: usize = 8;
/// What one check may take; none is begun later than this before the deadline.
const CHECK_BUDGET: SignedDuration = SignedDuration::from_secs(90);

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

/// One tick: checks what is due, until `deadline`.
///
/// # Errors
/// [`StoreError`] where the due index cannot be read. A single connection's fault is counted in the report, and does not stop the others.
pub async fn tick(ports: &Ports, deadline: Timestamp) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let due = ports.store.due_checks(ports.clock.now(), PER_SHARD_MAX).await?;
    let checks = futures::stream::iter(due).map(|id| async move {
        let has_time = ports.clock.now() + CHECK_BUDGET <= deadline;
        (id.clone(), if has_time { Some(check::check(ports, &id).await) } else { None })
    });
    let mut checks = checks.buffer_unordered(IN_FLIGHT);
    while let Some((id, outcome)) = checks.next().await {
        match outcome {
            None => report.left += 1,
            Some(Ok(outcome)) => *report.outcomes.entry(outcome.word()).or_default() += 1,
            Some(Err(error)) => {
                tracing::error!(connection = %id, error = &error as &dyn std::error::Error, "check failed on our side");
                report.faults += 1;
            }
        }
    }
    Ok(report)
}
