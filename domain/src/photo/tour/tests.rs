//! Tours of people who are answered, refused, throttled or not heard about at all.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn connection() -> ConnectionId {
    ConnectionId::mint([3; 16])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn id(number: u128) -> ObjectId {
    ObjectId(uuid::Uuid::from_u128(number))
}

fn answered(count: u32) -> Tally {
    Tally { answered: count, ..Tally::default() }
}

fn heard(tally: Tally, left: &[u128]) -> Heard {
    Heard { tally, left: left.iter().copied().map(id).collect(), ..Heard::default() }
}

fn failed(left: &[u128]) -> Heard {
    heard(Tally { failed: u32::try_from(left.len()).unwrap(), ..Tally::default() }, left)
}

/// A tour that has been everywhere once, and rests.
fn seasoned() -> Tour {
    let mut tour = Tour::default();
    let work = tour.next(&[], 10, at(0));
    assert!(matches!(work, Work::Range { .. }));
    assert_eq!(tour.hear(&connection(), &work, &heard(answered(10), &[]), at(1)), Verdict { is_done: true, pause: Pause::No });
    assert_eq!((tour.completed_at, tour.is_under_way()), (Some(at(1)), false));
    tour
}

/// Its next range, begun.
fn under_way() -> (Tour, Work) {
    let mut tour = seasoned();
    let work = tour.next(&[], 10, tour.turn_at);
    (tour, work)
}

#[test]
fn ranges_cover_every_id_once() {
    for power in 0..=8 {
        let ranges = 1_u16 << power;
        let all: Vec<(ObjectId, ObjectId)> = (0..ranges).map(|range| bounds(range, ranges)).collect();
        assert_eq!(all[0].0, id(0));
        assert_eq!(all.last().unwrap().1, id(u128::MAX));
        for pair in all.windows(2) {
            assert_eq!(following(pair[0].1), pair[1].0, "of {ranges}");
        }
    }
}

#[test]
fn the_first_tour_does_not_pause_and_the_next_ones_spread_over_a_day() {
    let mut tour = Tour::default();
    let mut seen = 0;
    while tour.completed_at.is_none() {
        let work = tour.next(&[], 4_000, at(5));
        tour.hear(&connection(), &work, &heard(answered(20), &[]), at(5));
        seen += 1;
    }
    assert_eq!((seen, tour.ranges), (4, 4));
    let mut now = at(5);
    for _ in 0..4 {
        let wait = tour.turn_at.duration_since(now);
        assert!(wait >= SignedDuration::from_hours(6) && wait <= SignedDuration::from_hours(7), "{wait}");
        assert_eq!(tour.next(&[], 4_000, now), Work::Rest { until: tour.turn_at });
        now = tour.turn_at;
        let work = tour.next(&[], 4_000, now);
        tour.hear(&connection(), &work, &heard(answered(20), &[]), now);
    }
    assert_eq!(tour.completed_at, Some(now));
}

#[test]
fn ranges_follow_how_many_people_there_are() {
    for (people, ranges) in [(0, 1), (1_024, 1), (1_025, 2), (3_000, 4), (500_000, 256), (u64::MAX, 256)] {
        let mut tour = Tour::default();
        tour.next(&[], people, at(0));
        assert_eq!(tour.ranges, ranges, "{people}");
    }
}

#[test]
fn a_range_goes_on_behind_the_last_who_was_looked_at() {
    let (mut tour, work) = under_way();
    tour.hear(&connection(), &work, &Heard { reaches: Some(id(7)), ..heard(answered(20), &[]) }, at(9));
    assert_eq!(tour.next(&[], 10, at(9)), Work::Range { first: id(8), last: id(u128::MAX) });
    tour.hear(&connection(), &work, &Heard { reaches: Some(id(u128::MAX)), ..heard(answered(20), &[]) }, at(9));
    assert!(!tour.is_under_way(), "behind the last id there is nobody");
}

#[test]
fn newcomers_do_not_wait_for_their_turn() {
    let mut tour = seasoned();
    let newcomers: Vec<ObjectId> = (0..25).map(id).collect();
    let work = tour.next(&newcomers, 10, at(2));
    assert_eq!(work, Work::Newcomers(newcomers[..LOOK_MAX].to_vec()));
    let turn_at = tour.turn_at;
    assert!(tour.hear(&connection(), &work, &heard(answered(20), &[]), at(2)).is_done);
    assert_eq!(tour.next(&[], 10, at(2)), Work::Rest { until: turn_at });
}

#[test]
fn what_a_dead_worker_left_behind_comes_first() {
    let (mut tour, _) = under_way();
    tour.unsettled = vec![id(4)];
    tour.off_since = Some(at(0));
    assert_eq!(tour.next(&[id(9)], 10, at(9)), Work::Settle(vec![id(4)]));
    tour.settled();
    tour.off_since = None;
    assert_eq!(tour.next(&[id(9)], 10, at(9)), Work::Newcomers(vec![id(9)]));
}

#[test]
fn of_a_partial_failure_the_rest_is_settled_and_the_failed_are_asked_about_again() {
    let (mut tour, work) = under_way();
    let partial = heard(Tally { answered: 18, failed: 2, ..Tally::default() }, &[3, 5]);
    let verdict = tour.hear(&connection(), &work, &partial, at(100));
    assert_eq!(verdict, Verdict { is_done: true, pause: Pause::No });
    assert_eq!(tour.next(&[], 10, at(101)), Work::Rest { until: at(100) + PARKED_WAIT });
    let again = tour.next(&[], 10, at(100) + PARKED_WAIT);
    assert_eq!(again, Work::Again(vec![id(3), id(5)]));
    tour.hear(&connection(), &again, &heard(answered(2), &[]), at(1_000));
    assert_eq!((tour.parked.len(), tour.missed), (0, 0));
}

#[test]
fn somebody_who_is_never_answered_holds_up_nobody_and_is_left_for_the_next_tour() {
    let (mut tour, work) = under_way();
    tour.hear(&connection(), &work, &heard(Tally { answered: 9, failed: 1, ..Tally::default() }, &[3]), at(100));
    let mut tries = 0;
    while !tour.parked.is_empty() {
        let now = tour.parked_until;
        let again = tour.next(&[], 10, now);
        assert_eq!(again, Work::Again(vec![id(3)]));
        assert_eq!(tour.hear(&connection(), &again, &failed(&[3]), now).pause, Pause::No);
        tries += 1;
    }
    assert_eq!((tries, tour.missed), (TRIES_MAX, 1));
    assert!(matches!(tour.next(&[], 10, tour.turn_at), Work::Range { .. }));
}

#[test]
fn a_throttled_look_waits_as_long_as_the_longest_wish_and_asks_only_for_the_rest() {
    let (mut tour, work) = under_way();
    let wait = SignedDuration::from_secs(90);
    let tally = Tally { answered: 17, throttled: 3, wait: Some(wait), ..Tally::default() };
    let Pause::Until(until) = tour.hear(&connection(), &work, &heard(tally, &[1, 2, 3]), at(100)).pause else { panic!("it waits") };
    assert!(until >= at(190) && until <= at(100) + wait * 9 / 8, "{until}");
    assert_eq!((tour.waits(at(120)), tour.waits(until)), (Some(until), None));
    let again = tour.next(&[], 10, until);
    assert_eq!(again, Work::Again(vec![id(1), id(2), id(3)]));
    for _ in 0..9 {
        tour.hear(&connection(), &again, &heard(Tally { throttled: 3, wait: Some(wait), ..Tally::default() }, &[1, 2, 3]), until);
    }
    assert_eq!((tour.parked.len(), tour.missed), (3, 0), "whoever is throttled is not given up");
}

#[test]
fn a_look_that_nobody_answered_is_taken_again() {
    for tally in [Tally { failed: 2, ..Tally::default() }, Tally { throttled: 2, ..Tally::default() }] {
        let (mut tour, work) = under_way();
        let before = tour.stage;
        let verdict = tour.hear(&connection(), &work, &heard(tally, &[1, 2]), at(100));
        assert!(!verdict.is_done && matches!(verdict.pause, Pause::Until(_)), "{verdict:?}");
        assert_eq!((tour.stage, tour.parked.len(), tour.problem.is_some()), (before, 0, true));
        tour.hear(&connection(), &work, &heard(answered(2), &[]), at(500));
        assert_eq!((tour.failures, tour.waits_until, tour.problem.clone()), (0, None, None));
    }
}

#[test]
fn a_look_that_is_never_answered_does_not_stop_the_tour_for_ever() {
    let (mut tour, work) = under_way();
    let mut looks = 1;
    while !tour.hear(&connection(), &work, &failed(&[1, 2]), at(100)).is_done {
        looks += 1;
        assert!(looks < 100);
    }
    assert_eq!((looks, tour.is_under_way(), tour.parked.len()), (STUCK, false, 2));
}

#[test]
fn a_tour_gives_way_before_graph_has_to_throttle() {
    let (mut tour, work) = under_way();
    let busy = |load_percent| Heard { load_percent, reaches: Some(id(7)), ..heard(answered(20), &[]) };
    assert_eq!(tour.hear(&connection(), &work, &busy(79), at(9)).pause, Pause::No);
    let verdict = tour.hear(&connection(), &work, &busy(80), at(9));
    assert_eq!(verdict, Verdict { is_done: true, pause: Pause::Until(at(9) + LOAD_WAIT) });
    assert_eq!((tour.waits(at(10)).is_some(), tour.problem, tour.failures), (true, None, 0));
}

#[test]
fn throttling_is_waited_out_however_long_it_takes() {
    let (mut tour, work) = under_way();
    for _ in 0..50 {
        let verdict = tour.hear(&connection(), &work, &heard(Tally { throttled: 2, ..Tally::default() }, &[1, 2]), at(100));
        assert!(!verdict.is_done);
    }
}

#[test]
fn photos_that_may_not_be_read_are_looked_at_again_a_day_later() {
    let denied = heard(Tally { denied: 20, ..Tally::default() }, &[]);
    let mut tour = Tour::default();
    let work = tour.next(&[], 10, at(0));
    assert_eq!(tour.hear(&connection(), &work, &denied, at(1)).pause, Pause::Off);
    assert!(tour.problem.as_deref().is_some_and(|problem| problem.contains("User.Read.All")));
    assert_eq!(tour.next(&[id(1)], 10, at(2)), Work::Rest { until: tour.turn_at });
    let tomorrow = tour.turn_at;
    assert!(tomorrow >= at(1) + schedule::PHOTO_PERIOD);
    let work = tour.next(&[], 10, tomorrow);
    assert_eq!(tour.hear(&connection(), &work, &denied, tomorrow).pause, Pause::Off);
    assert_eq!(tour.off_since, Some(at(1)), "off since the first denial");
    let work = tour.next(&[], 10, tour.turn_at);
    assert_eq!(tour.hear(&connection(), &work, &heard(answered(20), &[]), tomorrow).pause, Pause::No);
    assert_eq!((tour.off_since, tour.problem), (None, None));
}

#[test]
fn a_new_consent_turns_photos_on_again() {
    let mut tour = Tour { off_since: Some(at(5)), problem: Some("denied".into()), turn_at: at(90_000), ..seasoned() };
    tour.reconsider(at(4));
    assert_eq!(tour.off_since, Some(at(5)), "a consent from before says nothing");
    tour.reconsider(at(6));
    assert!(matches!(tour.next(&[], 10, at(6)), Work::Range { .. }));
}

#[test]
fn one_mailbox_that_is_closed_does_not_turn_photos_off() {
    let (mut tour, work) = under_way();
    tour.hear(&connection(), &work, &Heard { reaches: Some(id(7)), ..heard(answered(20), &[]) }, at(9));
    let denied = Heard { reaches: Some(id(8)), ..heard(Tally { denied: 1, ..Tally::default() }, &[]) };
    for expected in [Pause::No, Pause::No, Pause::Off] {
        let work = tour.next(&[], 10, at(9));
        assert_eq!(tour.hear(&connection(), &work, &denied, at(9)).pause, expected, "only again and again it does");
    }
}

#[test]
fn a_token_that_is_not_accepted_moves_nothing() {
    let (mut tour, work) = under_way();
    let before = tour.clone();
    let verdict = tour.hear(&connection(), &work, &heard(Tally { unauthorized: 2, ..Tally::default() }, &[1, 2]), at(9));
    assert_eq!((verdict, tour), (Verdict { is_done: false, pause: Pause::Token }, before));
}

/// What may come of a look at `asked`.
fn any_heard(asked: usize) -> impl Strategy<Value = Heard> {
    let kinds = proptest::collection::vec(0_u8..6, asked);
    (kinds, proptest::option::of(1_i64..600)).prop_map(|(kinds, wait)| {
        let mut heard = Heard::default();
        for (number, kind) in kinds.into_iter().enumerate() {
            let tally = &mut heard.tally;
            let counter = match kind {
                1 => &mut tally.denied,
                2 => &mut tally.unauthorized,
                3 => &mut tally.throttled,
                4 => &mut tally.failed,
                _ => &mut tally.answered,
            };
            *counter += 1;
            if [2, 3, 4].contains(&kind) {
                heard.left.push(id(number as u128));
            }
        }
        heard.tally.wait = wait.filter(|_| heard.tally.throttled > 0).map(SignedDuration::from_secs);
        heard
    })
}

proptest! {
    #[test]
    fn whatever_is_heard_the_tour_stays_within_its_bounds(looks in proptest::collection::vec(any_heard(20), 1..60)) {
        let (mut tour, mut now) = (Tour::default(), at(0));
        for heard in looks {
            let work = match tour.next(&[], 3_000, now) {
                Work::Rest { until } => {
                    prop_assert!(until > now, "who rests is not due");
                    now = until;
                    tour.next(&[], 3_000, now)
                }
                work => work,
            };
            prop_assert!(!matches!(work, Work::Rest { .. }), "{work:?}");
            if let Pause::Until(until) = tour.hear(&connection(), &work, &heard, now).pause {
                prop_assert!(until > now && until <= now + schedule::WAIT_MAX * 9 / 8);
                now = until;
            }
            let people: BTreeSet<ObjectId> = tour.parked.iter().map(|parked| parked.person).collect();
            prop_assert_eq!(people.len(), tour.parked.len(), "nobody is parked twice");
            prop_assert!(tour.parked.len() <= PARKED_MAX && tour.parked.iter().all(|parked| parked.tries <= TRIES_MAX));
            prop_assert!(tour.range < tour.ranges);
        }
    }
}
