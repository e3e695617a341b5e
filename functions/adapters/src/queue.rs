//! Queues of work that goes step by step: a task is a stretch of one connection's walk or, on a queue of its own, a slice of the tour over
//! its people's photos.
//!
//! The sync has two lanes, so that the first load of a huge tenant never delays a small one: short stretches are done in the quick lane, and
//! full rounds over many people in the bulk lane, which has workers of its own.

use std::time::Duration;

use async_trait::async_trait;
use domain::ids::ConnectionId;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

/// The longest delay that SQS takes. Source:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub const DELAY_MAX: Duration = Duration::from_secs(900);

/// Asks for the next step. It carries no state: the step reads where the work stands, so that a task that is delivered twice, late or out
/// of order does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncTask {
    /// Whose work.
    pub connection: ConnectionId,
    /// By which workers.
    #[serde(default)]
    pub lane: Lane,
}

/// Which workers do a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Those that stay a few seconds with each connection.
    #[default]
    Quick,
    /// Those that stay as long as the invocation lasts.
    Bulk,
}

impl SyncTask {
    /// A task for the quick lane.
    #[must_use]
    pub fn quick(connection: ConnectionId) -> Self {
        Self { connection, lane: Lane::Quick }
    }
}

/// A task could not be put on the queue.
#[derive(Debug, thiserror::Error)]
#[error("could not queue a step of {connection}")]
pub struct QueueError {
    connection: ConnectionId,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl QueueError {
    /// The queue failed for this connection.
    pub fn new(connection: ConnectionId, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { connection, source: source.into() }
    }
}

/// Takes tasks and delivers each at least once.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Queues `task`, to be delivered no earlier than after `delay` (cut to [`DELAY_MAX`]).
    ///
    /// # Errors
    /// [`QueueError`] where the queue does not take it.
    async fn send(&self, task: &SyncTask, delay: Duration) -> Result<(), QueueError>;
}

/// Tasks sent at a time.
const IN_FLIGHT: usize = 8;

/// Asks for a step of each of these connections; returns how many they are. What cannot be queued is logged, and stays due.
pub async fn ask_for_each(queue: &dyn Queue, due: Vec<ConnectionId>) -> usize {
    let count = due.len();
    let sends = futures::stream::iter(due).map(|connection| async move {
        let task = SyncTask::quick(connection);
        if let Err(error) = queue.send(&task, Duration::ZERO).await {
            tracing::error!(connection = %task.connection, error = &error as &dyn std::error::Error, "task not queued; its work stays due");
        }
    });
    sends.buffer_unordered(IN_FLIGHT).collect::<()>().await;
    count
}

/// Reads a message off the queue. What is no task is logged; it belongs into the dead-letter queue, where it can be seen.
#[must_use]
pub fn read_task(message: &str) -> Option<SyncTask> {
    match serde_json::from_str(message) {
        Ok(task) => Some(task),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a message on the queue is no task");
            None
        }
    }
}

/// [`Queue`] on Amazon SQS, a queue a lane. The connection is the message group, so that one tenant's long walk does not hold up the others.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: aws_sdk_sqs::Client,
    urls: LaneUrls,
}

/// URLs of the SQS queues.
#[derive(Debug, Clone)]
pub struct LaneUrls {
    /// Of the quick lane.
    pub quick: String,
    /// Of the bulk lane.
    pub bulk: String,
}

impl LaneUrls {
    /// One queue for every lane.
    #[must_use]
    pub fn one(url: String) -> Self {
        Self { quick: url.clone(), bulk: url }
    }
}

impl SqsQueue {
    /// Queues by their URLs.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, urls: LaneUrls) -> Self {
        Self { client, urls }
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, task: &SyncTask, delay: Duration) -> Result<(), QueueError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| QueueError::new(task.connection.clone(), source);
        let body = serde_json::to_string(task).map_err(|error| failed(error.into()))?;
        let seconds = i32::try_from(delay.min(DELAY_MAX).as_secs()).unwrap_or_default();
        let url = match task.lane {
            Lane::Quick => &self.urls.quick,
            Lane::Bulk => &self.urls.bulk,
        };
        let message = self.client.send_message().queue_url(url).message_body(body).message_group_id(task.connection.as_str());
        message.delay_seconds(seconds).send().await.map_err(|error| failed(error.into()))?;
        Ok(())
    }
}
