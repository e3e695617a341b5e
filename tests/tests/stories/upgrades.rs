//! Today's code over items that an earlier release wrote, and over items of a release to come.

use std::collections::BTreeSet;

use adapters::queue::SyncTask;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::ConnectionId;
use serde_json::{Value, json};
use system_tests::earlier::{CHOOSER, CHOSEN, Days, KINDS, LEAVER, Memory, items_of, kind};
use system_tests::engine::{CONNECTIONS, Item, PEOPLE};
use system_tests::world::CUSTOMER;
use system_tests::{World, log};

use crate::support::assert_synced;

/// How often a grant was renewed.
fn generation(item: &Item) -> u64 {
    item["generation"].as_n().unwrap().parse().unwrap()
}

#[tokio::test]
async fn todays_items_are_of_the_kinds_that_have_fixtures() {
    let days = Days::live().await;
    let written: BTreeSet<&str> = days.items().await.into_keys().collect();
    assert_eq!(written, KINDS.map(|(kind, _)| kind).into_iter().collect());
    for (name, _) in KINDS {
        assert!(items_of(name).iter().all(|item| kind(item) == Some(name)), "{name}");
    }
}

#[tokio::test]
async fn a_grant_of_an_earlier_release_is_shown_and_renewed() {
    let Days { world, memory } = Days::inherit().await;
    let Memory { connection, .. } = &memory;
    let status = world.status(connection).await;
    assert_eq!((&status["health"], &status["consented_by"]), (&json!("healthy"), &json!("ada@contoso.example")), "{status}");
    assert_eq!(status["spare"]["consented_by"], "eve@contoso.example");
    let before = world.refreshes();
    assert_eq!(world.check(connection).await, "healthy");
    assert!(world.refreshes() > before, "Entra was asked with the stored token");
    let grant = world.stored(connection).await.body.grant.unwrap();
    assert_ne!(grant.current, memory.slot);
    let oldest = items_of("grants.tokens").iter().map(generation).min().unwrap();
    assert!(grant.previous.is_some_and(|slot| slot.generation >= oldest), "the token before is kept");
    assert_eq!(world.attempt(memory.attempt.as_str()).await["state"], "succeeded");
}

#[tokio::test]
async fn people_of_an_earlier_release_are_read_and_synced_on() {
    let Days { world, memory } = Days::inherit().await;
    let id = &memory.connection;
    assert_synced(&world, id).await;
    assert_eq!(world.photo(id, memory.pictured).await.status, 200);
    world.work(entra_simulator::Act::ChangeJobTitles { count: 3 });
    world.work(entra_simulator::Act::AddPeople { count: 2 });
    world.sync(id).await;
    assert_synced(&world, id).await;
    world.work(entra_simulator::Act::ResetDelta);
    world.sync(id).await;
    assert_synced(&world, id).await;
    world.tour(id).await;
    assert!(world.ports.store.newcomers(id).await.unwrap().is_empty(), "newcomers were looked at");
}

#[tokio::test]
async fn a_cursor_of_an_earlier_release_tells_what_changed_since() {
    let Days { world, memory } = Days::inherit().await;
    let path = format!("/v1/connections/{}/people/changes?cursor={}", memory.connection, memory.cursor);
    let answer = world.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    let kinds: BTreeSet<&str> = answer["changes"].as_array().unwrap().iter().filter_map(|change| change["change"].as_str()).collect();
    assert!(["removed", "changed"].iter().all(|kind| kinds.contains(kind)), "{answer}");
}

#[tokio::test]
async fn a_choice_of_an_earlier_release_holds_when_the_consent_comes() {
    let Days { world, memory } = Days::inherit().await;
    let chosen = world.call(CHOOSER, "GET", &format!("/v1/connections/{}/attributes", memory.chosen), None).await.json();
    let names: BTreeSet<&str> = chosen["attributes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(names, BTreeSet::from(CHOSEN), "{chosen}");
    let begun = world.call(CHOOSER, "POST", "/v1/reconnect-attempts", Some(&json!({"connection": memory.chosen}))).await.json();
    let url = begun["authorize_url"].as_str().unwrap().parse().unwrap();
    world.come_back(&world.simulator.accept(&url, (world.tenant, world.admin)).unwrap()).await;
    world.drain().await;
    let people = world.call(CHOOSER, "GET", &format!("/v1/connections/{}/people", memory.chosen), None).await.json();
    // What is read of everybody, whatever was chosen.
    let always = ["accountEnabled", "userPrincipalName", "userType"];
    let is_due = |name: &String| CHOSEN.contains(&name.as_str()) || always.contains(&name.as_str());
    let shown = people["people"].as_array().unwrap().iter().all(|person| person["attributes"].as_object().unwrap().keys().all(is_due));
    assert!(shown, "{people}");
}

#[tokio::test]
async fn notices_and_incidents_of_an_earlier_release_are_known() {
    let Days { world, memory } = Days::inherit().await;
    let [told, held] = &memory.blocked;
    let notices = (world.notices(told).await, world.notices(held).await);
    assert_eq!(notices, (vec!["suspended".to_owned(), "nobody-reached".to_owned()], Vec::new()), "nobody had named a contact");
    let incidents = world.ports.store.incidents().await.unwrap();
    assert_eq!(incidents.iter().filter(|incident| incident.is_open()).count(), 1, "{incidents:?}");
    assert!(world.stored(held).await.body.held_since.is_some());
    let at = world.stored(held).await.check_at.unwrap();
    world.set_now(at.max(world.now()));
    let report = world.tick().await;
    assert_eq!(report.faults, 0, "{report:?}");
    assert!(report.outcomes.get("held").is_some_and(|count| *count >= 1), "the incident still holds it back: {report:?}");
}

#[tokio::test]
async fn whoever_heard_of_trouble_in_an_earlier_release_hears_on() {
    let Days { world, memory } = Days::inherit().await;
    let stored = world.audience().await;
    assert_eq!((stored.audience.contacts.len(), stored.secrets.len()), (2, 1), "a mail address and a webhook with its secret");
    let [told, _] = &memory.blocked;
    let before = world.ports.store.notices(told).await.unwrap();
    world.work(entra_simulator::Act::RevokeSessions { user: world.admin });
    assert_eq!(world.verdict(&memory.connection).await, "healthy", "the spare grant takes over");
    world.tell().await;
    let letters = world.posted.take_letters();
    assert!(letters.iter().any(|letter| letter.to.as_str() == "ada@contoso.example"), "{letters:#?}");
    assert_eq!(world.ports.store.notices(told).await.unwrap(), before, "what was told stays as it was");
    let again = world.command(&format!("erase {LEAVER} --yes {LEAVER}"), "").await;
    assert_eq!(again.code, 0, "the proof is read: {}", again.asides);
}

/// Makes an item look like one of a release to come, and answers it.
async fn from_the_future(world: &World, table: &str, (pk, sk): (&str, &str)) -> Item {
    let key = [("pk", pk), ("sk", sk)].map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    let request = world.engine.client.update_item().table_name(table).set_key(Some(Item::from(key))).update_expression("SET v = :v");
    let request = request.expression_attribute_values(":v", AttributeValue::N("99".to_owned()));
    let request = request.return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
    request.send().await.unwrap().attributes.unwrap()
}

fn partition(id: &ConnectionId) -> String {
    format!("connection#{id}")
}

#[tokio::test]
async fn a_connection_of_a_newer_release_is_left_alone_and_holds_up_nobody() {
    log::keep();
    let world = World::new().await;
    let fleet = world.fleet(4).await;
    let newer = &fleet[1].id;
    let pk = partition(newer);
    let stored = from_the_future(&world, CONNECTIONS, (&pk, "connection")).await;
    for member in fleet.iter().filter(|member| member.id != *newer) {
        let at = world.stored(&member.id).await.check_at.unwrap();
        world.set_now(at.max(world.now()));
    }
    world.pass(jiff::SignedDuration::from_mins(10));
    let report = world.tick().await;
    assert_eq!((report.outcomes.get("healthy"), report.faults, report.left), (Some(&3), 1, 0), "{report:?}");
    assert_eq!(world.engine.item(&pk, "connection").await, Some(stored), "nothing of it was changed");
    let line = format!("item {pk}/connection cannot be read: v is 99, and this release knows up to 2");
    assert!(log::kept().contains(&line), "the log names it: {}", log::kept());
    let answer = world.call(&fleet[1].customer, "GET", &format!("/v1/connections/{newer}"), None).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(world.status_of(&fleet[2].customer, &fleet[2].id).await["health"], "healthy");
}

#[tokio::test]
async fn tokens_of_a_newer_release_fail_for_their_connection_alone() {
    log::keep();
    let world = World::new().await;
    let fleet = world.fleet(3).await;
    let slot = world.stored(&fleet[0].id).await.body.grant.unwrap().current.slot;
    from_the_future(&world, CONNECTIONS, (&partition(&fleet[0].id), &format!("grant#{slot}"))).await;
    for member in &fleet {
        let at = world.stored(&member.id).await.check_at.unwrap();
        world.set_now(at.max(world.now()));
    }
    let report = world.tick().await;
    assert_eq!((report.outcomes.get("healthy"), report.faults), (Some(&2), 1), "{report:?}");
    assert!(log::kept().contains(&format!("item {}/grant#{slot} cannot be read: v is 99", partition(&fleet[0].id))));
    assert_eq!(world.notices(&fleet[0].id).await, [""; 0], "nobody is told of a fault of ours");
}

#[tokio::test]
async fn a_task_about_a_walk_of_a_newer_release_goes_to_the_dead_letters() {
    log::keep();
    let world = World::new().await;
    let fleet = world.fleet(2).await;
    let [newer, other] = [&fleet[0].id, &fleet[1].id];
    let pk = partition(newer);
    let stored = from_the_future(&world, CONNECTIONS, (&pk, "walk")).await;
    let task = |id: &ConnectionId| serde_json::to_string(&SyncTask::quick(id.clone())).unwrap();
    // As often as the queue delivers it before it gives it up.
    for _ in 0..5 {
        assert!(!world.take(&task(newer)).await, "it is not done with");
    }
    assert_eq!(world.engine.item(&pk, "walk").await, Some(stored), "nothing of it was changed");
    assert!(log::kept().contains(&format!("item {pk}/walk cannot be read: v is 99, and this release knows up to 2")));
    assert!(world.take(&task(other)).await, "others are synced");
    world.drain().await;
    assert!(world.status_of(&fleet[1].customer, other).await["data"]["as_of"].is_string());
}

#[tokio::test]
async fn a_person_of_a_newer_release_is_named_and_others_can_be_read() {
    log::keep();
    let world = World::with_people(12).await;
    let id = world.connect_and_sync().await;
    let sk = format!("person#{}", world.admin);
    from_the_future(&world, PEOPLE, (id.as_str(), &sk)).await;
    let answer = world.get(&format!("/v1/connections/{id}/people/{}", world.admin)).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(log::kept().contains(&format!("item {id}/{sk} cannot be read: v is 99")), "{}", log::kept());
    let other = world.simulator.directory(world.tenant).iter().find_map(|person| {
        // Whoever reports to that person cannot be shown whole either.
        let (id, admin) = (person["id"].as_str()?, world.admin.to_string());
        (id != admin && person["manager"]["id"] != admin.as_str()).then(|| id.to_owned())
    });
    let answer = world.call(CUSTOMER, "GET", &format!("/v1/connections/{id}/people/{}", other.unwrap()), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
