//! What one record of the stream says.

use std::collections::HashMap;

use adapters::store::StoreError;
use adapters::store::images::{self, Shown};
use aws_lambda_events::event::dynamodb::{EventRecord, StreamRecord};
use domain::event::{EventId, Happening, happening};
use domain::ids::{ConnectionId, ObjectId};
use jiff::Timestamp;

/// A record, read.
pub(crate) struct Record {
    /// The id of its event.
    pub(crate) id: EventId,
    /// Where it came from.
    pub(crate) stream: String,
    /// Its place in its shard.
    pub(crate) sequence_number: String,
    /// The key of the item.
    pub(crate) key: String,
    pub(crate) reading: Reading,
}

/// What a record says.
pub(crate) enum Reading {
    /// Nothing that anybody has to be told.
    Nothing,
    Happened(Happened),
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// What happened to a person.
pub(crate) struct Happened {
    pub(crate) connection: ConnectionId,
    pub(crate) person: ObjectId,
    pub(crate) happening: Happening,
    pub(crate) changed_at: Timestamp,
}

impl Record {
    /// Reads a record that came `now`.
    pub(crate) fn read(record: EventRecord, now: Timestamp) -> Self {
        let EventRecord { event_id, event_name, event_source_arn, change, .. } = record;
        let recorded_at = recorded_at(&change).unwrap_or(now);
        let StreamRecord { keys, old_image, new_image, sequence_number, .. } = change;
        let [keys, old, new]: [Shown; 3] = [keys, old_image, new_image].map(HashMap::from);
        let reading = match read(&event_name, &keys, (shown(&old), shown(&new)), recorded_at) {
            Ok(Some(happened)) => Reading::Happened(happened),
            Ok(None) => Reading::Nothing,
            Err(why) => Reading::Unreadable(why),
        };
        Self {
            id: EventId::of_record(&event_id),
            stream: event_source_arn.unwrap_or_default(),
            sequence_number: sequence_number.unwrap_or_default(),
            key: key(&keys),
            reading,
        }
    }
}

/// An image that is not there comes as an empty one.
fn shown(image: &Shown) -> Option<&Shown> {
    Some(image).filter(|image| !image.is_empty())
}

fn read(
    event_name: &str,
    keys: &Shown,
    (old, new): (Option<&Shown>, Option<&Shown>),
    recorded_at: Timestamp,
) -> Result<Option<Happened>, String> {
    let written = images::written(keys, old, new).map_err(|error| match error {
        StoreError::Unreadable { attribute, .. } => attribute,
        other => other.to_string(),
    })?;
    let Some(written) = written else {
        return Ok(None);
    };
    let expected = match event_name {
        "INSERT" => (false, true),
        "MODIFY" => (true, true),
        "REMOVE" => (true, false),
        other => return Err(format!("eventName must be INSERT, MODIFY or REMOVE, not {other:?}")),
    };
    if (old.is_some(), new.is_some()) != expected {
        return Err(format!("the stream does not show both images of this {event_name}: its view type must be NEW_AND_OLD_IMAGES"));
    }
    let happening = happening(written.old.as_ref(), written.new.as_ref());
    // A person who is written carries the time of it; one who is deleted carries only that of the write before.
    let changed_at = written.changed_at.unwrap_or(recorded_at);
    Ok(happening.map(|happening| Happened { connection: written.connection, person: written.person, happening, changed_at }))
}

/// When DynamoDB recorded the change, to the second. Not every record says it, and then it reads as 1970.
/// Source: <https://github.com/aws/aws-lambda-rust-runtime/issues/889>
fn recorded_at(change: &StreamRecord) -> Option<Timestamp> {
    let milliseconds = change.approximate_creation_date_time.timestamp_millis();
    Timestamp::from_millisecond(milliseconds).ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
}

fn key(keys: &Shown) -> String {
    let part = |name: &str| keys.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).unwrap_or_default();
    format!("{}/{}", part("pk"), part("sk"))
}
