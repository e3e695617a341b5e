//! Every way that Entra refuses a grant: what becomes of the connection, and what its customer reads.

use adapters::store::connections::Connection;
use entra_simulator::{Act, Reach};
use jiff::SignedDuration;
use serde_json::Value;
use system_tests::World;
use system_tests::answer::redacted;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A connection that was well, then met `act` and was checked; the whole status is kept as a snapshot.
async fn refused(code: u32, act: impl FnOnce(&World) -> Act) -> (World, domain::ids::ConnectionId, Value) {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let act = act(&world);
    world.work(act);
    world.verdict(&id).await;
    let status = world.status(&id).await;
    insta::assert_json_snapshot!(format!("refused_{code}"), redacted(&status));
    (world, id, status)
}

async fn dies(code: u32, act: impl FnOnce(&World) -> Act) {
    let (world, id, status) = refused(code, act).await;
    assert_eq!(status["health"], "dead");
    assert_eq!(status["diagnosis"]["support"]["code"], code);
    assert_eq!(world.stored(&id).await.check_at, None, "the dead are not asked again");
    assert_eq!(world.notices(&id).await, ["dead"]);
}

#[tokio::test]
async fn a_password_reset_ends_the_grant() {
    dies(50173, |world| Act::ResetAdminPassword { user: world.admin }).await;
}

#[tokio::test]
async fn a_required_second_factor_ends_the_grant() {
    dies(50076, |world| Act::RequireMfa { user: world.admin }).await;
}

#[tokio::test]
async fn withdrawn_consent_ends_the_grant() {
    dies(65001, |_| Act::WithdrawConsent).await;
}

#[tokio::test]
async fn a_deleted_account_ends_the_grant() {
    dies(500_341, |world| Act::DeleteUser { user: world.admin }).await;
}

#[tokio::test]
async fn a_removed_tenant_ends_the_grant() {
    dies(90002, |_| Act::RemoveTenant).await;
}

#[tokio::test]
async fn a_sign_in_frequency_ends_the_grant() {
    dies(70043, |world| {
        world.pass(HOUR * 9);
        Act::SignInFrequency { seconds: Some(32_400), enforced: true }
    })
    .await;
}

#[tokio::test]
async fn ninety_days_without_use_end_the_grant() {
    dies(700_082, |world| {
        world.pass(HOUR * 24 * 91);
        Act::ClearFaults
    })
    .await;
}

fn wait(connection: &Connection, world: &World) -> SignedDuration {
    connection.check_at.expect("a suspended grant is tested again").duration_since(world.now())
}

/// A grant that is suspended, tested again at the ladder's times, and back by itself when the cause is lifted.
async fn comes_back(code: u32, act: impl FnOnce(&World) -> Act, lift: impl FnOnce(&World) -> Act) {
    let (world, id, status) = refused(code, act).await;
    assert_eq!(status["health"], "suspended");
    assert_eq!(status["diagnosis"]["support"]["code"], code);
    for hours in [1, 6, 24, 24] {
        let wait = wait(&world.stored(&id).await, &world);
        assert!(wait >= HOUR * hours && wait <= HOUR * hours * 9 / 8, "{wait} for {hours} h");
        assert_eq!(world.verdict(&id).await, "suspended");
    }
    let act = lift(&world);
    world.work(act);
    assert_eq!(world.verdict(&id).await, "healthy");
    assert_eq!(world.notices(&id).await, ["suspended", "recovered"]);
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    assert!(due_at.is_some_and(|at| at <= world.now()), "what was missed is synced at once");
}

#[tokio::test]
async fn a_policy_that_blocks_suspends_until_it_is_lifted() {
    comes_back(53003, |_| Act::BlockByConditionalAccess { policy_id: None }, |_| Act::LiftConditionalAccess).await;
}

#[tokio::test]
async fn a_disabled_account_suspends_until_it_is_enabled() {
    comes_back(50057, |world| Act::DisableUser { user: world.admin }, |world| Act::EnableUser { user: world.admin }).await;
}

#[tokio::test]
async fn a_deleted_enterprise_app_suspends_until_it_is_back() {
    comes_back(700_016, |_| Act::DeleteServicePrincipal, |_| Act::GrantConsent).await;
}

#[tokio::test]
async fn a_disabled_enterprise_app_suspends_until_it_is_enabled() {
    comes_back(7_000_112, |_| Act::DisableApp, |_| Act::EnableApp).await;
}

/// Our own credential: never the customer's fault, no number of ours is shown to them, and they are sent no word.
async fn is_our_fault(code: u32, act: Act) {
    let (world, id, status) = refused(code, |_| act).await;
    assert_eq!(status["health"], "operator-fault");
    assert_eq!(status["diagnosis"]["who"], "operator");
    assert!(!status.to_string().contains(&code.to_string()), "{status}");
    assert!(status["diagnosis"].get("support").is_none(), "{status}");
    world.work(Act::RestoreSecret { reach: Reach::Everywhere });
    assert_eq!(world.verdict(&id).await, "healthy");
    assert_eq!(world.notices(&id).await, [""; 0]);
}

#[tokio::test]
async fn an_expired_secret_is_the_operators_fault() {
    is_our_fault(7_000_222, Act::ExpireSecret { reach: Reach::Everywhere }).await;
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_fault() {
    is_our_fault(7_000_215, Act::BreakSecret { reach: Reach::Everywhere }).await;
}

#[tokio::test]
async fn a_code_is_found_however_it_is_written() {
    for act in [Act::MissingErrorCodes { times: 1 }, Act::StringErrorCodes { times: 1 }, Act::TwoCodes { times: 1 }] {
        let world = World::new().await;
        let id = world.connect().await;
        world.work(Act::RevokeSessions { user: world.admin });
        world.work(act.clone());
        world.verdict(&id).await;
        let diagnosis = &world.status(&id).await["diagnosis"];
        assert_eq!((&diagnosis["cause"], &diagnosis["support"]["code"]), (&"sessions-revoked".into(), &50173.into()), "{act:?}");
    }
}

#[tokio::test]
async fn an_unknown_code_is_told_with_what_support_asks_for() {
    let (_, _, status) = refused(99_999, |_| Act::UnknownCode { code: 99_999, times: 2 }).await;
    assert_eq!(status["health"], "dead");
}

#[tokio::test]
async fn an_unknown_suberror_is_tested_again() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::RevokeSessions { user: world.admin });
    world.work(Act::UnknownSuberror { times: 1 });
    assert_eq!(world.verdict(&id).await, "suspended");
}

#[tokio::test]
async fn a_second_death_like_the_first_owes_no_second_notice() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::BlockByConditionalAccess { policy_id: None });
    for _ in 0..3 {
        assert_eq!(world.verdict(&id).await, "suspended");
    }
    assert_eq!(world.notices(&id).await, ["suspended"]);
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    assert_eq!(world.notices(&id).await, ["suspended", "dead"]);
    world.work(Act::LiftConditionalAccess);
    world.consent(&id).await;
    assert_eq!(world.notices(&id).await, ["suspended", "dead", "recovered"]);
}
