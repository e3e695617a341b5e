//! The bus: tells the operator's systems what happened, and sets aside what cannot be told.
//!
//! In the cloud it is Amazon EventBridge and the queue in which the function's failures rest; on one machine it is a journal.

mod eventbridge;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use eventbridge::{EventBridgeBus, Failures};

/// What every event names as its source.
pub const SOURCE: &str = "evergrant";

/// The most bytes of one request, and so of one entry: below 256 KB, which is 256,000 or 262,144 bytes, whoever counts.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html>
const BYTES_MAX: usize = 256_000;
/// What the JSON around an entry's own text may come to. The size counts it, says
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>, and does not count it, says the page above.
const ENVELOPE_BYTES: usize = 512;
/// What a time counts as, by the page above.
const TIME_BYTES: usize = 14;

/// An event, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What kind of event, such as `person.changed`.
    pub kind: &'static str,
    /// When it happened.
    pub time: Timestamp,
    /// What happened: a JSON object.
    pub detail: String,
}

impl Entry {
    /// The event as a target of the bus gets it, without what the bus itself adds.
    #[must_use]
    pub fn delivered(&self) -> Value {
        let detail: Value = serde_json::from_str(&self.detail).unwrap_or_default();
        json!({"source": SOURCE, "detail-type": self.kind, "time": self.time, "detail": detail})
    }

    /// Whether no bus takes it, because it is too large.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.bytes() > BYTES_MAX
    }

    fn bytes(&self) -> usize {
        ENVELOPE_BYTES + TIME_BYTES + SOURCE.len() + self.kind.len() + self.detail.len()
    }
}

/// What became of entries that were to be published.
#[derive(Debug, Default)]
pub struct Delivery {
    /// So many of the first entries are settled: taken, or refused for good. The others must be sent again; some may have been taken.
    pub settled: usize,
    /// Which of the settled ones the bus will never take.
    pub refused: Vec<Refused>,
    /// Why not all are settled.
    pub trouble: Option<BusError>,
}

/// An entry that the bus will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which of the entries, from 0.
    pub place: usize,
    /// Why.
    pub why: String,
}

/// Something that cannot be told, for a person to look at: where it is, and never what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The id that its event would have, so that whoever finds it twice knows.
    pub id: String,
    /// The stream it came from, by its ARN.
    pub stream: String,
    /// Its place in the stream.
    pub sequence_number: String,
    /// The key of the item it is about.
    pub key: String,
    /// Why it cannot be told.
    pub why: String,
}

/// The bus could not do it now; the same again may go well.
#[derive(Debug, thiserror::Error)]
#[error("could not {what}")]
pub struct BusError {
    what: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl BusError {
    /// The bus failed at this.
    pub fn new(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what: what.into(), source: source.into() }
    }
}

/// Takes events, each at least once.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes entries in their order.
    async fn publish(&self, entries: &[Entry]) -> Delivery;

    /// Sets something aside where somebody finds it.
    ///
    /// # Errors
    /// [`BusError`] where it cannot be kept now.
    async fn park(&self, parked: &Parked) -> Result<(), BusError>;
}
