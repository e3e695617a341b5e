//! The tables' definitions, for engines that start empty: the local one and those of tests. In the cloud the template makes them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::operation::update_table::UpdateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};

/// A table that could not be made, or given a stream.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// DynamoDB refused.
    #[error("could not create table {name}")]
    Refused {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: Box<SdkError<CreateTableError>>,
    },
    /// A table that exists could not be looked at.
    #[error("could not describe table {name}")]
    Unknown {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: Box<SdkError<DescribeTableError>>,
    },
    /// DynamoDB refused the stream.
    #[error("could not give table {name} a stream")]
    NotFollowed {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: Box<SdkError<UpdateTableError>>,
    },
    /// A table that exists was made by an earlier version.
    #[error("table {name} lacks the index {index}")]
    Outdated {
        /// Which.
        name: String,
        /// What it lacks.
        index: String,
    },
    /// The definition is incomplete.
    #[error("the definition of a table is incomplete")]
    Incomplete(#[from] BuildError),
}

/// Makes both tables; leaves those that exist as they are, if they have every index.
///
/// # Errors
/// [`TableError`].
pub async fn create(client: &Client, connections: &str, people: &str) -> Result<(), TableError> {
    use ScalarAttributeType::{N, S};
    let attributes = [("pk", S), ("sk", S), ("work", S), ("work_at", N), ("customer", S), ("created_at", N)];
    table(client, connections, &attributes, connection_indexes()?).await?;
    let attributes = [("pk", S), ("sk", S), ("name_key", S), ("mail_key", S), ("upn_key", S)];
    table(client, people, &attributes, people_indexes()?).await
}

/// The indexes of the connections table.
///
/// # Errors
/// Never, as they are written here.
pub fn connection_indexes() -> Result<Vec<GlobalSecondaryIndex>, BuildError> {
    let keys_alone = || Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    Ok(vec![index("by-work", ["work", "work_at"], keys_alone())?, index("by-customer", ["customer", "created_at"], keys_alone())?])
}

/// The indexes of the people table.
///
/// # Errors
/// Never, as they are written here.
pub fn people_indexes() -> Result<Vec<GlobalSecondaryIndex>, BuildError> {
    let keys_alone = || Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let and_search = Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("search").build();
    let by_name = index("by-name", ["pk", "name_key"], and_search)?;
    Ok(vec![by_name, index("by-mail", ["pk", "mail_key"], keys_alone())?, index("by-upn", ["pk", "upn_key"], keys_alone())?])
}

/// Lets every write of the people table be told with the item before and after it, so that change events can be made of it: a stream of
/// new and old images. Leaves a stream that is there as it is. Apart from [`create`], because whoever follows no stream should not pay
/// for one.
///
/// # Errors
/// [`TableError`].
pub async fn enable_stream(client: &Client, people: &str) -> Result<(), TableError> {
    let seen = client.describe_table().table_name(people).send().await;
    let seen = seen.map_err(|error| TableError::Unknown { name: people.to_owned(), source: Box::new(error) })?;
    if seen.table.and_then(|table| table.stream_specification).is_some_and(|stream| stream.stream_enabled) {
        return Ok(());
    }
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages).build()?;
    let update = client.update_table().table_name(people).stream_specification(stream).send().await;
    update.map_err(|error| TableError::NotFollowed { name: people.to_owned(), source: Box::new(error) })?;
    Ok(())
}

async fn table(
    client: &Client,
    name: &str,
    attributes: &[(&str, ScalarAttributeType)],
    indexes: Vec<GlobalSecondaryIndex>,
) -> Result<(), TableError> {
    let define = |(name, kind): &(&str, ScalarAttributeType)| {
        AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone()).build()
    };
    let attributes = attributes.iter().map(define).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = indexes.iter().map(|index| index.index_name.clone()).collect();
    let request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let request = request.set_attribute_definitions(Some(attributes)).set_key_schema(Some(keys(["pk", "sk"])?));
    match request.set_global_secondary_indexes(Some(indexes)).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
            require(client, name, names).await
        }
        Err(error) => Err(TableError::Refused { name: name.to_owned(), source: Box::new(error) }),
    }
}

/// Makes sure that a table has these indexes.
async fn require(client: &Client, name: &str, indexes: Vec<String>) -> Result<(), TableError> {
    let unknown = |error| TableError::Unknown { name: name.to_owned(), source: Box::new(error) };
    let described = client.describe_table().table_name(name).send().await.map_err(unknown)?.table;
    let there = described.and_then(|table| table.global_secondary_indexes).unwrap_or_default();
    let is_missing = |index: &String| !there.iter().any(|there| there.index_name.as_ref() == Some(index));
    match indexes.into_iter().find(is_missing) {
        Some(index) => Err(TableError::Outdated { name: name.to_owned(), index }),
        None => Ok(()),
    }
}

fn index(name: &str, key: [&str; 2], projection: Projection) -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(keys(key)?)).projection(projection).build()
}

fn keys([hash, range]: [&str; 2]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![element(hash, KeyType::Hash)?, element(range, KeyType::Range)?])
}
