//! What is kept in DynamoDB: two tables, and every way they are read and written.
//!
//! | use | table, key or index | reads / writes | item size |
//! |---|---|---|---|
//! | due checks of one shard | connections, index `by-work`, `work = check#NN`, `work_at <= now` | 1 query a shard and tick, keys only | 0.1 KB |
//! | due syncs of one shard | the same, `work = sync#NN` | 1 query a shard and tick | 0.1 KB |
//! | notices owed | the same, `work = notice#NN` | 1 query a shard and tick | 0.1 KB |
//! | take or settle a connection's lease | connections, `connection#ID` / `connection` | 1 write unit and 1 to 2 of the index | up to 4 KB |
//! | a connection's refresh tokens, sealed | `connection#ID` / `grant#S`, three slots | 1 query; 2 to 3 write units a refresh | up to 8 KB |
//! | the live access token, sealed | `connection#ID` / `access` | 1 read; 3 write units a refresh | up to 8 KB |
//! | where the walk stands | `connection#ID` / `walk` | 3 writes a page | up to 8 KB; 40 KB while a page that adds 1,000 people is applied |
//! | consent attempts | `attempt#ID` / `attempt`, expire by TTL | 3 writes an attempt | up to 4 KB |
//! | the attempt that counts | `connection#ID` / `attempt` | 1 write an attempt | 0.2 KB |
//! | a customer's connections | index `by-customer` | 1 query | up to 4 KB |
//! | people of a page, by id | people, `ID` / `person#OID` | 1 read unit a person | 1 to 2 KB |
//! | a changed person | the same | 1 to 2 write units; 1 more of the index where name or mail changes | 1 to 2 KB |
//! | people by name, or searched | people, index `by-name` | 1 query of at most 1 MB a request, then a batch read | 0.3 KB |
//! | people seen by a full round | people, `seen#ID` / `ROUND#PAGE`, expire by TTL | up to 7 write units a page of 200 | up to 6.4 KB |
//!
//! Due work is found by the sparse, sharded, time-sorted index `by-work`, never by a scan: an item without work is not in it.
//!
//! Every item carries its schema version `v`. An item that cannot be read names its key and attribute. Whoever changes a connection or a
//! walk holds its lease: taking it raises the item's `fence`, and every later write is conditional on that number, so that a holder who
//! was overtaken changes nothing.

pub mod attempts;
pub mod connections;
pub mod grants;
mod item;
mod lease;
pub mod notices;
pub mod people;
pub mod seen;
pub mod tables;
pub mod walks;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use domain::ids::ConnectionId;

pub use lease::Lease;

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

fn connection_key(id: &ConnectionId) -> String {
    format!("connection#{id}")
}
