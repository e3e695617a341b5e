//! What callers get wrong, and how people are found.

use axum::body::Body;
use entra_simulator::Role;
use http::Request;
use serde_json::{Value, json};
use system_tests::caller::ALL_SCOPES;
use system_tests::world::person;
use system_tests::{Answer, World};

#[tokio::test]
async fn a_wrong_field_is_named_with_its_bound_and_changes_nothing() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let people = |query: &str| ("GET", format!("/v1/connections/{id}/people?{query}"), None);
    let begin = |body: Value| ("POST", "/v1/reconnect-attempts".to_owned(), Some(body));
    let before = world.engine.items().await.len();
    let mut told = Vec::new();
    for (method, path, body) in [
        people("limit=0"),
        people("limit=101"),
        people("limit=256"),
        people("limit=-1"),
        people("limit=ten"),
        people(&format!("search={}", "x".repeat(101))),
        people("cursor=***"),
        people("cursor="),
        people("cursor=_w"),
        people("serach=ada"),
        people("limit=1&limit=2"),
        ("GET", "/v1/connections/a%20b".to_owned(), None),
        ("GET", format!("/v1/connections/{}", "x".repeat(129)), None),
        ("GET", "/v1/reconnect-attempts/a%23b".to_owned(), None),
        ("DELETE", "/v1/reconnect-attempts/%00".to_owned(), None),
        begin(json!({})),
        begin(json!({"connection": ""})),
        begin(json!({"connection": 7})),
        begin(json!({"connection": id, "chose_account": true})),
        begin(json!({"connection": id, "choose_account": "yes"})),
        begin(json!({"connection": id, "return_url": "https://evil.example/"})),
        begin(json!([])),
    ] {
        let answer = world.call("acme", method, &path, body.as_ref()).await;
        assert_eq!(answer.status, 422, "{method} {path} {body:?}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let shown = path.replace(id.as_str(), "{id}").replace(&"x".repeat(101), "xxx...").replace(&"x".repeat(129), "xxx...");
        let body = body.map(|body| body.to_string().replace(id.as_str(), "{id}"));
        told.push(json!({"request": format!("{method} {shown}"), "body": body, "answer": answer.json()}));
    }
    assert_eq!(world.engine.items().await.len(), before, "nothing was written");
    insta::assert_json_snapshot!("wrong_fields", told);
}

/// Sends bytes that are no request of ours.
async fn raw(world: &World, request: http::request::Builder, body: impl Into<Body>) -> Answer {
    let token = world.backend.token("acme", ALL_SCOPES, world.now());
    world.send(request.header("authorization", format!("Bearer {token}")).body(body.into()).expect("a request")).await
}

#[tokio::test]
async fn every_refusal_is_a_problem_document() {
    let world = World::new().await;
    let id = world.connect().await;
    let begin = || Request::post("/v1/reconnect-attempts");
    let json = "application/json";
    for (what, answer, status) in [
        ("no such route", raw(&world, Request::get("/v1/nothing"), "").await, 404),
        ("the root", raw(&world, Request::get("/"), "").await, 404),
        ("a slash too many", raw(&world, Request::get("/v1/connections/"), "").await, 404),
        ("a wrong method", raw(&world, Request::put("/v1/connections"), "").await, 405),
        ("a wrong method", raw(&world, Request::delete(format!("/v1/connections/{id}")), "").await, 405),
        ("a wrong method", raw(&world, Request::post("/v1/openapi.json"), "").await, 405),
        ("an id that is no text", raw(&world, Request::get("/v1/connections/%FF"), "").await, 422),
        ("an id that is no text", raw(&world, Request::get("/v1/connections/%FF/people"), "").await, 422),
        ("no body", raw(&world, begin().header("content-type", json), "").await, 422),
        ("half a body", raw(&world, begin().header("content-type", json), "{").await, 422),
        ("a body of no kind", raw(&world, begin(), format!(r#"{{"connection":"{id}"}}"#)).await, 422),
        ("a form", raw(&world, begin().header("content-type", "application/x-www-form-urlencoded"), "connection=a").await, 422),
        ("a huge body", raw(&world, begin().header("content-type", json), format!("\"{}\"", "x".repeat(3_000_000))).await, 422),
    ] {
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}: {}", answer.text);
        assert_eq!(answer.json()["status"], status, "{what}");
        assert!(!answer.header("x-request-id").is_empty(), "{what}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own() {
    let world = World::new().await;
    let id = world.connect().await;
    let mut ids = std::collections::BTreeSet::new();
    for path in [
        "/v1/connections".to_owned(),
        format!("/v1/connections/{id}"),
        "/v1/openapi.json".to_owned(),
        "/v1/consent/callback".to_owned(),
        "/x".to_owned(),
    ] {
        assert!(ids.insert(world.get(&path).await.header("x-request-id").to_owned()), "{path}");
    }
    assert!(ids.iter().all(|id| id.len() >= 16), "{ids:?}");
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_unavailable() {
    let world = World::new().await;
    let id = world.connect().await;
    world.engine.meter.lose("GetItem", 0, system_tests::engine::Lost::Request);
    let answer = world.get(&format!("/v1/connections/{id}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
    assert!(!answer.text.contains("story"), "what failed inside is not told: {}", answer.text);
}

#[tokio::test]
async fn pages_visit_everybody_once_and_in_order() {
    let world = World::with_people(57).await;
    let id = world.connect_and_sync().await;
    for limit in [1, 7, 50, 100] {
        let mut names = Vec::new();
        let mut ids = std::collections::BTreeSet::new();
        let mut cursor = String::new();
        for _ in 0..60 {
            let page = world.get(&format!("/v1/connections/{id}/people?limit={limit}{cursor}")).await.json();
            let people = page["people"].as_array().expect("a page has people");
            assert!(people.len() <= limit);
            for person in people {
                assert!(ids.insert(person["id"].to_string()), "{person} comes twice");
                names.push(person["attributes"]["displayName"].as_str().unwrap_or_default().to_lowercase());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(ids.len(), 58, "limit {limit}");
        assert!(names.is_sorted(), "limit {limit}: {names:?}");
    }
}

async fn found(world: &World, id: &domain::ids::ConnectionId, search: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
    let page = world.get(&format!("/v1/connections/{id}/people?{query}")).await.json();
    let people = page["people"].as_array().unwrap_or_else(|| panic!("people, not {page}"));
    people.iter().map(|person| person["attributes"]["displayName"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn people_are_found_by_name_in_any_script_by_mail_and_by_user_name() {
    let world = World::new().await;
    for name in ["Łukasz Żółć", "ÅSE Ørsted", "王秀英", "नीला", "נועה לוי", "Ωmega", "O'Brien \"Bo\" %_*"] {
        let mut seed = person("x", Role::Member);
        seed.display_name = name.to_owned();
        world.simulator.add_user(world.tenant, seed);
    }
    let mut odd = person("Zed", Role::Member);
    odd.mail = Some("first.last+tag@mail.example".to_owned());
    odd.user_principal_name = "z_external#EXT#@contoso.example".to_owned();
    world.simulator.add_user(world.tenant, odd);
    let id = world.connect_and_sync().await;
    for (search, expected) in [
        ("łUKASZ", "Łukasz Żółć"),
        ("żÓłć", "Łukasz Żółć"),
        ("åse ø", "ÅSE Ørsted"),
        ("秀", "王秀英"),
        ("नी", "नीला"),
        ("לוי", "נועה לוי"),
        ("ωMEGA", "Ωmega"),
        ("%_*", "O'Brien \"Bo\" %_*"),
        ("\"bo\"", "O'Brien \"Bo\" %_*"),
        ("first.last+tag@", "Zed"),
        ("#ext#", "Zed"),
        ("  zed  ", "Zed"),
    ] {
        assert_eq!(found(&world, &id, search).await, [expected], "{search}");
    }
    assert_eq!(found(&world, &id, "nobody at all").await, [""; 0]);
    assert_eq!(found(&world, &id, "   ").await.len(), 9, "spaces search for nothing");
}

#[tokio::test]
async fn a_search_goes_on_over_pages() {
    let world = World::with_people(40).await;
    let id = world.connect_and_sync().await;
    let all = found(&world, &id, "contoso").await;
    let mut met = Vec::new();
    let mut cursor = String::new();
    for _ in 0..50 {
        let page = world.get(&format!("/v1/connections/{id}/people?search=contoso&limit=3{cursor}")).await.json();
        met.extend(
            page["people"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|person| person["attributes"]["displayName"].as_str().unwrap_or_default().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(met, all);
    assert!(met.len() > 30, "{}", met.len());
}

#[tokio::test]
async fn a_connection_that_waits_for_consent_is_not_made_twice() {
    let world = World::new().await;
    let first = world.create("acme").await;
    assert_eq!(world.create("acme").await, first);
    world.consent(&first).await;
    world.pass(jiff::SignedDuration::from_secs(1));
    let second = world.create("acme").await;
    assert_ne!(second, first, "one customer may connect several tenants");
    let list = world.get("/v1/connections").await.json();
    let ids: Vec<&Value> = list["connections"].as_array().into_iter().flatten().map(|connection| &connection["id"]).collect();
    assert_eq!(ids, [&json!(first), &json!(second)]);
}

#[tokio::test]
async fn a_broken_connection_does_not_sync_on_demand() {
    let world = World::new().await;
    let id = world.create("acme").await;
    let answer = world.post(&format!("/v1/connections/{id}/sync"), &json!({})).await;
    insta::assert_json_snapshot!("no_sync_before_consent", answer.snapshot());
    world.consent(&id).await;
    let answer = world.post(&format!("/v1/connections/{id}/sync"), &json!({})).await;
    assert_eq!(answer.status, 202);
}
