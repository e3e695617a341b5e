//! The operator's command line itself: its environment, its answers, its exit codes, and what it asks of AWS.

use std::process::{Command, Output};

use adapters::queue::SyncTask;
use adapters::vault::{Binding, KmsVault, Purpose, Vault as _};
use serde_json::{Value, json};
use system_tests::aws::{BUS, Mood};

use crate::binary;
use crate::main_job::Place;

/// How it ended.
struct Said {
    code: Option<i32>,
    out: String,
    errors: String,
}

impl Said {
    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// What `doctor` says of one check.
    fn states(&self, check: &str) -> Vec<(String, String)> {
        let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let lines = self.lines();
        let found = lines.iter().filter(|finding| finding["check"] == check);
        found.map(|finding| (word(finding, "state"), word(finding, "what"))).collect()
    }
}

async fn evergrant(place: &Place, words: &[&str], more: &[(&'static str, String)]) -> Said {
    let mut command = Command::new(binary("evergrant"));
    command.env_clear().envs(place.environment()).envs(more.iter().cloned()).args(words);
    let run = tokio::task::spawn_blocking(move || -> Output { command.output().expect("the command line starts") });
    let output = run.await.expect("the run ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), errors: text(&output.stderr) }
}

/// A stage in which everything is set up.
async fn well(place: &Place) -> Vec<(&'static str, String)> {
    let queue = |name: &str| place.aws.add_queue(name).0;
    place.aws.open_mail("mail.example");
    vec![
        ("EVERGRANT_SYNC_QUEUE_URL", queue("sync")),
        ("EVERGRANT_BULK_QUEUE_URL", queue("bulk")),
        ("EVERGRANT_PHOTO_QUEUE_URL", queue("photos")),
        ("EVERGRANT_EVENT_BUS", BUS.to_owned()),
        ("EVERGRANT_MAIL_DOMAIN", "mail.example".to_owned()),
        ("EVERGRANT_CLIENT_SECRET_ENDS_AT", "2099-01-01T00:00:00Z".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_is_well_has_a_doctor_with_nothing_to_say() {
    let place = Place::set_up().await;
    adapters::store::tables::enable_stream(&place.engine.client, system_tests::engine::PEOPLE).await.expect("a stream can be had");
    let more = well(&place).await;
    let said = evergrant(&place, &["doctor", "--json"], &more).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.errors);
    for check in ["configuration", "table", "key", "entra", "credential", "queue", "dead letters", "bus", "mail", "photos", "clock"] {
        let states = said.states(check);
        assert!(!states.is_empty() && states.iter().all(|(state, _)| state == "ok"), "{check}: {states:?}");
    }
    let bound = "it seals and opens, and what is sealed for one connection does not open for another";
    assert!(said.states("key").iter().any(|(_, what)| what == bound), "{:?}", said.states("key"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_a_stage_is_told_and_hides_nothing_else() {
    let place = Place::set_up().await;
    let mut more = well(&place).await;
    more.extend([
        ("EVERGRANT_CONNECTIONS_TABLE", "nowhere".to_owned()),
        ("EVERGRANT_KEY_ID", "alias/nobody".to_owned()),
        ("EVERGRANT_BULK_QUEUE_URL", format!("{}/000000000000/lost", place.aws.endpoint)),
        ("EVERGRANT_EVENT_BUS", "another".to_owned()),
        ("EVERGRANT_MAIL_DOMAIN", "other.example".to_owned()),
        ("EVERGRANT_PHOTO_BUCKET", "another".to_owned()),
    ]);
    place.aws.put_message(&format!("{}/000000000000/sync-dead", place.aws.endpoint), "{}");
    let said = evergrant(&place, &["doctor", "--json"], &more).await;
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.errors);
    let told = |check: &str, state: &str, part: &str| {
        let states = said.states(check);
        assert!(states.iter().any(|(found, what)| found == state && what.contains(part)), "{check} {state} {part}: {states:?}");
    };
    told("configuration", "wrong", "EVERGRANT_KEY_ID: KMS key alias/nobody");
    told("table", "wrong", "table nowhere");
    told("table", "wrong", "people has no stream of new and old images");
    told("key", "wrong", "key alias/nobody");
    told("entra", "skipped", "the configuration");
    told("queue", "ok", "messages wait in sync");
    told("queue", "wrong", "queue");
    told("dead letters", "warning", "1 in sync-dead");
    told("bus", "wrong", "bus another");
    told("mail", "wrong", "identity other.example");
    told("photos", "wrong", "NoSuchBucket");
    told("clock", "ok", "AWS");
    let text = evergrant(&place, &["doctor"], &more).await.out;
    assert!(text.contains("evergrant dead-letters list "), "the advice stands below: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_entra_refuses_or_that_ends_is_told_by_the_doctor() {
    let place = Place::set_up().await;
    let mut more = well(&place).await;
    more.extend([
        ("EVERGRANT_CREDENTIALS", "secret,secret-2".to_owned()),
        ("EVERGRANT_CLIENT_SECRET", "mistyped".to_owned()),
        ("EVERGRANT_CLIENT_SECRET_2", "secret".to_owned()),
        ("EVERGRANT_CLIENT_SECRET_2_ENDS_AT", "2020-01-01T00:00:00Z".to_owned()),
    ]);
    let said = evergrant(&place, &["doctor", "--json"], &more).await;
    let states = said.states("credential");
    let has = |state: &str, part: &str| states.iter().any(|(found, what)| found == state && what.contains(part));
    assert!(has("wrong", "Entra refuses secret: AADSTS7000215") && has("ok", "Entra accepts secret-2"), "{states:?}");
    assert!(has("wrong", "secret-2 ended 2020-01-01T00:00:00Z") && has("ok", "secret ends 2099"), "{states:?}");
    for value in ["mistyped", "\"secret\""] {
        assert!(!said.out.contains(value) && !said.errors.contains(value), "secrets are not shown");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_shown_moved_back_and_left_where_they_are_none() {
    let place = Place::set_up().await;
    let (queue, dead) = place.aws.add_queue("sync");
    let task = serde_json::to_string(&SyncTask::quick(place.id.clone())).expect("a task is JSON");
    let strange = ["{\"webhook\":\"of another function\"}", "not JSON"];
    for body in [task.as_str(), strange[0], strange[1], task.as_str()] {
        place.aws.put_message(&dead, body);
    }
    for _ in 0..2 {
        let listed = evergrant(&place, &["dead-letters", "list", &dead, "--json"], &[]).await;
        let kinds: Vec<Value> = listed.lines().iter().map(|line| line["kind"].clone()).collect();
        assert_eq!(
            (listed.code, kinds),
            (Some(1), vec![json!("task"), json!("json"), json!("malformed"), json!("task")]),
            "{}",
            listed.errors
        );
        assert_eq!(listed.lines()[0]["connection"], json!(place.id));
    }
    let replayed = evergrant(&place, &["dead-letters", "replay", &dead, "--json"], &[]).await;
    assert_eq!(
        (replayed.code, replayed.lines().last().cloned()),
        (Some(1), Some(json!({"moved": 2, "left": 2, "to": queue}))),
        "{}",
        replayed.errors
    );
    assert_eq!(
        (place.aws.messages_on(&queue), place.aws.messages_on(&dead)),
        (vec![task.clone(), task], strange.map(str::to_owned).to_vec())
    );
    let any = evergrant(&place, &["dead-letters", "replay", &dead, "--any", "--json"], &[]).await;
    assert_eq!((any.code, any.lines().last().cloned()), (Some(1), Some(json!({"moved": 1, "left": 1, "to": queue}))));
    let nowhere = evergrant(&place, &["dead-letters", "replay", &queue], &[]).await;
    assert_eq!((nowhere.code, nowhere.errors.contains("takes the dead letters of no queue")), (Some(2), true), "{}", nowhere.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kms_seals_every_secret_anew_without_showing_one() {
    let place = Place::set_up().await;
    place.aws.add_sealing_key("new");
    let (opened, kept) = (place.aws.asked("Decrypt"), place.ports.store.tokens(&place.id).await.expect("tokens can be read"));
    let said = evergrant(&place, &["rotate-keys", "--to", "new", "--json"], &[]).await;
    assert_eq!(said.code, Some(0), "{}", said.errors);
    let told = &said.lines()[0];
    assert_eq!((&told["left"], &told["key"]), (&json!(0), &json!("new")), "{told}");
    assert_eq!(place.aws.asked("Decrypt"), opened, "nobody opened anything");
    let kms = aws_sdk_kms::Client::from_conf(adapters::settings::Aws::stand_in(&place.aws.endpoint).kms());
    let vault = |key: &str| KmsVault::new(kms.clone(), key.to_owned(), std::sync::Arc::new(adapters::entropy::SystemEntropy));
    let tokens = place.ports.store.tokens(&place.id).await.expect("tokens can be read").remove(0);
    let binding = Binding::new(&place.id, Purpose::RefreshToken);
    let (before, after) = (kept[0].refresh.clone().expect("there is one"), tokens.refresh.expect("there is one"));
    let secret = vault("alias/evergrant").open(&binding, &before).await.expect("the old sealing opens under the old key");
    assert_eq!(*vault("new").open(&binding, &after).await.expect("the new one under the new key"), *secret);
    assert!(vault("alias/evergrant").open(&binding, &after).await.is_err(), "and under no other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_works_on_the_stage_of_its_environment() {
    let place = Place::set_up().await;
    let listed = evergrant(&place, &["list", "--json"], &[]).await;
    assert_eq!((listed.code, &listed.lines()[0]["id"]), (Some(0), &json!(place.id)), "{}", listed.errors);
    let unset =
        evergrant(&place, &["list"], &[("EVERGRANT_CONNECTIONS_TABLE", String::new()), ("EVERGRANT_PEOPLE_TABLE", String::new())]).await;
    assert_eq!(unset.code, Some(2));
    for part in ["EVERGRANT_CONNECTIONS_TABLE is missing", "EVERGRANT_PEOPLE_TABLE is missing"] {
        assert!(unset.errors.contains(part), "{}", unset.errors);
    }
    let lost = evergrant(&place, &["list"], &[("EVERGRANT_CONNECTIONS_TABLE", "nowhere".to_owned())]).await;
    assert_eq!((lost.code, lost.errors.contains("ResourceNotFoundException")), (Some(3), true), "{}", lost.errors);
    place.aws.set_mood(Mood::Denying);
    let denied = evergrant(&place, &["rotate-keys", "--to", "new"], &[]).await;
    assert_eq!((denied.code, denied.errors.contains("AccessDeniedException")), (Some(3), true), "{}", denied.errors);
    let help = evergrant(&place, &["--help"], &[]).await;
    assert!(help.code == Some(0) && help.out.contains("Exit codes: 0 all is well"), "{}", help.out);
}
