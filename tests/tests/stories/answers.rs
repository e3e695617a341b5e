//! Answers of the token endpoint that are not as they should be. Each has a defined outcome: it says nothing about the grant, or it is a
//! refusal by what can still be read of it.

use domain::ids::ConnectionId;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use system_tests::World;

/// From now on the token endpoint answers this, whatever it is asked.
pub(crate) fn answer(world: &World, status: u16, body: impl Into<Vec<u8>>) {
    let body = body.into();
    world.wire.straighten();
    world.wire.bend(move |uri, response| {
        if uri.path().ends_with("/token") {
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            *response.body_mut() = body.clone();
        }
    });
}

/// What is to be read after the token endpoint answered so at one check.
async fn checked(status: u16, body: impl Into<Vec<u8>>) -> (World, ConnectionId, Value) {
    let world = World::new().await;
    let id = world.connect().await;
    answer(&world, status, body);
    world.check(&id).await;
    let told = world.status(&id).await;
    (world, id, told)
}

/// An answer after which nothing is known, and nothing changes but when the grant is tried again.
async fn says_nothing(status: u16, body: impl Into<Vec<u8>>) {
    let body = body.into();
    let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
    let (world, id, told) = checked(status, body).await;
    assert_eq!((&told["health"], told.get("diagnosis")), (&json!("healthy"), None), "{status} {shown}");
    assert_eq!(world.notices(&id).await, [""; 0], "{status} {shown}");
    assert_eq!(world.stored(&id).await.body.unclear, 1, "{status} {shown}");
    world.wire.straighten();
    assert_eq!(world.check(&id).await, "healthy", "{status} {shown}");
    assert_eq!(world.stored(&id).await.body.unclear, 0, "{status} {shown}");
}

/// A refusal that names a dead token, with some fields replaced.
fn dead_token(fields: &Value) -> Value {
    let mut body = json!({
        "error": "invalid_grant",
        "suberror": "bad_token",
        "error_description": "AADSTS50173: The provided grant has expired due to it being revoked.",
        "error_codes": [50173],
    });
    let (Some(body_fields), Some(fields)) = (body.as_object_mut(), fields.as_object()) else { return body };
    body_fields.extend(fields.clone());
    body
}

#[tokio::test]
async fn a_page_of_a_proxy_says_nothing_whatever_its_status() {
    let page = "<html><body>AADSTS50173 invalid_grant bad_token</body></html>";
    for status in [200, 302, 400, 401, 403, 407, 502] {
        says_nothing(status, page).await;
    }
}

#[tokio::test]
async fn an_outage_says_nothing_even_with_a_refusals_body() {
    for status in [200, 302, 408, 429, 500, 503] {
        says_nothing(status, dead_token(&json!({})).to_string()).await;
    }
}

#[tokio::test]
async fn a_body_that_is_no_refusal_says_nothing() {
    let whole = dead_token(&json!({})).to_string();
    for body in [
        "",
        "null",
        "[]",
        "\"invalid_grant\"",
        "{}",
        r#"{"error": ""}"#,
        r#"{"error": null, "error_codes": [50173]}"#,
        r#"{"error": {"code": "invalid_grant", "message": "AADSTS50173"}}"#,
        r#"{"error": ["invalid_grant"], "suberror": "bad_token"}"#,
        &whole[..whole.len() - 1],
        &whole[..whole.len() / 2],
    ] {
        says_nothing(400, body).await;
    }
    says_nothing(400, b"{\"error\": \"invalid_grant\xff\"}".as_slice()).await;
}

#[tokio::test]
async fn a_success_that_cannot_be_read_says_nothing() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    for body in [
        String::new(),
        "{\"token_type\": \"Bearer\"}".to_owned(),
        "{\"access_token\": 7}".to_owned(),
        json!({"token_type": "Bearer", "access_token": "", "refresh_token": "r", "expires_in": 3600}).to_string(),
        "{\"access_token\": \"a".to_owned(),
        deep,
    ] {
        says_nothing(200, body).await;
    }
}

#[tokio::test]
async fn one_bad_field_leaves_the_rest_of_a_refusal_readable() {
    let deep = |count| (0..count).fold(json!(1), |inner, _| json!([inner]));
    for fields in [
        json!({"error_codes": ["50173"]}),
        json!({"error_codes": 50173}),
        json!({"error_codes": "50173"}),
        json!({"error_codes": {"first": 50173}}),
        json!({"error_codes": null}),
        json!({"error_codes": deep(100)}),
        json!({"error_codes": [70002, 50173], "error_description": "AADSTS70002: Error validating credentials. AADSTS50173: revoked."}),
        json!({"error_codes": [1, 50173, 50173.5]}),
        json!({"error_description": 7, "timestamp": [], "correlation_id": {"a": 1}}),
        json!({"claims": 7, "error_uri": deep(100)}),
        json!({"unknown": deep(100)}),
    ] {
        let (world, id, told) = checked(400, dead_token(&fields).to_string()).await;
        let diagnosis = &told["diagnosis"];
        let expected = (&json!("dead"), &json!("sessions-revoked"), &json!(50173));
        assert_eq!((&told["health"], &diagnosis["cause"], &diagnosis["support"]["code"]), expected, "{fields}");
        assert_eq!(world.notices(&id).await, ["dead"], "{fields}");
    }
}

#[tokio::test]
async fn without_a_known_number_the_words_of_the_answer_speak() {
    for fields in [
        json!({"error_codes": [], "error_description": "no number"}),
        json!({"error_codes": [99_999], "error_description": null}),
        json!({"error_codes": ["many"], "error_description": "AADSTS: none"}),
    ] {
        let (_, _, told) = checked(400, dead_token(&fields).to_string()).await;
        assert_eq!((&told["health"], &told["diagnosis"]["cause"]), (&json!("dead"), &json!("sign-in-invalid")), "{fields}");
    }
}

#[tokio::test]
async fn an_unknown_suberror_is_tested_again_even_when_it_is_no_text() {
    for suberror in [json!("brand_new"), json!("BAD_TOKEN"), json!(["bad_token"]), json!({"a": "bad_token"}), json!(7), json!(true)] {
        let (world, id, told) = checked(400, dead_token(&json!({"suberror": suberror})).to_string()).await;
        assert_eq!(told["health"], "suspended", "{suberror}");
        assert_eq!(world.notices(&id).await, ["suspended"], "{suberror}");
        world.wire.straighten();
        assert_eq!(world.check(&id).await, "healthy", "{suberror}");
    }
}

#[tokio::test]
async fn an_unknown_error_is_tested_again() {
    let (world, id, told) = checked(400, dead_token(&json!({"error": "brand_new"})).to_string()).await;
    assert_eq!(told["health"], "suspended");
    assert_eq!(world.notices(&id).await, ["suspended"]);
}

#[tokio::test]
async fn a_megabyte_of_text_meets_the_same_rule_as_a_sentence() {
    let mut outcomes = Vec::new();
    for text in ["The request could not be processed.".to_owned(), "ä".repeat(500_000)] {
        let body = json!({"error": "invalid_grant", "error_codes": [99_999], "error_description": text});
        let (world, id, told) = checked(400, body.to_string()).await;
        assert_eq!(told["health"], "healthy", "one verdict is too few for a word that leaves doubt");
        world.check(&id).await;
        let told = world.status(&id).await;
        let item = world.engine.item(&format!("connection#{id}"), "connection").await.unwrap();
        let size: usize = item.values().filter_map(|value| value.as_s().ok()).map(String::len).sum();
        assert!(size < 8 * 1024, "{size} bytes");
        outcomes.push((told["health"].clone(), told["diagnosis"]["cause"].clone(), world.notices(&id).await));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], (json!("dead"), json!("refused"), vec!["dead".to_owned()]));
}

#[tokio::test]
async fn a_damaged_token_or_a_loop_does_not_end_a_grant() {
    for (code, health) in [(9_002_313, "operator-fault"), (50196, "healthy")] {
        let (world, id, told) = checked(400, json!({"error": "invalid_grant", "error_codes": [code]}).to_string()).await;
        assert_eq!(told["health"], health, "{code}");
        world.wire.straighten();
        assert_eq!(world.check(&id).await, "healthy", "{code}");
    }
}

#[tokio::test]
async fn a_success_without_a_new_refresh_token_goes_on_with_the_old_one() {
    for absent in [None, Some(Value::Null), Some(json!("")), Some(json!("  "))] {
        let world = World::new().await;
        let id = world.connect().await;
        world.wire.bend_json("/token", move |body| {
            let fields = body.as_object_mut().unwrap();
            match &absent {
                None => fields.remove("refresh_token"),
                Some(value) => fields.insert("refresh_token".to_owned(), value.clone()),
            };
        });
        for _ in 0..3 {
            assert_eq!(world.check(&id).await, "healthy");
        }
        let sent = world.wire.refresh_tokens();
        assert!(sent.iter().all(|token| *token == sent[0]), "the same token each time");
        world.wire.straighten();
        assert_eq!(world.check(&id).await, "healthy");
        assert_eq!(world.notices(&id).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_lifetime_is_read_however_it_is_written() {
    let (hour, least, most) = (3_599, 600, 28 * 3_600);
    for (written, seconds) in [
        (json!("3599"), hour),
        (json!(" 3599 "), hour),
        (json!("3599.5"), hour),
        (json!(3599.0), hour),
        (json!(0), 0),
        (json!(null), least),
        (json!(""), least),
        (json!("soon"), least),
        (json!(-1), least),
        (json!(3.6e300), least),
        (json!([3599]), least),
        (json!("99999999999999999999999"), least),
        (json!(u64::MAX), most),
        (json!(9_000_000_000_000_000_u64), most),
        (json!("9000000000000000"), most),
    ] {
        let world = World::new().await;
        let id = world.connect().await;
        let shown = written.clone();
        world.wire.bend_json("/token", move |body| {
            body["expires_in"] = written.clone();
            body["refresh_token_expires_in"] = written.clone();
        });
        world.check(&id).await;
        let stored = world.stored(&id).await;
        assert_eq!(stored.body.unclear, 0, "{shown}");
        let slot = stored.body.grant.unwrap().current;
        let tokens = world.ports.store.tokens_in(&id, slot).await.unwrap().unwrap();
        assert_eq!(tokens.access_until.duration_since(world.now()).as_secs(), seconds, "{shown}");
    }
}

#[tokio::test]
async fn claims_reach_the_next_sign_in_as_a_text_or_as_an_object() {
    let claims = json!({"access_token": {"capolids": {"essential": true, "values": ["5da4a2f0-46b9-4a8b-a41b-0f7b5d2bbd31"]}}});
    for written in [json!(claims.to_string()), claims.clone()] {
        let body = json!({"error": "invalid_grant", "suberror": "message_only", "error_codes": [53003], "claims": written});
        let (world, id, told) = checked(400, body.to_string()).await;
        let facts = &told["diagnosis"]["facts"];
        assert_eq!(facts[0]["text"], "5da4a2f0-46b9-4a8b-a41b-0f7b5d2bbd31", "{facts}");
        let url = world.begin(&id).await.url;
        let passed = url.query_pairs().find(|(name, _)| name == "claims").map(|(_, value)| value.into_owned());
        assert_eq!(serde_json::from_str::<Value>(&passed.unwrap()).unwrap(), claims);
    }
}

#[tokio::test]
async fn the_headers_give_the_trace_id_and_the_tokens_age_and_nonsense_in_them_gives_nothing() {
    for (telemetry, age) in [("1,50057,0,259200000.5,", Some("3 days")), ("1,50057,0,soon,", None), ("garbage", None), ("2,1,1,1000", None)]
    {
        let world = World::new().await;
        let id = world.connect().await;
        answer(&world, 400, json!({"error": "invalid_grant", "error_codes": [50057], "trace_id": ""}).to_string());
        world.wire.bend(move |uri, response| {
            if uri.path().ends_with("/token") {
                response.headers_mut().insert("x-ms-clitelem", HeaderValue::from_static(telemetry));
                response.headers_mut().insert("x-ms-request-id", HeaderValue::from_static("47a23f57-0000"));
            }
        });
        assert_eq!(world.check(&id).await, "suspended");
        let diagnosis = &world.status(&id).await["diagnosis"];
        assert_eq!(diagnosis["support"]["trace_id"], "47a23f57-0000");
        assert_eq!(diagnosis["facts"][0]["text"].as_str(), age, "{telemetry}");
    }
}
