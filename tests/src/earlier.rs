//! What an earlier release left in the tables: its items, as files, and the days that they are the traces of.
//!
//! Each kind of item has a file under `tests/fixtures/items-1`, named after the module of the store that writes it, with every item of that
//! kind that was there in the end, as DynamoDB's own JSON. `cargo run -p system-tests --example items` lives through the same days with
//! today's code and writes them anew: for a new kind of item, and never to make a story pass, because what a release has written stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adapters::store::connections::Slot;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::fleet::Guard;
use domain::ids::{AttemptId, ConnectionId};
use entra_simulator::{Act, Role};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use token_check::Plan;
use uuid::Uuid;

use crate::World;
use crate::engine::{CONNECTIONS, Item, PEOPLE};
use crate::world::{CUSTOMER, Member, person};

/// Where chance comes from in those days.
const SEED: u64 = 20_260_601;
/// The customer that chose what to sync, and has not consented yet.
pub const CHOOSER: &str = "chooser";
/// The customer that was erased.
pub const LEAVER: &str = "leaver";
/// What [`CHOOSER`] chose.
pub const CHOSEN: [&str; 3] = ["displayName", "jobTitle", "mail"];

/// Every kind of item: the module of the store that writes it and what it is, and the table.
pub const KINDS: [(&str, &str); 19] = [
    ("attempts.attempt", CONNECTIONS),
    ("attempts.latest", CONNECTIONS),
    ("audiences.audience", CONNECTIONS),
    ("changes.page", PEOPLE),
    ("choices.choice", CONNECTIONS),
    ("connections.connection", CONNECTIONS),
    ("course.tour", CONNECTIONS),
    ("digests.digest", CONNECTIONS),
    ("erasures.erasure", CONNECTIONS),
    ("fleet.counter", CONNECTIONS),
    ("fleet.incident", CONNECTIONS),
    ("grants.tokens", CONNECTIONS),
    ("notices.notice", CONNECTIONS),
    ("people.person", PEOPLE),
    ("photos.photo", PEOPLE),
    ("rolls.gone", PEOPLE),
    ("rolls.page", PEOPLE),
    ("tours.newcomers", CONNECTIONS),
    ("walks.walk", CONNECTIONS),
];

/// The kind of an item, by its keys; none, where nobody knows it.
#[must_use]
pub fn kind(item: &Item) -> Option<&'static str> {
    let word = |name: &str| {
        let key = item.get(name)?.as_s().ok()?;
        Some(key.split_once('#').map_or(key.as_str(), |(word, _)| word))
    };
    Some(match (word("pk")?, word("sk")?) {
        ("connection", "connection") => "connections.connection",
        ("connection", "grant") => "grants.tokens",
        ("connection", "notice") => "notices.notice",
        ("connection", "walk") if item.contains_key("body") => "walks.walk",
        // It waits for the walk, which comes with the first consent.
        ("connection", "walk") => "choices.choice",
        ("connection", "attempt") => "attempts.latest",
        ("connection", "photos") => "course.tour",
        ("connection", "newcomers") => "tours.newcomers",
        ("attempt", "attempt") => "attempts.attempt",
        ("customer", "audience") => "audiences.audience",
        ("erasure", _) => "erasures.erasure",
        ("operator", "notice") => "digests.digest",
        ("fleet", "incident") => "fleet.incident",
        ("fleet", "minute") => "fleet.counter",
        ("changes", _) => "changes.page",
        ("roll", _) => "rolls.page",
        ("gone", _) => "rolls.gone",
        ("photo", _) => "photos.photo",
        (_, "person") => "people.person",
        _ => return None,
    })
}

/// What a story must know of those days, besides the items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// When they ended.
    pub now: Timestamp,
    /// The connection of [`CUSTOMER`], which is well.
    pub connection: ConnectionId,
    /// The attempt that made it.
    pub attempt: AttemptId,
    /// Where its grant's tokens are.
    pub slot: Slot,
    /// Somebody of its people who has a photo.
    pub pictured: Uuid,
    /// What a reader of its changes kept, since before the last people changed.
    pub cursor: String,
    /// The connection of [`CHOOSER`].
    pub chosen: ConnectionId,
    /// Connections that Entra blocks: one was told, the other is held back as part of an incident.
    pub blocked: [ConnectionId; 2],
}

/// The days, lived with today's code.
pub struct Days {
    /// The world after them.
    pub world: World,
    /// What is to be known of them.
    pub memory: Memory,
}

impl Days {
    /// Lives them.
    ///
    /// # Panics
    /// When anything goes otherwise than it should.
    pub async fn live() -> Self {
        let world = World::from_seed(SEED).await;
        // Everybody is there before the product asks anything: who they are is the same, whatever a release asks.
        let eve = world.add_admin("Eve");
        world.work(Act::AddPeople { count: 8 });
        world.work(Act::GivePhotos { count: 3 });
        let strangers = [1, 2].map(|number| {
            let tenant = world.simulator.add_tenant(&format!("Tenant {number}"));
            (tenant, world.simulator.add_user(tenant, person(&format!("Admin{number}"), Role::Admin)))
        });
        let connection = world.create(CUSTOMER).await;
        let begun = world.begin(&connection).await;
        world.come_back(&world.accept(&begun)).await;
        world.drain().await;
        world.tick_photos().await;
        give_spare(&world, &connection, eve).await;
        let cursor = change(&world, &connection).await;
        let blocked = block(&world, strangers).await;
        let chosen = choose(&world).await;
        world.hears(&["ada@contoso.example", "https://hooks.contoso.example/evergrant"]).await;
        let (now, day) = (world.now(), world.now().strftime("%Y-%m-%d").to_string());
        world.ports.store.owe_digest(&day, now).await.expect("the digest can be owed");
        world.tell().await;
        leave(&world).await;
        let slot = world.stored(&connection).await.body.grant.expect("it has a grant").current;
        let (attempt, pictured) = (begun.attempt.parse().expect("an id"), pictured(&world).await);
        let memory = Memory { now: world.now(), connection, attempt, slot, pictured, cursor, chosen, blocked };
        Self { world, memory }
    }

    /// The same tenants and the same key, with what the earlier release left in the tables in place of what today's code wrote.
    ///
    /// # Panics
    /// When there is nothing, or it cannot be stored.
    pub async fn inherit() -> Self {
        let Self { world, .. } = Self::live().await;
        clear(&world).await;
        for (kind, table) in KINDS {
            for item in items_of(kind) {
                world.engine.client.put_item().table_name(table).set_item(Some(item)).send().await.expect("an item can be stored");
            }
        }
        let text = std::fs::read_to_string(folder().join("memory.json")).expect("the days are remembered");
        let memory: Memory = serde_json::from_str(&text).expect("the memory is whole");
        world.set_now(memory.now.max(world.now()));
        Self { world, memory }
    }

    /// Every item, by its kind.
    ///
    /// # Panics
    /// When an item is of no kind: it has no fixture then.
    pub async fn items(&self) -> BTreeMap<&'static str, Vec<Item>> {
        let mut kinds = BTreeMap::<_, Vec<Item>>::new();
        for item in self.world.engine.items().await {
            let kind = kind(&item).unwrap_or_else(|| panic!("an item of no kind: {item:?}"));
            kinds.entry(kind).or_default().push(item);
        }
        kinds
    }

    /// Writes the fixtures.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn write(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder())?;
        for (kind, items) in self.items().await {
            let mut items: Vec<Value> = items.iter().map(to_json).collect();
            items.sort_by_key(|item| (item["pk"].to_string(), item["sk"].to_string()));
            std::fs::write(file(kind), format!("{}\n", serde_json::to_string_pretty(&items)?))?;
        }
        std::fs::write(folder().join("memory.json"), format!("{}\n", serde_json::to_string_pretty(&self.memory)?))?;
        Ok(())
    }
}

/// Adds Eve's grant in reserve.
async fn give_spare(world: &World, id: &ConnectionId, eve: Uuid) {
    world.pass(SignedDuration::from_mins(1));
    let begun = world.begin_with(&json!({"connection": id, "spare": true})).await;
    world.come_back(&world.simulator.accept(&begun.url, (world.tenant, eve)).expect("Eve may accept")).await;
}

/// Lets people change, leave and join; answers a cursor from before.
async fn change(world: &World, id: &ConnectionId) -> String {
    let changes = world.get(&format!("/v1/connections/{id}/people/changes")).await.json();
    world.work(Act::ChangeJobTitles { count: 2 });
    world.work(Act::DeletePeople { count: 1 });
    world.sync(id).await;
    world.work(Act::AddPeople { count: 1 });
    world.sync(id).await;
    changes["next_cursor"].as_str().expect("there is always a cursor").to_owned()
}

/// Two more customers, whom Entra blocks; the second is held back, because two alike are many here.
async fn block(world: &World, accounts: [(Uuid, Uuid); 2]) -> [ConnectionId; 2] {
    let mut members = Vec::new();
    for (number, (tenant, admin)) in accounts.into_iter().enumerate() {
        let customer = format!("blocked-{number}");
        let id = world.connect_as(&customer, (tenant, admin)).await;
        world.simulator.work(tenant, Act::BlockByConditionalAccess { policy_id: None }).expect("it can happen");
        members.push(Member { customer, tenant, admin, id });
    }
    let plan = Plan { in_flight: 1, guard: Guard { alike_min: 2, ..Guard::default() }, ..Plan::default() };
    for member in &members {
        let at = world.stored(&member.id).await.check_at.expect("a check is due some day");
        world.set_now(at.max(world.now()));
    }
    world.tick_with(&plan).await;
    let [one, two]: [Member; 2] = members.try_into().expect("there are two");
    match world.stored(&one.id).await.body.held_since {
        Some(_) => [two.id, one.id],
        None => [one.id, two.id],
    }
}

/// A connection whose customer chose before anybody consented.
async fn choose(world: &World) -> ConnectionId {
    let id = world.create(CHOOSER).await;
    let choice = json!({"attributes": CHOSEN});
    let answer = world.call(CHOOSER, "PUT", &format!("/v1/connections/{id}/attributes"), Some(&choice)).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    id
}

/// A customer that is erased, and of which the proof is left.
async fn leave(world: &World) {
    world.create(LEAVER).await;
    let said = world.command(&format!("erase {LEAVER} --yes {LEAVER}"), "").await;
    assert_eq!(said.code, 0, "{}", said.asides);
}

/// Somebody of the directory whose photo is kept.
async fn pictured(world: &World) -> Uuid {
    let people: Vec<String> = world.simulator.directory(world.tenant).iter().map(|person| person["id"].to_string()).collect();
    let kept = world.engine.items().await;
    let mut kept = kept.iter().filter(|item| kind(item) == Some("photos.photo")).filter_map(|item| item["sk"].as_s().ok()?.parse().ok());
    kept.find(|id: &Uuid| people.contains(&json!(id).to_string())).expect("somebody has a photo")
}

/// Takes everything out of both tables.
async fn clear(world: &World) {
    for item in world.engine.items().await {
        let (_, table) = KINDS.into_iter().find(|(name, _)| kind(&item) == Some(name)).expect("every item is of a kind");
        let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone()));
        let request = world.engine.client.delete_item().table_name(table).set_key(Some(Item::from(key)));
        request.send().await.expect("an item can be deleted");
    }
}

/// Where the fixtures are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/items-1")
}

fn file(kind: &str) -> PathBuf {
    folder().join(format!("{kind}.json"))
}

/// The items of a kind that the earlier release left.
///
/// # Panics
/// When there are none, or they are not as DynamoDB writes them.
#[must_use]
pub fn items_of(kind: &str) -> Vec<Item> {
    let text = std::fs::read_to_string(file(kind)).unwrap_or_else(|error| panic!("no fixture of {kind}: {error}"));
    let items: Vec<Map<String, Value>> = serde_json::from_str(&text).expect("a fixture is a list of items");
    assert!(!items.is_empty(), "no fixture of {kind}");
    items.iter().map(from_json).collect()
}

/// An item as DynamoDB's own JSON. Source:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html#Programming.LowLevelAPI.DataTypeDescriptors>
fn to_json(item: &Item) -> Value {
    let sorted: BTreeMap<String, Value> = item.iter().map(|(name, written)| (name.clone(), value_to_json(written))).collect();
    sorted.into_iter().collect::<Map<_, _>>().into()
}

fn value_to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(bytes) => json!({"B": STANDARD.encode(bytes)}),
        AttributeValue::Bs(all) => json!({"BS": all.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>()}),
        AttributeValue::Ss(all) => json!({"SS": all}),
        AttributeValue::M(named) => json!({"M": to_json(named)}),
        other => panic!("no item has such a value: {other:?}"),
    }
}

fn from_json(item: &Map<String, Value>) -> Item {
    item.iter().map(|(name, written)| (name.clone(), value_from_json(written))).collect()
}

fn value_from_json(value: &Value) -> AttributeValue {
    let bytes = |value: &Value| Blob::new(STANDARD.decode(value.as_str().expect("a text")).expect("base64"));
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).expect("a value has a kind");
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("B", value) => AttributeValue::B(bytes(value)),
        ("BS", Value::Array(all)) => AttributeValue::Bs(all.iter().map(bytes).collect()),
        ("SS", Value::Array(all)) => AttributeValue::Ss(all.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()),
        ("M", Value::Object(named)) => AttributeValue::M(from_json(named)),
        _ => panic!("no item has such a value: {kind} {value}"),
    }
}
