//! Workers of the sync that are killed while they work, as the kernel kills: at any of their requests, before or after it is carried out.
//!
//! ```text
//! something happens in the directory ─► a worker starts, takes the task, is killed at its n-th request ─► the next one follows
//! ─► in the end: stored people = directory, events = what really changed
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adapters::clock::{Clock as _, SystemClock};
use change_events::Desk;
use domain::event::Telling;
use entra_simulator::Act;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::chance::Seeded;
use system_tests::engine::{Engine, PEOPLE};
use system_tests::published::Published;

use crate::main_job::Place;
use crate::{Function, message, schedule};

const KILLS: u32 = 100;
/// People at first, and of each page.
const PEOPLE_AT_FIRST: u32 = 60;
const PAGE: u32 = 7;
/// A worker is killed at one of its first so many requests: a round makes more of them, and each worker gets a few pages further.
const REQUESTS_MAX: u64 = 45;
/// Workers that are left alone in the end.
const UNDISTURBED: u32 = 3;
/// More workers than any such run needs.
const WORKERS_MAX: u32 = 1_000;
const SEED: u64 = 20_260_302;

/// What became of a worker.
enum Fate {
    Killed,
    Answered,
}

impl Place {
    /// Lets a few things happen in the directory.
    fn live_on(&self, chance: &Seeded) {
        let tenant = self.simulator.tenants()[0].id;
        let acts = match chance.below(4) {
            0 => vec![Act::AddPeople { count: 3 }, Act::ChangeJobTitles { count: 5 }],
            1 => vec![Act::DeletePeople { count: 2 }],
            2 => vec![Act::ChangeJobTitles { count: 9 }, Act::ExpireDeltaTokens],
            _ => vec![Act::ChangeJobTitles { count: 20 }],
        };
        for act in acts {
            self.simulator.work(tenant, act).expect("it can happen");
        }
    }

    /// Ends the lease of a dead worker, as if its time had passed, and makes the next round due.
    async fn let_time_pass(&self) {
        let store = &self.ports.store;
        store.end_leases(&self.id).await.expect("leases can be ended");
        store.hasten_walk(&self.id, SystemClock.now()).await.expect("the walk can be hastened");
    }

    async fn is_resting(&self) -> bool {
        let (walk, _) = self.ports.store.walk(&self.id).await.expect("the walk can be read").expect("there is a walk");
        !walk.is_under_way()
    }

    /// Starts a worker, gives it the task, and kills it at its `last`-th request, unless it has answered by then.
    async fn work_until(&self, task: &str, last: usize) -> Fate {
        let mut environment = self.environment();
        // So many are deleted in a minute here that they would be held.
        environment.push(("EVERGRANT_DELETIONS", "1000".to_owned()));
        let mut worker = Function::start_with("attribute-sync", environment).await;
        let mut requests = self.aws.requests.clone();
        let end = *requests.borrow() + last;
        tokio::select! {
            biased;
            seen = requests.wait_for(|seen| *seen >= end) => {
                seen.expect("the stand-in is there");
                worker.child.kill().expect("it runs");
                Fate::Killed
            }
            (kind, answer) = worker.ask(json!({"Records": [message("one", task)]})) => {
                assert_eq!((kind.as_str(), answer), ("response", json!({"batchItemFailures": []})));
                Fate::Answered
            }
        }
    }

    /// Everybody's attributes as they are stored, by object id.
    async fn stored(&self) -> BTreeMap<String, Value> {
        let mut stored = BTreeMap::new();
        let people = self.simulator.directory(self.simulator.tenants()[0].id);
        let items = self.engine.items().await;
        let keys = items.iter().filter_map(|item| item.get("sk")?.as_s().ok()?.strip_prefix("person#").map(str::to_owned));
        for key in keys {
            let ids = [key.parse().expect("an object id")];
            let person = self.ports.store.people(&self.id, &ids).await.expect("people can be read");
            stored.extend(person.into_iter().map(|person| (key.clone(), json!(person.person.attributes))));
        }
        assert_eq!(stored.len(), people.len(), "nobody is lost, and nobody stays who is gone");
        stored
    }

    /// What is told about it all, in order.
    async fn told(&self) -> Vec<Value> {
        let published = Arc::<Published>::default();
        let bus = Arc::clone(&published) as _;
        let desk = Desk { clock: Arc::new(SystemClock), store: self.ports.store.clone(), bus, telling: Telling::Values };
        let stream = self.engine.stream(PEOPLE).expect("the table has a stream");
        stream.follow(&desk, published.as_ref(), SignedDuration::ZERO).await.expect("the stream can be followed");
        published.take()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_killed_anywhere_lose_nobody_and_tell_nothing_twice() {
    let engine = Engine::start_followed(Arc::new(SystemClock)).await.expect("the engine starts");
    let place = Place::around(engine, PEOPLE_AT_FIRST).await;
    let tenant = place.simulator.tenants()[0].id;
    place.simulator.work(tenant, Act::PageSize { people: PAGE }).expect("it can happen");
    let mut check = Function::start_with("token-check", place.environment()).await;
    assert_eq!(check.ask(schedule()).await.0, "response");
    drop(check);
    let chance = Seeded::new(SEED);
    let (mut killed, mut again, mut undisturbed) = (0, None, 0);
    for _ in 0..WORKERS_MAX {
        if killed < KILLS && place.is_resting().await {
            place.live_on(&chance);
            place.simulator.set_now(SystemClock.now());
        }
        place.let_time_pass().await;
        let last = match killed < KILLS {
            true => usize::try_from(1 + chance.below(REQUESTS_MAX)).expect("a small number"),
            false => usize::MAX / 2,
        };
        // What nobody answered for comes again; where nothing waits, a schedule asks.
        let task = again.take().or_else(|| place.aws.take_message()).unwrap_or_else(|| json!({"connection": place.id}).to_string());
        match place.work_until(&task, last).await {
            Fate::Killed => (killed, again) = (killed + 1, Some(task)),
            Fate::Answered => undisturbed = if killed < KILLS { 0 } else { undisturbed + 1 },
        }
        // The round that was under way, and one that begins after everything that happened.
        if undisturbed >= UNDISTURBED && place.is_resting().await {
            break;
        }
    }
    assert_eq!(killed, KILLS);
    assert_all_is_as_it_should_be(&place).await;
}

/// Holds what is stored against the directory, and what was told against both.
async fn assert_all_is_as_it_should_be(place: &Place) {
    let stored = place.stored().await;
    let people = place.simulator.directory(place.simulator.tenants()[0].id);
    for real in &people {
        let id = real["id"].as_str().expect("an id");
        let attributes = stored.get(id).unwrap_or_else(|| panic!("{id} is lost"));
        for name in ["jobTitle", "displayName", "city", "mail"] {
            assert_eq!(attributes.get(name).unwrap_or(&Value::Null), real.get(name).unwrap_or(&Value::Null), "{name} of {id}");
        }
    }
    let (mut ids, mut titles) = (BTreeSet::new(), BTreeMap::<String, Value>::new());
    for event in place.told().await {
        let detail = &event["detail"];
        assert!(ids.insert(detail["id"].to_string()), "told twice: {event}");
        let person = detail["person"].as_str().expect("about somebody").to_owned();
        if event["detail-type"] == "person.removed" {
            assert!(titles.remove(&person).is_some(), "removed twice: {event}");
            continue;
        }
        let is_new = detail["is_new"] == true;
        assert_eq!(is_new, !titles.contains_key(&person), "new once, and changed from then on: {event}");
        let title = detail["values"].get("jobTitle").cloned();
        let before = titles.entry(person).or_default();
        if let Some(title) = title {
            assert!(is_new || *before != title, "no change: {event}");
            *before = title;
        }
    }
    let told: BTreeMap<&str, &Value> = titles.iter().map(|(id, title)| (id.as_str(), title)).collect();
    let real = people.iter().map(|real| (real["id"].as_str().unwrap_or_default(), real.get("jobTitle").unwrap_or(&Value::Null)));
    assert_eq!(told, real.collect(), "the last that was told of everybody is what is so");
}
