//! Who hears of a customer's connections: told, written, declined by a click, and acknowledged.

use adapters::vault::{Binding, Purpose, open_text};
use axum::body::Body;
use domain::notice::audience::{Group, Reach};
use entra_simulator::Act;
use http::Request;
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use system_tests::caller::ALL_SCOPES;
use system_tests::engine::Lost;
use system_tests::{Answer, World};

/// Writes an audience with this `If-Match`, or without.
async fn put(world: &World, audience: &Value, if_match: Option<&str>) -> Answer {
    let token = world.backend.token("acme", ALL_SCOPES, world.now());
    let mut request = Request::put("/v1/audience").header("authorization", format!("Bearer {token}"));
    request = request.header("content-type", "application/json");
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    world.send(request.body(Body::from(audience.to_string())).unwrap()).await
}

fn mail(address: &str) -> Value {
    json!({"mail": address, "kinds": ["deaths", "warnings", "recoveries", "reminders"]})
}

/// The link of one click in a mail to the customer's first contact.
async fn decline_link(world: &World) -> String {
    let stored = world.ports.store.audience(&"acme".parse().unwrap()).await.unwrap();
    let contact = &stored.audience.contacts[0];
    format!("/v1/notices/decline?customer=acme&contact={}&key={}", contact.id, contact.decline_key.expose())
}

async fn reach(world: &World) -> Reach {
    let stored = world.ports.store.audience(&"acme".parse().unwrap()).await.unwrap();
    stored.audience.contacts[0].reach.clone()
}

async fn open(world: &World, method: &str, link: &str) -> Answer {
    world.send(Request::builder().method(method).uri(link).body(Body::from("List-Unsubscribe=One-Click")).unwrap()).await
}

#[tokio::test]
async fn until_somebody_writes_nobody_hears() {
    let world = World::new().await;
    let answer = world.get("/v1/audience").await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, "\"0\""));
    assert_eq!(answer.json(), json!({"contacts": [], "time_zone": "UTC", "language": "en"}));
}

#[tokio::test]
async fn what_was_written_is_told_and_a_webhooks_secret_only_once() {
    let world = World::new().await;
    let whole = json!({
        "contacts": [mail("it@contoso.example"), {"webhook": "https://hooks.contoso.example/evergrant", "kinds": ["deaths"]}],
        "time_zone": "Europe/Berlin",
        "quiet_hours": {"from": "20:00", "until": "07:30"},
        "language": "en",
    });
    let written = put(&world, &whole, None).await;
    assert_eq!(
        (written.status.as_u16(), written.header("etag"), written.header("cache-control")),
        (200, "\"1\"", "no-store"),
        "{}",
        written.text
    );
    let mut told = written.json();
    let secrets = told.as_object_mut().unwrap().remove("secrets").expect("a secret");
    let read = world.get("/v1/audience").await;
    assert_eq!((read.json(), read.header("etag")), (told.clone(), "\"1\""));
    assert!(!read.text.contains("whsec_") && !read.text.contains("key-"), "{}", read.text);
    insta::assert_json_snapshot!("audience", told, {".contacts[].id" => "[id]"});
    let [secret] = &secrets.as_array().unwrap()[..] else { panic!("{secrets}") };
    assert_eq!(secret["contact"], told["contacts"][1]["id"]);
    let stored = world.ports.store.audience(&"acme".parse().unwrap()).await.unwrap();
    let (_, sealed) = stored.secrets.first_key_value().expect("a sealed secret");
    let binding = Binding::of_customer(&"acme".parse().unwrap(), Purpose::WebhookSecret);
    let opened = open_text(world.ports.vault.as_ref(), &binding, sealed).await.unwrap();
    assert_eq!(secret["secret"], opened.expose_secret());
    let items = format!("{:?}", world.engine.items().await);
    assert!(!items.contains(opened.expose_secret()), "it is stored sealed alone");
}

#[tokio::test]
async fn a_kept_contact_is_the_same_and_one_that_is_left_out_is_gone_with_its_secret() {
    let world = World::new().await;
    let hook = json!({"webhook": "https://hooks.contoso.example/evergrant", "kinds": ["deaths"]});
    let first = put(&world, &json!({"contacts": [mail("it@contoso.example"), hook]}), None).await.json();
    let mut kept = mail("it@contoso.example");
    kept["id"] = first["contacts"][0]["id"].clone();
    let second = put(&world, &json!({"contacts": [kept]}), Some("\"1\"")).await.json();
    assert_eq!(second["contacts"], json!([first["contacts"][0]]));
    assert_eq!(second.get("secrets"), None);
    let stored = world.ports.store.audience(&"acme".parse().unwrap()).await.unwrap();
    assert!(stored.secrets.is_empty());
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_and_nothing_changes() {
    let world = World::new().await;
    put(&world, &json!({"contacts": [mail("it@contoso.example")]}), None).await;
    let before = world.engine.items().await;
    let hook = |url: &str| json!({"webhook": url, "kinds": ["deaths"]});
    let many: Vec<Value> = (0..21).map(|number| mail(&format!("a{number}@contoso.example"))).collect();
    let mut told = Vec::new();
    for body in [
        json!({"contacts": [mail("it@contoso.example\r\nBcc: all@contoso.example"), mail("nobody"), hook("http://hooks.contoso.example/"), hook("https://169.254.169.254/latest/meta-data"), hook("https://localhost:8443/")]}),
        json!({"contacts": [{"kinds": ["deaths"]}, {"mail": "a@contoso.example", "kinds": []}, {"id": "who-nobody", "mail": "b@contoso.example", "kinds": ["deaths"]}]}),
        json!({"contacts": [], "time_zone": "Mars/Olympus", "quiet_hours": {"from": "25:00", "until": "7"}}),
        json!({"contacts": [], "quiet_hours": {"from": "07:00", "until": "07:00"}}),
        json!({"contacts": many}),
        json!({"contacts": [], "language": "tlh"}),
        json!({"contacts": [{"mail": "a@contoso.example", "kinds": ["gossip"]}]}),
        json!({"contacts": [], "everybody": true}),
        json!({}),
    ] {
        let answer = put(&world, &body, None).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (422, "application/problem+json"), "{body}: {}", answer.text);
        told.push(answer.json());
    }
    assert_eq!(world.engine.items().await, before);
    insta::assert_json_snapshot!("wrong_audiences", told);
}

#[tokio::test]
async fn an_audience_that_was_changed_meanwhile_is_not_overwritten() {
    let world = World::new().await;
    let one = json!({"contacts": [mail("one@contoso.example")]});
    assert_eq!(put(&world, &one, Some("\"0\"")).await.status, 200);
    let two = json!({"contacts": [mail("two@contoso.example")]});
    for odd in ["\"0\"", "\"2\"", "W/\"1\"", "1", ""] {
        assert_eq!(put(&world, &two, Some(odd)).await.status, 412, "{odd}");
    }
    assert_eq!(world.get("/v1/audience").await.json()["contacts"][0]["mail"], "one@contoso.example");
    for (tag, revision) in [(Some("\"1\""), "\"2\""), (Some("*"), "\"3\""), (None, "\"4\"")] {
        let answer = put(&world, &two, tag).await;
        assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, revision), "{tag:?}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_there_and_is_not_made_twice() {
    let world = World::new().await;
    let audience = json!({"contacts": [mail("it@contoso.example")]});
    world.engine.meter.lose("PutItem", 0, Lost::Answer);
    assert_eq!(put(&world, &audience, Some("\"0\"")).await.status, 503);
    assert_eq!(put(&world, &audience, Some("\"0\"")).await.status, 412);
    let read = world.get("/v1/audience").await;
    assert_eq!((read.header("etag"), read.json()["contacts"].as_array().unwrap().len()), ("\"1\"", 1));
}

#[tokio::test]
async fn each_customer_has_its_own() {
    let world = World::new().await;
    put(&world, &json!({"contacts": [mail("it@contoso.example")]}), None).await;
    let theirs = json!({"contacts": [mail("office@globex.example")]});
    assert_eq!(world.call("globex", "PUT", "/v1/audience", Some(&theirs)).await.status, 200);
    let read = async |customer: &str| world.call(customer, "GET", "/v1/audience", None).await.json()["contacts"][0]["mail"].clone();
    assert_eq!((read("acme").await, read("globex").await), (json!("it@contoso.example"), json!("office@globex.example")));
}

#[tokio::test]
async fn looking_at_the_link_declines_nothing_and_one_click_does() {
    let world = World::new().await;
    put(&world, &json!({"contacts": [mail("it@contoso.example")]}), None).await;
    let link = decline_link(&world).await;
    let before = world.engine.items().await;
    for method in ["GET", "HEAD", "GET"] {
        let page = open(&world, method, &link).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-security-policy").contains("form-action 'self'"));
    }
    let page = open(&world, "GET", &link).await;
    assert_eq!(page.text.matches("<button").count(), 1);
    assert!(page.text.contains(&format!("action=\"{}\"", link.replace('&', "&amp;"))), "{}", page.text);
    assert_eq!(world.engine.items().await, before, "whatever looks at links changes nothing");
    for _ in 0..2 {
        assert_eq!(open(&world, "POST", &link).await.status, 200);
    }
    assert_eq!(reach(&world).await, Reach::Declined { since: world.now() });
    let stored = world.ports.store.audience(&"acme".parse().unwrap()).await.unwrap();
    assert!(stored.audience.contacts[0].hears(Group::Deaths) && !stored.audience.contacts[0].hears(Group::Reminders));
    let contact = world.get("/v1/audience").await.json()["contacts"][0].clone();
    assert_eq!((&contact["state"], &contact["state_since"]), (&json!("declined"), &json!(world.now())));
}

#[tokio::test]
async fn a_link_that_is_not_out_of_a_mail_to_that_contact_declines_nothing() {
    let world = World::new().await;
    put(&world, &json!({"contacts": [mail("it@contoso.example"), mail("office@contoso.example")]}), None).await;
    let link = decline_link(&world).await;
    let stored = world.ports.store.audience(&"acme".parse().unwrap()).await.unwrap();
    let other = &stored.audience.contacts[1];
    let before = world.engine.items().await;
    let mut pages = Vec::new();
    for odd in [
        link.replace("customer=acme", "customer=globex"),
        link.replace(stored.audience.contacts[0].id.as_str(), other.id.as_str()),
        link.replace("key=key-", "key=kez-"),
        link.split("&key=").next().unwrap().to_owned() + "&key=",
        link.split("&key=").next().unwrap().to_owned(),
        link.replace("customer=acme", "customer=a%23b"),
        "/v1/notices/decline".to_owned(),
    ] {
        let answer = open(&world, "POST", &odd).await;
        assert_eq!(answer.status, 400, "{odd}");
        pages.push(answer.text);
    }
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]), "no page tells what was wrong");
    assert_eq!(world.engine.items().await, before);
    let hostile = open(&world, "GET", "/v1/notices/decline?customer=acme&contact=who-1&key=%22%3E%3Cscript%3E").await;
    assert!(!hostile.text.contains("<script>"), "{}", hostile.text);
}

#[tokio::test]
async fn an_administrator_turns_a_contact_on_again() {
    let world = World::new().await;
    let id = put(&world, &json!({"contacts": [mail("it@contoso.example")]}), None).await.json()["contacts"][0]["id"].clone();
    let id: domain::ids::ContactId = id.as_str().unwrap().parse().unwrap();
    let customer = "acme".parse().unwrap();
    let now = world.now();
    world.ports.store.change_contact(&customer, &id, |contact| contact.lose("the mailbox does not exist", now)).await.unwrap();
    let lost = world.get("/v1/audience").await.json()["contacts"][0].clone();
    assert_eq!((&lost["state"], &lost["state_why"]), (&json!("unreachable"), &json!("the mailbox does not exist")));
    let enabled = world.post(&format!("/v1/audience/contacts/{id}/enable"), &json!({})).await;
    assert_eq!((enabled.status.as_u16(), enabled.json()["state"].clone()), (200, json!("reachable")), "{}", enabled.text);
    assert_eq!(reach(&world).await, Reach::Reachable);
    assert_eq!(world.post("/v1/audience/contacts/who-nobody/enable", &json!({})).await.status, 404);
}

#[tokio::test]
async fn a_mail_that_came_back_does_not_undo_what_was_written_meanwhile() {
    let world = World::new().await;
    put(&world, &json!({"contacts": [mail("it@contoso.example")]}), None).await;
    let customer = "acme".parse().unwrap();
    let stored = world.ports.store.audience(&customer).await.unwrap();
    put(&world, &json!({"contacts": [mail("new@contoso.example")]}), None).await;
    let now = world.now();
    let change = world.ports.store.change_contact(&customer, &stored.audience.contacts[0].id, |contact| contact.lose("gone", now)).await;
    assert_eq!(change.unwrap(), None, "the contact is none any more");
    let after = world.ports.store.audience(&customer).await.unwrap();
    assert_eq!((after.revision, after.audience.contacts[0].reach.clone()), (2, Reach::Reachable));
}

#[tokio::test]
async fn a_trouble_is_acknowledged_until_something_changes() {
    let world = World::new().await;
    let id = world.connect().await;
    let path = format!("/v1/connections/{id}/acknowledgement");
    let refused = world.post(&path, &json!({})).await;
    assert_eq!(refused.status, 409, "there is no trouble: {}", refused.text);
    world.work(Act::ResetAdminPassword { user: world.admin });
    assert_eq!(world.check(&id).await, "dead");
    world.pass(SignedDuration::from_mins(5));
    let answer = world.post(&path, &json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.json()["acknowledged_at"].clone()), (200, json!(world.now())), "{}", answer.text);
    let stored = world.stored(&id).await;
    let word = stored.acknowledged.clone().expect("an acknowledgement");
    assert_eq!((word.by.as_str(), word.at, word.is_about(&stored.body.standing)), ("portal-user", world.now(), true));
    world.pass(SignedDuration::from_mins(5));
    world.consent(&id).await;
    let stored = world.stored(&id).await;
    assert!(!stored.acknowledged.expect("it is kept").is_about(&stored.body.standing), "what comes next is told again");
    assert_eq!(world.get(&format!("/v1/connections/{id}")).await.json().get("acknowledged_at"), None);
}
