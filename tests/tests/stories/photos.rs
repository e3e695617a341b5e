//! Photos: what is asked, fetched, kept and served, and what no failure takes away.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::{ConnectionId, ObjectId};
use domain::photo::{BYTES_MAX, judge};
use entra_simulator::{Act, Fault, ItemFault, PhotoPlace, RetryAfter, Role, Target};
use http::Request;
use jiff::SignedDuration;
use photo_sync::{SLICE, Step};
use serde_json::{Value, json};
use system_tests::engine::Lost;
use system_tests::shelf::Deed;
use system_tests::wire::Place;
use system_tests::world::person;
use system_tests::{Answer, World};
use uuid::Uuid;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Everybody in the directory.
fn everybody(world: &World) -> Vec<Uuid> {
    world.simulator.directory(world.tenant).iter().map(|person| person["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn give(world: &World, user: Uuid, bytes: &[u8]) {
    world.work(Act::GivePhoto { user, image: Some(STANDARD.encode(bytes)), side: None, place: PhotoPlace::Mailbox });
}

fn jpeg(text: &str) -> Vec<u8> {
    [b"\xff\xd8\xff\xe0", text.as_bytes()].concat()
}

/// The bytes that the API gives; `None` where it says that there are none.
async fn shown(world: &World, id: &ConnectionId, user: Uuid) -> Option<Vec<u8>> {
    let answer = world.photo(id, user).await;
    match answer.status.as_u16() {
        200 => Some(answer.bytes),
        404 => None,
        other => panic!("{other}: {}", answer.text),
    }
}

/// Holds what is served against the directory, and what is stored against what is served: nobody else's photo, and no remainders.
async fn assert_photos(world: &World, id: &ConnectionId) {
    let mut expected = 0;
    for user in everybody(world) {
        let real = world.simulator.photo(world.tenant, user, Some(240)).filter(|bytes| judge(bytes).is_ok());
        assert!(shown(world, id, user).await == real, "the photo of {user}");
        expected += usize::from(real.is_some());
    }
    let keys = world.shelf.keys();
    assert_eq!(keys.len(), expected, "{keys:?}");
    assert!(world.stored_tour(id).await.0.unsettled.is_empty());
}

/// A synced connection of which everybody else has a photo, and has been looked at.
async fn toured(people: u32) -> (World, ConnectionId) {
    let world = World::with_people(people).await;
    world.work(Act::GivePhotos { count: people / 2 });
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    assert_photos(&world, &id).await;
    (world, id)
}

/// How many batches were sent to Graph.
fn batches(world: &World) -> usize {
    world.simulator.requests().iter().filter(|request| request.path == "/v1.0/$batch").count()
}

/// Tours until nobody is left to be asked about again.
async fn tour_out(world: &World, id: &ConnectionId) {
    let began_at = world.now();
    for _ in 0..60 {
        world.tour(id).await;
        let (tour, due_at) = world.stored_tour(id).await;
        let is_round = tour.completed_at.is_some_and(|at| at >= began_at);
        if is_round && tour.parked.is_empty() && tour.unsettled.is_empty() && !tour.is_under_way() && due_at > world.now() {
            return;
        }
    }
    panic!("the tour does not come to rest");
}

#[tokio::test]
async fn everybodys_photo_is_there_after_the_first_tour() {
    let (world, id) = toured(50).await;
    let photos = everybody(&world).len() / 2;
    assert!(world.shelf.keys().len() >= photos - 1, "about half of them have one");
    for key in world.shelf.keys() {
        assert!(key.starts_with(&format!("photos/{id}/")), "{key}");
    }
    assert_eq!(batches(&world), 6, "of 51 people, three batches of what they have and three of bytes");
}

#[tokio::test]
async fn a_photo_is_served_as_what_it_is_and_may_be_asked_for_again() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    for (bytes, kind) in
        [(jpeg("Ada"), "image/jpeg"), (b"\x89PNG\r\n\x1a\nAda".to_vec(), "image/png"), (b"GIF89aAda".to_vec(), "image/gif")]
    {
        give(&world, world.admin, &bytes);
        tour_out(&world, &id).await;
        let answer = world.photo(&id, world.admin).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type"), &answer.bytes), (200, kind, &bytes));
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let etag = answer.header("etag").to_owned();
        let again = asked_with(&world, &id, &etag).await;
        assert_eq!((again.status.as_u16(), again.bytes.len(), again.header("etag")), (304, 0, etag.as_str()));
        assert_eq!(asked_with(&world, &id, "\"another\"").await.status, 200);
    }
}

async fn asked_with(world: &World, id: &ConnectionId, etag: &str) -> Answer {
    let token = world.backend.token("acme", "people:read", world.now());
    let request = Request::get(format!("/v1/connections/{id}/people/{}/photo", world.admin));
    let request = request.header("authorization", format!("Bearer {token}")).header("if-none-match", etag);
    world.send(request.body(axum::body::Body::empty()).unwrap()).await
}

#[tokio::test]
async fn unchanged_photos_cost_what_they_are_and_no_bytes_and_no_write() {
    let (world, id) = toured(50).await;
    let before = world.shelf.keys();
    let people = world.people(&id).await;
    let entries = async || {
        let items = world.engine.items().await.into_iter();
        items.filter(|item| item["pk"].as_s().is_ok_and(|key| key.starts_with("photo#"))).collect::<Vec<_>>()
    };
    let (asked, kept) = (batches(&world), entries().await);
    tour_out(&world, &id).await;
    assert_eq!(batches(&world) - asked, 3, "three batches of what they have");
    assert!(!kept.is_empty() && entries().await == kept, "no entry was written");
    assert_eq!(world.shelf.keys(), before);
    assert_eq!(world.people(&id).await, people, "no person was written");
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn a_photo_that_changed_is_fetched_and_the_old_one_removed() {
    let (world, id) = toured(12).await;
    let people = world.people(&id).await;
    let etags = async |world: &World| -> BTreeMap<Uuid, String> {
        let mut etags = BTreeMap::new();
        for user in everybody(world) {
            etags.insert(user, world.photo(&id, user).await.header("etag").to_owned());
        }
        etags
    };
    let before = etags(&world).await;
    let changed = world.work(Act::ChangePhotos { count: 3 });
    tour_out(&world, &id).await;
    assert_photos(&world, &id).await;
    let after = etags(&world).await;
    for user in everybody(&world) {
        assert_eq!(before[&user] != after[&user], changed.contains(&user), "{user}");
    }
    assert_eq!(world.people(&id).await, people, "no person was written");
}

#[tokio::test]
async fn a_photo_that_was_taken_away_is_forgotten_however_graph_says_so() {
    for placeholder in [false, true] {
        let (world, id) = toured(6).await;
        world.work(Act::PlaceholderPhotos { on: placeholder });
        let user = everybody(&world).into_iter().find(|user| world.simulator.photo(world.tenant, *user, None).is_some()).unwrap();
        world.work(Act::RemovePhoto { user });
        assert!(shown(&world, &id, user).await.is_some(), "until it is looked at");
        tour_out(&world, &id).await;
        assert_eq!(shown(&world, &id, user).await, None);
        assert_photos(&world, &id).await;
    }
}

#[tokio::test]
async fn no_partial_failure_takes_a_photo_away_and_whoever_failed_is_asked_about_again() {
    let throttled = ItemFault::Throttled { retry_after: RetryAfter::Seconds(90) };
    let unnamed = ItemFault::Throttled { retry_after: RetryAfter::Absent };
    let odd = [ItemFault::FailedDependency, ItemFault::Status503, ItemFault::Status504, ItemFault::BadToken, ItemFault::Malformed];
    let rest = [ItemFault::Empty, ItemFault::Unanswered, throttled, unnamed];
    for fault in odd.into_iter().chain(rest) {
        for path in ["/photo", "/$value"] {
            let (world, id) = toured(12).await;
            let before = world.shelf.keys();
            world.work(Act::ChangePhotos { count: 6 });
            world.work(Act::FailBatchItems { items: 3, fault: fault.clone(), path: path.to_owned() });
            world.tour(&id).await;
            for user in everybody(&world) {
                let has = world.simulator.photo(world.tenant, user, None).is_some();
                assert_eq!(shown(&world, &id, user).await.is_some(), has, "{fault:?} of {path}");
            }
            let after = world.shelf.keys();
            assert_eq!(after.len(), before.len(), "{fault:?} of {path}");
            assert!(after != before, "{fault:?} of {path}: those that were answered have changed");
            assert_eq!(world.health(&id).await, "healthy");
            let asked = batches(&world);
            tour_out(&world, &id).await;
            assert!(batches(&world) > asked, "{fault:?} of {path}");
            assert_photos(&world, &id).await;
            assert!(world.now().duration_since(world.stored_tour(&id).await.0.completed_at.unwrap()) < DAY);
        }
    }
}

#[tokio::test]
async fn a_bare_404_in_a_batch_is_no_photo_and_a_closed_mailbox_is_none() {
    for (fault, is_forgotten) in [(ItemFault::BareNotFound, true), (ItemFault::Denied, false), (ItemFault::NoMailbox, false)] {
        let world = World::with_people(4).await;
        let id = world.connect_and_sync().await;
        for user in everybody(&world) {
            give(&world, user, &jpeg("x"));
        }
        world.tick_photos().await;
        world.work(Act::FailBatchItems { items: 1, fault: fault.clone(), path: "/photo".to_owned() });
        world.tour(&id).await;
        assert_eq!(world.shelf.keys().len(), if is_forgotten { 4 } else { 5 }, "{fault:?}");
        world.tour(&id).await;
        assert_photos(&world, &id).await;
    }
}

#[tokio::test]
async fn a_throttled_batch_waits_as_long_as_it_is_asked_to() {
    for whole in [false, true] {
        let (world, id) = toured(12).await;
        world.work(Act::FailThrottledBatches { on: whole });
        let fault = ItemFault::Throttled { retry_after: RetryAfter::Seconds(600) };
        world.work(Act::FailBatchItems { items: 2, fault, path: "/photo".to_owned() });
        world.tour(&id).await;
        let (asked, throttled_at) = (batches(&world), world.now());
        assert!(world.status(&id).await["photos_problem"].is_string());
        for _ in 0..9 {
            world.pass(MINUTE);
            world.tick_photos().await;
        }
        assert_eq!(batches(&world), asked, "nobody goes early");
        world.set_now(throttled_at + SignedDuration::from_secs(600 * 9 / 8 + 1));
        world.tick_photos().await;
        assert_eq!(batches(&world), asked + 1, "only those who are left");
        assert_eq!(world.status(&id).await.get("photos_problem"), None);
        assert_photos(&world, &id).await;
    }
}

#[tokio::test]
async fn an_outage_of_graph_takes_nothing_away_and_is_waited_out() {
    for fault in [Fault::Status503, Fault::Status504, Fault::Html502, Fault::Reset, Fault::TruncatedJson] {
        let (world, id) = toured(6).await;
        world.work(Act::ChangePhotos { count: 6 });
        world.work(Act::FailNext { target: Target::Graph, times: 3, fault: fault.clone() });
        let before = world.shelf.keys();
        world.tour(&id).await;
        assert_eq!(world.shelf.keys(), before, "{fault:?}");
        assert_eq!(world.health(&id).await, "healthy", "{fault:?}");
        tour_out(&world, &id).await;
        assert_photos(&world, &id).await;
    }
}

#[tokio::test]
async fn what_is_too_large_or_no_image_is_not_kept_and_not_fetched_again() {
    let mut large = jpeg("");
    large.resize(BYTES_MAX + 1, 7);
    for bytes in [large, b"<svg onload='alert(1)'/>".to_vec(), b"<html>".to_vec()] {
        let world = World::new().await;
        give(&world, world.admin, &bytes);
        let id = world.connect_and_sync().await;
        world.tick_photos().await;
        assert_eq!(shown(&world, &id, world.admin).await, None);
        assert_eq!((world.shelf.keys().len(), batches(&world)), (0, 2));
        tour_out(&world, &id).await;
        assert_eq!(batches(&world), 3, "it is known by its ETag");
        give(&world, world.admin, &jpeg("Ada"));
        tour_out(&world, &id).await;
        assert_photos(&world, &id).await;
        give(&world, world.admin, &bytes);
        tour_out(&world, &id).await;
        assert_eq!((shown(&world, &id, world.admin).await, world.shelf.keys().len()), (None, 0), "and the old one is gone");
    }
}

#[tokio::test]
async fn photos_of_any_size_are_found() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    for (side, place, alone) in [
        (648, PhotoPlace::Mailbox, 0),
        (240, PhotoPlace::Mailbox, 0),
        (48, PhotoPlace::Mailbox, 0),
        (200, PhotoPlace::Directory, 0),
        (500, PhotoPlace::Directory, 1),
    ] {
        world.simulator.forget_requests();
        world.work(Act::GivePhoto { user: world.admin, image: None, side: Some(side), place });
        tour_out(&world, &id).await;
        let expected = match place {
            PhotoPlace::Mailbox => world.simulator.photo(world.tenant, world.admin, Some(240)),
            PhotoPlace::Directory => world.simulator.photo(world.tenant, world.admin, None),
        };
        assert!(shown(&world, &id, world.admin).await == expected, "{side} {place:?}");
        let requests = world.simulator.requests();
        assert_eq!(requests.iter().filter(|request| request.path.ends_with("/photo/$value")).count(), alone, "{side} {place:?}");
    }
}

#[tokio::test]
async fn a_photo_without_an_etag_is_compared_by_its_bytes() {
    let world = World::new().await;
    give(&world, world.admin, &jpeg("Ada"));
    let id = world.connect_and_sync().await;
    world.wire.bend_json("/$batch", |batch| {
        for item in batch["responses"].as_array_mut().into_iter().flatten() {
            if item["body"].is_object() {
                item["body"]["@odata.mediaEtag"] = Value::Null;
            }
        }
    });
    world.tick_photos().await;
    assert_photos(&world, &id).await;
    let kept = || async { world.ports.store.kept_of(&id, ObjectId(world.admin)).await.unwrap() };
    let before = kept().await;
    tour_out(&world, &id).await;
    assert_eq!(kept().await, before, "the same bytes are not written again");
    give(&world, world.admin, &jpeg("Ada, older"));
    tour_out(&world, &id).await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn newcomers_have_their_photo_within_minutes() {
    let (world, id) = toured(30).await;
    let bob = world.simulator.add_user(world.tenant, person("Bob", Role::Member));
    give(&world, bob, &jpeg("Bob"));
    world.sync(&id).await;
    let asked = batches(&world);
    world.tick_photos().await;
    assert_eq!(batches(&world), asked, "those who come together are gathered first");
    world.pass(MINUTE);
    world.tick_photos().await;
    assert_eq!(shown(&world, &id, bob).await, Some(jpeg("Bob")));
    assert_eq!(batches(&world), asked + 2, "nobody else is asked about");
    assert!(world.ports.store.newcomers(&id).await.unwrap().is_empty());
    world.pass(MINUTE);
    world.tick_photos().await;
    assert_eq!(batches(&world), asked + 2, "and Bob only once");
}

#[tokio::test]
async fn newcomers_who_come_while_a_tour_is_at_work_are_not_forgotten() {
    let (world, id) = toured(6).await;
    let (_, due_at) = world.stored_tour(&id).await;
    world.set_now(due_at);
    world.tick().await;
    let mut held = world.wire.hold("/$batch", Place::Inbound);
    let others = async {
        held.arrived().await;
        let bob = world.simulator.add_user(world.tenant, person("Bob", Role::Member));
        give(&world, bob, &jpeg("Bob"));
        world.sync(&id).await;
        held.release();
        bob
    };
    let (_, bob) = tokio::join!(world.tick_photos(), others);
    world.pass(MINUTE * 2);
    world.tick_photos().await;
    assert_eq!(shown(&world, &id, bob).await, Some(jpeg("Bob")));
}

#[tokio::test]
async fn whoever_leaves_has_no_photo_from_then_on_and_what_is_stored_is_swept() {
    let (world, id) = toured(40).await;
    let gone = world.work(Act::DeletePeople { count: 20 });
    world.sync(&id).await;
    for user in &gone {
        assert_eq!(shown(&world, &id, *user).await, None);
    }
    tour_out(&world, &id).await;
    assert_photos(&world, &id).await;
    assert!(world.shelf.keys().iter().all(|key| gone.iter().all(|user| !key.contains(&user.to_string()))), "nothing of theirs is left");
}

#[tokio::test]
async fn whoever_is_hidden_has_no_photo_from_then_on_and_gets_it_back() {
    let world = World::with_people(4).await;
    give(&world, world.admin, &jpeg("Ada"));
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    let ada = format!("person#{}", world.admin);
    let name_key = world.engine.take_attribute(id.as_str(), &ada, "name_key").await;
    assert_eq!(shown(&world, &id, world.admin).await, None, "at once");
    tour_out(&world, &id).await;
    assert_eq!(world.shelf.keys(), [""; 0]);
    world.engine.put_attribute(id.as_str(), &ada, ("name_key", name_key)).await;
    tour_out(&world, &id).await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn photos_that_may_not_be_read_stop_the_tour_and_nothing_else() {
    let (world, id) = toured(6).await;
    let (before, checks) = (world.shelf.keys(), world.stored(&id).await.check_at);
    world.work(Act::DenyPhotos { on: true });
    let asked = batches(&world);
    world.tour(&id).await;
    assert_eq!(batches(&world), asked + 1);
    let status = world.status(&id).await;
    assert_eq!(status["health"], "healthy");
    assert!(status["photos_problem"].as_str().is_some_and(|problem| problem.contains("User.Read.All")), "{status}");
    assert_eq!(world.shelf.keys(), before, "what is kept stays");
    assert!(world.stored(&id).await.check_at >= checks, "the grant is not asked for it");
    assert_eq!(world.notices(&id).await, [""; 0]);
    world.sync(&id).await;
    crate::support::assert_synced(&world, &id).await;
    for _ in 0..20 {
        world.pass(SignedDuration::from_hours(1));
        world.tick_photos().await;
    }
    assert_eq!(batches(&world), asked + 1, "once a day is enough");
    world.work(Act::DenyPhotos { on: false });
    world.work(Act::ChangePhotos { count: 3 });
    tour_out(&world, &id).await;
    assert_photos(&world, &id).await;
    assert_eq!(world.status(&id).await.get("photos_problem"), None);
}

#[tokio::test]
async fn a_new_consent_turns_photos_on_at_once() {
    let world = World::new().await;
    give(&world, world.admin, &jpeg("Ada"));
    world.work(Act::DenyPhotos { on: true });
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    assert!(world.status(&id).await["photos_problem"].is_string());
    world.work(Act::DenyPhotos { on: false });
    world.pass(MINUTE);
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    world.tick_photos().await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn a_connection_that_must_be_repaired_keeps_its_photos() {
    let (world, id) = toured(6).await;
    world.work(Act::RevokeSessions { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    let asked = batches(&world);
    for _ in 0..50 {
        world.pass(SignedDuration::from_hours(1));
        world.tick_photos().await;
    }
    assert_eq!(batches(&world), asked, "Graph is not asked with a dead grant");
    assert_photos(&world, &id).await;
    world.work(Act::ChangePhotos { count: 3 });
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    world.tick_photos().await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn a_token_that_graph_does_not_accept_is_waited_for() {
    let (world, id) = toured(6).await;
    world.work(Act::ClaimsChallengeGraph { times: 1 });
    let before = world.shelf.keys();
    world.tour(&id).await;
    assert_eq!((world.shelf.keys(), world.health(&id).await), (before, "healthy".to_owned()));
    world.pass(MINUTE * 15);
    world.tick().await;
    tour_out(&world, &id).await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn a_tour_waits_for_the_first_people_and_for_a_live_token() {
    let world = World::with_people(30).await;
    world.work(Act::PageSize { people: 10 });
    world.work(Act::GivePhotos { count: 10 });
    let id = world.connect().await;
    world.tick_photos().await;
    assert_eq!(batches(&world), 0, "nobody is there yet");
    world.drain().await;
    world.pass(SignedDuration::from_hours(3));
    world.tick_photos().await;
    assert_eq!(batches(&world), 0, "the token has ended");
    world.tick().await;
    world.pass(MINUTE * 3);
    world.tick_photos().await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn a_slice_that_ends_hands_the_rest_on_look_by_look() {
    let world = World::with_people(59).await;
    world.work(Act::GivePhotos { count: 60 });
    let id = world.connect_and_sync().await;
    assert_eq!(photo_sync::tick(&world.studio()).await.unwrap(), 1);
    for looks in 1..=3 {
        let message = world.photo_tasks.take_due().unwrap();
        // The slice is over as soon as it begins: one look is taken all the same.
        assert!(photo_sync::take(&world.studio(), &message, world.now()).await);
        assert_eq!(batches(&world), looks * 2);
    }
    world.drain_photos().await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn a_lost_task_is_made_up_for_by_the_schedule() {
    let world = World::with_people(39).await;
    world.work(Act::GivePhotos { count: 40 });
    let id = world.connect_and_sync().await;
    photo_sync::tick(&world.studio()).await.unwrap();
    let message = world.photo_tasks.take_due().unwrap();
    assert!(photo_sync::take(&world.studio(), &message, world.now()).await);
    world.photo_tasks.lose();
    assert_eq!(photo_sync::tick(&world.studio()).await.unwrap(), 0);
    world.pass(SignedDuration::from_secs(121));
    world.tick_photos().await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn two_workers_at_once_look_once() {
    let (world, id) = toured(6).await;
    let (_, due_at) = world.stored_tour(&id).await;
    world.set_now(due_at);
    world.tick().await;
    let mut held = world.wire.hold("/$batch", Place::Inbound);
    let (studio, until) = (world.studio(), world.now() + SLICE);
    let second = async {
        held.arrived().await;
        let step = photo_sync::step(&studio, &id, until).await.unwrap();
        held.release();
        step
    };
    let (first, second) = tokio::join!(photo_sync::step(&studio, &id, until), second);
    assert_eq!((first.unwrap(), second), (Step::Rested, Step::Idle));
}

#[tokio::test]
async fn a_worker_that_was_overtaken_leaves_the_photos_as_they_are() {
    let (world, id) = toured(6).await;
    world.work(Act::ChangePhotos { count: 3 });
    let (_, due_at) = world.stored_tour(&id).await;
    world.set_now(due_at);
    world.tick().await;
    let mut held = world.wire.hold("/$batch", Place::Inbound);
    let studio = world.studio();
    let others = async {
        held.arrived().await;
        world.work(Act::ChangePhotos { count: 3 });
        world.pass(SignedDuration::from_mins(10));
        world.tick_photos().await;
        assert_photos(&world, &id).await;
        held.release();
    };
    let (slow, ()) = tokio::join!(photo_sync::step(&studio, &id, due_at + SLICE), others);
    assert_eq!(slow.unwrap(), Step::Idle);
    assert_photos(&world, &id).await;
}

/// Changes of every kind under a tour of which one deed is lost on the way; then time passes and the schedules do what is due.
async fn die_at(lose: impl Fn(&World)) {
    let (world, id) = toured(14).await;
    world.work(Act::ChangePhotos { count: 4 });
    world.work(Act::GivePhotos { count: 3 });
    let user = everybody(&world).into_iter().find(|user| world.simulator.photo(world.tenant, *user, None).is_some()).unwrap();
    world.work(Act::RemovePhoto { user });
    world.work(Act::DeletePeople { count: 2 });
    world.sync(&id).await;
    let (_, due_at) = world.stored_tour(&id).await;
    world.set_now(due_at.max(world.now()));
    world.tick().await;
    lose(&world);
    world.tick_photos().await;
    world.work(Act::ChangePhotos { count: 2 });
    for _ in 0..4 {
        world.pass(SignedDuration::from_mins(10));
        world.tick().await;
        world.tick_photos().await;
    }
    tour_out(&world, &id).await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn a_worker_may_die_at_any_write_of_a_tour() {
    for after in [0, 1, 2, 4] {
        for lost in [Lost::Request, Lost::Answer] {
            die_at(|world| world.engine.meter.lose("UpdateItem", after, lost)).await;
        }
    }
}

#[tokio::test]
async fn a_worker_may_die_while_it_writes_what_is_kept() {
    for operation in ["PutItem", "DeleteItem"] {
        for after in [0, 2] {
            for lost in [Lost::Request, Lost::Answer] {
                die_at(|world| world.engine.meter.lose(operation, after, lost)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_worker_may_die_at_any_object() {
    for deed in [Deed::Put, Deed::Remove, Deed::List] {
        for after in [0, 2] {
            for lost in [Lost::Request, Lost::Answer] {
                die_at(|world| world.shelf.lose(deed, after, lost)).await;
            }
        }
    }
}

#[tokio::test]
async fn an_object_that_is_lost_is_fetched_anew_when_it_is_asked_for() {
    let world = World::new().await;
    give(&world, world.admin, &jpeg("Ada"));
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    world.shelf.clear();
    assert_eq!(shown(&world, &id, world.admin).await, None);
    world.pass(MINUTE * 2);
    world.tick_photos().await;
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn an_object_store_that_fails_is_told_as_our_fault() {
    let world = World::new().await;
    give(&world, world.admin, &jpeg("Ada"));
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    world.shelf.lose(Deed::Read, 0, Lost::Request);
    let answer = world.photo(&id, world.admin).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (503, "application/problem+json"));
    assert_photos(&world, &id).await;
}

#[tokio::test]
async fn another_customer_finds_no_photo() {
    let world = World::new().await;
    give(&world, world.admin, &jpeg("Ada"));
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    let path = format!("/v1/connections/{id}/people/{}/photo", world.admin);
    let others = world.call("globex", "GET", &path, None).await;
    assert_eq!((others.status.as_u16(), others.header("content-type")), (404, "application/problem+json"));
    let nobodys = world.call("globex", "GET", &format!("/v1/connections/con-0/people/{}/photo", world.admin), None).await;
    assert_eq!(others.text, nobodys.text, "as if there were none");
    let eve = world.simulator.add_tenant("Fabrikam");
    let eve = (eve, world.simulator.add_user(eve, person("Eve", Role::Admin)));
    let own = world.connect_as("globex", eve).await;
    world.drain().await;
    let crossed = world.call("globex", "GET", &format!("/v1/connections/{own}/people/{}/photo", world.admin), None).await;
    assert_eq!(crossed.status, 404, "under a connection of one's own, another's person is nobody");
}

#[tokio::test]
async fn a_photo_is_asked_for_properly_or_not_given() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let get = async |path: &str| world.get(path).await;
    let wrong = get(&format!("/v1/connections/{id}/people/ada/photo")).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (422, &json!("person")));
    let wrong = get(&format!("/v1/connections/a%20b/people/{}/photo", world.admin)).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (422, &json!("connection")));
    let wrong = get(&format!("/v1/connections/{id}/people/%ff/photo")).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (422, &json!("path")));
    let none = get(&format!("/v1/connections/{id}/people/{}/photo", world.admin)).await;
    assert_eq!((none.status.as_u16(), &none.json()["detail"]), (404, &json!("there is no such photo")));
}

#[tokio::test]
async fn a_message_that_is_no_task_is_left_to_the_dead_letter_queue() {
    let world = World::new().await;
    for message in ["", "{}", "null", r#"{"connection":"a/b"}"#, r#"{"connection":"con-1","extra":1}"#] {
        assert!(!photo_sync::take(&world.studio(), message, world.now()).await, "{message:?}");
    }
    let stranger = r#"{"connection":"con-00000000000000000000000000"}"#;
    assert!(photo_sync::take(&world.studio(), stranger, world.now()).await, "a connection that is gone has nothing left to do");
}

#[tokio::test]
async fn a_large_tenant_is_asked_about_a_part_at_a_time() {
    let world = World::with_people(1_500).await;
    let id = world.connect_and_sync().await;
    world.tick_photos().await;
    let (tour, due_at) = world.stored_tour(&id).await;
    assert_eq!((tour.ranges, tour.completed_at, tour.answered), (2, Some(world.now()), 1_501), "the first tour does not pause");
    let wait = due_at.duration_since(world.now());
    assert!(wait >= SignedDuration::from_hours(12) && wait <= SignedDuration::from_hours(14), "{wait}");
    let asked = batches(&world);
    world.tour(&id).await;
    let half = batches(&world) - asked;
    assert!((30..46).contains(&half), "{half} of 76 batches");
    world.tour(&id).await;
    assert_eq!(batches(&world) - asked, 76);
}
