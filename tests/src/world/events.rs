//! What a world's people come to on the bus: the stream of the people table, followed by hand.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use change_events::Desk;
use domain::event::Telling;
use jiff::SignedDuration;
use serde_json::Value;

use super::World;
use crate::engine::PEOPLE;

impl World {
    /// Follows the stream to its end; answers what was published since it was last asked for, in order.
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn events(&self) -> Vec<Value> {
        self.events_with(Telling::Names).await
    }

    /// The same, with this content.
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn events_with(&self, telling: Telling) -> Vec<Value> {
        let desk = Desk { telling, ..self.desk() };
        self.stream().follow(&desk, self.published.as_ref(), SignedDuration::ZERO).await.expect("the stream can be followed");
        self.published.take()
    }

    /// What the function behind the stream is given.
    #[must_use]
    pub fn desk(&self) -> Desk {
        let bus = Arc::clone(&self.published) as _;
        Desk { clock: Arc::clone(&self.ports.clock), store: self.ports.store.clone(), bus, telling: Telling::Names }
    }

    /// Every record that the stream holds, as Lambda hands it over.
    ///
    /// # Panics
    /// When the engine fails.
    #[must_use]
    pub fn stream_records(&self) -> Event {
        self.stream().read(None, SignedDuration::ZERO).expect("the stream can be read")
    }

    fn stream(&self) -> runner::stream::Stream {
        self.engine.stream(PEOPLE).expect("the people table has a stream")
    }
}
