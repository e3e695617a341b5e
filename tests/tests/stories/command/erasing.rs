//! What cannot be undone: the end of a connection, and the erasure of a customer; and the export, which must tell all that is erased.

use std::collections::BTreeMap;

use adapters::store::erasures::Erasure;
use adapters::store::people::Write;
use domain::ids::{ConnectionId, CustomerId, ObjectId};
use entra_simulator::Role;
use evergrant::erase::{Progress, advance};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use system_tests::World;
use system_tests::engine::{Item, Lost};
use system_tests::wire::Place;
use system_tests::world::{CUSTOMER, Member, person};

use super::{everything, one};

const JPEG: &[u8] = b"\xff\xd8\xff a photo";

/// A customer with two connections that have everything a connection can have, and another customer.
struct Stage {
    world: World,
    ids: Vec<ConnectionId>,
    other: Member,
}

impl Stage {
    async fn set() -> Self {
        let world = World::with_people(4).await;
        let id = world.connect_and_sync().await;
        world.simulator.give_photo(world.tenant, world.admin, JPEG);
        world.tour(&id).await;
        // A death leaves a notice, and two consents leave an attempt that is not the latest.
        world.work(entra_simulator::Act::ResetAdminPassword { user: world.admin });
        assert_eq!(world.verdict(&id).await, "dead");
        world.consent(&id).await;
        world.drain().await;
        let tenant = world.simulator.add_tenant("Fabrikam");
        let admin = world.simulator.add_user(tenant, person("Grace", Role::Admin));
        let second = world.connect_as(CUSTOMER, (tenant, admin)).await;
        let other = world.fleet(1).await.remove(0);
        world.drain().await;
        world.simulator.give_photo(other.tenant, other.admin, JPEG);
        world.tour(&other.id).await;
        Self { world, ids: vec![id, second], other }
    }

    /// Less, for stories that begin many times: one connection with a photo, and another customer.
    async fn set_small() -> Self {
        let world = World::with_people(1).await;
        let id = world.connect_and_sync().await;
        world.simulator.give_photo(world.tenant, world.admin, JPEG);
        world.tour(&id).await;
        let other = world.fleet(1).await.remove(0);
        Self { world, ids: vec![id], other }
    }

    fn customer() -> CustomerId {
        CUSTOMER.parse().unwrap()
    }

    /// Whether an item has to do with the customer that is erased.
    fn is_theirs(&self, item: &Item) -> bool {
        let text = format!("{item:?}");
        text.contains(CUSTOMER) || self.ids.iter().any(|id| text.contains(id.as_str()))
    }

    /// What has to do with them, without the note of the erasure; and everything else.
    async fn parted(&self) -> (Vec<Item>, Vec<Item>) {
        let is_note = |item: &Item| item["pk"].as_s().is_ok_and(|pk| pk == &format!("erasure#{CUSTOMER}"));
        let items = everything(&self.world).await.into_iter().filter(|item| !is_note(item));
        items.partition(|item| self.is_theirs(item))
    }

    fn photos(&self) -> Vec<String> {
        let is_theirs = |key: &String| self.ids.iter().any(|id| key.contains(id.as_str()));
        self.world.shelf.keys().into_iter().filter(is_theirs).collect()
    }

    /// Goes on with the erasure until it is done, however often it has to wait.
    async fn finish(&self) -> Erasure {
        for _ in 0..5 {
            match advance(&self.world.office(), &Self::customer()).await.unwrap() {
                Progress::Waiting(until) => self.world.set_now(until),
                Progress::Done(erasure) => return erasure,
            }
        }
        panic!("the erasure does not end");
    }

    async fn assert_gone(&self, others: &[Item]) {
        let (theirs, rest) = self.parted().await;
        assert_eq!(theirs, Vec::<Item>::new());
        assert_eq!(rest, others, "the other customer's items are what they were");
        assert_eq!(self.photos(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_disconnection_that_is_not_confirmed_changes_nothing() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    let before = everything(&world).await;
    for (yes, typed) in [("", "yes\n"), ("", ""), (" --yes con-another", id.as_str())] {
        let said = world.command(&format!("disconnect {id}{yes}"), typed).await;
        assert_eq!((said.code, said.asides.contains("nothing was changed")), (2, true), "{said:?}");
    }
    assert_eq!(everything(&world).await, before);
}

#[tokio::test]
async fn a_disconnected_connection_keeps_its_people_and_comes_back_by_consent_alone() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let begun = world.begin(&id).await;
    let said = world.command(&format!("disconnect {id}"), &format!("{id}\n")).await;
    assert_eq!((said.code, said.asides.contains(&format!("To confirm, type {id}: "))), (0, true), "{said:?}");
    assert_eq!(world.health(&id).await, "disconnected");
    assert_eq!(world.ports.store.tokens(&id).await.unwrap(), []);
    assert_eq!(world.people(&id).await.len(), 4);
    assert!(world.status(&id).await["data"]["stale_since"].is_string(), "the data grows old");
    world.come_back(&world.accept(&begun)).await;
    assert_eq!(world.attempt(&begun.attempt).await["state"], "superseded", "a consent that was begun before comes to nothing");
    let asked = world.wire.seen().len();
    world.pass(SignedDuration::from_hours(48));
    world.tick().await;
    attribute_sync::tick(&world.ports).await.unwrap();
    world.drain().await;
    world.tick_photos().await;
    assert_eq!(world.wire.seen().len(), asked, "nobody is asked anything");
    assert_eq!(world.notices(&id).await, [""; 0], "it was meant");
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    world.drain().await;
    crate::support::assert_synced(&world, &id).await;
}

#[tokio::test]
async fn a_token_that_a_check_stores_while_it_is_disconnected_is_deleted_too() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.set_now(world.stored(&id).await.check_at.unwrap());
    let mut held = world.wire.hold("/token", Place::Outbound);
    let disconnecting = async {
        held.arrived().await;
        let desk = world.office();
        let closed = desk.store.close(&id, [1; 16], world.now()).await.unwrap().unwrap();
        desk.store.delete_tokens(&id).await.unwrap();
        held.release();
        closed.quiet_from
    };
    let (report, quiet_from) = tokio::join!(world.tick(), disconnecting);
    assert!(report.outcomes.contains_key("overtaken"), "{report:?}");
    assert_eq!(world.ports.store.tokens(&id).await.unwrap().len(), 1, "the worker stored what it was given");
    assert!(quiet_from > world.now(), "its lease tells that it may");
    let said = world.command(&format!("disconnect {id} --yes {id}"), "").await;
    assert_eq!((said.code, world.ports.store.tokens(&id).await.unwrap()), (0, Vec::new()), "{said:?}");
    assert_eq!(world.health(&id).await, "disconnected");
}

#[tokio::test]
async fn an_erasure_that_is_not_confirmed_changes_nothing() {
    let stage = Stage::set().await;
    let before = everything(&stage.world).await;
    for (yes, typed) in [("", "yes\n"), ("", ""), (" --yes acme-2", "acme\n")] {
        let said = stage.world.command(&format!("erase {CUSTOMER}{yes}"), typed).await;
        assert_eq!((said.code, said.asides.contains("nothing was changed")), (2, true), "{said:?}");
    }
    assert_eq!((everything(&stage.world).await, stage.photos().len()), (before, 1));
}

#[tokio::test]
async fn a_customer_is_erased_with_proof_and_no_other_is_touched() {
    let stage = Stage::set().await;
    let (theirs, others) = stage.parted().await;
    let kept_photos = stage.world.shelf.keys().len() - stage.photos().len();
    assert!(theirs.len() > 20 && others.len() > 5 && stage.photos().len() == 1 && kept_photos == 1);
    let export = stage.world.command(&format!("export {CUSTOMER} --to -"), "").await;
    assert_eq!(export.code, 0, "{}", export.asides);
    assert_eq!(everything(&stage.world).await.len(), theirs.len() + others.len(), "an export changes nothing");
    let said = stage.world.command(&format!("erase {CUSTOMER} --json"), &format!("{CUSTOMER}\n")).await;
    let proof = one(&said.lines()).clone();
    assert_eq!((said.code, &proof["found_afterwards"], &proof["connections"]), (0, &json!(0), &json!(sorted(&stage.ids))), "{said:?}");
    stage.assert_gone(&others).await;
    assert_eq!(stage.world.shelf.keys().len(), kept_photos);
    let deleted: BTreeMap<String, u64> = serde_json::from_value(proof["deleted"].clone()).unwrap();
    assert_eq!(deleted, counted(&export.lines()), "the export told everything that was erased, and nothing else");
    assert_eq!(deleted.values().sum::<u64>(), theirs.len() as u64 + 1, "with the photo: {deleted:?}");
    let again = stage.world.command(&format!("erase {CUSTOMER} --json --yes {CUSTOMER}"), "").await;
    assert_eq!(one(&again.lines()), &proof, "the proof can be had again");
    assert_eq!(stage.world.status_of(&stage.other.customer, &stage.other.id).await["health"], "healthy");
}

fn sorted(ids: &[ConnectionId]) -> Vec<ConnectionId> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

/// The lines of an export by their kind, without those about the export.
fn counted(lines: &[Value]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let kind = line["kind"].as_str().unwrap().to_owned();
        if !["export", "end"].contains(&kind.as_str()) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    counts
}

#[tokio::test]
async fn an_export_has_the_people_by_name_the_photos_and_no_secret() {
    let stage = Stage::set().await;
    let file = std::env::temp_dir().join(format!("evergrant-export-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let command = format!("export {CUSTOMER} --to {}", file.display());
    assert_eq!(stage.world.command(&command, "").await.code, 0);
    let again = stage.world.command(&command, "").await;
    assert_eq!(again.code, 3, "a file that is there is not written over: {again:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for secret in stage.world.wire.secrets() {
        assert!(!text.contains(&secret));
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).cloned().collect::<Vec<_>>();
    let (mut told, mut real) = (Vec::new(), Vec::new());
    for id in &stage.ids {
        real.extend(stage.world.people(id).await.iter().map(|person| json!([person["id"], person["attributes"], person["manager"]["id"]])));
    }
    told.extend(of("person").iter().map(|line| json!([line["person"]["id"], line["person"]["attributes"], line["person"]["manager"]])));
    for people in [&mut told, &mut real] {
        people.sort_by_key(|person| person[0].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(told, real, "people are exported as the API tells them");
    let notices: Vec<Value> = of("notice").iter().map(|line| line["body"]["kind"].clone()).collect();
    assert!(notices.contains(&json!("dead")), "{notices:?}");
    assert_eq!(of("photo-file")[0]["base64"], base64::Engine::encode(&base64::engine::general_purpose::STANDARD, JPEG));
    assert!(of("tokens").iter().all(|line| line["access"]["sealed_bytes"].is_number() && line["refresh"]["sealed_bytes"].is_number()));
    let end = lines.last().unwrap();
    assert_eq!((&end["kind"], &end["counts"]), (&json!("end"), &json!(counted(&lines))));
    assert!(!text.contains(stage.other.id.as_str()) && !text.contains(&stage.other.customer), "nothing of another customer's");
}

#[tokio::test]
async fn a_sync_under_way_cannot_bring_people_back() {
    let stage = Stage::set().await;
    let (_, others) = stage.parted().await;
    let (world, id) = (&stage.world, &stage.ids[0]);
    world.command(&format!("sync {id} --full"), "").await;
    let ada = world.ports.store.people(id, &[ObjectId(world.admin)]).await.unwrap().remove(0).record();
    let again = ada.clone();
    // Graph marks the present; the next step lists everybody.
    world.step(id).await.unwrap();
    let mut held = world.wire.hold("/v1.0/users", Place::Inbound);
    let erasing = async {
        held.arrived().await;
        let progress = advance(&world.office(), &Stage::customer()).await.unwrap();
        assert_eq!(stage.parted().await.0, Vec::<Item>::new(), "all of it is deleted");
        held.release();
        progress
    };
    let (step, progress) = tokio::join!(world.step(id), erasing);
    assert!(!matches!(step, Ok(attribute_sync::Step::Moved | attribute_sync::Step::Completed)), "{step:?}");
    let Progress::Waiting(until) = progress else { panic!("the worker's lease is waited for") };
    // A write that was on its way asks for no lease, and may arrive as long as the worker's would have lasted.
    world.ports.store.write_people(id, &[Write::Put(ada)], world.now()).await.unwrap();
    assert_eq!(stage.parted().await.0.len(), 1);
    assert!(matches!(advance(&world.office(), &Stage::customer()).await, Ok(Progress::Waiting(at)) if at == until));
    world.ports.store.write_people(id, &[Write::Put(again)], until).await.unwrap();
    world.set_now(until);
    let erasure = stage.finish().await;
    assert!(erasure.finished_at.is_some_and(|at| at >= until));
    stage.assert_gone(&others).await;
    world.drain().await;
    stage.assert_gone(&others).await;
}

#[tokio::test]
async fn a_check_under_way_cannot_bring_a_token_back() {
    let stage = Stage::set().await;
    let (world, id) = (&stage.world, &stage.ids[0]);
    world.set_now(world.stored(id).await.check_at.unwrap());
    let mut held = world.wire.hold("/token", Place::Outbound);
    let erasing = async {
        held.arrived().await;
        let progress = advance(&world.office(), &Stage::customer()).await.unwrap();
        held.release();
        progress
    };
    let (_, progress) = tokio::join!(world.tick(), erasing);
    let Progress::Waiting(until) = progress else { panic!("the worker's lease is waited for") };
    assert!(until > world.now());
    let erasure = stage.finish().await;
    assert!(erasure.finished_at.is_some_and(|at: Timestamp| at >= until));
    assert_eq!(stage.parted().await.0, Vec::<Item>::new());
}

#[tokio::test]
async fn a_consent_under_way_connects_nothing_that_was_erased() {
    let stage = Stage::set().await;
    let world = &stage.world;
    let begun = world.begin(&stage.ids[0]).await;
    let back = world.accept(&begun);
    let (_, others) = stage.parted().await;
    let mut held = world.wire.hold("/token", Place::Outbound);
    let erasing = async {
        held.arrived().await;
        let progress = advance(&world.office(), &Stage::customer()).await.unwrap();
        held.release();
        progress
    };
    let (_, progress) = tokio::join!(world.come_back(&back), erasing);
    assert!(matches!(progress, Progress::Waiting(_)), "{progress:?}");
    stage.finish().await;
    stage.assert_gone(&others).await;
}

/// Erases with one write lost, and again without; `false` where nothing was lost because there were not so many writes.
async fn killed(operation: &str, after: u32, lost: Lost) -> bool {
    let stage = Stage::set_small().await;
    let (theirs, others) = stage.parted().await;
    let photos = stage.photos().len() as u64;
    let meter = &stage.world.engine.meter;
    meter.lose(operation, after, lost);
    let mut is_killed = false;
    for _ in 0..4 {
        match advance(&stage.world.office(), &Stage::customer()).await {
            Ok(Progress::Waiting(until)) => stage.world.set_now(until),
            Ok(Progress::Done(_)) => break,
            Err(_) => {
                is_killed = true;
                break;
            }
        }
    }
    meter.lose_no_more();
    let erasure = stage.finish().await;
    stage.assert_gone(&others).await;
    let counted: u64 = erasure.deleted.values().sum();
    let least = if operation == "UpdateItem" { photos } else { 0 };
    assert!(counted + least >= theirs.len() as u64 + photos, "{operation} {after} {lost:?}: {:?}", erasure.deleted);
    is_killed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_is_killed_at_any_write_goes_on_when_it_is_run_again() {
    for operation in ["UpdateItem", "TransactWriteItems"] {
        let mut after = 0;
        while Box::pin(killed(operation, after, if after % 2 == 0 { Lost::Request } else { Lost::Answer })).await {
            after += 1;
        }
        assert!(after > 5, "{operation}: {after} writes were lost");
    }
}

#[tokio::test]
async fn a_customer_that_comes_back_is_erased_anew() {
    let stage = Stage::set().await;
    let first = stage.finish().await;
    let tenant = stage.world.simulator.add_tenant("Northwind");
    let admin = stage.world.simulator.add_user(tenant, person("Edith", Role::Admin));
    let id = stage.world.connect_as(CUSTOMER, (tenant, admin)).await;
    stage.world.pass(SignedDuration::from_hours(1));
    let second = stage.finish().await;
    assert!(second.begun_at > first.begun_at && second.connections.contains(&id) && second.connections.len() == 1, "{second:?}");
    assert_eq!(second.deleted.get("connection"), Some(&1), "only what came since is counted: {second:?}");
}
