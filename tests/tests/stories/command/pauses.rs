//! Connections with which nothing is done for a while.

use entra_simulator::Act;
use jiff::SignedDuration;
use serde_json::json;
use system_tests::World;
use system_tests::wire::Place;

use super::one;
use crate::support::assert_synced;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Lets every schedule do what is due.
async fn tick_all(world: &World) {
    world.tick().await;
    attribute_sync::tick(&world.ports).await.unwrap();
    world.drain().await;
    world.tick_photos().await;
}

#[tokio::test]
async fn nothing_is_asked_of_microsoft_during_a_pause_and_all_of_it_after() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let paused = world.command(&format!("pause {id} --json"), "").await;
    assert_eq!((paused.code, &one(&paused.lines())["paused_since"]), (0, &json!(world.now())), "{paused:?}");
    let asked = world.wire.seen().len();
    for _ in 0..3 {
        world.pass(DAY);
        tick_all(&world).await;
    }
    assert_eq!(world.wire.seen().len(), asked, "nobody was asked anything");
    assert_eq!(world.health(&id).await, "healthy", "health stays what it was");
    assert_eq!(world.people(&id).await.len(), 4, "data stays readable");
    assert_eq!(world.command("list --json --health paused", "").await.lines().len(), 1);
    world.work(Act::AddPeople { count: 2 });
    let again = world.command(&format!("pause {id} --json"), "").await;
    assert_eq!(one(&again.lines()), one(&paused.lines()), "it is paused since the first time");
    assert_eq!(world.command(&format!("resume {id}"), "").await.code, 0);
    tick_all(&world).await;
    assert_synced(&world, &id).await;
    assert!(world.stored(&id).await.check_at.is_some_and(|at| at > world.now()), "it was checked, and is scheduled");
    assert_eq!(world.command(&format!("why {id}"), "").await.code, 0);
}

#[tokio::test]
async fn a_worker_that_was_at_it_when_the_pause_began_schedules_nothing() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.set_now(world.stored(&id).await.check_at.unwrap());
    let mut held = world.wire.hold("/token", Place::Outbound);
    let pausing = async {
        held.arrived().await;
        assert_eq!(world.command(&format!("pause {id}"), "").await.code, 0);
        held.release();
    };
    let (report, ()) = tokio::join!(world.tick(), pausing);
    assert!(report.outcomes.contains_key("overtaken"), "{report:?}");
    assert_eq!(world.stored(&id).await.check_at, None);
    let asked = world.wire.seen().len();
    world.pass(DAY);
    tick_all(&world).await;
    assert_eq!(world.wire.seen().len(), asked);
    world.command(&format!("resume {id}"), "").await;
    assert_eq!(world.check(&id).await, "healthy", "the token that the worker stored is found");
}

#[tokio::test]
async fn what_somebody_asks_for_during_a_pause_waits_and_holds_up_nobody() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.command(&format!("pause {id}"), "").await;
    for command in ["check", "sync"] {
        let said = world.command(&format!("{command} {id}"), "").await;
        assert_eq!((said.code, said.out.contains("is paused")), (1, true), "{command}: {said:?}");
    }
    let refused = world.post(&format!("/v1/connections/{id}/sync"), &json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    // A decision or a choice is taken at any time, and makes the walk due.
    world.ports.store.hasten_walk(&id, world.now()).await.unwrap();
    let asked = world.wire.seen().len();
    tick_all(&world).await;
    assert_eq!(world.wire.seen().len(), asked, "the pause holds");
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    assert_eq!(due_at, None, "it is not in the way of what is due");
}

#[tokio::test]
async fn a_consent_is_taken_during_a_pause_and_checked_after_it() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.command(&format!("pause {id}"), "").await;
    world.pass(DAY);
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    let asked = world.refreshes();
    world.pass(DAY);
    tick_all(&world).await;
    assert_eq!(world.refreshes(), asked, "the pause holds");
    world.command(&format!("resume {id}"), "").await;
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.refreshes(), asked + 1);
}
