//! The simulation, short enough for every change; `cargo xtask simulate` runs more of it.

mod conformance;

use system_tests::simulation::breakage::BREAKAGES;
use system_tests::simulation::campaign::{self, Limit, Work};
use system_tests::simulation::{Plan, Traced, run};

/// Seeds of the short run.
const SEEDS: u64 = 120;
/// Seeds of the short run in which the sync works.
const SYNC_SEEDS: u64 = 30;
/// Seeds that every breakage shows within.
const TEETH_SEEDS: u64 = 120;

#[test]
fn no_seed_breaks_a_rule() {
    let tally = campaign::seeds(0, Work::Drawn, Limit { seeds: SEEDS, time: None });
    assert!(tally.bad.is_empty(), "{:#?}", tally.bad);
    assert_eq!(tally.runs, SEEDS);
}

#[test]
fn no_seed_of_the_sync_breaks_a_rule() {
    let tally = campaign::seeds(1_000, Work::Sync, Limit { seeds: SYNC_SEEDS, time: None });
    assert!(tally.bad.is_empty(), "{:#?}", tally.bad);
    assert_eq!(tally.runs, SYNC_SEEDS);
}

#[test]
fn no_single_fault_breaks_a_rule() {
    let tally = campaign::faults(usize::MAX);
    assert!(tally.bad.is_empty(), "{:#?}", tally.bad);
    assert!(tally.runs > 200, "{}", tally.runs);
}

#[test]
fn the_same_seed_goes_the_same_way_twice() {
    let drawn = [3, 11, 62, 671].map(Plan::of);
    for plan in drawn.into_iter().chain([4, 12].map(Plan::with_directory)) {
        let seed = plan.seed;
        let once = run(&plan, None, Traced::Yes);
        let twice = run(&plan, None, Traced::Yes);
        let differing = once.trace.iter().zip(&twice.trace).find(|(once, twice)| once != twice);
        assert_eq!(differing, None, "seed {seed}");
        assert!(!once.trace.is_empty() && once == twice, "seed {seed}");
    }
}

#[test]
fn every_breakage_is_noticed() {
    let dull: Vec<_> = BREAKAGES.iter().filter(|breakage| campaign::tooth(**breakage, TEETH_SEEDS).is_none()).collect();
    assert!(dull.is_empty(), "not noticed within {TEETH_SEEDS} seeds: {dull:?}");
}
