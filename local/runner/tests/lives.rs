//! A runner that is ended and started again goes on where it was.

#![expect(clippy::unwrap_used, reason = "a fault here is a failed test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::clock::Clock as _;
use domain::api::HealthWord;
use entra_simulator::Act;
use jiff::SignedDuration;
use runner::arguments::{Arguments, Past};
use runner::world::World;
use runner::{daily, passing, seed, serve};
use tokio::runtime::Runtime;

/// The beats about the first customer: founded, connected, asleep for 91 days.
const FIRST_CUSTOMER: usize = 3;

/// One life of a runner. At its end everything that it was doing is dropped, wherever it was.
fn live<T>(data: &Path, life: impl AsyncFnOnce(Arc<World>) -> T) -> T {
    let runtime = Runtime::new().unwrap();
    let arguments = Arguments { port: 0, data: data.to_owned(), past: Past::Kept, ..Arguments::default() };
    runtime.block_on(async {
        let world = serve::start(&arguments).await.unwrap();
        daily::recover(&world).await.unwrap();
        life(world).await
    })
}

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("runner-lives-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn a_history_goes_on_where_it_was_cut_off() {
    let data = scratch("history");
    live(&data, async |world| seed::play(&world, 2).await.unwrap());
    live(&data, async |world| {
        // As if the process had ended after the beats were played, and before they were recorded.
        world.journal.change(|notes| notes.beats_done = 0).unwrap();
        seed::play(&world, 2).await.unwrap();
    });
    let (tenants, people, health, ahead) = live(&data, async |world| {
        seed::play(&world, FIRST_CUSTOMER).await.unwrap();
        let connections = world.ports.store.connections_of(&"oakline".parse().unwrap()).await.unwrap();
        let (walk, _) = world.ports.store.walk(&connections[0].id).await.unwrap().unwrap();
        assert_eq!((connections.len(), walk.people as usize), (1, world.simulator.people_count(world.simulator.tenants()[0].id)));
        (world.simulator.tenants().len(), walk.people, connections[0].health(), world.clock.offset())
    });
    assert_eq!((tenants, people, health), (1, 18, HealthWord::Dead));
    assert_eq!(ahead, -SignedDuration::from_hours(24 * 26));
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn time_that_was_passing_goes_on_passing() {
    let data = scratch("time");
    let until = live(&data, async |world| {
        seed::play(&world, 2).await.unwrap();
        let until = world.clock.now() + SignedDuration::from_hours(13);
        // As if the process had ended after the first step.
        world.journal.change(|notes| notes.passing_until = Some(until)).unwrap();
        passing::step(&world, passing::STEP_MAX).await.unwrap();
        until
    });
    live(&data, async |world| {
        assert!(world.clock.now() < until);
        passing::resume(&world).await.unwrap();
        assert!(world.clock.now() >= until);
        assert_eq!((world.journal.notes().passing_until, world.passing()), (None, None));
        let connections = world.ports.store.connections_of(&"oakline".parse().unwrap()).await.unwrap();
        assert_eq!(connections[0].health(), HealthWord::Healthy);
        assert!(connections[0].body.verified_at.unwrap() >= until);
    });
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn a_folder_that_lost_a_part_is_refused_in_one_sentence() {
    let data = scratch("part");
    live(&data, async |world| seed::play(&world, 1).await.unwrap());
    std::fs::remove_file(data.join("simulator.json")).unwrap();
    let arguments = Arguments { port: 0, data: data.clone(), ..Arguments::default() };
    let refused = Runtime::new().unwrap().block_on(serve::start(&arguments)).err().unwrap().to_string();
    assert!(refused.ends_with("simulator.json is missing: start with --fresh to begin anew"), "{refused}");
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn changes_that_nobody_was_told_of_are_told_in_the_next_life_and_those_before_are_not_told_again() {
    let data = scratch("events");
    let place = |world: &World| world.events.kept();
    let first = live(&data, async |world| {
        seed::play(&world, 2).await.unwrap();
        world.publish_changes().await.unwrap();
        let told = place(&world);
        // As if the process had ended after the change was stored, and before anybody was told.
        let tenant = world.simulator.tenants()[0].id;
        world.simulator.work(tenant, Act::ChangeJobTitles { count: 4 }).unwrap();
        let connections = world.ports.store.connections_of(&"oakline".parse().unwrap()).await.unwrap();
        world.ports.store.hasten_walk(&connections[0].id, world.clock.now()).await.unwrap();
        passing::tick(&world).await.unwrap();
        world.drain().await;
        assert_eq!(world.events.kept(), told);
        told
    });
    assert_eq!(first.lines.iter().map(|line| (line.what.as_str(), line.count)).collect::<Vec<_>>(), [("person.changed, new", 18)]);
    let second = live(&data, async |world| {
        assert_eq!(place(&world), first, "what was told is kept");
        assert!(world.publish_changes().await.unwrap() >= 4);
        assert_eq!(world.publish_changes().await.unwrap(), 0);
        place(&world)
    });
    let last = second.lines.back().unwrap();
    assert_eq!((second.lines.len(), last.what.as_str(), last.count), (2, "person.changed: jobTitle", 4));
    live(&data, async |world| assert_eq!(world.publish_changes().await.unwrap(), 0));
    std::fs::remove_dir_all(data).unwrap();
}
