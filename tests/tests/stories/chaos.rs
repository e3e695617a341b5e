//! One service of AWS after the other goes away while everybody works, and comes back: nothing is lost, and nothing is told twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adapters::store::audiences::StoredAudience;
use adapters::store::choices::Replaces;
use domain::ids::ContactId;
use domain::notice::audience::{Channel, Contact, DeclineKey, Group, Reach};
use entra_simulator::Act;
use jiff::SignedDuration;
use serde_json::{Value, json};
use system_tests::World;
use system_tests::aws::{Aws, Service};
use system_tests::posted::told_of_request;
use system_tests::world::{CUSTOMER, Member};

/// Each in its turn.
const AWAY: [Service; 5] = [Service::DynamoDb, Service::Kms, Service::Sqs, Service::Ses, Service::EventBridge];
/// Minutes that one is away.
const OUTAGE: u32 = 3;
/// Minutes after which everything is told, a mail that nobody settled included.
const RECOVERY: u32 = 25;
const SHIFT: SignedDuration = SignedDuration::from_mins(5);

/// Everybody at work.
struct Place {
    world: World,
    aws: Aws,
    telling: notify::Desk,
    changes: change_events::Desk,
    /// Mails that SES took.
    mails: Vec<Value>,
    /// SES's own events that the function did not take yet.
    words: Vec<Value>,
    /// What the bus took.
    events: Vec<Value>,
}

impl Place {
    async fn open() -> Self {
        let mut world = World::with_people(60).await;
        let aws = Aws::start_at(&world.engine.endpoint, Arc::clone(&world.ports.clock)).await.unwrap();
        world.move_to(&aws);
        let (telling, changes) = (world.notify_over(&aws), world.desk_over(&aws));
        Self { world, aws, telling, changes, mails: Vec::new(), words: Vec::new(), events: Vec::new() }
    }

    /// Every schedule ticks once, every message is delivered once, and so is whatever was told. What fails comes again.
    async fn minute(&mut self) {
        self.world.pass(SignedDuration::from_mins(1));
        let until = self.world.now() + SHIFT;
        // Where a tick fails as a whole, the next one does its work.
        let _ = token_check::tick(&self.world.ports, &token_check::Plan::default(), until).await;
        let _ = attribute_sync::tick(&self.world.ports).await;
        let messages: Vec<String> = std::iter::from_fn(|| self.aws.take_message()).collect();
        for message in messages {
            if !self.world.take(&message).await {
                self.aws.put_back(message);
            }
        }
        let stream = self.world.engine.stream(system_tests::engine::PEOPLE).unwrap();
        stream.follow(&self.changes, self.world.published.as_ref(), SignedDuration::ZERO).await.unwrap();
        let _ = Box::pin(notify::tick(&self.telling, until)).await;
        self.hear().await;
    }

    /// SES tells of the mails that it took, until the function takes its word.
    async fn hear(&mut self) {
        let mails = self.aws.take_mails();
        self.words.extend(mails.iter().map(|mail| told_of_request(mail, ("Email Sent", "Send"), &json!({"send": {}}))));
        self.mails.extend(mails);
        self.events.extend(self.aws.take_events());
        for word in std::mem::take(&mut self.words) {
            let event = serde_json::from_value(word.clone()).unwrap();
            if Box::pin(notify::handle(&self.telling, event, self.world.now() + SHIFT)).await.is_err() {
                self.words.push(word);
            }
        }
    }

    async fn minutes(&mut self, count: u32) {
        for _ in 0..count {
            self.minute().await;
        }
    }

    /// Its administrator wants to hear of the customer's connections.
    async fn listen(&self, customer: &str, number: u8) {
        let contact = Contact {
            id: ContactId::mint([number; 16]),
            channel: Channel::Mail { address: mail_of(customer).parse().unwrap() },
            kinds: Group::ALL.into(),
            decline_key: DeclineKey::mint([number; 16]),
            reach: Reach::Reachable,
        };
        let mut stored = StoredAudience::default();
        stored.audience.contacts.push(contact);
        self.world.ports.store.put_audience(&customer.parse().unwrap(), &stored, Replaces::Any).await.unwrap();
    }

    /// What happens while a service is away: somebody joins, somebody leaves, and one customer's grant is revoked.
    fn happen(&self, member: &Member) {
        self.world.work(Act::AddPeople { count: 3 });
        let admin = self.world.admin.to_string();
        let leaver = self.directory().into_iter().find(|id| *id != admin).unwrap();
        self.world.work(Act::DeleteUser { user: leaver.parse().unwrap() });
        self.world.simulator.work(member.tenant, Act::RevokeSessions { user: member.admin }).unwrap();
    }

    /// Ids of everybody whom Entra has in the customer's directory.
    fn directory(&self) -> BTreeSet<String> {
        ids(&self.world.simulator.directory(self.world.tenant))
    }

    /// Events of the bus of one kind, by id; each may be there once.
    fn told(&self, kind: &str) -> BTreeMap<String, Value> {
        let of_kind: Vec<&Value> = self.events.iter().filter(|event| event["DetailType"] == kind).collect();
        let details = of_kind.iter().map(|event| serde_json::from_str::<Value>(event["Detail"].as_str().unwrap()).unwrap());
        let by_id: BTreeMap<String, Value> = details.map(|detail| (detail["id"].as_str().unwrap().to_owned(), detail)).collect();
        assert_eq!(by_id.len(), of_kind.len(), "{kind} is told twice");
        by_id
    }
}

fn ids(people: &[Value]) -> BTreeSet<String> {
    people.iter().map(|person| person["id"].as_str().unwrap().to_owned()).collect()
}

fn mail_of(customer: &str) -> String {
    format!("it@{customer}.example")
}

/// To whom a mail is, and which telling of which notice.
fn named(mail: &Value) -> String {
    format!("{} {}", mail["Destination"]["ToAddresses"][0], mail["EmailTags"])
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_told_twice_whichever_service_goes_away() {
    let mut place = Place::open().await;
    let id = place.world.connect().await;
    let members = place.world.fleet(AWAY.len()).await;
    for (number, member) in (1..).zip(&members) {
        place.listen(&member.customer, number).await;
    }
    place.minutes(3).await;
    assert_eq!(place.world.people(&id).await.len(), 61);
    for (service, member) in AWAY.into_iter().zip(&members) {
        place.happen(member);
        // Until every check and every round was due.
        place.world.pass(SignedDuration::from_hours(2));
        place.aws.set_away(Some(service));
        place.minutes(OUTAGE).await;
        place.aws.set_away(None);
        place.minutes(RECOVERY).await;
        assert_eq!(place.world.status_of(&member.customer, &member.id).await["health"], "dead", "{service:?}");
    }
    let stored = ids(&place.world.people(&id).await);
    assert_eq!(stored, place.directory(), "the directory is stored");
    let health = place.world.status_of(CUSTOMER, &id).await;
    assert_eq!(health["health"], "healthy", "{health}");

    let mails: Vec<String> = place.mails.iter().map(named).collect();
    assert_eq!(mails.iter().collect::<BTreeSet<_>>().len(), mails.len(), "a mail is sent twice: {mails:#?}");
    for member in &members {
        let firsts = mails.iter().filter(|mail| mail.contains(&mail_of(&member.customer))).count();
        assert_eq!(firsts, 1, "{} is told once of the death: {mails:#?}", member.customer);
    }
    assert_eq!(place.told("notice.owed").len(), members.len());
    assert_eq!(place.told("person.removed").len(), AWAY.len(), "whoever left");
    let changed: BTreeSet<String> =
        place.told("person.changed").values().map(|detail| detail["person"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(stored.is_subset(&changed), "everybody who is there was told of");
}
