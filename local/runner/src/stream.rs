//! The stream of the people table, followed as Lambda follows it: batch by batch, from where it was settled last.
//!
//! The embedded engine records every write with the item before and after it, as DynamoDB does. Its records become the event type that
//! Lambda hands to `change-events`, and go to the same function.

mod engine_file;

use anyhow::{Context as _, Result, anyhow};
use aws_lambda_events::event::dynamodb::Event;
use change_events::Desk;
use dynoxide::Database;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use jiff::SignedDuration;
use serde_json::{Value, json};

pub use engine_file::tidy;

/// Records of one batch.
const BATCH: usize = 100;
/// What one batch may take.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(60);

/// Remembers up to where a stream was settled.
pub trait Bookmark {
    /// The sequence number of the last settled record; `None` before the first.
    fn place(&self) -> Option<String>;

    /// Moves on to this sequence number.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn put(&self, sequence_number: &str) -> Result<()>;
}

/// A table's stream.
#[derive(Clone)]
pub struct Stream {
    database: Database,
    table: String,
    arn: String,
}

impl Stream {
    /// The stream of a table, which must have one.
    ///
    /// # Errors
    /// When it has none.
    pub fn of(database: Database, table: &str) -> Result<Self> {
        let asked = ListStreamsRequest { table_name: Some(table.to_owned()), ..ListStreamsRequest::default() };
        let found = database.list_streams(asked).map_err(|error| anyhow!("{error}"))?.streams.pop();
        let arn = found.with_context(|| format!("table {table} has no stream"))?.stream_arn;
        Ok(Self { database, table: table.to_owned(), arn })
    }

    /// The next records after a place, as Lambda would hand them over. The engine stamps records by the system's clock; `ahead` is how far
    /// the product's is ahead of it.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn read(&self, place: Option<&str>, ahead: SignedDuration) -> Result<Event> {
        let failed = |error: dynoxide::DynoxideError| anyhow!("the stream of {} cannot be read: {error}", self.table);
        let kind = if place.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
        let asked = GetShardIteratorRequest {
            stream_arn: self.arn.clone(),
            // The engine keeps one shard for each table.
            shard_id: dynoxide::streams::shard_id(&self.table),
            shard_iterator_type: kind.to_owned(),
            sequence_number: place.map(str::to_owned),
        };
        let iterator = self.database.get_shard_iterator(asked).map_err(failed)?.shard_iterator.context("the stream has no iterator")?;
        let asked = GetRecordsRequest { shard_iterator: iterator, limit: Some(BATCH) };
        let mut records = Vec::new();
        for mut record in self.database.get_records(asked).map_err(failed)?.records {
            record.dynamodb.approximate_creation_date_time += ahead.as_secs_f64();
            let mut record = serde_json::to_value(record)?;
            record["eventSourceARN"] = Value::from(self.arn.as_str());
            records.push(record);
        }
        Ok(serde_json::from_value(json!({ "Records": records }))?)
    }

    /// Hands over everything that is not settled yet, and remembers how far that went. What the function reports as failed comes again with
    /// the next call. Returns how many records were settled.
    ///
    /// # Errors
    /// When the engine or the bookmark fails.
    pub async fn follow(&self, desk: &Desk, bookmark: &impl Bookmark, ahead: SignedDuration) -> Result<usize> {
        let mut count = 0;
        loop {
            let batch = self.read(bookmark.place().as_deref(), ahead)?;
            let numbers: Vec<String> = batch.records.iter().filter_map(|record| record.change.sequence_number.clone()).collect();
            if numbers.is_empty() {
                return Ok(count);
            }
            let answer = change_events::publish(desk, batch, desk.clock.now() + TIMEOUT).await;
            let failed = answer.batch_item_failures.first().map(|failure| failure.item_identifier.clone().unwrap_or_default());
            let settled = match &failed {
                None => numbers.len(),
                Some(failed) => numbers.iter().position(|number| number == failed).unwrap_or_default(),
            };
            if let Some(last) = settled.checked_sub(1) {
                bookmark.put(&numbers[last])?;
                count += settled;
            }
            if failed.is_some() {
                return Ok(count);
            }
        }
    }
}
