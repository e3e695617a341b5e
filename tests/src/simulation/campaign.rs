//! Many runs, on all cores: seeds, every plan of one and of two faults, and the breakages.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::breakage::Breakage;
use super::outside::Traced;
use super::plan::{FAULTS, Fault, Plan, Provider};
use super::run::{Outcome, run};
use super::watch::{Rule, Violation};

/// A plan that broke a rule.
#[derive(Debug, Clone)]
pub struct Bad {
    /// Which plan.
    pub plan: Plan,
    /// The first rule that it broke.
    pub violation: Violation,
}

/// What many runs came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many runs.
    pub runs: u64,
    /// Steps in storms.
    pub steps: u64,
    /// Tokens that Entra gave out.
    pub tokens: u64,
    /// Bad plans, in no order.
    pub bad: Vec<Bad>,
    /// How long it took.
    pub took: Duration,
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// After so many seeds.
    pub seeds: u64,
    /// After this time, where there is one.
    pub time: Option<Duration>,
}

/// Which work a seed's plan has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Checks, and in some the sync.
    Drawn,
    /// Checks and the sync.
    Sync,
}

impl Work {
    /// The plan of a seed.
    #[must_use]
    pub fn plan(self, seed: u64) -> Plan {
        match self {
            Self::Drawn => Plan::of(seed),
            Self::Sync => Plan::with_directory(seed),
        }
    }
}

/// Runs seeds from `from` on; stops early after ten bad ones.
#[must_use]
pub fn seeds(from: u64, work: Work, limit: Limit) -> Tally {
    let begun = Instant::now();
    let next = AtomicU64::new(from);
    let end = from.saturating_add(limit.seeds);
    on_all_cores(|tally| {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let is_over = seed >= end || tally.bad.len() >= 10 || limit.time.is_some_and(|time| begun.elapsed() > time);
        (!is_over).then(|| work.plan(seed))
    })
}

/// Runs every plan of one fault and, of the checks at Entra, every `share`-th of two, over the steps of the standard runs.
#[must_use]
pub fn faults(share: usize) -> Tally {
    let plans: Vec<Plan> = match share {
        0 | 1 => fault_plans(2),
        share => fault_plans(1).into_iter().chain(fault_plans(2).into_iter().step_by(share)).collect(),
    };
    let next = AtomicUsize::new(0);
    on_all_cores(|_| plans.get(next.fetch_add(1, Ordering::Relaxed)).cloned())
}

/// Every plan of at most `most` faults.
#[must_use]
pub fn fault_plans(most: usize) -> Vec<Plan> {
    let steps = |plan: &Plan| run(plan, None, Traced::No).steps;
    let singles = |steps: u32| (1..=steps).flat_map(|step| FAULTS.map(|fault| (step, fault)));
    let mut plans = Vec::new();
    for provider in [Provider::Lasting, Provider::Grace, Provider::SingleUse] {
        let calm = Plan::exact(BTreeMap::new(), provider);
        let one: Vec<(u32, Fault)> = singles(steps(&calm)).collect();
        plans.push(calm);
        plans.extend(one.iter().map(|fault| Plan::exact(BTreeMap::from([*fault]), provider)));
        if most >= 2 && provider == Provider::Lasting {
            let two = one.iter().flat_map(|first| one.iter().map(move |second| (*first, *second)));
            plans.extend(
                two.filter(|(first, second)| first.0 < second.0)
                    .map(|(first, second)| Plan::exact(BTreeMap::from([first, second]), provider)),
            );
        }
    }
    let sync = Plan::exact_sync(BTreeMap::new());
    plans.extend(singles(steps(&sync)).map(|fault| Plan::exact_sync(BTreeMap::from([fault]))));
    plans.push(sync);
    plans
}

/// The first seed below `seeds` at which a breakage is noticed, by a rule that is meant to.
#[must_use]
pub fn tooth(breakage: Breakage, seeds: u64) -> Option<(u64, Violation)> {
    (0..seeds).find_map(|seed| {
        let outcome = run(&breakage.plan(seed), Some(breakage), Traced::No);
        let is_meant = |violation: &Violation| breakage.rules().contains(&violation.rule) && violation.rule != Rule::Sound;
        outcome.violations.into_iter().next().filter(is_meant).map(|violation| (seed, violation))
    })
}

fn on_all_cores(next: impl Fn(&Tally) -> Option<Plan> + Sync) -> Tally {
    let begun = Instant::now();
    let tally = Mutex::new(Tally::default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let plan = next(&tally.lock().unwrap_or_else(PoisonError::into_inner));
                    let Some(plan) = plan else { return };
                    let outcome = run(&plan, None, Traced::No);
                    tally.lock().unwrap_or_else(PoisonError::into_inner).add(plan, outcome);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    Tally { took: begun.elapsed(), ..tally }
}

impl Tally {
    fn add(&mut self, plan: Plan, outcome: Outcome) {
        self.runs += 1;
        self.steps += u64::from(outcome.steps);
        self.tokens += outcome.tokens as u64;
        self.bad.extend(outcome.violations.into_iter().next().map(|violation| Bad { plan, violation }));
    }
}
