//! How people are read: one, many at once, page by page, and who changed since; always with provenance and age, and only when it is news.

use axum::body::Body;
use domain::ids::ConnectionId;
use entra_simulator::{Act, Role};
use http::Request;
use jiff::SignedDuration;
use portal_api::{Rate, Rates};
use serde_json::{Value, json};
use system_tests::caller::ALL_SCOPES;
use system_tests::engine::{Lost, PEOPLE};
use system_tests::world::person;
use system_tests::{Answer, World};
use uuid::Uuid;

/// Everybody's address.
pub(crate) fn people(id: &ConnectionId, rest: &str) -> String {
    format!("/v1/connections/{id}/people{rest}")
}

/// The path of a search by one parameter.
fn find(id: &ConnectionId, name: &str, value: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    people(id, &format!("/find?{query}"))
}

/// Reads a path while holding what an earlier answer's tag stands for.
async fn ask_again(world: &World, path: &str, tags: &str) -> Answer {
    let token = world.backend.token("acme", ALL_SCOPES, world.now());
    let request = Request::get(path).header("authorization", format!("Bearer {token}")).header("if-none-match", tags);
    world.send(request.body(Body::empty()).unwrap()).await
}

/// Lets attributes of a person change in the directory.
fn change(world: &World, user: Uuid, properties: &Value) {
    world.work(Act::ChangeUser { user, properties: properties.as_object().cloned().unwrap_or_default() });
}

/// Changes a person's item behind the product's back.
async fn alter(world: &World, id: &ConnectionId, person: Uuid, update: &str) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let request = world.engine.client.update_item().table_name(PEOPLE).update_expression(update);
    let request = request.key("pk", AttributeValue::S(id.to_string())).key("sk", AttributeValue::S(format!("person#{person}")));
    let request = match update.contains(":other") {
        true => request.expression_attribute_values(":other", AttributeValue::S("other@contoso.example".to_owned())),
        false => request,
    };
    request.send().await.expect("the item can be changed");
}

/// Leaves a person out, as the sync does it.
pub(crate) async fn hide(world: &World, id: &ConnectionId, person: Uuid) {
    alter(world, id, person, "REMOVE name_key, mail_key, upn_key").await;
}

#[tokio::test]
async fn one_person_is_told_by_id_by_mail_and_by_user_name_in_any_case() {
    let world = World::with_people(2).await;
    let mut seed = person("Zed", Role::Member);
    seed.mail = Some("Zed.Ünal+tag@mail.example".to_owned());
    seed.user_principal_name = "z_external#EXT#@contoso.example".to_owned();
    let zed = world.simulator.add_user(world.tenant, seed);
    let id = world.connect_and_sync().await;
    let by_id = world.get(&people(&id, &format!("/{zed}"))).await;
    insta::assert_json_snapshot!("one_person", by_id.snapshot());
    for path in [
        people(&id, &format!("/{}", zed.to_string().to_uppercase())),
        find(&id, "mail", "zed.ünal+tag@mail.example"),
        find(&id, "mail", " ZED.ÜNAL+TAG@MAIL.EXAMPLE "),
        find(&id, "user_principal_name", "Z_External#ext#@Contoso.Example"),
    ] {
        assert_eq!(world.get(&path).await.text, by_id.text, "{path}");
        assert_eq!(world.call_from_server("acme", "GET", &path, None).await.text, by_id.text, "{path}");
    }
    for path in [
        people(&id, &format!("/{}", Uuid::from_u128(7))),
        find(&id, "mail", "zed.ünal+tag@mail.exampl"),
        find(&id, "mail", "z_external#EXT#@contoso.example"),
        find(&id, "user_principal_name", "zed.ünal+tag@mail.example"),
    ] {
        let answer = world.get(&path).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["detail"]), (404, &json!("there is no such person")), "{path}");
    }
}

#[tokio::test]
async fn a_managers_name_is_joined() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    let all = world.people(&id).await;
    let managed = all.iter().find(|person| person["manager"]["id"] == json!(world.admin)).expect("somebody's manager is Ada");
    let one = world.get(&people(&id, &format!("/{}", managed["id"].as_str().unwrap()))).await.json();
    assert_eq!(one["person"], *managed);
    assert_eq!(
        (&one["person"]["manager"]["display_name"], &one["person"]["provenance"]["manager"]["source"]),
        (&json!("Ada"), &json!("directory"))
    );
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut valued = names(&one["person"]["attributes"]);
    valued.push("manager".to_owned());
    valued.sort();
    assert_eq!(names(&one["person"]["provenance"]), valued, "every value says where it comes from");
}

#[tokio::test]
async fn an_address_finds_whoever_has_it_now() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    change(&world, world.admin, &json!({"mail": "countess@contoso.example"}));
    world.sync(&id).await;
    assert_eq!(world.get(&find(&id, "mail", "ada@contoso.example")).await.status, 404);
    assert_eq!(world.get(&find(&id, "mail", "countess@contoso.example")).await.json()["person"]["id"], json!(world.admin));
    // The index still says what was: a hint, and no more.
    alter(&world, &id, world.admin, "SET mail_key = :other").await;
    assert_eq!(world.get(&find(&id, "mail", "other@contoso.example")).await.status, 404);
    change(&world, world.admin, &json!({"mail": null}));
    world.sync(&id).await;
    assert_eq!(world.get(&find(&id, "mail", "countess@contoso.example")).await.status, 404);
    assert_eq!(world.get(&find(&id, "user_principal_name", "ada@contoso.example")).await.status, 200);
}

/// Two people with Ada's mail.
async fn doubled() -> (World, ConnectionId, Vec<Uuid>) {
    let world = World::new().await;
    let mut seed = person("Ada's assistant", Role::Member);
    seed.mail = Some("ADA@contoso.example".to_owned());
    let mut both = vec![world.admin, world.simulator.add_user(world.tenant, seed)];
    both.sort();
    let id = world.connect_and_sync().await;
    (world, id, both)
}

#[tokio::test]
async fn a_mail_that_several_people_have_is_refused_with_their_ids() {
    let (world, id, both) = doubled().await;
    let answer = world.get(&find(&id, "mail", "ada@contoso.example")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (409, &json!("urn:evergrant:problem:ambiguous")), "{}", answer.text);
    let mut named: Vec<Uuid> = serde_json::from_value(answer.json()["candidates"].clone()).unwrap();
    named.sort();
    assert_eq!(named, both);
    assert!(both.iter().all(|id| answer.json()["detail"].as_str().unwrap().contains(&id.to_string())), "{}", answer.text);
    let asked = json!({"people": [{"mail": "Ada@contoso.example"}]});
    let answer = world.post(&people(&id, "/lookup"), &asked).await.json();
    assert_eq!((&answer["answers"][0]["outcome"], answer["answers"][0].get("person")), (&json!("ambiguous"), None));
    assert_eq!(answer["answers"][0]["candidates"].as_array().map(Vec::len), Some(2));
    // Of two, one of whom is hidden, one is meant.
    hide(&world, &id, both[0]).await;
    assert_eq!(world.get(&find(&id, "mail", "ada@contoso.example")).await.json()["person"]["id"], json!(both[1]));
}

#[tokio::test]
async fn a_hundred_people_are_told_at_once_and_each_key_is_answered() {
    let world = World::with_people(160).await;
    let id = world.connect_and_sync().await;
    let all: Vec<Value> = world.people(&id).await.into_iter().filter(|person| person["attributes"]["mail"].is_string()).collect();
    let key = |(place, person): (usize, &Value)| match place % 3 {
        0 => json!({"id": person["id"]}),
        1 => json!({"mail": person["attributes"]["mail"]}),
        _ => json!({"user_principal_name": person["attributes"]["userPrincipalName"].as_str().unwrap().to_uppercase()}),
    };
    let mut keys: Vec<Value> = all.iter().take(96).enumerate().map(key).collect();
    keys.extend([
        keys[0].clone(),
        json!({"mail": all[0]["attributes"]["mail"]}),
        json!({"mail": "nobody@x"}),
        json!({"id": Uuid::from_u128(7)}),
    ]);
    world.engine.meter.reset();
    let answer = world.call_from_server("acme", "POST", &people(&id, "/lookup"), Some(&json!({"people": keys}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.header("etag"), answer.header("cache-control")), ("", "private, no-store"));
    assert!(world.engine.meter.count("BatchGetItem") <= 4, "people and managers are read a hundred at a time");
    let answer = answer.json();
    let answers = answer["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 100);
    for (place, person) in all.iter().take(96).chain([&all[0], &all[0]]).enumerate() {
        assert_eq!((&answers[place]["outcome"], &answers[place]["person"]), (&json!("found"), person), "{place}");
    }
    for (answer, key) in answers.iter().zip(&keys) {
        assert_eq!(answer["asked"], *key);
    }
    for missing in &answers[98..] {
        assert_eq!((&missing["outcome"], missing.get("person"), missing.get("candidates")), (&json!("not-found"), None, None));
    }
    assert!(answer["data"]["as_of"].is_string());
}

#[tokio::test]
async fn what_a_reader_gets_wrong_is_named_with_its_bound() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let path = |rest: &str| ("GET", people(&id, rest), None);
    let look_up = |body: Value| ("POST", people(&id, "/lookup"), Some(body));
    let key = json!({"mail": "ada@contoso.example"});
    let mut told = Vec::new();
    for (method, path, body) in [
        path("/ada"),
        path("/%FF"),
        path("/find"),
        path("/find?mail=a&user_principal_name=b"),
        path("/find?mail="),
        path("/find?mail=%20"),
        path(&format!("/find?user_principal_name={}", "x".repeat(1025))),
        path("/find?mial=a"),
        path("/changes?cursor="),
        path("/changes?cursor=***"),
        path("/changes?limit=0"),
        path("/changes?limit=101"),
        path("/changes?since=yesterday"),
        look_up(json!({})),
        look_up(json!({"people": []})),
        look_up(json!({"people": vec![key.clone(); 101]})),
        look_up(json!({"people": [key.clone(), {}]})),
        look_up(json!({"people": [key.clone(), key.clone(), {"mail": "a", "id": world.admin}]})),
        look_up(json!({"people": [{"mail": ""}]})),
        look_up(json!({"people": [{"user_principal_name": "x".repeat(1025)}]})),
        look_up(json!({"people": [{"id": "ada"}]})),
        look_up(json!({"people": [{"name": "ada"}]})),
        look_up(json!({"people": [key.clone()], "limit": 3})),
    ] {
        let answer = world.call("acme", method, &path, body.as_ref()).await;
        assert_eq!(answer.status, 422, "{method} {path} {body:?}: {}", answer.text);
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/problem+json", "no-store"));
        let shown = path.replace(id.as_str(), "{id}").replace(&"x".repeat(1025), "xxx...");
        let body = body.map(|body| body.to_string().replace(&world.admin.to_string(), "{ada}"));
        let body = body.map(|body| body.chars().take(120).collect::<String>());
        told.push(json!({"request": format!("{method} {shown}"), "body": body, "answer": answer.json()}));
    }
    insta::assert_json_snapshot!("wrong_questions", told);
}

#[tokio::test]
async fn whoever_is_hidden_is_nobody_to_readers() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    let all = world.people(&id).await;
    let managed = all.iter().find(|person| person["manager"]["id"] == json!(world.admin)).expect("somebody's manager is Ada");
    hide(&world, &id, world.admin).await;
    assert_eq!(world.get(&people(&id, &format!("/{}", world.admin))).await.status, 404);
    assert_eq!(world.get(&find(&id, "mail", "ada@contoso.example")).await.status, 404);
    assert_eq!(world.get(&find(&id, "user_principal_name", "ada@contoso.example")).await.status, 404);
    let asked = json!({"people": [{"id": world.admin}, {"mail": "ada@contoso.example"}]});
    let answer = world.post(&people(&id, "/lookup"), &asked).await.json();
    assert!(answer["answers"].as_array().unwrap().iter().all(|answer| answer["outcome"] == "not-found"), "{answer}");
    assert_eq!(world.people(&id).await.len(), all.len() - 1);
    assert_eq!(world.get(&people(&id, "?search=ada")).await.json()["people"], json!([]));
    let one = world.get(&people(&id, &format!("/{}", managed["id"].as_str().unwrap()))).await.json();
    assert_eq!(one["person"]["manager"], json!({"id": world.admin}), "that there is a manager is the other person's attribute");
}

/// Every route that answers with a tag.
fn tagged(world: &World, id: &ConnectionId) -> [String; 5] {
    [
        people(id, ""),
        people(id, "?search=ada&limit=5"),
        people(id, &format!("/{}", world.admin)),
        find(id, "mail", "ada@contoso.example"),
        people(id, "/changes"),
    ]
}

#[tokio::test]
async fn whoever_holds_the_answer_already_is_told_so_and_no_more() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    for path in tagged(&world, &id) {
        let first = world.get(&path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{path}: {tag}");
        assert_eq!((first.status.as_u16(), first.header("cache-control")), (200, "private, no-cache"), "{path}");
        for tags in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = ask_again(&world, &path, &tags).await;
            assert_eq!((again.status.as_u16(), again.text.as_str(), again.header("etag")), (304, "", tag.as_str()), "{path} {tags}");
            assert_eq!(again.header("cache-control"), "private, no-cache", "{path}");
        }
        let other = ask_again(&world, &path, "\"other\"").await;
        assert_eq!((other.status.as_u16(), &other.text), (200, &first.text), "{path}");
    }
    assert_eq!(ask_again(&world, &people(&id, &format!("/{}", Uuid::from_u128(7))), "*").await.status, 404, "nobody is held by nobody");
}

#[tokio::test]
async fn a_tag_changes_with_the_person_and_with_the_age_of_the_data() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let path = people(&id, &format!("/{}", world.admin));
    let mut tag = world.get(&path).await.header("etag").to_owned();
    let mut is_news = async |what: &str| {
        let answer = ask_again(&world, &path, &tag).await;
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(ask_again(&world, &path, answer.header("etag")).await.status, 304, "{what}, told once");
        tag = answer.header("etag").to_owned();
        answer.json()
    };
    let before = world.get(&path).await.json();
    world.sync(&id).await;
    let aged = is_news("another round").await;
    assert!(aged["data"]["as_of"].as_str() > before["data"]["as_of"].as_str() && aged["person"] == before["person"], "{aged}");
    change(&world, world.admin, &json!({"jobTitle": "Countess"}));
    world.sync(&id).await;
    assert_eq!(is_news("another job").await["person"]["attributes"]["jobTitle"], "Countess");
    world.work(Act::ResetAdminPassword { user: world.admin });
    world.verdict(&id).await;
    world.sync(&id).await;
    let stale = is_news("a sync that fails").await;
    assert!(stale["data"]["stale_since"].is_string(), "{stale}");
    assert_eq!(stale["person"]["attributes"]["jobTitle"], "Countess", "the last good data is served all the while");
}

#[tokio::test]
async fn every_answer_says_how_old_it_is_and_since_when_it_falls_behind() {
    let world = World::with_people(1).await;
    let id = world.create("acme").await;
    let asked = json!({"people": [{"mail": "ada@contoso.example"}]});
    let ages = async || {
        let mut ages = vec![world.post(&people(&id, "/lookup"), &asked).await.json()["data"].clone()];
        for path in tagged(&world, &id) {
            let answer = world.get(&path).await;
            // Before the first round there is nobody yet.
            ages.extend(answer.status.is_success().then(|| answer.json()["data"].clone()));
        }
        ages
    };
    let before = ages().await;
    assert_eq!((before.len(), before.iter().all(|age| age.get("as_of").is_none())), (3, true), "{before:?}");
    world.consent(&id).await;
    world.drain().await;
    let fresh = ages().await;
    assert_eq!((fresh.len(), fresh.iter().all(|age| age["as_of"].is_string() && age.get("stale_since").is_none())), (6, true), "{fresh:?}");
    world.work(Act::WithdrawConsent);
    world.verdict(&id).await;
    world.sync(&id).await;
    let stale = ages().await;
    let is_stale = |age: &Value| age["as_of"] == fresh[0]["as_of"] && age["stale_since"].is_string();
    assert_eq!((stale.len(), stale.iter().all(is_stale)), (6, true), "{stale:?}");
}

#[tokio::test]
async fn reading_one_person_costs_four_small_reads() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let managed = world.people(&id).await.into_iter().find(|person| person.get("manager").is_some()).unwrap();
    world.engine.meter.reset();
    world.get(&people(&id, &format!("/{}", managed["id"].as_str().unwrap()))).await;
    let counts = ["GetItem", "BatchGetItem", "Query"].map(|operation| world.engine.meter.count(operation));
    assert_eq!(counts, [2, 2, 0], "connection and walk, person and manager");
    world.engine.meter.reset();
    world.get(&find(&id, "mail", managed["attributes"]["mail"].as_str().unwrap())).await;
    let counts = ["GetItem", "BatchGetItem", "Query"].map(|operation| world.engine.meter.count(operation));
    assert_eq!(counts, [2, 2, 1], "and one look into the index");
}

#[tokio::test]
async fn an_index_that_does_not_answer_is_told_as_unavailable_without_the_address() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.engine.meter.lose("Query", 0, Lost::Request);
    let answer = world.get(&find(&id, "mail", "ada@contoso.example")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
    assert!(!answer.text.contains("ada"), "{}", answer.text);
}

const NARROW: Rates = Rates { portal: Rate { per_minute: 6, burst: 2 }, server: Rate { per_minute: 60, burst: 3 } };

#[tokio::test]
async fn whoever_asks_too_often_waits_as_long_as_is_said() {
    let mut world = World::new().await;
    let id = world.connect_and_sync().await;
    world.limit(NARROW);
    let path = people(&id, &format!("/{}", world.admin));
    for _ in 0..2 {
        assert_eq!(world.get(&path).await.status, 200);
    }
    let refused = world.get(&path).await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (429, "application/problem+json"));
    assert_eq!((refused.header("retry-after"), &refused.json()["type"]), ("10", &json!("urn:evergrant:problem:too-many-requests")));
    assert_eq!(world.get("/v1/connections").await.status, 429, "the routes share");
    assert_eq!(world.call("globex", "GET", "/v1/connections", None).await.status, 200, "customers do not");
    for expected in [200, 200, 200, 429] {
        let answer = world.call_from_server("acme", "GET", &path, None).await;
        assert_eq!(answer.status, expected, "nor do servers and portal users: {}", answer.text);
    }
    world.pass(SignedDuration::from_secs(9));
    assert_eq!(world.get(&path).await.status, 429);
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.get(&path).await.status, 200);
    assert_eq!(world.get(&path).await.status, 429);
}

#[tokio::test]
async fn a_token_that_is_refused_takes_nothing_from_the_customer() {
    let mut world = World::new().await;
    let id = world.connect_and_sync().await;
    world.limit(NARROW);
    let stranger = system_tests::caller::Backend::start().token("acme", ALL_SCOPES, world.now());
    for _ in 0..5 {
        let request = Request::get(people(&id, "")).header("authorization", format!("Bearer {stranger}"));
        assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 401);
    }
    assert_eq!(world.get(&people(&id, "")).await.status, 200);
}
