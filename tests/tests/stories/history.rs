//! Whatever happens in a directory, in whatever order, with whatever goes wrong on the way: in the end we hold what it holds.

use domain::ids::ConnectionId;
use entra_simulator::{Act, RetryAfter};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use system_tests::World;

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
}

fn event() -> impl Strategy<Value = Event> {
    let attribute = prop_oneof![Just("jobTitle"), Just("city"), Just("displayName"), Just("mail"), Just("mobilePhone")];
    let value = proptest::option::of("[a-zA-ZæøåΩ漢 ]{1,12}");
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
        1 => (3_u32..12).prop_map(|people| Event::Act(Act::PageSize { people })),
        1 => Just(Event::Act(Act::ThrottleGraph { requests: 1, retry_after: RetryAfter::Seconds(5) })),
        6 => (1_usize..4).prop_map(Event::Steps),
        2 => Just(Event::Twice),
        1 => Just(Event::Lose),
        4 => Just(Event::Round),
    ]
}

/// The user at a position among those who are there.
fn user(world: &World, position: usize) -> Option<uuid::Uuid> {
    let people = world.simulator.directory(world.tenant);
    people[position % people.len()]["id"].as_str().and_then(|id| id.parse().ok())
}

async fn happen(world: &World, id: &ConnectionId, event: Event) {
    match event {
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
    }
}

/// Time passes, and the schedules do what is due.
async fn schedule(world: &World) {
    world.pass(SignedDuration::from_mins(5));
    world.tick().await;
    attribute_sync::tick(&world.ports).await.expect("the tick finds what is due");
}

async fn run(seed: u64, events: Vec<Event>) {
    let world = World::from_seed(seed).await;
    world.work(Act::AddPeople { count: 20 });
    world.work(Act::PageSize { people: 6 });
    let id = world.connect().await;
    for event in events {
        happen(&world, &id, event).await;
    }
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
    let histories = (any::<u64>(), proptest::collection::vec(event(), 1..30));
    let outcome = runner.run(&histories, |(seed, events)| {
        runtime.block_on(run(seed, events));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
