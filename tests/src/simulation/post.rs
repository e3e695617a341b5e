//! The sync's queue, as one invocation has it: a step outside like any other. What arrives wakes whoever delivers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapters::queue::{Queue, QueueError, SyncTask};
use async_trait::async_trait;
use tokio::sync::Notify;

use super::actor::Actor;
use super::outside::{Outside, Passed};
use crate::tasks::Tasks;

/// How long one try may take, and how many there are. Source: the configuration of the real client, in `adapters::settings`
const TRY_MAX: Duration = Duration::from_secs(3);
const TRIES: u32 = 3;

/// What all invocations of a run share of the queue.
#[derive(Clone)]
pub struct Office {
    /// What waits.
    pub tasks: Arc<Tasks>,
    /// Told when something arrives.
    pub arrival: Arc<Notify>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Office {
    /// An office without messages.
    #[must_use]
    pub fn new(tasks: Arc<Tasks>) -> Self {
        Self { tasks, arrival: Arc::default(), sent: Arc::default() }
    }

    /// Every message that was ever sent, once.
    #[must_use]
    pub fn sent(&self) -> Vec<String> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sent.sort_unstable();
        sent.dedup();
        sent
    }

    /// Takes a message in.
    ///
    /// # Errors
    /// [`QueueError`] where it cannot be written.
    pub async fn take_in(&self, task: &SyncTask, delay: Duration) -> Result<(), QueueError> {
        let message = serde_json::to_string(task).map_err(|error| QueueError::new(task.connection.clone(), error))?;
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        self.tasks.send(task, delay).await?;
        self.arrival.notify_one();
        Ok(())
    }
}

/// The queue of one invocation.
pub struct Post {
    /// Where it leads.
    pub office: Office,
    /// The outside.
    pub outside: Arc<Outside>,
    /// Who sends.
    pub actor: Arc<Actor>,
}

#[async_trait]
impl Queue for Post {
    async fn send(&self, task: &SyncTask, delay: Duration) -> Result<(), QueueError> {
        for _ in 0..TRIES {
            let (office, task) = (self.office.clone(), task.clone());
            let sent =
                self.outside.through(&self.actor, "send a task", move || Box::pin(async move { office.take_in(&task, delay).await }));
            if let Ok(Passed::Answered(answer)) = tokio::time::timeout(TRY_MAX, sent).await {
                return answer;
            }
        }
        Err(QueueError::new(task.connection.clone(), "the queue did not answer"))
    }
}
