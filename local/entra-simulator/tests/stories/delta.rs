//! Delta walks: complete, incremental, and with everything that can be odd about them.

use std::collections::{BTreeMap, BTreeSet};

use entra_simulator::{Act, Role};
use http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::{World, user};

const START: &str = "/v1.0/users/delta?$select=displayName,jobTitle,mail,manager";

/// A world with some people, an access token that lasts, and a page size of 10.
async fn crowd(people: u32) -> (World, String) {
    let world = World::new();
    world.simulator.add_people(world.tenant, people);
    world.work(Act::PageSize { people: 10 });
    let token = world.access().await;
    (world, token)
}

fn ids(pages: &[Vec<Value>]) -> Vec<String> {
    pages.iter().flatten().map(|person| person["id"].as_str().expect("the helper is called on what is there").to_owned()).collect()
}

fn change(world: &World, user: Uuid, properties: Value) {
    let Value::Object(properties) = properties else { panic!("properties are an object") };
    world.work(Act::ChangeUser { user, properties });
}

#[tokio::test]
async fn a_first_walk_shows_everybody_once_and_then_nothing() {
    let (world, token) = crowd(95).await;
    let (pages, link) = world.walk(&token, START).await;
    assert_eq!(pages.len(), 10);
    let shown: BTreeSet<_> = ids(&pages).into_iter().collect();
    let there: BTreeSet<_> =
        world.simulator.directory(world.tenant).iter().map(|person| person["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(shown, there);
    assert_eq!(ids(&pages).len(), 96);
    assert_eq!(world.walk(&token, &link).await.0, [Vec::<Value>::new()]);
}

#[tokio::test]
async fn what_walks_deliver_adds_up_to_the_directory() {
    let (world, token) = crowd(120).await;
    for act in [Act::RepeatPeople { on: true }, Act::ShufflePages { on: true }, Act::EmptyPages { pages: 3 }] {
        world.work(act);
    }
    let mut model: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut link = "/v1.0/users/delta?$select=displayName,jobTitle,department,officeLocation,mobilePhone,manager".to_owned();
    for round in 0..6 {
        let (pages, next) = world.walk(&token, &link).await;
        link = next;
        for person in pages.into_iter().flatten() {
            merge(&mut model, person);
        }
        assert_eq!(model, expected(&world), "round {round}");
        for act in [
            Act::ChangePeople { count: 25 },
            Act::ChangeJobTitles { count: 11 },
            Act::DeletePeople { count: 5 },
            Act::AddPeople { count: 7 },
        ] {
            world.work(act);
        }
    }
}

fn merge(model: &mut BTreeMap<String, Map<String, Value>>, person: Value) {
    let Value::Object(mut person) = person else { panic!("people are objects") };
    let id = person["id"].as_str().expect("the helper is called on what is there").to_owned();
    if person.contains_key("@removed") {
        model.remove(&id);
        return;
    }
    let known = model.entry(id).or_default();
    for entry in
        person.remove("manager@delta").iter().flat_map(|entries| entries.as_array().expect("the helper is called on what is there"))
    {
        match entry.get("@removed") {
            Some(_) => known.remove("manager"),
            None => known.insert("manager".to_owned(), json!({"id": entry["id"]})),
        };
    }
    known.extend(person);
}

fn expected(world: &World) -> BTreeMap<String, Map<String, Value>> {
    let selected = ["id", "displayName", "jobTitle", "department", "officeLocation", "mobilePhone", "manager"];
    let people = world.simulator.directory(world.tenant).into_iter().map(|person| {
        let Value::Object(mut person) = person else { panic!("people are objects") };
        person.retain(|name, _| selected.contains(&name.as_str()));
        (person["id"].as_str().expect("the helper is called on what is there").to_owned(), person)
    });
    people.collect()
}

#[tokio::test]
async fn only_selected_properties_surface_a_person() {
    let (world, token) = crowd(5).await;
    let (_, link) = world.walk(&token, START).await;
    change(&world, world.admin, json!({"city": "Bremen"}));
    assert_eq!(ids(&world.walk(&token, &link).await.0), Vec::<String>::new());
    change(&world, world.admin, json!({"jobTitle": "Baker"}));
    let (pages, _) = world.walk(&token, &link).await;
    assert_eq!(pages[0], [json!({"id": world.admin, "displayName": "Ada", "jobTitle": "Baker", "mail": "ada@contoso.example"})]);
}

#[tokio::test]
async fn never_set_is_absent_and_cleared_is_null() {
    let (world, token) = crowd(0).await;
    let (pages, link) = world.walk(&token, START).await;
    assert_eq!(pages[0], [json!({"id": world.admin, "displayName": "Ada", "mail": "ada@contoso.example"})]);
    change(&world, world.admin, json!({"mail": null}));
    let (pages, _) = world.walk(&token, &link).await;
    assert_eq!(pages[0], [json!({"id": world.admin, "displayName": "Ada", "mail": null})]);
}

#[tokio::test]
async fn a_minimal_answer_holds_only_what_changed() {
    let (world, token) = crowd(0).await;
    let (_, link) = world.walk(&token, START).await;
    change(&world, world.admin, json!({"jobTitle": "Baker"}));
    let link: url::Url = link.parse().unwrap();
    let request = Request::get(format!("{}?{}", link.path(), link.query().unwrap()));
    let request = request.header("authorization", format!("Bearer {token}")).header("prefer", "return=minimal");
    let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["value"], json!([{"id": world.admin, "jobTitle": "Baker"}]));
}

#[tokio::test]
async fn deletion_restoration_and_purge_are_told_apart() {
    let (world, token) = crowd(0).await;
    let max = world.simulator.add_user(world.tenant, user("Max", Role::Member));
    let (_, link) = world.walk(&token, START).await;
    world.work(Act::DeleteUser { user: max });
    let (pages, link) = world.walk(&token, &link).await;
    assert_eq!(pages[0], [json!({"id": max, "@removed": {"reason": "changed"}})]);
    world.work(Act::RestoreUser { user: max });
    let (pages, link) = world.walk(&token, &link).await;
    assert_eq!(pages[0], [json!({"id": max, "displayName": "Max", "mail": "max@contoso.example"})]);
    world.work(Act::PurgeUser { user: max });
    let (pages, _) = world.walk(&token, &link).await;
    assert_eq!(pages[0], [json!({"id": max, "@removed": {"reason": "deleted"}})]);
    assert_eq!(ids(&world.walk(&token, START).await.0), [world.admin.to_string()]);
    world.work(Act::RemovedInFirstRound { on: true });
    assert_eq!(ids(&world.walk(&token, START).await.0).len(), 2);
}

#[tokio::test]
async fn a_manager_is_set_replaced_and_cleared() {
    let (world, token) = crowd(0).await;
    let [one, two] = ["Max", "Mia"].map(|name| world.simulator.add_user(world.tenant, user(name, Role::Member)));
    let entry = |id: Uuid| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    let gone = |id: Uuid| json!({"@odata.type": "#microsoft.graph.user", "id": id, "@removed": {"reason": "deleted"}});
    let (_, mut link) = world.walk(&token, START).await;
    let steps = [(Some(one), json!([entry(one)])), (Some(two), json!([gone(one), entry(two)])), (None, json!([gone(two)]))];
    for (manager, annotation) in steps {
        world.work(Act::SetManager { user: world.admin, manager });
        let (pages, next) = world.walk(&token, &link).await;
        assert_eq!(pages[0][0]["manager@delta"], annotation);
        link = next;
    }
}

#[tokio::test]
async fn empty_pages_come_before_the_people() {
    let (world, token) = crowd(4).await;
    world.work(Act::EmptyPages { pages: 2 });
    let (pages, _) = world.walk(&token, START).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 5]);
}

#[tokio::test]
async fn repeated_people_stand_on_two_pages() {
    let (world, token) = crowd(24).await;
    world.work(Act::RepeatPeople { on: true });
    let (pages, _) = world.walk(&token, START).await;
    let shown = ids(&pages);
    assert_eq!((shown.len(), shown.iter().collect::<BTreeSet<_>>().len()), (27, 25));
}

#[tokio::test]
async fn a_lag_hides_changes_for_so_many_rounds() {
    let (world, token) = crowd(0).await;
    let (_, link) = world.walk(&token, START).await;
    world.work(Act::LagPolls { polls: 2 });
    change(&world, world.admin, json!({"jobTitle": "Baker"}));
    let (first, link) = world.walk(&token, &link).await;
    let (second, link) = world.walk(&token, &link).await;
    let (third, _) = world.walk(&token, &link).await;
    assert_eq!([first, second, third].map(|pages| pages[0].len()), [0, 0, 1]);
}

#[tokio::test]
async fn a_delta_link_expires_after_seven_days_or_on_demand() {
    let (world, token) = crowd(0).await;
    let (_, link) = world.walk(&token, START).await;
    world.work(Act::ExpireDeltaTokens);
    let answer = world.graph(&token, &link).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("syncStateNotFound")));
    let (_, link) = world.walk(&token, START).await;
    world.pass(SignedDuration::from_hours(24 * 7));
    let token = world.access().await;
    assert_eq!(world.graph(&token, &link).await.status, StatusCode::OK);
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.graph(&token, &link).await.json()["error"]["code"], "syncStateNotFound");
}

#[tokio::test]
async fn a_reset_points_to_where_to_begin_again() {
    let (world, token) = crowd(3).await;
    let (_, link) = world.walk(&token, START).await;
    world.work(Act::ResetDelta);
    let answer = world.graph(&token, &link).await;
    assert_eq!(answer.status, StatusCode::GONE);
    let (pages, _) = world.walk(&token, answer.header("location")).await;
    assert_eq!(ids(&pages).len(), 4);
    assert!(pages[0][0].get("displayName").is_some() && pages[0][0].get("userPrincipalName").is_none());
}

#[tokio::test]
async fn a_next_link_expires_on_demand() {
    let (world, token) = crowd(30).await;
    let next = world.graph(&token, START).await.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    world.work(Act::ExpireSkipTokens);
    let answer = world.graph(&token, &next).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("Directory_ExpiredPageToken")));
}

#[tokio::test]
async fn people_who_change_during_a_walk_are_not_lost() {
    let (world, token) = crowd(30).await;
    let first = world.graph(&token, START).await.json();
    world.work(Act::ChangeJobTitles { count: 31 });
    let (pages, link) = world.walk(&token, first["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(ids(&pages).len() + first["value"].as_array().unwrap().len(), 31);
    assert_eq!(ids(&world.walk(&token, &link).await.0).len(), 31);
}

#[tokio::test]
async fn who_is_new_and_changes_during_a_walk_is_shown_as_new() {
    let (world, token) = crowd(5).await;
    let (_, link) = world.walk(&token, START).await;
    let bob = world.simulator.add_user(world.tenant, user("Bob", Role::Member));
    world.work(Act::SetManager { user: bob, manager: Some(world.admin) });
    world.work(Act::EmptyPages { pages: 1 });
    let first = world.graph(&token, &link).await.json();
    change(&world, bob, json!({"jobTitle": "Late"}));
    let (mut pages, link) = world.walk(&token, first["@odata.nextLink"].as_str().expect("the first page is empty")).await;
    pages.extend(world.walk(&token, &link).await.0);
    let shown: Vec<Value> = pages.into_iter().flatten().filter(|person| person["id"] == json!(bob)).collect();
    assert_eq!(shown.len(), 2, "in this round, and once more in the next: {shown:?}");
    assert_eq!(shown[0]["manager@delta"][0]["id"], json!(world.admin));
}

#[tokio::test]
async fn latest_means_from_now_on() {
    let (world, token) = crowd(3).await;
    let (pages, link) = world.walk(&token, "/v1.0/users/delta?$deltatoken=latest&$select=jobTitle").await;
    assert_eq!(pages, [Vec::<Value>::new()]);
    world.work(Act::ChangeJobTitles { count: 1 });
    assert_eq!(ids(&world.walk(&token, &link).await.0).len(), 1);
}

#[tokio::test]
async fn what_change_tracking_does_not_support_is_refused() {
    let (world, token) = crowd(0).await;
    for query in ["$top=5", "$expand=manager", "$orderby=displayName", "$search=x", "$select=shoeSize", "$filter=displayName eq 'Ada'"] {
        let answer = world.graph(&token, &format!("/v1.0/users/delta?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let filter = |count: usize| vec![format!("id eq '{}'", world.admin); count].join(" or ");
    let fifty = world.graph(&token, &format!("/v1.0/users/microsoft.graph.delta()?$filter={}", filter(50))).await;
    assert_eq!(fifty.json()["value"].as_array().unwrap().len(), 1);
    assert_eq!(world.graph(&token, &format!("/v1.0/users/delta?$filter={}", filter(51))).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_foreign_next_link_comes_once_and_links_of_other_tenants_do_not_open() {
    let (world, token) = crowd(30).await;
    world.work(Act::ForeignNextLink { times: 1 });
    let link = world.graph(&token, START).await.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://graph.attacker.example/"));
    let link = world.graph(&token, START).await.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(link.starts_with("https://graph.example/v1.0/users/delta?$skiptoken="));
    let other = World { tenant: world.simulator.add_tenant("Fabrikam"), simulator: world.simulator.clone(), admin: world.admin };
    let admin = other.simulator.add_user(other.tenant, user("Eve", Role::Admin));
    let other = World { admin, ..other };
    assert_eq!(other.graph(&other.access().await, &link).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn echoed_extensions_come_along_when_one_changed() {
    let (world, token) = crowd(0).await;
    change(&world, world.admin, json!({"extension_abc_one": "1", "extension_abc_two": "2"}));
    let (_, link) = world.walk(&token, "/v1.0/users/delta?$select=extension_abc_one").await;
    world.work(Act::EchoExtensions { on: true });
    change(&world, world.admin, json!({"extension_abc_one": "3"}));
    let (pages, _) = world.walk(&token, &link).await;
    assert_eq!(pages[0], [json!({"id": world.admin, "extension_abc_one": "3", "extension_abc_two": "2"})]);
}
