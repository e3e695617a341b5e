//! Graph apart from delta: lists, single people, permissions, batches, and whether the people look real.

use std::collections::BTreeSet;

use axum::body::Body;
use entra_simulator::{Act, Simulator};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{World, settings};

fn code(answer: &crate::support::Answer) -> (u16, Value) {
    (answer.status.as_u16(), answer.json()["error"]["code"].clone())
}

#[tokio::test]
async fn a_list_is_paged_and_keeps_its_query() {
    let world = World::new();
    world.simulator.add_people(world.tenant, 24);
    let token = world.access().await;
    let mut url = "/v1.0/users?$top=10&$select=displayName,showInAddressList".to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = world.graph(&token, &url).await.json();
        let people = page["value"].as_array().unwrap().clone();
        assert!(people.iter().all(|person| person.as_object().unwrap().len() == 3 && person["showInAddressList"].is_null()));
        sizes.push(people.len());
        match page["@odata.nextLink"].as_str() {
            Some(next) => url = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [10, 10, 5]);
}

#[tokio::test]
async fn one_person_is_found_by_id_by_login_and_by_filter() {
    let world = World::new();
    let token = world.access().await;
    let admin = world.admin;
    for path in [format!("users/{admin}"), "users/ada@contoso.example".to_owned(), "me".to_owned()] {
        assert_eq!(world.graph(&token, &format!("/v1.0/{path}?$select=id")).await.json()["id"], json!(admin), "{path}");
    }
    for filter in [format!("id eq '{admin}'"), "mail eq 'ADA@contoso.example'".to_owned()] {
        let found = world.graph(&token, &format!("/v1.0/users?$filter={filter}")).await.json();
        assert_eq!(found["value"][0]["id"], json!(admin), "{filter}");
    }
    assert_eq!(code(&world.graph(&token, "/v1.0/users/nobody@contoso.example").await), (404, json!("Request_ResourceNotFound")));
}

#[tokio::test]
async fn a_revoked_sign_in_shows_its_moment_in_the_directory() {
    let world = World::new();
    let token = world.access().await;
    world.pass(SignedDuration::from_mins(1));
    world.work(Act::ResetAdminPassword { user: world.admin });
    let select = "signInSessionsValidFromDateTime,lastPasswordChangeDateTime";
    let shown = world.graph(&token, &format!("/v1.0/users/{}?$select={select}", world.admin)).await.json();
    assert_eq!(shown["signInSessionsValidFromDateTime"], "2026-03-02T10:01:00Z");
    assert_eq!(shown["lastPasswordChangeDateTime"], "2026-03-02T10:01:00Z");
}

#[tokio::test]
async fn a_leave_is_told_only_to_who_may_read_lifecycles() {
    let world = World::new();
    let token = world.access().await;
    let leaves = serde_json::from_value(json!({"employeeLeaveDateTime": "2026-04-01T00:00:00Z"})).unwrap();
    world.work(Act::ChangeUser { user: world.admin, properties: leaves });
    let select = format!("/v1.0/users/{}?$select=id,employeeLeaveDateTime", world.admin);
    assert_eq!(code(&world.graph(&token, &select).await), (403, json!("Authorization_RequestDenied")));
    let shown = world.graph(&token, &format!("/v1.0/users/{}?$select=id,accountEnabled", world.admin)).await.json();
    assert_eq!(shown["accountEnabled"], json!(true));
}

#[tokio::test]
async fn who_was_deleted_is_not_found_even_by_their_own_token() {
    let world = World::new();
    let token = world.access().await;
    world.work(Act::DeleteUser { user: world.admin });
    let own = world.graph(&token, &format!("/v1.0/users/{}?$select=id", world.admin)).await;
    assert_eq!(code(&own), (404, json!("Request_ResourceNotFound")));
}

#[tokio::test]
async fn photos_and_managers_are_there_or_not_found() {
    let world = World::new();
    let token = world.access().await;
    let photo = format!("/v1.0/users/{}/photo/$value", world.admin);
    assert_eq!(code(&world.graph(&token, &photo).await), (404, json!("ImageNotFound")));
    world.simulator.give_photo(world.tenant, world.admin, b"jpeg");
    let answer = world.graph(&token, &photo).await;
    assert_eq!((answer.header("content-type"), answer.text.as_str()), ("image/jpeg", "jpeg"));
    let manager = format!("/v1.0/users/{}/manager", world.admin);
    assert_eq!(code(&world.graph(&token, &manager).await), (404, json!("Request_ResourceNotFound")));
}

#[tokio::test]
async fn a_token_that_is_none_or_too_old_is_unauthorised() {
    let world = World::new();
    let token = world.access().await;
    assert_eq!(code(&world.graph("garbage", "/v1.0/organization").await), (401, json!("InvalidAuthenticationToken")));
    assert_eq!(code(&world.get("/v1.0/organization").await), (401, json!("InvalidAuthenticationToken")));
    let answer = world.graph(&token, "/v1.0/organization").await;
    assert_eq!(answer.json()["value"][0]["displayName"], "Contoso");
    world.pass(SignedDuration::from_mins(91));
    let answer = world.graph(&token, "/v1.0/organization").await;
    assert_eq!(code(&answer), (401, json!("InvalidAuthenticationToken")));
    assert!(answer.header("www-authenticate").contains("invalid_token"));
}

#[tokio::test]
async fn what_the_tenant_took_away_is_forbidden() {
    let world = World::new();
    let token = world.access().await;
    for (act, expected) in [
        (Act::WithdrawConsent, "Authorization_RequestDenied"),
        (Act::DisableApp, "Authorization_IdentityDisabled"),
        (Act::DeleteServicePrincipal, "Authorization_IdentityNotFound"),
    ] {
        world.work(act);
        assert_eq!(code(&world.graph(&token, "/v1.0/users").await), (403, json!(expected)));
    }
}

#[tokio::test]
async fn answers_carry_their_ids_and_cost() {
    let world = World::new();
    let token = world.access().await;
    for (path, units) in
        [("users", "2"), ("users?$select=id", "1"), ("users?$top=5", "1"), ("users?$expand=manager", "3"), ("users/delta", "1")]
    {
        let answer = world.graph(&token, &format!("/v1.0/{path}")).await;
        assert_eq!(answer.header("x-ms-resource-unit"), units, "{path}");
        assert!(!answer.header("request-id").is_empty() && !answer.header("x-ms-ags-diagnostic").is_empty());
    }
}

#[tokio::test]
async fn a_batch_answers_each_request_on_its_own() {
    let world = World::new();
    let token = world.access().await;
    world.simulator.give_photo(world.tenant, world.admin, b"jpeg");
    let admin = world.admin;
    let request = |id: &str, url: String| json!({"id": id, "method": "GET", "url": url});
    let batch = json!({"requests": [
        request("a", format!("/users/{admin}?$select=displayName")),
        request("b", format!("/users/{admin}/photo/$value")),
        request("c", "/users/nobody".to_owned()),
    ]});
    let answer = world.post_json("/v1.0/$batch", Some(&token), &batch).await.json();
    let of = |id: &str| answer["responses"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap().clone();
    assert_eq!((of("a")["status"].clone(), of("a")["body"]["displayName"].clone()), (json!(200), json!("Ada")));
    assert_eq!(of("b")["body"], "anBlZw==");
    assert_eq!(of("c")["status"], 404);
    let many: Vec<_> = (0..21).map(|number| request(&number.to_string(), "/organization".to_owned())).collect();
    let answer = world.post_json("/v1.0/$batch", Some(&token), &json!({"requests": many})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[test]
fn the_same_seed_gives_the_same_people_and_another_seed_others() {
    let people = |seed| {
        let simulator = Simulator::new(entra_simulator::Settings { seed, ..settings() });
        let tenant = simulator.add_tenant("Contoso");
        simulator.add_people(tenant, 50);
        simulator.directory(tenant)
    };
    assert_eq!(people(1), people(1));
    assert_ne!(people(1), people(2));
}

#[test]
fn twelve_hundred_people_look_like_a_real_directory() {
    let simulator = Simulator::new(settings());
    let tenant = simulator.add_tenant("Contoso");
    simulator.add_people(tenant, 1200);
    let people = simulator.directory(tenant);
    let share = |name: &str| people.iter().filter(|person| person.get(name).is_some()).count();
    for (property, range) in [("mail", 1050..1180), ("jobTitle", 1000..1180), ("department", 950..1150), ("mobilePhone", 600..850)] {
        assert!(range.contains(&share(property)), "{property}: {}", share(property));
    }
    for script in ['α', 'и', 'ا', 'ה', 'त', '王', 'さ', '김', 'ร', 'ü'] {
        let written = |person: &&Value| person["displayName"].as_str().unwrap().contains(script);
        assert!(people.iter().any(|person| written(&person)), "nobody is written with {script}");
    }
    let logins: BTreeSet<_> = people.iter().map(|person| person["userPrincipalName"].as_str().unwrap()).collect();
    assert!(logins.len() == 1200 && logins.iter().all(|login| login.is_ascii()));
    assert!(people.iter().all(|person| person["jobTitle"].as_str().unwrap_or_default().chars().count() <= 128));
    assert!(people.iter().any(|person| person["userType"] == "Guest") && people.iter().any(|person| person["accountEnabled"] == false));
    assert_eq!(simulator.tenants()[0].admins.len(), 1);
}

#[tokio::test]
async fn twenty_thousand_people_are_walked_page_by_page() {
    let world = World::new();
    world.simulator.add_people(world.tenant, 20_000);
    let token = world.access().await;
    let (pages, link) = world.walk(&token, "/v1.0/users/delta").await;
    assert_eq!((pages.len(), pages.iter().map(Vec::len).sum::<usize>()), (101, 20_001));
    world.work(Act::ChangeJobTitles { count: 10 });
    assert_eq!(world.walk(&token, &link).await.0.concat().len(), 10);
}

#[tokio::test]
async fn a_page_is_compressed_for_whoever_accepts_it() {
    let world = World::new();
    world.simulator.add_people(world.tenant, 24);
    let token = world.access().await;
    let ask = |accepted: &str| {
        let request = http::Request::get("/v1.0/users?$top=10").header("authorization", format!("Bearer {token}"));
        world.send(request.header("accept-encoding", accepted).body(Body::empty()).unwrap())
    };
    let plain = ask("identity").await;
    assert_eq!((plain.headers.get("content-encoding"), plain.json()["value"].as_array().map(Vec::len)), (None, Some(10)));
    let packed = ask("gzip").await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert!(packed.text.starts_with('\u{1f}'), "the mark of RFC 1952 section 2.3.1");
}
