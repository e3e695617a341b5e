//! Attributes that Graph fails to give, and with them everything that is asked for beside them.

use domain::ids::ConnectionId;
use entra_simulator::{Act, PropertyRefusal};
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::World;

use crate::support::{assert_synced, walk};

fn fail(property: &str, says: PropertyRefusal) -> Act {
    Act::FailProperty { property: property.to_owned(), times: None, says }
}

async fn data(world: &World, id: &ConnectionId) -> Value {
    world.get(&format!("/v1/connections/{id}")).await.json()["data"].clone()
}

/// Everybody's value of an attribute, by object id.
async fn values(world: &World, id: &ConnectionId, attribute: &str) -> Vec<(Value, Value)> {
    world.people(id).await.into_iter().map(|person| (person["id"].clone(), person["attributes"][attribute].clone())).collect()
}

#[tokio::test]
async fn an_attribute_that_is_named_is_left_out_and_the_rest_is_synced() {
    let world = World::with_people(40).await;
    let id = world.connect_and_sync().await;
    let cities = values(&world, &id, "city").await;
    world.work(fail("city", PropertyRefusal::NamesProperty));
    let renamed = world.work(Act::ChangeJobTitles { count: 5 });
    world.sync(&id).await;
    let told = data(&world, &id).await;
    assert_eq!((&told["degraded"], told.get("stale_since")), (&json!(["city"]), None), "{told}");
    assert_eq!(values(&world, &id, "city").await, cities, "the values that were there are kept");
    assert_eq!(world.get(&format!("/v1/connections/{id}/people?limit=1")).await.json()["data"]["degraded"], json!(["city"]));
    let people = world.simulator.directory(world.tenant);
    for person in renamed {
        let real = people.iter().find(|real| real["id"] == json!(person)).unwrap();
        let answer = world.get(&format!("/v1/connections/{id}/people/{person}")).await.json();
        assert_eq!(answer["person"]["attributes"]["jobTitle"], real["jobTitle"], "{answer}");
    }
}

#[tokio::test]
async fn attributes_that_are_not_named_are_found() {
    let world = World::with_people(40).await;
    let id = world.connect_and_sync().await;
    for property in ["department", "companyName"] {
        world.work(fail(property, PropertyRefusal::SharePointLicense));
    }
    world.sync(&id).await;
    let told = data(&world, &id).await;
    assert_eq!((&told["degraded"], told.get("stale_since")), (&json!(["companyName", "department"]), None), "{told}");
}

#[tokio::test]
async fn what_cannot_be_given_at_the_first_load_is_unknown_and_not_empty() {
    let world = World::with_people(40).await;
    world.work(fail("officeLocation", PropertyRefusal::SharePointLicense));
    let id = world.connect_and_sync().await;
    assert_eq!(data(&world, &id).await["people"], json!(41));
    for person in world.people(&id).await {
        assert_eq!(person["attributes"].get("officeLocation"), None, "{person}");
        assert_eq!(person["provenance"].get("officeLocation"), None, "{person}");
    }
}

#[tokio::test]
async fn an_attribute_that_can_be_given_again_comes_back_within_a_week() {
    let world = World::with_people(40).await;
    world.work(fail("city", PropertyRefusal::NamesProperty));
    let id = world.connect_and_sync().await;
    world.work(Act::LiftProperty { property: None });
    world.sync(&id).await;
    assert_eq!(data(&world, &id).await["degraded"], json!(["city"]), "an ordinary round does not try");
    world.pass(SignedDuration::from_hours(7 * 24));
    world.sync(&id).await;
    assert_eq!(data(&world, &id).await.get("degraded"), None);
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_refusal_of_everything_leaves_nothing_out_and_says_that_the_sync_fails() {
    let world = World::with_people(10).await;
    let id = world.connect_and_sync().await;
    let synced = walk(&world, &id).await;
    // Even the object id alone is refused, so that no attribute is to blame.
    world.work(fail("id", PropertyRefusal::SharePointLicense));
    world.sync(&id).await;
    let told = data(&world, &id).await;
    assert_eq!((told.get("degraded"), &told["people"]), (None, &json!(synced.people)), "{told}");
    assert!(told["stale_since"].is_string() && told["as_of"] == json!(synced.as_of), "{told}");
}
