//! What a world tells of its connections: as the API says it, and as it is stored.

use adapters::store::connections::Connection;
use domain::ids::ConnectionId;
use serde_json::{Value, json};

use super::{CUSTOMER, TASKS_MAX, World};

impl World {
    /// The connection as it is stored.
    ///
    /// # Panics
    /// When there is none.
    pub async fn stored(&self, id: &ConnectionId) -> Connection {
        self.ports.store.connection(id).await.expect("the connection can be read").expect("there is a connection")
    }

    /// The connection as the API tells it.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn status(&self, id: &ConnectionId) -> Value {
        self.status_of(CUSTOMER, id).await
    }

    /// Health in one word, as the API tells it.
    pub async fn health(&self, id: &ConnectionId) -> String {
        self.status(id).await["health"].as_str().unwrap_or_default().to_owned()
    }

    /// Everybody, by name, through all pages of the API.
    ///
    /// # Panics
    /// When the pages do not end.
    pub async fn people(&self, id: &ConnectionId) -> Vec<Value> {
        let mut people = Vec::new();
        let mut cursor = String::new();
        for _ in 0..TASKS_MAX {
            let page = self.get(&format!("/v1/connections/{id}/people?limit=100{cursor}")).await.json();
            people.extend(page["people"].as_array().unwrap_or_else(|| panic!("people, not {page}")).iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return people,
            }
        }
        panic!("the pages do not end");
    }

    /// Kinds of the notices owed, oldest first.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn notices(&self, id: &ConnectionId) -> Vec<String> {
        let notices = self.ports.store.notices(id).await.expect("the notices can be read");
        notices.iter().rev().map(|notice| json!(notice.kind).as_str().unwrap_or_default().to_owned()).collect()
    }
}
