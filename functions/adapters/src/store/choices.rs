//! What each connection chose to sync: two attributes of its walk's item, `choice` and `choice_version`, which only this file writes.
//!
//! They are beside the walk and not in its `body`, because that belongs to whoever holds the walk's lease, and a choice waits for nobody.
//! A choice may come before the first consent; then it waits in the item for the walk. Without the attributes the default holds.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::attribute::Choice;
use domain::ids::ConnectionId;
use jiff::Timestamp;

use super::item::{Item, Reader, VERSION, json, number, text, time};
use super::{Store, StoreError, connection_key, failed, walks};

/// A choice, and how often somebody chose before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChoice {
    /// What to sync.
    pub choice: Choice,
    /// Rises with each choice; 0 while nobody chose.
    pub version: u64,
}

/// Which choice may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaces {
    /// Whichever is there.
    Any,
    /// The one of this version, which the caller saw.
    Version(u64),
}

/// What becomes of the walk with a choice.
#[derive(Debug, Clone, Copy)]
enum Beside {
    /// It is due at this time.
    Walk(Timestamp),
    /// There is none yet.
    Nothing,
}

/// How a write ended.
enum Written {
    /// The choice has this version.
    As(u64),
    /// The condition was not met by this item.
    Not(Item),
}

impl Store {
    /// Reads what a connection chose.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_choice(&self, id: &ConnectionId) -> Result<StoredChoice, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(connection_key(id)));
        let request = request.key("sk", text(walks::SK)).projection_expression("pk, sk, v, choice, choice_version").consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(format!("read the choice of {id}"), error))?;
        answer.item.map_or_else(|| Ok(nobodys()), |item| read(&item))
    }

    /// Keeps what a connection chose, and makes its walk due, if there is one; returns the choice's version.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when the choice is not the one that may be replaced.
    pub async fn put_choice(&self, id: &ConnectionId, choice: &Choice, replaces: Replaces, now: Timestamp) -> Result<u64, StoreError> {
        // There mostly is a walk; between the two writes one may be created, so the first is tried once more.
        for beside in [Beside::Walk(now), Beside::Nothing, Beside::Walk(now)] {
            let met = match self.write_choice(id, choice, (replaces, beside)).await? {
                Written::As(version) => return Ok(version),
                Written::Not(item) => item,
            };
            let there = if met.is_empty() { nobodys() } else { read(&met)? };
            match replaces {
                // The first answer was lost, and the SDK asked again.
                Replaces::Version(seen) if there.version == seen.saturating_add(1) && there.choice == *choice => return Ok(there.version),
                Replaces::Version(seen) if there.version != seen => break,
                Replaces::Version(_) | Replaces::Any => {}
            }
        }
        Err(StoreError::Overtaken { what: format!("change the choice of {id}") })
    }

    async fn write_choice(
        &self,
        id: &ConnectionId,
        choice: &Choice,
        (replaces, beside): (Replaces, Beside),
    ) -> Result<Written, StoreError> {
        let mut request =
            self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(walks::SK));
        let (set, is_there) = match beside {
            Beside::Walk(_) => ("SET choice = :choice, #work = :work, work_at = :now ADD choice_version :one", "attribute_exists(body)"),
            Beside::Nothing => ("SET choice = :choice, v = :v ADD choice_version :one", "attribute_not_exists(body)"),
        };
        request = match beside {
            Beside::Walk(now) => request
                .expression_attribute_names("#work", "work")
                .expression_attribute_values(":work", text(walks::work(id)))
                .expression_attribute_values(":now", time(now)),
            Beside::Nothing => request.expression_attribute_values(":v", number(VERSION)),
        };
        let is_seen = match replaces {
            Replaces::Any => "",
            Replaces::Version(0) => " AND attribute_not_exists(choice_version)",
            Replaces::Version(_) => " AND choice_version = :seen",
        };
        if let Replaces::Version(seen @ 1..) = replaces {
            request = request.expression_attribute_values(":seen", number(seen));
        }
        request = request
            .update_expression(set)
            .condition_expression(format!("{is_there}{is_seen}"))
            .expression_attribute_values(":choice", json(choice)?)
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(answer) => Ok(Written::As(Reader::open(&answer.attributes.unwrap_or_default())?.number("choice_version")?)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Not(refused.item().cloned().unwrap_or_default()))
                }
                _ => Err(failed(format!("change the choice of {id}"), error)),
            },
        }
    }
}

fn nobodys() -> StoredChoice {
    StoredChoice { choice: Choice::default(), version: 0 }
}

fn read(item: &Item) -> Result<StoredChoice, StoreError> {
    let reader = Reader::open(item)?;
    match reader.maybe_number("choice_version")? {
        Some(version) => Ok(StoredChoice { choice: reader.json("choice")?, version }),
        None => Ok(nobodys()),
    }
}
