//! Every telling reaches everybody once, wherever a handler dies, and whoever works at the same time.

use domain::notice::ledger::Sending;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::engine::Lost;
use system_tests::posted::{Taken, told_by_ses};
use system_tests::world::addressed;

use crate::notices::dead;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const ADA: &str = "ada@contoso.example";
const HOOK: &str = "https://hooks.contoso.com/evergrant";

/// Everything that the channels took within an hour of ticks, SES's events included: mails, and ids of webhooks.
async fn an_hour(world: &World) -> (Vec<String>, Vec<String>) {
    let (mut letters, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        world.tell().await;
        let taken = world.posted.take_letters();
        world.ses_took(&taken).await;
        letters.extend(taken);
        calls.extend(world.posted.take_calls().into_iter().map(|call| call.id));
        world.pass(MINUTE);
    }
    (addressed(&letters), calls)
}

#[tokio::test]
async fn a_handler_that_dies_at_any_write_or_read_leaves_nobody_out_and_tells_nobody_twice() {
    for (operation, count) in [("UpdateItem", 3), ("GetItem", 3), ("Query", 17)] {
        for (after, lost) in (0..count).flat_map(|after| [(after, Lost::Request), (after, Lost::Answer)]) {
            let (world, _) = dead(&[ADA, HOOK]).await;
            world.engine.meter.lose(operation, after, lost);
            let now = world.now() + SignedDuration::from_secs(120);
            // Where the index cannot be read, the tick fails as a whole.
            let _ = notify::tick(&world.notify(), now).await;
            world.engine.meter.lose_no_more();
            let letters = world.posted.take_letters();
            world.ses_took(&letters).await;
            let (mails, mut calls) = an_hour(&world).await;
            let what = format!("{operation} {after} {lost:?}");
            assert_eq!([addressed(&letters), mails].concat(), ["ada@contoso.example 0"], "{what}");
            calls.extend(world.posted.take_calls().into_iter().map(|call| call.id));
            calls.dedup();
            assert!(calls.len() <= 1, "{what}: one id, however often: {calls:?}");
            let mut events: Vec<Value> = world.published.take().into_iter().map(|event| event["detail"]["id"].clone()).collect();
            events.dedup();
            assert_eq!(events.len(), 1, "{what}");
        }
    }
}

#[tokio::test]
async fn a_follow_up_is_written_with_its_cause_or_not_at_all() {
    for lost in [Lost::Request, Lost::Answer] {
        let (world, id) = dead(&[]).await;
        world.engine.meter.lose("TransactWriteItems", 0, lost);
        world.tell().await;
        an_hour(&world).await;
        let kinds = world.notices(&id).await;
        assert_eq!(kinds, ["dead", "nobody-reached"], "{lost:?}");
    }
}

#[tokio::test]
async fn handlers_that_work_at_the_same_time_tell_once() {
    let (world, _) = dead(&[ADA, HOOK]).await;
    let desk = world.notify();
    let until = world.now() + SignedDuration::from_secs(120);
    let (one, other, third) = tokio::join!(notify::tick(&desk, until), notify::tick(&desk, until), notify::tick(&desk, until));
    assert_eq!([one, other, third].map(|report| report.unwrap().sent).into_iter().sum::<usize>(), 3);
    assert_eq!((world.posted.take_letters().len(), world.posted.take_calls().len()), (1, 1));
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_is_settled_by_the_word_of_ses() {
    let (world, _) = dead(&[ADA]).await;
    world.posted.answer_mails(Sending::Unclear, Taken::Taken);
    assert_eq!(world.tell().await.unsettled, 1);
    world.posted.heal();
    let letters = world.posted.take_letters();
    world.pass(MINUTE * 10);
    world.ses_took(&letters).await;
    world.ses_took(&letters).await;
    assert_eq!(an_hour(&world).await.0, [""; 0]);
}

#[tokio::test]
async fn a_mail_of_which_ses_says_nothing_is_sent_again_after_a_quarter_of_an_hour() {
    let (world, _) = dead(&[ADA]).await;
    world.posted.answer_mails(Sending::Unclear, Taken::Lost);
    world.tell().await;
    world.posted.heal();
    assert_eq!(world.told_after(MINUTE * 14).await, [""; 0]);
    assert_eq!(world.told_after(MINUTE).await, ["ada@contoso.example 0"]);
}

#[tokio::test]
async fn a_mail_that_ses_does_not_take_now_is_tried_again_and_one_that_it_never_takes_is_not() {
    let (world, _) = dead(&[ADA]).await;
    world.posted.answer_mails(Sending::Again("SES: TooManyRequestsException: ".to_owned()), Taken::Lost);
    world.tell().await;
    world.posted.heal();
    assert_eq!(world.told_after(MINUTE).await, ["ada@contoso.example 0"]);
    let (world, _) = dead(&[ADA]).await;
    world.posted.answer_mails(Sending::Refused("SES: MessageRejected: ".to_owned()), Taken::Lost);
    world.tell().await;
    world.posted.heal();
    assert_eq!(world.told_after(MINUTE).await, [format!("{} 0", system_tests::world::OPERATOR_MAIL)], "nobody was reached");
}

#[tokio::test]
async fn a_bus_that_is_away_holds_no_mail_up_and_is_told_later() {
    let (world, _) = dead(&[ADA]).await;
    world.published.fail_after(0);
    assert_eq!(world.told_after(SignedDuration::ZERO).await, ["ada@contoso.example 0"]);
    world.published.heal();
    world.told_after(MINUTE).await;
    assert_eq!(world.published.take().len(), 1);
}

#[tokio::test]
async fn a_handler_without_time_leaves_its_work_to_the_next() {
    let (world, _) = dead(&[ADA]).await;
    let report = notify::tick(&world.notify(), world.now() + SignedDuration::from_secs(30)).await.unwrap();
    assert_eq!((report.left, report.sent), (1, 0));
    assert_eq!(world.told_after(MINUTE).await, ["ada@contoso.example 0"]);
}

#[tokio::test]
async fn words_of_ses_that_name_nothing_of_ours_are_parked_and_change_nothing() {
    let (world, _) = dead(&[ADA]).await;
    world.tell().await;
    let letters = world.posted.take_letters();
    let sent = told_by_ses(&letters[0], ("Email Sent", "Send"), &json!({"send": {}}));
    let with = |path: &str, value: Value| {
        let mut event = sent.clone();
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    for (event, why) in [
        (with("/detail", json!({"hello": "world"})), "detail cannot be read"),
        (with("/detail/mail/tags", json!({})), "mail.tags has no step: the mail is none of ours"),
        (with("/detail/mail/tags/step", json!(["first"])), "mail.tags.step must be a number"),
        (with("/detail/mail/tags/notice", json!(["not-another"])), "there is no notice not-another"),
        (with("/detail/mail/tags/subject", json!(["a b"])), "there is no notice"),
        (with("/detail/eventType", json!("Teleported")), "eventType \"Teleported\" is not known"),
        (with("/detail/eventType", json!("Bounce")), "bounce is missing"),
    ] {
        let before = world.engine.items().await;
        world.hand(event).await.unwrap();
        let parked = world.published.parked();
        let parked = parked.last().expect("it is parked");
        assert!(parked.why.starts_with(why) && parked.stream == "aws.ses", "{why}: {parked:?}");
        assert!(!parked.why.contains(ADA), "{parked:?}");
        assert_eq!(world.engine.items().await.len(), before.len());
    }
    assert_eq!(world.published.parked().len(), 7);
    world.hand(with("/detail/mail/tags/recipient", json!(["contact-unheard"]))).await.unwrap();
    world.hand(with("/detail/eventType", json!("DeliveryDelay"))).await.unwrap();
    assert_eq!(an_hour(&world).await.0, [""; 0]);
}

#[tokio::test]
async fn an_event_that_cannot_be_parked_comes_again_and_one_of_another_kind_is_an_error() {
    let (world, _) = dead(&[ADA]).await;
    world.published.fail_to_park();
    let strange = |source: &str| json!({"id": "1", "detail-type": "Strange", "source": source, "detail": {}});
    assert!(world.hand(strange("aws.ses")).await.is_err());
    let refused = world.hand(strange("aws.s3")).await.unwrap_err();
    assert_eq!(refused.to_string(), "an event of type \"Strange\" is neither a tick nor what became of a mail");
}
