//! Who is told of what, and how often: at once, again after days, until it is over.

use domain::ids::ConnectionId;
use domain::notice::audience::{Group, Reach};
use domain::notice::ledger::Sending;
use domain::notice::quiet::QuietHours;
use entra_simulator::{Act, Reach as Where};
use jiff::SignedDuration;
use jiff::civil::time;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::posted::bounce;
use system_tests::world::{OPERATOR_MAIL, WEBHOOK_SECRET, addressed};

use crate::deletions;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const ADA: &str = "ada@contoso.example";
const HOOK: &str = "https://hooks.contoso.com/evergrant";

/// A connection that just died, and these contacts.
pub(crate) async fn dead(contacts: &[&str]) -> (World, ConnectionId) {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.hears(contacts).await;
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    (world, id)
}

fn assert_described(event: &Value) {
    let schema: Value = serde_json::from_str(notify::SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let broken: Vec<String> = validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(broken, [""; 0], "{event}");
}

/// What was published of notices, all of it as the schema has it: the kind and the health.
fn published(world: &World) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = world.published.take();
    events.iter().for_each(assert_described);
    events.iter().map(|event| (word(&event["detail"]["kind"]), word(&event["detail"]["health"]))).collect()
}

#[tokio::test]
async fn a_death_is_told_at_once_to_everybody_who_hears_and_on_the_bus() {
    let (world, id) = dead(&[ADA, HOOK]).await;
    let report = world.tell().await;
    assert_eq!((report.sent, report.faults, report.left, report.unsettled), (3, 0, 0, 0));
    let letters = world.posted.take_letters();
    assert_eq!(addressed(&letters), ["ada@contoso.example 0"]);
    assert!(!letters[0].headers.iter().any(|(name, _)| name == "List-Unsubscribe"), "a death is not declined");
    let calls = world.posted.take_calls();
    let called: Value = serde_json::from_str(&calls[0].body).unwrap();
    let mut detail = called["data"].clone();
    detail.as_object_mut().unwrap().remove("step");
    assert_described(&json!({"source": "evergrant", "detail-type": called["type"], "time": called["timestamp"], "detail": detail}));
    assert_eq!((&called["type"], &called["data"]["kind"], &called["data"]["step"]), (&json!("notice.owed"), &json!("dead"), &json!(0)));
    assert_eq!((&called["data"]["connection"], &called["data"]["customer"]), (&json!(id), &json!("acme")));
    assert_eq!((calls[0].url.as_url().as_str(), calls[0].secret.expose_secret()), (HOOK, WEBHOOK_SECRET));
    assert_eq!(published(&world), [("dead".to_owned(), "dead".to_owned())]);
    assert_eq!(world.tell().await.sent, 0, "and not again");
}

#[tokio::test]
async fn a_death_is_told_again_after_one_three_and_seven_days_and_then_weekly() {
    let (world, _) = dead(&[ADA]).await;
    assert_eq!(world.told_after(SignedDuration::ZERO).await, ["ada@contoso.example 0"]);
    assert_eq!(world.told_after(DAY - MINUTE).await, [""; 0]);
    for (wait, step) in [(MINUTE, 1), (DAY * 2, 2), (DAY * 4, 3), (DAY * 7, 4), (DAY * 7, 5)] {
        assert_eq!(world.told_after(wait - MINUTE).await, [""; 0], "before step {step}");
        world.pass(MINUTE);
        world.tell().await;
        let letters = world.posted.take_letters();
        assert_eq!(addressed(&letters), [format!("ada@contoso.example {step}")]);
        assert!(letters[0].headers.iter().any(|(name, _)| name == "List-Unsubscribe"), "a reminder may be declined");
    }
    assert_eq!(published(&world).len(), 1, "the bus is told once");
}

#[tokio::test]
async fn what_was_missed_is_told_once() {
    let (world, _) = dead(&[ADA]).await;
    assert_eq!(world.told_after(DAY * 15).await, ["ada@contoso.example 0"], "late, and still the first word");
    assert_eq!(world.told_after(DAY * 6 - MINUTE).await, [""; 0]);
    assert_eq!(world.told_after(DAY * 20).await, ["ada@contoso.example 7"]);
    assert_eq!(published(&world).len(), 1);
}

#[tokio::test]
async fn a_link_that_declines_works_as_it_stands_in_the_mail() {
    let (world, _) = dead(&[ADA]).await;
    world.told_after(SignedDuration::ZERO).await;
    world.pass(DAY);
    world.tell().await;
    let letter = world.posted.take_letters().remove(0);
    let header = letter.headers.iter().find(|(name, _)| name == "List-Unsubscribe").unwrap();
    let link = header.1.trim_start_matches("<https://api.example").trim_end_matches('>').to_owned();
    let request = http::Request::post(&link).body(axum::body::Body::from("List-Unsubscribe=One-Click")).unwrap();
    assert_eq!(world.send(request).await.status, 200);
    assert_eq!(world.told_after(DAY * 30).await, [""; 0]);
}

#[tokio::test]
async fn reminders_stop_when_somebody_acknowledges() {
    let (world, id) = dead(&[ADA]).await;
    world.told_after(SignedDuration::ZERO).await;
    world.pass(MINUTE);
    assert_eq!(world.post(&format!("/v1/connections/{id}/acknowledgement"), &json!({})).await.status, 200);
    assert_eq!(world.told_after(DAY * 30).await, [""; 0]);
    world.consent(&id).await;
    assert_eq!(world.told_after(MINUTE).await, ["ada@contoso.example 0"], "that it works again is told all the same");
}

#[tokio::test]
async fn a_recovery_is_told_once_to_those_who_were_told_of_the_trouble() {
    let (world, id) = dead(&[ADA]).await;
    world.told_after(SignedDuration::ZERO).await;
    world.hears(&[ADA, "new@contoso.example"]).await;
    world.consent(&id).await;
    world.tell().await;
    let letters = world.posted.take_letters();
    assert_eq!(addressed(&letters), ["ada@contoso.example 0"]);
    assert!(letters[0].subject.to_lowercase().contains("again"), "{}", letters[0].subject);
    assert_eq!(world.told_after(DAY * 30).await, [""; 0]);
    assert_eq!(published(&world).iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["dead", "recovered"]);
}

#[tokio::test]
async fn trouble_that_was_over_before_anybody_was_told_is_told_to_the_bus_alone() {
    let (world, id) = dead(&[ADA]).await;
    world.pass(MINUTE);
    world.consent(&id).await;
    assert_eq!(world.told_after(MINUTE).await, [""; 0]);
    assert_eq!(published(&world).len(), 2);
    assert_eq!(world.told_after(DAY * 30).await, [""; 0]);
}

#[tokio::test]
async fn later_news_takes_the_place_of_earlier_news() {
    let world = World::new().await;
    let id = world.connect().await;
    world.hears(&[ADA]).await;
    world.work(Act::BlockByConditionalAccess { policy_id: None });
    assert_eq!(world.verdict(&id).await, "suspended");
    assert_eq!(world.told_after(SignedDuration::ZERO).await, ["ada@contoso.example 0"]);
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    assert_eq!(world.told_after(SignedDuration::ZERO).await, ["ada@contoso.example 0"]);
    assert_eq!(world.told_after(DAY).await, ["ada@contoso.example 1"], "of the death alone");
}

#[tokio::test]
async fn a_reminder_waits_for_the_morning_and_a_death_for_nobody() {
    let (world, _) = dead(&[ADA]).await;
    let mut stored = world.audience().await;
    stored.audience.time_zone = "Europe/Berlin".to_owned().try_into().unwrap();
    // The world's clock shows morning; so the quiet hours are those of the day.
    stored.audience.quiet_hours = Some(QuietHours::between(time(6, 0, 0, 0), time(20, 0, 0, 0)).unwrap());
    world.ports.store.put_audience(&"acme".parse().unwrap(), &stored, adapters::store::choices::Replaces::Any).await.unwrap();
    assert_eq!(world.told_after(SignedDuration::ZERO).await, ["ada@contoso.example 0"]);
    assert_eq!(world.told_after(DAY).await, [""; 0]);
    let evening: jiff::Timestamp = "2026-03-03T19:00:00Z".parse().unwrap();
    world.set_now(evening - MINUTE);
    assert_eq!(world.told_after(SignedDuration::ZERO).await, [""; 0]);
    assert_eq!(world.told_after(MINUTE).await, ["ada@contoso.example 1"]);
}

#[tokio::test]
async fn whoever_does_not_want_deaths_is_not_told_and_nobody_is_alarmed() {
    let (world, _) = dead(&[ADA]).await;
    let mut stored = world.audience().await;
    stored.audience.contacts[0].kinds = [Group::Warnings, Group::Reminders].into();
    world.ports.store.put_audience(&"acme".parse().unwrap(), &stored, adapters::store::choices::Replaces::Any).await.unwrap();
    assert_eq!(world.told_after(SignedDuration::ZERO).await, [""; 0]);
    assert_eq!(world.told_after(DAY).await, [""; 0], "nor reminded");
}

#[tokio::test]
async fn where_there_is_nobody_to_tell_the_operator_is_told_once() {
    let (world, _) = dead(&[]).await;
    world.tell().await;
    assert_eq!(world.told_after(MINUTE).await, [format!("{OPERATOR_MAIL} 0")]);
    assert_eq!(world.told_after(DAY * 30).await, [""; 0]);
    assert_eq!(published(&world).iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["dead", "nobody-reached"]);
}

#[tokio::test]
async fn a_mail_that_comes_back_leaves_the_others_and_in_the_end_the_operator() {
    let (world, _) = dead(&[ADA, "ben@contoso.example"]).await;
    world.tell().await;
    let letters = world.posted.take_letters();
    assert_eq!(letters.len(), 2);
    world.ses_took(&letters).await;
    world.ses_tells(&letters[0], ("Email Bounced", "Bounce"), &bounce("Permanent")).await;
    let lost = world.audience().await.audience.contacts;
    assert_eq!(lost.iter().filter(|contact| matches!(contact.reach, Reach::Unreachable { .. })).count(), 1);
    assert_eq!(world.told_after(MINUTE).await, [""; 0], "somebody was reached");
    assert_eq!(world.told_after(DAY).await.len(), 1, "and is reminded alone");
    world.ses_tells(&letters[1], ("Email Complaint Received", "Complaint"), &json!({"complaint": {}})).await;
    world.ses_tells(&letters[1], ("Email Complaint Received", "Complaint"), &json!({"complaint": {}})).await;
    assert_eq!(world.told_after(MINUTE).await, [format!("{OPERATOR_MAIL} 0")]);
    assert_eq!(world.told_after(DAY * 30).await, [""; 0]);
}

#[tokio::test]
async fn a_full_mailbox_does_not_make_an_address_unreachable() {
    let (world, _) = dead(&[ADA]).await;
    world.tell().await;
    let letters = world.posted.take_letters();
    world.ses_tells(&letters[0], ("Email Bounced", "Bounce"), &bounce("Transient")).await;
    assert_eq!(world.audience().await.audience.contacts[0].reach, Reach::Reachable);
    assert_eq!(world.told_after(MINUTE).await, [format!("{OPERATOR_MAIL} 0")], "but nobody knows of the death");
    assert_eq!(world.told_after(DAY).await, ["ada@contoso.example 1"]);
}

#[tokio::test]
async fn a_bounce_of_an_address_that_was_replaced_says_nothing_of_the_new_one() {
    let (world, _) = dead(&[ADA]).await;
    world.tell().await;
    let letters = world.posted.take_letters();
    world.hears(&["other@contoso.example"]).await;
    world.ses_tells(&letters[0], ("Email Bounced", "Bounce"), &bounce("Permanent")).await;
    assert_eq!(world.audience().await.audience.contacts[0].reach, Reach::Reachable);
}

#[tokio::test]
async fn the_operators_own_fault_is_told_to_the_operator_alone() {
    let world = World::new().await;
    let id = world.connect().await;
    world.hears(&[ADA]).await;
    world.work(Act::ExpireSecret { reach: Where::Everywhere });
    assert_eq!(world.verdict(&id).await, "operator-fault");
    let told = world.told_after(SignedDuration::ZERO).await;
    assert_eq!(told, [format!("{OPERATOR_MAIL} 0")], "the incident that opened");
    world.work(Act::RestoreSecret { reach: Where::Everywhere });
    assert_eq!(world.verdict(&id).await, "healthy");
    assert_eq!(world.told_after(SignedDuration::ZERO).await, [format!("{OPERATOR_MAIL} 0")], "and its end");
    let kinds: Vec<String> = published(&world).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["incident-opened", "incident-ended"]);
    world.work(Act::ExpireSecret { reach: Where::Everywhere });
    world.verdict(&id).await;
    assert_eq!(world.told_after(SignedDuration::ZERO).await, [format!("{OPERATOR_MAIL} 0")], "the next one is another one");
}

#[tokio::test]
async fn an_endpoint_that_fails_for_a_day_is_disabled_and_that_is_told() {
    let (world, _) = dead(&[ADA, HOOK]).await;
    world.posted.answer_calls(Sending::Again("the endpoint answered 500".to_owned()));
    let mut calls = 0;
    for _ in 0..150 {
        world.tell().await;
        calls += world.posted.take_calls().len();
        world.pass(MINUTE * 10);
    }
    assert_eq!(calls, 11, "it is tried more and more rarely");
    let hook = world.audience().await.audience.contacts.remove(1);
    assert!(matches!(&hook.reach, Reach::Disabled { why, .. } if why == "the endpoint answered 500"), "{hook:?}");
    let told = addressed(&world.posted.take_letters());
    let operator = format!("{OPERATOR_MAIL} 0");
    let expected = ["ada@contoso.example 0", "ada@contoso.example 0", "ada@contoso.example 1", &operator, &operator];
    assert_eq!(told, expected, "the death, its reminder, the endpoint to both, and the day's digest");
    world.posted.heal();
    world.told_after(DAY * 7).await;
    assert_eq!(world.posted.take_calls().len(), 0, "it is called no more");
}

#[tokio::test]
async fn an_endpoint_that_says_it_is_gone_is_disabled_at_once() {
    let (world, _) = dead(&[ADA, HOOK]).await;
    world.posted.answer_calls(Sending::Gone("the endpoint answered 410 Gone".to_owned()));
    world.tell().await;
    world.pass(MINUTE);
    world.tell().await;
    assert_eq!(world.posted.take_calls().len(), 1);
    assert!(matches!(world.audience().await.audience.contacts[1].reach, Reach::Disabled { .. }));
    let kinds: Vec<String> = published(&world).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["dead", "endpoint-disabled"]);
}

#[tokio::test]
async fn the_operator_reads_once_a_day_what_is_not_well() {
    let (world, id) = dead(&[ADA]).await;
    world.tell().await;
    let _ = world.posted.take_letters();
    let mut digests = Vec::new();
    for _ in 0..48 {
        world.pass(MINUTE * 30);
        world.tell().await;
        digests.extend(world.posted.take_letters().into_iter().filter(|letter| letter.to.as_str() == OPERATOR_MAIL));
    }
    assert_eq!(digests.len(), 1);
    assert!(digests[0].subject.starts_with("1 connection") && digests[0].text.contains("acme, Contoso"), "{}", digests[0].text);
    world.consent(&id).await;
    world.tell().await;
    let _ = world.posted.take_letters();
    world.set_now("2026-03-04T06:10:00Z".parse().unwrap());
    world.tell().await;
    let letters = world.posted.take_letters();
    assert_eq!(addressed(&letters), [format!("{OPERATOR_MAIL} 0")]);
    assert_eq!(letters[0].subject, "Every connection is well");
    assert!(published(&world).iter().all(|(kind, _)| kind != "digest"), "that is nothing for programs");
}

#[tokio::test]
async fn held_deletions_are_told_until_somebody_decides() {
    let (world, id, _) = deletions::wave().await;
    world.hears(&[ADA]).await;
    world.tell().await;
    let letters = world.posted.take_letters();
    assert_eq!(addressed(&letters), ["ada@contoso.example 0"]);
    assert!(letters[0].text.contains("30") && letters[0].text.contains("61"), "{}", letters[0].text);
    assert_eq!(world.told_after(DAY).await, ["ada@contoso.example 1"]);
    let hold = deletions::held(&world, &id).await;
    assert_eq!(deletions::decide(&world, &id, &json!({"round": deletions::round(&hold), "verdict": "approve"})).await, 202);
    assert_eq!(world.told_after(DAY * 30).await, [""; 0]);
}
