//! What one check costs at DynamoDB, measured on real checks: the embedded engine tells the capacity that each request used.

use std::sync::{Arc, Mutex};

use adapters::settings::Aws;
use adapters::store::Store;
use anyhow::{Result, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation as op;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use system_tests::World;
use system_tests::engine::{CONNECTIONS, PEOPLE};

/// After so many checks every slot for tokens is filled, and a check costs what it costs from then on.
const WARM_UP: u32 = 4;
/// Checks that are measured.
const MEASURED: u32 = 8;

/// Capacity units of one check of a healthy connection, the search for what is due left out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Read units.
    pub(crate) reads: f64,
    /// Write units, those of the indexes included.
    pub(crate) writes: f64,
    /// Of the write units, those of the indexes.
    pub(crate) index_writes: f64,
}

/// Checks one connection several times in a world of its own.
pub(crate) async fn measure() -> Result<Cost> {
    let mut world = World::new().await;
    let id = world.connect().await;
    let scale = Scale::default();
    let config = Aws::stand_in(&world.engine.endpoint).dynamodb().to_builder().interceptor(scale.clone()).build();
    world.ports.store = Store::new(Client::from_conf(config), CONNECTIONS.to_owned(), PEOPLE.to_owned());
    for _ in 0..WARM_UP {
        ensure!(world.check(&id).await == "healthy", "the connection that is measured is well");
    }
    scale.reset();
    for _ in 0..MEASURED {
        ensure!(world.check(&id).await == "healthy", "the connection that is measured is well");
    }
    let Cost { reads, writes, index_writes } = scale.shows();
    let each = f64::from(MEASURED);
    // Reads by `World` itself go through another client.
    Ok(Cost { reads: reads / each, writes: writes / each, index_writes: index_writes / each })
}

/// Adds up what each request used.
#[derive(Debug, Clone, Default)]
struct Scale(Arc<Mutex<Cost>>);

impl Scale {
    fn reset(&self) {
        self.change(|cost| *cost = Cost::default());
    }

    fn shows(&self) -> Cost {
        *self.0.lock().expect("nobody panics at the scale")
    }

    fn change(&self, change: impl FnOnce(&mut Cost)) {
        change(&mut self.0.lock().expect("nobody panics at the scale"));
    }

    /// What an index told is left out: that is the search for due work, whose cost is shared by all that it finds.
    fn read(&self, used: &[ConsumedCapacity]) {
        let tables = used.iter().filter_map(ConsumedCapacity::table).filter_map(|table| table.capacity_units());
        let reads: f64 = tables.sum();
        self.change(|cost| cost.reads += reads);
    }

    fn written(&self, used: &[ConsumedCapacity]) {
        let indexes = used.iter().filter_map(ConsumedCapacity::global_secondary_indexes).flat_map(|indexes| indexes.values());
        let index_writes = indexes.filter_map(|index| index.capacity_units()).sum::<f64>();
        self.change(|cost| {
            cost.writes += used.iter().filter_map(ConsumedCapacity::capacity_units).sum::<f64>();
            cost.index_writes += index_writes;
        });
    }
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
            return Err("a check sends a request that the scale does not know: add it".into());
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        if let Some(output) = output.downcast_ref::<op::get_item::GetItemOutput>() {
            self.read(output.consumed_capacity.as_slice());
        } else if let Some(output) = output.downcast_ref::<op::batch_get_item::BatchGetItemOutput>() {
            self.read(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<op::query::QueryOutput>() {
            self.read(output.consumed_capacity.as_slice());
        } else if let Some(output) = output.downcast_ref::<op::update_item::UpdateItemOutput>() {
            self.written(output.consumed_capacity.as_slice());
        } else if let Some(output) = output.downcast_ref::<op::put_item::PutItemOutput>() {
            self.written(output.consumed_capacity.as_slice());
        } else if let Some(output) = output.downcast_ref::<op::transact_write_items::TransactWriteItemsOutput>() {
            self.written(output.consumed_capacity());
        }
        Ok(())
    }
}
