//! The function behind the people table's stream: real records in, entries of EventBridge out.
//!
//! Source of the records' form: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use domain::ids::ConnectionId;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::aws::Aws;

use crate::{Function, binary};

const ADA: &str = "8f7c0d1e-52c4-4f0e-9b5e-3f4c1a2b3c4d";
const TABLE: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/evergrant-people/stream/2026-03-02T09:00:00.000";

/// What this function is told; nothing of Entra, KMS or the sync's queue.
fn environment(aws: &Aws) -> Vec<(&'static str, String)> {
    let text = |name, value: &str| (name, value.to_owned());
    vec![
        text("EVERGRANT_CONNECTIONS_TABLE", system_tests::engine::CONNECTIONS),
        text("EVERGRANT_PEOPLE_TABLE", system_tests::engine::PEOPLE),
        text("EVERGRANT_EVENT_BUS", "people-bus"),
        text("EVERGRANT_EVENTS_FAILED_QUEUE_URL", &format!("{}/000000000000/failed", aws.endpoint)),
        text("AWS_REGION", "local"),
        text("AWS_ACCESS_KEY_ID", "local"),
        text("AWS_SECRET_ACCESS_KEY", "local"),
        text("AWS_ENDPOINT_URL", &aws.endpoint),
        text("AWS_LAMBDA_FUNCTION_NAME", "change-events"),
        text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        text("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ]
}

struct Place {
    world: World,
    aws: Aws,
    function: Function,
    id: ConnectionId,
}

impl Place {
    async fn set_up() -> Self {
        let world = World::new().await;
        let id = world.connect().await;
        let aws = Aws::start(&world.engine.endpoint).await.expect("the stand-in starts");
        let function = Function::start_with("change-events", environment(&aws)).await;
        Self { world, aws, function, id }
    }

    async fn ask(&mut self, records: Vec<Value>) -> Value {
        let (kind, answer) = self.function.ask(json!({ "Records": records })).await;
        assert_eq!(kind, "response", "{answer}");
        answer
    }

    /// The item of a person of this connection.
    fn item(&self, person: &str, attributes: &Value, manager: Option<&str>, at: u64) -> Value {
        let mut body = json!({ "a": attributes });
        if let Some(manager) = manager {
            body["m"] = json!(manager);
        }
        json!({
            "pk": {"S": self.id}, "sk": {"S": format!("person#{person}")}, "v": {"N": "2"}, "body": {"S": body.to_string()},
            "changed_at": {"N": at.to_string()}, "name_key": {"S": format!("ada\u{0}{person}")}, "search": {"S": "ada"},
        })
    }
}

fn number(place: usize) -> String {
    format!("{}", 140_540_000_000_000_206_328_283_200_u128 + place as u128)
}

/// A record as DynamoDB Streams hands it over.
fn record(place: usize, name: &str, old: Option<&Value>, new: Option<&Value>) -> Value {
    let item = new.or(old).expect("a record is about an item");
    let mut change = json!({
        "ApproximateCreationDateTime": 1_772_445_600, "Keys": {"pk": item["pk"], "sk": item["sk"]}, "SequenceNumber": number(place),
        "SizeBytes": 1_024, "StreamViewType": "NEW_AND_OLD_IMAGES",
    });
    for (name, image) in [("OldImage", old), ("NewImage", new)] {
        if let Some(image) = image {
            change[name] = image.clone();
        }
    }
    json!({
        "eventID": format!("c4ca4238a0b923820dcc509a6f7584{place:02x}"), "eventName": name, "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1", "dynamodb": change, "eventSourceARN": TABLE,
    })
}

fn crowd(place: &Place, count: usize) -> Vec<Value> {
    let person = |number: usize| format!("00000000-0000-0000-0000-{number:012}");
    (0..count).map(|number| record(number, "INSERT", None, Some(&place.item(&person(number), &json!({"city": "Oslo"}), None, 5)))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_the_stream_become_entries_of_the_bus() {
    let mut place = Place::set_up().await;
    let born = place.item(ADA, &json!({"city": "Oslo"}), None, 1_772_445_600_000);
    let again = place.item(ADA, &json!({"city": "Oslo"}), None, 1_772_445_601_000);
    let led = place.item(ADA, &json!({"city": "Oslo"}), Some("00000000-0000-0000-0000-000000000007"), 1_772_445_602_500);
    let mut spoiled = led.clone();
    spoiled["body"] = json!({"S": "{\"a\":\"private\"}"});
    let roll = json!({"pk": {"S": "roll#con-1"}, "sk": {"S": "0000000001#0000000001"}, "entries": {"B": "AAEC"}, "expires_at": {"N": "9"}});
    let answer = place
        .ask(vec![
            record(1, "INSERT", None, Some(&born)),
            record(2, "MODIFY", Some(&born), Some(&again)),
            record(3, "INSERT", None, Some(&roll)),
            record(4, "MODIFY", Some(&again), Some(&led)),
            record(5, "MODIFY", Some(&led), Some(&spoiled)),
            record(6, "REMOVE", Some(&led), None),
        ])
        .await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let taken = place.aws.take_events();
    let detail = |more: Value| {
        let mut detail = json!({
            "version": 1, "connection": place.id, "customer": "acme", "tenant": place.world.tenant, "person": ADA,
        });
        detail.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        detail
    };
    let expected = [
        (
            "person.changed",
            1_772_445_600.0,
            json!({"id": "evt-c4ca4238a0b923820dcc509a6f758401", "changed_at": "2026-03-02T10:00:00Z", "is_new": true, "attributes": ["city"]}),
        ),
        (
            "person.changed",
            1_772_445_602.5,
            json!({"id": "evt-c4ca4238a0b923820dcc509a6f758404", "changed_at": "2026-03-02T10:00:02.5Z", "is_new": false, "attributes": ["manager"]}),
        ),
        ("person.removed", 1_772_445_600.0, json!({"id": "evt-c4ca4238a0b923820dcc509a6f758406", "changed_at": "2026-03-02T10:00:00Z"})),
    ];
    assert_eq!(taken.len(), expected.len(), "{taken:?}");
    for (entry, (kind, time, more)) in taken.iter().zip(expected) {
        assert_eq!(
            (&entry["Source"], &entry["DetailType"], &entry["EventBusName"]),
            (&json!("evergrant"), &json!(kind), &json!("people-bus"))
        );
        assert_eq!(entry["Time"].as_f64(), Some(time));
        let said: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(said, detail(more));
    }
    let parked: Value = serde_json::from_str(&place.aws.take_message().expect("one was parked")).unwrap();
    assert_eq!((&parked["sequence_number"], &parked["stream"]), (&json!(number(5)), &json!(TABLE)));
    assert_eq!((&parked["id"], parked.to_string().contains("private")), (&json!("evt-c4ca4238a0b923820dcc509a6f758405"), false));
    assert_eq!(place.aws.take_message(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_go_ten_at_a_time_and_only_those_not_taken_go_again() {
    let mut place = Place::set_up().await;
    let records = crowd(&place, 23);
    place.aws.trouble_events("-000000000003\"", "ThrottlingException", 2);
    place.aws.trouble_events("-000000000021\"", "InternalFailure", 1);
    assert_eq!(place.ask(records).await, json!({"batchItemFailures": []}));
    assert_eq!(place.aws.take_event_requests(), [10, 1, 1, 10, 3, 1]);
    let mut people: Vec<String> = place.aws.take_events().iter().map(|entry| entry["Detail"].as_str().unwrap().to_owned()).collect();
    people.sort();
    people.dedup();
    assert_eq!(people.len(), 23, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_answered_with_the_first_record_that_the_bus_does_not_take() {
    let mut place = Place::set_up().await;
    let records = crowd(&place, 14);
    place.aws.trouble_events("-000000000011\"", "InternalFailure", 4);
    place.aws.trouble_events("-000000000005\"", "MalformedDetail", 1);
    assert_eq!(place.ask(records.clone()).await, json!({"batchItemFailures": [{"itemIdentifier": number(11)}]}));
    let parked: Value = serde_json::from_str(&place.aws.take_message().expect("what is refused for good is parked")).unwrap();
    assert_eq!((&parked["sequence_number"], &parked["why"]), (&json!(number(5)), &json!("MalformedDetail: the test's doing")));
    // As Lambda comes again: from that record on.
    assert_eq!(place.ask(records[11..].to_vec()).await, json!({"batchItemFailures": []}));
    let taken = place.aws.take_events();
    let of = |number: usize| taken.iter().filter(|entry| entry["Detail"].as_str().unwrap().contains(&format!("-{number:012}\""))).count();
    assert_eq!((0..14).map(of).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 2, 2], "those behind it may come twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_is_not_told_is_named_in_one_error() {
    let mut command = std::process::Command::new(binary("change-events"));
    let output = command.env_clear().env("EVERGRANT_EVENT_CONTENT", "everything").output().expect("the function starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    for part in [
        "AWS_REGION is missing",
        "EVERGRANT_CONNECTIONS_TABLE is missing",
        "EVERGRANT_PEOPLE_TABLE is missing",
        "EVERGRANT_EVENTS_FAILED_QUEUE_URL is missing",
        "EVERGRANT_EVENT_CONTENT must be names or values, not \"everything\"",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(told.lines().count(), 1, "{told}");
}
