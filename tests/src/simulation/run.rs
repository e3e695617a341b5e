//! One run: a storm, the calm after it, and what must hold then.

use std::time::Duration;

use adapters::vault::{Binding, Purpose};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::api::HealthWord;
use domain::ids::ConnectionId;
use entra_simulator::{Act, Fault as Trouble, Reach, RetryAfter, Target};
use jiff::{SignedDuration, Timestamp};

use super::breakage::Breakage;
use super::outside::Traced;
use super::plan::{Happening, Plan, Weather};
use super::safe;
use super::scene::Scene;
use super::secrets;
use super::watch::{Rule, Verdict, Violation};
use crate::log;

const MINUTE: i64 = 60_000;
/// Ticks after being due within which a grant that works is healthy.
const TICKS_TO_HEALTH: u32 = 2;
/// Ticks after being due within which a grant that does not work is known not to.
const TICKS_TO_KNOW: u32 = 6;
/// How long a run goes on when all is well, to see how often Entra is asked.
const LINGERS: SignedDuration = SignedDuration::from_mins(150);
/// After so many ticks a run counts as one that never ends.
const TICKS_MAX: u32 = 2_000;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was broken, in order.
    pub violations: Vec<Violation>,
    /// Steps in the storm.
    pub steps: u32,
    /// Refresh tokens that Entra gave out.
    pub tokens: usize,
    /// What happened, line by line, where it was asked for.
    pub trace: Vec<String>,
}

/// Runs a plan, with something broken or nothing.
///
/// # Panics
/// When the scene cannot be set.
#[must_use]
pub fn run(plan: &Plan, breakage: Option<Breakage>, traced: Traced) -> Outcome {
    fastrand::seed(plan.seed);
    log::keep_as_deployed();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut scene = Scene::set(plan, breakage, traced).await;
        scene.outside.change_weather(plan.weather.clone());
        scene.stir(plan.directory.map_or(0, |directory| directory.stirs));
        scene.storm().await;
        let steps = scene.outside.steps();
        scene.outside.change_weather(Weather::Calm);
        scene.stir(0);
        scene.calm().await;
        scene.last_look().await;
        let watch = scene.outside.watch();
        Outcome { violations: watch.violations.clone(), steps, tokens: watch.tokens.len(), trace: scene.outside.trace() }
    })
}

impl Scene {
    /// Ticks and happenings, until the storm ends or something is broken.
    async fn storm(&mut self) {
        let begun = self.outside.now();
        let end = begun + self.plan.lasts;
        let mut happenings = self.plan.happenings.clone().into_iter().peekable();
        for _ in 0..TICKS_MAX {
            let next = happenings.peek().map(|(after, ..)| begun + *after);
            let due = [next, self.next_tick(), self.next_sync_tick(), self.message_due()];
            let Some(at) = due.into_iter().flatten().min().filter(|at| *at < end) else { break };
            if !self.wait(at).await {
                continue;
            }
            match happenings.next_if(|_| next == Some(at)) {
                Some((_, connection, happening)) => self.happen(connection, happening),
                None => self.do_due(at).await,
            }
            if self.is_broken() {
                return;
            }
        }
        tokio::time::sleep_until(self.outside.instant(end)).await;
    }

    /// Whether a rule was broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !self.outside.watch().violations.is_empty()
    }

    /// The next minute at which something is due. Ticks before it would find nothing.
    pub fn next_tick(&self) -> Option<Timestamp> {
        let due = self.outside.watch().connections.iter().filter_map(|watched| watched.due_at).min()?;
        self.next_minute(due)
    }

    /// The next minute at which some walk is due.
    pub fn next_sync_tick(&self) -> Option<Timestamp> {
        self.next_minute(self.walk_due()?)
    }

    /// The first minute from `due` on that is not over yet.
    fn next_minute(&self, due: Timestamp) -> Option<Timestamp> {
        let soon = self.outside.now().as_millisecond() + 1;
        let at = due.as_millisecond().max(soon);
        Timestamp::from_millisecond((at + MINUTE - 1) / MINUTE * MINUTE).ok()
    }

    /// Does what is due at this time.
    pub async fn do_due(&mut self, at: Timestamp) {
        let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= at);
        // A message may be due in the very millisecond of a tick, and is delivered after it.
        let is_minute = at.as_millisecond() % MINUTE == 0 && self.minute.replace(at) != Some(at);
        let checks = self.outside.watch().connections.iter().filter_map(|watched| watched.due_at).min();
        if is_minute && is_due(checks) {
            self.deliver();
        }
        if is_minute && is_due(self.walk_due()) {
            self.sync_tick().await;
        }
        if is_due(self.message_due()) {
            self.deliver_message().await;
        }
    }

    /// One event of the schedule, delivered at least once.
    fn deliver(&mut self) {
        self.tick();
        if self.outside.chance.happens(self.plan.twice) {
            self.tick();
        }
    }

    fn happen(&mut self, connection: usize, happening: Happening) {
        self.outside.note("world", || format!("{happening:?} at connection {connection}"));
        match happening {
            Happening::Consent | Happening::Abandoned => self.consent(connection, happening),
            Happening::TwoConsents => {
                self.consent(connection, happening);
                self.consent(connection, happening);
            }
            Happening::Healed => self.heal(connection),
            other => self.act(connection, &acts(other, self.entrance.accounts[connection].1)),
        }
    }

    fn act(&self, connection: usize, acts: &[Act]) {
        self.entrance.simulator.set_now(self.outside.now());
        for act in acts {
            let done = self.entrance.simulator.work(self.entrance.accounts[connection].0, act.clone());
            assert!(done.is_ok(), "{act:?}: {done:?}");
        }
        self.entrance.look(connection);
    }

    fn heal(&self, connection: usize) {
        let user = self.entrance.accounts[connection].1;
        let lifts = [
            Act::LiftMfa { user },
            Act::LiftConditionalAccess,
            Act::EnableUser { user },
            Act::RestoreSecret { reach: Reach::Everywhere },
            Act::ClearFaults,
        ];
        self.act(connection, &lifts);
    }

    /// Heals what can be healed, and expects that health is told as it is, soon.
    async fn calm(&mut self) {
        if self.is_broken() {
            return;
        }
        for connection in 0..self.plan.connections {
            self.heal(connection);
        }
        self.settle().await;
        // Leases of the dead run out, and what was late arrives.
        tokio::time::sleep(Duration::from_secs(600)).await;
        self.outside.note("world", || "calm".to_owned());
        let begun = self.outside.now();
        let mut ticks = vec![0; self.plan.connections];
        for _ in 0..TICKS_MAX {
            let open = self.open_questions(begun, &ticks).await;
            let Some(at) = self.next_tick().filter(|_| open && !self.is_broken()) else { break };
            self.run_tick(at, &mut ticks).await;
        }
        self.take_census().await;
        self.linger().await;
    }

    async fn run_tick(&mut self, at: Timestamp, ticks: &mut [u32]) {
        tokio::time::sleep_until(self.outside.instant(at)).await;
        for (watched, ticks) in self.outside.watch().connections.iter().zip(ticks) {
            *ticks += u32::from(watched.due_at.is_some_and(|due| due <= at));
        }
        self.deliver();
        self.settle().await;
    }

    /// Whether health of some connection is not yet told as it is; too late, that is a broken rule.
    async fn open_questions(&self, since: Timestamp, ticks: &[u32]) -> bool {
        let mut is_open = false;
        for (connection, ticks) in ticks.iter().enumerate() {
            let truth = self.entrance.probe(connection).await;
            let (health, verified_at, due_at) = {
                let watch = self.outside.watch();
                let watched = &watch.connections[connection];
                (watched.health(), watched.body.as_ref().and_then(|body| body.verified_at), watched.due_at)
            };
            let is_working = matches!(health, HealthWord::Healthy | HealthWord::Expiring);
            let (is_told, patience) = match truth {
                _ if health == HealthWord::Dead || health == HealthWord::AwaitingConsent => (true, 0),
                Some(Verdict::Accepted) => (is_working && verified_at.is_some_and(|at| at >= since), TICKS_TO_HEALTH),
                _ => (!is_working, TICKS_TO_KNOW),
            };
            is_open |= !is_told;
            if !is_told && (*ticks >= patience || due_at.is_none()) {
                let what = format!("connection {connection} is {health:?} after {ticks} ticks, due {due_at:?}, and Entra says {truth:?}");
                self.outside.watch().broken(Rule::I5, what);
            }
        }
        is_open
    }

    /// Goes on for a while in which nothing fails.
    async fn linger(&mut self) {
        if !self.plan.lingers || self.is_broken() {
            return;
        }
        self.outside.watch().calm_down();
        let end = self.outside.now() + LINGERS;
        for _ in 0..TICKS_MAX {
            let Some(at) = self.next_tick().filter(|at| *at < end && !self.is_broken()) else { return };
            tokio::time::sleep_until(self.outside.instant(at)).await;
            self.deliver();
            self.settle().await;
        }
        self.outside.watch().broken(Rule::Seldom, "ticks never end");
    }

    /// Looks for secrets in the open, and for sealed bytes that open elsewhere.
    async fn last_look(&self) {
        if secrets::are_in(&log::kept()) {
            self.outside.watch().broken(Rule::I6, "the log holds a secret");
        }
        if self.office.tasks.waiting().iter().any(|task| secrets::are_in(&task.message)) {
            self.outside.watch().broken(Rule::I6, "the queue holds a secret");
        }
        let elsewhere = Binding::new(&ConnectionId::mint([0xee; 16]), Purpose::RefreshToken);
        let sealed: Vec<String> = self.outside.watch().sealed_now();
        for sealed in sealed {
            let bytes = STANDARD.decode(&sealed).unwrap_or_default();
            if safe::open(&self.vault, self.breakage, &elsewhere, &bytes).await.is_ok() {
                self.outside.watch().broken(Rule::I7, "a sealed token opens for another connection");
            }
        }
    }
}

fn acts(happening: Happening, user: uuid::Uuid) -> Vec<Act> {
    match happening {
        Happening::PasswordReset => vec![Act::ResetAdminPassword { user }],
        Happening::Revoked => vec![Act::RevokeSessions { user }],
        Happening::SecondFactor => vec![Act::RequireMfa { user }],
        Happening::Block => vec![Act::BlockByConditionalAccess { policy_id: None }],
        Happening::Disabled => vec![Act::DisableUser { user }],
        Happening::Withdrawn => vec![Act::WithdrawConsent],
        Happening::Secret => vec![Act::ExpireSecret { reach: Reach::Everywhere }],
        Happening::Loop => vec![Act::Loop { times: 2 }],
        Happening::Outage => vec![
            Act::FailNext { target: Target::Token, times: 3, fault: Trouble::Status503 },
            Act::ThrottleToken { requests: 2, retry_after: RetryAfter::Seconds(90) },
            Act::FailNext { target: Target::Token, times: 1, fault: Trouble::Html502 },
        ],
        Happening::NoToken => vec![Act::NoRefreshToken { times: 2 }],
        Happening::Healed | Happening::Consent | Happening::Abandoned | Happening::TwoConsents => Vec::new(),
    }
}
