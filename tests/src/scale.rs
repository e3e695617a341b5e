//! What a client's requests cost at DynamoDB: which were sent, and the capacity that each used, as the engine tells it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation as op;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use serde::{Deserialize, Serialize};

/// What one kind of request came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// Requests, those that were sent again included.
    pub calls: f64,
    /// Read units.
    pub reads: f64,
    /// Write units, those of the indexes included.
    pub writes: f64,
    /// Of the write units, those of the index `by-work`.
    pub by_work: f64,
    /// Of the write units, those of the index `by-customer`.
    pub by_customer: f64,
}

/// What requests came to, by what they are for.
pub type Uses = BTreeMap<String, Use>;

/// An interceptor that asks for the capacity used, and adds it up.
#[derive(Debug, Clone, Default)]
pub struct Scale(Arc<Mutex<Uses>>);

impl Use {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            by_work: self.by_work + other.by_work,
            by_customer: self.by_customer + other.by_customer,
        }
    }

    /// A share of it.
    #[must_use]
    pub fn over(self, count: f64) -> Self {
        let Self { calls, reads, writes, by_work, by_customer } = self;
        Self {
            calls: calls / count,
            reads: reads / count,
            writes: writes / count,
            by_work: by_work / count,
            by_customer: by_customer / count,
        }
    }
}

impl Scale {
    /// What was added up since this was last asked.
    ///
    /// # Panics
    /// Never: nobody panics at the scale.
    #[must_use]
    pub fn take(&self) -> Uses {
        std::mem::take(&mut *self.0.lock().expect("nobody panics at the scale"))
    }

    fn add(&self, Purpose(purpose): Purpose, more: Use) {
        let mut uses = self.0.lock().expect("nobody panics at the scale");
        let sum = uses.entry(purpose.to_owned()).or_default();
        *sum = sum.plus(more);
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy)]
struct Purpose(&'static str);

impl Storable for Purpose {
    type Storer = StoreReplace<Self>;
}

impl Purpose {
    /// As the request's text tells. The operation stands in `x-amz-target`.
    /// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>
    fn of(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let has = |part: &str| body.contains(part);
        Self(match target.rsplit('.').next().unwrap_or_default() {
            "UpdateItem" if has("holder = :holder") => "take",
            "UpdateItem" if has("SET body = :body, lease_until") => "settle",
            "UpdateItem" if has("ADD #count") => "count",
            "TransactWriteItems" => "settle and tell",
            "PutItem" if has("\"grant#") => "put tokens",
            "BatchGetItem" | "GetItem" | "Query" if has("incident") => "read incidents",
            "BatchGetItem" if has("\"grant#") => "read tokens",
            "BatchGetItem" => "read connections",
            "Query" if has("by-work") => "search",
            "Query" if has("fleet#") => "read counts",
            "Query" => "read all tokens",
            _ => "other",
        })
    }
}

fn used(told: &ConsumedCapacity) -> (f64, f64, f64) {
    let index = |name: &str| told.global_secondary_indexes().and_then(|indexes| indexes.get(name)?.capacity_units()).unwrap_or_default();
    (told.capacity_units().unwrap_or_default(), index("by-work"), index("by-customer"))
}

fn read(told: &[ConsumedCapacity]) -> Use {
    Use { reads: told.iter().map(|told| used(told).0).sum(), ..Use::default() }
}

fn written(told: &[ConsumedCapacity]) -> Use {
    told.iter()
        .map(used)
        .fold(Use::default(), |sum, (writes, by_work, by_customer)| sum.plus(Use { writes, by_work, by_customer, ..Use::default() }))
}

impl Intercept for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        let wish = Some(ReturnConsumedCapacity::Indexes);
        if let Some(input) = input.downcast_mut::<op::get_item::GetItemInput>() {
            input.return_consumed_capacity = wish;
        } else if let Some(input) = input.downcast_mut::<op::query::QueryInput>() {
            input.return_consumed_capacity = wish;
        } else if let Some(input) = input.downcast_mut::<op::batch_get_item::BatchGetItemInput>() {
            input.return_consumed_capacity = wish;
        } else if let Some(input) = input.downcast_mut::<op::update_item::UpdateItemInput>() {
            input.return_consumed_capacity = wish;
        } else if let Some(input) = input.downcast_mut::<op::put_item::PutItemInput>() {
            input.return_consumed_capacity = wish;
        } else if let Some(input) = input.downcast_mut::<op::transact_write_items::TransactWriteItemsInput>() {
            input.return_consumed_capacity = wish;
        } else {
            return Err("a request was sent that the scale does not know: add it".into());
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let purpose = Purpose::of(context.request());
        self.add(purpose, Use { calls: 1.0, ..Use::default() });
        state.interceptor_state().store_put(purpose);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        let more = if let Some(output) = output.downcast_ref::<op::get_item::GetItemOutput>() {
            read(output.consumed_capacity.as_slice())
        } else if let Some(output) = output.downcast_ref::<op::batch_get_item::BatchGetItemOutput>() {
            read(output.consumed_capacity())
        } else if let Some(output) = output.downcast_ref::<op::query::QueryOutput>() {
            read(output.consumed_capacity.as_slice())
        } else if let Some(output) = output.downcast_ref::<op::update_item::UpdateItemOutput>() {
            written(output.consumed_capacity.as_slice())
        } else if let Some(output) = output.downcast_ref::<op::put_item::PutItemOutput>() {
            written(output.consumed_capacity.as_slice())
        } else if let Some(output) = output.downcast_ref::<op::transact_write_items::TransactWriteItemsOutput>() {
            written(output.consumed_capacity())
        } else {
            Use::default()
        };
        let purpose = state.load::<Purpose>().copied().ok_or("a request was answered that was not sent")?;
        self.add(purpose, more);
        Ok(())
    }
}
