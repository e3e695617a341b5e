//! How a directory is walked, and what of it is written.

use std::collections::BTreeMap;

use domain::ids::ConnectionId;
use entra_simulator::{Act, Role};
use serde_json::{Map, Value, json};
use system_tests::World;
use system_tests::world::person;
use uuid::Uuid;

use crate::support::{assert_synced, delta_requests, list_requests, walk};

fn change(user: Uuid, properties: &Value) -> Act {
    Act::ChangeUser { user, properties: properties.as_object().cloned().unwrap_or_else(Map::new) }
}

async fn one(world: &World, id: &ConnectionId, user: Uuid) -> Option<Value> {
    world.people(id).await.into_iter().find(|person| person["id"] == json!(user))
}

/// When each person last changed here.
async fn changed_at(world: &World, id: &ConnectionId) -> BTreeMap<String, Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    world.people(id).await.iter().map(|person| (text(&person["id"]), person["changed_at"].clone())).collect()
}

#[tokio::test]
async fn a_large_directory_is_listed_in_large_pages_between_a_mark_and_its_delta() {
    let world = World::with_people(1_449).await;
    let id = world.connect_and_sync().await;
    assert_eq!((list_requests(&world), delta_requests(&world)), (2, 2));
    assert_synced(&world, &id).await;
    assert_eq!(world.status(&id).await["data"]["people"], 1_450);
}

#[tokio::test]
async fn where_graph_does_not_mark_a_large_directory_is_walked_page_by_page() {
    let world = World::with_people(449).await;
    world.work(Act::RefuseMarks { on: true });
    let id = world.connect_and_sync().await;
    assert_eq!((list_requests(&world), delta_requests(&world)), (0, 5), "a mark that is refused, three pages, and what changed since");
    assert_synced(&world, &id).await;
    assert_eq!(world.status(&id).await["data"]["people"], 450);
}

#[tokio::test]
async fn a_walk_under_way_tells_how_far_it_is() {
    let world = World::with_people(449).await;
    world.work(Act::PageSize { people: 200 });
    let id = world.connect().await;
    for _ in 0..2 {
        assert!(crate::support::deliver(&world).await);
    }
    let status = world.status(&id).await;
    assert_eq!((&status["sync"]["state"], &status["sync"]["people_seen"]), (&json!("running"), &json!(200)));
    assert_eq!(status["data"].get("as_of"), None, "nothing is complete yet");
    assert_eq!(status["data"]["people"], 200);
}

#[tokio::test]
async fn odd_pages_come_to_the_same_people() {
    for act in [
        Act::EmptyPages { pages: 3 },
        Act::RepeatPeople { on: true },
        Act::ShufflePages { on: true },
        Act::RemovedInFirstRound { on: true },
        Act::PageSize { people: 1 },
    ] {
        let world = World::with_people(30).await;
        world.work(Act::DeletePeople { count: 3 });
        world.work(Act::PageSize { people: 10 });
        world.work(Act::RefuseMarks { on: true });
        world.work(act);
        let id = world.connect_and_sync().await;
        assert_synced(&world, &id).await;
        world.work(Act::ChangePeople { count: 25 });
        world.work(Act::DeletePeople { count: 4 });
        world.work(Act::AddPeople { count: 7 });
        world.sync(&id).await;
        assert_synced(&world, &id).await;
    }
}

#[tokio::test]
async fn changes_that_show_late_are_found_later() {
    let world = World::with_people(5).await;
    let id = world.connect_and_sync().await;
    world.work(Act::LagPolls { polls: 2 });
    world.work(Act::ChangeJobTitles { count: 5 });
    for _ in 0..4 {
        world.sync(&id).await;
    }
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn unchanged_people_cost_no_write() {
    let world = World::with_people(60).await;
    let id = world.connect_and_sync().await;
    let before = changed_at(&world, &id).await;
    world.engine.meter.reset();
    world.sync(&id).await;
    assert_eq!(world.engine.meter.count("BatchWriteItem"), 0, "a round without news writes nobody");
    world.work(change(world.admin, &json!({"city": "Oslo"})));
    world.sync(&id).await;
    assert_eq!(world.engine.meter.count("BatchWriteItem"), 1);
    let after = changed_at(&world, &id).await;
    let changed: Vec<&String> = after.iter().filter(|(id, at)| before[*id] != **at).map(|(id, _)| id).collect();
    assert_eq!(changed, [&world.admin.to_string()]);
}

#[tokio::test]
async fn a_full_round_over_people_who_did_not_change_writes_none() {
    let world = World::with_people(60).await;
    let id = world.connect_and_sync().await;
    let before = changed_at(&world, &id).await;
    world.work(Act::ExpireDeltaTokens);
    world.engine.meter.reset();
    world.sync(&id).await;
    assert_eq!(world.engine.meter.count("BatchWriteItem"), 0);
    assert_eq!(changed_at(&world, &id).await, before);
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn who_leaves_is_removed_and_who_returns_is_back() {
    let world = World::new().await;
    let user = world.simulator.add_user(world.tenant, person("Bob", Role::Member));
    let id = world.connect_and_sync().await;
    world.work(Act::DeleteUser { user });
    world.sync(&id).await;
    assert_eq!(one(&world, &id, user).await, None, "deleted, and may return");
    world.work(Act::RestoreUser { user });
    world.sync(&id).await;
    assert_eq!(one(&world, &id, user).await.unwrap()["attributes"]["mail"], "bob@contoso.example");
    world.work(Act::DeleteUser { user });
    world.work(Act::PurgeUser { user });
    world.sync(&id).await;
    assert_eq!(one(&world, &id, user).await, None, "gone for good");
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_manager_is_set_changed_and_cleared() {
    let world = World::new().await;
    let [bob, cyd] = ["Bob", "Cyd"].map(|name| world.simulator.add_user(world.tenant, person(name, Role::Member)));
    let id = world.connect_and_sync().await;
    for (manager, expected) in [
        (Some(world.admin), json!({"id": world.admin, "display_name": "Ada"})),
        (Some(cyd), json!({"id": cyd, "display_name": "Cyd"})),
        (None, Value::Null),
        (Some(cyd), json!({"id": cyd, "display_name": "Cyd"})),
    ] {
        world.work(Act::SetManager { user: bob, manager });
        world.sync(&id).await;
        let stored = one(&world, &id, bob).await.unwrap();
        assert_eq!(stored.get("manager").cloned().unwrap_or_default(), expected);
    }
    world.work(change(cyd, &json!({"displayName": "Cyd Charisse"})));
    world.sync(&id).await;
    assert_eq!(one(&world, &id, bob).await.unwrap()["manager"]["display_name"], "Cyd Charisse", "the name is joined, not copied");
    world.work(Act::DeleteUser { user: cyd });
    world.sync(&id).await;
    let stored = one(&world, &id, bob).await.unwrap();
    assert_eq!(stored["manager"].get("display_name"), None, "a manager whom we do not hold has no name");
}

#[tokio::test]
async fn null_clears_and_absent_keeps() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.work(change(world.admin, &json!({"jobTitle": "Boss", "city": "Oslo", "businessPhones": ["+47 1", "+47 2"]})));
    world.sync(&id).await;
    world.work(change(world.admin, &json!({"jobTitle": null, "businessPhones": []})));
    world.sync(&id).await;
    let ada = one(&world, &id, world.admin).await.unwrap();
    assert_eq!(ada["attributes"].get("jobTitle"), None);
    assert_eq!((&ada["attributes"]["city"], &ada["attributes"]["businessPhones"]), (&json!("Oslo"), &json!([])));
}

#[tokio::test]
async fn an_answer_with_only_what_changed_keeps_the_rest() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let kept = ["id", "city", "@removed", "manager@delta"];
    world.wire.bend_json("/users/delta", move |page| {
        for person in page["value"].as_array_mut().into_iter().flatten() {
            person.as_object_mut().expect("a person").retain(|name, _| kept.contains(&name.as_str()));
        }
    });
    world.work(change(world.admin, &json!({"city": "Bergen"})));
    world.sync(&id).await;
    let ada = one(&world, &id, world.admin).await.unwrap();
    assert_eq!((&ada["attributes"]["city"], &ada["attributes"]["displayName"]), (&json!("Bergen"), &json!("Ada")));
}

#[tokio::test]
async fn extension_attributes_come_along_and_can_be_cleared() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world
        .work(change(world.admin, &json!({"onPremisesExtensionAttributes": {"extensionAttribute1": "Blue", "extensionAttribute2": null}})));
    world.sync(&id).await;
    let ada = one(&world, &id, world.admin).await.unwrap();
    assert_eq!(ada["attributes"]["onPremisesExtensionAttributes"]["extensionAttribute1"], "Blue");
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_walk_asks_for_exactly_the_attributes_it_keeps() {
    let world = World::new().await;
    world.connect_and_sync().await;
    let first = world.wire.seen().into_iter().find(|uri| uri.path() == "/v1.0/users/delta").unwrap();
    let query = first.query().unwrap_or_default().to_owned();
    for attribute in domain::attribute::Choice::default().select(&std::collections::BTreeSet::new()) {
        assert!(query.contains(attribute), "{attribute} in {query}");
    }
    assert!(query.contains("manager") && !query.contains("expand") && !query.contains("top"), "{query}");
}

#[tokio::test]
async fn two_connections_do_not_mix_their_people() {
    let world = World::with_people(5).await;
    let id = world.connect_and_sync().await;
    let fabrikam = world.simulator.add_tenant("Fabrikam");
    let eve = world.simulator.add_user(fabrikam, person("Eve", Role::Admin));
    let other = world.create("globex").await;
    let begun = world.call("globex", "POST", "/v1/reconnect-attempts", Some(&json!({"connection": other}))).await.json();
    let url = begun["authorize_url"].as_str().and_then(|url| url.parse().ok()).unwrap();
    world.come_back(&world.simulator.accept(&url, (fabrikam, eve)).unwrap()).await;
    world.drain().await;
    assert_synced(&world, &id).await;
    let page = world.call("globex", "GET", &format!("/v1/connections/{other}/people"), None).await.json();
    assert_eq!(page["people"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["people"][0]["attributes"]["displayName"], "Eve");
}

#[tokio::test]
async fn a_round_that_ends_says_as_of_when_it_began() {
    let world = World::with_people(10).await;
    world.work(Act::PageSize { people: 4 });
    let id = world.connect().await;
    let began_at = world.now();
    while walk(&world, &id).await.completed_at.is_none() {
        assert!(crate::support::deliver(&world).await);
        world.pass(jiff::SignedDuration::from_secs(7));
    }
    let walk = walk(&world, &id).await;
    assert_eq!(walk.as_of, Some(began_at));
    assert!(walk.completed_at > walk.as_of);
}
