//! DynamoDB, twice: the model that the simulation runs on, and the embedded engine that the model is held to.
//!
//! The engine answers some 30 runs a second, the model lets the client's own cost decide. The model knows exactly what the store uses,
//! and panics at anything else: an unknown expression is a gap to be filled here, never an answer.

mod expression;
mod model;

use serde_json::{Map, Value, json};

pub use model::Model;

/// An item, as it stands in DynamoDB's JSON.
pub type Item = Map<String, Value>;

/// What a database answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// What was written, all at once.
    pub written: Vec<Written>,
}

/// An item that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// In which table.
    pub table: String,
    /// The item before, if there was one.
    pub before: Option<Item>,
    /// The item after, if there still is one.
    pub after: Option<Item>,
}

impl Answer {
    fn success(body: Value, written: Vec<Written>) -> Self {
        Self { status: 200, body, written }
    }

    /// A refusal by DynamoDB's name for it.
    #[must_use]
    pub fn refusal(name: &str) -> Self {
        let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": name});
        Self { status: 400, body, written: Vec::new() }
    }
}

/// Something that speaks DynamoDB's JSON protocol.
pub trait Database: Send + Sync {
    /// Answers one request of an operation such as `GetItem`.
    fn answer(&self, operation: &str, request: &Value) -> Answer;
}

/// The embedded engine; it does not tell what was written.
pub struct Embedded(dynoxide::Database);

impl Embedded {
    /// An empty engine.
    ///
    /// # Panics
    /// When the engine does not start.
    #[must_use]
    pub fn start() -> Self {
        Self(dynoxide::Database::memory().expect("the embedded engine starts"))
    }
}

impl Database for Embedded {
    fn answer(&self, operation: &str, request: &Value) -> Answer {
        macro_rules! call {
            ($method:ident) => {
                match serde_json::from_value(request.clone()).map(|request| self.0.$method(request)) {
                    Ok(Ok(answer)) => Answer::success(json!(answer), Vec::new()),
                    Ok(Err(error)) => {
                        let body = serde_json::from_str(&error.to_json()).unwrap_or_default();
                        Answer { status: error.status_code(), body, written: Vec::new() }
                    }
                    Err(error) => panic!("{operation} cannot be read: {error}"),
                }
            };
        }
        match operation {
            "CreateTable" => call!(create_table),
            "GetItem" => call!(get_item),
            "PutItem" => call!(put_item),
            "UpdateItem" => call!(update_item),
            "DeleteItem" => call!(delete_item),
            "Query" => call!(query),
            "BatchGetItem" => call!(batch_get_item),
            "BatchWriteItem" => call!(batch_write_item),
            "TransactWriteItems" => call!(transact_write_items),
            other => panic!("{other} is not asked of the engine here"),
        }
    }
}
