//! People by mail or user principal name, through sparse indexes of keys alone. What an index says is a hint: it lags behind, and whoever
//! is read by key must still have the address.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ConnectionId, ObjectId};
use domain::person::{Address, AddressKind, Person};
use futures::{StreamExt as _, TryStreamExt as _};

use super::item::text;
use super::people::{StoredPerson, object_id};
use super::{Store, StoreError, failed};

/// The most people of one address that are told.
const NAMED_MAX: i32 = 10;
/// Queries in flight at a time.
const IN_FLIGHT: usize = 16;

/// Name of the index, and of the attribute that it sorts by.
fn index(kind: AddressKind) -> (&'static str, &'static str) {
    match kind {
        AddressKind::Mail => ("by-mail", "mail_key"),
        AddressKind::UserPrincipalName => ("by-upn", "upn_key"),
    }
}

/// The attribute of a person's item by which an index holds it; none where there is no such address.
pub(super) fn index_key(person: &Person, kind: AddressKind) -> Option<(String, AttributeValue)> {
    Address::of(person, kind).map(|address| (index(kind).1.to_owned(), text(address.key())))
}

impl Store {
    /// Who has each of these addresses, in their order: mostly one person or nobody, and at most ten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people_by_address(&self, id: &ConnectionId, addresses: &[Address]) -> Result<Vec<Vec<StoredPerson>>, StoreError> {
        let hints = futures::stream::iter(addresses.to_vec()).map(|address| self.hints(id, address)).buffered(IN_FLIGHT);
        let hints: Vec<Vec<ObjectId>> = hints.try_collect().await?;
        let hinted: HashSet<ObjectId> = hints.iter().flatten().copied().collect();
        let read = self.people(id, &hinted.into_iter().collect::<Vec<_>>()).await?;
        let read: HashMap<ObjectId, StoredPerson> = read.into_iter().map(|stored| (stored.person.id, stored)).collect();
        let has = |address: &Address, hints: &[ObjectId]| -> Vec<StoredPerson> {
            hints.iter().filter_map(|person| read.get(person)).filter(|stored| address.is_of(&stored.person)).cloned().collect()
        };
        Ok(addresses.iter().zip(&hints).map(|(address, hints)| has(address, hints)).collect())
    }

    async fn hints(&self, id: &ConnectionId, address: Address) -> Result<Vec<ObjectId>, StoreError> {
        let (index, key) = index(address.kind());
        let request = self.client.query().table_name(&self.people).index_name(index).limit(NAMED_MAX);
        let request = request
            .key_condition_expression("pk = :pk AND #key = :key")
            .expression_attribute_names("#key", key)
            .expression_attribute_values(":pk", text(id.as_str()))
            .expression_attribute_values(":key", text(address.key()));
        // The address itself is nobody's business in an error.
        let answer = request.send().await.map_err(|error| failed(format!("find a person of {id} in {index}"), error))?;
        Ok(answer.items.unwrap_or_default().iter().filter_map(object_id).collect())
    }
}
