//! Many connections and little time: no lane starves another, and several ticks share the work.

use std::collections::BTreeMap;

use domain::schedule::{Lane, Part};
use entra_simulator::Act;
use jiff::SignedDuration;
use system_tests::World;
use system_tests::world::Member;
use token_check::Plan;
use uuid::Uuid;

/// Sets the clock to when every one of them is due.
async fn all_due(world: &World, fleet: &[Member]) {
    for member in fleet {
        let due_at = world.stored(&member.id).await.check_at.expect("a check is due some day");
        world.set_now(due_at.max(world.now()));
    }
}

/// How often each tenant was asked for a refresh since the first `skipped` requests.
fn asked(world: &World, skipped: usize) -> BTreeMap<Uuid, usize> {
    let requests = world.simulator.requests();
    let refreshes = requests.iter().skip(skipped).filter(|request| request.grant.as_deref() == Some("refresh_token"));
    refreshes.fold(BTreeMap::new(), |mut counts, request| {
        *counts.entry(request.tenant.unwrap_or_default()).or_default() += 1;
        counts
    })
}

#[tokio::test]
async fn a_full_lane_of_healthy_grants_leaves_room_for_the_others() {
    let world = World::new().await;
    let healthy = world.fleet(14).await;
    all_due(&world, &healthy).await;
    world.tick().await;
    let first = world.connect().await;
    let (failing, healthy) = healthy.split_last().unwrap();
    world.simulator.work(failing.tenant, Act::DisableUser { user: failing.admin }).unwrap();
    world.ports.store.check_by(&failing.id, world.now()).await.unwrap();
    world.tick().await;
    all_due(&world, healthy).await;
    all_due(&world, std::slice::from_ref(failing)).await;
    world.set_now(world.stored(&first).await.check_at.unwrap().max(world.now()));
    let lanes = [(&healthy[0].id, Lane::Healthy), (&failing.id, Lane::Failing), (&first, Lane::First)];
    for (id, lane) in lanes {
        assert_eq!(world.stored(id).await.lane(), lane);
    }
    // Every answer takes a minute, so there is time for four.
    world.slow_down(SignedDuration::from_mins(1));
    let skipped = world.simulator.requests().len();
    let plan = Plan { in_flight: 1, healthy_per_shard: 5, others_per_shard: 1, ..Plan::default() };
    let report = world.tick_with(&plan).await;
    assert_eq!(report.left, 11, "{report:?}");
    let asked = asked(&world, skipped);
    assert!(asked.contains_key(&failing.tenant) && asked.contains_key(&world.tenant), "{asked:?}");
    assert_eq!(asked.len(), 4, "{asked:?}");
}

#[tokio::test]
async fn small_shares_serve_everybody_round_by_round() {
    let world = World::new().await;
    let fleet = world.fleet(12).await;
    all_due(&world, &fleet).await;
    let skipped = world.simulator.requests().len();
    let plan = Plan { in_flight: 3, healthy_per_shard: 1, others_per_shard: 1, ..Plan::default() };
    let report = world.tick_with(&plan).await;
    assert_eq!((report.outcomes.get("healthy"), report.left, report.faults), (Some(&12), 0, 0), "{report:?}");
    let asked = asked(&world, skipped);
    assert!(asked.len() == 12 && asked.values().all(|times| *times == 1), "{asked:?}");
}

#[tokio::test]
async fn ticks_of_two_parts_serve_all_and_never_the_same() {
    let world = World::new().await;
    let fleet = world.fleet(12).await;
    all_due(&world, &fleet).await;
    let skipped = world.simulator.requests().len();
    let part = |index| Plan { part: Part::new(index, 2).unwrap(), ..Plan::default() };
    let (even, odd) = (part(0), part(1));
    let (even, odd) = tokio::join!(world.tick_with(&even), world.tick_with(&odd));
    let served = |report: &token_check::Report| report.outcomes.get("healthy").copied().unwrap_or_default();
    assert!(served(&even) > 0 && served(&odd) > 0, "{even:?} {odd:?}");
    assert_eq!(served(&even) + served(&odd), 12);
    assert_eq!((even.outcomes.len(), odd.outcomes.len()), (1, 1), "nobody met the other: {even:?} {odd:?}");
    let asked = asked(&world, skipped);
    assert!(asked.len() == 12 && asked.values().all(|times| *times == 1), "{asked:?}");
    assert!(world.tick().await.outcomes.is_empty(), "nothing is left");
}
