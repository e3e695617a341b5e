//! Tasks that come twice, early, late, never or malformed; workers that die at any write.

use attribute_sync::Step;
use entra_simulator::Act;
use jiff::SignedDuration;
use system_tests::World;
use system_tests::engine::Lost;
use system_tests::wire::Place;

use crate::support::{assert_synced, deliver, delta_requests, list_requests, walk};

async fn under_way() -> (World, domain::ids::ConnectionId) {
    let world = World::with_people(29).await;
    world.work(Act::PageSize { people: 10 });
    let id = world.connect().await;
    (world, id)
}

#[tokio::test]
async fn two_workers_at_once_apply_a_page_once() {
    let (world, id) = under_way().await;
    world.step(&id).await.unwrap();
    let mut held = world.wire.hold("/v1.0/users", Place::Inbound);
    let second = async {
        held.arrived().await;
        let step = world.step(&id).await.unwrap();
        held.release();
        step
    };
    let (first, second) = tokio::join!(world.step(&id), second);
    assert_eq!((first.unwrap(), second), (Step::Moved, Step::Idle));
    assert_eq!((walk(&world, &id).await.page, list_requests(&world)), (1, 1));
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_worker_that_was_overtaken_moves_nothing() {
    let (world, id) = under_way().await;
    let mut held = world.wire.hold("/users/delta", Place::Inbound);
    let others = async {
        held.arrived().await;
        world.pass(SignedDuration::from_secs(121));
        world.drain().await;
        let after = walk(&world, &id).await;
        held.release();
        after
    };
    let (slow, after) = tokio::join!(world.step(&id), others);
    assert!(!matches!(slow, Ok(Step::Moved | Step::Completed)), "{slow:?}");
    assert_eq!(walk(&world, &id).await, after);
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_worker_that_was_overtaken_writes_nothing_old_over_something_new() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let rename = |city: &str| Act::ChangeUser {
        user: world.admin,
        properties: serde_json::json!({"city": city}).as_object().cloned().unwrap_or_default(),
    };
    world.work(rename("Oslo"));
    world.pass(SignedDuration::from_mins(20));
    let mut held = world.wire.hold("/users/delta", Place::Inbound);
    let others = async {
        held.arrived().await;
        world.work(rename("Bergen"));
        world.pass(SignedDuration::from_secs(121));
        attribute_sync::tick(&world.ports).await.unwrap();
        world.drain().await;
        assert_synced(&world, &id).await;
        held.release();
    };
    let (slow, ()) = tokio::join!(world.step(&id), others);
    assert!(slow.is_err() || slow.as_ref().is_ok_and(|step| *step == Step::Idle), "{slow:?}");
    assert_synced(&world, &id).await;
}

/// The worker is found dead, and the next one goes on.
async fn followed(world: &World, id: &domain::ids::ConnectionId) {
    assert!(world.step(id).await.is_err(), "it died");
    world.engine.meter.lose_no_more();
    world.pass(SignedDuration::from_secs(121));
    attribute_sync::tick(&world.ports).await.unwrap();
}

#[tokio::test]
async fn whom_a_dead_worker_noted_as_gone_is_not_gone_where_the_page_comes_again_without_them() {
    let world = World::with_people(4).await;
    let id = world.connect_and_sync().await;
    let people = world.simulator.directory(world.tenant);
    let others = people.iter().filter_map(|person| person["id"].as_str()?.parse().ok()).filter(|person| *person != world.admin);
    let others: Vec<uuid::Uuid> = others.collect();
    world.work(Act::PageSize { people: 1 });
    world.work(Act::DeleteUser { user: others[0] });
    world.work(Act::ChangeJobTitles { count: 1 });
    world.work(Act::DeleteUser { user: others[1] });
    world.pass(SignedDuration::from_mins(20));
    // The lease, the note that people are being written, and not the one that the page is done.
    world.engine.meter.lose("UpdateItem", 2, Lost::Request);
    followed(&world, &id).await;
    world.work(Act::RestoreUser { user: others[0] });
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn whom_a_dead_worker_met_on_a_page_counts_only_where_the_page_comes_again_with_them() {
    let (world, id) = under_way().await;
    world.work(Act::RefuseMarks { on: true });
    world.step(&id).await.unwrap();
    world.engine.meter.lose("BatchWriteItem", 0, Lost::Request);
    followed(&world, &id).await;
    world.work(Act::EmptyPages { pages: 1 });
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn whom_a_dead_worker_stored_in_a_first_load_counts_where_the_page_comes_again_without_them() {
    let (world, id) = under_way().await;
    world.step(&id).await.unwrap();
    world.engine.meter.lose("BatchWriteItem", 0, Lost::Answer);
    followed(&world, &id).await;
    world.work(Act::DeletePeople { count: 1 });
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn every_task_delivered_three_times_comes_to_the_same() {
    let (world, id) = under_way().await;
    while let Some(message) = world.tasks.take_due() {
        for _ in 0..3 {
            assert!(world.take(&message).await);
        }
    }
    assert_synced(&world, &id).await;
    assert_eq!((list_requests(&world), delta_requests(&world)), (3, 2), "three pages, a mark before, and what changed since after");
}

#[tokio::test]
async fn a_lost_task_is_made_up_for_by_the_schedule() {
    let (world, id) = under_way().await;
    assert!(deliver(&world).await);
    world.tasks.lose();
    assert_eq!(attribute_sync::tick(&world.ports).await.unwrap(), 0);
    world.pass(SignedDuration::from_secs(121));
    assert_eq!(attribute_sync::tick(&world.ports).await.unwrap(), 1);
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_message_that_is_no_task_is_left_to_the_dead_letter_queue() {
    let world = World::new().await;
    for message in
        ["", "{}", "null", "[1]", r#"{"connection":""}"#, r#"{"connection":"a/b"}"#, r#"{"connection":"con-1","extra":1}"#, "\u{0}"]
    {
        assert!(!world.take(message).await, "{message:?}");
    }
    let stranger = r#"{"connection":"con-00000000000000000000000000"}"#;
    assert!(world.take(stranger).await, "a connection that is gone has nothing left to do");
}

/// Steps under a walk of two rounds, with one write lost on the way; then time passes and everything is tried again.
async fn die_at(operation: &str, after: u32, lost: Lost) {
    let (world, id) = under_way().await;
    world.engine.meter.lose(operation, after, lost);
    settle(&world, &id).await;
    assert_synced(&world, &id).await;
    world.work(Act::DeletePeople { count: 3 });
    world.work(Act::AddPeople { count: 5 });
    world.work(Act::ChangeJobTitles { count: 8 });
    world.engine.meter.lose(operation, after, lost);
    world.pass(SignedDuration::from_mins(20));
    settle(&world, &id).await;
    assert_synced(&world, &id).await;
    world.work(Act::ExpireDeltaTokens);
    world.work(Act::DeletePeople { count: 3 });
    world.engine.meter.lose(operation, after, lost);
    world.pass(SignedDuration::from_mins(20));
    settle(&world, &id).await;
    assert_synced(&world, &id).await;
}

/// Time passes, longer than any lease, and the schedules do what is due.
async fn settle(world: &World, id: &domain::ids::ConnectionId) {
    for _ in 0..9 {
        world.tick().await;
        attribute_sync::tick(&world.ports).await.unwrap();
        world.drain().await;
        world.pass(SignedDuration::from_secs(125));
    }
    assert!(!walk(world, id).await.is_under_way(), "the walk ends");
}

#[tokio::test]
async fn a_worker_may_die_at_any_write_of_a_walk() {
    for after in 0..9 {
        die_at("UpdateItem", after, Lost::Request).await;
    }
}

#[tokio::test]
async fn an_answer_of_any_write_of_a_walk_may_be_lost() {
    for after in 0..9 {
        die_at("UpdateItem", after, Lost::Answer).await;
    }
}

#[tokio::test]
async fn a_worker_may_die_while_it_writes_people() {
    for after in 0..3 {
        die_at("BatchWriteItem", after, Lost::Request).await;
        die_at("BatchWriteItem", after, Lost::Answer).await;
    }
}

#[tokio::test]
async fn a_worker_may_die_while_it_notes_whom_it_met() {
    for after in 0..3 {
        die_at("PutItem", after, Lost::Request).await;
        die_at("PutItem", after, Lost::Answer).await;
    }
}

#[tokio::test]
async fn people_are_counted_right_although_the_page_grew_after_a_death() {
    let world = World::with_people(9).await;
    let id = world.connect_and_sync().await;
    world.work(Act::AddPeople { count: 2 });
    // Takes the walk, notes what the page adds, writes people, and dies before the walk moves.
    world.engine.meter.lose("UpdateItem", 2, Lost::Request);
    world.sync(&id).await;
    world.work(Act::AddPeople { count: 4 });
    world.work(Act::DeletePeople { count: 1 });
    settle(&world, &id).await;
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}
