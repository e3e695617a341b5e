//! The right to change one item, for a while.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ids::ConnectionId;
use jiff::Timestamp;

use super::item::{Item, number, text, time};
use super::{Store, StoreError, connection_key, failed};

/// The right to change one item, until somebody takes it over. Every write under it is conditional on `fence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub(super) pk: String,
    pub(super) sk: &'static str,
    /// Rises each time somebody takes the item; unique for the item.
    pub fence: u64,
    /// Until when nobody else takes it. The holder stops before.
    pub until: Timestamp,
}

/// When a lease may be taken.
pub(super) enum Terms {
    /// When nobody holds it and its work is due.
    Due,
    /// When nobody holds it.
    Free,
    /// Always: whoever holds it is overtaken.
    Seize,
}

impl Store {
    /// Takes the lease of an item, and reads the item in the same write. `None` when the terms are not met.
    pub(super) async fn take(
        &self,
        key: (String, &'static str),
        terms: Terms,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<(Item, Lease)>, StoreError> {
        let (pk, sk) = key;
        let condition = match terms {
            Terms::Due => "attribute_exists(pk) AND work_at <= :now AND lease_until < :now",
            Terms::Free => "attribute_exists(pk) AND lease_until < :now",
            Terms::Seize => "attribute_exists(pk)",
        };
        let mut request = self.client.update_item().table_name(&self.connections).key("pk", text(&pk)).key("sk", text(sk));
        request = request
            .update_expression("SET lease_until = :until ADD fence :one")
            .condition_expression(condition)
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        if !matches!(terms, Terms::Seize) {
            request = request.expression_attribute_values(":now", time(now));
        }
        let what = format!("take the lease of {pk}/{sk}");
        match request.send().await.map_err(|error| failed(what.clone(), error)) {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                let fence = super::item::Reader::open(&item)?.number("fence")?;
                Ok(Some((item, Lease { pk, sk, fence, until })))
            }
            Err(StoreError::Overtaken { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends the leases of a connection and of its walk, for whoever knows that their holders are dead. What a holder that is not would
    /// still write fails its condition.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_leases(&self, id: &ConnectionId) -> Result<(), StoreError> {
        for sk in ["connection", "walk"] {
            self.take((connection_key(id), sk), Terms::Seize, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).await?;
        }
        Ok(())
    }

    /// The update that writes `body` and the next work under a lease, and ends it (or keeps it, where `keeps`).
    pub(super) fn under(
        &self,
        lease: &Lease,
        body: AttributeValue,
        work: Option<(String, Timestamp)>,
        end: LeaseEnd,
    ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        let until = match end {
            LeaseEnd::Release => Timestamp::UNIX_EPOCH,
            LeaseEnd::Keep => lease.until,
        };
        let expression = match work {
            Some(_) => "SET body = :body, lease_until = :until, #work = :work, work_at = :work_at",
            None => "SET body = :body, lease_until = :until REMOVE #work, work_at",
        };
        let mut update = aws_sdk_dynamodb::types::Update::builder()
            .table_name(&self.connections)
            .key("pk", text(&lease.pk))
            .key("sk", text(lease.sk))
            .update_expression(expression)
            .condition_expression("fence = :fence")
            .expression_attribute_names("#work", "work")
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":body", body)
            .expression_attribute_values(":until", time(until));
        if let Some((work, at)) = work {
            update = update.expression_attribute_values(":work", text(work)).expression_attribute_values(":work_at", time(at));
        }
        update
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

/// What becomes of the lease with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaseEnd {
    /// It ends.
    Release,
    /// It goes on.
    Keep,
}
