//! Batches as Graph answers them, and as it should not.

use std::sync::Mutex;

use async_trait::async_trait;
use domain::cloud::{Cloud, Endpoints};
use serde_json::{Value, json};

use jiff::SignedDuration;

use super::*;
use crate::transport::Transport;

/// Answers everything alike, and keeps what was asked.
struct Parrot {
    status: u16,
    body: Vec<u8>,
    heard: Mutex<Vec<http::Request<Vec<u8>>>>,
}

#[async_trait]
impl Transport for Parrot {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self.heard.lock().unwrap().push(request);
        Ok(Response::builder().status(self.status).header("retry-after", "9").body(self.body.clone()).unwrap())
    }
}

fn person(number: u128) -> ObjectId {
    ObjectId(uuid::Uuid::from_u128(number))
}

fn graph(status: u16, body: &[u8]) -> (Graph, std::sync::Arc<Parrot>) {
    let (login, graph) = Cloud::Global.origins();
    let endpoints = Endpoints { login: login.parse().unwrap(), graph: graph.parse().unwrap() };
    let parrot = std::sync::Arc::new(Parrot { status, body: body.to_vec(), heard: Mutex::default() });
    (Graph::new(endpoints, std::sync::Arc::clone(&parrot) as _), parrot)
}

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

async fn metadata_of(status: u16, body: &[u8], people: &[ObjectId]) -> (Vec<Answer<Metadata>>, bool) {
    let batch = graph(status, body).0.photo_metadata(&"token".to_owned().into(), people, now()).await;
    assert!(batch.answers.keys().eq(people.iter()), "everybody has an answer");
    (batch.answers.into_values().collect(), batch.trouble.is_some())
}

async fn pictures_of(items: &Value) -> Vec<Answer<Picture>> {
    let wanted: Vec<(ObjectId, Size)> = (1..=3).map(|number| (person(number), Size::Square)).collect();
    let body = json!({"responses": items}).to_string();
    graph(200, body.as_bytes()).0.photos(&"token".to_owned().into(), &wanted, now()).await.answers.into_values().collect()
}

fn wait(seconds: i64) -> Option<SignedDuration> {
    Some(SignedDuration::from_secs(seconds))
}

#[tokio::test]
async fn what_is_asked_is_relative_goes_to_graph_alone_and_gives_way() {
    let (graph, parrot) = graph(200, br#"{"responses":[]}"#);
    graph.photos(&"token".to_owned().into(), &[(person(1), Size::Largest), (person(2), Size::Square)], now()).await;
    let heard = parrot.heard.lock().unwrap();
    assert_eq!(heard[0].uri(), "https://graph.microsoft.com/v1.0/$batch");
    assert_eq!((heard[0].headers()["x-ms-throttle-priority"].as_bytes(), heard.len()), (&b"low"[..], 1));
    let body: Value = serde_json::from_slice(heard[0].body()).unwrap();
    assert_eq!(
        body,
        json!({"requests": [
            {"id": "0", "method": "GET", "url": "/users/00000000-0000-0000-0000-000000000001/photo/$value", "headers": {"x-ms-throttle-priority": "low"}},
            {"id": "1", "method": "GET", "url": "/users/00000000-0000-0000-0000-000000000002/photos/240x240/$value", "headers": {"x-ms-throttle-priority": "low"}},
        ]})
    );
}

#[tokio::test]
async fn nobody_is_asked_about_without_anybody_to_ask_for() {
    let (graph, parrot) = graph(200, b"");
    let batch = graph.photo_metadata(&"token".to_owned().into(), &[], now()).await;
    assert!(batch.answers.is_empty() && batch.trouble.is_none() && parrot.heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_item_is_read_by_itself_in_any_order() {
    let items = json!({"responses": [
        {"id": "3", "status": 429, "headers": {"retry-after": "2.5"}, "body": {"error": {"code": "TooManyRequests"}}},
        {"id": "1", "status": 404, "headers": {}, "body": {"error": {"code": "ImageNotFound", "message": "none"}}},
        {"id": "0", "status": 200, "headers": {"Content-Type": "application/json"},
            "body": {"@odata.mediaEtag": "\"BA09D118\"", "@odata.mediaContentType": "image/jpeg", "id": "240x240", "width": 240, "height": 240}},
        {"id": "2", "status": 200, "body": {"@odata.mediaEtag": "", "id": "1x1", "width": 1, "height": 1}},
        {"id": "4", "status": 404, "body": null},
        {"id": "5", "status": 404, "body": {"error": {"code": "Request_ResourceNotFound"}}},
        {"id": "6", "status": 503, "headers": {"RETRY-AFTER": 30}},
        {"id": "7", "status": 424},
        {"id": "8", "status": 200, "body": {"@odata.mediaEtag": null, "width": 96, "height": 96}},
    ]});
    let people: Vec<ObjectId> = (0..9).map(person).collect();
    let (answers, is_trouble) = metadata_of(200, items.to_string().as_bytes(), &people).await;
    assert!(!is_trouble);
    assert_eq!(
        answers,
        [
            Answer::Given(Metadata { etag: Some("\"BA09D118\"".into()), width: 240, height: 240 }),
            Answer::NoPhoto,
            Answer::NoPhoto,
            Answer::Throttled { after: Some(SignedDuration::from_millis(2_500)) },
            Answer::NoPhoto,
            Answer::NobodyThere,
            Answer::Later { after: wait(30) },
            Answer::Later { after: None },
            Answer::Given(Metadata { etag: None, width: 96, height: 96 }),
        ]
    );
}

#[tokio::test]
async fn an_item_that_makes_no_sense_or_is_missing_is_no_answer_and_spoils_no_other() {
    let good = json!({"id": "0", "status": 404, "body": null});
    for odd in [
        json!(null),
        json!(7),
        json!("404"),
        json!({}),
        json!({"id": "1"}),
        json!({"id": "1", "status": "404"}),
        json!({"id": 1, "status": 404}),
        json!({"id": "1", "status": 200}),
        json!({"id": "1", "status": 200, "body": null}),
        json!({"id": "1", "status": 200, "body": "text"}),
        json!({"id": "1", "status": 200, "body": []}),
        json!({"id": "1", "status": 200, "body": {}}),
        json!({"id": "1", "status": 200, "body": {"width": "wide"}}),
        json!({"id": "1", "status": 302, "headers": {"Location": "https://elsewhere.example/"}}),
        json!({"id": "2", "status": 404}),
        json!({"id": "-1", "status": 404}),
        json!({"id": "99999999999999999999", "status": 404}),
    ] {
        let items = json!({"responses": [odd, good]}).to_string();
        let (answers, _) = metadata_of(200, items.as_bytes(), &[person(1), person(2)]).await;
        assert_eq!(answers, [Answer::NoPhoto, Answer::Unreadable], "{odd}");
    }
}

#[tokio::test]
async fn what_fails_for_the_batch_fails_for_everybody() {
    for (status, body, expected) in [
        (200, &b""[..], Answer::Unreadable),
        (200, b"[]", Answer::Unreadable),
        (200, b"<html>", Answer::Unreadable),
        (200, br#"{"responses":null}"#, Answer::Unreadable),
        (302, b"", Answer::Unreadable),
        (400, br#"{"error":{"code":"BadRequest"}}"#, Answer::Unreadable),
        (404, br#"{"error":{"code":"ImageNotFound"}}"#, Answer::Unreadable),
        (410, b"", Answer::Unreadable),
        (401, br#"{"error":{"code":"InvalidAuthenticationToken"}}"#, Answer::Unauthorized),
        (403, br#"{"error":{"code":"Authorization_RequestDenied"}}"#, Answer::Denied),
        (429, br#"{"error":{"code":"TooManyRequests"}}"#, Answer::Throttled { after: wait(9) }),
        (424, b"", Answer::Later { after: wait(9) }),
        (503, b"", Answer::Later { after: wait(9) }),
        (504, b"<html>", Answer::Later { after: wait(9) }),
    ] {
        let (answers, is_trouble) = metadata_of(status, body, &[person(1), person(2)]).await;
        assert_eq!((answers, is_trouble), (vec![expected.clone(), expected], true), "{status} {}", String::from_utf8_lossy(body));
    }
}

#[tokio::test]
async fn the_heaviest_load_that_is_told_counts() {
    let load = async |items: Value| {
        let body = json!({"responses": items}).to_string();
        graph(200, body.as_bytes()).0.photo_metadata(&"token".to_owned().into(), &[person(1), person(2)], now()).await.load_percent
    };
    let item = |id: &str, headers: Value| json!({"id": id, "status": 404, "headers": headers});
    assert_eq!(load(json!([item("0", json!({})), item("1", Value::Null)])).await, 0);
    let busy = [item("0", json!({"x-ms-throttle-limit-percentage": "0.85"})), item("1", json!({"X-MS-Throttle-Limit-Percentage": 1.3}))];
    assert_eq!(load(json!(busy)).await, 130);
    assert_eq!(load(json!([item("0", json!({"x-ms-throttle-limit-percentage": "NaN"}))])).await, 0);
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_for_a_throttled_item_is_read_item_by_item() {
    let items = json!({"responses": [
        {"id": "0", "status": 404, "body": {"error": {"code": "ImageNotFound"}}},
        {"id": "1", "status": 429, "headers": {"Retry-After": "4"}},
    ]});
    let (answers, is_trouble) = metadata_of(424, items.to_string().as_bytes(), &[person(1), person(2)]).await;
    assert_eq!((answers, is_trouble), (vec![Answer::NoPhoto, Answer::Throttled { after: wait(4) }], false));
}

#[tokio::test]
async fn bytes_come_in_either_base64_and_never_from_anything_else() {
    let bytes = vec![0xff_u8, 0xd8, 0xff, 0xfb, 0xff];
    let item = |id: &str, body: Value| json!({"id": id, "status": 200, "headers": {"Content-Type": "image/jpeg"}, "body": body});
    let answers = pictures_of(&json!([item("0", json!("/9j/+/8=")), item("1", json!("_9j_-_8")), item("2", json!("\\/9j"))])).await;
    let picture = Answer::Given(Picture::Bytes(bytes));
    assert_eq!(answers, [picture.clone(), picture, Answer::Unreadable]);
    let odd = json!([item("0", json!("")), item("1", json!({"width": 240, "height": 240})), item("2", json!("not base64!"))]);
    assert_eq!(pictures_of(&odd).await, [Answer::Unreadable, Answer::Unreadable, Answer::Unreadable]);
}

#[tokio::test]
async fn what_is_too_large_is_told_and_not_kept() {
    let text = |bytes: usize| base64::engine::general_purpose::STANDARD.encode(vec![7_u8; bytes]);
    let item = |id: &str, bytes: usize| json!({"id": id, "status": 200, "body": text(bytes)});
    let answers = pictures_of(&json!([item("0", BYTES_MAX), item("1", BYTES_MAX + 1), item("2", BYTES_MAX * 2)])).await;
    assert_eq!(answers[0], Answer::Given(Picture::Bytes(vec![7; BYTES_MAX])));
    assert_eq!(answers[1..], [Answer::Given(Picture::TooLarge), Answer::Given(Picture::TooLarge)]);
}

#[tokio::test]
async fn a_photo_alone_is_bounded_and_its_failures_are_read_alike() {
    let alone = async |status: u16, body: &[u8]| graph(status, body).0.photo(&"token".to_owned().into(), person(1), now()).await;
    assert_eq!(alone(200, b"jpeg").await, Answer::Given(Picture::Bytes(b"jpeg".to_vec())));
    assert_eq!(alone(200, &vec![1; BYTES_MAX + 1]).await, Answer::Given(Picture::TooLarge));
    assert_eq!(alone(200, b"").await, Answer::Unreadable);
    assert_eq!(alone(404, br#"{"error":{"code":"ImageNotFound"}}"#).await, Answer::NoPhoto);
    assert_eq!(alone(429, b"").await, Answer::Throttled { after: wait(9) });
    assert_eq!(alone(302, b"").await, Answer::Unreadable);
}
