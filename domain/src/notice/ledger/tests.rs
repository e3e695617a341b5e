//! Ledgers: what is claimed, sent, settled, and left unclear.

use super::*;
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn addressed(recipient: Recipient, via: Via) -> Addressed {
    Addressed { recipient, via, at: at(0) }
}

fn mail() -> Recipient {
    Recipient::contact("ctt-1")
}

fn hook() -> Recipient {
    Recipient::contact("ctt-2")
}

fn opened() -> Ledger {
    let mut ledger = Ledger::begin("not-1".parse().unwrap());
    assert_eq!(ledger.begins(NoticeKind::Dead, at(0), at(0)), Some(FIRST));
    ledger.open(FIRST, vec![addressed(mail(), Via::Mail), addressed(hook(), Via::Webhook), addressed(Recipient::bus(), Via::Bus)]);
    ledger
}

fn due(ledger: &Ledger) -> Option<i64> {
    ledger.due_at(NoticeKind::Dead, at(0)).map(Timestamp::as_second)
}

const DAY: i64 = 86_400;
const FIRST: Telling = Telling { step: 0, passes: 0 };

#[test]
fn a_first_telling_that_comes_late_is_the_first_and_makes_up_for_no_reminder() {
    let mut ledger = Ledger::begin("not-1".parse().unwrap());
    let telling = ledger.begins(NoticeKind::Dead, at(0), at(15 * DAY)).unwrap();
    assert_eq!(telling, Telling { step: 0, passes: 4 });
    ledger.open(telling, vec![]);
    assert_eq!((ledger.begins(NoticeKind::Dead, at(0), at(21 * DAY - 1)), due(&ledger)), (None, Some(21 * DAY)));
    assert_eq!(ledger.begins(NoticeKind::Dead, at(0), at(21 * DAY)), Some(Telling { step: 5, passes: 5 }));
}

#[test]
fn what_is_claimed_is_claimed_once_and_sent_once() {
    let mut ledger = opened();
    let claims = ledger.claim(at(1));
    assert_eq!(claims.len(), 3);
    assert_eq!(ledger.claim(at(2)), []);
    for claim in &claims {
        assert_eq!(ledger.settle(claim, Sending::Taken, at(3), 0), Settled::Noted);
    }
    assert_eq!((due(&ledger), ledger.is_told(), ledger.told().count()), (Some(DAY), true, 2));
    assert_eq!(ledger.begins(NoticeKind::Dead, at(0), at(DAY - 1)), None);
    assert_eq!(ledger.begins(NoticeKind::Dead, at(0), at(DAY)), Some(Telling { step: 1, passes: 1 }));
    assert_eq!(ledger.due_at(NoticeKind::Recovered, at(0)), None, "what is told once is done");
}

#[test]
fn a_claim_that_nobody_settled_is_taken_up_later_where_it_is_a_mail() {
    let mut ledger = opened();
    ledger.claim(at(0));
    assert_eq!(due(&ledger), Some(180));
    let again: Vec<Via> = ledger.claim(at(180)).into_iter().map(|claim| claim.via).collect();
    assert_eq!(again, [Via::Bus, Via::Webhook]);
    let again: Vec<Via> = ledger.claim(at(900)).into_iter().map(|claim| claim.via).collect();
    assert_eq!(again, [Via::Bus, Via::Mail, Via::Webhook]);
}

#[test]
fn the_word_of_ses_settles_a_claim_whoever_died_with_it() {
    let mut ledger = opened();
    let claims = ledger.claim(at(0));
    ledger.learn((&mail(), 0), &Outcome::Accepted, at(9));
    assert!(!ledger.claim(at(900)).iter().any(|claim| claim.via == Via::Mail));
    let claim = claims.iter().find(|claim| claim.via == Via::Mail).unwrap();
    ledger.settle(claim, Sending::Again("late".to_owned()), at(10), 0);
    assert!(matches!(ledger.lines[&mail()].stand, Stand::Sent { .. }), "what the sender thinks comes too late");
}

#[test]
fn a_mail_that_bounces_was_not_told_to_anybody() {
    let mut ledger = opened();
    for claim in ledger.claim(at(0)) {
        let sending = if claim.via == Via::Webhook { Sending::Refused("404".to_owned()) } else { Sending::Taken };
        ledger.settle(&claim, sending, at(1), 0);
    }
    assert!(!ledger.misses_everybody(at(1)));
    let bounced = Outcome::Failed("bounced".to_owned());
    ledger.learn((&mail(), 0), &bounced, at(2));
    ledger.learn((&mail(), 0), &Outcome::Accepted, at(3));
    assert!(matches!(&ledger.lines[&mail()].stand, Stand::Failed { why, .. } if why == "bounced"), "the sent event may come last");
    assert_eq!((ledger.misses_everybody(at(4)), ledger.misses_everybody(at(5))), (true, false));
}

#[test]
fn a_step_without_anybody_misses_everybody() {
    let mut ledger = Ledger::begin("not-1".parse().unwrap());
    assert!(!ledger.misses_everybody(at(0)), "nothing was begun");
    ledger.open(FIRST, vec![addressed(Recipient::bus(), Via::Bus), addressed(Recipient::operator(1), Via::Mail)]);
    assert!(ledger.misses_everybody(at(0)));
}

#[test]
fn an_endpoint_that_fails_is_tried_for_a_day_and_then_given_up() {
    let mut ledger = Ledger::begin("not-1".parse().unwrap());
    ledger.open(FIRST, vec![addressed(hook(), Via::Webhook)]);
    let mut tries = Vec::new();
    loop {
        let now = ledger.due_at(NoticeKind::Recovered, at(0)).expect("it is tried again");
        let claim = ledger.claim(now).pop().expect("it is due");
        tries.push(now.as_second());
        if ledger.settle(&claim, Sending::Again("500".to_owned()), now, 0) == Settled::EndpointFails {
            break;
        }
    }
    assert_eq!(tries, [0, 30, 150, 750, 2_550, 6_150, 13_350, 27_750, 49_350, 70_950, DAY]);
    assert_eq!(ledger.due_at(NoticeKind::Recovered, at(0)), None);
}

#[test]
fn an_endpoint_that_says_it_is_gone_is_given_up_at_once_and_a_mail_never_is_one() {
    let mut ledger = opened();
    let settled: Vec<Settled> =
        ledger.claim(at(0)).iter().map(|claim| ledger.settle(claim, Sending::Gone("410".to_owned()), at(1), 0)).collect();
    assert_eq!(settled, [Settled::Noted, Settled::Noted, Settled::EndpointFails]);
}

#[test]
fn words_about_no_telling_of_ours_change_nothing() {
    let mut ledger = opened();
    let before = ledger.clone();
    ledger.learn((&mail(), 7), &Outcome::Accepted, at(1));
    ledger.learn((&Recipient::read("contact-unheard"), 0), &Outcome::Failed("bounced".to_owned()), at(1));
    assert_eq!(ledger, before);
    ledger.end(End::Acknowledged, at(1));
    ledger.end(End::Recovered, at(2));
    assert_eq!(ledger.ended().map(|ended| ended.why), Some(End::Acknowledged));
    let left: Vec<Via> = ledger.claim(at(9)).into_iter().map(|claim| claim.via).collect();
    assert_eq!(left, [Via::Bus], "people are told no more, and the bus is told everything");
}

#[test]
fn what_ends_before_it_was_told_is_told_to_the_bus_alone() {
    let mut ledger = Ledger::begin("not-1".parse().unwrap());
    ledger.end(End::Superseded, at(5));
    let claims = ledger.claim(at(5));
    assert_eq!(claims.iter().map(|claim| claim.via).collect::<Vec<_>>(), [Via::Bus]);
    ledger.settle(&claims[0], Sending::Taken, at(6), 0);
    assert_eq!((due(&ledger), ledger.told().count(), ledger.begins(NoticeKind::Dead, at(0), at(9 * DAY))), (None, 0, None));
}

/// Where a handler dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    Nowhere,
    BeforeItSends,
    BeforeItSettles,
}

fn death() -> impl Strategy<Value = Death> {
    prop_oneof![3 => Just(Death::Nowhere), 1 => Just(Death::BeforeItSends), 1 => Just(Death::BeforeItSettles)]
}

proptest! {
    /// However handlers die, SES takes one mail of each step, and a webhook whose doubles count once is told once; and all of it ends.
    #[test]
    fn each_recipient_is_told_once_a_step(deaths in proptest::collection::vec((death(), any::<bool>(), any::<u8>()), 0..40)) {
        let mut ledger = Ledger::begin("not-1".parse().unwrap());
        let (mut now, mut taken) = (at(0), Vec::new());
        let mut deaths = deaths.into_iter();
        for _ in 0..400 {
            let Some(due) = ledger.due_at(NoticeKind::Dead, at(0)).filter(|due| *due < at(8 * DAY)) else { break };
            now = now.max(due);
            if let Some(telling) = ledger.begins(NoticeKind::Dead, at(0), now) {
                ledger.open(telling, vec![addressed(mail(), Via::Mail), addressed(hook(), Via::Webhook)]);
            }
            let (death, fails, chance) = deaths.next().unwrap_or((Death::Nowhere, false, 0));
            for claim in ledger.claim(now) {
                let sent = !matches!(death, Death::BeforeItSends) && !fails;
                if sent {
                    taken.push((claim.recipient.clone(), claim.step));
                    // SES tells within the quarter of an hour that it has.
                    if claim.via == Via::Mail {
                        ledger.learn((&claim.recipient, claim.step), &Outcome::Accepted, now);
                    }
                }
                if matches!(death, Death::Nowhere) {
                    let sending = if sent { Sending::Taken } else { Sending::Again("away".to_owned()) };
                    ledger.settle(&claim, sending, now, chance);
                }
            }
        }
        for step in 0..4 {
            let mails = taken.iter().filter(|(recipient, at)| (recipient, *at) == (&mail(), step)).count();
            prop_assert!(mails <= 1, "{mails} mails of step {step}");
        }
        prop_assert!(taken.iter().any(|(recipient, _)| *recipient == mail()));
        prop_assert!(ledger.due_at(NoticeKind::Dead, at(0)).is_some_and(|due| due >= at(8 * DAY)), "{ledger:?}");
    }

    #[test]
    fn whatever_has_not_ended_is_due_some_day(claims in 0_i64..2_000, ends in any::<bool>()) {
        let mut ledger = opened();
        ledger.claim(at(claims));
        if ends {
            ledger.end(End::Recovered, at(claims));
        }
        prop_assert!(ledger.due_at(NoticeKind::Dead, at(0)).is_some_and(|due| due > at(claims)), "the bus is claimed at least");
        for claim in ledger.claim(at(claims + 10_000)) {
            ledger.settle(&claim, Sending::Taken, at(claims + 10_000), 0);
        }
        prop_assert_eq!(ledger.due_at(NoticeKind::Dead, at(0)).is_none(), ends);
    }
}
