//! Who may call: a customer's own token, and nothing else. The routes are those of the API's own description, so that a new one is held
//! against these rules without being named here.

use axum::body::Body;
use domain::ids::ConnectionId;
use entra_simulator::{Act, PhotoPlace};
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
    /// Whether the operator's server may take it.
    for_servers: bool,
}

/// Every route that wants a caller, filled with the ids of a connection, an attempt and a contact.
async fn routes(world: &World, id: &ConnectionId, (attempt, contact): (&str, &str)) -> Vec<Route> {
    let document = world.get("/v1/openapi.json").await.json();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("a description has paths") {
        for (method, operation) in operations.as_object().expect("a path has operations") {
            if operation.get("security").is_none() {
                continue;
            }
            let person = world.admin.to_string();
            let mut filled = path.replace("{connection}", id.as_str()).replace("{attempt}", attempt).replace("{person}", &person);
            filled = filled.replace("{contact}", contact);
            assert!(!filled.contains('{'), "teach this story what {path} names");
            if path.ends_with("/find") {
                filled.push_str("?mail=ada@contoso.example");
            }
            let body = operation.get("requestBody").map(|_| match path.rsplit('/').next() {
                Some("attributes") => json!({"attributes": ["mail"]}),
                Some("lookup") => json!({"people": [{"id": person}]}),
                Some("audience") => json!({"contacts": []}),
                _ => json!({"connection": id}),
            });
            let security = operation["security"].as_array().expect("whoever may call is listed");
            routes.push(Route {
                method: method.to_uppercase(),
                // Each caller has an audience of its own, which no path and no body names.
                names_something: filled != *path || (body.is_some() && path != "/v1/audience"),
                for_servers: security.iter().any(|scheme| scheme.get("server").is_some()),
                path: filled,
                body,
            });
        }
    }
    assert!(routes.len() >= 8, "{routes:?}");
    routes
}

async fn furnished() -> (World, ConnectionId, Vec<Route>) {
    let world = World::with_people(3).await;
    world.work(Act::GivePhoto { user: world.admin, image: None, side: None, place: PhotoPlace::Mailbox });
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    let attempt = world.begin(&id).await.attempt;
    let audience = json!({"contacts": [{"mail": "it@contoso.example", "kinds": ["deaths"]}]});
    let audience = world.call("acme", "PUT", "/v1/audience", Some(&audience)).await.json();
    let contact = audience["contacts"][0]["id"].as_str().expect("a contact").to_owned();
    let routes = routes(&world, &id, (&attempt, &contact)).await;
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
async fn a_server_reads_of_the_customer_that_its_token_names_and_does_nothing_else() {
    let (world, _, routes) = furnished().await;
    let before = world.engine.items().await.len();
    assert!(routes.iter().filter(|route| route.for_servers).count() >= 7, "{routes:?}");
    for route in &routes {
        let ask = async |customer: &str| {
            let token = world.servers.token(customer, ALL_SCOPES, world.now());
            ask(&world, route, Some(&format!("Bearer {token}"))).await
        };
        let (own, foreign) = (ask("acme").await, ask("globex").await);
        match (route.for_servers, route.names_something) {
            (false, _) => {
                assert_problem(&own, 403, &format!("{route:?}"));
                assert_problem(&foreign, 403, &format!("{route:?}"));
            }
            (true, is_named) => {
                assert_eq!(own.status, 200, "{route:?}: {}", own.text);
                match is_named {
                    true => assert_problem(&foreign, 404, &format!("{route:?}")),
                    // What can be synced is the same for everybody.
                    false if route.path == "/v1/attributes" => assert_eq!(foreign.json(), own.json()),
                    false if route.path == "/v1/audience" => assert_eq!(foreign.json()["contacts"], json!([])),
                    false => assert_eq!(foreign.json(), json!({"connections": []})),
                }
            }
        }
    }
    assert_eq!(world.engine.items().await.len(), before, "nothing was written");
}

#[tokio::test]
async fn a_token_of_one_kind_is_none_of_the_other() {
    let (world, id, _) = furnished().await;
    let now = world.now();
    let as_kind = |audience: &str| {
        let mut claims = world.backend.claims("acme", ALL_SCOPES, now);
        claims["aud"] = json!(audience);
        claims
    };
    for (what, token, expected) in [
        ("the portal's own", world.backend.sign(&as_kind("evergrant")), 200),
        ("the server's own", world.servers.sign(&as_kind("evergrant-server")), 200),
        ("the portal's key for a server", world.backend.sign(&as_kind("evergrant-server")), 401),
        ("the server's key for a portal user", world.servers.sign(&as_kind("evergrant")), 401),
    ] {
        let route = Route {
            method: "GET".to_owned(),
            path: format!("/v1/connections/{id}/people"),
            body: None,
            names_something: true,
            for_servers: true,
        };
        let answer = ask(&world, &route, Some(&format!("Bearer {token}"))).await;
        assert_eq!(answer.status, expected, "{what}: {}", answer.text);
    }
    // For both audiences at once, it is what its key makes it.
    let mut claims = as_kind("evergrant");
    claims["aud"] = json!(["evergrant", "evergrant-server"]);
    let route = Route {
        method: "POST".to_owned(),
        path: format!("/v1/connections/{id}/sync"),
        body: None,
        names_something: true,
        for_servers: false,
    };
    assert_eq!(ask(&world, &route, Some(&format!("Bearer {}", world.servers.sign(&claims)))).await.status, 403);
    assert_eq!(ask(&world, &route, Some(&format!("Bearer {}", world.backend.sign(&claims)))).await.status, 202);
}

#[test]
fn a_key_that_would_sign_for_both_kinds_is_refused_at_the_start() {
    let keys = system_tests::caller::Backend::start().key_set();
    let callers = portal_api::Callers::from_jwks(&keys).and_then(|callers| callers.and_servers(&keys));
    let refused = callers.err().map(|error| error.to_string());
    assert_eq!(refused.as_deref(), Some("key \"backend-1\" must not be among the keys of the portal's callers as well"));
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
    let route =
        Route { method: "GET".to_owned(), path: format!("/v1/connections/{id}"), body: None, names_something: true, for_servers: true };
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
