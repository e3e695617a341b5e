//! Checks at scale: a million connections for a day, under the real rules of `domain::schedule` and a small model of the tick.
//!
//! Real are the rules (when a connection is due next, in which shard it waits) and what a check costs at DynamoDB, which is measured on
//! real checks. The model is a tick that keeps a line of what is due, by lanes and in several parts: [`fleet`]. Inputs are how long Entra
//! takes ([`scenario`]) and how the checks are deployed ([`Plan`]). Every death takes two verdicts. Left out are throttles, cold starts,
//! spares, incidents, and leases of workers that died.
//!
//! `cargo bench -p system-tests --bench fleet` prints a table; `-- --connections 100000 --parts 4 --in-flight 8` chooses other sizes.

mod cost;
mod fleet;
mod rules;
mod scenario;
mod tally;

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result};
use domain::schedule::{self, Lane};
use system_tests::scale::Use;

use crate::cost::Cost;
use crate::fleet::{Fleet, Part, Plan};
use crate::scenario::{NOON, Scenario, mean_check};
use crate::tally::Tally;

const SCENARIOS: [Scenario; 5] = [Scenario::Steady, Scenario::Outage, Scenario::Stopped, Scenario::Losses, Scenario::Newcomers(50_000)];
/// The hours before and after what happens, in which requests are counted apart.
const BEFORE: std::ops::Range<usize> = 1..12;
const AFTER: std::ops::Range<usize> = 13..24;

fn main() -> Result<()> {
    let connections = option("--connections", 1_000_000)?;
    let usual = token_check::Plan::default();
    let plan = Plan {
        parts: u8::try_from(option("--parts", 16)?)?.clamp(1, schedule::SHARDS),
        in_flight: usize::try_from(option("--in-flight", 24)?)?.max(1),
        healthy_per_shard: usize::try_from(option("--healthy-per-shard", u64::try_from(usual.healthy_per_shard)?)?)?,
        others_per_shard: usize::try_from(option("--others-per-shard", u64::try_from(usual.others_per_shard)?)?)?,
        timeout: option("--timeout", 300)? * 1_000,
        check_budget: 110_000,
        looks_max: 1_000,
    };
    let cost = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(cost::measure())?;
    let began = Instant::now();
    let fleet = Fleet::of(connections);
    tell_inputs(connections, plan, cost);
    for scenario in SCENARIOS {
        let tally = day(&fleet, plan, &scenario);
        tell(scenario, &tally, cost);
    }
    println!("\nsimulated in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// The number after an option, or what is usual.
fn option(name: &str, usual: u64) -> Result<u64> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name);
    match at.and_then(|at| arguments.get(at + 1)) {
        Some(text) => text.parse().with_context(|| format!("{name} must be a number, not {text:?}")),
        None => Ok(usual),
    }
}

/// Parts have nothing in common, so each is simulated alone, as many at a time as there are processors.
fn day(fleet: &Fleet, plan: Plan, scenario: &Scenario) -> Tally {
    let next = AtomicU8::new(0);
    let work = || {
        let mut tally = Tally::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= plan.parts {
                return tally;
            }
            tally.add(&Part::new(fleet, plan, index, scenario).live());
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("nobody panics in a day")).reduce(sum).expect("there is a thread")
    })
}

fn sum(mut one: Tally, other: Tally) -> Tally {
    one.add(&other);
    one
}

fn tell_inputs(connections: u64, plan: Plan, cost: Cost) {
    let cap = f64::from(plan.parts) * plan.in_flight as f64;
    println!(
        "{connections} connections, 24 hours, a tick a minute; {} shards, {} parts x {} in flight = {cap} checks at a time",
        schedule::SHARDS,
        plan.parts,
        plan.in_flight
    );
    println!(
        "a look takes {} healthy and {} of each other lane of each shard; an invocation lives {} s",
        plan.healthy_per_shard,
        plan.others_per_shard,
        plan.timeout / 1_000
    );
    println!("a check takes {:.0} ms (input), so at most {:.0} checks/s while invocations run", mean_check(), cap * 1_000.0 / mean_check());
    for (name, Use { calls, reads, writes, by_work, .. }) in [("accepts", cost.accepted), ("refuses", cost.refused)] {
        println!(
            "a check that Entra {name} costs {calls:.2} requests to DynamoDB, {reads:.2} read and {writes:.2} write units, {by_work:.2} of them for indexes (measured)"
        );
    }
}

fn tell(scenario: Scenario, tally: &Tally, cost: Cost) {
    let lanes = [("healthy", Lane::Healthy), ("failing", Lane::Failing), ("first", Lane::First)];
    println!("\n{}", scenario.name());
    for (name, lane) in lanes {
        let lateness = tally.lateness(lane);
        let late = |share| lateness.share(share).map_or("-".to_owned(), |late| format!("{late} s"));
        if lateness.total() > 0 {
            println!("  {name:<8} {:>10} checks, late p50 {:>6}  p99 {:>6}  max {:>6}", lateness.total(), late(0.5), late(0.99), late(1.0));
        }
    }
    for (name, hours) in [("before", BEFORE), ("12-13 h", 12..13), ("after", AFTER)] {
        let requests = tally.requests(hours);
        println!(
            "  requests/s {name:<8} mean {:>6.1}  p99 {:>5}  max {:>5}  busiest minute {:>6.1}",
            requests.mean, requests.p99, requests.max, requests.busiest_minute
        );
    }
    let waves: Vec<String> = tally.waves(11..24).iter().map(|requests| format!("{requests:.0}")).collect();
    println!("  requests/s in the busiest minute of each hour from 11 h on: {}", waves.join(" "));
    let (most, of_hottest) = tally.hottest;
    let share = 100.0 * of_hottest as f64 / tally.writes.max(1) as f64;
    println!("  due index: hottest key {most} writes/s at most, {share:.2} % of all writes");
    let checks = |lane| tally.lateness(lane).total() as f64 / 86_400.0;
    let (accepted, refused) = (checks(Lane::Healthy) + checks(Lane::First), checks(Lane::Failing));
    let units = |of: fn(Use) -> f64| of(cost.accepted) * accepted + of(cost.refused) * refused;
    println!("  DynamoDB: {:.0} read and {:.0} write units/s on average", units(|each| each.reads), units(|each| each.writes));
    let second = &tally.second_verdicts;
    if let (Some(median), Some(most)) = (second.share(0.5), second.share(1.0)) {
        println!("  {} deaths believed at the second verdict, p50 {median} s and at most {most} s after the first", second.total());
    }
    if tally.last_late > 0 {
        let after = tally.last_late as i64 - (NOON / 1_000) as i64;
        println!("  last check more than 10 min late began {:.1} min after noon", after as f64 / 60.0);
    }
    println!(
        "  {} ticks found their part at work; at the end {} were overdue, the latest by {} s",
        tally.ticks_skipped, tally.left.0, tally.left.1
    );
}
