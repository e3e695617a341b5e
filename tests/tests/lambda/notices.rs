//! The function that delivers notices: a tick in, a mail and an event out, and SES's word that settles it.

use adapters::vault::{Binding, KmsVault, Purpose, Vault as _};
use serde_json::json;
use system_tests::World;
use system_tests::aws::{Aws, Mood};
use system_tests::posted::{bounce, told_of_request};

use crate::{Function, binary, schedule};

/// What this function is told; nothing of Entra.
fn environment(aws: &Aws) -> Vec<(&'static str, String)> {
    let text = |name, value: &str| (name, value.to_owned());
    vec![
        text("EVERGRANT_CONNECTIONS_TABLE", system_tests::engine::CONNECTIONS),
        text("EVERGRANT_PEOPLE_TABLE", system_tests::engine::PEOPLE),
        text("EVERGRANT_KEY_ID", "alias/evergrant"),
        text("EVERGRANT_EVENT_BUS", "bus"),
        text("EVERGRANT_EVENTS_FAILED_QUEUE_URL", &format!("{}/000000000000/failed", aws.endpoint)),
        text("EVERGRANT_MAIL_FROM", "Signatures <connections@mail.example.com>"),
        text("EVERGRANT_MAIL_CONFIGURATION_SET", "evergrant-dev"),
        text("EVERGRANT_OPERATOR_NAME", "Signatures"),
        text("EVERGRANT_OPERATOR_MAILS", "duty@operator.example"),
        text("EVERGRANT_PORTAL_URL", "https://portal.example"),
        text("EVERGRANT_PUBLIC_URL", "https://api.example"),
        text("AWS_REGION", "local"),
        text("AWS_ACCESS_KEY_ID", "local"),
        text("AWS_SECRET_ACCESS_KEY", "local"),
        text("AWS_ENDPOINT_URL", &aws.endpoint),
        text("AWS_LAMBDA_FUNCTION_NAME", "notify"),
        text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        text("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ]
}

/// A death that is owed since before the real clock's time, and the function that tells it.
async fn set_up(contacts: &[&str]) -> (World, Aws, Function) {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.hears(contacts).await;
    world.work(entra_simulator::Act::RevokeSessions { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    let aws = Aws::start(&world.engine.endpoint).await.expect("the stand-in starts");
    let function = Function::start_with("notify", environment(&aws)).await;
    (world, aws, function)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_sends_the_mail_and_the_word_of_ses_settles_it() {
    let (world, aws, mut function) = set_up(&["ada@contoso.example"]).await;
    let (kind, report) = function.ask(schedule()).await;
    assert_eq!((kind.as_str(), &report["sent"], &report["faults"]), ("response", &json!(2), &json!(0)), "{report}");
    let mail = aws.take_mails().remove(0);
    assert_eq!(mail["FromEmailAddress"], "Signatures <connections@mail.example.com>");
    assert_eq!(
        (&mail["Destination"]["ToAddresses"], &mail["ConfigurationSetName"]),
        (&json!(["ada@contoso.example"]), &json!("evergrant-dev"))
    );
    let message = &mail["Content"]["Simple"];
    assert!(message["Body"]["Html"]["Data"].as_str().is_some_and(|html| html.contains("https://portal.example")), "{message}");
    assert!(
        message["Headers"].as_array().is_some_and(|headers| headers.iter().any(|header| header["Name"] == "Auto-Submitted")),
        "{message}"
    );
    let event = aws.take_events().remove(0);
    assert_eq!((&event["DetailType"], &event["EventBusName"]), (&json!("notice.owed"), &json!("bus")));
    for (kind, more) in [(("Email Sent", "Send"), json!({"send": {}})), (("Email Bounced", "Bounce"), bounce("Permanent"))] {
        let (answered, answer) = function.ask(told_of_request(&mail, kind, &more)).await;
        assert_eq!(answered, "response", "{answer}");
    }
    let (_, report) = function.ask(schedule()).await;
    assert_eq!(report["sent"], 2, "nobody was reached: the operator and the bus, {report}");
    assert_eq!(aws.take_mails()[0]["Destination"]["ToAddresses"], json!(["duty@operator.example"]));
    let lost = world.audience().await.audience.contacts.remove(0);
    assert!(matches!(lost.reach, domain::notice::audience::Reach::Unreachable { .. }), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_may_have_been_sent_is_not_sent_again_before_ses_had_its_time() {
    let (_world, aws, mut function) = set_up(&["ada@contoso.example"]).await;
    aws.set_mood(Mood::Failing);
    let (_, report) = function.ask(schedule()).await;
    assert_eq!((&report["sent"], &report["unsettled"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(aws.asked("SendEmail"), 1, "the client itself tries once");
    aws.set_mood(Mood::Well);
    let (_, report) = function.ask(schedule()).await;
    assert_eq!((&report["sent"], aws.take_mails().len()), (&json!(0), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhooks_secret_is_opened_with_the_key_of_the_cloud() {
    let (world, aws, mut function) = set_up(&["https://hooks.contoso.com/evergrant"]).await;
    // Sealed by the key of the cloud, as the API does it; and no secret, so that nobody is called.
    let customer = "acme".parse().expect("a customer");
    let kms = aws_sdk_kms::Client::from_conf(adapters::settings::Aws::stand_in(&aws.endpoint).kms());
    let vault = KmsVault::new(kms, "alias/evergrant".to_owned(), std::sync::Arc::clone(&world.ports.entropy));
    let mut stored = world.audience().await;
    for sealed in stored.secrets.values_mut() {
        let binding = Binding::of_customer(&customer, Purpose::WebhookSecret);
        *sealed = vault.seal(&binding, b"no secret").await.expect("it can be sealed");
    }
    world.ports.store.put_audience(&customer, &stored, adapters::store::choices::Replaces::Any).await.expect("it can be written");
    let (_, report) = function.ask(schedule()).await;
    assert_eq!((&report["sent"], &report["unsettled"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(aws.asked("Decrypt"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_is_not_told_is_named_in_one_error() {
    let mut command = std::process::Command::new(binary("notify"));
    let output = command.env_clear().env("EVERGRANT_MAIL_FROM", "nobody").output().expect("the function starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    for part in [
        "AWS_REGION is missing",
        "EVERGRANT_CONNECTIONS_TABLE is missing",
        "EVERGRANT_KEY_ID is missing",
        "EVERGRANT_MAIL_FROM must be a mail address",
        "EVERGRANT_MAIL_CONFIGURATION_SET is missing",
        "EVERGRANT_PORTAL_URL is missing",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(told.lines().count(), 1, "{told}");
}
