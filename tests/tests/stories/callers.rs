//! Who may call: a customer's own token, and nothing else. The routes are those of the API's own description, so that a new one is held
//! against these rules without being named here.

use axum::body::Body;
use domain::ids::ConnectionId;
use http::Request;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use system_tests::caller::{ALL_SCOPES, KEY_ID};
use system_tests::{Answer, World};

/// A route of the API with real ids in it.
#[derive(Debug, Clone)]
struct Route {
    method: String,
    path: String,
    body: Option<Value>,
    /// Whether it is about something that belongs to one customer.
    names_something: bool,
}

/// Every route that wants a caller, filled with the ids of a connection and an attempt.
async fn routes(world: &World, id: &ConnectionId, attempt: &str) -> Vec<Route> {
    let document = world.get("/v1/openapi.json").await.json();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("a description has paths") {
        for (method, operation) in operations.as_object().expect("a path has operations") {
            if operation.get("security").is_none() {
                continue;
            }
            let filled = path.replace("{connection}", id.as_str()).replace("{attempt}", attempt);
            let filled = filled.replace("{person}", &world.admin.to_string());
            assert!(!filled.contains('{'), "teach this story what {path} names");
            let body = operation.get("requestBody").map(|_| match path.ends_with("/attributes") {
                true => json!({"attributes": ["mail"]}),
                false => json!({"connection": id}),
            });
            routes.push(Route { method: method.to_uppercase(), names_something: filled != *path || body.is_some(), path: filled, body });
        }
    }
    assert!(routes.len() >= 8, "{routes:?}");
    routes
}

async fn furnished() -> (World, ConnectionId, Vec<Route>) {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let attempt = world.begin(&id).await.attempt;
    let routes = routes(&world, &id, &attempt).await;
    (world, id, routes)
}

/// Sends a route's request with this Authorization header, or without.
async fn ask(world: &World, route: &Route, authorization: Option<&str>) -> Answer {
    let mut request = Request::builder().method(route.method.as_str()).uri(&route.path);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let request = match &route.body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    world.send(request.expect("a request")).await
}

fn assert_problem(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.json()["status"], status, "{what}");
    assert!(answer.json()["type"].as_str().is_some_and(|kind| kind.starts_with("urn:evergrant:problem:")), "{what}");
}

#[tokio::test]
async fn another_customer_finds_nothing_on_any_route() {
    let (world, id, routes) = furnished().await;
    let before = world.engine.items().await.len();
    for route in routes.iter().filter(|route| route.names_something) {
        let answer = world.call("globex", &route.method, &route.path, route.body.as_ref()).await;
        assert_problem(&answer, 404, &format!("{route:?}"));
    }
    let list = world.call("globex", "GET", "/v1/connections", None).await.json();
    assert_eq!(list, json!({"connections": []}));
    assert_eq!(world.engine.items().await.len(), before, "nothing was written");
    assert_eq!(world.health(&id).await, "healthy");
}

#[tokio::test]
async fn a_strangers_answer_tells_nothing_that_nobodys_does_not() {
    let (world, id, _) = furnished().await;
    let others = world.call("globex", "GET", &format!("/v1/connections/{id}"), None).await;
    let nobodys = world.call("globex", "GET", "/v1/connections/con-00000000000000000000000000", None).await;
    assert_eq!((others.status, others.text), (nobodys.status, nobodys.text));
}

#[tokio::test]
async fn no_route_answers_without_a_token() {
    let (world, _, routes) = furnished().await;
    for route in &routes {
        for value in [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Basic YTpi"), Some("Bearer a.b.c")] {
            let answer = ask(&world, route, value).await;
            assert_problem(&answer, 401, &format!("{route:?} {value:?}"));
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[tokio::test]
async fn no_route_answers_without_its_scope() {
    let (world, _, routes) = furnished().await;
    let poor = format!("Bearer {}", world.backend.token("acme", "", world.now()));
    for route in &routes {
        assert_problem(&ask(&world, route, Some(&poor)).await, 403, &format!("{route:?}"));
    }
    for scope in ALL_SCOPES.split(' ') {
        let token = format!("Bearer {}", world.backend.token("acme", scope, world.now()));
        let mut passed = 0;
        for route in &routes {
            passed += usize::from(ask(&world, route, Some(&token)).await.status != 403);
        }
        assert!(passed > 0 && passed < routes.len(), "{scope} opens {passed} of {} routes", routes.len());
    }
}

/// Tokens that are not the backend's word, each with why.
fn bad_tokens(world: &World) -> Vec<(&'static str, String)> {
    let now = world.now().as_second();
    let good = world.backend.claims("acme", ALL_SCOPES, world.now());
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        world.backend.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("claims are an object").remove(name);
        world.backend.sign(&claims)
    };
    let symmetric = |kid: &str, secret: &[u8]| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(secret)).expect("claims can be signed")
    };
    let unsigned = |header: Value| {
        use base64::Engine as _;
        let encode = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", encode(&header), encode(&good))
    };
    let stranger = system_tests::caller::Backend::start();
    vec![
        ("expired", with("exp", json!(now - 61))),
        ("from the future", with("iat", json!(now + 300))),
        ("too long", with("exp", json!(now + 901))),
        ("too long by its past", with("iat", json!(now - 100_000))),
        ("another audience", with("aud", json!("somebody"))),
        ("no audience", without("aud")),
        ("no end", without("exp")),
        ("no beginning", without("iat")),
        ("no subject", without("sub")),
        ("no customer", without("customer")),
        ("a customer that breaks keys", with("customer", json!("a#b"))),
        ("a customer that is a list", with("customer", json!(["acme"]))),
        ("an end that is a text", with("exp", json!("tomorrow"))),
        ("unsigned", unsigned(json!({"alg": "none", "typ": "JWT", "kid": KEY_ID}))),
        ("unsigned, said otherwise", unsigned(json!({"alg": "EdDSA", "typ": "JWT", "kid": KEY_ID}))),
        ("the public key as a secret", symmetric(KEY_ID, world.backend.public.as_bytes())),
        ("an unknown key", world.backend.sign_as("nobody", &good)),
        ("another's key by our name", stranger.sign(&good)),
    ]
}

#[tokio::test]
async fn a_token_that_is_not_the_backends_word_is_refused() {
    let (world, id, _) = furnished().await;
    let mut told = Vec::new();
    for (why, token) in bad_tokens(&world) {
        let request = Request::get(format!("/v1/connections/{id}")).header("authorization", format!("Bearer {token}"));
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_problem(&answer, 401, why);
        assert!(!answer.text.contains(&token), "{why}");
        told.push(json!({"token": why, "detail": answer.json()["detail"]}));
    }
    insta::assert_json_snapshot!("bad_tokens", told);
}

#[tokio::test]
async fn a_token_ends_in_the_middle_of_a_story() {
    let (world, id, _) = furnished().await;
    let token = format!("Bearer {}", world.backend.token("acme", ALL_SCOPES, world.now()));
    let route = Route { method: "GET".to_owned(), path: format!("/v1/connections/{id}"), body: None, names_something: true };
    assert_eq!(ask(&world, &route, Some(&token)).await.status, 200);
    world.pass(jiff::SignedDuration::from_secs(661));
    assert_problem(&ask(&world, &route, Some(&token)).await, 401, "after eleven minutes");
}

#[tokio::test]
async fn only_pages_of_the_portal_may_call_from_a_browser() {
    let world = World::new().await;
    for (origin, expected) in [
        ("https://portal.example", "https://portal.example"),
        ("https://evil.example", ""),
        ("http://portal.example", ""),
        ("https://portal.example.evil.example", ""),
        ("null", ""),
    ] {
        let preflight = Request::builder().method("OPTIONS").uri("/v1/connections").header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "GET");
        let preflight = preflight.header("access-control-request-headers", "authorization,content-type");
        let answer = world.send(preflight.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), expected, "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{origin}: no cookies");
        let plain = Request::get("/v1/connections").header("origin", origin).body(Body::empty()).unwrap();
        assert_eq!(world.send(plain).await.header("access-control-allow-origin"), expected, "{origin}");
    }
}
