//! The operator's command line: what it tells, what it asks of the functions, and what it refuses.
//!
//! [`erasing`] is about what cannot be undone, [`rotation`] about keys, [`pauses`] about pauses.

mod erasing;
mod pauses;
mod rotation;

use domain::ids::ConnectionId;
use entra_simulator::Act;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::engine::Item;
use system_tests::wire::Place;

use crate::support::{list_requests, walk};

/// Every item of both tables, in order, to be compared.
async fn everything(world: &World) -> Vec<Item> {
    let mut items = world.engine.items().await;
    let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    items.sort_by_key(|item| (text(item, "pk"), text(item, "sk")));
    items
}

/// A connection whose grant is dead, because the administrator's password was reset.
async fn dead(world: &World) -> ConnectionId {
    let id = world.connect_and_sync().await;
    world.work(Act::ResetAdminPassword { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    id
}

#[tokio::test]
async fn connections_are_listed_with_health_end_and_age() {
    let world = World::new().await;
    let id = dead(&world).await;
    let others = world.fleet(2).await;
    let listed = world.command("list --json", "").await;
    assert_eq!((listed.code, listed.lines().len()), (0, 3), "{listed:?}");
    let ill = world.command("list --json --health dead,suspended", "").await.lines();
    assert_eq!(ill.len(), 1);
    assert_eq!((&ill[0]["id"], &ill[0]["health"], &ill[0]["people"]), (&json!(id), &json!("dead"), &json!(1)));
    assert_eq!(ill[0]["as_of"], world.status(&id).await["data"]["as_of"]);
    let one = world.command(&format!("list --json --customer {}", others[1].customer), "").await.lines();
    assert_eq!((one.len(), &one[0]["id"]), (1, &json!(others[1].id)));
    let text = world.command("list", "").await.out;
    assert_eq!(text.lines().count(), 4, "a heading and three lines: {text}");
    assert!(text.lines().next().unwrap().starts_with("CONNECTION "), "{text}");
}

#[tokio::test]
async fn a_connection_that_cannot_be_read_is_named_and_hides_no_other() {
    let world = World::new().await;
    let id = world.connect().await;
    let other = world.fleet(1).await.remove(0);
    let key = format!("connection#{id}");
    let request = world.engine.client.update_item().table_name(system_tests::engine::CONNECTIONS);
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let request = request.key("pk", text(&key)).key("sk", text("connection")).update_expression("SET body = :broken");
    request.expression_attribute_values(":broken", text("{")).send().await.unwrap();
    let listed = world.command("list --json", "").await;
    assert_eq!((listed.code, &listed.lines()[0]["id"]), (1, &json!(other.id)), "{listed:?}");
    assert!(listed.asides.contains(&format!("item {key}/connection cannot be read: body")), "{}", listed.asides);
    assert_eq!(world.command(&format!("show {id}"), "").await.code, 1);
}

#[tokio::test]
async fn everything_about_a_connection_is_shown_and_no_secret() {
    let world = World::with_people(5).await;
    let id = world.connect_and_sync().await;
    let shown = world.command(&format!("show {id} --json"), "").await;
    let sheet = &shown.lines()[0];
    assert_eq!((shown.code, &sheet["health"], &sheet["sync"]["people"]), (0, &json!("healthy"), &json!(6)), "{sheet}");
    assert_eq!((&sheet["grant"]["access"], &sheet["grant"]["consenter"]), (&json!("delegated"), &json!(world.admin)));
    let text = world.command(&format!("show {id}"), "").await.out;
    assert!(text.contains("grant           delegated, by ada@contoso.example at 2026-03-02T10:00:01Z"), "{text}");
    for secret in world.wire.secrets() {
        assert!(!shown.out.contains(&secret) && !text.contains(&secret));
    }
    let link = walk(&world, &id).await.delta_link.unwrap();
    assert!(!shown.out.contains(&link), "who has a link and a token reads the directory");
}

#[tokio::test]
async fn why_says_who_must_act_and_what_microsoft_asks_for() {
    let world = World::new().await;
    let id = dead(&world).await;
    let why = world.command(&format!("why {id}"), "").await;
    assert_eq!(why.code, 1);
    for part in ["is dead since", "Who must act: signed-in-person.", "AADSTS50173", "trace id", "correlation id", "invalid_grant"] {
        assert!(why.out.contains(part), "{part}: {}", why.out);
    }
    let told = &world.command(&format!("why {id} --json"), "").await.lines()[0];
    let refusal = world.stored(&id).await.body.standing.health.refusal().cloned().unwrap();
    assert_eq!((&told["refusal"]["trace_id"], &told["diagnosis"]["support"]["code"]), (&json!(refusal.trace_id), &json!(50173)));
    world.consent(&id).await;
    let why = world.command(&format!("why {id}"), "").await;
    assert_eq!((why.code, why.out.contains("Nothing is wrong.")), (0, true), "{}", why.out);
}

#[tokio::test]
async fn a_check_is_made_when_it_is_asked_for() {
    let world = World::new().await;
    let id = world.connect().await;
    let before = world.refreshes();
    world.tick().await;
    assert_eq!(world.refreshes(), before, "nothing is due yet");
    assert_eq!(world.command(&format!("check {id}"), "").await.code, 0);
    world.tick().await;
    assert_eq!(world.refreshes(), before + 1);
    world.work(Act::ResetAdminPassword { user: world.admin });
    world.verdict(&id).await;
    let kept = everything(&world).await;
    let refused = world.command(&format!("check {id}"), "").await;
    assert_eq!((refused.code, refused.out.contains("the connection is dead")), (1, true), "{}", refused.out);
    assert_eq!(everything(&world).await, kept);
}

#[tokio::test]
async fn a_sync_is_asked_for_and_a_full_one_walks_everybody() {
    let world = World::with_people(5).await;
    let id = world.connect_and_sync().await;
    assert!(world.tasks.take_due().is_none());
    let before = list_requests(&world);
    assert_eq!(world.command(&format!("sync {id}"), "").await.code, 0);
    world.drain().await;
    assert_eq!(list_requests(&world), before, "what changed is a delta");
    assert_eq!(world.command(&format!("sync {id} --full"), "").await.code, 0);
    world.drain().await;
    assert!(list_requests(&world) > before, "everybody is listed");
    crate::support::assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_full_round_is_not_begun_over_one_that_is_under_way() {
    let world = World::with_people(5).await;
    let id = world.connect().await;
    world.step(&id).await.unwrap();
    let mut held = world.wire.hold("/v1.0/users", Place::Inbound);
    let other = async {
        held.arrived().await;
        let said = world.command(&format!("sync {id} --full"), "").await;
        held.release();
        said
    };
    let (step, said) = tokio::join!(world.step(&id), other);
    step.unwrap();
    assert_eq!((said.code, said.out.contains("A round is under way")), (1, true), "{said:?}");
    world.drain().await;
    crate::support::assert_synced(&world, &id).await;
}

#[tokio::test]
async fn what_is_not_there_and_what_makes_no_sense_is_told_apart_by_the_exit_code() {
    let world = World::new().await;
    let nobody = ConnectionId::mint([9; 16]);
    for command in ["show", "why", "check", "sync", "pause", "resume", "disconnect"] {
        let said = world.command(&format!("{command} {nobody}"), "").await;
        assert_eq!((said.code, said.asides.contains(&format!("there is no connection {nobody}"))), (1, true), "{command}: {said:?}");
    }
    for command in ["erase nobody", "export nobody --to -"] {
        let said = world.command(command, "").await;
        assert_eq!((said.code, said.asides.contains("nothing is stored for customer nobody")), (1, true), "{command}: {said:?}");
    }
    for command in ["list --health happy", "show", "show con/1", "fly", "dead-letters", "export acme", "rotate-keys"] {
        let said = world.command(command, "").await;
        assert_eq!(said.code, 2, "{command}: {said:?}");
    }
    assert_eq!(everything(&world).await, Vec::<Item>::new());
}

#[tokio::test]
async fn a_store_that_fails_is_told_by_its_own_exit_code() {
    let world = World::new().await;
    let id = world.connect().await;
    world.engine.meter.lose("GetItem", 0, system_tests::engine::Lost::Request);
    let said = world.command(&format!("show {id}"), "").await;
    assert_eq!((said.code, said.asides.starts_with("could not read connection")), (3, true), "{said:?}");
}

/// Answers of a command as one JSON value.
fn one(lines: &[Value]) -> &Value {
    assert_eq!(lines.len(), 1, "{lines:?}");
    &lines[0]
}
