//! A warning before the end, learned from how earlier grants of the connection ended.

use entra_simulator::Act;
use jiff::SignedDuration;
use system_tests::World;
use system_tests::answer::{redacted, time};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A tenant whose sign-ins last 14 days, and a connection that has learned it the hard way and was repaired.
async fn once_bitten() -> (World, domain::ids::ConnectionId) {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::SignInFrequency { seconds: Some(14 * 24 * 3600), enforced: true });
    world.pass(DAY * 14 + SignedDuration::from_hours(1));
    assert_eq!(world.verdict(&id).await, "dead");
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    (world, id)
}

#[tokio::test]
async fn a_fresh_connection_shows_no_forecast() {
    let world = World::new().await;
    let id = world.connect().await;
    world.verdict(&id).await;
    assert_eq!(world.status(&id).await.get("forecast"), None);
}

#[tokio::test]
async fn a_policy_that_ended_one_grant_is_foreseen_for_the_next() {
    let (world, id) = once_bitten().await;
    let status = world.status(&id).await;
    insta::assert_json_snapshot!("foreseen", redacted(&status));
    assert_eq!(time(&status["forecast"]["ends_at"]), time(&status["consented_at"]) + DAY * 14);
}

#[tokio::test]
async fn a_week_before_the_end_the_connection_is_expiring_and_it_is_told_once() {
    let (world, id) = once_bitten().await;
    let ends_at = time(&world.status(&id).await["forecast"]["ends_at"]);
    world.set_now(ends_at - DAY * 7 - SignedDuration::from_mins(1));
    world.tick().await;
    assert_eq!(world.health(&id).await, "healthy");
    for _ in 0..3 {
        assert_eq!(world.verdict(&id).await, "expiring");
    }
    assert_eq!(world.notices(&id).await, ["dead", "recovered", "expiring"]);
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    assert_eq!(world.health(&id).await, "healthy");
    assert_eq!(world.notices(&id).await, ["dead", "recovered", "expiring", "recovered"]);
}

#[tokio::test]
async fn what_was_seen_twice_is_sure() {
    let (world, id) = once_bitten().await;
    world.pass(DAY * 14 + SignedDuration::from_hours(1));
    assert_eq!(world.verdict(&id).await, "dead");
    world.consent(&id).await;
    let forecast = &world.status(&id).await["forecast"];
    assert_eq!(forecast["confidence"], "high");
    let labels = forecast["evidence"].as_array().unwrap().iter().map(|fact| fact["label"].as_str().unwrap());
    let stated = "Microsoft stated a limit of 14 days";
    assert_eq!(labels.collect::<Vec<_>>(), [stated, stated, "Last sign-in"]);
}

#[tokio::test]
async fn a_second_factor_that_grew_too_old_teaches_its_age() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::RememberMfaDays { days: Some(14) });
    world.pass(DAY * 14 - SignedDuration::from_mins(10));
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.verdict(&id).await, "dead");
    world.consent(&id).await;
    insta::assert_json_snapshot!("foreseen_by_age", redacted(&world.status(&id).await["forecast"]));
}
