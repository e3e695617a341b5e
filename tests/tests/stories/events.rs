//! What is told on the event bus when people change: one event for each real change, and none for anything else.

use std::collections::{BTreeMap, BTreeSet};

use adapters::bus::Entry;
use domain::event::Telling;
use domain::ids::ConnectionId;
use entra_simulator::{Act, Role};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use system_tests::World;
use system_tests::engine::Lost;
use system_tests::world::person;
use uuid::Uuid;

use crate::support::walk;

/// What an event says happened: its type, whether somebody is new, and which names it tells.
type Said = (String, Option<bool>, BTreeSet<String>);

/// Follows the stream; every event is as the published schema says.
pub(crate) async fn events(world: &World) -> Vec<Value> {
    let events = world.events().await;
    events.iter().for_each(assert_described);
    events
}

/// What an event breaks of the published schema.
fn broken(event: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(change_events::SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn assert_described(event: &Value) {
    assert_eq!(broken(event), [""; 0], "{event}");
}

/// What each event says of whom; nobody is told of twice.
fn said(events: &[Value]) -> BTreeMap<String, Said> {
    let mut said = BTreeMap::new();
    for event in events {
        let detail = &event["detail"];
        let names = detail["attributes"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let what = (text(&event["detail-type"]), detail["is_new"].as_bool(), names);
        assert_eq!(said.insert(text(&detail["person"]), what), None, "told twice: {event}");
    }
    said
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Everybody with everything that is set, as the API tells it.
async fn shown(world: &World, id: &ConnectionId) -> BTreeMap<String, Map<String, Value>> {
    let all = |person: &Value| {
        let mut all = person["attributes"].as_object().cloned().unwrap_or_default();
        all.extend(person["manager"].get("id").map(|manager| ("manager".to_owned(), manager.clone())));
        (text(&person["id"]), all)
    };
    world.people(id).await.iter().map(all).collect()
}

/// What must be told between two looks at the API.
fn differences(before: &BTreeMap<String, Map<String, Value>>, after: &BTreeMap<String, Map<String, Value>>) -> BTreeMap<String, Said> {
    let mut said = BTreeMap::new();
    for (person, old) in before {
        match after.get(person) {
            None => drop(said.insert(person.clone(), ("person.removed".to_owned(), None, BTreeSet::new()))),
            Some(new) => {
                let names: BTreeSet<String> =
                    old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)).cloned().collect();
                if !names.is_empty() {
                    said.insert(person.clone(), ("person.changed".to_owned(), Some(false), names));
                }
            }
        }
    }
    for (person, new) in after.iter().filter(|(person, _)| !before.contains_key(*person)) {
        said.insert(person.clone(), ("person.changed".to_owned(), Some(true), new.keys().cloned().collect()));
    }
    said
}

fn change(user: Uuid, properties: &Value) -> Act {
    Act::ChangeUser { user, properties: properties.as_object().cloned().unwrap_or_default() }
}

#[tokio::test]
async fn a_change_in_the_directory_is_one_event_with_its_names() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let first = events(&world).await;
    assert_eq!(said(&first), differences(&BTreeMap::new(), &shown(&world, &id).await), "everybody is new at first");
    world.work(change(world.admin, &json!({"city": "Oslo", "jobTitle": "Boss"})));
    world.sync(&id).await;
    world.work(change(world.admin, &json!({"jobTitle": null})));
    world.sync(&id).await;
    let told = events(&world).await;
    assert_eq!(
        told.iter().map(|event| event["detail"]["attributes"].clone()).collect::<Vec<_>>(),
        [json!(["city", "jobTitle"]), json!(["jobTitle"])]
    );
    assert_eq!(events(&world).await, [] as [Value; 0]);
    insta::assert_json_snapshot!("changed", told[0], {
        ".detail.id" => "[id]", ".detail.connection" => "[connection]", ".detail.person" => "[person]", ".detail.tenant" => "[tenant]",
        ".detail.changed_at" => "[at]", ".time" => "[at]",
    });
    let detail = &told[0]["detail"];
    assert_eq!(told[0]["time"], detail["changed_at"]);
    assert_eq!((&detail["connection"], &detail["person"], &detail["tenant"]), (&json!(id), &json!(world.admin), &json!(world.tenant)));
}

#[tokio::test]
async fn a_round_without_news_says_nothing() {
    let world = World::with_people(40).await;
    let id = world.connect_and_sync().await;
    assert_eq!(events(&world).await.len(), 41);
    world.sync(&id).await;
    world.work(Act::ExpireDeltaTokens);
    world.sync(&id).await;
    world.work(Act::RepeatPeople { on: true });
    world.work(Act::ShufflePages { on: true });
    world.work(Act::ExpireDeltaTokens);
    world.sync(&id).await;
    assert_eq!(events(&world).await, [] as [Value; 0]);
}

#[tokio::test]
async fn who_leaves_is_removed_and_who_returns_is_new() {
    let world = World::new().await;
    let user = world.simulator.add_user(world.tenant, person("Bob", Role::Member));
    let id = world.connect_and_sync().await;
    events(&world).await;
    world.work(Act::DeleteUser { user });
    world.sync(&id).await;
    let told = events(&world).await;
    assert_eq!(said(&told), BTreeMap::from([(user.to_string(), ("person.removed".to_owned(), None, BTreeSet::new()))]));
    let age = world.now().duration_since(text(&told[0]["time"]).parse::<Timestamp>().unwrap());
    assert!((SignedDuration::ZERO..SignedDuration::from_secs(2)).contains(&age), "to the second, {age}");
    world.work(Act::RestoreUser { user });
    world.sync(&id).await;
    let told = said(&events(&world).await);
    assert_eq!(told.len(), 1);
    assert!(told[&user.to_string()].2.contains("mail") && told[&user.to_string()].1 == Some(true), "{told:?}");
}

#[tokio::test]
async fn a_manager_who_is_set_changed_or_cleared_is_told_by_name() {
    let world = World::new().await;
    let [bob, cyd] = ["Bob", "Cyd"].map(|name| world.simulator.add_user(world.tenant, person(name, Role::Member)));
    let id = world.connect_and_sync().await;
    events(&world).await;
    for manager in [Some(world.admin), Some(cyd), None] {
        world.work(Act::SetManager { user: bob, manager });
        world.sync(&id).await;
        let expected = ("person.changed".to_owned(), Some(false), BTreeSet::from(["manager".to_owned()]));
        assert_eq!(said(&events(&world).await), BTreeMap::from([(bob.to_string(), expected)]), "{manager:?}");
    }
}

/// Much changes at once, and a worker loses one request on the way; then time passes, longer than any lease, and it is all done again.
async fn tell_once(operation: &str, after: u32, lost: Lost) {
    let world = World::with_people(29).await;
    world.work(Act::PageSize { people: 10 });
    let id = world.connect_and_sync().await;
    events(&world).await;
    let before = shown(&world, &id).await;
    world.work(Act::DeletePeople { count: 3 });
    world.work(Act::AddPeople { count: 5 });
    world.work(Act::ChangePeople { count: 12 });
    world.engine.meter.lose(operation, after, lost);
    world.pass(SignedDuration::from_mins(20));
    for _ in 0..6 {
        world.tick().await;
        attribute_sync::tick(&world.ports).await.unwrap();
        world.drain().await;
        world.pass(SignedDuration::from_secs(125));
    }
    assert!(!walk(&world, &id).await.is_under_way(), "the walk ends");
    let expected = differences(&before, &shown(&world, &id).await);
    assert!(expected.len() > 8, "{expected:?}");
    assert_eq!(said(&events(&world).await), expected, "{operation} {after} {lost:?}");
}

#[tokio::test]
async fn a_page_that_is_applied_again_after_a_death_is_told_once() {
    for after in 0..6 {
        tell_once("UpdateItem", after, Lost::Request).await;
        tell_once("UpdateItem", after, Lost::Answer).await;
    }
}

#[tokio::test]
async fn people_whose_write_was_lost_on_the_way_are_told_once() {
    for after in 0..3 {
        tell_once("BatchWriteItem", after, Lost::Request).await;
        tell_once("BatchWriteItem", after, Lost::Answer).await;
    }
}

#[tokio::test]
async fn a_full_round_tells_only_what_changed_meanwhile() {
    let world = World::with_people(30).await;
    let id = world.connect_and_sync().await;
    events(&world).await;
    let before = shown(&world, &id).await;
    world.work(Act::DeletePeople { count: 2 });
    world.work(Act::ChangeJobTitles { count: 4 });
    world.work(Act::ExpireDeltaTokens);
    world.sync(&id).await;
    assert_eq!(said(&events(&world).await), differences(&before, &shown(&world, &id).await));
}

#[tokio::test]
async fn who_is_left_out_is_removed_and_who_is_let_in_again_is_new() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    events(&world).await;
    // As a choice leaves somebody out: the item stays, without its place in the index by name.
    let expression = |expression: &str| {
        let request = world.engine.client.update_item().table_name(system_tests::engine::PEOPLE).update_expression(expression);
        let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        request.key("pk", text(id.to_string())).key("sk", text(format!("person#{}", world.admin)))
    };
    expression("REMOVE name_key").send().await.unwrap();
    expression("SET changed_at = :at")
        .expression_attribute_values(":at", aws_sdk_dynamodb::types::AttributeValue::N("1".to_owned()))
        .send()
        .await
        .unwrap();
    let hidden = events(&world).await;
    let name = aws_sdk_dynamodb::types::AttributeValue::S("ada".to_owned());
    expression("SET name_key = :name").expression_attribute_values(":name", name).send().await.unwrap();
    let told = [hidden, events(&world).await].concat();
    let kinds: Vec<(String, Option<bool>)> =
        told.iter().map(|event| (text(&event["detail-type"]), event["detail"]["is_new"].as_bool())).collect();
    assert_eq!(kinds, [("person.removed".to_owned(), None), ("person.changed".to_owned(), Some(true))]);
}

#[tokio::test]
async fn values_are_told_where_the_operator_asked_for_them() {
    let world = World::new().await;
    let bob = world.simulator.add_user(world.tenant, person("Bob", Role::Member));
    let id = world.connect_and_sync().await;
    let first = world.events_with(Telling::Values).await;
    let everything = shown(&world, &id).await;
    for event in &first {
        assert_described(event);
        assert_eq!(event["detail"]["values"].as_object(), everything.get(&text(&event["detail"]["person"])));
    }
    world.work(change(bob, &json!({"city": "Oslo", "mail": null})));
    world.work(Act::SetManager { user: bob, manager: Some(world.admin) });
    world.sync(&id).await;
    let told = world.events_with(Telling::Values).await;
    told.iter().for_each(assert_described);
    let values: Vec<&Value> = told.iter().map(|event| &event["detail"]["values"]).collect();
    assert_eq!(values, [&json!({"city": "Oslo", "mail": null, "manager": world.admin})]);
}

#[tokio::test]
async fn values_that_no_bus_takes_are_left_out() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.events_with(Telling::Values).await;
    world.work(change(world.admin, &json!({"city": "x".repeat(300_000), "state": "X"})));
    world.sync(&id).await;
    let told = world.events_with(Telling::Values).await;
    assert_described(&told[0]);
    assert_eq!((&told[0]["detail"]["attributes"], told[0]["detail"].get("values")), (&json!(["city", "state"]), None));
}

#[tokio::test]
async fn each_customer_is_told_of_its_own_people_by_its_own_name() {
    let world = World::new().await;
    let members = world.fleet(3).await;
    world.drain().await;
    let told = events(&world).await;
    assert_eq!(told.len(), members.len());
    for member in &members {
        let theirs = told.iter().find(|event| event["detail"]["connection"] == json!(member.id)).expect("each is told of");
        let detail = &theirs["detail"];
        assert_eq!((&detail["customer"], &detail["tenant"]), (&json!(member.customer), &json!(member.tenant)));
        assert_eq!(detail["person"], json!(member.admin));
    }
}

#[test]
fn the_schema_refuses_what_no_event_is() {
    let detail = json!({
        "version": 1, "id": "evt-1", "connection": "con-1", "customer": "acme", "tenant": Uuid::nil(), "person": Uuid::nil(),
        "changed_at": "2026-03-02T10:00:00.5Z", "is_new": false, "attributes": ["city"], "values": {"city": null},
    });
    let event = |kind: &'static str, detail: &Value| Entry { kind, time: Timestamp::UNIX_EPOCH, detail: detail.to_string() }.delivered();
    assert_described(&event("person.changed", &detail));
    let with = |name: &str, value: Value| {
        let mut detail = detail.clone();
        detail[name] = value;
        detail
    };
    let without = |name: &str| {
        let mut detail = detail.clone();
        detail.as_object_mut().unwrap().remove(name);
        detail
    };
    for name in ["version", "id", "connection", "person", "changed_at", "is_new", "attributes"] {
        assert_ne!(broken(&event("person.changed", &without(name))), [""; 0], "without {name}");
    }
    for (name, value) in [
        ("version", json!(2)),
        ("id", json!("1")),
        ("customer", json!("a b")),
        ("person", json!("ada")),
        ("changed_at", json!("yesterday")),
        ("is_new", json!("yes")),
        ("attributes", json!(["city", "city"])),
        ("values", json!(["Oslo"])),
        ("mail", json!("ada@contoso.example")),
    ] {
        assert_ne!(broken(&event("person.changed", &with(name, value.clone()))), [""; 0], "{name}: {value}");
    }
    assert_ne!(broken(&event("person.removed", &detail)), [""; 0], "nobody who is removed has attributes");
    assert_ne!(broken(&event("person.gone", &detail)), [""; 0]);
}
