//! Keeps people's photos as the directory has them, on a slow lane of their own: whatever happens here, the sync of attributes and the
//! health of the grant go on as if it did not.
//!
//! ```text
//! EventBridge tick ─► due tours of each shard ─► one task each ─► queue of its own
//! queue ─► step: take the tour's lease ─► look after look, until the slice's time is over ─► ask for the next step
//! look  ─► up to twenty people ─► what photos they have ─► bytes of those that changed ─► object store ─► people table ─► the tour moves
//! ```
//! The function wants ten minutes of time and one message a batch: [`SLICE`] and [`TAIL`] fit into that.
//!
//! A task carries no state: the step reads where the tour stands. The tour is written after every look, so a worker that is killed loses
//! one look, and what it had half written is tidied up by the next one.
//!
//! Deliberately absent: refresh tokens (when there is no live access token the tour waits for a check), and every verdict about the grant:
//! where photos may not be read the tour stops and says why, and health stays what it is.
//!
//! To keep another size: `domain::photo::SIDE`. To keep another kind of image: `domain::photo::Kind`.

mod look;
pub mod settings;
pub mod step;

use std::sync::Arc;

use adapters::Ports;
use adapters::objects::Objects;
use adapters::queue::{self, Queue};
use adapters::store::StoreError;
use jiff::Timestamp;

pub use step::{SLICE, Step, TAIL, step};

/// Due tours taken of one shard in one tick. What is left is first in the next tick.
const PER_SHARD_MAX: i32 = 200;

/// Everything that a tour works with.
#[derive(Clone)]
pub struct Studio {
    /// Everything outside that every function has.
    pub ports: Ports,
    /// The photos.
    pub objects: Arc<dyn Objects>,
    /// The tours' tasks, apart from those of the sync.
    pub queue: Arc<dyn Queue>,
}

/// One tick: asks for a step of every tour that is due. Returns how many.
///
/// # Errors
/// [`StoreError`] where the due index cannot be read. A task that cannot be queued is logged; its tour stays due.
pub async fn tick(studio: &Studio) -> Result<usize, StoreError> {
    let ports = &studio.ports;
    let due = ports.store.due_tours(ports.clock.now(), PER_SHARD_MAX).await?;
    Ok(queue::ask_for_each(studio.queue.as_ref(), due).await)
}

/// Takes one message off the queue and works on its tour until `until`, and a look longer. Returns whether the message is done with; a
/// message that is not comes again, and in the end rests in the dead-letter queue where it can be seen.
pub async fn take(studio: &Studio, message: &str, until: Timestamp) -> bool {
    let Some(task) = queue::read_task(message) else {
        return false;
    };
    match step(studio, &task.connection, until).await {
        Ok(step) => {
            tracing::info!(connection = %task.connection, step = ?step, "photo step");
            true
        }
        Err(error) => {
            tracing::error!(connection = %task.connection, error = &error as &dyn std::error::Error, "photo step failed on our side");
            false
        }
    }
}
