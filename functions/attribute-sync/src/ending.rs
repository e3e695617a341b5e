//! How a step ends: where the walk stands is written, the next step is asked for, and what it came to is counted.

use std::time::Duration;

use adapters::metrics::{self, Metric};
use adapters::queue::SyncTask;
use adapters::store::StoreError;
use domain::api::HealthWord;
use domain::schedule::{self, SYNC_PERIOD};
use domain::silence::Shown;
use domain::walk::Walk;
use jiff::{SignedDuration, Timestamp};

use crate::plan;
use crate::source::Dry;
use crate::step::{Step, StepError, Work};

/// After so long without a step a walk under way falls due again: its worker or its task was lost.
const WATCHDOG: SignedDuration = SignedDuration::from_secs(120);

/// What becomes of the walk after its stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Go on at once.
    GoOn,
    /// The round is over.
    Rest,
    /// Go on after a wait.
    Wait(SignedDuration),
    /// Try again at the next schedule.
    Hold,
}

/// What the step's numbers rest on, besides where the walk stands at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// What the connection showed when the step began.
    shown: Shown,
    /// Its health, once it was read.
    health: Option<HealthWord>,
    /// Since when health says that it does not work.
    broken_since: Option<Timestamp>,
}

impl Account {
    pub(crate) fn open(walk: &Walk, every: SignedDuration) -> Self {
        let shown = Shown { as_of: walk.as_of, every, told_since: walk.stale_since, counted_until: walk.silence_counted };
        Self { shown, health: None, broken_since: None }
    }

    /// Notes that the connection works.
    pub(crate) fn sees(&mut self, health: HealthWord) {
        self.health = Some(health);
    }

    /// Notes why there are no pages.
    pub(crate) fn hears(&mut self, dry: Dry) {
        match dry {
            Dry::Broken { health, since } => (self.health, self.broken_since) = (Some(health), Some(since)),
            // Nobody is shown people of a connection that is not there.
            Dry::Gone => self.shown.as_of = None,
            Dry::NoToken => {}
        }
    }

    /// How long people were silently stale since that was counted last; the walk notes that it is counted.
    fn close(&self, walk: &mut Walk, now: Timestamp) -> SignedDuration {
        let told_since = [self.shown.told_since, walk.stale_since, self.broken_since].into_iter().flatten().min();
        walk.silence_counted = Shown { as_of: walk.as_of, ..self.shown }.booked(now);
        Shown { told_since, ..self.shown }.silent(now)
    }

    /// Counts a step that was written, after which the next round is `period` away.
    fn tell(&self, walk: &Walk, (end, silent): (End, SignedDuration), (period, now): (SignedDuration, Timestamp)) {
        metrics::note(Metric::SilentStaleMinutes, silent.as_secs_f64() / 60.0);
        if let (End::Rest | End::Hold, Some(health)) = (end, self.health) {
            metrics::note(Metric::Connections(health), period.as_secs_f64() / SYNC_PERIOD.as_secs_f64());
        }
        if let (End::Rest, Some(as_of)) = (end, walk.as_of) {
            metrics::took(Metric::SyncLag, now.duration_since(as_of));
        }
    }
}

/// Writes where the walk stands and asks for the next step.
pub(crate) async fn finish(work: &mut Work<'_>, end: End) -> Result<Step, StepError> {
    let (ports, id, now) = (work.ports, work.id, work.ports.clock.now());
    let scheduled = schedule::next_sync(id, work.choice.every(), now);
    let (due_at, next, step) = match end {
        End::GoOn => (now + WATCHDOG, Some(Duration::ZERO), Step::Moved),
        End::Wait(wait) => (now + wait, Some(Duration::try_from(wait).unwrap_or_default()), Step::Waiting),
        End::Rest => (scheduled, None, Step::Completed),
        End::Hold => (scheduled, None, Step::Held),
    };
    let silent = work.account.close(&mut work.walk, now);
    match ports.store.settle_walk(id, &work.walk, &work.lease, due_at).await {
        // Whoever took the walk over goes on with it.
        Err(StoreError::Overtaken { .. }) => return Ok(Step::Idle),
        other => other?,
    }
    work.account.tell(&work.walk, (end, silent), (scheduled.duration_since(now), now));
    if let Some(delay) = next {
        ports.queue.send(&SyncTask { connection: id.clone(), lane: plan::lane(&work.walk) }, delay).await?;
    }
    Ok(step)
}
