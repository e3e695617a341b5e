//! How events are delivered: batches that come again, a bus that is away, records that cannot be read.

use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::ConnectionId;
use entra_simulator::Act;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::engine::{CONNECTIONS, Lost, PEOPLE};

use crate::events::events;

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["detail"]["id"].as_str().unwrap_or_default().to_owned()).collect()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Writes a person's item whose body nobody can read.
async fn spoil(world: &World, id: &ConnectionId) {
    let request = world.engine.client.put_item().table_name(PEOPLE).item("pk", text(id.as_str()));
    let request = request.item("sk", text("person#00000000-0000-0000-0000-000000000099")).item("v", AttributeValue::N("1".to_owned()));
    let request = request.item("changed_at", AttributeValue::N("1".to_owned())).item("name_key", text("x"));
    request.item("body", text(r#"{"id":"secret"}"#)).send().await.unwrap();
}

/// The first records about people.
fn people(mut batch: Event, count: usize) -> Event {
    batch.records.retain(|record| json!(record.change.keys)["sk"]["S"].as_str().is_some_and(|key| key.starts_with("person#")));
    batch.records.truncate(count);
    batch
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_comes_to_the_same_events_and_ids() {
    let world = World::with_people(9).await;
    let id = world.connect_and_sync().await;
    world.work(Act::DeletePeople { count: 2 });
    world.work(Act::ChangeJobTitles { count: 3 });
    world.sync(&id).await;
    let told = events(&world).await;
    world.pass(SignedDuration::from_hours(2));
    world.published.rewind();
    assert_eq!(events(&world).await, told, "the same, times included");
    let mut distinct = ids(&told);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), told.len(), "each with an id of its own");
}

#[tokio::test]
async fn what_a_bus_does_not_take_waits_in_order_until_it_does() {
    let world = World::with_people(9).await;
    world.connect_and_sync().await;
    world.published.fail_after(4);
    let before = events(&world).await;
    assert_eq!(before.len(), 4);
    assert_eq!(events(&world).await.len(), 0, "it is still away");
    world.published.heal();
    let all = [before, events(&world).await].concat();
    world.published.rewind();
    assert_eq!(all, events(&world).await, "nothing was left out, doubled or overtaken");
}

#[tokio::test]
async fn the_first_record_that_is_left_is_reported_by_its_number() {
    let world = World::with_people(4).await;
    world.connect_and_sync().await;
    let batch = people(world.stream_records(), 5);
    let numbers: Vec<String> = batch.records.iter().filter_map(|record| record.change.sequence_number.clone()).collect();
    let until = world.now() + SignedDuration::from_secs(60);
    world.published.fail_after(2);
    let answer = serde_json::to_value(change_events::publish(&world.desk(), batch.clone(), until).await).unwrap();
    // One answer in the form that Lambda takes: everything before this number is done.
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": numbers[2]}]}));
    world.published.heal();
    let answer = serde_json::to_value(change_events::publish(&world.desk(), batch, until).await).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_parked_and_holds_nobody_up() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    assert_eq!(events(&world).await.len(), 4);
    spoil(&world, &id).await;
    world.work(Act::ChangeJobTitles { count: 4 });
    world.sync(&id).await;
    assert_eq!(events(&world).await.len(), 4, "the others are told");
    let parked = world.published.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].key, format!("{id}/person#00000000-0000-0000-0000-000000000099"));
    assert!(parked[0].why.starts_with("body cannot be read at line 1") && parked[0].stream.contains("/stream/"), "{parked:?}");
    assert!(!json!(parked).to_string().contains("secret"), "what it says stays where it is");
    world.published.rewind();
    events(&world).await;
    assert_eq!(world.published.parked()[1], parked[0], "a record that comes again is parked under the same id");
}

#[tokio::test]
async fn what_cannot_be_parked_either_comes_again() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    spoil(&world, &id).await;
    world.work(Act::ChangeJobTitles { count: 1 });
    world.sync(&id).await;
    world.published.fail_to_park();
    events(&world).await;
    assert_eq!(world.published.parked(), []);
    world.published.heal();
    events(&world).await;
    assert_eq!(world.published.parked().len(), 1);
}

#[tokio::test]
async fn an_event_that_the_bus_refuses_for_good_is_parked() {
    let world = World::with_people(5).await;
    world.connect_and_sync().await;
    let refused = world.simulator.directory(world.tenant)[2]["id"].as_str().unwrap_or_default().to_owned();
    world.published.refuse(&refused);
    assert_eq!(events(&world).await.len(), 5);
    let parked = world.published.parked();
    assert_eq!(parked.len(), 1);
    assert!(parked[0].key.ends_with(&refused) && parked[0].why.starts_with("MalformedDetail"), "{parked:?}");
}

#[tokio::test]
async fn a_table_that_does_not_answer_leaves_the_event_for_later() {
    let world = World::with_people(2).await;
    world.connect_and_sync().await;
    world.engine.meter.lose("GetItem", 0, Lost::Request);
    assert_eq!(events(&world).await.len(), 0, "nobody is told without saying whose it is");
    assert_eq!(events(&world).await.len(), 3);
}

#[tokio::test]
async fn a_connection_that_is_gone_has_no_customer_any_more() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let request = world.engine.client.delete_item().table_name(CONNECTIONS).key("pk", text(&format!("connection#{id}")));
    request.key("sk", text("connection")).send().await.unwrap();
    let told = events(&world).await;
    let detail = &told[0]["detail"];
    assert_eq!((&detail["connection"], detail.get("customer"), detail.get("tenant")), (&json!(id), None, None));
}

#[tokio::test]
async fn shortly_before_the_end_of_an_invocation_nothing_more_is_begun() {
    let world = World::with_people(4).await;
    world.connect_and_sync().await;
    let (batch, desk) = (world.stream_records(), world.desk());
    let answer = change_events::publish(&desk, people(batch.clone(), 2), world.now() + SignedDuration::from_secs(15)).await;
    assert_eq!((answer.batch_item_failures.len(), world.published.take().len()), (1, 0));
    let answer = change_events::publish(&desk, people(batch, 2), world.now() + SignedDuration::from_secs(16)).await;
    assert_eq!((answer.batch_item_failures.len(), world.published.take().len()), (0, 2));
}

#[tokio::test]
async fn a_stream_that_shows_one_image_alone_is_noticed() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.work(Act::ChangeJobTitles { count: 1 });
    world.sync(&id).await;
    let mut batch = world.stream_records();
    for record in &mut batch.records {
        record.change.old_image = Default::default();
    }
    let until = world.now() + SignedDuration::from_secs(60);
    let answer = change_events::publish(&world.desk(), batch, until).await;
    assert_eq!(answer.batch_item_failures, []);
    assert_eq!(world.published.take().len(), 1, "whoever is new needs no old image");
    let why: Vec<String> = world.published.parked().into_iter().map(|parked| parked.why).collect();
    assert_eq!(why, ["the stream does not show both images of this MODIFY: its view type must be NEW_AND_OLD_IMAGES"]);
}
