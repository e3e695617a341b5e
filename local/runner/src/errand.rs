//! What is worked on task by task: the sync, in its two lanes, and apart from it the tours over photos.

use std::sync::Arc;

use adapters::clock::Clock as _;
use adapters::objects::Objects;
use adapters::queue::{Lane, Queue, SyncTask};
use attribute_sync::{Plan, Shift};
use futures::StreamExt as _;
use jiff::SignedDuration;
use photo_sync::Studio;

use crate::queue::InProcessQueue;
use crate::world::World;

/// How long one task of the sync may take.
const SHIFT: SignedDuration = SignedDuration::from_mins(15);
/// How long a slice of a tour lasts here: time that passes at somebody's wish waits for it.
const SLICE: SignedDuration = SignedDuration::from_secs(1);

/// A kind of task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// A stretch of a walk.
    Sync(Lane),
    /// A slice of a tour over photos.
    Photos,
}

impl Errand {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sync(Lane::Quick), Self::Sync(Lane::Bulk), Self::Photos];

    /// Tasks of this kind worked on at a time.
    #[must_use]
    pub fn workers(self) -> usize {
        match self {
            Self::Sync(Lane::Quick) => 4,
            Self::Sync(Lane::Bulk) | Self::Photos => 2,
        }
    }
}

impl World {
    /// What the photos' function is given.
    #[must_use]
    pub fn studio(&self) -> Studio {
        let (objects, queue) = (Arc::clone(&self.objects) as Arc<dyn Objects>, Arc::clone(&self.photo_queue) as Arc<dyn Queue>);
        Studio { ports: self.ports.clone(), objects, queue }
    }

    /// The queue of an errand, and its lane there.
    #[must_use]
    pub fn queue_of(&self, errand: Errand) -> (&InProcessQueue, Lane) {
        match errand {
            Errand::Sync(lane) => (&self.queue, lane),
            Errand::Photos => (&self.photo_queue, Lane::Quick),
        }
    }

    /// Does one task, as the function behind its queue would; one that fails comes again.
    pub async fn run(&self, errand: Errand, task: SyncTask) {
        let Ok(message) = serde_json::to_string(&task) else { return };
        let now = self.clock.now();
        let is_done = match errand {
            Errand::Sync(_) => {
                let shift = Shift { ports: &self.ports, plan: &Plan::default(), deadline: now + SHIFT };
                attribute_sync::take(shift, &message).await
            }
            Errand::Photos => photo_sync::take(&self.studio(), &message, now + SLICE).await,
        };
        if !is_done {
            self.queue_of(errand).0.take_back(task);
        }
    }

    /// Works until no task is due, a few at a time.
    pub async fn drain(&self) {
        loop {
            let due = |errand| {
                let (queue, lane) = self.queue_of(errand);
                std::iter::from_fn(move || Some((errand, queue.take_due(lane)?)))
            };
            let batch: Vec<(Errand, SyncTask)> = Errand::ALL.into_iter().flat_map(due).collect();
            if batch.is_empty() {
                return;
            }
            let workers = Errand::Sync(Lane::Quick).workers();
            futures::stream::iter(batch).for_each_concurrent(workers, |(errand, task)| self.run(errand, task)).await;
        }
    }
}
