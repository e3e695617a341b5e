//! What a customer chooses to sync: told, changed, kept.

use std::collections::BTreeSet;

use adapters::store::Holder;
use adapters::store::choices::Replaces;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use domain::attribute::{CATALOGUE, Choice};
use domain::ids::ConnectionId;
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::caller::ALL_SCOPES;
use system_tests::engine::{Item, Lost};
use system_tests::{Answer, World};

use crate::support::walk;

/// Sends a choice with this `If-Match`, or without.
async fn choose(world: &World, id: &ConnectionId, choice: &Value, if_match: Option<&str>) -> Answer {
    let token = world.backend.token("acme", ALL_SCOPES, world.now());
    let mut request = Request::put(format!("/v1/connections/{id}/attributes")).header("authorization", format!("Bearer {token}"));
    request = request.header("content-type", "application/json");
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    world.send(request.body(Body::from(choice.to_string())).unwrap()).await
}

async fn chosen(world: &World, id: &ConnectionId) -> Answer {
    world.get(&format!("/v1/connections/{id}/attributes")).await
}

async fn walk_item(world: &World, id: &ConnectionId) -> Item {
    world.engine.item(&format!("connection#{id}"), "walk").await.unwrap()
}

fn names(value: &Value) -> Vec<&str> {
    value["attributes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_catalogue_tells_each_attribute_its_kind_and_whether_it_is_a_default() {
    let world = World::new().await;
    let answer = world.get("/v1/attributes").await;
    let told: Vec<String> = answer.json()["attributes"].as_array().unwrap().iter().map(Value::to_string).collect();
    insta::assert_json_snapshot!("catalogue", told);
}

#[tokio::test]
async fn the_simulated_directory_has_every_attribute_of_the_catalogue() {
    let world = World::with_people(300).await;
    let people = world.simulator.directory(world.tenant);
    for attribute in CATALOGUE {
        assert!(people.iter().any(|person| person.get(attribute.name).is_some()), "nobody has {}", attribute.name);
    }
}

#[tokio::test]
async fn until_somebody_chooses_the_default_holds() {
    let world = World::new().await;
    for id in [world.create("acme").await, world.connect_and_sync().await] {
        let answer = chosen(&world, &id).await;
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, "\"0\""));
        let defaults: Vec<&str> = CATALOGUE.iter().filter(|attribute| attribute.is_default).map(|attribute| attribute.name).collect();
        assert_eq!(names(&answer.json()), defaults);
        assert_eq!(answer.json()["leave_out"], json!({"disabled": false, "guests": false, "unlicensed": false}));
        assert_eq!(answer.json()["every_minutes"], 15);
    }
}

#[tokio::test]
async fn a_choice_is_kept_as_it_was_made_and_every_name_once() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let extension = "extension_0123456789abcdef0123456789abcdef_costCenter";
    let whole = json!({"attributes": ["jobTitle", extension, "city", "city"], "leave_out": {"guests": true}, "every_minutes": 60});
    let put = choose(&world, &id, &whole, None).await;
    let expected = json!({
        "attributes": ["city", extension, "jobTitle"],
        "leave_out": {"disabled": false, "guests": true, "unlicensed": false},
        "every_minutes": 60,
    });
    for answer in [put, chosen(&world, &id).await] {
        assert_eq!((answer.status.as_u16(), answer.header("etag"), answer.json()), (200, "\"1\"", expected.clone()));
    }
    let put = choose(&world, &id, &json!({"attributes": ["mail"]}), None).await;
    let reset = json!({"disabled": false, "guests": false, "unlicensed": false});
    assert_eq!((put.json()["leave_out"].clone(), put.json()["every_minutes"].clone()), (reset, json!(15)), "it replaces all of it");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_and_nothing_changes() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    choose(&world, &id, &json!({"attributes": ["mail"]}), None).await;
    let before = walk_item(&world, &id).await;
    let many: Vec<String> = (0..101).map(|number| format!("extension_0123456789abcdef0123456789abcdef_e{number}")).collect();
    let mut told = Vec::new();
    for body in [
        json!({"attributes": ["mail", "jobtitel", "JOBTITLE", "skills", "manager", "extension_1_x", "?"], "every_minutes": 4}),
        json!({"attributes": [], "every_minutes": 1441}),
        json!({"attributes": many}),
        json!({}),
        json!({"attributes": "mail"}),
        json!({"attributes": ["mail", 7]}),
        json!({"attributes": ["mail"], "leave_out": {"robots": true}}),
        json!({"attributes": ["mail"], "leave_out": {"guests": "yes"}}),
        json!({"attributes": ["mail"], "every_minutes": 7.5}),
        json!({"attributes": ["mail"], "everyMinutes": 7}),
        json!([]),
    ] {
        let answer = choose(&world, &id, &body, None).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (422, "application/problem+json"), "{body}: {}", answer.text);
        told.push(answer.json());
    }
    assert_eq!(walk_item(&world, &id).await, before);
    insta::assert_json_snapshot!("wrong_choices", told);
}

#[tokio::test]
async fn a_choice_that_was_changed_meanwhile_is_not_overwritten() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let (city, state) = (json!({"attributes": ["city"]}), json!({"attributes": ["state"]}));
    let tag = chosen(&world, &id).await.header("etag").to_owned();
    let first = choose(&world, &id, &city, Some(&tag)).await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, "\"1\""));
    let late = choose(&world, &id, &state, Some(&tag)).await;
    insta::assert_json_snapshot!("changed_meanwhile", late.snapshot());
    for odd in ["\"2\"", "W/\"1\"", "1", "\"1\", \"2\"", "\"\"", "\"x\"", "\"18446744073709551615\"", "\"18446744073709551616\"", ""] {
        assert_eq!(choose(&world, &id, &state, Some(odd)).await.status, 412, "{odd}");
    }
    assert_eq!(names(&chosen(&world, &id).await.json()), ["city"]);
    for (tag, version) in [(Some("\"1\""), "\"2\""), (Some("*"), "\"3\""), (None, "\"4\"")] {
        let answer = choose(&world, &id, &state, tag).await;
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, version), "{tag:?}");
    }
}

#[tokio::test]
async fn of_two_who_choose_at_once_one_is_told_so() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let (city, state) = (json!({"attributes": ["city"]}), json!({"attributes": ["state"]}));
    let (one, other) = tokio::join!(choose(&world, &id, &city, Some("\"0\"")), choose(&world, &id, &state, Some("\"0\"")));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let winner = if one.status == 200 { "city" } else { "state" };
    assert_eq!(names(&chosen(&world, &id).await.json()), [winner]);
}

#[tokio::test]
async fn a_choice_makes_the_walk_due_and_touches_nothing_else() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.pass(SignedDuration::from_mins(3));
    let before = walk_item(&world, &id).await;
    assert_eq!(choose(&world, &id, &json!({"attributes": ["city"]}), None).await.status, 200);
    let mut after = walk_item(&world, &id).await;
    let number = |value: Option<AttributeValue>| value.and_then(|value| value.as_n().ok().cloned()).unwrap_or_default();
    assert_eq!(number(after.remove("work_at")), world.now().as_millisecond().to_string());
    assert_eq!(number(after.remove("choice_version")), "1");
    assert!(after.remove("choice").is_some());
    let rest = before.into_iter().filter(|(name, _)| name != "work_at").collect::<Item>();
    assert_eq!(after, rest);
    assert_eq!(world.tasks.waiting().len(), 1, "and its next step is asked for");
}

#[tokio::test]
async fn a_choice_waits_for_nobody_who_holds_the_walk_and_outlives_them() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let holder = Holder { nonce: [7; 16], until: world.now() + SignedDuration::from_mins(2) };
    let (taken, lease) = world.ports.store.take_walk(&id, holder, world.now()).await.unwrap().unwrap();
    assert_eq!(choose(&world, &id, &json!({"attributes": ["city"]}), None).await.status, 200);
    world.ports.store.settle_walk(&id, &taken.walk, &lease, world.now() + SignedDuration::from_mins(15)).await.unwrap();
    assert_eq!(names(&chosen(&world, &id).await.json()), ["city"]);
}

#[tokio::test]
async fn a_choice_before_the_first_consent_waits_for_the_walk() {
    let world = World::new().await;
    let id = world.create("acme").await;
    let put = choose(&world, &id, &json!({"attributes": ["city"], "leave_out": {"guests": true}}), Some("\"0\"")).await;
    assert_eq!((put.status.as_u16(), put.header("etag")), (200, "\"1\""));
    assert_eq!(choose(&world, &id, &json!({"attributes": ["state"]}), Some("\"0\"")).await.status, 412);
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(attribute_sync::tick(&world.ports).await.unwrap(), 0, "there is nothing to walk yet");
    assert!(world.ports.store.walk(&id).await.unwrap().is_none());
    world.ports.store.end_leases(&id).await.unwrap();
    world.consent(&id).await;
    world.drain().await;
    assert!(walk(&world, &id).await.completed_at.is_some(), "the first round was walked");
    let kept = world.ports.store.read_choice(&id).await.unwrap();
    assert_eq!((kept.version, kept.choice.leave_out().guests), (1, true));
}

#[tokio::test]
async fn a_choice_whose_answer_was_lost_is_made_once_by_asking_again() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    for (version, tag) in [("\"1\"", "\"0\""), ("\"2\"", "\"1\"")] {
        world.engine.meter.lose("UpdateItem", 0, Lost::Answer);
        assert_eq!(choose(&world, &id, &json!({"attributes": ["city"]}), Some(tag)).await.status, 503);
        let answer = choose(&world, &id, &json!({"attributes": ["city"]}), Some(tag)).await;
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, version));
    }
}

#[tokio::test]
async fn a_walk_that_is_made_while_somebody_chooses_has_the_choice() {
    let world = World::new().await;
    let id = world.create("acme").await;
    let (store, choice) = (&world.ports.store, Choice::default());
    let put = store.put_choice(&id, &choice, Replaces::Version(0), world.now());
    let (made, put) = tokio::join!(store.create_walk(&id, world.now()), put);
    assert_eq!((made.is_ok(), put.unwrap()), (true, 1));
    assert_eq!(store.read_choice(&id).await.unwrap().version, 1);
    assert!(store.walk(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_stored_choice_that_cannot_be_read_names_its_item() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    choose(&world, &id, &json!({"attributes": ["city"]}), None).await;
    let request = world.engine.client.update_item().table_name(system_tests::engine::CONNECTIONS);
    let request = request
        .key("pk", AttributeValue::S(format!("connection#{id}")))
        .key("sk", AttributeValue::S("walk".to_owned()))
        .update_expression("SET choice = :choice")
        .expression_attribute_values(":choice", AttributeValue::S(r#"{"attributes":"zz"}"#.to_owned()));
    request.send().await.unwrap();
    let error = world.ports.store.read_choice(&id).await.unwrap_err().to_string();
    let expected = format!("item connection#{id}/walk cannot be read: choice cannot be read");
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(chosen(&world, &id).await.status, 503);
}

#[tokio::test]
async fn a_choice_is_followed_at_once_and_leaves_nothing_else_behind() {
    let world = World::with_people(40).await;
    let id = world.connect_and_sync().await;
    let everybody = world.people(&id).await.len();
    let guests = world.simulator.directory(world.tenant).iter().filter(|person| person["userType"] == "Guest").count();
    assert!(guests > 0, "somebody is left out");
    let choice = json!({"attributes": ["employeeHireDate", "assignedLicenses"], "leave_out": {"guests": true}});
    assert_eq!(choose(&world, &id, &choice, None).await.status, 200);
    world.drain().await;
    let people = world.people(&id).await;
    assert_eq!(people.len(), everybody - guests);
    let choice = world.ports.store.read_choice(&id).await.unwrap().choice;
    let synced = choice.select(&BTreeSet::new());
    for person in &people {
        let names: Vec<&String> = person["attributes"].as_object().unwrap().keys().collect();
        assert!(names.iter().all(|name| synced.contains(&name.as_str())), "{names:?}");
    }
    assert!(people.iter().any(|person| person["attributes"]["employeeHireDate"].is_string()));
}
