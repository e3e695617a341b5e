//! The API's own description, held against what it answers.

use entra_simulator::Act;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::{Answer, World};

async fn document(world: &World) -> Value {
    world.get("/v1/openapi.json").await.json()
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_tells_every_route() {
    let world = World::new().await;
    let document = document(&world).await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    assert_eq!(document["servers"][0]["url"], "https://api.example");
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let answers: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
            routes.push(json!({"route": format!("{} {path}", method.to_uppercase()), "answers": answers, "secured": operation.get("security").is_some()}));
        }
    }
    insta::assert_json_snapshot!("routes", routes);
}

#[tokio::test]
async fn every_route_that_is_described_is_there() {
    let world = World::new().await;
    world.work(Act::GivePhotos { count: 1 });
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    let attempt = world.begin(&id).await.attempt;
    let audience = json!({"contacts": [{"mail": "it@contoso.example", "kinds": ["deaths"]}]});
    let audience = world.call("acme", "PUT", "/v1/audience", Some(&audience)).await.json();
    let contact = audience["contacts"][0]["id"].as_str().expect("a contact").to_owned();
    for (path, operations) in document(&world).await["paths"].as_object().unwrap() {
        let path = path.replace("{connection}", id.as_str()).replace("{attempt}", &attempt);
        let path = path.replace("{person}", &world.admin.to_string()).replace("{contact}", &contact);
        for method in operations.as_object().unwrap().keys() {
            let answer = world.call("acme", &method.to_uppercase(), &path, None).await;
            assert!(![404, 405].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.text);
        }
    }
}

/// Every `$ref` of the document leads somewhere.
#[tokio::test]
async fn the_description_refers_to_nothing_that_is_not_there() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let world = World::new().await;
    let document = document(&world).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads outside"));
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// What an answer breaks of the schema that the description gives it.
fn broken(document: &Value, operation: (&str, &str), answer: &Answer) -> Vec<String> {
    let (method, path) = operation;
    let responses = &document["paths"][path][method]["responses"];
    let status = answer.status.as_u16().to_string();
    let class = format!("{}XX", &status[..1]);
    let described = responses.get(&status).or_else(|| responses.get(&class));
    let described = described.unwrap_or_else(|| panic!("{method} {path} does not describe {status}"));
    let kind = answer.header("content-type").to_owned();
    let mut schema = described["content"][&kind]["schema"].clone();
    assert!(schema.is_object(), "{method} {path} does not describe {kind} of {status}");
    schema["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).expect("the description's schema is one");
    let body = answer.json();
    validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[tokio::test]
async fn a_photo_is_answered_as_a_kind_that_is_described() {
    let world = World::new().await;
    world.work(Act::GivePhotos { count: 1 });
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    let answer = world.photo(&id, world.admin).await;
    let document = document(&world).await;
    let described = &document["paths"]["/v1/connections/{connection}/people/{person}/photo"]["get"]["responses"];
    assert!(described["200"]["content"].get(answer.header("content-type")).is_some(), "{described}");
    assert!(described["200"]["headers"].get("ETag").is_some() && described.get("304").is_some(), "{described}");
}

/// What is answered about who hears.
async fn of_the_audience(world: &World) -> Vec<(&'static str, &'static str, Answer)> {
    let mut met = Vec::new();
    for contacts in [json!([{"webhook": "https://hooks.contoso.example/", "kinds": ["deaths"]}]), json!([{"mail": "nobody", "kinds": []}])]
    {
        let answer = world.call("acme", "PUT", "/v1/audience", Some(&json!({"contacts": contacts}))).await;
        met.push(("put", "/v1/audience", answer));
    }
    let audience = world.get("/v1/audience").await;
    let contact = audience.json()["contacts"][0]["id"].as_str().expect("a contact").to_owned();
    met.push(("get", "/v1/audience", audience));
    let enabled = world.post(&format!("/v1/audience/contacts/{contact}/enable"), &json!({})).await;
    met.push(("post", "/v1/audience/contacts/{contact}/enable", enabled));
    met
}

#[tokio::test]
async fn what_is_answered_is_as_described() {
    let world = World::with_people(12).await;
    let document = document(&world).await;
    let id = world.create("acme").await;
    let begun = world.begin(&id).await;
    let connection = format!("/v1/connections/{id}");
    let attempt = format!("/v1/reconnect-attempts/{}", begun.attempt);
    let mut met = Vec::new();
    let all = async |met: &mut Vec<(&str, &str, Answer)>| {
        met.push(("get", "/v1/connections", world.get("/v1/connections").await));
        met.push(("get", "/v1/connections/{connection}", world.get(&connection).await));
        met.push(("get", "/v1/connections/{connection}/people", world.get(&format!("{connection}/people?limit=5")).await));
        met.push(("get", "/v1/connections/{connection}/attributes", world.get(&format!("{connection}/attributes")).await));
        let people = format!("{connection}/people");
        met.push(("get", "/v1/connections/{connection}/people/{person}", world.get(&format!("{people}/{}", world.admin)).await));
        met.push(("get", "/v1/connections/{connection}/people/find", world.get(&format!("{people}/find?mail=ada@contoso.example")).await));
        let asked = json!({"people": [{"id": world.admin}, {"mail": "nobody@contoso.example"}]});
        met.push(("post", "/v1/connections/{connection}/people/lookup", world.post(&format!("{people}/lookup"), &asked).await));
        met.push(("get", "/v1/connections/{connection}/people/changes", world.get(&format!("{people}/changes")).await));
        met.push(("get", "/v1/reconnect-attempts/{attempt}", world.get(&attempt).await));
    };
    all(&mut met).await;
    world.come_back(&world.accept(&begun)).await;
    all(&mut met).await;
    world.drain().await;
    met.push(("post", "/v1/connections/{connection}/sync", world.post(&format!("{connection}/sync"), &json!({})).await));
    all(&mut met).await;
    world.work(Act::SignInFrequency { seconds: Some(14 * 24 * 3600), enforced: true });
    world.pass(SignedDuration::from_hours(14 * 24 + 1));
    world.check(&id).await;
    all(&mut met).await;
    world.consent(&id).await;
    all(&mut met).await;
    world.work(Act::BlockByConditionalAccess { policy_id: None });
    world.check(&id).await;
    world.sync(&id).await;
    all(&mut met).await;
    let failed = world.begin(&id).await;
    let state = failed.url.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned()).unwrap();
    world.get(&format!("/v1/consent/callback?error=access_denied&state={state}")).await;
    met.push(("get", "/v1/reconnect-attempts/{attempt}", world.get(&format!("/v1/reconnect-attempts/{}", failed.attempt)).await));
    met.push(("get", "/v1/attributes", world.get("/v1/attributes").await));
    for choice in [json!({"attributes": ["city"]}), json!({"attributes": ["citi"]})] {
        let answer = world.call("acme", "PUT", &format!("{connection}/attributes"), Some(&choice)).await;
        met.push(("put", "/v1/connections/{connection}/attributes", answer));
    }
    met.extend(of_the_audience(&world).await);
    let known = world.post(&format!("{connection}/acknowledgement"), &json!({})).await;
    met.push(("post", "/v1/connections/{connection}/acknowledgement", known));
    met.push(("post", "/v1/connections", world.call("acme", "POST", "/v1/connections", None).await));
    met.push(("post", "/v1/reconnect-attempts", world.post("/v1/reconnect-attempts", &json!({"connection": id})).await));
    met.push(("post", "/v1/reconnect-attempts", world.post("/v1/reconnect-attempts", &json!({"connection": 7})).await));
    met.push(("get", "/v1/connections/{connection}", world.call("globex", "GET", &connection, None).await));
    met.push(("get", "/v1/connections/{connection}/people/{person}/photo", world.photo(&id, world.admin).await));
    for (method, path, answer) in &met {
        assert_eq!(broken(&document, (method, path), answer), [""; 0], "{method} {path}: {}", answer.text);
    }
}
