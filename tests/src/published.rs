//! The bus of a world: keeps what is published, and fails as a story tells it to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use adapters::bus::{Bus, BusError, Delivery, Entry, Parked, Refused};
use anyhow::Result;
use async_trait::async_trait;
use runner::stream::Bookmark;
use serde_json::Value;

/// Everything that was published, and up to where the stream was followed. It takes everything, unless told otherwise.
#[derive(Debug, Default)]
pub struct Published(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    events: Vec<Value>,
    parked: Vec<Parked>,
    place: Option<String>,
    /// What is left of the bus's patience; `None` where it has no end.
    takes: Option<usize>,
    refuses: Option<String>,
    parks_nothing: bool,
}

impl Published {
    /// Takes what was published since it was last asked for, as a target of the bus gets it.
    #[must_use]
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.lock().events)
    }

    /// What was set aside.
    #[must_use]
    pub fn parked(&self) -> Vec<Parked> {
        self.lock().parked.clone()
    }

    /// The bus takes so many more events and then fails, until it is healed.
    pub fn fail_after(&self, events: usize) {
        self.lock().takes = Some(events);
    }

    /// Nothing can be set aside, until it is healed.
    pub fn fail_to_park(&self) {
        self.lock().parks_nothing = true;
    }

    /// Refuses for good every event that holds this text.
    pub fn refuse(&self, text: &str) {
        self.lock().refuses = Some(text.to_owned());
    }

    /// Everything is taken again.
    pub fn heal(&self) {
        let mut kept = self.lock();
        (kept.takes, kept.refuses, kept.parks_nothing) = (None, None, false);
    }

    /// The stream is followed from its beginning again: every batch is delivered once more.
    pub fn rewind(&self) {
        self.lock().place = None;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for Published {
    async fn publish(&self, entries: &[Entry]) -> Delivery {
        let mut kept = self.lock();
        let mut delivery = Delivery::default();
        for (place, entry) in entries.iter().enumerate() {
            if kept.refuses.as_ref().is_some_and(|text| entry.detail.contains(text)) {
                delivery.refused.push(Refused { place, why: "MalformedDetail: the story refuses it".to_owned() });
            } else if kept.takes == Some(0) {
                delivery.trouble = Some(BusError::new("publish", "the story's bus is away"));
                return delivery;
            } else {
                kept.takes = kept.takes.map(|left| left - 1);
                kept.events.push(entry.delivered());
            }
            delivery.settled = place + 1;
        }
        delivery
    }

    async fn park(&self, parked: &Parked) -> Result<(), BusError> {
        let mut kept = self.lock();
        if kept.parks_nothing {
            return Err(BusError::new("park", "the story's queue is away"));
        }
        kept.parked.push(parked.clone());
        Ok(())
    }
}

impl Bookmark for Published {
    fn place(&self) -> Option<String> {
        self.lock().place.clone()
    }

    fn put(&self, sequence_number: &str) -> Result<()> {
        self.lock().place = Some(sequence_number.to_owned());
        Ok(())
    }
}
