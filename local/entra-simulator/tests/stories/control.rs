//! The control plane, and what is remembered of requests.

use entra_simulator::Act;
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::support::World;

#[tokio::test]
async fn an_act_posted_as_json_happens() {
    let world = World::new();
    let token = world.grant();
    let path = format!("/_simulator/tenants/{}/acts", world.tenant);
    let answer = world.post_json(&path, None, &json!({"act": "disable_user", "user": world.admin})).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"users": [world.admin]})));
    assert_eq!(world.refresh(&token).await.json()["error_codes"], json!([50057]));
    let throttle = json!({"act": "throttle_graph", "requests": 1, "retry_after": {"fractional": "2.5"}});
    assert_eq!(world.post_json(&path, None, &throttle).await.status, StatusCode::OK);
    assert_eq!(world.post_json(&path, None, &json!({"act": "expire_secret"})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_act_on_nobody_is_refused_and_changes_nothing() {
    let world = World::new();
    let before = world.simulator.save();
    let path = format!("/_simulator/tenants/{}/acts", world.tenant);
    let nobody = json!({"act": "delete_user", "user": Uuid::nil()});
    assert_eq!(world.post_json(&path, None, &nobody).await.status, StatusCode::NOT_FOUND);
    let unknown = json!({"act": "change_user", "user": world.admin, "properties": {"jobTitle": "Baker", "shoeSize": 44}});
    assert_eq!(world.post_json(&path, None, &unknown).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.post_json(&path, None, &json!({"act": "explode"})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nowhere = format!("/_simulator/tenants/{}/acts", Uuid::nil());
    assert_eq!(world.post_json(&nowhere, None, &json!({"act": "disable_app"})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.simulator.save(), before);
}

#[tokio::test]
async fn a_world_can_be_built_over_http() {
    let world = World::new();
    let made = world.post_json("/_simulator/tenants", None, &json!({"name": "Fabrikam", "people": 12})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let listed = world.get("/_simulator/tenants").await.json();
    let fabrikam = listed.as_array().unwrap().iter().find(|tenant| tenant["id"] == made.json()["id"]).unwrap().clone();
    assert_eq!((fabrikam["people"].clone(), fabrikam["domain"].clone()), (json!(12), json!("fabrikam.example")));
    let people = world.get(&format!("/_simulator/tenants/{}/people", fabrikam["id"].as_str().unwrap())).await.json();
    assert_eq!(people.as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn requests_are_remembered_without_their_secrets() {
    let world = World::new();
    let token = world.grant();
    let access = world.refresh(&token).await.json()["access_token"].as_str().unwrap().to_owned();
    world.work(Act::DisableApp);
    world.graph(&access, "/v1.0/users/delta?$deltatoken=latest").await;
    let requests = world.simulator.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].grant.as_deref(), requests[0].tenant, requests[0].status), (Some("refresh_token"), Some(world.tenant), 200));
    assert_eq!((requests[1].path.as_str(), requests[1].query.as_slice()), ("/v1.0/users/delta", ["$deltatoken".to_owned()].as_slice()));
    assert_eq!((requests[1].tenant, requests[1].status), (Some(world.tenant), 403));
    let shown = serde_json::to_string(&requests).unwrap();
    assert!(![token.as_str(), access.as_str(), crate::support::SECRET].iter().any(|secret| shown.contains(secret)));
}
