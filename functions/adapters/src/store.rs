//! What is kept in DynamoDB: two tables, and every way they are read and written.
//!
//! | use | table, key or index | reads / writes | item size |
//! |---|---|---|---|
//! | due checks of one shard | connections, index `by-work`, `work = check#NN`, `retry#NN` or `first#NN`, `work_at <= now` | 1 query a lane, shard and tick, keys only | 0.1 KB |
//! | due connections and their tokens | by key, 100 in one request | 1 and 1 to 2 read units a connection | 1 KB, and below |
//! | due syncs of one shard | the same, `work = sync#NN` | 1 query a shard and tick | 0.1 KB |
//! | notices owed | the same, `work = notice#NN` | 1 query a shard and tick | 0.1 KB |
//! | the operator's digest | `operator` / `notice#TIME#ID`, expires by TTL | 3 writes a day, and 16 queries and 50 reads | 0.5 KB |
//! | a notice and its ledger | `connection#ID` / `notice#TIME#ID`, or an incident's item | 3 writes a telling, whoever many are told, and 1 for each word of the channels | 1 KB, up to 6 KB with twenty contacts |
//! | take a connection's lease | connections, `connection#ID` / `connection` | 1 write unit | about 1 KB while it is well, up to 4 KB |
//! | settle it | the same | 1 write unit and 2 of the index; twice that, and 2 to 4 a notice, where a notice is owed | the same |
//! | a grant's tokens, sealed | `connection#ID` / `grant#S`, eight slots | 1 write of refresh and access token together a refresh, 4 write units | 3.8 KB, up to 12 KB |
//! | failures counted | `fleet#CAUSE` / `minute#N`, expire by TTL | where a check fails, and 1 write a hundred checks | 0.1 KB |
//! | incidents, the last of each cause | `fleet` / `incident#CAUSE` | where a check fails, and 2 reads a tick | 0.5 KB |
//! | what the sync saw of the consenter | `connection#ID` / `connection`, attribute `omen` | 1 write when it changes | 0.2 KB |
//! | where the walk stands | `connection#ID` / `walk` | 1 write a page, 2 where it changes anybody, and 2 a step | up to 8 KB |
//! | what a connection chose to sync | the same, attributes `choice` and `choice_version` | 1 read; 1 write a choice, and 2 of the index | 0.1 to 0.3 KB, up to 15 KB with 100 extensions of long names |
//! | consent attempts | `attempt#ID` / `attempt`, expire by TTL | 3 writes an attempt | up to 4 KB |
//! | the attempt that counts | `connection#ID` / `attempt` | 1 write an attempt | 0.2 KB |
//! | a customer's connections | index `by-customer`, keys alone, then by key | 1 query and 1 batch read | up to 4 KB |
//! | who hears of a customer's connections, and what its webhooks are signed with, sealed | connections, `customer#ID` / `audience` | 1 read a notice; 1 write where an administrator, a click or a mail that came back changes it | 0.3 KB a contact, up to 20 KB |
//! | that somebody knows of a trouble | `connection#ID` / `connection`, attribute `acknowledged` | 1 write a click | 0.1 KB |
//! | people of a page, by id | people, `ID` / `person#OID` | 1 read unit a person; none of a full round who is as its base says, or new | 1 KB |
//! | a changed person | the same | 1 write unit, more from 1 KB on; 1 more of each index where name or address changes | 1 KB |
//! | people by name, or searched | people, index `by-name` | 1 query of at most 1 MB a request, then a batch read | 0.3 KB |
//! | a person by mail or user principal name | people, sparse indexes `by-mail`, `by-upn`, keys alone, then by key | 1 query and 1 read unit; 1 write unit of the index where the address changes | 0.2 KB |
//! | whom a page changed | people, `changes#ID` / `SEQ`, expire by TTL | 1 write of 1 unit a kilobyte for a page that changes anybody; read from a place on, by readers of changes | 17 bytes a person, up to 17 KB |
//! | whom a page of a full round met, and as what | people, `roll#ID` / `ROUND#PAGE#FENCE`, expire by TTL | 28 write units a page of 999; the next full round reads 146 people a read unit | up to 28 KB |
//! | who is gone | people, `gone#ID` / `ROUND#...`, expire by TTL | where somebody is | 17 bytes a person, up to 170 KB |
//! | where the tour over photos stands | connections, `connection#ID` / `photos`, due as `work = photo#NN` | 2 writes a slice, 1 a look, 1 more where photos changed | 1 KB, up to 8 KB |
//! | people new to the tour | `connection#ID` / `newcomers`, a set; expires by TTL | 2 writes where people joined, 1 read a slice | up to 18 KB |
//! | photos of a range, beside its people | people, `photo#ID` / `OID` | a query of each for every 20 people | 0.4 KB |
//! | a changed photo | the same | 1 write unit | 0.4 KB |
//!
//! Due work is found by the sparse, sharded, time-sorted index `by-work`, never by a scan: an item without work is not in it.
//!
//! The people table has a stream that shows each item before and after its write; change events are made of it, see [`images`].
//!
//! The operator's command line reads and writes besides: every connection, by a scan of pages ([`survey`]); everything that belongs to a
//! customer, partition by partition ([`belongings`]), with a note of how far its erasure is at `erasure#CUSTOMER` / `erasure`
//! ([`erasures`]); sealed secrets, to be sealed under another key ([`reseal`]); and `paused_since`, which keeps work from being taken.
//!
//! Every item carries its schema version `v`. An item that cannot be read names its key and attribute. Whoever changes a connection or a
//! walk holds its lease: taking it raises the item's `fence`, and every later write is conditional on that number, so that a holder who
//! was overtaken changes nothing.

pub mod acknowledgements;
mod addresses;
pub mod attempts;
pub mod audiences;
pub mod belongings;
pub mod changes;
pub mod choices;
pub mod closing;
pub mod connections;
mod course;
pub mod digests;
mod due;
pub mod erasures;
pub mod fleet;
pub mod grants;
pub mod images;
mod item;
mod lease;
pub mod ledgers;
pub mod notices;
mod pauses;
pub mod people;
pub mod photos;
pub mod reseal;
pub mod rolls;
pub mod sightings;
pub mod survey;
pub mod tables;
pub mod tours;
pub mod walks;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::ids::ConnectionId;

use item::{Item, text};

pub use lease::{Holder, Lease};

/// The most keys of one batch.
const KEYS_MAX: usize = 100;
/// How often keys of a batch are asked for that DynamoDB did not get to.
const BATCH_TRIES: u32 = 3;

/// The two tables.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    connections: String,
    people: String,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was there first: read again.
    #[error("overtaken while trying to {what}")]
    Overtaken {
        /// What was tried, and for which key.
        what: String,
    },
    /// DynamoDB did not do it.
    #[error("could not {what}")]
    Unavailable {
        /// What was tried, and for which key.
        what: String,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item is not as this version knows it.
    #[error("item {key} cannot be read: {attribute}")]
    Unreadable {
        /// Which item.
        key: String,
        /// Which attribute, and what is wrong with it.
        attribute: String,
    },
}

impl Store {
    /// The tables by these names.
    #[must_use]
    pub fn new(client: Client, connections: String, people: String) -> Self {
        Self { client, connections, people }
    }
}

/// Turns the SDK's error into ours: a failed condition is somebody else's success.
fn failed<E, R>(what: String, error: SdkError<E, R>) -> StoreError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
    match error.code() {
        Some("ConditionalCheckFailedException" | "TransactionCanceledException") => StoreError::Overtaken { what },
        _ => StoreError::Unavailable { what, source: error.into() },
    }
}

impl Store {
    /// Reads items of the connections table by key, many in one request, in any order. What DynamoDB does not get to within three tries is
    /// left out. Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
    async fn batch_get(&self, keys: Vec<(String, String)>, what: &str) -> Result<Vec<Item>, StoreError> {
        let unbuilt = |error: BuildError| StoreError::Unavailable { what: what.to_owned(), source: error.into() };
        let key = |(pk, sk): &(String, String)| Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
        let mut items = Vec::new();
        for chunk in keys.chunks(KEYS_MAX) {
            let mut left: Vec<Item> = chunk.iter().map(key).collect();
            for _ in 0..BATCH_TRIES {
                if left.is_empty() {
                    break;
                }
                let asked = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build().map_err(unbuilt)?;
                let request = self.client.batch_get_item().request_items(&self.connections, asked);
                let answer = request.send().await.map_err(|error| failed(what.to_owned(), error))?;
                items.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
                left = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, keys)| keys.keys).collect();
            }
        }
        Ok(items)
    }
}

fn connection_key(id: &ConnectionId) -> String {
    format!("connection#{id}")
}
