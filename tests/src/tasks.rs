//! A queue, delivered by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::clock::Clock;
use adapters::queue::{DELAY_MAX, Queue, QueueError, SyncTask};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// A task that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// When it may be delivered.
    pub due_at: Timestamp,
    /// The message, as it stands on the queue.
    pub message: String,
}

/// Tasks that wait, in the order they were sent.
pub struct Tasks {
    clock: Arc<dyn Clock>,
    waiting: Mutex<Vec<Waiting>>,
}

impl Tasks {
    /// An empty queue.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: Mutex::default() }
    }

    /// Everything that waits.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        self.waiting.lock().expect("nobody panics in the queue").clone()
    }

    /// Forgets everything that waits: lost tasks.
    pub fn lose(&self) {
        self.waiting.lock().expect("nobody panics in the queue").clear();
    }

    /// Takes the next task that may be delivered now.
    #[must_use]
    pub fn take_due(&self) -> Option<String> {
        let now = self.clock.now();
        let mut waiting = self.waiting.lock().expect("nobody panics in the queue");
        let place = waiting.iter().position(|task| task.due_at <= now)?;
        Some(waiting.remove(place).message)
    }
}

#[async_trait]
impl Queue for Tasks {
    async fn send(&self, task: &SyncTask, delay: Duration) -> Result<(), QueueError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| QueueError::new(task.connection.clone(), source);
        let message = serde_json::to_string(task).map_err(|error| failed(error.into()))?;
        let delay = SignedDuration::try_from(delay.min(DELAY_MAX)).map_err(|error| failed(error.into()))?;
        let waiting = Waiting { due_at: self.clock.now() + delay, message };
        self.waiting.lock().expect("nobody panics in the queue").push(waiting);
        Ok(())
    }
}
