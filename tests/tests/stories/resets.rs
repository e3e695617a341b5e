//! When Graph forgets where we were: a full round, and a sweep of whom it did not meet.

use entra_simulator::Act;
use http::StatusCode;
use serde_json::json;
use system_tests::World;
use system_tests::answer::redacted;
use system_tests::wire::{GRAPH, LOGIN};

use crate::support::{assert_synced, deliver, walk};

/// People deleted while nobody could tell us.
async fn missed() -> (World, domain::ids::ConnectionId) {
    let world = World::with_people(60).await;
    world.work(Act::PageSize { people: 20 });
    let id = world.connect_and_sync().await;
    world.work(Act::DeletePeople { count: 11 });
    world.work(Act::ChangePeople { count: 9 });
    world.work(Act::AddPeople { count: 3 });
    (world, id)
}

#[tokio::test]
async fn a_forgotten_delta_token_leads_to_a_full_round_and_a_sweep() {
    for act in [Act::ExpireDeltaTokens, Act::ResetDelta] {
        let (world, id) = missed().await;
        world.work(act);
        world.sync(&id).await;
        assert_synced(&world, &id).await;
        world.work(Act::DeletePeople { count: 2 });
        world.sync(&id).await;
        assert_synced(&world, &id).await;
    }
}

#[tokio::test]
async fn a_manager_who_went_while_nobody_could_tell_us_is_forgotten() {
    let world = World::with_people(60).await;
    world.work(Act::PageSize { people: 20 });
    let id = world.connect_and_sync().await;
    let directory = world.simulator.directory(world.tenant);
    let managed = directory.iter().filter(|person| person["manager"].is_object()).take(5);
    let users: Vec<uuid::Uuid> = managed.map(|person| person["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(users.len(), 5, "people have managers");
    world.work(Act::ExpireDeltaTokens);
    for user in users {
        world.work(Act::SetManager { user, manager: None });
    }
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn eight_days_of_silence_are_caught_up_with() {
    let (world, id) = missed().await;
    world.pass(jiff::SignedDuration::from_hours(8 * 24));
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn nobody_is_swept_before_the_round_is_complete() {
    let (world, id) = missed().await;
    world.work(Act::ExpireDeltaTokens);
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    world.set_now(due_at.unwrap().max(world.now()));
    attribute_sync::tick(&world.ports).await.unwrap();
    // The refusal, then three pages of 53 people.
    for _ in 0..3 {
        assert!(deliver(&world).await);
        assert!(world.people(&id).await.len() >= 61, "people are kept until everybody was met");
    }
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn who_was_met_and_then_removed_by_one_full_round_is_stored_again_when_they_are_back() {
    let world = World::with_people(4).await;
    world.work(Act::RefuseMarks { on: true });
    let id = world.connect_and_sync().await;
    let directory = world.simulator.directory(world.tenant);
    let ids: Vec<uuid::Uuid> = directory.iter().map(|person| person["id"].as_str().unwrap().parse().unwrap()).collect();
    let place = (1..ids.len()).find(|place| ids[*place] != world.admin).unwrap();
    let user = ids[place];
    for act in [Act::PageSize { people: 1 }, Act::RepeatPeople { on: true }, Act::RemovedInFirstRound { on: true }, Act::ExpireDeltaTokens]
    {
        world.work(act);
    }
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    world.set_now(due_at.unwrap().max(world.now()));
    attribute_sync::tick(&world.ports).await.unwrap();
    while walk(&world, &id).await.page <= u32::try_from(place).unwrap() {
        assert!(deliver(&world).await);
    }
    // The next page tells of them once more, as removed.
    world.work(Act::DeleteUser { user });
    world.drain().await;
    assert_synced(&world, &id).await;
    world.work(Act::RestoreUser { user });
    world.work(Act::ExpireDeltaTokens);
    world.sync(&id).await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_page_that_expired_begins_the_round_anew() {
    for is_first_round in [true, false] {
        let world = World::with_people(60).await;
        world.work(Act::PageSize { people: 20 });
        let id = world.connect().await;
        if !is_first_round {
            world.drain().await;
            world.work(Act::ChangePeople { count: 50 });
            let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
            world.set_now(due_at.unwrap().max(world.now()));
            attribute_sync::tick(&world.ports).await.unwrap();
        }
        assert!(deliver(&world).await);
        world.work(Act::DeletePeople { count: 5 });
        world.work(Act::ExpireSkipTokens);
        world.drain().await;
        world.sync(&id).await;
        assert_synced(&world, &id).await;
    }
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_sweep_round_is_survived() {
    let (world, id) = missed().await;
    world.work(Act::ExpireDeltaTokens);
    let (_, due_at) = world.ports.store.walk(&id).await.unwrap().unwrap();
    world.set_now(due_at.unwrap().max(world.now()));
    attribute_sync::tick(&world.ports).await.unwrap();
    assert!(deliver(&world).await && deliver(&world).await);
    world.work(Act::ResetDelta);
    world.drain().await;
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_server_that_resets_without_end_is_not_asked_without_end() {
    let (world, id) = missed().await;
    world.wire.bend(|uri, response| {
        if uri.path() == "/v1.0/users/delta" {
            *response.status_mut() = StatusCode::GONE;
            *response.body_mut() = br#"{"error":{"code":"resyncRequired","message":"again"}}"#.to_vec();
        }
    });
    let before = world.wire.seen().len();
    world.sync(&id).await;
    let asked = world.wire.seen().len() - before;
    assert!(asked <= 8, "{asked}");
    let status = world.status(&id).await;
    insta::assert_json_snapshot!("reset_without_end", redacted(&json!([status["data"], status["sync"]])));
    assert_eq!(status["health"], "healthy");
    world.wire.straighten();
    world.sync(&id).await;
    assert_synced(&world, &id).await;
    assert_eq!(world.status(&id).await["data"].get("stale_since"), None);
}

#[tokio::test]
async fn a_foreign_link_is_not_followed_and_the_last_good_data_is_served() {
    let world = World::with_people(30).await;
    let id = world.connect_and_sync().await;
    let before = world.people(&id).await;
    world.work(Act::PageSize { people: 10 });
    world.work(Act::ChangeJobTitles { count: 30 });
    world.work(Act::ForeignNextLink { times: 1 });
    world.sync(&id).await;
    for uri in world.wire.seen() {
        assert!([Some(LOGIN), Some(GRAPH)].contains(&uri.host()), "{uri}");
    }
    let status = world.status(&id).await;
    insta::assert_json_snapshot!("foreign_link", redacted(&json!([status["data"], status["sync"]])));
    assert_eq!(status["health"], "healthy");
    assert_eq!(world.people(&id).await.len(), before.len());
    let page = world.get(&format!("/v1/connections/{id}/people?limit=1")).await.json();
    assert_eq!(page["data"]["stale_since"], status["data"]["stale_since"]);
    // The next round asks from where it knows, and is well.
    world.sync(&id).await;
    assert_synced(&world, &id).await;
    assert_eq!(world.status(&id).await["data"].get("stale_since"), None);
}

#[tokio::test]
async fn a_reset_that_leads_elsewhere_is_not_followed() {
    let (world, id) = missed().await;
    world.wire.bend(|uri, response| {
        if uri.query().unwrap_or_default().contains("deltatoken") {
            *response.status_mut() = StatusCode::GONE;
            response.headers_mut().insert("location", "https://graph.attacker.example/v1.0/users/delta".parse().unwrap());
        }
    });
    world.sync(&id).await;
    world.wire.straighten();
    world.sync(&id).await;
    for uri in world.wire.seen() {
        assert!([Some(LOGIN), Some(GRAPH)].contains(&uri.host()), "{uri}");
    }
    assert_synced(&world, &id).await;
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_fails_the_walk_and_not_the_grant() {
    for body in ["", "[]", r#"{"value":[]}"#, r#"{"value":[{"displayName":"nobody"}],"@odata.deltaLink":"x"}"#] {
        let (world, id) = missed().await;
        let before = world.people(&id).await;
        world.wire.bend(move |uri, response| {
            if uri.path() == "/v1.0/users/delta" {
                *response.body_mut() = body.as_bytes().to_vec();
            }
        });
        world.sync(&id).await;
        assert_eq!(world.status(&id).await["sync"]["state"], "failing", "{body}");
        assert_eq!(world.people(&id).await, before, "{body}");
        assert!(walk(&world, &id).await.stale_since.is_some(), "{body}");
        world.wire.straighten();
        world.sync(&id).await;
        assert_synced(&world, &id).await;
    }
}
