//! Many pages in one step, as in the cloud: the next page is fetched while the present one is stored.

use adapters::queue::{Lane, SyncTask};
use attribute_sync::Plan;
use domain::ids::ConnectionId;
use entra_simulator::{Act, RetryAfter};
use jiff::SignedDuration;
use system_tests::World;
use system_tests::engine::Lost;

use crate::support::{assert_synced, delta_requests, list_requests, walk};

/// A connection whose sync walks as far in one step as in the cloud.
async fn world(people: u32) -> (World, ConnectionId) {
    let mut world = World::with_people(people).await;
    world.sync = Plan::default();
    let id = world.connect().await;
    (world, id)
}

/// Lanes of the tasks that wait.
fn lanes(world: &World) -> Vec<Lane> {
    let task = |message: &str| serde_json::from_str::<SyncTask>(message).unwrap().lane;
    world.tasks.waiting().iter().map(|waiting| task(&waiting.message)).collect()
}

#[tokio::test]
async fn a_first_load_is_one_step_and_asks_for_each_page_once() {
    let (world, id) = world(95).await;
    world.work(Act::PageSize { people: 10 });
    let message = world.tasks.take_due().unwrap();
    assert!(world.take(&message).await);
    assert_eq!((list_requests(&world), delta_requests(&world), world.tasks.waiting().len()), (10, 2, 0));
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_write_that_is_lost_in_the_middle_of_a_step_costs_one_page() {
    for operation in ["UpdateItem", "PutItem", "BatchWriteItem"] {
        for lost in [Lost::Request, Lost::Answer] {
            let (world, id) = world(95).await;
            world.work(Act::PageSize { people: 10 });
            let message = world.tasks.take_due().unwrap();
            world.engine.meter.lose(operation, 7, lost);
            world.take(&message).await;
            for _ in 0..4 {
                world.pass(SignedDuration::from_secs(125));
                attribute_sync::tick(&world.ports).await.unwrap();
                world.drain().await;
            }
            assert_synced(&world, &id).await;
            // The page whose write was lost, and one that was fetched ahead of it.
            assert!(list_requests(&world) <= 12, "{operation} {lost:?}: {}", list_requests(&world));
        }
    }
}

#[tokio::test]
async fn an_unchanged_round_reads_nobody_and_writes_nobody() {
    let (world, id) = world(95).await;
    world.work(Act::PageSize { people: 10 });
    world.drain().await;
    world.engine.meter.reset();
    world.work(Act::ExpireDeltaTokens);
    world.sync(&id).await;
    let count = |operation| world.engine.meter.count(operation);
    assert_eq!((count("BatchGetItem"), count("BatchWriteItem")), (0, 0), "the roll of the round before is all that is read");
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_full_round_after_many_changes_reads_only_those_who_changed() {
    let (world, id) = world(95).await;
    world.drain().await;
    world.work(Act::ChangePeople { count: 7 });
    world.sync(&id).await;
    world.work(Act::ChangePeople { count: 5 });
    world.work(Act::DeletePeople { count: 2 });
    world.work(Act::AddPeople { count: 3 });
    world.work(Act::ResetDelta);
    world.sync(&id).await;
    assert_synced(&world, &id).await;
    world.work(Act::ExpireDeltaTokens);
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_wait_in_the_middle_of_a_step_is_kept_and_the_rest_follows() {
    let (world, id) = world(45).await;
    world.work(Act::PageSize { people: 10 });
    let message = world.tasks.take_due().unwrap();
    world.work(Act::ThrottleGraph { requests: 1, retry_after: RetryAfter::Seconds(30) });
    assert!(world.take(&message).await);
    assert_eq!(world.status(&id).await["sync"]["state"], "waiting");
    world.drain().await;
    assert_eq!(list_requests(&world), 0);
    world.pass(SignedDuration::from_secs(35));
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn the_first_load_of_a_large_tenant_goes_over_to_the_bulk_lane_and_its_changes_come_back() {
    let (mut world, id) = world(5_200).await;
    // Every step one page: the lanes are what this is about.
    world.sync = Plan { pages_max: 1, ..Plan::default() };
    let mut seen = Vec::new();
    while let Some(message) = world.tasks.take_due() {
        assert!(world.take(&message).await);
        seen.extend(lanes(&world));
    }
    assert_synced(&world, &id).await;
    let quick = seen.iter().take_while(|lane| **lane == Lane::Quick).count();
    assert_eq!(quick, 5, "a mark and four pages: {seen:?}");
    assert_eq!(seen[5..], [Lane::Bulk, Lane::Quick], "the sixth page is bulk, and what changed meanwhile is quick again");
}

#[tokio::test]
async fn a_week_later_everybody_is_listed_again_and_nothing_is_written() {
    let (world, id) = world(45).await;
    world.drain().await;
    let asked = list_requests(&world);
    for _ in 0..8 {
        world.pass(SignedDuration::from_hours(22));
        world.tick().await;
        world.sync(&id).await;
    }
    assert_eq!(list_requests(&world), asked + 1);
    assert_eq!(walk(&world, &id).await.changes, 0);
    assert_synced(&world, &id).await;
}
