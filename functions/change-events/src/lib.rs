//! Tells the operator's systems which people changed: an event for each real change, and none for anything else.
//!
//! ```text
//! stream of the people table ─► image before and after ─► domain says what happened ─► event ─► bus
//!                                        └─ cannot be read ─► parked ─► failure queue
//! ```
//! What an event says is described by `person-events.schema.json` beside this crate's manifest.
//!
//! **One for each change.** The images alone decide: a page that is applied again, or a worker that does a dead one's work once more,
//! writes the same person again and is not told. The bus takes each event at least once; a batch that is delivered again comes to the
//! same ids, because an event's id is that of its stream record.
//!
//! **In order.** The records of a shard are settled one after the other. The first that is not is reported, and Lambda comes again from
//! there; everything behind it waits. A bus that is away or forbids us therefore holds the stream up, and nothing is lost.
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>
//!
//! **A record that cannot be read** will not be readable at the next try either. To report it as failed would hold everybody else up until
//! the tries are used up, and Lambda would then give up the whole rest of its batch. So it is parked at once: its key, its place in the
//! stream and what is wrong, never what it says, go to the queue that is also the failure destination of the event source; then the
//! next record is served. Nothing but the event is lost: the people table holds the person. The same becomes of an event that the bus
//! refuses for what it says. Where even parking fails, the record is reported and comes again.
//!
//! **The event source** wants `ReportBatchItemFailures`, no bisection, a `MaximumRecordAgeInSeconds` of 82,800 (an hour before the stream
//! forgets), tries without end within it, the failure queue as its destination, and a function timeout of at least 60 seconds. A filter on
//! `{"dynamodb": {"Keys": {"sk": {"S": [{"prefix": "person#"}]}}}}` spares it the table's other items; without it they are passed over.
//!
//! Deliberately absent: tokens, Entra and Graph, and the permission to write any table.
//!
//! To tell of something else: a kind in `domain::event`, its images in `adapters::store::images`, its place in the schema, a story.

mod record;
pub mod settings;

use std::collections::HashMap;
use std::sync::Arc;

use adapters::bus::{Bus, Entry, Parked};
use adapters::clock::Clock;
use adapters::store::{Store, StoreError};
use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::event::{Detail, Origin, Telling, VERSION};
use domain::ids::ConnectionId;
use jiff::{SignedDuration, Timestamp};

use record::{Happened, Reading, Record};

/// The published schema of the events, as JSON Schema of draft 2020-12.
pub const SCHEMA: &str = include_str!("../person-events.schema.json");

/// Records settled between two looks at the clock.
const PORTION: usize = 50;
/// So long before the invocation's end no portion is begun: one call's deadline and a little. What is not begun is not sent twice.
const SPARE: SignedDuration = SignedDuration::from_secs(15);

/// What this function speaks to.
#[derive(Clone)]
pub struct Desk {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whose connection it is.
    pub store: Store,
    /// Where events go.
    pub bus: Arc<dyn Bus>,
    /// Whether events carry values.
    pub telling: Telling,
}

/// Publishes what a batch of stream records comes to, in order, until `until`. The answer names the first record that is to come again.
pub async fn publish(desk: &Desk, batch: Event, until: Timestamp) -> DynamoDbEventResponse {
    let now = desk.clock.now();
    let records: Vec<Record> = batch.records.into_iter().map(|record| Record::read(record, now)).collect();
    let mut origins = Origins::default();
    let mut response = DynamoDbEventResponse::default();
    for portion in records.chunks(PORTION) {
        let settled = match desk.clock.now() + SPARE < until {
            true => settle(desk, &mut origins, portion).await,
            false => 0,
        };
        if let Some(left) = portion.get(settled) {
            tracing::warn!(sequence_number = left.sequence_number, "the stream waits here");
            // An empty number would tell Lambda that the whole batch failed, which is then as good.
            response.batch_item_failures.push(failure(&left.sequence_number));
            break;
        }
    }
    response
}

fn failure(sequence_number: &str) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number.to_owned());
    failure
}

/// Publishes and parks a portion; returns how many of its first records are settled.
async fn settle(desk: &Desk, origins: &mut Origins, portion: &[Record]) -> usize {
    let (mut places, mut entries) = (Vec::new(), Vec::new());
    let mut parked: Vec<(usize, String)> = Vec::new();
    let mut end = portion.len();
    for (place, record) in portion.iter().enumerate() {
        match &record.reading {
            Reading::Nothing => {}
            Reading::Unreadable(why) => parked.push((place, why.clone())),
            Reading::Happened(happened) => match origins.of(&desk.store, &happened.connection).await {
                Ok(origin) => {
                    places.push(place);
                    entries.push(entry(record, happened, (origin, desk.telling)));
                }
                Err(error) => {
                    tracing::warn!(connection = %happened.connection, error = &error as &dyn std::error::Error, "whose it is cannot be read");
                    end = place;
                    break;
                }
            },
        }
    }
    let delivery = desk.bus.publish(&entries).await;
    if let Some(trouble) = &delivery.trouble {
        tracing::warn!(error = trouble as &dyn std::error::Error, "not everything was published");
    }
    let settled = places.get(delivery.settled).copied().unwrap_or(end);
    tracing::info!(records = settled, events = delivery.settled - delivery.refused.len(), "published");
    parked.extend(delivery.refused.into_iter().map(|refused| (places[refused.place], refused.why)));
    parked.retain(|(place, _)| *place < settled);
    parked.sort_unstable();
    for (place, why) in parked {
        if !park(desk, &portion[place], why).await {
            return place;
        }
    }
    settled
}

/// The event of one record. Values that would make it too large for any bus are left out of it.
fn entry(record: &Record, happened: &Happened, (origin, telling): (Origin, Telling)) -> Entry {
    let spoken = |telling: Telling| Entry {
        kind: happened.happening.kind(),
        time: happened.changed_at,
        detail: serde_json::json!(Detail {
            version: VERSION,
            id: record.id.clone(),
            origin: origin.clone(),
            person: happened.person,
            changed_at: happened.changed_at,
            present: happened.happening.present(telling),
        })
        .to_string(),
    };
    let full = spoken(telling);
    match full.is_too_large() {
        true => spoken(Telling::Names),
        false => full,
    }
}

/// Sets a record aside; returns whether that is done.
async fn park(desk: &Desk, record: &Record, why: String) -> bool {
    let Record { id, stream, sequence_number, key, .. } = record;
    tracing::error!(key, sequence_number, why, "nobody can be told of this change; it is parked");
    let parked = Parked { id: id.to_string(), stream: stream.clone(), sequence_number: sequence_number.clone(), key: key.clone(), why };
    match desk.bus.park(&parked).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "not parked either; the stream waits");
            false
        }
    }
}

/// Whose the connections of one batch are, each read once.
#[derive(Default)]
struct Origins(HashMap<ConnectionId, Origin>);

impl Origins {
    async fn of(&mut self, store: &Store, id: &ConnectionId) -> Result<Origin, StoreError> {
        if let Some(known) = self.0.get(id) {
            return Ok(known.clone());
        }
        let connection = store.connection(id).await?;
        let tenant = connection.as_ref().and_then(|connection| connection.body.tenant.as_ref()).map(|tenant| tenant.id);
        let origin = Origin { connection: id.clone(), customer: connection.map(|connection| connection.customer), tenant };
        self.0.insert(id.clone(), origin.clone());
        Ok(origin)
    }
}
