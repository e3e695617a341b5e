//! At most one refresh at a time, and no token lost: whoever is overtaken, paused or killed.

use adapters::entra::Tokens;
use adapters::store::connections::{Connection, Slot};
use adapters::store::grants::{Kept, SealedTokens};
use adapters::store::{Holder, Lease, StoreError};
use adapters::vault::{Binding, Purpose, seal_text};
use domain::ids::{ConnectionId, ObjectId, TenantId};
use domain::schedule;
use entra_simulator::{Act, Role};
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use system_tests::World;
use system_tests::engine::Lost;
use system_tests::planted::plant_as;
use system_tests::wire::Place;
use system_tests::world::{CLIENT, CUSTOMER, person};

/// The lease of a check in a world's tick.
const LEASE: SignedDuration = SignedDuration::from_secs(302);

async fn due(world: &World) -> ConnectionId {
    let id = world.connect().await;
    world.set_now(world.stored(&id).await.check_at.expect("a check is due"));
    id
}

/// Takes the lease of a check that is due, as a worker would that never comes back.
async fn take(world: &World, id: &ConnectionId) -> Option<(Connection, Lease)> {
    let now = world.now();
    let due = world.ports.store.read_due(std::slice::from_ref(id)).await.unwrap().readable.remove(0);
    let holder = Holder { nonce: [1; 16], until: now + LEASE };
    let lease = world.ports.store.take_check(&due, holder, now).await.unwrap();
    lease.map(|lease| (due.connection, lease))
}

#[tokio::test]
async fn two_ticks_at_once_ask_entra_once() {
    let world = World::new().await;
    let id = due(&world).await;
    let mut held = world.wire.hold("/token", Place::Outbound);
    let second = async {
        held.arrived().await;
        let report = world.tick().await;
        held.release();
        report
    };
    let (first, second) = tokio::join!(world.tick(), second);
    assert_eq!(first.outcomes.into_iter().collect::<Vec<_>>(), [("healthy", 1)]);
    assert_eq!(second.outcomes.into_iter().collect::<Vec<_>>(), [("not-due", 1)]);
    assert_eq!((world.refreshes(), world.health(&id).await.as_str()), (1, "healthy"));
}

#[tokio::test]
async fn many_checks_of_one_connection_ask_entra_once() {
    let world = World::new().await;
    let id = due(&world).await;
    let reports = tokio::join!(world.tick(), world.tick(), world.tick(), world.tick());
    let healthy: u32 = [reports.0, reports.1, reports.2, reports.3].iter().filter_map(|report| report.outcomes.get("healthy")).sum();
    assert_eq!((healthy, world.refreshes(), world.health(&id).await.as_str()), (1, 1, "healthy"));
}

#[tokio::test]
async fn a_worker_that_sleeps_past_its_lease_changes_nothing() {
    let world = World::new().await;
    let id = due(&world).await;
    let (mut sleeper, lease) = take(&world, &id).await.unwrap();
    assert!(world.tick().await.outcomes.contains_key("not-due"), "while the lease holds nobody else asks");
    world.pass(LEASE + SignedDuration::from_secs(1));
    assert_eq!(world.check(&id).await, "healthy");
    let before = world.engine.item(&format!("connection#{id}"), "connection").await;
    sleeper.check_at = None;
    let settled = world.ports.store.settle_connection(&sleeper, &lease, &[]).await;
    assert!(matches!(settled, Err(StoreError::Overtaken { .. })), "{settled:?}");
    assert_eq!(world.engine.item(&format!("connection#{id}"), "connection").await, before);
}

/// What a check does up to the moment it dies: asks Entra, and stores the new token under its fence.
async fn die_after_storing(world: &World, id: &ConnectionId) -> String {
    let (connection, lease) = take(world, id).await.unwrap();
    let tokens = refresh(world, id).await;
    let token = tokens.refresh_token.unwrap();
    leave(world, (&connection, &lease), &token).await;
    token.expose_secret().to_owned()
}

/// Stores a refresh token as a worker does, and points to it as little as one that died.
async fn leave(world: &World, (connection, lease): (&Connection, &Lease), token: &SecretString) {
    let kept = Kept::of(&connection.body);
    let slot = Slot { slot: kept.free_slot(), generation: lease.fence };
    let tokens = tokens(world, &connection.id, slot, token).await;
    world.ports.store.put_tokens(&connection.id, tokens, &kept).await.unwrap();
}

async fn refresh(world: &World, id: &ConnectionId) -> Tokens {
    let token = opened(world, id).await;
    world.ports.entra.refresh(TenantId(world.tenant), &token, world.now()).await.map_err(|_| "refused").unwrap()
}

async fn opened(world: &World, id: &ConnectionId) -> SecretString {
    let stored = world.ports.store.tokens(id).await.unwrap();
    let binding = Binding::new(id, Purpose::RefreshToken);
    adapters::vault::open_text(world.ports.vault.as_ref(), &binding, stored[0].refresh.as_ref().unwrap()).await.unwrap()
}

/// Puts another refresh token into a slot, beside the access token that is there.
async fn put(world: &World, id: &ConnectionId, slot: Slot, token: &SecretString) {
    let tokens = tokens(world, id, slot, token).await;
    world.ports.store.put_tokens(id, tokens, &Kept::default()).await.unwrap();
}

async fn tokens(world: &World, id: &ConnectionId, slot: Slot, token: &SecretString) -> SealedTokens {
    let sealed = seal_text(world.ports.vault.as_ref(), &Binding::new(id, Purpose::RefreshToken), token).await.unwrap();
    let newest = world.ports.store.tokens(id).await.unwrap().remove(0);
    SealedTokens { slot, refresh: Some(sealed), ..newest }
}

/// A refresh token that Entra refuses for good.
fn dead(world: &World) -> SecretString {
    let other = world.simulator.add_user(world.tenant, person("Eve", Role::Admin));
    let dead = world.simulator.grant((world.tenant, other), CLIENT, &["offline_access", "User.Read.All"]).unwrap();
    world.work(Act::RevokeSessions { user: other });
    dead.into()
}

#[tokio::test]
async fn a_token_whose_pointer_was_never_written_is_found_and_used() {
    let world = World::new().await;
    let id = due(&world).await;
    let newer = die_after_storing(&world, &id).await;
    world.pass(LEASE + SignedDuration::from_secs(1));
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.wire.refresh_tokens().last(), Some(&newer));
    assert_eq!(world.check(&id).await, "healthy");
}

#[tokio::test]
async fn what_a_dead_worker_stored_outlasts_a_consent_of_the_same_account() {
    let world = World::new().await;
    let id = due(&world).await;
    let newer = die_after_storing(&world, &id).await;
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    let grant = world.stored(&id).await.body.grant.unwrap();
    put(&world, &id, grant.current, &"not a token".to_owned().into()).await;
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.wire.refresh_tokens().last(), Some(&newer));
}

#[tokio::test]
async fn the_token_in_use_is_asked_before_the_grant_is_called_dead() {
    let world = World::new().await;
    let id = due(&world).await;
    let dead = dead(&world);
    for _ in 0..3 {
        let (connection, lease) = take(&world, &id).await.unwrap();
        leave(&world, (&connection, &lease), &dead).await;
        world.pass(LEASE + SignedDuration::from_secs(1));
    }
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!((world.refreshes(), world.notices(&id).await), (4, vec![]));
}

#[tokio::test]
async fn workers_that_die_one_after_another_never_cost_the_newest_token() {
    let world = World::new().await;
    let id = due(&world).await;
    for _ in 0..12 {
        let newer = die_after_storing(&world, &id).await;
        assert_eq!(opened(&world, &id).await.expose_secret(), newer);
        world.pass(LEASE + SignedDuration::from_secs(1));
    }
    let newest = opened(&world, &id).await;
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.wire.refresh_tokens().last().map(String::as_str), Some(newest.expose_secret()));
    assert_eq!(world.check(&id).await, "healthy");
}

#[tokio::test]
async fn a_worker_that_dies_with_its_answer_leaves_the_old_token_working() {
    let world = World::new().await;
    let id = due(&world).await;
    take(&world, &id).await.unwrap();
    let token = opened(&world, &id).await;
    refresh(&world, &id).await;
    world.pass(LEASE + SignedDuration::from_secs(1));
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.wire.refresh_tokens().last().map(String::as_str), Some(token.expose_secret()));
}

#[tokio::test]
async fn the_previous_token_is_used_when_the_newest_is_damaged() {
    let world = World::new().await;
    let id = due(&world).await;
    assert_eq!(world.check(&id).await, "healthy");
    let grant = world.stored(&id).await.body.grant.unwrap();
    put(&world, &id, grant.current, &"not a token".to_owned().into()).await;
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.notices(&id).await, [""; 0]);
}

#[tokio::test]
async fn the_previous_token_is_used_when_the_newest_is_dead() {
    let world = World::new().await;
    let id = due(&world).await;
    assert_eq!(world.check(&id).await, "healthy");
    let grant = world.stored(&id).await.body.grant.unwrap();
    assert!(grant.previous.is_some(), "the one before is kept until the new one has worked");
    put(&world, &id, grant.current, &dead(&world)).await;
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.notices(&id).await, [""; 0]);
}

#[tokio::test]
async fn sealed_bytes_that_do_not_open_are_no_death() {
    let world = World::new().await;
    let id = due(&world).await;
    for stored in world.ports.store.tokens(&id).await.unwrap() {
        let damaged = SealedTokens { refresh: Some(vec![1, 2, 3]), ..stored };
        world.ports.store.put_tokens(&id, damaged, &Kept::default()).await.unwrap();
    }
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.refreshes(), 0);
}

#[tokio::test]
async fn a_verdict_and_its_notice_are_written_together_or_not_at_all() {
    for lost in [Lost::Request, Lost::Answer] {
        let world = World::new().await;
        let id = due(&world).await;
        world.work(Act::RevokeSessions { user: world.admin });
        world.engine.meter.lose("TransactWriteItems", 0, lost);
        let report = world.tick().await;
        assert_eq!(report.faults, 1, "{lost:?} {report:?}");
        let expected = if lost == Lost::Request { vec![] } else { vec!["dead".to_owned()] };
        assert_eq!(world.notices(&id).await, expected, "{lost:?}");
        world.pass(LEASE + SignedDuration::from_secs(1));
        world.tick().await;
        assert_eq!(world.health(&id).await, "dead", "{lost:?}");
        assert_eq!(world.notices(&id).await, ["dead"], "{lost:?}");
    }
}

#[tokio::test]
async fn a_tick_without_time_leaves_its_work_to_the_next() {
    let world = World::new().await;
    let id = due(&world).await;
    let report = token_check::tick(&world.ports, &token_check::Plan::default(), world.now() + SignedDuration::from_secs(30)).await.unwrap();
    assert_eq!((report.left, world.refreshes()), (1, 0));
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.refreshes(), 1);
}

/// Plants a connection that is due now, in a shard of the due index.
async fn plant_in(world: &World, shard: u8, from: u8) -> ConnectionId {
    let mut ids = (from..=u8::MAX).map(|number| ConnectionId::mint([number; 16]));
    let id = ids.find(|id| schedule::shard(id) == shard).expect("some id is in the shard");
    let scopes = ["openid", "offline_access", "https://graph.microsoft.com/User.Read.All"];
    let token = world.simulator.grant((world.tenant, world.admin), CLIENT, &scopes).expect("Ada may consent");
    let customer = CUSTOMER.parse().expect("a customer");
    let account = (TenantId(world.tenant), ObjectId(world.admin));
    plant_as(&world.ports, &id, (&customer, account), &token).await.expect("it can be planted");
    id
}

#[tokio::test]
async fn connections_whose_workers_died_hide_nobody_behind_them() {
    let world = World::new().await;
    for from in [0, 64] {
        let dead = plant_in(&world, 3, from).await;
        take(&world, &dead).await.expect("nobody is at it");
    }
    world.pass(SignedDuration::from_secs(1));
    let behind = plant_in(&world, 3, 128).await;
    let plan = token_check::Plan { in_flight: 1, others_per_shard: 1, ..token_check::Plan::default() };
    let report = token_check::tick(&world.ports, &plan, world.now() + SignedDuration::from_secs(300)).await.unwrap();
    assert_eq!(report.outcomes, [("healthy", 1), ("not-due", 2)].into());
    assert!(world.stored(&behind).await.body.verified_at.is_some());
}
