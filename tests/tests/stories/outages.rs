//! Answers that say nothing about the grant: health does not move, and the grant is tried again when that may help.

use entra_simulator::{Act, Fault, RetryAfter, Target};
use jiff::SignedDuration;
use serde_json::json;
use system_tests::World;
use system_tests::answer::time;

/// How often one check asks with the same token.
const TRIES: u32 = 2;

fn fail(fault: Fault) -> Act {
    Act::FailNext { target: Target::Token, times: TRIES, fault }
}

/// Checks once under `act`; answers how long the next check waits.
async fn nothing_moves(act: Act) -> SignedDuration {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let before = world.status(&id).await;
    world.work(act.clone());
    world.verdict(&id).await;
    let after = world.status(&id).await;
    for fact in ["health", "health_since", "last_verified_at", "last_synced_at", "data", "diagnosis"] {
        assert_eq!(before.get(fact), after.get(fact), "{fact} under {act:?}");
    }
    assert_eq!(world.notices(&id).await, [""; 0], "{act:?}");
    let wait = world.stored(&id).await.check_at.expect("it is tried again").duration_since(world.now());
    assert_eq!(world.verdict(&id).await, "healthy", "{act:?}");
    assert!(time(&world.status(&id).await["last_verified_at"]) > time(&before["last_verified_at"]), "{act:?}");
    wait
}

#[tokio::test]
async fn an_outage_moves_nothing() {
    for fault in [Fault::Status503, Fault::Status504, Fault::Html502, Fault::TruncatedJson, Fault::Reset] {
        let wait = nothing_moves(fail(fault)).await;
        assert!(wait >= SignedDuration::from_mins(2) && wait < SignedDuration::from_mins(3), "{wait}");
    }
}

#[tokio::test]
async fn a_throttle_is_honoured_however_it_is_written() {
    for (retry_after, seconds) in [
        (RetryAfter::Seconds(1_234), 1_234),
        (RetryAfter::Fractional("75.5".to_owned()), 75),
        (RetryAfter::HttpDate, 30),
        (RetryAfter::Seconds(86_400), 3_600),
    ] {
        let wait = nothing_moves(Act::ThrottleToken { requests: 1, retry_after: retry_after.clone() }).await;
        let asked = SignedDuration::from_secs(seconds);
        // A date has no fractions of a second.
        assert!(
            wait > asked - SignedDuration::from_secs(1) && wait <= asked * 9 / 8 + SignedDuration::from_secs(1),
            "{wait} for {retry_after:?}"
        );
    }
    let wait = nothing_moves(Act::ThrottleToken { requests: TRIES, retry_after: RetryAfter::Absent }).await;
    assert!(wait >= SignedDuration::from_mins(2), "{wait}");
}

#[tokio::test]
async fn a_loop_that_entra_detects_slows_us_down_and_says_nothing_about_the_grant() {
    let wait = nothing_moves(Act::Loop { times: 1 }).await;
    assert!(wait >= SignedDuration::from_hours(1), "{wait}");
}

#[tokio::test]
async fn an_outage_that_lasts_is_asked_less_and_less() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::FailNext { target: Target::Token, times: 100, fault: Fault::Status503 });
    for minutes in [2, 10, 30, 30] {
        assert_eq!(world.verdict(&id).await, "healthy");
        let wait = world.stored(&id).await.check_at.expect("it is tried again").duration_since(world.now());
        let rung = SignedDuration::from_mins(minutes);
        assert!(wait >= rung && wait <= rung * 9 / 8, "{wait} for {minutes} min");
    }
    world.work(Act::ClearFaults);
    assert_eq!(world.verdict(&id).await, "healthy");
    assert_eq!(world.stored(&id).await.body.unclear, 0);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_token() {
    let world = World::new().await;
    let id = world.connect().await;
    world.wire.lose("/token", system_tests::wire::Lost::Answer);
    assert_eq!(world.verdict(&id).await, "healthy");
    let sent = world.wire.refresh_tokens();
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
}

#[tokio::test]
async fn two_megabytes_of_text_are_cut_before_they_are_kept() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(fail(Fault::HugeText));
    // It is an OAuth error by its shape, with the status of one: the text changes nothing about that.
    assert_eq!(world.verdict(&id).await, "dead");
    let item = world.engine.item(&format!("connection#{id}"), "connection").await.unwrap();
    let size: usize = item.values().filter_map(|value| value.as_s().ok()).map(String::len).sum();
    assert!(size < 8 * 1024, "{size} bytes");
}

#[tokio::test]
async fn an_answer_without_a_new_refresh_token_keeps_the_old_one() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::NoRefreshToken { times: 1 });
    for _ in 0..3 {
        assert_eq!(world.check(&id).await, "healthy");
    }
    let used = world.wire.refresh_tokens();
    assert_eq!(used[0], used[1], "the token that worked goes on working");
    assert_ne!(used[1], used[2]);
}

#[tokio::test]
async fn the_four_facts_move_apart() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    let facts =
        |status: &serde_json::Value| json!([status["health"], status["last_verified_at"], status["last_synced_at"], status["data"]]);
    let start = world.status(&id).await;
    // Verified, not synced.
    world.verdict(&id).await;
    let verified = world.status(&id).await;
    assert!(time(&verified["last_verified_at"]) > time(&start["last_verified_at"]));
    assert_eq!(verified["last_synced_at"], start["last_synced_at"]);
    // Synced, with nothing verified and nothing changed.
    world.sync(&id).await;
    let synced = world.status(&id).await;
    assert_eq!(synced["last_verified_at"], verified["last_verified_at"]);
    assert!(time(&synced["last_synced_at"]) > time(&verified["last_synced_at"]));
    assert!(time(&synced["data"]["as_of"]) > time(&verified["data"]["as_of"]));
    // The grant dies; what was verified, synced and read stays what it was.
    world.work(Act::RevokeSessions { user: world.admin });
    world.verdict(&id).await;
    let dead = world.status(&id).await;
    assert_eq!(facts(&dead), json!(["dead", synced["last_verified_at"], synced["last_synced_at"], synced["data"]]));
    // Only when a sync is missed does the data fall behind; people can still be read.
    world.sync(&id).await;
    let stale = world.status(&id).await;
    assert_eq!(stale["data"]["as_of"], synced["data"]["as_of"]);
    assert_eq!(stale["data"]["stale_since"], json!(world.now()));
    assert_eq!(world.people(&id).await.len(), 3);
}
