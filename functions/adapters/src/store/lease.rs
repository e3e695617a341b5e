//! The right to change one item, for a while.

use std::borrow::Cow;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::ids::ConnectionId;
use jiff::{SignedDuration, Timestamp};

use super::item::{Item, Reader, VERSION, bytes, number, text, time};
use super::notices::Notice;
use super::pauses::PAUSED;
use super::{Store, StoreError, connection_key, failed};

/// The right to change one item, until somebody takes it over. Every write under it is conditional on `fence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub(super) pk: String,
    pub(super) sk: Cow<'static, str>,
    /// Rises each time somebody takes the item; unique for the item.
    pub fence: u64,
    /// Until when nobody else takes it. The holder stops before.
    pub until: Timestamp,
}

/// Who takes a lease, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// 16 random bytes, by which a holder whose answer was lost knows that the lease is its own.
    pub nonce: [u8; 16],
    /// Until when nobody else takes it: at least as long as the holder may live.
    pub until: Timestamp,
}

/// When a lease may be taken.
pub(super) enum Terms {
    /// When nobody holds it, its work is due, and nobody took it since the item was read with this fence.
    DueAsRead {
        /// The fence that was read.
        fence: u64,
    },
    /// When nobody holds it.
    Free,
    /// When nobody holds it, or ever did, and its work is due.
    Due,
    /// Always: whoever holds it is overtaken.
    Seize,
}

impl Store {
    /// Takes the lease of an item, and reads the item in the same write. `None` when the terms are not met. An item of a newer release is
    /// left as it is: nothing is changed that cannot be read.
    pub(super) async fn take(
        &self,
        (pk, sk): (String, impl Into<Cow<'static, str>>),
        terms: Terms,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Option<(Item, Lease)>, StoreError> {
        let condition = match terms {
            Terms::DueAsRead { .. } => "fence = :fence AND work_at <= :now AND lease_until < :now AND attribute_not_exists(paused_since)",
            Terms::Free => "attribute_exists(pk) AND lease_until < :now AND attribute_not_exists(paused_since)",
            Terms::Due => "work_at <= :now AND (attribute_not_exists(lease_until) OR lease_until < :now)",
            Terms::Seize => "attribute_exists(pk)",
        };
        let nonce = bytes(holder.nonce.to_vec());
        let sk: Cow<'static, str> = sk.into();
        let mut request = self.client.update_item().table_name(&self.connections).key("pk", text(&pk)).key("sk", text(sk.clone()));
        request = request
            .update_expression("SET lease_until = :until, holder = :holder ADD fence :one")
            .condition_expression(format!("{condition} AND v <= :version"))
            .expression_attribute_values(":version", number(VERSION))
            .expression_attribute_values(":until", time(holder.until))
            .expression_attribute_values(":holder", nonce.clone())
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if !matches!(terms, Terms::Seize) {
            request = request.expression_attribute_values(":now", time(now));
        }
        if let Terms::DueAsRead { fence } = terms {
            request = request.expression_attribute_values(":fence", number(fence));
        }
        let what = format!("take the lease of {pk}/{sk}");
        let item = match request.send().await {
            Ok(answer) => answer.attributes,
            // Ours after all: the first answer was lost, and the SDK asked again.
            Err(error) => match winner(&error) {
                Some(item) if item.get("holder") == Some(&nonce) => Some(item.clone()),
                // Somebody asked for it all the same; it must not stay in the way of what is due.
                Some(item) if item.contains_key(PAUSED) => {
                    self.take_out(&pk, &sk).await?;
                    return Ok(None);
                }
                found => {
                    if let Some(item) = found.filter(|item| !item.is_empty()) {
                        Reader::open(item)?;
                    }
                    match failed(what, error) {
                        StoreError::Overtaken { .. } => return Ok(None),
                        error => return Err(error),
                    }
                }
            },
        };
        let item = item.unwrap_or_default();
        let fence = Reader::open(&item)?.number("fence")?;
        Ok(Some((item, Lease { pk, sk, fence, until: holder.until })))
    }

    /// Ends the leases of a connection, of its walk and of its tour over photos, for whoever knows that their holders are dead. What a holder that is not would
    /// still write fails its condition.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_leases(&self, id: &ConnectionId) -> Result<(), StoreError> {
        for sk in ["connection", "walk", "photos"] {
            let nobody = Holder { nonce: [0; 16], until: Timestamp::UNIX_EPOCH + SignedDuration::from_millis(1) };
            self.take((connection_key(id), sk), Terms::Seize, nobody, Timestamp::UNIX_EPOCH).await?;
        }
        Ok(())
    }

    /// The update that writes `body` and the next work under a lease, and ends it or keeps it.
    ///
    /// A note that keeps the lease asks besides that no later one was written: the client gives a request up after seconds and sends it
    /// again, and the first one may still arrive when the holder has gone on under the same fence, or has ended. Each note lasts longer
    /// than the one before, and one that ends the lease leaves nothing to keep.
    pub(super) fn under(&self, lease: &Lease, body: AttributeValue, work: Option<(String, Timestamp)>, end: LeaseEnd) -> UpdateBuilder {
        let until = match end {
            LeaseEnd::Release => Timestamp::UNIX_EPOCH,
            LeaseEnd::Keep => lease.until,
        };
        let expression = match work {
            Some(_) => "SET body = :body, lease_until = :until, #work = :work, work_at = :work_at",
            None => "SET body = :body, lease_until = :until REMOVE #work, work_at",
        };
        let condition = match end {
            LeaseEnd::Release => "fence = :fence",
            LeaseEnd::Keep => "fence = :fence AND lease_until BETWEEN :held AND :until",
        };
        let mut update = aws_sdk_dynamodb::types::Update::builder()
            .table_name(&self.connections)
            .key("pk", text(&lease.pk))
            .key("sk", text(lease.sk.clone()))
            .update_expression(expression)
            .condition_expression(condition)
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":body", body)
            .expression_attribute_values(":until", time(until));
        if end == LeaseEnd::Keep {
            update = update.expression_attribute_values(":held", number(1));
        }
        if let Some((work, at)) = work {
            update = update.expression_attribute_values(":work", text(work)).expression_attribute_values(":work_at", time(at));
        }
        update
    }

    /// Carries out one update, and writes the notices owed with it, in one write.
    pub(super) async fn update_and_tell(&self, update: UpdateBuilder, notices: &[Notice], what: String) -> Result<(), StoreError> {
        let unbuilt = |error: BuildError| StoreError::Unavailable { what: what.clone(), source: error.into() };
        let update = update.build().map_err(unbuilt)?;
        if notices.is_empty() {
            return self.update(update, what).await;
        }
        let mut request = self.client.transact_write_items().transact_items(TransactWriteItem::builder().update(update).build());
        for notice in notices {
            let put = Put::builder().table_name(&self.connections).set_item(Some(notice.item()?)).build().map_err(unbuilt)?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        request.send().await.map_err(|error| failed(what, error))?;
        Ok(())
    }

    /// Carries out one update alone.
    ///
    /// A write whose answer was lost is sent again by the SDK and then fails its own condition only if somebody else took the lease
    /// in between; while the fence is still ours, writing the same body twice is writing it once.
    pub(super) async fn update(&self, update: aws_sdk_dynamodb::types::Update, what: String) -> Result<(), StoreError> {
        let mut request = self.client.update_item().table_name(update.table_name).set_key(Some(update.key));
        request = request.update_expression(update.update_expression).set_condition_expression(update.condition_expression);
        request = request
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values);
        request.send().await.map_err(|error| failed(what, error))?;
        Ok(())
    }
}

/// The item that a failed condition met.
fn winner(error: &SdkError<UpdateItemError>) -> Option<&Item> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(refused) => refused.item(),
        _ => None,
    }
}

/// What becomes of the lease with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseEnd {
    /// It ends.
    Release,
    /// It goes on.
    Keep,
}
