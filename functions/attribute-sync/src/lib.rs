//! Keeps people's attributes as the directory has them.
//!
//! ```text
//! EventBridge tick ─► due walks of each shard ─► one task each ─► queue
//! queue ─► step: take the walk's lease ─► a stretch of pages, one after the other ─► hand on what is left
//!   page: fetch (the next one while this one is stored) ─► who is not as before? ─► read those ─► domain folds
//!     ─► note whom it changes ─► store people ─► move the walk
//!   end of a round: who is stored and gone? ─► a few are removed ─► a wave is held until somebody approves
//! ```
//! A task carries no state: the step reads where the walk stands. So a task that comes twice, late or never does no harm: the walk's lease
//! lets one worker at a time through, and a walk whose worker died falls due again by itself. A kill redoes one page at most.
//!
//! A full round marks the present, lists everybody in pages of 999, and goes on with the delta since the mark; where Graph does neither, it
//! walks the delta from its beginning. Pages are fetched one after the other, and not in ranges side by side: all people of a connection
//! have one partition key, which takes 1,000 writes a second, about a page. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
//!
//! | module | step |
//! |---|---|
//! | [`plan`] | how long a stretch is, and when deletions are held |
//! | [`step`] | the stretch: what to do next, and what to do where Graph gives no page |
//! | `source` | pages from Graph, with a live token |
//! | `culprits` | which attributes are to blame where Graph refuses them all |
//! | `ending` | how a step ends: what is written, asked for and counted |
//! | `apply` | one page: who changed, and the writes in their order |
//! | `memory` | what a stretch knows of people without reading them |
//! | `leave` | who is gone: found, held, removed |
//! | `omen` | what the directory says of the person who consented |
//!
//! Deliberately absent: refresh tokens. This function can open access tokens only; when there is none it asks for a check and waits.
//!
//! To sync another attribute: `domain::attribute::CATALOGUE`, and the simulator's directory.

mod apply;
mod culprits;
mod ending;
mod leave;
mod memory;
mod omen;
pub mod plan;
mod source;
pub mod step;

use adapters::Ports;
use adapters::queue::SyncTask;
use adapters::store::StoreError;
use futures::StreamExt as _;
use jiff::Timestamp;

pub use plan::Plan;
pub use step::{Step, step};

/// Due walks taken of one shard in one tick. What is left is first in the next tick.
const PER_SHARD_MAX: i32 = 200;
/// Tasks sent at a time.
const IN_FLIGHT: usize = 8;

/// One invocation of this function.
#[derive(Clone, Copy)]
pub struct Shift<'a> {
    /// Everything outside.
    pub ports: &'a Ports,
    /// How it works.
    pub plan: &'a Plan,
    /// When it is killed.
    pub deadline: Timestamp,
}

/// One tick: asks for a step of every walk that is due. Returns how many.
///
/// # Errors
/// [`StoreError`] where the due index cannot be read. A task that cannot be queued is logged; its walk stays due.
pub async fn tick(ports: &Ports) -> Result<usize, StoreError> {
    let due = ports.store.due_walks(ports.clock.now(), PER_SHARD_MAX).await?;
    let count = due.len();
    let sends = futures::stream::iter(due).map(|connection| async move {
        let task = SyncTask::quick(connection);
        if let Err(error) = ports.queue.send(&task, std::time::Duration::ZERO).await {
            tracing::error!(connection = %task.connection, error = &error as &dyn std::error::Error, "task not queued; the walk stays due");
        }
    });
    sends.buffer_unordered(IN_FLIGHT).collect::<()>().await;
    Ok(count)
}

/// Takes one message off the queue and does its step. Returns whether the message is done with; a message that is not comes again, and
/// in the end rests in the dead-letter queue where it can be seen.
pub async fn take(shift: Shift<'_>, message: &str) -> bool {
    let task = match serde_json::from_str::<SyncTask>(message) {
        Ok(task) => task,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a message on the sync queue is no task");
            return false;
        }
    };
    match step(shift, &task).await {
        Ok(step) => {
            tracing::info!(connection = %task.connection, step = ?step, "sync step");
            true
        }
        Err(error) => {
            tracing::error!(connection = %task.connection, error = &error as &dyn std::error::Error, "sync step failed on our side");
            false
        }
    }
}
