//! Queues in one process, one a lane.
//!
//! A task carries no state, so that two tasks of one connection are worth no more than the earlier of them: a queue is a map from
//! connections to when their next step may be delivered. What is in it is lost with the process; the watchdogs make up for that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapters::clock::Clock;
use adapters::queue::{DELAY_MAX, Lane, Queue, QueueError, SyncTask};
use async_trait::async_trait;
use domain::ids::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// A task whose work failed comes again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// [`Queue`] in memory, delivering by a clock that may be shifted.
pub struct InProcessQueue {
    clock: Arc<dyn Clock>,
    quick: Waiting,
    bulk: Waiting,
}

/// One lane's tasks.
#[derive(Default)]
struct Waiting {
    tasks: Mutex<BTreeMap<ConnectionId, Timestamp>>,
    changed: Notify,
}

impl Waiting {
    fn tasks(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Timestamp>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InProcessQueue {
    /// Empty queues.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, quick: Waiting::default(), bulk: Waiting::default() }
    }

    fn of(&self, lane: Lane) -> &Waiting {
        match lane {
            Lane::Quick => &self.quick,
            Lane::Bulk => &self.bulk,
        }
    }

    /// Takes the task that has been due the longest; `None` when none is due.
    pub fn take_due(&self, lane: Lane) -> Option<SyncTask> {
        let now = self.clock.now();
        let mut waiting = self.of(lane).tasks();
        let (at, connection) = waiting.iter().map(|(connection, at)| (*at, connection.clone())).min()?;
        if at > now {
            return None;
        }
        waiting.remove(&connection);
        Some(SyncTask { connection, lane })
    }

    /// When the next task is due; `None` when there is none.
    pub fn next_at(&self, lane: Lane) -> Option<Timestamp> {
        self.of(lane).tasks().values().min().copied()
    }

    /// Waits until a task came in since the last wait.
    pub async fn changed(&self, lane: Lane) {
        self.of(lane).changed.notified().await;
    }

    /// Takes a task back whose work failed; it comes again after a while.
    pub fn take_back(&self, task: SyncTask) {
        self.put(task, AGAIN_AFTER);
    }

    fn put(&self, task: SyncTask, delay: Duration) {
        let at = self.clock.now() + SignedDuration::try_from(delay.min(DELAY_MAX)).unwrap_or_default();
        let waiting = self.of(task.lane);
        waiting.tasks().entry(task.connection).and_modify(|known| *known = at.min(*known)).or_insert(at);
        // Keeps one wake-up for a worker that is not waiting yet.
        waiting.changed.notify_one();
    }
}

#[async_trait]
impl Queue for InProcessQueue {
    async fn send(&self, task: &SyncTask, delay: Duration) -> Result<(), QueueError> {
        self.put(task.clone(), delay);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ShiftedClock;

    fn task(number: u8) -> SyncTask {
        SyncTask::quick(ConnectionId::mint([number; 16]))
    }

    #[tokio::test]
    async fn a_task_is_delivered_once_and_not_before_its_time() {
        let clock = Arc::new(ShiftedClock::default());
        let queue = InProcessQueue::new(Arc::clone(&clock) as Arc<dyn Clock>);
        queue.send(&task(1), Duration::from_secs(600)).await.unwrap();
        queue.send(&task(2), Duration::ZERO).await.unwrap();
        queue.send(&task(2), Duration::ZERO).await.unwrap();
        assert_eq!((queue.take_due(Lane::Quick), queue.take_due(Lane::Quick)), (Some(task(2)), None));
        clock.shift_to(SignedDuration::from_mins(11));
        assert_eq!((queue.take_due(Lane::Quick), queue.next_at(Lane::Quick)), (Some(task(1)), None));
    }

    #[tokio::test]
    async fn of_two_tasks_of_one_connection_the_earlier_counts() {
        let queue = InProcessQueue::new(Arc::new(ShiftedClock::default()));
        queue.send(&task(1), Duration::from_secs(600)).await.unwrap();
        queue.send(&task(1), Duration::ZERO).await.unwrap();
        queue.send(&task(1), Duration::from_secs(600)).await.unwrap();
        assert_eq!((queue.take_due(Lane::Quick), queue.next_at(Lane::Quick)), (Some(task(1)), None));
    }

    #[tokio::test]
    async fn the_lanes_do_not_see_each_others_tasks() {
        let queue = InProcessQueue::new(Arc::new(ShiftedClock::default()));
        queue.send(&SyncTask { lane: Lane::Bulk, ..task(1) }, Duration::ZERO).await.unwrap();
        assert_eq!(queue.take_due(Lane::Quick), None);
        assert_eq!(queue.take_due(Lane::Bulk), Some(SyncTask { lane: Lane::Bulk, ..task(1) }));
    }
}
