//! Whatever happens in a directory, in whatever order, with whatever goes wrong on the way: in the end we hold what it holds.

use attribute_sync::Plan;
use domain::ids::ConnectionId;
use domain::walk::Guard;
use entra_simulator::{Act, RetryAfter};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use system_tests::World;
use system_tests::engine::Lost;

use crate::support::{assert_synced, deliver, walk};

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    Act(Act),
    /// Somebody, by position among those who are there, gets an attribute, or loses it.
    Change(usize, &'static str, Option<String>),
    /// Somebody gets a manager, or loses theirs.
    Manager(usize, Option<usize>),
    /// Some steps of the sync.
    Steps(usize),
    /// One step whose task comes twice.
    Twice,
    /// A task is lost.
    Lose,
    /// A round from its beginning to its end.
    Round,
    /// One of the next writes of a kind is lost, or its answer is: the worker dies there.
    Die(&'static str, u32, Lost),
    /// Two workers at once.
    TwoWorkers,
    /// A person who was deleted comes back.
    Restore(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let attribute = prop_oneof![Just("jobTitle"), Just("city"), Just("displayName"), Just("mail"), Just("mobilePhone")];
    let value = proptest::option::of("[a-zA-ZæøåΩ漢 ]{1,12}");
    let written = prop_oneof![Just("UpdateItem"), Just("PutItem"), Just("BatchWriteItem")];
    prop_oneof![
        4 => (0_usize..100, attribute, value).prop_map(|(who, name, value)| Event::Change(who, name, value)),
        2 => (0_usize..100, proptest::option::of(0_usize..100)).prop_map(|(who, manager)| Event::Manager(who, manager)),
        2 => (1_u32..8).prop_map(|count| Event::Act(Act::AddPeople { count })),
        2 => (1_u32..5).prop_map(|count| Event::Act(Act::DeletePeople { count })),
        2 => (1_u32..9).prop_map(|count| Event::Act(Act::ChangePeople { count })),
        1 => Just(Event::Act(Act::ExpireDeltaTokens)),
        1 => Just(Event::Act(Act::ResetDelta)),
        1 => Just(Event::Act(Act::ExpireSkipTokens)),
        1 => Just(Event::Act(Act::EmptyPages { pages: 2 })),
        1 => any::<bool>().prop_map(|on| Event::Act(Act::RepeatPeople { on })),
        1 => any::<bool>().prop_map(|on| Event::Act(Act::ShufflePages { on })),
        1 => any::<bool>().prop_map(|on| Event::Act(Act::RefuseMarks { on })),
        1 => any::<bool>().prop_map(|on| Event::Act(Act::RemovedInFirstRound { on })),
        1 => (3_u32..12).prop_map(|people| Event::Act(Act::PageSize { people })),
        1 => Just(Event::Act(Act::ThrottleGraph { requests: 1, retry_after: RetryAfter::Seconds(5) })),
        6 => (1_usize..4).prop_map(Event::Steps),
        2 => Just(Event::Twice),
        1 => Just(Event::Lose),
        4 => Just(Event::Round),
        3 => (written, 0_u32..6, prop_oneof![Just(Lost::Request), Just(Lost::Answer)]).prop_map(|(kind, after, lost)| Event::Die(kind, after, lost)),
        2 => Just(Event::TwoWorkers),
        1 => (0_usize..20).prop_map(Event::Restore),
    ]
}

/// The user at a position among those who are there.
fn user(world: &World, position: usize) -> Option<uuid::Uuid> {
    let people = world.simulator.directory(world.tenant);
    people[position % people.len()]["id"].as_str().and_then(|id| id.parse().ok())
}

async fn happen(world: &World, id: &ConnectionId, (event, deleted): (Event, &mut Vec<uuid::Uuid>)) {
    match event {
        Event::Act(act @ Act::DeletePeople { .. }) => deleted.extend(world.work(act)),
        Event::Act(act) => drop(world.work(act)),
        Event::Change(who, name, value) => {
            let mut properties = Map::new();
            properties.insert(name.to_owned(), value.map_or(Value::Null, |value| json!(value)));
            let user = user(world, who).expect("somebody is there");
            world.work(Act::ChangeUser { user, properties });
        }
        Event::Manager(who, manager) => {
            let manager = manager.and_then(|manager| user(world, manager));
            world.work(Act::SetManager { user: user(world, who).expect("somebody is there"), manager });
        }
        Event::Steps(count) => {
            schedule(world).await;
            for _ in 0..count {
                deliver(world).await;
            }
        }
        Event::Twice => {
            schedule(world).await;
            if let Some(message) = world.tasks.take_due() {
                world.take(&message).await;
                world.take(&message).await;
            }
        }
        Event::Lose => world.tasks.lose(),
        Event::Round => world.sync(id).await,
        Event::Die(kind, after, lost) => world.engine.meter.lose(kind, after, lost),
        Event::TwoWorkers => {
            schedule(world).await;
            // Whichever of them dies or comes too late, the other goes on.
            let _ = tokio::join!(world.step(id), world.step(id));
        }
        Event::Restore(position) => {
            let deleted = deleted.get(position % deleted.len().max(1)).copied();
            if let Some(user) = deleted {
                world.pass(SignedDuration::from_secs(1));
                // Somebody who is there already cannot come back.
                let _ = world.simulator.work(world.tenant, Act::RestoreUser { user });
            }
        }
    }
}

/// Time passes, and the schedules do what is due.
async fn schedule(world: &World) {
    world.pass(SignedDuration::from_mins(5));
    world.tick().await;
    attribute_sync::tick(&world.ports).await.expect("the tick finds what is due");
}

async fn run(seed: u64, pages_max: u32, events: Vec<Event>) {
    let mut world = World::from_seed(seed).await;
    // Every deletion of a history is meant.
    let guard = Guard { people_max: u32::MAX, ..Guard::default() };
    world.sync = Plan { guard, pages_max, ..Plan::default() };
    world.work(Act::AddPeople { count: 20 });
    world.work(Act::PageSize { people: 6 });
    let id = world.connect().await;
    let mut deleted = Vec::new();
    for event in events {
        happen(&world, &id, (event, &mut deleted)).await;
    }
    world.engine.meter.lose_no_more();
    // A throttle that nothing has met yet would meet the last round. Whatever is under way comes to its end, and one more round sees the
    // rest.
    world.work(Act::ClearFaults);
    for _ in 0..50 {
        schedule(&world).await;
        world.drain().await;
        if !walk(&world, &id).await.is_under_way() {
            break;
        }
    }
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}

#[test]
fn any_history_of_a_directory_ends_in_the_same_people() {
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let pages_max = prop_oneof![Just(1), 2_u32..5, Just(100)];
    let histories = (any::<u64>(), pages_max, proptest::collection::vec(event(), 1..30));
    let outcome = runner.run(&histories, |(seed, pages_max, events)| {
        runtime.block_on(run(seed, pages_max, events));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
