//! Runs the simulation: `cargo xtask simulate`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use system_tests::simulation::breakage::BREAKAGES;
use system_tests::simulation::campaign::{Limit, Tally, Work, faults, seeds, tooth};
use system_tests::simulation::plan::{FAULTS, Provider};
use system_tests::simulation::{Plan, Traced, run};

const HELP: &str = "\
simulate [--seeds N] [--from S] [--minutes M]   runs N seeds (or as many as M minutes allow) from S on
simulate --sync                                 the same, and the sync works in all of them; before --seed too
simulate --faults [N]                           every plan of one fault, and every (or every N-th) of two
simulate --teeth [N]                            the first seed, of N, at which each breakage is noticed
simulate [--sync] --step N --fault KIND         the standard run with one fault at one step, with its trace
simulate --seed S                               one seed, with its trace";

/// Seeds that a breakage is given to show.
const TEETH_SEEDS: u64 = 10_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match obey(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn obey(words: &[String]) -> Result<bool> {
    let mut words = words.iter().map(String::as_str);
    let mut step = 1;
    let (mut from, mut work, mut limit) = (0, Work::Drawn, Limit { seeds: 1_000, time: None });
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|number| number.parse::<u64>().ok());
        match word {
            "--faults" => return Ok(told("plans", &faults(number().and_then(|share| share.try_into().ok()).unwrap_or(1)))),
            "--teeth" => return Ok(teeth(number().unwrap_or(TEETH_SEEDS))),
            "--sync" => work = Work::Sync,
            "--seed" => return Ok(replayed(&work.plan(number().context("--seed needs a number")?))),
            "--step" => step = number().and_then(|step| step.try_into().ok()).context("--step needs a number")?,
            "--fault" => return Ok(replayed(&standard(work, step, words.next().context("--fault needs a kind")?)?)),
            "--seeds" => limit.seeds = number().context("--seeds needs a number")?,
            "--from" => from = number().context("--from needs a number")?,
            "--minutes" => {
                let minutes = number().context("--minutes needs a number")?;
                limit = Limit { seeds: u64::MAX, time: Some(Duration::from_secs(minutes * 60)) };
            }
            other => bail!("there is no {other}"),
        }
    }
    Ok(told(&format!("seeds from {from} on"), &seeds(from, work, limit)))
}

/// The standard run with one fault.
fn standard(work: Work, step: u32, kind: &str) -> Result<Plan> {
    let fault =
        FAULTS.into_iter().find(|fault| format!("{fault:?}") == kind).with_context(|| format!("--fault must be one of {FAULTS:?}"))?;
    let faults = BTreeMap::from([(step, fault)]);
    Ok(match work {
        Work::Drawn => Plan::exact(faults, Provider::Lasting),
        Work::Sync => Plan::exact_sync(faults),
    })
}

fn told(what: &str, tally: &Tally) -> bool {
    let seconds = tally.took.as_secs_f64();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{} {what}: {} bad; {} steps in storms, {} tokens; {seconds:.1} s, {:.0} runs a second on {cores} cores",
        tally.runs,
        tally.bad.len(),
        tally.steps,
        tally.tokens,
        f64::from(u32::try_from(tally.runs).unwrap_or(u32::MAX)) / seconds,
    );
    for bad in tally.bad.iter().take(10) {
        println!("  seed {}, {:?}, {:?}: {}", bad.plan.seed, bad.plan.provider, bad.plan.weather, bad.violation);
    }
    tally.bad.is_empty()
}

fn teeth(seeds: u64) -> bool {
    let mut are_all = true;
    for breakage in BREAKAGES {
        match tooth(*breakage, seeds) {
            Some((seed, violation)) => println!("{:<18} seed {seed:>5}  {violation}", format!("{breakage:?}")),
            None => {
                are_all = false;
                println!("{:<18} NOT NOTICED within {seeds} seeds", format!("{breakage:?}"));
            }
        }
    }
    are_all
}

fn replayed(plan: &Plan) -> bool {
    let outcome = run(plan, None, Traced::Yes);
    println!("{plan:#?}");
    outcome.trace.iter().for_each(|line| println!("{line}"));
    outcome.violations.iter().for_each(|violation| println!("{violation}"));
    outcome.violations.is_empty()
}
