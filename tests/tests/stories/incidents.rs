//! Many grants that fail alike at once: the customers are not sent to repair what is not theirs.

use adapters::store::StoreError;
use domain::fleet::{EndedWhy, Guard, Incident, Trouble};
use domain::schedule::Part;
use entra_simulator::{Act, Reach};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use system_tests::World;
use system_tests::engine::{Item, Lost};
use system_tests::world::Member;
use token_check::{Plan, Report};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// A held grant is tried again after so long at the latest.
const HELD_MAX: SignedDuration = SignedDuration::from_secs(15 * 60 * 9 / 8);

/// One check after the other, so that what is counted can be told to the one.
fn one_by_one() -> Plan {
    Plan { in_flight: 1, ..Plan::default() }
}

/// As before, with an incident at three.
fn of_three() -> Plan {
    Plan { guard: Guard { alike_min: 3, ..Guard::default() }, ..one_by_one() }
}

fn blocked() -> Act {
    Act::BlockByConditionalAccess { policy_id: None }
}

async fn due_at(world: &World, member: &Member) -> Timestamp {
    world.stored(&member.id).await.check_at.expect("a check is due some day")
}

/// Waits until every one of these is due.
async fn wait_for(world: &World, fleet: &[Member]) {
    for member in fleet {
        let at = due_at(world, member).await;
        world.set_now(at.max(world.now()));
    }
}

/// Waits until every one of these is due, and ticks.
async fn tick_all(world: &World, fleet: &[Member], plan: &Plan) -> Report {
    wait_for(world, fleet).await;
    world.tick_with(plan).await
}

fn work_on(world: &World, fleet: &[Member], act: impl Fn(&Member) -> Act) {
    for member in fleet {
        world.simulator.work(member.tenant, act(member)).unwrap();
    }
}

async fn told(world: &World, member: &Member) -> Vec<String> {
    world.notices(&member.id).await
}

/// Those whose verdicts are held back, and those who were told.
async fn parted(world: &World, fleet: &[Member]) -> (Vec<Member>, Vec<Member>) {
    let (mut held, mut others) = (Vec::new(), Vec::new());
    for member in fleet {
        match world.stored(&member.id).await.body.held_since {
            Some(_) => held.push(member.clone()),
            None => others.push(member.clone()),
        }
    }
    (held, others)
}

async fn incidents(world: &World) -> Vec<Item> {
    let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let is_incident = |item: &Item| text(item, "pk") == "fleet" && text(item, "sk").starts_with("incident");
    world.engine.items().await.into_iter().filter(is_incident).collect()
}

/// The only incident, and since when the operator's notifier is owed it.
async fn incident(world: &World) -> (Incident, Timestamp) {
    let items = incidents(world).await;
    assert_eq!(items.len(), 1, "{items:?}");
    let text = |name: &str| items[0][name].as_s().unwrap().as_str();
    assert!(text("work").starts_with("notice#"), "{items:?}");
    let at: i64 = items[0]["work_at"].as_n().unwrap().parse().unwrap();
    (serde_json::from_str(text("body")).unwrap(), Timestamp::from_millisecond(at).unwrap())
}

/// Twelve customers, blocked at once; the first nine were told before it was known that it is an incident.
async fn twelve_blocked() -> (World, Vec<Member>, Vec<Member>) {
    let world = World::new().await;
    let fleet = world.fleet(12).await;
    work_on(&world, &fleet, |_| blocked());
    let report = tick_all(&world, &fleet, &one_by_one()).await;
    assert_eq!(report.outcomes.into_iter().collect::<Vec<_>>(), [("held", 3), ("suspended", 9)]);
    let (held, others) = parted(&world, &fleet).await;
    (world, held, others)
}

#[tokio::test]
async fn the_tenth_failure_alike_opens_an_incident_and_is_held_back() {
    let (world, held, others) = twelve_blocked().await;
    let cause = world.status_of(&others[0].customer, &others[0].id).await["diagnosis"]["cause"].clone();
    let (incident, owed_at) = incident(&world).await;
    assert_eq!(json!(incident.trouble), json!({"trouble": "alike", "cause": cause}));
    assert_eq!((incident.opened_at, owed_at, incident.ended), (world.now(), world.now(), None));
    for member in &others {
        assert_eq!(told(&world, member).await, ["suspended"]);
    }
    for member in &held {
        let stored = world.stored(&member.id).await;
        assert_eq!((stored.body.standing.health.word(), stored.body.standing.doubted_since), (domain::api::HealthWord::Healthy, None));
        let wait = stored.check_at.expect("it is tried again").duration_since(world.now());
        assert!(wait >= MINUTE * 15 && wait <= HELD_MAX, "{wait}");
        let status = world.status_of(&member.customer, &member.id).await;
        assert_eq!((&status["health"], &status["health_since"]), (&json!("operator-fault"), &json!(world.now())));
        let diagnosis = &status["diagnosis"];
        assert_eq!((&diagnosis["who"], &diagnosis["cause"], &diagnosis["steps"]), (&json!("operator"), &json!("incident"), &json!([])));
        assert!(diagnosis.get("support").is_none() && !status.to_string().contains("53003"), "{status}");
        assert_eq!(told(&world, member).await, [""; 0]);
    }
}

#[tokio::test]
async fn held_grants_are_tried_again_and_recover_without_a_word() {
    let (world, held, others) = twelve_blocked().await;
    let (opened, owed_at) = incident(&world).await;
    let asked = world.refreshes();
    let report = tick_all(&world, &held, &one_by_one()).await;
    assert_eq!((report.outcomes.get("held"), world.refreshes() - asked), (Some(&3), 3));
    let (seen, still_owed_at) = incident(&world).await;
    assert_eq!((seen.opened_at, still_owed_at, seen.seen_at), (opened.opened_at, owed_at, world.now()), "it is no news that it goes on");
    work_on(&world, &held, |_| Act::LiftConditionalAccess);
    work_on(&world, &others, |_| Act::LiftConditionalAccess);
    tick_all(&world, &held, &one_by_one()).await;
    for member in &held {
        assert_eq!(world.status_of(&member.customer, &member.id).await["health"], "healthy");
        assert_eq!((told(&world, member).await, world.stored(&member.id).await.body.held_since), (vec![], None));
    }
    tick_all(&world, &others, &one_by_one()).await;
    for member in &others {
        assert_eq!(told(&world, member).await, ["suspended", "recovered"]);
    }
    // Nothing like it was seen for half an hour.
    world.set_now((seen.seen_at + MINUTE * 30).max(world.now()));
    world.tick().await;
    let (incident, owed_at) = incident(&world).await;
    assert_eq!(incident.ended.map(|ended| (ended.at, ended.why)), Some((world.now(), EndedWhy::Passed)));
    assert_eq!(owed_at, world.now(), "its end is told to the operator as well");
    world.tick().await;
    assert_eq!(incidents(&world).await.len(), 1);
}

#[tokio::test]
async fn an_incident_that_lasts_is_none_and_its_verdicts_are_told() {
    let (world, held, _) = twelve_blocked().await;
    let (opened, _) = incident(&world).await;
    while world.now() < opened.opened_at + MINUTE * 60 * 24 {
        for member in &held {
            assert_eq!(told(&world, member).await, [""; 0], "after {}", world.now().duration_since(opened.opened_at));
        }
        world.pass(MINUTE * 25);
        world.tick_with(&one_by_one()).await;
    }
    let (over, owed_at) = incident(&world).await;
    assert_eq!(over.ended.map(|ended| ended.why), Some(EndedWhy::Lasting));
    assert_eq!(over.ended.map(|ended| ended.at), Some(owed_at));
    for _ in 0..2 {
        world.pass(MINUTE * 25);
        world.tick_with(&one_by_one()).await;
    }
    for member in &held {
        assert_eq!(world.status_of(&member.customer, &member.id).await["health"], "suspended");
        assert_eq!(told(&world, member).await, ["suspended"]);
    }
    assert_eq!(incident(&world).await, (over, owed_at), "it does not open again for what is told now");
}

#[tokio::test]
async fn a_schedule_that_stood_still_is_no_quiet() {
    let (world, held, others) = twelve_blocked().await;
    // Nobody looked for an hour; so nothing was seen, although everything still fails.
    world.pass(MINUTE * 60);
    world.tick_with(&one_by_one()).await;
    let (incident, _) = incident(&world).await;
    assert_eq!((incident.ended, incident.seen_at), (None, world.now()));
    for member in &held {
        assert_eq!(told(&world, member).await, [""; 0]);
    }
    for member in &others {
        assert_eq!(told(&world, member).await, ["suspended"]);
    }
}

#[tokio::test]
async fn our_own_credential_is_an_incident_at_the_first_failure_and_no_customer_hears_of_it() {
    let world = World::new().await;
    let fleet = world.fleet(4).await;
    work_on(&world, &fleet[..1], |_| Act::BreakSecret { reach: Reach::Everywhere });
    let report = tick_all(&world, &fleet, &one_by_one()).await;
    assert_eq!(report.outcomes.into_iter().collect::<Vec<_>>(), [("held", 4)]);
    let (opened, owed_at) = incident(&world).await;
    assert_eq!((opened.trouble, owed_at), (Trouble::Credential, world.now()));
    for _ in 0..30 {
        world.pass(MINUTE * 100);
        world.tick_with(&one_by_one()).await;
    }
    assert_eq!(incident(&world).await.0.ended, None, "it does not pass by waiting");
    work_on(&world, &fleet[..1], |_| Act::RestoreSecret { reach: Reach::Everywhere });
    world.pass(MINUTE * 20);
    world.tick_with(&one_by_one()).await;
    let (incident, owed_at) = incident(&world).await;
    assert_eq!(incident.ended.map(|ended| (ended.at, ended.why)), Some((owed_at, EndedWhy::Passed)));
    assert_eq!(owed_at, world.now(), "the first accepted check ended it");
    for member in &fleet {
        assert_eq!(world.status_of(&member.customer, &member.id).await["health"], "healthy");
        assert_eq!(told(&world, member).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_ended_incident_of_our_credential_opens_again_when_it_fails_again() {
    let world = World::new().await;
    let fleet = world.fleet(1).await;
    for _ in 0..2 {
        work_on(&world, &fleet, |_| Act::ExpireSecret { reach: Reach::Everywhere });
        tick_all(&world, &fleet, &one_by_one()).await;
        let (opened, owed_at) = incident(&world).await;
        assert_eq!((opened.opened_at, opened.ended, owed_at), (world.now(), None, world.now()));
        work_on(&world, &fleet, |_| Act::RestoreSecret { reach: Reach::Everywhere });
        tick_all(&world, &fleet, &one_by_one()).await;
        assert!(incident(&world).await.0.ended.is_some());
    }
    assert_eq!(told(&world, &fleet[0]).await, [""; 0]);
}

#[tokio::test]
async fn a_single_customers_block_is_told_as_ever() {
    let world = World::new().await;
    let fleet = world.fleet(3).await;
    work_on(&world, &fleet[..1], |_| blocked());
    let report = tick_all(&world, &fleet, &one_by_one()).await;
    assert_eq!(report.outcomes.into_iter().collect::<Vec<_>>(), [("healthy", 2), ("suspended", 1)]);
    assert_eq!((told(&world, &fleet[0]).await, incidents(&world).await.len()), (vec!["suspended".to_owned()], 0));
}

#[tokio::test]
async fn a_small_share_of_a_big_fleet_is_no_incident() {
    for (checks, told_count) in [(108, 12), (48, 9)] {
        let world = World::new().await;
        let fleet = world.fleet(12).await;
        work_on(&world, &fleet, |_| blocked());
        wait_for(&world, &fleet).await;
        // Other workers checked as many meanwhile.
        world.ports.store.count_checks(checks + 1, world.now()).await.unwrap();
        world.tick_with(&one_by_one()).await;
        let (_, others) = parted(&world, &fleet).await;
        assert_eq!((others.len(), incidents(&world).await.len()), (told_count, usize::from(told_count < 12)), "beside {checks}");
    }
}

#[tokio::test]
async fn failures_that_lie_apart_are_no_incident() {
    let world = World::new().await;
    let fleet = world.fleet(4).await;
    for member in &fleet {
        work_on(&world, std::slice::from_ref(member), |_| blocked());
        world.ports.store.check_by(&member.id, world.now()).await.unwrap();
        world.tick_with(&of_three()).await;
        assert_eq!(told(&world, member).await, ["suspended"]);
        world.pass(MINUTE * 6);
    }
    assert_eq!(incidents(&world).await.len(), 0);
}

#[tokio::test]
async fn workers_that_meet_an_incident_at_once_open_one() {
    for act in [blocked as fn() -> Act, || Act::BreakSecret { reach: Reach::Everywhere }] {
        let world = World::new().await;
        let fleet = world.fleet(12).await;
        work_on(&world, &fleet, |_| act());
        wait_for(&world, &fleet).await;
        let part = |index| Plan { part: Part::new(index, 2).unwrap(), ..Plan::default() };
        let (even, odd) = (part(0), part(1));
        let (even, odd) = tokio::join!(world.tick_with(&even), world.tick_with(&odd));
        assert_eq!((even.faults, odd.faults), (0, 0));
        let (incident, owed_at) = incident(&world).await;
        assert_eq!((incident.opened_at, owed_at, incident.ended), (world.now(), world.now(), None));
        let (held, others) = parted(&world, &fleet).await;
        assert!(held.len() >= 3 && held.len() + others.len() == 12, "{} are held", held.len());
        let again = world.ports.store.write_incident(None, &incident).await;
        assert!(matches!(again, Err(StoreError::Overtaken { .. })), "{again:?}");
    }
}

#[tokio::test]
async fn two_incidents_at_once_are_two() {
    let world = World::new().await;
    let fleet = world.fleet(8).await;
    let (one, other) = fleet.split_at(4);
    work_on(&world, one, |_| blocked());
    work_on(&world, other, |member| Act::DisableUser { user: member.admin });
    tick_all(&world, &fleet, &of_three()).await;
    assert_eq!(incidents(&world).await.len(), 2);
    let (held, others) = parted(&world, &fleet).await;
    assert_eq!((held.len(), others.len()), (4, 4), "two of each were told before");
    for _ in 0..3 {
        tick_all(&world, &held, &of_three()).await;
        assert_eq!(parted(&world, &fleet).await.0.len(), 4, "neither lets the other's go");
    }
    for member in &held {
        assert_eq!(told(&world, member).await, [""; 0]);
    }
    for item in incidents(&world).await {
        let incident: Incident = serde_json::from_str(item["body"].as_s().unwrap()).unwrap();
        assert_eq!((incident.ended, incident.seen_at), (None, world.now()));
    }
}

#[tokio::test]
async fn a_sync_without_a_token_does_not_hurry_a_held_grant() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.pass(MINUTE * 120);
    world.work(Act::BreakSecret { reach: Reach::Everywhere });
    assert_eq!(world.check(&id).await, "operator-fault");
    let due_at = world.stored(&id).await.check_at;
    attribute_sync::tick(&world.ports).await.unwrap();
    world.drain().await;
    assert_eq!(world.stored(&id).await.check_at, due_at);
}

#[tokio::test]
async fn checks_go_on_where_nothing_can_be_counted() {
    let world = World::new().await;
    let fleet = world.fleet(3).await;
    // The tick's own counter; the incident that it reads at its begin; those that it reads at its end, after three lanes of sixteen shards.
    for (operation, after) in [("UpdateItem", 0), ("GetItem", 0), ("Query", 48)] {
        wait_for(&world, &fleet).await;
        world.engine.meter.lose(operation, after, Lost::Request);
        let report = world.tick_with(&one_by_one()).await;
        assert_eq!(report.outcomes.into_iter().collect::<Vec<_>>(), [("healthy", 3)], "{operation} {after}");
    }
    // A failure's counter: that verdict alone comes later.
    work_on(&world, &fleet, |_| blocked());
    world.engine.meter.lose("UpdateItem", 2, Lost::Request);
    let report = tick_all(&world, &fleet, &one_by_one()).await;
    assert_eq!((report.faults, report.outcomes.get("suspended")), (1, Some(&2)), "{report:?}");
    world.pass(MINUTE * 6);
    world.tick_with(&one_by_one()).await;
    for member in &fleet {
        assert_eq!(told(&world, member).await, ["suspended"]);
    }
}

#[tokio::test]
async fn an_incident_whose_end_cannot_be_written_stops_no_check() {
    let world = World::new().await;
    let fleet = world.fleet(1).await;
    work_on(&world, &fleet, |_| Act::BreakSecret { reach: Reach::Everywhere });
    tick_all(&world, &fleet, &one_by_one()).await;
    work_on(&world, &fleet, |_| Act::RestoreSecret { reach: Reach::Everywhere });
    // After the tick's counter and the lease.
    world.engine.meter.lose("UpdateItem", 2, Lost::Request);
    let report = tick_all(&world, &fleet, &one_by_one()).await;
    assert_eq!((report.faults, report.outcomes.get("healthy")), (0, Some(&1)), "{report:?}");
    assert_eq!(incident(&world).await.0.ended, None);
    tick_all(&world, &fleet, &one_by_one()).await;
    assert!(incident(&world).await.0.ended.is_some(), "the next accepted check ends it");
}
