//! What a walk does next, step by step.

use super::trouble::FAILURES_MAX;
use super::*;

const CHOICE: &str = "choice";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn next(link: &str) -> PageEnd {
    PageEnd::Next(link.to_owned())
}

fn round(link: &str) -> PageEnd {
    PageEnd::Round(link.to_owned())
}

fn page(entries: u64) -> Tally {
    Tally { entries, shown: entries as i64, kept: entries as i64, ..Tally::default() }
}

fn walking(link: &str) -> Stage {
    Stage::Walking { link: Some(link.to_owned()) }
}

/// A walk that has listed `people` people, and walked the delta after it.
fn loaded(people: u64) -> Walk {
    let mut walk = Walk::default();
    walk.begin(CHOICE, at(1));
    walk.mark("m".to_owned());
    walk.turn(PageEnd::List, &page(people), at(2));
    walk.turn(round("d"), &Tally::default(), at(3));
    assert_eq!((&walk.stage, walk.people), (&Stage::Resting, people));
    walk
}

fn missing(people: u64, lists: u16) -> (Missing, u16) {
    (Missing { people, shown: people }, lists)
}

#[test]
fn the_first_round_lists_everybody_and_goes_on_from_its_mark() {
    let mut walk = Walk::default();
    walk.begin(CHOICE, at(1));
    assert_eq!((&walk.stage, walk.is_blank()), (&Stage::Marking, true));
    walk.mark("m".to_owned());
    walk.turn(next("p2"), &page(999), at(2));
    assert_eq!(walk.stage, Stage::Listing { link: Some("p2".to_owned()), marked: "m".to_owned() });
    walk.turn(PageEnd::List, &page(100), at(3));
    assert_eq!((walk.as_of, walk.completed_at, walk.people), (Some(at(1)), Some(at(3)), 1_099));
    assert_eq!(walk.base, Some(Base { round: 1, changes: 0, at: at(3) }));
    assert_eq!((&walk.stage, walk.is_full), (&walking("m"), false), "what changed meanwhile follows at once");
    walk.turn(round("d1"), &Tally::default(), at(4));
    assert_eq!((&walk.stage, walk.as_of), (&Stage::Resting, Some(at(3))));
    walk.begin(CHOICE, at(9));
    assert_eq!(walk.stage, walking("d1"));
}

#[test]
fn where_graph_does_not_mark_the_delta_is_walked_from_its_beginning() {
    let mut walk = Walk::default();
    walk.begin(CHOICE, at(1));
    walk.walk_plainly(at(2));
    assert_eq!((&walk.stage, walk.is_full, walk.is_blank()), (&Stage::Walking { link: None }, true, true));
    walk.turn(next("p2"), &page(200), at(3));
    walk.turn(round("d"), &page(10), at(4));
    assert_eq!((walk.people, &walk.stage), (210, &walking("d")));
}

#[test]
fn beginning_twice_does_not_start_over() {
    let mut walk = Walk::default();
    walk.begin(CHOICE, at(1));
    walk.mark("m".to_owned());
    walk.turn(next("p2"), &page(200), at(2));
    let before = walk.clone();
    walk.begin(CHOICE, at(3));
    assert_eq!(walk, before);
}

#[test]
fn a_full_round_comes_with_another_choice_and_every_week() {
    let mut walk = loaded(10);
    walk.begin("another", at(9));
    assert_eq!((&walk.stage, walk.is_full, walk.is_blank()), (&Stage::Marking, true, false));
    let mut walk = loaded(10);
    walk.begin(CHOICE, at(2) + FULL_PERIOD);
    assert_eq!(walk.stage, walking("d"));
    let mut walk = loaded(10);
    walk.degraded.insert("city".parse().unwrap());
    walk.begin(CHOICE, at(3) + FULL_PERIOD);
    assert_eq!((&walk.stage, walk.degraded.len()), (&Stage::Marking, 0));
}

#[test]
fn a_reset_sweeps_only_after_a_complete_round() {
    let mut walk = loaded(10);
    walk.begin(CHOICE, at(11));
    assert!(walk.reset(Some("l".to_owned()), at(12)));
    assert_eq!((&walk.stage, walk.is_full, walk.is_blank()), (&walking("l"), true, false));
    walk.turn(next("p2"), &Tally { entries: 4, kept: 4, ..Tally::default() }, at(13));
    assert!(walk.restart(at(14)));
    assert_eq!(walk.stage, Stage::Marking);
    walk.mark("m".to_owned());
    walk.turn(PageEnd::List, &Tally { entries: 8, kept: 8, ..Tally::default() }, at(15));
    assert_eq!(walk.stage, Stage::Sweeping { range: 0 });
    assert_eq!(walk.swept(0, missing(2, 1), (&Guard::default(), at(16))), Ruling::Removes);
    walk.remove(&Tally { shown: -2, ..Tally::default() }, at(17));
    assert_eq!((&walk.stage, walk.people, walk.removed.people), (&walking("m"), 8, 2));
}

#[test]
fn who_is_gone_is_removed_at_the_end_of_the_round() {
    let mut walk = loaded(10);
    walk.begin(CHOICE, at(11));
    walk.turn(next("p2"), &Tally { gone: 2, ..Tally::default() }, at(12));
    walk.turn(next("p3"), &Tally { gone: -1, ..Tally::default() }, at(12));
    assert_eq!(walk.people, 10);
    walk.turn(round("d2"), &Tally::default(), at(13));
    assert_eq!(walk.stage, Stage::Sweeping { range: 0 });
    walk.swept(0, missing(1, 2), (&Guard::default(), at(14)));
    walk.remove(&Tally { shown: -1, is_noted: true, ..Tally::default() }, at(15));
    assert_eq!(walk.stage, Stage::Removing { done: 1 });
    walk.remove(&Tally::default(), at(15));
    assert_eq!((&walk.stage, walk.people, walk.changes), (&Stage::Resting, 9, 1));
}

/// A walk that holds a wave of 50 of 100.
fn holding() -> Walk {
    let mut walk = loaded(100);
    walk.begin(CHOICE, at(11));
    walk.turn(round("d2"), &Tally { gone: 50, ..Tally::default() }, at(12));
    let ruling = walk.swept(0, missing(50, 2), (&Guard::default(), at(13)));
    assert_eq!(ruling, Ruling::Holds { is_news: true });
    walk
}

#[test]
fn a_wave_of_deletions_is_held_and_the_sync_goes_on() {
    let mut walk = holding();
    assert_eq!((&walk.stage, walk.people, walk.completed_at), (&Stage::Resting, 100, Some(at(13))));
    assert_eq!(walk.hold, Some(Hold { round: 3, people: 50, of: 100, since: at(13), lists: 2 }));
    walk.begin(CHOICE, at(20));
    assert_eq!(walk.stage, walking("d2"));
    assert!(walk.reset(None, at(21)));
    walk.mark("m".to_owned());
    walk.turn(PageEnd::List, &Tally { entries: 50, kept: 50, ..Tally::default() }, at(22));
    let ruling = walk.swept(0, missing(50, 2), (&Guard::default(), at(23)));
    assert_eq!((ruling, walk.people), (Ruling::Holds { is_news: false }, 100), "still stored, and told once");
    assert_eq!(walk.hold.map(|hold| (hold.round, hold.since)), Some((5, at(13))));
}

#[test]
fn an_approved_wave_is_carried_out_and_another_decision_is_not_heeded() {
    let decision = |round, verdict| Decision { round, verdict, by: "ada".to_owned(), at: at(14) };
    let mut walk = holding();
    walk.heed(&decision(2, Verdict::Approve));
    assert!(walk.hold.is_some(), "that was about another wave");
    walk.heed(&decision(3, Verdict::Approve));
    assert_eq!((&walk.stage, walk.hold), (&Stage::Releasing { round: 3, done: 0, lists: 2 }, None));
    walk.remove(&Tally { shown: -30, is_noted: true, ..Tally::default() }, at(15));
    assert_eq!(walk.stage, Stage::Releasing { round: 3, done: 1, lists: 2 });
    walk.remove(&Tally { shown: -20, is_noted: true, ..Tally::default() }, at(15));
    assert_eq!((&walk.stage, walk.people), (&Stage::Resting, 50));
    let mut walk = holding();
    walk.heed(&decision(3, Verdict::Reject));
    assert_eq!((&walk.stage, walk.hold, walk.people), (&Stage::Resting, None, 100));
}

#[test]
fn a_search_that_finds_nobody_ends_the_round() {
    let mut walk = loaded(10);
    walk.begin(CHOICE, at(11));
    walk.turn(round("d2"), &Tally { gone: 1, ..Tally::default() }, at(12));
    assert_eq!(walk.swept(0, missing(0, 0), (&Guard::default(), at(13))), Ruling::Removes);
    assert_eq!((&walk.stage, walk.people), (&Stage::Resting, 10));
}

#[test]
fn endless_resets_end_in_waiting() {
    let mut walk = Walk::default();
    walk.begin(CHOICE, at(1));
    let went_on = (0..10).take_while(|_| walk.reset(None, at(2))).count();
    assert_eq!(went_on, RESETS_MAX as usize);
}

#[test]
fn attributes_that_fail_are_left_out_until_the_next_full_round() {
    let mut walk = loaded(10);
    walk.begin(CHOICE, at(11));
    assert!(walk.degrade(["city".parse().unwrap()], at(12)));
    assert_eq!((&walk.stage, walk.is_blank()), (&Stage::Marking, false));
    assert!(!walk.degrade(["city".parse().unwrap()], at(13)), "nothing is left to leave out");
}

#[test]
fn a_round_whose_link_leads_nowhere_begins_anew_from_what_is_known() {
    let mut walk = loaded(10);
    walk.begin(CHOICE, at(11));
    walk.turn(next("foreign"), &Tally::default(), at(12));
    walk.give_up("no", at(13));
    assert_eq!((&walk.stage, walk.stale_since, walk.delta_link.as_deref()), (&Stage::Resting, Some(at(13)), Some("d")));
    for _ in 0..=FAILURES_MAX {
        walk.begin(CHOICE, at(14));
        walk.give_up("no", at(15));
    }
    walk.begin(CHOICE, at(16));
    assert_eq!((&walk.stage, walk.is_sweep_owed), (&Stage::Marking, true));
}

#[test]
fn a_first_round_that_starts_over_may_have_left_people() {
    for leave in [|walk: &mut Walk| walk.is_noting = true, |walk: &mut Walk| walk.turn(next("p"), &page(3), at(2))] {
        let mut walk = Walk::default();
        walk.begin(CHOICE, at(1));
        walk.mark("m".to_owned());
        leave(&mut walk);
        assert!(walk.is_blank());
        walk.restart(at(3));
        assert!(!walk.is_blank() && walk.is_sweep_owed);
    }
}

#[test]
fn who_waits_again_and_again_falls_behind() {
    let mut walk = Walk::default();
    walk.begin(CHOICE, at(1));
    let stale = [at(2), at(3), at(4), at(5)].map(|now| {
        walk.wait(now, "wait", now);
        walk.stale_since
    });
    assert_eq!(stale, [None, None, Some(at(4)), Some(at(4))]);
}

#[test]
fn staleness_lasts_from_the_first_failure_to_the_next_complete_round() {
    let mut walk = loaded(1);
    walk.begin(CHOICE, at(4));
    walk.fail("a", at(5));
    walk.fail("b", at(6));
    assert_eq!((walk.stale_since, walk.failures), (Some(at(5)), 2));
    walk.turn(next("p"), &Tally::default(), at(7));
    assert_eq!((walk.stale_since, walk.failures), (Some(at(5)), 0));
    walk.turn(round("d"), &Tally::default(), at(8));
    assert_eq!(walk.stale_since, None);
}

#[test]
fn a_sweep_of_a_million_is_cut_into_ranges() {
    let ranges = |people_seen| Walk { people_seen, ..Walk::default() }.sweep_ranges();
    assert_eq!((ranges(0), ranges(ROLL_MAX), ranges(ROLL_MAX + 1), ranges(2_000_000)), (1, 1, 2, 4));
    assert_eq!(ranges(u64::MAX), 256);
}
