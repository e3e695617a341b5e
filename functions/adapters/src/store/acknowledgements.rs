//! That somebody knows of a connection's trouble, beside the connection's body: whoever says so holds no lease of the connection.

use domain::health::Standing;
use domain::ids::ConnectionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::connections::SK;
use super::item::{json, text};
use super::{Store, StoreError, connection_key, failed};

/// Somebody's word that they know of the trouble and need no reminders of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who, as the operator names the portal's users.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Acknowledgement {
    /// Whether it is about how the connection stands: one from before the last change says nothing about what came after.
    #[must_use]
    pub fn is_about(&self, standing: &Standing) -> bool {
        self.at >= standing.since
    }
}

impl Store {
    /// Notes that somebody knows of a connection's trouble. The last word counts.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when there is no such connection.
    pub async fn acknowledge(&self, id: &ConnectionId, acknowledgement: &Acknowledgement) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let request = request
            .update_expression("SET acknowledged = :acknowledged")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":acknowledged", json(acknowledgement)?);
        request.send().await.map_err(|error| failed(format!("acknowledge the trouble of {id}"), error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::health::Health;

    #[test]
    fn a_change_makes_an_older_word_worth_nothing() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let word = Acknowledgement { by: "ada".to_owned(), at: at(10) };
        assert!(word.is_about(&Standing::sure(Health::Expiring, at(10))));
        assert!(!word.is_about(&Standing::sure(Health::Expiring, at(11))));
    }
}
