//! What the sync saw of the person who consented, beside the connection's body: the sync holds no lease of the connection, and must not
//! write over what its holder decides.

use domain::forecast::{Omen, Sign};
use domain::ids::{ConnectionId, ObjectId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::connections::{Grant, SK};
use super::item::{json, text, time};
use super::{Store, StoreError, connection_key, failed};

/// The latest look at a consenter that told anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Whom it is about.
    pub consenter: ObjectId,
    /// When.
    pub seen_at: Timestamp,
    /// What speaks for the grant's end, if anything does.
    pub sign: Option<Sign>,
}

impl Sighting {
    /// What it says about this grant. One of another person, or from before the sign-in, says nothing: a new consent clears it so.
    #[must_use]
    pub fn omen(&self, grant: &Grant) -> Option<Omen> {
        let is_about = self.consenter == grant.consenter && self.seen_at >= grant.signed_in_at;
        self.sign.filter(|_| is_about).map(|sign| Omen { sign, seen_at: self.seen_at })
    }
}

impl Store {
    /// Notes what was seen; an older look never replaces a newer one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_sighting(&self, id: &ConnectionId, sighting: &Sighting) -> Result<(), StoreError> {
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(connection_key(id))).key("sk", text(SK));
        let request = request
            .update_expression("SET omen = :omen, omen_at = :at")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(omen_at) OR omen_at < :at)")
            .expression_attribute_values(":omen", json(sighting)?)
            .expression_attribute_values(":at", time(sighting.seen_at));
        match request.send().await.map_err(|error| failed(format!("note what was seen for {id}"), error)) {
            Ok(_) | Err(StoreError::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
