//! What several stories look at.

use std::collections::{BTreeMap, BTreeSet};

use domain::attribute::Choice;
use domain::ids::ConnectionId;
use serde_json::{Map, Value, json};
use system_tests::World;
use system_tests::engine::Item;

/// Everything stored that makes a connection's grant: the connection, its tokens, its notices. In order, to be compared.
pub(crate) async fn grant_items(world: &World, id: &ConnectionId) -> Vec<Item> {
    let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let is_grant =
        |item: &Item| text(item, "pk") == format!("connection#{id}") && !["attempt", "walk"].contains(&text(item, "sk").as_str());
    let mut items: Vec<Item> = world.engine.items().await.into_iter().filter(is_grant).collect();
    items.sort_by_key(|item| text(item, "sk"));
    items
}

/// Where a connection's walk stands.
pub(crate) async fn walk(world: &World, id: &ConnectionId) -> domain::walk::Walk {
    world.ports.store.walk(id).await.expect("the walk can be read").expect("there is a walk").0
}

/// Delivers one task that is due; whether there was one.
pub(crate) async fn deliver(world: &World) -> bool {
    match world.tasks.take_due() {
        Some(message) => world.take(&message).await,
        None => false,
    }
}

/// How many requests went to Graph's delta.
pub(crate) fn delta_requests(world: &World) -> usize {
    requests(world, "/v1.0/users/delta")
}

/// How many requests went to Graph's list of people, besides those that only try whether it can be read.
pub(crate) fn list_requests(world: &World) -> usize {
    world.wire.seen().iter().filter(|uri| uri.path() == "/v1.0/users" && !uri.query().unwrap_or_default().contains("$top=1&")).count()
}

fn requests(world: &World, path: &str) -> usize {
    world.simulator.requests().iter().filter(|request| request.path == path).count()
}

/// Holds what is stored against the directory: the same people, with the same attributes that are synced, the same managers, and their
/// number.
pub(crate) async fn assert_synced(world: &World, id: &ConnectionId) {
    let told: BTreeMap<String, Value> = world.people(id).await.iter().map(|person| (name(person), told(person))).collect();
    let people = world.simulator.directory(world.tenant);
    let real: BTreeMap<String, Value> = people.iter().map(|person| (name(person), real(person))).collect();
    let differ = real.iter().find(|(id, person)| told.get(*id) != Some(person));
    assert_eq!(differ.map(|(id, person)| (Some(person), told.get(id))), None, "of {} people", real.len());
    assert_eq!(told.len(), real.len(), "nobody else is stored");
    assert_eq!(walk(world, id).await.people, real.len() as u64, "people are counted");
}

fn name(person: &Value) -> String {
    person["id"].as_str().unwrap_or_default().to_owned()
}

fn told(person: &Value) -> Value {
    json!([person["attributes"], person["manager"]["id"]])
}

/// A person of the directory as the API should tell it.
fn real(person: &Value) -> Value {
    let fields = person.as_object().expect("a person is an object");
    let choice = Choice::default();
    let synced = choice.select(&BTreeSet::new());
    let is_synced = |(name, value): &(&String, &Value)| synced.contains(&name.as_str()) && !value.is_null();
    let attributes: Map<String, Value> = fields.iter().filter(is_synced).map(|(name, value)| (name.clone(), value.clone())).collect();
    json!([attributes, person["manager"]["id"]])
}
