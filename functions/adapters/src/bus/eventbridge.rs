//! Events on Amazon EventBridge; what cannot be told in an SQS queue.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};

use super::{BYTES_MAX, Bus, BusError, Delivery, Entry, Parked, Refused, SOURCE};
use crate::entropy::Entropy;

/// The most entries of one request.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
const ENTRIES_MAX: usize = 10;
/// How often an entry is sent that EventBridge did not take. The client retries requests that fail as a whole by itself.
const TRIES_MAX: u32 = 4;
/// The wait before the first repetition; it doubles, and half of it is chance: 1.4 s at most in all.
const WAIT: Duration = Duration::from_millis(200);

/// [`Bus`] on Amazon EventBridge.
#[derive(Clone)]
pub struct EventBridgeBus {
    client: aws_sdk_eventbridge::Client,
    bus: String,
    failures: Failures,
    entropy: Arc<dyn Entropy>,
}

/// The queue in which rests what cannot be told.
#[derive(Debug, Clone)]
pub struct Failures {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Failures {
    /// A queue by its URL.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }
}

/// What became of one entry.
enum Fate {
    Taken,
    /// The entry itself is at fault.
    Refused(String),
    /// Not its own fault: throttled, failed inside, or forbidden until somebody changes the configuration.
    Left(String),
}

impl EventBridgeBus {
    /// A bus by its name or ARN.
    #[must_use]
    pub fn new(client: aws_sdk_eventbridge::Client, bus: String, failures: Failures, entropy: Arc<dyn Entropy>) -> Self {
        Self { client, bus, failures, entropy }
    }

    /// Sends the entries of one request until each is settled or the tries are used up. EventBridge answers for each entry; only those
    /// that it did not take are sent again.
    /// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>
    async fn settle(&self, entries: &[Entry], batch: Range<usize>, delivery: &mut Delivery) -> Result<(), BusError> {
        let mut left: Vec<usize> = batch.clone().collect();
        let mut why = String::new();
        for attempt in 0..TRIES_MAX {
            self.pause(attempt).await;
            delivery.settled = left[0];
            let fates = self.send(entries, &left).await?;
            let mut again = Vec::new();
            for (place, fate) in left.into_iter().zip(fates) {
                match fate {
                    Fate::Taken => {}
                    Fate::Refused(why) => delivery.refused.push(Refused { place, why }),
                    Fate::Left(because) => {
                        why = because;
                        again.push(place);
                    }
                }
            }
            if again.is_empty() {
                delivery.settled = batch.end;
                return Ok(());
            }
            left = again;
        }
        delivery.settled = left[0];
        Err(BusError::new(format!("publish {} of {} events to {}", left.len(), batch.len(), self.bus), why))
    }

    /// The fate of each of these entries, in their order.
    async fn send(&self, entries: &[Entry], places: &[usize]) -> Result<Vec<Fate>, BusError> {
        let entry = |place: &usize| {
            let Entry { kind, time, detail } = &entries[*place];
            let entry = PutEventsRequestEntry::builder().source(SOURCE).detail_type(*kind).detail(detail);
            entry.time(DateTime::from_millis(time.as_millisecond())).event_bus_name(&self.bus).build()
        };
        let request = self.client.put_events().set_entries(Some(places.iter().map(entry).collect()));
        let answer = request.send().await;
        let answer = answer.map_err(|error| BusError::new(format!("publish {} events to {}", places.len(), self.bus), error))?;
        let mut fates: Vec<Fate> = answer.entries.unwrap_or_default().iter().map(fate).collect();
        fates.resize_with(places.len(), || Fate::Left("EventBridge did not say what became of it".to_owned()));
        Ok(fates)
    }

    async fn pause(&self, attempt: u32) {
        if attempt > 0 {
            let mut chance = [0];
            self.entropy.fill(&mut chance);
            let whole = WAIT * 2_u32.pow(attempt - 1);
            tokio::time::sleep(whole / 2 + whole / 2 * u32::from(chance[0]) / 256).await;
        }
    }
}

/// Source of the codes: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
fn fate(result: &PutEventsResultEntry) -> Fate {
    let said = |code: &str| format!("{code}: {}", result.error_message().unwrap_or_default());
    match result.error_code() {
        None if result.event_id().is_some() => Fate::Taken,
        None => Fate::Left("EventBridge gave it no id".to_owned()),
        Some(code @ ("InvalidArgument" | "MalformedDetail")) => Fate::Refused(said(code)),
        Some(code) => Fate::Left(said(code)),
    }
}

/// Cuts entries into requests, as large as EventBridge takes them. An entry that is too large stands alone.
fn batches(entries: &[Entry]) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (place, entry) in entries.iter().enumerate() {
        match batches.last_mut() {
            Some(batch) if batch.len() < ENTRIES_MAX && bytes + entry.bytes() <= BYTES_MAX => {
                batch.end = place + 1;
                bytes += entry.bytes();
            }
            _ => {
                batches.push(place..place + 1);
                bytes = entry.bytes();
            }
        }
    }
    batches
}

#[async_trait]
impl Bus for EventBridgeBus {
    async fn publish(&self, entries: &[Entry]) -> Delivery {
        let mut delivery = Delivery::default();
        for batch in batches(entries) {
            if entries[batch.start].is_too_large() {
                let why = format!("{} bytes are more than the {BYTES_MAX} that EventBridge takes", entries[batch.start].bytes());
                delivery.refused.push(Refused { place: batch.start, why });
                delivery.settled = batch.end;
                continue;
            }
            if let Err(trouble) = self.settle(entries, batch, &mut delivery).await {
                delivery.trouble = Some(trouble);
                break;
            }
        }
        // Who was refused behind the first that is left comes again with it.
        let settled = delivery.settled;
        delivery.refused.retain(|refused| refused.place < settled);
        delivery
    }

    async fn park(&self, parked: &Parked) -> Result<(), BusError> {
        let what = || format!("park {} of {}", parked.sequence_number, parked.stream);
        let body = serde_json::to_string(parked).map_err(|error| BusError::new(what(), error))?;
        let request = self.failures.client.send_message().queue_url(&self.failures.url).message_body(body);
        request.send().await.map_err(|error| BusError::new(what(), error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn entry(bytes: usize) -> Entry {
        let empty = Entry { kind: "person.changed", time: Timestamp::UNIX_EPOCH, detail: String::new() };
        let detail = "x".repeat(bytes - empty.bytes());
        Entry { detail, ..empty }
    }

    #[test]
    fn a_request_holds_ten_entries_and_no_more_bytes_than_are_taken() {
        let small: Vec<Entry> = (0..23).map(|_| entry(1_000)).collect();
        assert_eq!(batches(&small), [0..10, 10..20, 20..23]);
        let large: Vec<Entry> = [BYTES_MAX / 2, BYTES_MAX / 2, 1_000, BYTES_MAX, BYTES_MAX + 1, 1_000].map(entry).to_vec();
        assert_eq!(batches(&large), [0..2, 2..3, 3..4, 4..5, 5..6]);
        assert_eq!(large.iter().map(Entry::is_too_large).collect::<Vec<_>>(), [false, false, false, false, true, false]);
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn only_what_is_wrong_with_the_entry_itself_is_final() {
        let result = |code: &str| PutEventsResultEntry::builder().error_code(code).build();
        for code in ["InvalidArgument", "MalformedDetail"] {
            assert!(matches!(fate(&result(code)), Fate::Refused(_)), "{code}");
        }
        for code in ["ThrottlingException", "InternalFailure", "AccessDeniedException", "NotAuthorizedForSourceException", "Unheard"] {
            assert!(matches!(fate(&result(code)), Fate::Left(_)), "{code}");
        }
        assert!(matches!(fate(&PutEventsResultEntry::builder().event_id("1").build()), Fate::Taken));
        assert!(matches!(fate(&PutEventsResultEntry::builder().build()), Fate::Left(_)));
    }
}
