//! The sync's queue in one process.
//!
//! A task carries no state, so that two tasks of one connection are worth no more than the earlier of them: the queue is a map from
//! connections to when their next step may be delivered. What is in it is lost with the process; the walks' watchdog makes up for that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapters::Ports;
use adapters::clock::Clock;
use adapters::queue::{DELAY_MAX, Queue, QueueError, SyncTask};
use async_trait::async_trait;
use domain::ids::ConnectionId;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// Tasks worked on at a time.
pub const WORKERS: usize = 4;
/// A task whose work failed comes again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// [`Queue`] in memory, delivering by a clock that may be shifted.
pub struct InProcessQueue {
    clock: Arc<dyn Clock>,
    waiting: Mutex<BTreeMap<ConnectionId, Timestamp>>,
    changed: Notify,
}

impl InProcessQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: Mutex::default(), changed: Notify::new() }
    }

    /// Takes the task that has been due the longest; `None` when none is due.
    pub fn take_due(&self) -> Option<SyncTask> {
        let now = self.clock.now();
        let mut waiting = self.waiting();
        let (at, connection) = waiting.iter().map(|(connection, at)| (*at, connection.clone())).min()?;
        if at > now {
            return None;
        }
        waiting.remove(&connection);
        Some(SyncTask { connection })
    }

    /// When the next task is due; `None` when there is none.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.waiting().values().min().copied()
    }

    /// Waits until a task came in since the last wait.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Works until no task is due, a few at a time. Returns how many were done.
    pub async fn drain(&self, ports: &Ports) -> usize {
        let mut done = 0;
        loop {
            let batch: Vec<SyncTask> = std::iter::from_fn(|| self.take_due()).collect();
            if batch.is_empty() {
                return done;
            }
            done += batch.len();
            futures::stream::iter(batch).for_each_concurrent(WORKERS, |task| self.work(ports, task)).await;
        }
    }

    /// Does one task, as the function behind the queue would; one that fails comes again.
    pub async fn work(&self, ports: &Ports, task: SyncTask) {
        let Ok(message) = serde_json::to_string(&task) else { return };
        if !attribute_sync::take(ports, &message).await {
            self.put(task.connection, AGAIN_AFTER);
        }
    }

    fn put(&self, connection: ConnectionId, delay: Duration) {
        let at = self.clock.now() + SignedDuration::try_from(delay.min(DELAY_MAX)).unwrap_or_default();
        self.waiting().entry(connection).and_modify(|known| *known = at.min(*known)).or_insert(at);
        // Keeps one wake-up for a worker that is not waiting yet.
        self.changed.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Timestamp>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for InProcessQueue {
    async fn send(&self, task: &SyncTask, delay: Duration) -> Result<(), QueueError> {
        self.put(task.connection.clone(), delay);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ShiftedClock;

    fn task(number: u8) -> SyncTask {
        SyncTask { connection: ConnectionId::mint([number; 16]) }
    }

    #[tokio::test]
    async fn a_task_is_delivered_once_and_not_before_its_time() {
        let clock = Arc::new(ShiftedClock::default());
        let queue = InProcessQueue::new(Arc::clone(&clock) as Arc<dyn Clock>);
        queue.send(&task(1), Duration::from_secs(600)).await.unwrap();
        queue.send(&task(2), Duration::ZERO).await.unwrap();
        queue.send(&task(2), Duration::ZERO).await.unwrap();
        assert_eq!((queue.take_due(), queue.take_due()), (Some(task(2)), None));
        clock.shift_to(SignedDuration::from_mins(11));
        assert_eq!((queue.take_due(), queue.next_at()), (Some(task(1)), None));
    }

    #[tokio::test]
    async fn of_two_tasks_of_one_connection_the_earlier_counts() {
        let queue = InProcessQueue::new(Arc::new(ShiftedClock::default()));
        queue.send(&task(1), Duration::from_secs(600)).await.unwrap();
        queue.send(&task(1), Duration::ZERO).await.unwrap();
        queue.send(&task(1), Duration::from_secs(600)).await.unwrap();
        assert_eq!((queue.take_due(), queue.next_at()), (Some(task(1)), None));
    }
}
