//! Photos: what there is, its sizes, and batches that fail in part.

use entra_simulator::{Act, ItemFault, PhotoPlace, RetryAfter};
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, World};

fn code(answer: &Answer) -> (u16, Value) {
    (answer.status.as_u16(), answer.json()["error"]["code"].clone())
}

fn give(world: &World, side: u32, place: PhotoPlace) {
    world.work(Act::GivePhoto { user: world.admin, image: None, side: Some(side), place });
}

#[tokio::test]
async fn a_photo_is_told_by_an_etag_that_changes_with_it() {
    let world = World::new();
    let token = world.access().await;
    let photo = format!("/v1.0/users/{}/photo", world.admin);
    assert_eq!(code(&world.graph(&token, &photo).await), (404, json!("ImageNotFound")));
    give(&world, 648, PhotoPlace::Mailbox);
    let first = world.graph(&token, &photo).await.json();
    assert_eq!((&first["id"], &first["width"], &first["height"]), (&json!("648x648"), &json!(648), &json!(648)));
    assert!(first["@odata.mediaEtag"].as_str().is_some_and(|etag| etag.starts_with('"') && etag.ends_with('"')), "{first}");
    assert_eq!(world.graph(&token, &photo).await.json(), first);
    give(&world, 648, PhotoPlace::Mailbox);
    assert_ne!(world.graph(&token, &photo).await.json()["@odata.mediaEtag"], first["@odata.mediaEtag"]);
    world.work(Act::RemovePhoto { user: world.admin });
    assert_eq!(code(&world.graph(&token, &photo).await), (404, json!("ImageNotFound")));
    world.work(Act::PlaceholderPhotos { on: true });
    let placeholder = world.graph(&token, &photo).await.json();
    assert_eq!((&placeholder["id"], &placeholder["@odata.mediaEtag"]), (&json!("1x1"), &json!("")));
}

#[tokio::test]
async fn a_mailbox_has_every_size_up_to_its_own_and_the_directory_only_one() {
    let world = World::new();
    let token = world.access().await;
    let sized = |size: &str| format!("/v1.0/users/{}/photos/{size}/$value", world.admin);
    give(&world, 360, PhotoPlace::Mailbox);
    for (size, status) in [("48x48", 200), ("240X240", 200), ("360x360", 200), ("432x432", 404), ("241x241", 400)] {
        assert_eq!(world.graph(&token, &sized(size)).await.status.as_u16(), status, "{size}");
    }
    give(&world, 200, PhotoPlace::Directory);
    assert_eq!(world.graph(&token, &sized("240x240")).await.status, StatusCode::NOT_FOUND);
    let whole = world.graph(&token, &format!("/v1.0/users/{}/photo/$value", world.admin)).await;
    assert_eq!((whole.status, whole.header("content-type")), (StatusCode::OK, "image/png"));
    let missing = world.graph(&token, &format!("/v1.0/users/{}/photos/240x240", world.admin)).await.json();
    assert_eq!(missing["id"], "1x1", "a size that is not there");
}

#[tokio::test]
async fn photos_can_be_denied_while_everything_else_is_not() {
    let world = World::new();
    let token = world.access().await;
    give(&world, 648, PhotoPlace::Mailbox);
    world.work(Act::DenyPhotos { on: true });
    assert_eq!(code(&world.graph(&token, &format!("/v1.0/users/{}/photo", world.admin)).await), (403, json!("ErrorAccessDenied")));
    assert_eq!(world.graph(&token, "/v1.0/users").await.status, StatusCode::OK);
}

async fn batch(world: &World, token: &str) -> (u16, Vec<Value>) {
    let request = |id: u32| json!({"id": id.to_string(), "method": "GET", "url": format!("/users/{}/photo", world.admin)});
    let requests: Vec<Value> = (0..3).map(request).collect();
    let answer = world.post_json("/v1.0/$batch", Some(token), &json!({"requests": requests})).await;
    (answer.status.as_u16(), answer.json()["responses"].as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn items_of_a_batch_fail_by_themselves_as_ordered() {
    let world = World::new();
    let token = world.access().await;
    give(&world, 648, PhotoPlace::Mailbox);
    for (fault, expected) in [
        (ItemFault::Throttled { retry_after: RetryAfter::Seconds(7) }, json!([429, 200, 200])),
        (ItemFault::FailedDependency, json!([424, 200, 200])),
        (ItemFault::Status503, json!([503, 200, 200])),
        (ItemFault::Status504, json!([504, 200, 200])),
        (ItemFault::Denied, json!([403, 200, 200])),
        (ItemFault::NoMailbox, json!([400, 200, 200])),
        (ItemFault::BadToken, json!([401, 200, 200])),
        (ItemFault::BareNotFound, json!([404, 200, 200])),
        (ItemFault::Malformed, json!(["broken", 200, 200])),
        (ItemFault::Empty, json!([200, 200, 200])),
        (ItemFault::Unanswered, json!([200, 200])),
    ] {
        world.work(Act::FailBatchItems { items: 1, fault: fault.clone(), path: "/photo".to_owned() });
        let (status, responses) = batch(&world, &token).await;
        let statuses: Vec<Value> = responses.iter().map(|response| response["status"].clone()).collect();
        assert_eq!((status, json!(statuses)), (200, expected), "{fault:?}");
        if let ItemFault::Throttled { .. } = fault {
            assert_eq!(responses[0]["headers"]["retry-after"], "7");
        }
    }
    world.work(Act::FailBatchItems { items: 1, fault: ItemFault::Status503, path: "/$value".to_owned() });
    assert!(batch(&world, &token).await.1.iter().all(|response| response["status"] == 200), "meant for others");
}

#[tokio::test]
async fn a_batch_with_a_throttled_item_can_fail_as_a_whole_and_still_tells_of_each() {
    let world = World::new();
    let token = world.access().await;
    world.work(Act::FailThrottledBatches { on: true });
    assert_eq!(batch(&world, &token).await.0, 200);
    let fault = ItemFault::Throttled { retry_after: RetryAfter::Absent };
    world.work(Act::FailBatchItems { items: 1, fault, path: String::new() });
    let (status, responses) = batch(&world, &token).await;
    assert_eq!((status, responses.len()), (424, 3));
}

#[tokio::test]
async fn photos_survive_saving() {
    let world = World::new();
    let users = world.simulator.add_people(world.tenant, 5);
    world.work(Act::GivePhotos { count: 3 });
    let photos = |simulator: &entra_simulator::Simulator| -> Vec<Option<Vec<u8>>> {
        users.iter().map(|user| simulator.photo(world.tenant, *user, Some(48))).collect()
    };
    let before = photos(&world.simulator);
    assert!(before.iter().flatten().count() >= 2, "some have one");
    let loaded = entra_simulator::Simulator::load(crate::support::settings(), world.simulator.save()).unwrap();
    assert_eq!(photos(&loaded), before);
    world.work(Act::ChangePhotos { count: 3 });
    assert_ne!(photos(&world.simulator), before);
}
