//! When Graph asks us to wait, or refuses: we wait as long as it asked, then go on where we were.

use adapters::queue::DELAY_MAX;
use entra_simulator::{Act, Fault, RetryAfter, Target};
use jiff::SignedDuration;
use serde_json::json;
use system_tests::World;
use system_tests::answer::redacted;

use crate::support::{assert_synced, deliver, delta_requests, walk};

/// A walk with one page behind it and two before it.
async fn under_way() -> (World, domain::ids::ConnectionId) {
    let world = World::with_people(29).await;
    world.work(Act::PageSize { people: 10 });
    let id = world.connect().await;
    for _ in 0..2 {
        assert!(deliver(&world).await);
    }
    (world, id)
}

/// Goes on until the walk rests, as schedule and queue would.
async fn go_on(world: &World, id: &domain::ids::ConnectionId) {
    for _ in 0..20 {
        world.drain().await;
        if !walk(world, id).await.is_under_way() {
            return;
        }
        let (_, due_at) = world.ports.store.walk(id).await.unwrap().unwrap();
        world.set_now(due_at.unwrap().max(world.now()));
        world.tick().await;
        attribute_sync::tick(&world.ports).await.unwrap();
    }
    panic!("the walk does not go on");
}

#[tokio::test]
async fn a_wait_is_kept_however_it_is_written() {
    for (retry_after, seconds) in [
        (RetryAfter::Seconds(17), 17),
        (RetryAfter::Fractional("2.128".to_owned()), 2),
        (RetryAfter::HttpDate, 30),
        (RetryAfter::Absent, 120),
        (RetryAfter::Seconds(3_000), 3_000),
    ] {
        let (world, id) = under_way().await;
        world.work(Act::ThrottleGraph { requests: 1, retry_after: retry_after.clone() });
        assert!(deliver(&world).await);
        let throttled_at = world.now();
        let status = world.status(&id).await;
        assert_eq!((&status["sync"]["state"], &status["health"]), (&json!("waiting"), &json!("healthy")), "{retry_after:?}");
        let asked = delta_requests(&world);
        world.set_now(throttled_at + SignedDuration::from_secs(seconds) - SignedDuration::from_millis(1_001));
        world.drain().await;
        assert_eq!(delta_requests(&world), asked, "{retry_after:?}");
        go_on(&world, &id).await;
        assert!(world.now() <= throttled_at + SignedDuration::from_secs(seconds * 9 / 8 + 2), "{retry_after:?}");
        assert_synced(&world, &id).await;
    }
}

#[tokio::test]
async fn a_second_task_does_not_shorten_a_wait() {
    let (world, id) = under_way().await;
    world.work(Act::ThrottleGraph { requests: 1, retry_after: RetryAfter::Seconds(600) });
    assert!(deliver(&world).await);
    let asked = delta_requests(&world);
    for _ in 0..3 {
        world.pass(SignedDuration::from_secs(30));
        world.post(&format!("/v1/connections/{id}/sync"), &json!({})).await;
        world.drain().await;
    }
    assert_eq!(delta_requests(&world), asked);
    go_on(&world, &id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_wait_that_the_queue_cannot_hold_is_kept_all_the_same() {
    let (world, id) = under_way().await;
    world.work(Act::ThrottleGraph { requests: 1, retry_after: RetryAfter::Seconds(3_000) });
    assert!(deliver(&world).await);
    let asked = delta_requests(&world);
    world.pass(SignedDuration::try_from(DELAY_MAX).unwrap() + SignedDuration::from_secs(1));
    world.drain().await;
    assert_eq!(delta_requests(&world), asked, "the queue delivers early, and nobody goes");
    go_on(&world, &id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn an_outage_of_graph_is_waited_out() {
    for fault in [Fault::Status503, Fault::Status504, Fault::Html502, Fault::Reset] {
        let (world, id) = under_way().await;
        world.work(Act::FailNext { target: Target::Graph, times: 2, fault: fault.clone() });
        assert!(deliver(&world).await);
        let status = world.status(&id).await;
        assert_eq!((&status["sync"]["state"], &status["health"]), (&json!("waiting"), &json!("healthy")), "{fault:?}");
        go_on(&world, &id).await;
        assert_synced(&world, &id).await;
    }
}

#[tokio::test]
async fn an_outage_of_graph_that_lasts_is_told_as_stale_data() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    world.work(Act::FailNext { target: Target::Graph, times: 100, fault: Fault::Status503 });
    let mut told = Vec::new();
    for _ in 0..4 {
        world.sync(&id).await;
        told.push(world.status(&id).await["data"].get("stale_since").is_some());
    }
    assert_eq!(told, [false, false, true, true]);
    assert_eq!(world.people(&id).await.len(), 4, "the last good data is served");
    world.work(Act::ClearFaults);
    world.sync(&id).await;
    assert_eq!(world.status(&id).await["data"].get("stale_since"), None);
}

#[tokio::test]
async fn a_walk_that_waits_says_so() {
    let (world, id) = under_way().await;
    world.work(Act::ThrottleGraph { requests: 1, retry_after: RetryAfter::Seconds(60) });
    deliver(&world).await;
    let status = world.status(&id).await;
    insta::assert_json_snapshot!("waiting", redacted(&json!([status["data"], status["sync"]])));
}

#[tokio::test]
async fn a_token_that_graph_does_not_accept_hastens_a_check() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    world.work(Act::ClaimsChallengeGraph { times: 1 });
    let checks = world.refreshes();
    let turn = world.stored(&id).await.check_at.unwrap();
    world.sync(&id).await;
    let hastened = world.stored(&id).await;
    assert!(hastened.check_at.unwrap() < turn, "the grant is asked before its turn");
    assert_eq!(hastened.check_at, hastened.body.verified_at.map(|at| at + domain::schedule::REST), "but not before it has rested");
    world.set_now(hastened.check_at.unwrap());
    assert_eq!(world.tick().await.outcomes.get("healthy"), Some(&1));
    assert_eq!(world.refreshes(), checks + 1);
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn consent_withdrawn_is_noticed_by_the_sync() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    world.work(Act::WithdrawConsent);
    world.sync(&id).await;
    world.verdict(&id).await;
    let status = world.status(&id).await;
    assert_eq!((&status["health"], &status["diagnosis"]["cause"]), (&json!("dead"), &json!("consent-withdrawn")));
    assert_eq!(world.people(&id).await.len(), 4, "people can still be read");
    world.work(Act::GrantConsent);
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    world.drain().await;
    assert_synced(&world, &id).await;
    assert_eq!(world.status(&id).await["data"].get("stale_since"), None);
}

#[tokio::test]
async fn a_walk_without_a_live_token_asks_for_one_and_goes_on() {
    let world = World::with_people(29).await;
    world.work(Act::PageSize { people: 10 });
    let id = world.connect().await;
    assert!(deliver(&world).await);
    world.pass(SignedDuration::from_hours(3));
    assert!(deliver(&world).await);
    let asked = delta_requests(&world);
    assert_eq!(world.status(&id).await["sync"]["state"], "waiting");
    assert_eq!(world.tick().await.outcomes.get("healthy"), Some(&1));
    go_on(&world, &id).await;
    assert!(delta_requests(&world) > asked);
    assert_synced(&world, &id).await;
}
