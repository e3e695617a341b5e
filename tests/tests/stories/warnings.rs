//! Warnings before the end: each rung once, silenced by a repair; and what the directory knows before Entra refuses.

use adapters::entra::credentials::{ClientSecret, Credential, Credentials};
use domain::forecast::{Rung, Why};
use domain::ids::ConnectionId;
use entra_simulator::Act;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use system_tests::World;
use system_tests::world::SECRET;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A connection that has learned how long a sign-in lasts, and was repaired just now.
async fn once_bitten(days: i32) -> (World, ConnectionId) {
    let world = World::new().await;
    let id = world.connect().await;
    let seconds = u64::try_from((DAY * days).as_secs()).unwrap();
    world.work(Act::SignInFrequency { seconds: Some(seconds), enforced: true });
    world.pass(DAY * days + HOUR);
    assert_eq!(world.verdict(&id).await, "dead");
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    (world, id)
}

/// Checks every seven hours, until `until`.
async fn live(world: &World, until: Timestamp) {
    while world.now() + HOUR * 7 < until {
        world.pass(HOUR * 7);
        world.tick().await;
    }
    world.set_now(until.max(world.now()));
}

/// What was told, and how many days before the end, oldest first.
async fn told(world: &World, id: &ConnectionId) -> Vec<(String, Option<u16>)> {
    let notices = world.ports.store.notices(id).await.unwrap();
    let word = |kind| json!(kind).as_str().unwrap_or_default().to_owned();
    notices.iter().rev().map(|notice| (word(notice.kind), notice.days_left)).collect()
}

fn tell(kinds: &[(&str, Option<u16>)]) -> Vec<(String, Option<u16>)> {
    kinds.iter().map(|(kind, days)| ((*kind).to_owned(), *days)).collect()
}

#[tokio::test]
async fn a_learned_month_is_warned_of_at_each_rung_once_and_then_it_ends() {
    let (world, id) = once_bitten(30).await;
    let ends_at = world.now() + DAY * 30;
    live(&world, ends_at + HOUR * 2).await;
    assert_eq!(world.verdict(&id).await, "dead");
    let expected = [
        ("dead", None),
        ("recovered", None),
        ("expiring", Some(14)),
        ("reminder", Some(7)),
        ("reminder", Some(3)),
        ("reminder", Some(1)),
        ("dead", None),
    ];
    assert_eq!(told(&world, &id).await, tell(&expected));
}

#[tokio::test]
async fn a_learned_fortnight_is_not_warned_of_on_the_day_of_its_repair() {
    let (world, id) = once_bitten(14).await;
    live(&world, world.now() + DAY * 14 - HOUR).await;
    let expected = [("dead", None), ("recovered", None), ("expiring", Some(7)), ("reminder", Some(3)), ("reminder", Some(1))];
    assert_eq!(told(&world, &id).await, tell(&expected));
}

#[tokio::test]
async fn a_repair_silences_the_ladder_at_once() {
    let (world, id) = once_bitten(30).await;
    live(&world, world.now() + DAY * 24).await;
    assert_eq!(world.stored(&id).await.body.warned.map(|warned| warned.rung), Some(Rung(7)));
    world.consent(&id).await;
    let expected = [("dead", None), ("recovered", None), ("expiring", Some(14)), ("reminder", Some(7)), ("recovered", None)];
    assert_eq!(told(&world, &id).await, tell(&expected));
    assert_eq!(world.stored(&id).await.body.warned, None);
    live(&world, world.now() + DAY * 15).await;
    assert_eq!(told(&world, &id).await, tell(&expected), "nothing is repeated for the old end");
}

#[tokio::test]
async fn a_grant_that_outlives_a_learned_length_refutes_it() {
    let (world, id) = once_bitten(14).await;
    let ends_at = world.now() + DAY * 14;
    world.work(Act::SignInFrequency { seconds: None, enforced: false });
    live(&world, ends_at + HOUR * 8).await;
    world.tick().await;
    assert_eq!(world.health(&id).await, "healthy");
    assert_eq!(world.status(&id).await.get("forecast"), None);
    assert_eq!(told(&world, &id).await.last(), Some(&("recovered".to_owned(), None)));
}

#[tokio::test]
async fn the_end_of_our_own_credential_is_told_with_its_date() {
    let mut world = World::new().await;
    let ends_at = world.now() + DAY * 10;
    let secret = ClientSecret { name: "secret", value: SECRET.to_owned().into(), ends_at: Some(ends_at) };
    world.authenticate_with(Credentials::from(Credential::Secret(secret)));
    let id = world.connect().await;
    let forecast = world.status(&id).await["forecast"].clone();
    assert_eq!(forecast["reason"], "Our own credential for Microsoft ends then. There is nothing for you to do.");
    assert_eq!((&forecast["ends_at"], &forecast["confidence"]), (&json!(ends_at), &json!("high")));
    live(&world, ends_at - HOUR * 48).await;
    let told = told(&world, &id).await;
    assert_eq!(told, tell(&[("expiring", Some(10)), ("reminder", Some(7)), ("reminder", Some(3))]));
}

/// A synced connection, after `act` and one more round of the sync; the check has not come yet.
async fn seen(act: impl FnOnce(&World) -> Act) -> (World, ConnectionId) {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.pass(HOUR / 4);
    world.tick().await;
    let act = act(&world);
    world.work(act);
    attribute_sync::tick(&world.ports).await.unwrap();
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    world.set_now(due_at.unwrap().max(world.now()));
    attribute_sync::tick(&world.ports).await.unwrap();
    world.drain().await;
    (world, id)
}

fn sign(world: &World, connection: &adapters::store::connections::Connection) -> Option<Why> {
    let known = connection.known(None).unwrap();
    domain::forecast::foresee(&known, world.now()).map(|forecast| forecast.why)
}

#[tokio::test]
async fn a_revocation_is_known_before_the_next_check_and_asked_about_at_once() {
    for (act, why) in [(|world: &World| Act::RevokeSessions { user: world.admin }) as fn(&World) -> Act, |world: &World| {
        Act::ResetAdminPassword { user: world.admin }
    }]
    .into_iter()
    .zip([Why::Revoked, Why::PasswordReset])
    {
        let (world, id) = seen(act).await;
        let stored = world.stored(&id).await;
        assert_eq!(sign(&world, &stored), Some(why));
        assert!(stored.check_at.is_some_and(|at| at <= world.now()), "the check does not wait for its turn");
        world.tick().await;
        assert_eq!(world.health(&id).await, "dead");
        world.consent(&id).await;
        assert_ne!(sign(&world, &world.stored(&id).await), Some(why), "a new sign-in clears it");
    }
}

#[tokio::test]
async fn a_disabled_consenter_is_seen_by_the_sync_and_told_at_once() {
    let (world, id) = seen(|world| Act::DisableUser { user: world.admin }).await;
    assert_eq!(sign(&world, &world.stored(&id).await), Some(Why::Disabled));
    world.tick().await;
    assert_eq!(world.health(&id).await, "suspended");
    assert_eq!(world.notices(&id).await, ["suspended"]);
}

#[tokio::test]
async fn a_deleted_consenter_is_seen_by_the_sync() {
    let (world, id) = seen(|world| Act::DeleteUser { user: world.admin }).await;
    assert_eq!(sign(&world, &world.stored(&id).await), Some(Why::Deleted));
    assert_eq!(world.verdict(&id).await, "dead");
}

#[tokio::test]
async fn a_consenter_who_is_well_costs_no_write() {
    let (world, id) = seen(|world| Act::ChangeUser { user: world.admin, properties: serde_json::Map::new() }).await;
    assert_eq!(world.stored(&id).await.sighting, None);
}
