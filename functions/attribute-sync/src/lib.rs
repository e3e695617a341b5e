//! Keeps people's attributes as the directory has them, one page at a time.
//!
//! ```text
//! EventBridge tick ─► due walks of each shard ─► one task each ─► queue
//! queue ─► step: take the walk's lease ─► fetch one page ─► domain merges ─► store people ─► move the walk ─► ask for the next step
//! ```
//! A task carries no state: the step reads where the walk stands. So a task that comes twice, late or never does no harm: the walk's lease
//! lets one worker at a time through, and a walk whose worker died falls due again by itself.
//!
//! Deliberately absent: refresh tokens. This function can open access tokens only; when there is none it asks for a check and waits.
//!
//! To sync another attribute: `domain::person::ATTRIBUTES`, and the simulator's directory.

mod apply;
mod omen;
pub mod step;

use adapters::Ports;
use adapters::queue::SyncTask;
use adapters::store::StoreError;
use futures::StreamExt as _;

pub use step::{Step, step};

/// Due walks taken of one shard in one tick. What is left is first in the next tick.
const PER_SHARD_MAX: i32 = 200;
/// Tasks sent at a time.
const IN_FLIGHT: usize = 8;

/// One tick: asks for a step of every walk that is due. Returns how many.
///
/// # Errors
/// [`StoreError`] where the due index cannot be read. A task that cannot be queued is logged; its walk stays due.
pub async fn tick(ports: &Ports) -> Result<usize, StoreError> {
    let due = ports.store.due_walks(ports.clock.now(), PER_SHARD_MAX).await?;
    let count = due.len();
    let sends = futures::stream::iter(due).map(|connection| async move {
        let task = SyncTask { connection };
        if let Err(error) = ports.queue.send(&task, std::time::Duration::ZERO).await {
            tracing::error!(connection = %task.connection, error = &error as &dyn std::error::Error, "task not queued; the walk stays due");
        }
    });
    sends.buffer_unordered(IN_FLIGHT).collect::<()>().await;
    Ok(count)
}

/// Takes one message off the queue and does its step. Returns whether the message is done with; a message that is not comes again, and
/// in the end rests in the dead-letter queue where it can be seen.
pub async fn take(ports: &Ports, message: &str) -> bool {
    let task = match serde_json::from_str::<SyncTask>(message) {
        Ok(task) => task,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a message on the sync queue is no task");
            return false;
        }
    };
    match step(ports, &task.connection).await {
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
