//! The tours over photos, driven by hand, and what they come to.

use std::sync::Arc;

use adapters::objects::Objects;
use adapters::queue::Queue;
use domain::ids::ConnectionId;
use domain::photo::Tour;
use jiff::Timestamp;
use photo_sync::{SLICE, Studio};
use uuid::Uuid;

use super::{CUSTOMER, TASKS_MAX, World};
use crate::answer::Answer;

impl World {
    /// What the photos' function is given.
    #[must_use]
    pub fn studio(&self) -> Studio {
        let (objects, queue) = (Arc::clone(&self.shelf) as Arc<dyn Objects>, Arc::clone(&self.photo_tasks) as Arc<dyn Queue>);
        Studio { ports: self.ports.clone(), objects, queue }
    }

    /// Delivers every task of the tours that is due now, and those that they ask for, until none is due.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn drain_photos(&self) {
        for _ in 0..TASKS_MAX {
            let Some(message) = self.photo_tasks.take_due() else { return };
            photo_sync::take(&self.studio(), &message, self.now() + SLICE).await;
        }
        panic!("the photos' queue does not empty");
    }

    /// One tick of the tours, and everything that it asks for.
    ///
    /// # Panics
    /// When the tick fails.
    pub async fn tick_photos(&self) {
        photo_sync::tick(&self.studio()).await.expect("the tick finds what is due");
        self.drain_photos().await;
    }

    /// Lets time pass until the tour's next turn, and takes it.
    pub async fn tour(&self, id: &ConnectionId) {
        let (_, due_at) = self.stored_tour(id).await;
        self.set_now(due_at.max(self.now()));
        // What the schedule would have done meanwhile.
        self.tick().await;
        self.tick_photos().await;
    }

    /// Where the tour stands, and when it is due.
    ///
    /// # Panics
    /// When there is none.
    pub async fn stored_tour(&self, id: &ConnectionId) -> (Tour, Timestamp) {
        let tour = self.ports.store.tour(id).await.expect("the tour can be read");
        let (tour, due_at) = tour.expect("there is a tour");
        (tour, due_at.expect("a tour is due some day"))
    }

    /// A person's photo, as the API gives it.
    pub async fn photo(&self, id: &ConnectionId, user: Uuid) -> Answer {
        self.call(CUSTOMER, "GET", &format!("/v1/connections/{id}/people/{user}/photo"), None).await
    }
}
