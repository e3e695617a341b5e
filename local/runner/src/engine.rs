//! DynamoDB on this machine: an embedded engine behind a port of its own, spoken to by the real client.

use std::path::Path;

use adapters::settings::Aws;
use adapters::store::{Store, tables};
use anyhow::{Context as _, Result, anyhow};
use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::stream::{self, Stream};

/// Name of the connections table.
pub const CONNECTIONS: &str = "evergrant-connections";
/// Name of the people table.
pub const PEOPLE: &str = "evergrant-people";

/// A running engine with both tables.
pub struct Engine {
    /// The client that speaks to it.
    pub client: Client,
    /// The stream of the people table.
    pub people: Stream,
    /// Where it is, for whoever wants to speak to it as to AWS.
    pub endpoint: String,
    database: Database,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), String>>,
}

/// Starts an engine that forgets everything at its end.
///
/// # Errors
/// When it cannot be set up.
pub async fn start_memory() -> Result<Engine> {
    start_with(Database::memory().map_err(|error| anyhow!("{error}"))?).await
}

/// Starts an engine that keeps everything in the file at `path`, but for the records of the stream before the last `settled` one.
///
/// # Errors
/// When the file is no database, is damaged, or cannot be written.
pub async fn start(path: &Path, settled: Option<&str>) -> Result<Engine> {
    let name = path.to_str().context("its path is no text")?;
    let database = Database::new(name).map_err(|error| anyhow!("{error}"))?;
    stream::tidy(path, PEOPLE, settled)?;
    start_with(database).await
}

async fn start_with(database: Database) -> Result<Engine> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port on this machine")?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel();
    let served = dynoxide::server::serve_with_shutdown(listener, database.clone(), async {
        let _ = stopped.await;
    });
    let served = tokio::spawn(served);
    let client = Client::from_conf(Aws::stand_in(&endpoint).dynamodb());
    tables::create(&client, CONNECTIONS, PEOPLE).await?;
    tables::enable_stream(&client, PEOPLE).await?;
    let people = Stream::of(database.clone(), PEOPLE)?;
    Ok(Engine { client, people, endpoint, database, stop, served })
}

impl Engine {
    /// The two tables.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(self.client.clone(), CONNECTIONS.to_owned(), PEOPLE.to_owned())
    }

    /// Removes what has outlived its time to live, as DynamoDB does by itself. It goes by the system's clock.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sweep(&self) -> Result<usize> {
        self.database.sweep_ttl().map_err(|error| anyhow!("{error}"))
    }

    /// Lets requests under way finish, and stops.
    ///
    /// # Errors
    /// When the server had failed before.
    pub async fn stop(self) -> Result<()> {
        let Self { client, stop, served, .. } = self;
        // The idle connections of the client would be waited for.
        drop(client);
        let _ = stop.send(());
        served.await?.map_err(|error| anyhow!(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::{ConnectionId, CustomerId};
    use jiff::Timestamp;

    #[tokio::test]
    async fn what_was_written_is_there_after_a_new_start() {
        let folder = std::env::temp_dir().join(format!("runner-engine-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (file, id) = (folder.join("db.sqlite"), ConnectionId::mint([1; 16]));
        let customer: CustomerId = "acme".parse().unwrap();
        let engine = start(&file, None).await.unwrap();
        engine.store().create_connection(&id, &customer, Timestamp::UNIX_EPOCH).await.unwrap();
        drop(engine);
        let engine = start(&file, None).await.unwrap();
        assert_eq!(engine.store().connection(&id).await.unwrap().unwrap().customer, customer);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_database_of_an_earlier_version_is_refused_by_what_it_lacks() {
        use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
        let folder = std::env::temp_dir().join(format!("runner-engine-old-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("db.sqlite");
        let engine = start(&file, None).await.unwrap();
        engine.client.delete_table().table_name(PEOPLE).send().await.unwrap();
        let mut request = engine.client.create_table().table_name(PEOPLE).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let kept = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            request = request.attribute_definitions(kept.build().unwrap());
            request = request.key_schema(KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap());
        }
        request.send().await.unwrap();
        engine.stop().await.unwrap();
        let refused = start(&file, None).await.err().map(|error| format!("{error:#}"));
        assert_eq!(refused.as_deref(), Some("table evergrant-people lacks the index by-name"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused() {
        let file = std::env::temp_dir().join(format!("runner-engine-broken-{}", std::process::id()));
        std::fs::write(&file, "this is not a database, however long one reads on, and on, and on").unwrap();
        assert!(start(&file, None).await.is_err());
        std::fs::remove_file(&file).unwrap();
    }
}
