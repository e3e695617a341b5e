//! Entra's word is believed at once where it is unmistakable, and at the second hearing where it is not.

use domain::health::APART;
use domain::ids::ConnectionId;
use entra_simulator::{Act, Fault, RetryAfter, Target};
use jiff::{SignedDuration, Timestamp};
use system_tests::World;

/// The longest wait before the second look.
const SECOND_LOOK_MAX: SignedDuration = SignedDuration::from_secs(11 * 60 * 9 / 8);

/// A connection that was refused once, in words that leave doubt; and since when it is doubted.
async fn doubted() -> (World, ConnectionId, Timestamp) {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.work(Act::RequireMfa { user: world.admin });
    assert_eq!(world.check(&id).await, "healthy");
    let since = doubted_since(&world, &id).await.expect("it is doubted");
    assert_eq!(since, world.now());
    (world, id, since)
}

async fn doubted_since(world: &World, id: &ConnectionId) -> Option<Timestamp> {
    world.stored(id).await.body.standing.doubted_since
}

#[tokio::test]
async fn a_first_verdict_that_may_be_mistaken_changes_nothing_that_is_seen() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let before = world.status(&id).await;
    world.work(Act::RequireMfa { user: world.admin });
    world.check(&id).await;
    let mut after = world.status(&id).await;
    after["server_time"] = before["server_time"].clone();
    assert_eq!(after, before);
    assert_eq!(world.notices(&id).await, [""; 0]);
    let wait = world.stored(&id).await.check_at.expect("it is looked at again").duration_since(world.now());
    assert!(wait >= APART && wait <= SECOND_LOOK_MAX, "{wait}");
}

#[tokio::test]
async fn a_second_verdict_like_the_first_ends_the_grant_once() {
    let (world, id, since) = doubted().await;
    assert_eq!(world.check(&id).await, "dead");
    assert!(world.now().duration_since(since) >= APART);
    assert_eq!(world.notices(&id).await, ["dead"]);
    let dead = world.stored(&id).await;
    assert_eq!((dead.check_at, dead.body.standing.doubted_since), (None, None));
    assert_eq!(dead.body.standing.since, world.now(), "it is dead since it is believed");
    world.pass(SignedDuration::from_hours(48));
    assert!(world.tick().await.outcomes.is_empty(), "the dead are not asked again");
    assert_eq!(world.notices(&id).await, ["dead"]);
}

#[tokio::test]
async fn one_word_of_bad_token_is_enough() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!((world.refreshes(), world.notices(&id).await), (1, vec!["dead".to_owned()]));
}

#[tokio::test]
async fn a_doubt_is_forgotten_when_entra_accepts() {
    let (world, id, _) = doubted().await;
    world.work(Act::LiftMfa { user: world.admin });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(doubted_since(&world, &id).await, None);
    // What comes later is a first verdict again, however long ago the other was.
    world.work(Act::RequireMfa { user: world.admin });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(doubted_since(&world, &id).await, Some(world.now()));
    assert_eq!(world.notices(&id).await, [""; 0]);
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!(world.notices(&id).await, ["dead"]);
}

#[tokio::test]
async fn an_unclear_answer_in_between_neither_ends_a_doubt_nor_counts() {
    let (world, id, since) = doubted().await;
    world.work(Act::FailNext { target: Target::Token, times: 2, fault: Fault::Status503 });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!((doubted_since(&world, &id).await, world.stored(&id).await.body.unclear), (Some(since), 1));
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!(world.notices(&id).await, ["dead"]);
}

#[tokio::test]
async fn a_grant_that_is_suspended_in_between_starts_over() {
    let (world, id, _) = doubted().await;
    world.work(Act::DisableUser { user: world.admin });
    assert_eq!(world.check(&id).await, "suspended");
    assert_eq!(doubted_since(&world, &id).await, None);
    world.work(Act::EnableUser { user: world.admin });
    assert_eq!(world.check(&id).await, "suspended", "the second factor is still asked for, heard for the first time again");
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!(world.notices(&id).await, ["suspended", "dead"]);
}

#[tokio::test]
async fn a_check_that_somebody_hastens_is_no_second_verdict() {
    let (world, id, since) = doubted().await;
    for minutes in [0, 1, 9] {
        let soon = since + SignedDuration::from_mins(minutes);
        world.ports.store.check_by(&id, soon).await.unwrap();
        world.set_now(soon);
        let report = world.tick().await;
        assert_eq!(report.outcomes.into_iter().collect::<Vec<_>>(), [("doubted", 1)], "after {minutes} min");
        assert_eq!((world.health(&id).await.as_str(), doubted_since(&world, &id).await), ("healthy", Some(since)));
        let next = world.stored(&id).await.check_at.expect("it is looked at again");
        assert!(next >= since + APART && next <= world.now() + SECOND_LOOK_MAX, "{next}");
    }
    assert_eq!(world.notices(&id).await, [""; 0]);
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!(world.notices(&id).await, ["dead"]);
}

/// The sync finds its access token used up while the grant waits for a set time; answers whether that moved the time.
async fn sync_moves_the_next_check(act: impl FnOnce(&World) -> Act) -> bool {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.pass(SignedDuration::from_hours(2));
    let act = act(&world);
    world.work(act);
    assert_eq!(world.check(&id).await, "healthy");
    let due_at = world.stored(&id).await.check_at;
    assert!(due_at.is_some_and(|at| at > world.now()), "it waits");
    attribute_sync::tick(&world.ports).await.unwrap();
    world.drain().await;
    world.pass(SignedDuration::from_mins(1));
    world.drain().await;
    assert_eq!(world.status(&id).await["sync"]["state"], "waiting", "there is no token to sync with");
    world.stored(&id).await.check_at != due_at
}

#[tokio::test]
async fn a_sync_without_a_token_shortens_no_wait_that_has_a_reason() {
    assert!(!sync_moves_the_next_check(|world| Act::RequireMfa { user: world.admin }).await, "a doubt");
    assert!(!sync_moves_the_next_check(|_| Act::FailNext { target: Target::Token, times: 2, fault: Fault::Status503 }).await, "an outage");
    let throttle = Act::ThrottleToken { requests: 1, retry_after: RetryAfter::Seconds(3_600) };
    assert!(!sync_moves_the_next_check(|_| throttle).await, "a wish of Entra's");
    assert!(!sync_moves_the_next_check(|_| Act::Loop { times: 1 }).await, "a loop");
}
