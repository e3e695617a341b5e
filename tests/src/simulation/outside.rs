//! What lies between an invocation and everything outside it: time, latency, faults, and the trace.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapters::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::actor::Actor;
use super::plan::{Fault, Plan, Weather};
use super::watch::Watch;
use crate::chance::Seeded;

/// How long a frozen invocation stands still in a plan that names each fault: past the next ticks.
const FREEZE: Duration = Duration::from_secs(200);

/// What became of a step.
#[derive(Debug)]
pub enum Passed<T> {
    /// It was carried out, and this is the answer.
    Answered(T),
    /// The connection broke.
    Lost,
    /// It was refused for now, and not carried out.
    Throttled,
}

/// The outside of one run.
pub struct Outside {
    /// Chance of latencies and faults.
    pub chance: Seeded,
    begun: Instant,
    epoch: Timestamp,
    state: Mutex<State>,
    watch: Mutex<Watch>,
}

struct State {
    weather: Weather,
    step: u32,
    trace: Option<Vec<String>>,
}

struct Draw {
    number: u32,
    fault: Option<Fault>,
    there: Duration,
    back: Duration,
    freeze: Duration,
}

impl Outside {
    /// The outside of a plan, calm until it is told otherwise.
    #[must_use]
    pub fn new(plan: &Plan, epoch: Timestamp, traced: Traced) -> Self {
        let trace = (traced == Traced::Yes).then(Vec::new);
        Self {
            chance: Seeded::new(plan.seed),
            begun: Instant::now(),
            epoch,
            state: Mutex::new(State { weather: Weather::Calm, step: 0, trace }),
            watch: Mutex::new(Watch::new(plan.skew_max * 2)),
        }
    }

    /// The true time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.epoch + SignedDuration::try_from(self.begun.elapsed()).unwrap_or_default()
    }

    /// The instant of a true time; now, where it is past.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        Instant::now() + Duration::try_from(at.duration_since(self.now())).unwrap_or_default()
    }

    /// Lets these faults come from now on; steps are numbered from here.
    pub fn change_weather(&self, weather: Weather) {
        let mut state = self.state();
        state.weather = weather;
        state.step = 0;
    }

    /// Steps since the weather changed.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.state().step
    }

    /// Whether faults come by chance now.
    #[must_use]
    pub fn is_stormy(&self) -> bool {
        matches!(self.state().weather, Weather::Stormy(_))
    }

    /// What watches the rules.
    pub fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line of the trace, if anybody reads it.
    pub fn note(&self, who: &str, what: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(trace) = &mut self.state().trace {
            trace.push(format!("{now} {who}: {}", what()));
        }
    }

    /// The trace so far.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone().unwrap_or_default()
    }

    /// Carries a step out, unless the weather is against it.
    pub async fn through<T, F>(self: &Arc<Self>, actor: &Arc<Actor>, what: &str, carry_out: F) -> Passed<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Pin<Box<dyn Future<Output = T> + Send>> + Send + 'static,
    {
        let draw = self.draw();
        let number = draw.number;
        self.note(&actor.name, || format!("#{number} {what}{}", draw.fault.map(|fault| format!(" !{fault:?}")).unwrap_or_default()));
        tokio::time::sleep(draw.there).await;
        match draw.fault {
            Some(Fault::CrashBefore) => actor.crash().await,
            Some(Fault::LostRequest) => Passed::Lost,
            Some(Fault::Throttle) => Passed::Throttled,
            Some(Fault::Freeze) => {
                actor.freeze(draw.freeze).await;
                Passed::Answered(carry_out().await)
            }
            Some(Fault::Late) => {
                let wait = Duration::from_millis(4_000 + self.chance.below(300_000));
                let outside = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    outside.note("network", || format!("#{number} arrives"));
                    carry_out().await;
                });
                std::future::pending().await
            }
            Some(fault @ (Fault::LostAnswer | Fault::Silence | Fault::CrashAfter)) => {
                carry_out().await;
                match fault {
                    Fault::LostAnswer => Passed::Lost,
                    Fault::CrashAfter => actor.crash().await,
                    _ => std::future::pending().await,
                }
            }
            None => {
                let answer = carry_out().await;
                tokio::time::sleep(draw.back).await;
                Passed::Answered(answer)
            }
        }
    }

    fn draw(&self) -> Draw {
        let mut state = self.state();
        state.step += 1;
        let number = state.step;
        let quick = |chance: &Seeded| Duration::from_millis(2 + chance.below(30));
        let mut draw = Draw { number, fault: None, there: quick(&self.chance), back: quick(&self.chance), freeze: FREEZE };
        match &state.weather {
            Weather::Calm => {}
            Weather::Exact(faults) => draw.fault = faults.get(&number).copied(),
            Weather::Stormy(per_mille) => {
                draw.fault = self.chance.happens(*per_mille).then(|| Plan::fault(&self.chance));
                (draw.there, draw.back) = (self.latency(), self.latency());
                draw.freeze = Duration::from_millis(10_000 + self.chance.below(180_000));
            }
        }
        draw
    }

    /// Mostly milliseconds, sometimes seconds, sometimes beyond every deadline.
    fn latency(&self) -> Duration {
        let milliseconds = match self.chance.below(100) {
            0 => 6_000 + self.chance.below(14_000),
            1..=3 => 500 + self.chance.below(5_000),
            _ => 2 + self.chance.below(60),
        };
        Duration::from_millis(milliseconds)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a trace is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traced {
    /// It costs a fifth of the speed.
    Yes,
    /// Only the outcome counts.
    No,
}

/// An invocation's clock: the true time, off by its skew.
pub struct SkewedClock {
    /// The true time.
    pub outside: Arc<Outside>,
    /// Whose clock.
    pub actor: Arc<Actor>,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.outside.now() + self.actor.skew
    }
}
