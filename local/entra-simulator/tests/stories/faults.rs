//! Trouble on order: throttling, failures, and answers that are odd.

use axum::body::Body;
use entra_simulator::{Act, Fault, RetryAfter, Target};
use http::{Request, StatusCode};
use serde_json::json;
use tower::ServiceExt;

use crate::support::World;

#[tokio::test]
async fn a_throttled_graph_says_when_to_come_back_in_four_ways() {
    let world = World::new();
    let token = world.access().await;
    for (retry_after, header) in [
        (RetryAfter::Seconds(12), Some("12")),
        (RetryAfter::Fractional("2.128".to_owned()), Some("2.128")),
        (RetryAfter::HttpDate, Some("Mon, 02 Mar 2026 10:00:30 GMT")),
        (RetryAfter::Absent, None),
    ] {
        world.work(Act::ThrottleGraph { requests: 1, retry_after });
        let answer = world.graph(&token, "/v1.0/users").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers.get("retry-after").map(|value| value.to_str().unwrap()), header);
        assert!(answer.header("x-ms-throttle-scope").ends_with(&world.tenant.to_string()));
        assert_eq!(answer.json()["error"]["innerError"]["status"], "429");
        assert_eq!(world.graph(&token, "/v1.0/users").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_throttled_token_endpoint_recovers_after_so_many_requests() {
    let world = World::new();
    let token = world.grant();
    world.work(Act::ThrottleToken { requests: 2, retry_after: RetryAfter::Seconds(3) });
    for expected in [429, 429, 200] {
        let answer = world.refresh(&token).await;
        assert_eq!(answer.status.as_u16(), expected);
        assert_eq!(answer.header("retry-after"), if expected == 429 { "3" } else { "" });
    }
}

#[tokio::test]
async fn ordered_failures_come_as_ordered_and_then_stop() {
    let world = World::new();
    let token = world.grant();
    let fail = |fault| Act::FailNext { target: Target::Token, times: 1, fault };
    for (fault, status, is_json) in [
        (Fault::Status503, 503, false),
        (Fault::Status504, 504, false),
        (Fault::Html502, 502, false),
        (Fault::TruncatedJson, 200, false),
        (Fault::HugeText, 400, true),
        (Fault::SlowBody { seconds: 0 }, 200, true),
    ] {
        world.work(fail(fault.clone()));
        let answer = world.refresh(&token).await;
        assert_eq!(answer.status.as_u16(), status, "{fault:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&answer.text).is_ok(), is_json, "{fault:?}");
    }
    assert!(world.refresh(&token).await.json()["access_token"].is_string());
}

#[tokio::test]
async fn a_reset_breaks_the_body() {
    let world = World::new();
    let token = world.access().await;
    world.work(Act::FailNext { target: Target::Graph, times: 1, fault: Fault::Reset });
    let request = Request::get("/v1.0/users").header("authorization", format!("Bearer {token}"));
    let response = world.simulator.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err());
}

#[tokio::test]
async fn a_slow_graph_takes_its_time() {
    let world = World::new();
    let token = world.access().await;
    world.work(Act::SlowGraph { milliseconds: 30 });
    let began = std::time::Instant::now();
    assert_eq!(world.graph(&token, "/v1.0/users").await.status, StatusCode::OK);
    assert!(began.elapsed() >= std::time::Duration::from_millis(30));
}

#[tokio::test]
async fn a_failing_sign_in_page_fails_for_its_tenant_alone() {
    let world = World::new();
    world.work(Act::FailNext { target: Target::Authorize, times: 1, fault: Fault::Status503 });
    let url = |tenant| format!("/{tenant}/adminconsent?client_id={}&redirect_uri={}", crate::support::CLIENT, crate::support::REDIRECT);
    let other = world.simulator.add_tenant("Fabrikam");
    let statuses = [world.get(&url(other)).await, world.get(&url(world.tenant)).await, world.get(&url(world.tenant)).await];
    assert_eq!(statuses.map(|answer| answer.status.as_u16()), [200, 503, 200]);
}

#[tokio::test]
async fn refusals_can_be_odd() {
    let world = World::new();
    let token = world.grant();
    world.work(Act::WithdrawConsent);
    for (act, codes) in [
        (Act::MissingErrorCodes { times: 1 }, None),
        (Act::StringErrorCodes { times: 1 }, Some(json!(["65001"]))),
        (Act::TwoCodes { times: 1 }, Some(json!([70002, 65001]))),
    ] {
        world.work(act);
        assert_eq!(world.refresh(&token).await.json().get("error_codes"), codes.as_ref());
        assert_eq!(world.refresh(&token).await.json()["error_codes"], json!([65001]), "only the next refusal is odd");
    }
}

#[tokio::test]
async fn unknown_codes_and_suberrors_refuse_what_would_have_worked() {
    let world = World::new();
    let token = world.grant();
    world.work(Act::UnknownCode { code: 999_999, times: 1 });
    let body = world.refresh(&token).await.json();
    assert_eq!(
        (body["error"].clone(), body["error_codes"].clone(), body.get("error_uri")),
        (json!("invalid_grant"), json!([999_999]), None)
    );
    world.work(Act::UnknownSuberror { times: 1 });
    assert_eq!(world.refresh(&token).await.json()["suberror"], "future_action");
    assert_eq!(world.refresh(&token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_can_lack_its_refresh_token() {
    let world = World::new();
    let token = world.grant();
    world.work(Act::NoRefreshToken { times: 1 });
    let first = world.refresh(&token).await.json();
    assert!(first["access_token"].is_string() && first.get("refresh_token").is_none());
    assert!(world.refresh(&token).await.json()["refresh_token"].is_string());
}

#[tokio::test]
async fn a_claims_challenge_names_its_claims() {
    let world = World::new();
    let token = world.access().await;
    world.work(Act::ClaimsChallengeGraph { times: 1 });
    let answer = world.graph(&token, "/v1.0/users").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.starts_with("Bearer realm=\"\"")
            && challenge.contains("error=\"insufficient_claims\"")
            && challenge.contains("claims=\"ey")
    );
}

#[tokio::test]
async fn cleared_faults_are_forgotten() {
    let world = World::new();
    let token = world.grant();
    world.work(Act::ThrottleToken { requests: 9, retry_after: RetryAfter::Absent });
    world.work(Act::Loop { times: 9 });
    world.work(Act::ClearFaults);
    assert_eq!(world.refresh(&token).await.status, StatusCode::OK);
}
