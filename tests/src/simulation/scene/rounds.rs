//! The sync in the scene: its ticks, its messages, and what must have become of its people when all is calm.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adapters::queue::SyncTask;
use attribute_sync::Shift;
use domain::api::HealthWord;
use domain::walk::Guard;
use entra_simulator::Act;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Scene, note_panic};
use crate::engine::PEOPLE;
use crate::simulation::census::Census;
use crate::simulation::watch::Rule;

/// How long an invocation of the sync may take.
const SHIFT_LIMIT: Duration = Duration::from_secs(900);
/// How often a message comes late, in a thousand, and how often one comes again whose worker failed or died.
const LATE: u64 = 50;
const AGAIN: u64 = 700;
/// How many ticks in a thousand are real ones.
const REAL_TICKS: u64 = 200;
/// How long after the storm a directory that can be read must be here.
const PATIENCE: SignedDuration = SignedDuration::from_hours(4);
/// How often every message comes again in the end.
const REPLAYS: u32 = 3;

impl Scene {
    /// Fills the directories, as the plan says, and lets the rules see them.
    pub(super) fn people_the_directories(&self) {
        let Some(directory) = self.plan.directory else { return };
        for (connection, (tenant, _)) in self.entrance.accounts.iter().enumerate() {
            for act in [Act::AddPeople { count: directory.people }, Act::PageSize { people: directory.page_size }] {
                assert!(self.entrance.simulator.work(*tenant, act).is_ok(), "people join");
            }
            self.entrance.look(connection);
        }
    }

    /// Lets things happen in the directories, or no more.
    pub fn stir(&self, per_mille: u64) {
        self.entrance.stirring.store(per_mille, Ordering::Relaxed);
    }

    /// When the next walk falls due.
    #[must_use]
    pub fn walk_due(&self) -> Option<Timestamp> {
        self.plan.directory?;
        self.outside.watch().people.iter().filter_map(|people| people.due_at).min()
    }

    /// When the next message of the sync may be delivered.
    #[must_use]
    pub fn message_due(&self) -> Option<Timestamp> {
        self.plan.directory?;
        self.office.tasks.waiting().iter().map(|task| task.due_at).min()
    }

    /// Waits until it is time; `false` where something else came before, such as a message.
    pub async fn wait(&self, at: Timestamp) -> bool {
        tokio::time::timeout_at(self.outside.instant(at), self.office.arrival.notified()).await.is_err()
    }

    /// Delivers one event of the sync's schedule. A tick looks into every shard, which costs more than all the rest, so that mostly
    /// only what comes of it is delivered.
    pub async fn sync_tick(&mut self) {
        if !self.outside.chance.happens(REAL_TICKS) {
            return self.ask_for_due().await;
        }
        let actor = self.actor("due");
        let ports = self.ports(&actor, None);
        let outside = Arc::clone(&self.outside);
        let work = actor.start(SHIFT_LIMIT, async move { attribute_sync::tick(&ports).await });
        self.running.push(tokio::spawn(async move {
            let ended = work.await;
            outside.note(&actor.name, || format!("ended: {:?}", ended.as_ref().map(|count| count.as_ref().map(Result::is_ok)).ok()));
            note_panic(&outside, ended.map(drop));
        }));
    }

    /// What a tick comes to that meets no trouble.
    async fn ask_for_due(&self) {
        let now = self.outside.now();
        let is_due = |people: &Census| people.due_at.is_some_and(|due| due <= now);
        let due: Vec<usize> =
            self.outside.watch().people.iter().enumerate().filter(|(_, people)| is_due(people)).map(|(at, _)| at).collect();
        let ids = self.ids();
        for place in due {
            self.office.take_in(&SyncTask::quick(ids[place].clone()), Duration::ZERO).await.expect("the queue takes it");
        }
    }

    /// Delivers the message that has waited longest: mostly once, sometimes later, sometimes to two workers at once.
    pub async fn deliver_message(&mut self) {
        let Some(message) = self.office.tasks.take_due() else { return };
        let chance = &self.outside.chance;
        if self.outside.is_stormy() && chance.happens(LATE) {
            let late = Duration::from_secs(1 + chance.below(300));
            self.outside.note("queue", || format!("is {late:?} late"));
            return self.put_back(&message, late).await;
        }
        let is_twice = chance.happens(self.plan.twice / 2);
        self.take(message.clone());
        if is_twice {
            self.take(message);
        }
    }

    async fn put_back(&self, message: &str, delay: Duration) {
        if let Ok(task) = serde_json::from_str(message) {
            self.office.take_in(&task, delay).await.expect("the queue takes what it gave");
        }
    }

    /// One worker takes one message.
    fn take(&mut self, message: String) {
        let task: SyncTask = serde_json::from_str(&message).expect("a task");
        let connection = self.ids().iter().position(|id| *id == task.connection);
        let actor = self.actor("sync");
        let ports = self.ports(&actor, connection);
        let chance = &self.outside.chance;
        let guard = Guard { people_max: u32::MAX, ..Guard::default() };
        let pages_max = [1, 2, 100][usize::try_from(chance.below(3)).unwrap_or_default()];
        let plan = attribute_sync::Plan { guard, pages_max, ..attribute_sync::Plan::default() };
        let deadline = ports.clock.now() + SignedDuration::try_from(SHIFT_LIMIT).unwrap_or_default();
        let comes_again = chance.happens(AGAIN).then(|| Duration::from_secs(30 + chance.below(600)));
        let (outside, office) = (Arc::clone(&self.outside), self.office.clone());
        let work = actor.start(SHIFT_LIMIT, async move {
            let shift = Shift { ports: &ports, plan: &plan, deadline };
            attribute_sync::take(shift, &message).await
        });
        self.running.push(tokio::spawn(async move {
            let ended = work.await;
            let is_done = matches!(ended, Ok(Some(true)));
            outside.note(&actor.name, || format!("ended, {}", if is_done { "done" } else { "not done" }));
            if let Some(delay) = comes_again.filter(|_| !is_done) {
                office.take_in(&task, delay).await.expect("the queue takes what it gave");
            }
            note_panic(&outside, ended.map(drop));
        }));
    }

    /// Goes on without faults until every directory that can be read is here, and expects that it is, and that nothing changes by messages
    /// that come again.
    pub async fn take_census(&mut self) {
        if self.plan.directory.is_none() {
            return;
        }
        let since = self.outside.now() + self.plan.skew_max;
        let end = since + PATIENCE;
        while self.is_census_due(since) && !self.is_broken() {
            let at = [self.next_tick(), self.next_sync_tick(), self.message_due()].into_iter().flatten().min();
            let Some(at) = at.filter(|at| *at < end) else { break };
            if self.wait(at).await {
                self.do_due(at).await;
                self.settle().await;
            }
        }
        let late = self.readable().into_iter().find(|connection| !self.outside.watch().people[*connection].is_complete(since));
        if let Some(connection) = late {
            let what = format!("connection {connection}: {PATIENCE:#} after the storm the directory is not here");
            self.outside.watch().broken(Rule::I10, what);
        }
        if !self.is_broken() {
            self.compare();
            self.replay().await;
        }
    }

    fn is_census_due(&self, since: Timestamp) -> bool {
        self.readable().into_iter().any(|connection| !self.outside.watch().people[connection].is_complete(since))
    }

    /// The connections whose directory can be read.
    fn readable(&self) -> Vec<usize> {
        let watch = self.outside.watch();
        let is_working = |health| matches!(health, HealthWord::Healthy | HealthWord::Expiring);
        (0..watch.connections.len()).filter(|place| is_working(watch.connections[*place].health())).collect()
    }

    /// Everybody in a directory that can be read is stored as they are, and nobody else.
    fn compare(&self) {
        for connection in self.readable() {
            let differing = self.outside.watch().people[connection].difference();
            if let Some(what) = differing {
                self.outside.watch().broken(Rule::I10, format!("connection {connection}: in the end {what}"));
            }
        }
    }

    /// Every message that was ever sent comes again. They carry nothing but whose walk it is, so that equal ones are one.
    async fn replay(&mut self) {
        let before = self.everything_of_people();
        for message in self.office.sent() {
            for _ in 0..REPLAYS {
                self.take(message.clone());
                self.settle().await;
            }
        }
        let after = self.everything_of_people();
        let differing = after.iter().find(|item| !before.contains(item)).or_else(|| before.iter().find(|item| !after.contains(item)));
        if let Some(item) = differing {
            self.outside.watch().broken(Rule::I11, format!("messages that came again changed {item}"));
        }
    }

    fn everything_of_people(&self) -> Vec<Value> {
        let mut items = Vec::new();
        self.wiring.model.look(PEOPLE, |item| items.push(Value::Object(item.clone())));
        items
    }
}
