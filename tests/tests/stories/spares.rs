//! A second administrator's grant in reserve: how it is given, kept alive, put to use and lost.

use std::collections::BTreeSet;

use adapters::store::connections::Connection;
use adapters::vault::{Binding, Purpose};
use domain::ids::ConnectionId;
use entra_simulator::{Act, Role};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::engine::Lost;
use system_tests::world::{Begun, CUSTOMER, person};
use uuid::Uuid;

use crate::support::{assert_synced, grant_items};

const ADA: &str = "ada@contoso.example";
const EVE: &str = "eve@contoso.example";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// After so long a spare's turn has come, wherever in the day it lies.
const TURN: SignedDuration = SignedDuration::from_hours(28);

async fn begin(world: &World, id: &ConnectionId) -> Begun {
    world.begin_with(&json!({"connection": id, "spare": true})).await
}

/// Gives a spare as this person of the customer's tenant; answers how the attempt stands then.
async fn give(world: &World, id: &ConnectionId, account: Uuid) -> Value {
    let begun = begin(world, id).await;
    let back = world.simulator.accept(&begun.url, (world.tenant, account)).expect("the account may accept");
    world.come_back(&back).await;
    world.attempt(&begun.attempt).await
}

/// A connection that Ada consented to, with Eve's grant in reserve.
async fn with_spare() -> (World, ConnectionId, Uuid) {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let eve = world.add_admin("Eve");
    world.pass(SignedDuration::from_mins(1));
    let attempt = give(&world, &id, eve).await;
    assert_eq!(attempt["state"], "succeeded", "{attempt}");
    (world, id, eve)
}

/// Whose grant is in use, and whose is in reserve, as the API tells it.
async fn whose(world: &World, id: &ConnectionId) -> (Option<String>, Option<String>) {
    let status = world.status(id).await;
    let name = |value: &Value| value["consented_by"].as_str().map(str::to_owned);
    (name(&status), name(&status["spare"]))
}

fn names(used: &str, spare: Option<&str>) -> (Option<String>, Option<String>) {
    (Some(used.to_owned()), spare.map(str::to_owned))
}

/// The notices that the connection owes, in the order of the alphabet: those of one moment have no other.
async fn told(world: &World, id: &ConnectionId) -> Vec<String> {
    let mut notices = world.notices(id).await;
    notices.sort();
    notices
}

/// Every pointer of a connection leads to tokens of the person that it names.
async fn assert_whole(world: &World, id: &ConnectionId) {
    let Connection { body, .. } = world.stored(id).await;
    for grant in body.grant.iter().chain(body.spare.iter().map(|spare| &spare.grant)) {
        for slot in [Some(grant.current), grant.previous].into_iter().flatten() {
            let tokens = world.ports.store.tokens_in(id, slot).await.unwrap();
            assert_eq!(tokens.map(|tokens| tokens.consenter), Some(grant.consenter), "{slot:?} of {grant:?}");
        }
    }
}

/// Lets the spare's turn come, and checks.
async fn next_turn(world: &World, id: &ConnectionId) -> String {
    world.pass(TURN);
    world.check(id).await
}

/// From now on Entra answers nothing but refusals: whatever it would accept comes to an outage.
fn lose_successes(world: &World) {
    world.wire.bend(|uri, response| {
        if uri.path().ends_with("/token") && response.status() == 200 {
            *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        }
    });
}

#[tokio::test]
async fn a_second_administrator_adds_a_spare_and_the_status_tells_it() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let before = world.status(&id).await;
    assert!(before.get("spare").is_none());
    let eve = world.add_admin("Eve");
    world.pass(SignedDuration::from_mins(1));
    let begun = begin(&world, &id).await;
    assert!(begun.url.query_pairs().all(|(name, _)| name != "login_hint"), "Ada is not who should sign in: {}", begun.url);
    world.come_back(&world.simulator.accept(&begun.url, (world.tenant, eve)).unwrap()).await;
    assert_eq!(world.attempt(&begun.attempt).await["state"], "succeeded");
    let after = world.status(&id).await;
    let now = json!(world.now());
    assert_eq!(after["spare"], json!({"consented_by": EVE, "consented_at": now, "last_verified_at": now}));
    for fact in ["health", "health_since", "last_verified_at", "consented_by", "consented_at", "access", "diagnosis"] {
        assert_eq!(after.get(fact), before.get(fact), "{fact}");
    }
    assert_eq!(world.notices(&id).await, [""; 0]);
    assert_whole(&world, &id).await;
}

#[tokio::test]
async fn the_account_in_use_is_no_spare_of_itself() {
    let world = World::new().await;
    let id = world.connect().await;
    let before = world.stored(&id).await;
    let attempt = give(&world, &id, world.admin).await;
    assert_eq!((&attempt["state"], &attempt["failure"]["reason"]), (&json!("failed"), &json!("same-account")), "{attempt}");
    assert_eq!(world.stored(&id).await, before);
    assert_eq!(world.check(&id).await, "healthy");
}

#[tokio::test]
async fn a_spare_is_refused_where_there_is_no_persons_grant_to_stand_in_for() {
    let world = World::new().await;
    let id = world.create(CUSTOMER).await;
    let connected = world.connect_as("globex", (world.tenant, world.admin)).await;
    for (customer, body) in [
        (CUSTOMER, json!({"connection": id, "spare": true})),
        ("globex", json!({"connection": connected, "spare": true, "access": "app-only"})),
    ] {
        let answer = world.call(customer, "POST", "/v1/reconnect-attempts", Some(&body)).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (422, &json!("spare")), "{}", answer.text);
    }
}

#[tokio::test]
async fn somebody_of_another_tenant_gives_no_spare() {
    let world = World::new().await;
    let id = world.connect().await;
    let fabrikam = world.simulator.add_tenant("Fabrikam");
    let mallory = world.simulator.add_user(fabrikam, person("Mallory", Role::Admin));
    let begun = begin(&world, &id).await;
    let before = grant_items(&world, &id).await;
    world.simulator.accept(&begun.url, (fabrikam, mallory)).expect_err("Entra's own page knows whom it is for");
    let mut open = begun.url.clone();
    open.set_path("/organizations/oauth2/v2.0/authorize");
    world.come_back(&world.simulator.accept(&open, (fabrikam, mallory)).unwrap()).await;
    assert_eq!(world.attempt(&begun.attempt).await["failure"]["reason"], "wrong-tenant");
    assert_eq!(grant_items(&world, &id).await, before);
}

#[tokio::test]
async fn an_attempt_that_is_abandoned_declined_or_replaced_changes_nothing() {
    let (world, id, _) = with_spare().await;
    let kim = world.add_admin("Kim");
    let before = grant_items(&world, &id).await;
    let declined = begin(&world, &id).await;
    world.come_back(&world.simulator.decline(&declined.url).unwrap()).await;
    assert_eq!(world.attempt(&declined.attempt).await["failure"]["reason"], "denied");
    let replaced = begin(&world, &id).await;
    let abandoned = begin(&world, &id).await;
    world.come_back(&world.simulator.accept(&replaced.url, (world.tenant, kim)).unwrap()).await;
    assert_eq!(world.attempt(&replaced.attempt).await["state"], "superseded");
    world.pass(SignedDuration::from_mins(15));
    assert_eq!(world.attempt(&abandoned.attempt).await["state"], "expired");
    assert_eq!(grant_items(&world, &id).await, before);
    assert_eq!(whose(&world, &id).await, names(ADA, Some(EVE)));
}

#[tokio::test]
async fn a_spare_is_used_once_a_day_and_rests_otherwise() {
    let (world, id, _) = with_spare().await;
    let end = world.now() + HOUR * 60;
    let (before, mut checks, mut verified) = (world.refreshes(), 0, BTreeSet::new());
    while world.now() < end {
        assert_eq!(world.check(&id).await, "healthy");
        checks += 1;
        verified.insert(world.stored(&id).await.body.spare.expect("it is kept").verified_at);
    }
    assert_eq!(verified.len(), 3, "when it was given, and on two days: {verified:?}");
    assert_eq!(world.refreshes() - before, checks + 2);
    assert_eq!(world.notices(&id).await, [""; 0]);
    assert_whole(&world, &id).await;
}

#[tokio::test]
async fn a_grant_that_dies_is_replaced_at_once() {
    let (world, id, eve) = with_spare().await;
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(told(&world, &id).await, ["switched-to-spare"]);
    let status = world.status(&id).await;
    assert_eq!((status.get("diagnosis"), &status["last_verified_at"]), (None, &json!(world.now())));
    assert_eq!(whose(&world, &id).await, names(EVE, None));
    // The sync goes on, long after Ada's last access token.
    world.pass(HOUR * 3);
    world.work(Act::AddPeople { count: 3 });
    world.sync(&id).await;
    assert_synced(&world, &id).await;
    let grant = world.stored(&id).await.body.grant.unwrap();
    assert_eq!(grant.consenter.0, eve);
    assert_whole(&world, &id).await;
    assert_eq!(told(&world, &id).await, ["switched-to-spare"]);
}

#[tokio::test]
async fn a_grant_that_is_doubted_is_replaced_when_the_verdict_is_sure() {
    let (world, id, _) = with_spare().await;
    world.work(Act::RequireMfa { user: world.admin });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(ADA, Some(EVE)), vec![]));
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(EVE, None), vec!["switched-to-spare".to_owned()]));
}

#[tokio::test]
async fn a_suspended_grant_becomes_the_spare_and_is_found_when_it_works_again() {
    let (world, id, eve) = with_spare().await;
    world.work(Act::DisableUser { user: world.admin });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(whose(&world, &id).await, names(EVE, Some(ADA)));
    let last = |status: &Value| status["spare"]["last_verified_at"].clone();
    let before = last(&world.status(&id).await);
    assert_eq!(next_turn(&world, &id).await, "healthy");
    assert_eq!((last(&world.status(&id).await), whose(&world, &id).await), (before, names(EVE, Some(ADA))), "it is refused, and kept");
    world.work(Act::EnableUser { user: world.admin });
    assert_eq!(next_turn(&world, &id).await, "healthy");
    assert_eq!(last(&world.status(&id).await), json!(world.now()));
    assert_eq!(told(&world, &id).await, ["switched-to-spare"]);
    // And back again.
    world.work(Act::RevokeSessions { user: eve });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(whose(&world, &id).await, names(ADA, None));
    assert_eq!(told(&world, &id).await, ["switched-to-spare", "switched-to-spare"]);
    assert_whole(&world, &id).await;
}

#[tokio::test]
async fn a_spare_that_dies_is_told_once_and_touches_nothing_else() {
    let (world, id, eve) = with_spare().await;
    world.work(Act::RevokeSessions { user: eve });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(whose(&world, &id).await, names(ADA, Some(EVE)), "its turn has not come");
    assert_eq!(next_turn(&world, &id).await, "healthy");
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(ADA, None), vec!["spare-lost".to_owned()]));
    assert_eq!(next_turn(&world, &id).await, "healthy");
    assert_eq!(told(&world, &id).await, ["spare-lost"]);
    assert_whole(&world, &id).await;
}

#[tokio::test]
async fn a_spare_that_may_be_dead_is_heard_twice_as_well() {
    let (world, id, eve) = with_spare().await;
    world.work(Act::RequireMfa { user: eve });
    next_turn(&world, &id).await;
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(ADA, Some(EVE)), vec![]));
    world.work(Act::LiftMfa { user: eve });
    next_turn(&world, &id).await;
    world.work(Act::RequireMfa { user: eve });
    next_turn(&world, &id).await;
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(ADA, Some(EVE)), vec![]), "a first verdict again");
    next_turn(&world, &id).await;
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(ADA, None), vec!["spare-lost".to_owned()]));
}

#[tokio::test]
async fn when_both_are_dead_the_connection_is() {
    let (world, id, eve) = with_spare().await;
    world.work(Act::RevokeSessions { user: eve });
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(ADA, None), vec!["dead".to_owned(), "spare-lost".to_owned()]));
    assert_eq!(world.stored(&id).await.check_at, None);
    world.pass(TURN);
    world.tick().await;
    assert_eq!(told(&world, &id).await, ["dead", "spare-lost"]);
}

#[tokio::test]
async fn a_doubtful_spare_of_a_dead_grant_is_not_left_behind() {
    for is_lifted in [false, true] {
        let (world, id, eve) = with_spare().await;
        world.work(Act::RequireMfa { user: eve });
        world.work(Act::RevokeSessions { user: world.admin });
        assert_eq!(world.check(&id).await, "dead", "nothing works now");
        assert_eq!(told(&world, &id).await, ["dead"]);
        let asked = world.refreshes();
        if is_lifted {
            world.work(Act::LiftMfa { user: eve });
            assert_eq!(world.check(&id).await, "healthy");
            assert_eq!((whose(&world, &id).await, told(&world, &id).await.len()), (names(EVE, None), 3));
            assert_eq!(told(&world, &id).await, ["dead", "recovered", "switched-to-spare"]);
        } else {
            assert_eq!(world.check(&id).await, "dead");
            assert_eq!((whose(&world, &id).await, world.stored(&id).await.check_at), (names(ADA, None), None));
            assert_eq!(told(&world, &id).await, ["dead", "spare-lost"]);
        }
        assert_eq!(world.refreshes() - asked, 1, "only the spare is asked about");
    }
}

#[tokio::test]
async fn a_suspended_spare_of_a_dead_grant_takes_over_when_it_is_back() {
    let (world, id, eve) = with_spare().await;
    world.work(Act::DisableUser { user: eve });
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!(world.check(&id).await, "dead");
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(ADA, Some(EVE)), vec!["dead".to_owned()]));
    world.work(Act::EnableUser { user: eve });
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!((whose(&world, &id).await, told(&world, &id).await.len()), (names(EVE, None), 3));
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    assert!(due_at.is_some_and(|at| at <= world.now()), "what was missed is synced at once");
}

#[tokio::test]
async fn a_spare_given_to_a_connection_that_does_not_work_takes_over_with_the_next_tick() {
    for act in [|user| Act::RevokeSessions { user }, |user| Act::DisableUser { user }] {
        let world = World::new().await;
        let id = world.connect_and_sync().await;
        let eve = world.add_admin("Eve");
        world.work(act(world.admin));
        let broken = world.check(&id).await;
        assert_ne!(broken, "healthy");
        assert_eq!(give(&world, &id, eve).await["state"], "succeeded");
        world.pass(SignedDuration::from_mins(1));
        world.tick().await;
        assert_eq!(world.health(&id).await, "healthy", "it was {broken}");
        assert_eq!(whose(&world, &id).await.0.as_deref(), Some(EVE));
        assert_eq!(told(&world, &id).await.len(), 3, "{broken}, recovered, switched");
        assert_whole(&world, &id).await;
    }
}

#[tokio::test]
async fn while_nothing_is_known_about_the_spare_the_verdict_waits() {
    for is_dead in [false, true] {
        for act in [|user| Act::RevokeSessions { user }, |user| Act::DisableUser { user }] {
            let (world, id, eve) = with_spare().await;
            let before = world.status(&id).await;
            world.work(act(world.admin));
            lose_successes(&world);
            for _ in 0..2 {
                assert_eq!(world.check(&id).await, "healthy");
                let mut now = world.status(&id).await;
                now["server_time"] = before["server_time"].clone();
                assert_eq!((now, told(&world, &id).await), (before.clone(), vec![]));
                let wait = world.stored(&id).await.check_at.expect("it is tried again").duration_since(world.now());
                assert!(wait < SignedDuration::from_mins(15), "{wait}");
            }
            world.wire.straighten();
            if is_dead {
                world.work(Act::RevokeSessions { user: eve });
                assert_ne!(world.check(&id).await, "healthy");
                assert_eq!(told(&world, &id).await.len(), 2, "the end, and the spare's");
            } else {
                assert_eq!(world.check(&id).await, "healthy");
                assert_eq!((whose(&world, &id).await.0.as_deref(), told(&world, &id).await.len()), (Some(EVE), 1));
            }
        }
    }
}

#[tokio::test]
async fn a_verdict_does_not_wait_for_ever_and_the_spare_takes_over_later() {
    let (world, id, _) = with_spare().await;
    world.work(Act::RevokeSessions { user: world.admin });
    let begin = world.now();
    lose_successes(&world);
    while world.check(&id).await == "healthy" {
        assert!(world.now() < begin + HOUR * 3, "somebody must be told");
    }
    assert!(world.now() >= begin + HOUR, "an outage of the spare may pass");
    assert_eq!((world.health(&id).await, told(&world, &id).await), ("dead".to_owned(), vec!["dead".to_owned()]));
    world.check(&id).await;
    assert_eq!(told(&world, &id).await, ["dead"]);
    world.wire.straighten();
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(whose(&world, &id).await, names(EVE, None));
    assert_eq!(told(&world, &id).await, ["dead", "recovered", "switched-to-spare"]);
}

#[tokio::test]
async fn whoever_reconnects_is_no_spare_any_more() {
    let (world, id, eve) = with_spare().await;
    let kim = world.add_admin("Kim");
    for (account, used, spare) in [(world.admin, ADA, Some(EVE)), (kim, "kim@contoso.example", Some(EVE)), (eve, EVE, None)] {
        world.pass(SignedDuration::from_mins(1));
        let begun = world.begin(&id).await;
        world.come_back(&world.simulator.accept(&begun.url, (world.tenant, account)).unwrap()).await;
        assert_eq!(world.attempt(&begun.attempt).await["state"], "succeeded");
        assert_eq!(whose(&world, &id).await, names(used, spare));
        assert_eq!(world.check(&id).await, "healthy");
        assert_whole(&world, &id).await;
    }
    assert_eq!(told(&world, &id).await, [""; 0]);
}

/// A worker dies at this request, on a day when both grants are used; both work afterwards.
async fn dies(operation: &str, after: u32, lost: Lost) {
    let (world, id, _) = with_spare().await;
    for _ in 0..2 {
        assert_eq!(next_turn(&world, &id).await, "healthy");
    }
    world.pass(TURN);
    for _ in 0..2 {
        world.engine.meter.lose(operation, after, lost);
        world.tick().await;
        world.pass(SignedDuration::from_mins(6));
    }
    for _ in 0..2 {
        world.tick().await;
        assert_eq!(world.health(&id).await, "healthy", "{operation} {after} {lost:?}");
        assert_whole(&world, &id).await;
        world.pass(TURN);
    }
    world.tick().await;
    let spare = world.stored(&id).await.body.spare.expect("it is kept");
    assert_eq!((spare.verified_at, told(&world, &id).await), (world.now(), vec![]), "{operation} {after} {lost:?}");
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.check(&id).await, "healthy", "{operation} {after} {lost:?}");
    assert_eq!(whose(&world, &id).await, names(EVE, None), "{operation} {after} {lost:?}");
}

#[tokio::test]
async fn a_worker_may_die_at_any_write_of_both_grants() {
    for lost in [Lost::Request, Lost::Answer] {
        for after in 0..3 {
            dies("UpdateItem", after, lost).await;
        }
        for after in 0..2 {
            dies("PutItem", after, lost).await;
        }
    }
}

#[tokio::test]
async fn tokens_whose_pointer_was_lost_never_cost_the_spare_its_own() {
    let (world, id, _) = with_spare().await;
    for turns in 1..=3 {
        for _ in 0..turns {
            assert_eq!(next_turn(&world, &id).await, "healthy");
        }
        for _ in 0..4 {
            // The tokens are stored, and the worker dies before the connection points to them. The spare's turn has not come.
            let due_at = world.stored(&id).await.check_at.unwrap();
            world.set_now(due_at.max(world.now()));
            world.engine.meter.lose("UpdateItem", 2, Lost::Request);
            assert_eq!(world.tick().await.faults, 1);
            world.pass(SignedDuration::from_mins(6));
            assert_eq!(world.check(&id).await, "healthy");
            assert_whole(&world, &id).await;
        }
    }
}

#[tokio::test]
async fn what_a_dead_worker_stored_of_the_spare_is_what_the_next_one_asks_with() {
    let (world, id, eve) = with_spare().await;
    world.pass(TURN);
    // The tokens of both are stored, and the worker dies before the connection points to them.
    world.engine.meter.lose("UpdateItem", 2, Lost::Request);
    assert_eq!(world.tick().await.faults, 1);
    let stored = world.ports.store.tokens(&id).await.unwrap();
    let newest = stored.into_iter().find(|tokens| tokens.consenter.0 == eve).and_then(|tokens| tokens.refresh).unwrap();
    let binding = Binding::new(&id, Purpose::RefreshToken);
    let newest = adapters::vault::open_text(world.ports.vault.as_ref(), &binding, &newest).await.unwrap();
    world.pass(SignedDuration::from_mins(6));
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.wire.refresh_tokens().last().map(String::as_str), Some(newest.expose_secret()));
    assert_whole(&world, &id).await;
}

#[tokio::test]
async fn a_switch_and_its_notice_are_written_together_or_not_at_all() {
    for lost in [Lost::Request, Lost::Answer] {
        let (world, id, _) = with_spare().await;
        let due_at = world.stored(&id).await.check_at.unwrap();
        world.set_now(due_at);
        world.work(Act::RevokeSessions { user: world.admin });
        world.engine.meter.lose("TransactWriteItems", 0, lost);
        assert_eq!(world.tick().await.faults, 1, "{lost:?}");
        let expected = match lost {
            Lost::Request => (names(ADA, Some(EVE)), vec![]),
            Lost::Answer => (names(EVE, None), vec!["switched-to-spare".to_owned()]),
        };
        assert_eq!((whose(&world, &id).await, told(&world, &id).await), expected, "{lost:?}");
        world.pass(SignedDuration::from_mins(6));
        world.check(&id).await;
        assert_eq!(
            (whose(&world, &id).await, told(&world, &id).await),
            (names(EVE, None), vec!["switched-to-spare".to_owned()]),
            "{lost:?}"
        );
        assert_whole(&world, &id).await;
    }
}

#[tokio::test]
async fn a_worker_that_dies_while_a_spare_is_given_leaves_the_grant_in_use() {
    for (operation, after) in [("PutItem", 0), ("UpdateItem", 1), ("UpdateItem", 2)] {
        let world = World::new().await;
        let id = world.connect().await;
        let eve = world.add_admin("Eve");
        let begun = begin(&world, &id).await;
        let back = world.simulator.accept(&begun.url, (world.tenant, eve)).unwrap();
        world.engine.meter.lose(operation, after, Lost::Request);
        world.come_back(&back).await;
        assert_eq!(whose(&world, &id).await, names(ADA, None), "{operation} {after}");
        world.pass(SignedDuration::from_mins(6));
        for _ in 0..2 {
            assert_eq!(world.check(&id).await, "healthy", "{operation} {after}");
            assert_whole(&world, &id).await;
        }
        assert_eq!(give(&world, &id, eve).await["state"], "succeeded", "{operation} {after}");
        assert_eq!(whose(&world, &id).await, names(ADA, Some(EVE)), "{operation} {after}");
    }
}

#[tokio::test]
async fn a_spare_stands_in_for_its_own_connection_alone() {
    let (world, id, eve) = with_spare().await;
    let other = world.connect_as("globex", (world.tenant, world.admin)).await;
    let foreign = json!({"connection": id, "spare": true});
    let answer = world.call("globex", "POST", "/v1/reconnect-attempts", Some(&foreign)).await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    let begun = begin(&world, &id).await;
    let answer = world.call("globex", "GET", &format!("/v1/reconnect-attempts/{}", begun.attempt), None).await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    world.work(Act::RevokeSessions { user: world.admin });
    let due_at = [&id, &other].map(|id| world.stored(id));
    for stored in due_at {
        let at = stored.await.check_at.unwrap();
        world.set_now(at.max(world.now()));
    }
    world.tick().await;
    assert_eq!((whose(&world, &id).await, told(&world, &id).await), (names(EVE, None), vec!["switched-to-spare".to_owned()]));
    let status = world.status_of("globex", &other).await;
    assert_eq!((&status["health"], status.get("spare"), &status["consented_by"]), (&json!("dead"), None, &json!(ADA)));
    assert!(!status.to_string().contains(EVE) && !status.to_string().contains(&eve.to_string()), "{status}");
    assert_eq!(told(&world, &other).await, ["dead"]);
}
