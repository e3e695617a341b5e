//! What is foreseen, when it is told, and in which words.

use proptest::prelude::*;

use super::*;
use crate::refusal::{self, Answer, ErrorBody, Failure, Refusal};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn day(number: i32) -> Timestamp {
    Timestamp::UNIX_EPOCH + DAY * number
}

/// A grant that lasted from one day to another, and was refused at the first check after.
fn lifetime(from: i32, to: i32, stated: Option<i32>) -> Lifetime {
    let limit = if stated.is_some() { Limit::SignInFrequency } else { Limit::SecondFactor };
    let verified_at = day(to) - SignedDuration::from_mins(20);
    let ended_at = day(to) + SignedDuration::from_mins(25);
    Lifetime { signed_in_at: day(from), verified_at, ended_at, stated: stated.map(|days| DAY * days), limit }
}

/// A grant of day 100 that was accepted a day later.
fn known(lifetimes: &[Lifetime]) -> Known<'_> {
    Known::of(Life { signed_in_at: day(100), verified_at: day(101) }, lifetimes)
}

fn foreseen(known: &Known<'_>) -> Forecast {
    foresee(known, known.verified_at).unwrap()
}

fn refusal(code: u32, text: &str) -> Refusal {
    let description = format!("AADSTS{code}: {text}");
    let body = ErrorBody { error: "invalid_grant".to_owned(), error_description: Some(description), ..ErrorBody::default() };
    match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
        Failure::Refused(refusal) => *refusal,
        Failure::Unclear(unclear) => panic!("{unclear:?}"),
    }
}

#[test]
fn without_history_only_inactivity_is_foreseen() {
    let forecast = foreseen(&known(&[]));
    assert_eq!((forecast.ends_at, forecast.why), (day(191), Why::Inactivity));
    assert!(!forecast.is_near(day(101)));
}

#[test]
fn a_stated_policy_is_learned_from_one_death() {
    let lifetimes = [lifetime(80, 95, Some(14))];
    let forecast = foreseen(&known(&lifetimes));
    assert_eq!((forecast.ends_at, forecast.confidence), (day(114), Confidence::Medium));
    assert!(!forecast.is_near(day(106)));
    assert!(forecast.is_near(day(107)));
}

#[test]
fn an_observed_length_is_sure_only_when_it_repeats() {
    let once = [lifetime(80, 94, None)];
    let twice = [lifetime(60, 74, None), lifetime(80, 94, None)];
    assert_eq!(foreseen(&known(&once)).confidence, Confidence::Low);
    assert_eq!(foreseen(&known(&twice)).confidence, Confidence::High);
}

#[test]
fn an_observed_length_is_taken_as_the_whole_days_that_it_allows() {
    let mut late = lifetime(80, 94, None);
    late.signed_in_at = day(80) + SignedDuration::from_mins(10);
    assert_eq!(foreseen(&known(&[late])).ends_at, day(114));
    let odd = Lifetime { verified_at: day(89) + HOUR * 7, ended_at: day(89) + HOUR * 8, ..lifetime(80, 89, None) };
    assert_eq!(foreseen(&known(&[odd])).why, Why::Inactivity, "nine days and a third is no setting");
}

#[test]
fn several_vague_observations_narrow_each_other() {
    let vague = |from: i32, low: i32, high: i32| Lifetime {
        verified_at: day(from + low) - HOUR * 6,
        ended_at: day(from + high) + HOUR * 6,
        ..lifetime(from, from + high, None)
    };
    let foreseen_by = |lifetimes: &[Lifetime]| foreseen(&known(lifetimes));
    assert_eq!(foreseen_by(&[vague(0, 12, 13)]).confidence, Confidence::Low);
    assert_eq!(foreseen_by(&[vague(0, 13, 15)]).why, Why::Inactivity, "nobody looked for days");
    for lifetimes in [[vague(0, 12, 13), vague(80, 13, 15)], [vague(0, 13, 15), lifetime(80, 93, None)]] {
        let forecast = foreseen_by(&lifetimes);
        assert_eq!((forecast.ends_at, forecast.confidence), (day(113), Confidence::High));
    }
}

#[test]
fn the_newest_lesson_counts_and_others_are_no_evidence_for_it() {
    let shorter = [lifetime(0, 30, Some(30)), lifetime(80, 94, Some(14))];
    let longer = [lifetime(0, 14, Some(14)), lifetime(60, 90, Some(30))];
    let ended = |forecast: &Forecast| forecast.evidence.iter().filter(|evidence| matches!(evidence, Evidence::Ended(_))).count();
    for (lifetimes, ends_at) in [(shorter, day(114)), (longer, day(130))] {
        let forecast = foreseen(&known(&lifetimes));
        assert_eq!((forecast.ends_at, ended(&forecast)), (ends_at, 1));
    }
}

#[test]
fn a_grant_that_outlives_a_length_refutes_it() {
    let lifetimes = [lifetime(50, 80, Some(30)), lifetime(80, 94, Some(14))];
    let at_age = |hours: i64| {
        let verified_at = day(100) + SignedDuration::from_hours(hours);
        foreseen(&Known::of(Life { signed_in_at: day(100), verified_at }, &lifetimes))
    };
    assert_eq!(at_age(14 * 24).ends_at, day(114));
    assert_eq!(at_age(14 * 24 + 2).ends_at, day(130), "the longer one is left");
    assert_eq!(at_age(30 * 24 + 2).why, Why::Inactivity);
}

#[test]
fn a_grant_that_was_replaced_after_a_learned_length_drops_it_for_good() {
    let mut lifetimes = vec![lifetime(80, 94, Some(14))];
    remember(&mut lifetimes, Life { signed_in_at: day(100), verified_at: day(113) }, None);
    assert_eq!(lifetimes.len(), 1, "replaced before: it shows nothing");
    remember(&mut lifetimes, Life { signed_in_at: day(100), verified_at: day(115) }, None);
    assert_eq!(lifetimes, []);
}

#[test]
fn a_life_teaches_once_however_often_its_end_is_told() {
    let mut lifetimes = Vec::new();
    for minutes in [0, 15] {
        let lesson = lifetime(80, 94, None);
        let life = Life { signed_in_at: lesson.signed_in_at, verified_at: lesson.verified_at };
        let lesson = Lifetime { ended_at: lesson.ended_at + SignedDuration::from_mins(minutes), ..lesson };
        remember(&mut lifetimes, life, Some(lesson));
    }
    assert_eq!(lifetimes, [lifetime(80, 94, None)]);
}

#[test]
fn lessons_are_bounded_and_the_newest_stay() {
    let mut lifetimes = Vec::new();
    for number in 0..20 {
        let lesson = lifetime(number * 20, number * 20 + 14, None);
        let life = Life { signed_in_at: lesson.signed_in_at, verified_at: lesson.verified_at };
        remember(&mut lifetimes, life, Some(lesson));
    }
    assert_eq!((lifetimes.len(), lifetimes[0].signed_in_at), (LIFETIMES_MAX, day(240)));
}

#[test]
fn what_is_a_year_old_is_less_sure() {
    let lifetimes = [lifetime(0, 14, Some(14)), lifetime(20, 34, Some(14))];
    let later = |from: i32| Known::of(Life { signed_in_at: day(from), verified_at: day(from + 1) }, &lifetimes);
    assert_eq!(foreseen(&later(300)).confidence, Confidence::High);
    assert_eq!(foreseen(&later(400)).confidence, Confidence::Medium);
}

#[test]
fn only_ends_by_age_teach() {
    let life = Life { signed_in_at: day(0), verified_at: day(14) };
    let stated = "The token was issued on 1970-01-01T00:00:00Z and the maximum allowed lifetime for this request is 1209600.";
    for (code, text, expected) in [
        (70043, stated, Some((Limit::SignInFrequency, Some(DAY * 14)))),
        (70043, "reworded", Some((Limit::SignInFrequency, None))),
        (50078, "", Some((Limit::SecondFactor, None))),
        (700_084, "", Some((Limit::Token, None))),
        (1, stated, Some((Limit::SignInFrequency, Some(DAY * 14)))),
        (50173, "", None),
        (50076, "", None),
        (65001, "", None),
        (700_082, "was inactive for 90.00:00:00", None),
        (50057, "", None),
    ] {
        let lesson = learn(&refusal(code, text), life, day(15));
        assert_eq!(lesson.map(|lesson| (lesson.limit, lesson.stated)), expected, "{code}");
    }
}

#[test]
fn a_token_of_a_single_page_application_lives_a_day() {
    let life = Life { signed_in_at: day(90), verified_at: day(91) };
    let lesson = learn(&refusal(700_084, ""), life, day(91) + HOUR).unwrap();
    let mut facts = known(std::slice::from_ref(&lesson));
    facts.verified_at = day(100) + HOUR;
    assert_eq!(foreseen(&facts).ends_at, day(101));
}

#[test]
fn a_told_end_is_one_only_while_use_does_not_move_it() {
    let first = Told::next(None, DAY, day(100)).unwrap();
    let kept = Told::next(Some(first), HOUR * 23, day(100) + HOUR).unwrap();
    let moved = Told::next(Some(first), DAY, day(100) + HOUR).unwrap();
    for (told, expected) in [(first, Some(Confidence::Medium)), (kept, Some(Confidence::High)), (moved, None)] {
        let life = Life { signed_in_at: day(100), verified_at: day(100) + HOUR };
        let forecast = foreseen(&Known { told: Some(told), ..Known::of(life, &[]) });
        let limit = matches!(forecast.why, Why::Limit { .. }).then_some(forecast.confidence);
        assert_eq!(limit, expected, "{told:?}");
    }
}

#[test]
fn our_own_credential_can_be_the_first_to_end() {
    let facts = Known { credential_ends_at: Some(day(103)), ..known(&[]) };
    let forecast = foreseen(&facts);
    assert_eq!(forecast.why, Why::Credential);
    assert!(forecast.is_near(day(101)));
}

#[test]
fn an_unsure_end_does_not_hide_a_sure_one_that_is_near() {
    let guess = [lifetime(80, 84, None)];
    let mut facts = known(&guess);
    assert_eq!(foreseen(&facts).ends_at, day(104));
    facts.credential_ends_at = Some(day(110));
    assert_eq!(foreseen(&facts).why, Why::Credential);
}

fn present() -> Consenter {
    Consenter::Present { account: Account::Enabled, sessions_valid_from: None, password_changed_at: None, leaves_at: None }
}

fn revoked(valid_from: Timestamp, changed: Option<Timestamp>) -> Consenter {
    Consenter::Present { account: Account::Enabled, sessions_valid_from: Some(valid_from), password_changed_at: changed, leaves_at: None }
}

#[test]
fn the_directory_tells_who_can_sign_in_no_more() {
    let at = day(101);
    let disabled =
        Consenter::Present { account: Account::Disabled, sessions_valid_from: Some(at), password_changed_at: None, leaves_at: None };
    let leaving =
        Consenter::Present { account: Account::Enabled, sessions_valid_from: None, password_changed_at: None, leaves_at: Some(at) };
    for (consenter, expected) in [
        (present(), None),
        (Consenter::Gone, Some(Sign::Deleted)),
        (disabled, Some(Sign::Disabled)),
        (revoked(day(99), None), None),
        (revoked(at, None), Some(Sign::Revoked { valid_from: at, is_reset: false })),
        (revoked(at, Some(at + SignedDuration::from_secs(3))), Some(Sign::Revoked { valid_from: at, is_reset: true })),
        (revoked(at, Some(day(50))), Some(Sign::Revoked { valid_from: at, is_reset: false })),
        (leaving, Some(Sign::Leave { at })),
    ] {
        assert_eq!(Sign::read(&consenter, day(100)), expected, "{consenter:?}");
    }
}

#[test]
fn a_sign_counts_until_entra_accepts_the_grant_clearly_after_it() {
    let seen_at = day(101) + HOUR;
    let valid_from = day(101);
    let why = |sign, verified_at| {
        let life = Life { signed_in_at: day(100), verified_at };
        foreseen(&Known { omen: Some(Omen { sign, seen_at }), ..Known::of(life, &[]) }).why
    };
    for (sign, expected) in [
        (Sign::Deleted, Why::Deleted),
        (Sign::Disabled, Why::Disabled),
        (Sign::Revoked { valid_from, is_reset: false }, Why::Revoked),
        (Sign::Revoked { valid_from, is_reset: true }, Why::PasswordReset),
        (Sign::Leave { at: day(103) }, Why::Leave),
    ] {
        assert_eq!(why(sign, day(101)), expected);
        assert_eq!(why(sign, day(105)), Why::Inactivity, "{sign:?}");
    }
}

#[test]
fn a_revocation_before_the_sign_in_is_none() {
    let omen = Omen { sign: Sign::Revoked { valid_from: day(99), is_reset: false }, seen_at: day(101) };
    assert_eq!(foreseen(&Known { omen: Some(omen), ..known(&[]) }).why, Why::Inactivity);
}

/// Days left at every warning, when a check comes every hour.
fn warnings(forecast: &Forecast, from: Timestamp) -> Vec<(u16, u16)> {
    let mut told = None;
    let mut warnings = Vec::new();
    for hour in 0..24 * 200 {
        let now = from + HOUR * hour;
        if let Some(warned) = forecast.owes(told, now) {
            warnings.push((warned.rung.0, forecast.days_left(now)));
            told = Some(warned);
        }
    }
    warnings
}

#[test]
fn each_rung_is_told_once_and_none_in_the_first_half_of_a_life() {
    let learned = |days: i32| [lifetime(0, days, Some(days)), lifetime(days, days * 2, Some(days))];
    for (days, expected) in [
        (60, vec![(14, 14), (7, 7), (3, 3), (1, 1), (0, 0)]),
        (30, vec![(14, 14), (7, 7), (3, 3), (1, 1), (0, 0)]),
        (14, vec![(7, 7), (3, 3), (1, 1), (0, 0)]),
        (7, vec![(3, 3), (1, 1), (0, 0)]),
        (2, vec![(1, 1), (0, 0)]),
        (1, vec![(1, 1), (0, 0)]),
    ] {
        let lifetimes = learned(days);
        let life = Life { signed_in_at: day(130), verified_at: day(130) };
        let forecast = foreseen(&Known::of(life, &lifetimes));
        assert_eq!(warnings(&forecast, day(130)), expected, "{days} days");
    }
}

#[test]
fn an_unused_grant_is_told_a_month_before() {
    let forecast = foreseen(&known(&[]));
    assert_eq!(warnings(&forecast, day(101)).first(), Some(&(30, 30)));
}

#[test]
fn who_comes_late_is_told_the_lowest_rung_alone() {
    let forecast = foreseen(&Known { credential_ends_at: Some(day(106)), ..known(&[]) });
    assert_eq!(warnings(&forecast, day(101)), [(7, 5), (3, 3), (1, 1), (0, 0)]);
}

#[test]
fn an_end_that_has_come_is_told_at_once_and_once() {
    let omen = Omen { sign: Sign::Disabled, seen_at: day(101) };
    let forecast = foreseen(&Known { omen: Some(omen), ..known(&[]) });
    assert_eq!(warnings(&forecast, day(101)), [(0, 0)]);
}

#[test]
fn a_guess_is_shown_early_and_sent_late() {
    let lifetimes = [lifetime(80, 94, None)];
    let forecast = foreseen(&known(&lifetimes));
    assert_eq!(warnings(&forecast, day(101)), [(3, 3), (1, 1), (0, 0)]);
    assert!(!forecast.is_near(day(110)));
}

#[test]
fn a_second_factor_may_be_older_than_a_sign_in_that_repaired_nothing() {
    let lifetimes = [lifetime(40, 54, None), lifetime(60, 74, None)];
    let at = |signed_in_at| foreseen(&Known::of(Life { signed_in_at, verified_at: signed_in_at }, &lifetimes)).confidence;
    assert_eq!((at(day(76)), at(day(85))), (Confidence::High, Confidence::Medium));
}

#[test]
fn an_end_that_moved_is_told_anew() {
    let forecast = |ends_at| foreseen(&Known { credential_ends_at: Some(ends_at), ..known(&[]) });
    let told = forecast(day(106)).owes(None, day(101));
    assert_eq!(forecast(day(106) + HOUR * 20).owes(told, day(101)), None);
    assert!(forecast(day(108)).owes(told, day(101)).is_some());
}

#[test]
fn every_reason_is_whole_sentences_with_dated_evidence() {
    let lifetimes = [lifetime(60, 74, None), lifetime(80, 94, None)];
    let seen = |sign| Known { omen: Some(Omen { sign, seen_at: day(101) }), ..known(&[]) };
    let valid_from = day(101);
    let all = [
        known(&[]),
        known(&lifetimes),
        known(&lifetimes[..1]),
        Known { credential_ends_at: Some(day(104)), ..known(&[]) },
        Known { told: Told::next(None, DAY * 2, day(100)), ..known(&[]) },
        seen(Sign::Deleted),
        seen(Sign::Disabled),
        seen(Sign::Revoked { valid_from, is_reset: true }),
        seen(Sign::Revoked { valid_from, is_reset: false }),
        seen(Sign::Leave { at: day(110) }),
    ];
    let views: Vec<_> = all.iter().map(|known| foreseen(known).view()).collect();
    for view in &views {
        assert!(view.reason.ends_with('.') && view.reason.starts_with(char::is_uppercase), "{}", view.reason);
        assert!(!view.evidence.is_empty() && view.evidence.iter().all(|fact| fact.at.is_some()), "{}", view.reason);
    }
    let reasons: std::collections::BTreeSet<_> = views.iter().map(|view| &view.reason).collect();
    assert_eq!(reasons.len(), all.len(), "each is told apart");
}

#[test]
fn the_reason_says_how_long_and_on_what_evidence() {
    let view = foreseen(&known(&[lifetime(80, 95, Some(14))])).view();
    assert_eq!(
        view.reason,
        "A sign-in frequency policy of your tenant lets a sign-in last 14 days, as an earlier sign-in of this connection showed."
    );
    let labels: Vec<&str> = view.evidence.iter().map(|fact| fact.label.as_str()).collect();
    assert_eq!(labels, ["Microsoft stated a limit of 14 days", "Last sign-in"]);
}

proptest! {
    #[test]
    fn nothing_that_was_outlived_is_foreseen(
        lives in proptest::collection::vec((0_i32..3000, 0_i64..9000, 0_i64..200, proptest::option::of(1_i64..9000)), 0..10),
        age in 0_i64..9000,
    ) {
        let lifetimes: Vec<Lifetime> = lives.into_iter().map(|(from, hours, gap, stated)| {
            let verified_at = day(from) + SignedDuration::from_hours(hours);
            let limit = if stated.is_some() { Limit::SignInFrequency } else { Limit::SecondFactor };
            let ended_at = verified_at + SignedDuration::from_hours(gap);
            Lifetime { signed_in_at: day(from), verified_at, ended_at, stated: stated.map(SignedDuration::from_hours), limit }
        }).collect();
        let life = Life { signed_in_at: day(4000), verified_at: day(4000) + SignedDuration::from_hours(age) };
        let forecast = foreseen(&Known::of(life, &lifetimes));
        prop_assert!(forecast.ends_at + OUTLIVED + HOUR >= life.verified_at);
        if matches!(forecast.why, Why::Limit { .. }) {
            prop_assert!(forecast.evidence.len() >= 2);
        }
    }

    #[test]
    fn rungs_are_told_in_falling_order_each_at_most_once(ends_in_hours in -100_i64..2000, steps in proptest::collection::vec(1_i64..100, 1..60)) {
        let forecast = foreseen(&Known { credential_ends_at: Some(day(101) + SignedDuration::from_hours(ends_in_hours.max(-1))), ..known(&[]) });
        let (mut now, mut told, mut last) = (day(101), None, u16::MAX);
        for step in steps {
            now += SignedDuration::from_hours(step);
            if let Some(warned) = forecast.owes(told, now) {
                prop_assert!(warned.rung.0 < last);
                last = warned.rung.0;
                told = Some(warned);
            }
        }
    }
}
