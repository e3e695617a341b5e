//! The simulation, short enough for every change; `cargo xtask simulate` runs more of it.

mod conformance;

use system_tests::simulation::breakage::BREAKAGES;
use system_tests::simulation::campaign::{self, Limit};
use system_tests::simulation::{Plan, Traced, run};

/// Seeds of the short run.
const SEEDS: u64 = 120;
/// Seeds that every breakage shows within here; the rare ones are left to `cargo xtask simulate --teeth`.
const TEETH_SEEDS: u64 = 60;
/// Breakages that take more seeds than that.
const RARE: [&str; 1] = ["TokenUnpointed"];

#[test]
fn no_seed_breaks_a_rule() {
    let tally = campaign::seeds(0, Limit { seeds: SEEDS, time: None });
    assert!(tally.bad.is_empty(), "{:#?}", tally.bad);
    assert_eq!(tally.runs, SEEDS);
}

#[test]
fn no_single_fault_breaks_a_rule() {
    let tally = campaign::faults(usize::MAX);
    assert!(tally.bad.is_empty(), "{:#?}", tally.bad);
    assert!(tally.runs > 200, "{}", tally.runs);
}

#[test]
fn the_same_seed_goes_the_same_way_twice() {
    for seed in [3, 11, 62, 671] {
        let once = run(&Plan::of(seed), None, Traced::Yes);
        let twice = run(&Plan::of(seed), None, Traced::Yes);
        let differing = once.trace.iter().zip(&twice.trace).find(|(once, twice)| once != twice);
        assert_eq!(differing, None, "seed {seed}");
        assert!(!once.trace.is_empty() && once == twice, "seed {seed}");
    }
}

#[test]
fn every_common_breakage_is_noticed() {
    let dull = BREAKAGES.iter().filter(|breakage| !RARE.contains(&format!("{breakage:?}").as_str()));
    let dull: Vec<_> = dull.filter(|breakage| campaign::tooth(**breakage, TEETH_SEEDS).is_none()).collect();
    assert!(dull.is_empty(), "not noticed within {TEETH_SEEDS} seeds: {dull:?}");
}
