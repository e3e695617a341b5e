//! The whole check under strict rotation: what it keeps, and what it cannot.

use domain::ids::ConnectionId;
use jiff::SignedDuration;
use system_tests::World;
use system_tests::planted::plant;
use system_tests::wire::Lost;
use system_tests::world::CUSTOMER;

use crate::server::PERSON;
use crate::{Strict, client, tenant};

/// Longer than any lease.
const LEASE_OVER: SignedDuration = SignedDuration::from_mins(10);
/// More checks than any verdict needs.
const CHECKS_MAX: usize = 4;

/// A world that reaches this server instead of the simulator, and a connection whose grant came from a sign-in there.
async fn connected() -> (World, Strict, ConnectionId) {
    let strict = Strict::start();
    let mut world = World::new().await;
    assert_eq!(world.now(), strict.now, "both clocks begin alike");
    world.ports.entra = client(&strict.server, system_tests::world::SECRET);
    let token = strict.grant().await;
    let customer = CUSTOMER.parse().expect("a customer");
    let person = PERSON.to_string().parse().expect("an object");
    let id = plant(&world.ports, &customer, (tenant(), person), &token).await.expect("it can be planted");
    (world, strict, id)
}

/// Checks when the connection is due, with the server's clock beside ours.
async fn check(world: &World, strict: &Strict, id: &ConnectionId) -> String {
    let due_at = world.stored(id).await.check_at.expect("a check is due");
    strict.server.set_now(due_at.max(world.now())).await;
    world.check(id).await
}

/// Checks until nothing is due any more; answers health then.
async fn last_health(world: &World, strict: &Strict, id: &ConnectionId) -> String {
    for _ in 0..CHECKS_MAX {
        if world.stored(id).await.check_at.is_none() {
            return world.health(id).await;
        }
        check(world, strict, id).await;
    }
    panic!("no verdict after {CHECKS_MAX} checks: {}", world.health(id).await);
}

#[tokio::test]
async fn each_check_uses_the_token_that_the_last_one_brought() {
    let (world, strict, id) = connected().await;
    for count in 1..=5 {
        assert_eq!(check(&world, &strict, &id).await, "healthy", "check {count}");
        assert_eq!(strict.server.refresh_tokens().len(), count, "one request a check");
    }
    let mut sent = strict.server.refresh_tokens();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), 5, "no token was sent twice: {sent:?}");
    assert_eq!(world.notices(&id).await, [""; 0]);
}

#[tokio::test]
async fn two_ticks_at_once_send_a_token_once() {
    let (world, strict, id) = connected().await;
    let (first, second) = tokio::join!(world.tick(), world.tick());
    assert_eq!((first.faults, second.faults), (0, 0));
    assert_eq!(strict.server.refresh_tokens().len(), 1);
    assert_eq!(check(&world, &strict, &id).await, "healthy");
}

#[tokio::test]
async fn a_worker_that_dies_before_its_verdict_is_written_loses_no_token() {
    for lost in [Lost::Request, Lost::Answer] {
        let (world, strict, id) = connected().await;
        // Of a tick's updates the first counts checks, the second takes the lease, the third is the verdict.
        world.engine.meter.lose("UpdateItem", 2, lost);
        let report = world.tick().await;
        assert_eq!(report.faults, 1, "{lost:?} {report:?}");
        assert_eq!(strict.server.refresh_tokens().len(), 1, "the token was used before the worker died");
        world.pass(LEASE_OVER);
        for count in 2..=3 {
            assert_eq!(check(&world, &strict, &id).await, "healthy", "{lost:?}, request {count}");
        }
        assert_eq!(strict.server.refresh_tokens().len(), 3, "{lost:?}");
    }
}

/// The same token is sent again at once, which is right for Entra: there the old token stays valid. A strict server cannot tell the
/// second use from a thief's and ends the grant; not sending it again would only put that off to the next check, because the token that
/// the lost answer carried is known to nobody. What must hold is that we say so: dead, with a notice, after few requests.
#[tokio::test]
async fn a_lost_answer_ends_the_grant_and_is_told_as_such() {
    let (world, strict, id) = connected().await;
    assert_eq!(check(&world, &strict, &id).await, "healthy");
    strict.server.lose_answers(1);
    assert_eq!(last_health(&world, &strict, &id).await, "dead");
    assert_eq!(world.notices(&id).await.last().map(String::as_str), Some("dead"));
    let sent = strict.server.refresh_tokens();
    assert_eq!(sent[1], sent[2], "the same token, not the one before it");
    assert!(sent.len() <= 3 + 2 * CHECKS_MAX, "{}", sent.len());
}

/// The other way to lose a token: it arrived, and could not be stored.
#[tokio::test]
async fn a_token_that_could_not_be_stored_ends_the_grant_and_is_told_as_such() {
    let (world, strict, id) = connected().await;
    world.engine.meter.lose("PutItem", 0, Lost::Request);
    assert_eq!(world.tick().await.faults, 1);
    world.pass(LEASE_OVER);
    assert_eq!(last_health(&world, &strict, &id).await, "dead");
    assert_eq!(world.notices(&id).await.last().map(String::as_str), Some("dead"));
}
