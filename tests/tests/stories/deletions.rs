//! A wave of deletions: held, told, and carried out only where somebody approves.

use domain::ids::ConnectionId;
use entra_simulator::Act;
use serde_json::{Value, json};
use system_tests::World;
use uuid::Uuid;

use crate::support::{assert_synced, walk};

/// A connection to 61 people, of whom 30 were deleted then.
pub(crate) async fn wave() -> (World, ConnectionId, Vec<Uuid>) {
    let world = World::with_people(60).await;
    world.work(Act::PageSize { people: 20 });
    let id = world.connect_and_sync().await;
    let deleted = world.work(Act::DeletePeople { count: 30 });
    world.sync(&id).await;
    (world, id, deleted)
}

pub(crate) async fn held(world: &World, id: &ConnectionId) -> Value {
    world.status(id).await["data"].get("deletions_held").cloned().unwrap_or_default()
}

pub(crate) async fn decide(world: &World, id: &ConnectionId, body: &Value) -> u16 {
    let answer = world.call("acme", "PUT", &format!("/v1/connections/{id}/held-deletions"), Some(body)).await;
    world.drain().await;
    answer.status.as_u16()
}

pub(crate) fn round(held: &Value) -> u64 {
    held["round"].as_u64().unwrap()
}

#[tokio::test]
async fn a_wave_is_held_and_told_and_everybody_can_still_be_read() {
    let (world, id, _) = wave().await;
    let hold = held(&world, &id).await;
    assert_eq!((&hold["people"], &hold["of"]), (&json!(30), &json!(61)));
    assert_eq!(world.people(&id).await.len(), 61, "nobody is removed");
    assert_eq!(world.status(&id).await["data"]["people"], 61);
    assert_eq!(world.notices(&id).await, ["deletions-held"]);
    assert_eq!(world.status(&id).await["data"].get("stale_since"), None, "the sync itself goes on");
}

#[tokio::test]
async fn whoever_asks_is_told_whether_they_may_decide() {
    let (world, id, _) = wave().await;
    let path = format!("/v1/connections/{id}");
    for (scopes, expected) in [("status:read people:read", None), ("status:read people:read deletions:decide", Some(true))] {
        let token = world.backend.token("acme", scopes, world.now());
        for path in [path.clone(), format!("{path}/held-deletions")] {
            let request = http::Request::get(&path).header("authorization", format!("Bearer {token}"));
            let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await.json();
            let held = if path.ends_with("deletions") { &answer["held"] } else { &answer["data"]["deletions_held"] };
            assert_eq!(held.get("may_decide").and_then(Value::as_bool), expected, "{scopes} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_sync_goes_on_while_deletions_are_held() {
    let (world, id, _) = wave().await;
    world.work(Act::AddPeople { count: 4 });
    world.work(Act::ChangePeople { count: 10 });
    world.sync(&id).await;
    assert_eq!(world.people(&id).await.len(), 65);
    world.work(Act::ExpireDeltaTokens);
    world.sync(&id).await;
    assert_eq!((world.people(&id).await.len(), walk(&world, &id).await.people), (65, 65), "a full round holds them as well");
    assert_eq!(world.notices(&id).await, ["deletions-held"], "and does not tell again");
    let hold = held(&world, &id).await;
    assert_eq!(decide(&world, &id, &json!({"round": round(&hold), "verdict": "approve"})).await, 202);
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn approved_they_are_removed_except_who_is_back() {
    let (world, id, deleted) = wave().await;
    world.work(Act::RestoreUser { user: deleted[0] });
    world.sync(&id).await;
    assert_eq!(world.people(&id).await.len(), 61);
    let hold = held(&world, &id).await;
    assert_eq!(decide(&world, &id, &json!({"round": round(&hold), "verdict": "approve"})).await, 202);
    assert_eq!(held(&world, &id).await, Value::Null);
    assert_synced(&world, &id).await;
    assert_eq!(world.people(&id).await.len(), 32);
}

#[tokio::test]
async fn rejected_they_stay_until_a_full_round_asks_again() {
    let (world, id, _) = wave().await;
    let hold = held(&world, &id).await;
    assert_eq!(decide(&world, &id, &json!({"round": round(&hold), "verdict": "reject"})).await, 202);
    world.sync(&id).await;
    assert_eq!((held(&world, &id).await, world.people(&id).await.len()), (Value::Null, 61));
    world.work(Act::ResetDelta);
    world.sync(&id).await;
    assert_eq!(held(&world, &id).await["people"], 30);
    assert_eq!(world.notices(&id).await, ["deletions-held", "deletions-held"]);
}

#[tokio::test]
async fn a_wave_in_small_rounds_is_one_all_the_same() {
    let world = World::with_people(60).await;
    let id = world.connect_and_sync().await;
    for _ in 0..3 {
        world.work(Act::DeletePeople { count: 9 });
        world.sync(&id).await;
    }
    assert_eq!(held(&world, &id).await["people"], 9, "the third round of nine passes twenty within a day");
    assert_eq!(world.people(&id).await.len(), 61 - 18);
}

#[tokio::test]
async fn nobody_is_removed_before_the_round_ends_and_who_returns_within_it_stays() {
    let world = World::with_people(30).await;
    let id = world.connect_and_sync().await;
    world.work(Act::PageSize { people: 2 });
    let deleted = world.work(Act::DeletePeople { count: 3 });
    world.work(Act::ChangePeople { count: 12 });
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    world.set_now(due_at.unwrap().max(world.now()));
    attribute_sync::tick(&world.ports).await.unwrap();
    for _ in 0..3 {
        assert!(crate::support::deliver(&world).await);
        assert_eq!(world.people(&id).await.len(), 31);
    }
    world.work(Act::RestoreUser { user: deleted[0] });
    world.drain().await;
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_decision_that_is_none_or_about_nothing_is_refused() {
    let (world, id, _) = wave().await;
    let hold = held(&world, &id).await;
    for (body, status) in [
        (json!({"round": round(&hold) + 1, "verdict": "approve"}), 409),
        (json!({"round": round(&hold), "verdict": "maybe"}), 422),
        (json!({"verdict": "approve"}), 422),
        (json!({"round": round(&hold), "verdict": "approve", "extra": 1}), 422),
    ] {
        assert_eq!(decide(&world, &id, &body).await, status, "{body}");
    }
    assert_eq!(held(&world, &id).await, hold, "nothing was changed");
    let path = format!("/v1/connections/{id}/held-deletions");
    let body = json!({"round": round(&hold), "verdict": "approve"});
    assert_eq!(world.call("globex", "PUT", &path, Some(&body)).await.status, 404, "another customer's is as good as none");
    assert_eq!(world.call("globex", "GET", &path, None).await.status, 404);
}

#[tokio::test]
async fn whoever_decides_sees_whom_it_is_about() {
    let (world, id, deleted) = wave().await;
    let page = world.get(&format!("/v1/connections/{id}/held-deletions")).await.json();
    assert_eq!((&page["held"]["people"], page["people"].as_array().map(Vec::len)), (&json!(30), Some(30)));
    let named: Vec<&Value> = page["people"].as_array().unwrap().iter().map(|person| &person["id"]).collect();
    assert!(deleted.iter().all(|id| named.contains(&&json!(id))), "{page}");
    assert!(page["people"][0]["attributes"]["displayName"].is_string());
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let page = world.get(&format!("/v1/connections/{id}/held-deletions")).await.json();
    assert_eq!((page.get("held"), &page["people"]), (None, &json!([])));
}
