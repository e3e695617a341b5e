//! Who changed since a cursor.

use adapters::store::Holder;
use adapters::store::changes::Change;
use adapters::store::walks::TakenWalk;
use domain::ids::{ConnectionId, ObjectId};
use domain::roll::Kind;
use domain::walk::Walk;
use entra_simulator::{Act, Role};
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::world::person;
use system_tests::{Answer, World};
use uuid::Uuid;

use crate::reading::{hide, people};
use crate::support::deliver;

/// Writes a walk as the sync would; answers the number of its last page that counts.
async fn turn(world: &World, id: &ConnectionId, turn: impl FnOnce(&mut Walk)) -> u64 {
    let (store, now) = (&world.ports.store, world.now());
    let holder = Holder { nonce: [3; 16], until: now + SignedDuration::from_mins(1) };
    let (TakenWalk { mut walk, due_at, .. }, lease) = store.take_walk(id, holder, now).await.unwrap().expect("nobody holds the walk");
    turn(&mut walk);
    store.settle_walk(id, &walk, &lease, due_at.unwrap_or(now)).await.unwrap();
    walk.changes
}

/// Notes a page's changes under the next number; it does not count yet.
async fn note(world: &World, id: &ConnectionId, changes: &[(Uuid, Kind)]) {
    let last = turn(world, id, |_| {}).await;
    let changes: Vec<Change> = changes.iter().map(|(person, kind)| Change { id: ObjectId(*person), kind: *kind }).collect();
    world.ports.store.note_changes(id, last + 1, &changes, world.now()).await.unwrap();
}

/// Notes a page's changes, which count.
async fn commit(world: &World, id: &ConnectionId, changes: &[(Uuid, Kind)]) {
    note(world, id, changes).await;
    turn(world, id, |walk| walk.changes += 1).await;
}

/// Asks for changes from a cursor on, or for a cursor.
async fn ask(world: &World, id: &ConnectionId, cursor: Option<&str>, limit: usize) -> Answer {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    world.call_from_server("acme", "GET", &people(id, &format!("/changes?limit={limit}{cursor}")), None).await
}

fn cursor(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["next_cursor"].as_str().expect("there is always a cursor").to_owned()
}

/// Who became what, of one answer.
fn told(answer: &Answer) -> Vec<(Uuid, String)> {
    let changes = answer.json()["changes"].as_array().cloned().unwrap_or_else(|| panic!("changes, not {}", answer.text));
    let one = |change: &Value| {
        assert_eq!(change.get("person").is_some(), change["change"] != "removed", "{change}");
        (change["id"].as_str().unwrap().parse().unwrap(), change["change"].as_str().unwrap().to_owned())
    };
    changes.iter().map(one).collect()
}

fn ids(world: &World) -> Vec<Uuid> {
    let id = |person: &Value| person["id"].as_str().and_then(|id| id.parse().ok());
    world.simulator.directory(world.tenant).iter().filter_map(id).collect()
}

#[tokio::test]
async fn a_reader_gets_a_cursor_first_and_then_whoever_changed_as_they_are_now() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let first = ask(&world, &id, None, 100).await;
    assert_eq!((told(&first), &first.json()["has_more"]), (vec![], &json!(false)));
    let begin = cursor(&first);
    let everybody = ids(&world);
    let gone = everybody.iter().copied().find(|person| *person != world.admin).unwrap();
    let properties = json!({"jobTitle": "Countess"});
    world.work(Act::ChangeUser { user: world.admin, properties: properties.as_object().cloned().unwrap() });
    world.work(Act::DeleteUser { user: gone });
    let came = world.simulator.add_user(world.tenant, person("Zed", Role::Member));
    world.sync(&id).await;
    let next = ask(&world, &id, Some(&begin), 100).await;
    let mut became = told(&next);
    became.sort();
    let mut expected = [(world.admin, "changed".to_owned()), (gone, "removed".to_owned()), (came, "added".to_owned())];
    expected.sort();
    assert_eq!(became, expected);
    let ada = next.json()["changes"].as_array().unwrap().iter().find(|change| change["id"] == json!(world.admin)).unwrap().clone();
    let one = world.get(&people(&id, &format!("/{}", world.admin))).await.json();
    assert_eq!((&ada["person"], &ada["person"]["attributes"]["jobTitle"]), (&one["person"], &json!("Countess")));
    assert_eq!(next.json()["data"], one["data"]);
    let end = ask(&world, &id, Some(&cursor(&next)), 100).await;
    assert_eq!((told(&end), &end.json()["has_more"]), (vec![], &json!(false)));
}

#[tokio::test]
async fn a_person_is_told_once_by_what_they_were_before_and_are_now() {
    let world = World::with_people(4).await;
    let id = world.connect_and_sync().await;
    let begin = cursor(&ask(&world, &id, None, 100).await);
    let others: Vec<Uuid> = ids(&world).into_iter().filter(|person| *person != world.admin).collect();
    let (came_and_went, never_shown) = (Uuid::from_u128(7), others[3]);
    commit(&world, &id, &[(others[0], Kind::Added), (others[1], Kind::Removed), (others[2], Kind::Changed), (never_shown, Kind::Changed)])
        .await;
    commit(&world, &id, &[(others[0], Kind::Changed), (others[1], Kind::Added), (came_and_went, Kind::Added)]).await;
    commit(&world, &id, &[(others[2], Kind::Hidden), (came_and_went, Kind::Removed)]).await;
    hide(&world, &id, others[2]).await;
    hide(&world, &id, never_shown).await;
    let word = |person: Uuid, word: &str| (person, word.to_owned());
    assert_eq!(
        told(&ask(&world, &id, Some(&begin), 100).await),
        [word(others[0], "added"), word(others[1], "changed"), word(others[2], "removed"), word(came_and_went, "removed")]
    );
}

#[tokio::test]
async fn what_a_page_notes_is_seen_only_once_it_counts() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let begin = cursor(&ask(&world, &id, None, 100).await);
    note(&world, &id, &[(world.admin, Kind::Changed)]).await;
    let before = ask(&world, &id, Some(&begin), 100).await;
    assert_eq!((told(&before), &before.json()["has_more"]), (vec![], &json!(false)));
    turn(&world, &id, |walk| walk.changes += 1).await;
    for cursor in [cursor(&before), begin] {
        assert_eq!(told(&ask(&world, &id, Some(&cursor), 100).await), [(world.admin, "changed".to_owned())]);
    }
}

#[tokio::test]
async fn answers_of_any_length_put_together_tell_everybody() {
    let world = World::with_people(40).await;
    let id = world.connect_and_sync().await;
    let begin = cursor(&ask(&world, &id, None, 100).await);
    let everybody = ids(&world);
    for page in everybody.chunks(9) {
        let changes: Vec<(Uuid, Kind)> = page.iter().map(|person| (*person, Kind::Changed)).collect();
        commit(&world, &id, &changes).await;
        // Pages that change nobody note nothing.
        turn(&world, &id, |walk| walk.changes += 1).await;
    }
    for limit in [1, 4, 9, 10, 100] {
        let (mut met, mut at, mut has_more) = (Vec::new(), begin.clone(), true);
        for _ in 0..60 {
            let answer = ask(&world, &id, Some(&at), limit).await;
            at = cursor(&answer);
            has_more = answer.json()["has_more"] == true;
            let changes = told(&answer);
            assert!(changes.len() <= limit);
            met.extend(changes.into_iter().map(|(person, _)| person));
            if !has_more {
                break;
            }
        }
        assert_eq!((has_more, &met), (false, &everybody), "limit {limit}");
    }
}

#[tokio::test]
async fn changes_begin_where_the_first_load_ends() {
    let world = World::with_people(29).await;
    world.work(Act::PageSize { people: 10 });
    let id = world.create("acme").await;
    let refused = |answer: &Answer| {
        assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (409, &json!("urn:evergrant:problem:conflict")), "{}", answer.text);
    };
    refused(&ask(&world, &id, None, 100).await);
    world.consent(&id).await;
    assert!(deliver(&world).await);
    refused(&ask(&world, &id, None, 100).await);
    world.drain().await;
    let begin = cursor(&ask(&world, &id, None, 100).await);
    assert_eq!(told(&ask(&world, &id, Some(&begin), 100).await), []);
    let properties = json!({"jobTitle": "Countess"});
    world.work(Act::ChangeUser { user: world.admin, properties: properties.as_object().cloned().unwrap() });
    world.sync(&id).await;
    assert_eq!(told(&ask(&world, &id, Some(&begin), 100).await), [(world.admin, "changed".to_owned())]);
}

#[tokio::test]
async fn a_cursor_of_changes_that_are_no_more_is_gone() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    commit(&world, &id, &[(world.admin, Kind::Changed)]).await;
    let begin = cursor(&ask(&world, &id, None, 100).await);
    // As if everything were loaded anew.
    turn(&world, &id, |walk| walk.changes = 0).await;
    let answer = ask(&world, &id, Some(&begin), 100).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (410, &json!("urn:evergrant:problem:gone")), "{}", answer.text);
    assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("read the list anew")), "{}", answer.text);
    let anew = cursor(&ask(&world, &id, None, 100).await);
    assert_eq!(ask(&world, &id, Some(&anew), 100).await.status, 200);
}

#[tokio::test]
async fn a_cursor_lasts_34_days_and_goes_on_from_a_page_no_longer_than_that_page() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let begin = cursor(&ask(&world, &id, None, 100).await);
    let changes: Vec<(Uuid, Kind)> = ids(&world).into_iter().map(|person| (person, Kind::Changed)).collect();
    commit(&world, &id, &changes).await;
    world.pass(SignedDuration::from_hours(33 * 24));
    let midst = cursor(&ask(&world, &id, Some(&begin), 2).await);
    let end = cursor(&ask(&world, &id, Some(&begin), 100).await);
    world.pass(SignedDuration::from_hours(24));
    for (what, cursor, status) in [("too old", &begin, 410), ("in the midst of what is too old", &midst, 410), ("at the end", &end, 200)] {
        assert_eq!(ask(&world, &id, Some(cursor), 100).await.status, status, "{what}");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_connection_only() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let other = world.fleet(1).await.remove(0);
    world.drain().await;
    let path = people(&other.id, "/changes");
    let foreign = cursor(&world.call_from_server(&other.customer, "GET", &path, None).await);
    let answer = ask(&world, &id, Some(&foreign), 100).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (422, &json!("cursor")), "{}", answer.text);
}

#[tokio::test]
async fn a_reader_who_hears_nothing_new_need_not_be_told_so_at_length() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let begin = cursor(&ask(&world, &id, None, 100).await);
    let path = people(&id, &format!("/changes?cursor={begin}"));
    let first = world.get(&path).await;
    world.pass(SignedDuration::from_mins(5));
    let again = world.get(&path).await;
    assert_eq!((again.header("etag"), &again.text), (first.header("etag"), &first.text));
}
