//! Who hears of a customer's connections: one item per customer, with what its webhooks are signed with, sealed.
//!
//! `revision` rises with every write, so that two administrators do not overwrite one another, and a mail that came back does not undo what
//! an administrator just wrote.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::ids::{ContactId, CustomerId};
use domain::notice::audience::{Audience, Contact};

use super::choices::Replaces;
use super::item::{Item, Reader, VERSION, bytes, json, number, text};
use super::{Store, StoreError, failed};

const SK: &str = "audience";
/// How often a change of one contact is tried where others write meanwhile.
const CHANGE_TRIES: u32 = 4;

/// An audience as it is stored. By default nobody's, never written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredAudience {
    /// Who hears.
    pub audience: Audience,
    /// What each webhook is signed with, sealed for the customer.
    pub secrets: BTreeMap<ContactId, Vec<u8>>,
    /// Rises with each write; 0 while there was none.
    pub revision: u64,
}

impl StoredAudience {
    /// Leaves out secrets of webhooks that are no contacts any more.
    pub fn forget_strangers(&mut self) {
        let Self { audience, secrets, .. } = self;
        secrets.retain(|id, _| audience.contact(id).is_some());
    }

    fn item(&self, customer: &CustomerId) -> Result<Item, StoreError> {
        let secrets: HashMap<String, AttributeValue> =
            self.secrets.iter().map(|(id, sealed)| (id.to_string(), bytes(sealed.clone()))).collect();
        Ok(Item::from([
            ("pk".to_owned(), text(key(customer))),
            ("sk".to_owned(), text(SK)),
            ("v".to_owned(), number(VERSION)),
            ("body".to_owned(), json(&self.audience)?),
            ("secrets".to_owned(), AttributeValue::M(secrets)),
            ("revision".to_owned(), number(self.revision)),
        ]))
    }
}

impl Store {
    /// Reads who hears of a customer's connections.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audience(&self, customer: &CustomerId) -> Result<StoredAudience, StoreError> {
        let request = self.client.get_item().table_name(&self.connections).key("pk", text(key(customer))).key("sk", text(SK));
        let request = request.consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(format!("read the audience of {customer}"), error))?;
        answer.item.as_ref().map_or_else(|| Ok(StoredAudience::default()), read)
    }

    /// Writes who hears of a customer's connections, in place of the revision that is given with it or of any; returns the new revision.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when that revision is not there any more.
    pub async fn put_audience(&self, customer: &CustomerId, stored: &StoredAudience, replaces: Replaces) -> Result<u64, StoreError> {
        let seen = match replaces {
            Replaces::Version(seen) => seen,
            Replaces::Any => self.audience(customer).await?.revision,
        };
        let next = StoredAudience { revision: seen.saturating_add(1), ..stored.clone() };
        let mut request = self.client.put_item().table_name(&self.connections).set_item(Some(next.item(customer)?));
        request = match seen {
            0 => request.condition_expression("attribute_not_exists(pk)"),
            _ => request.condition_expression("revision = :seen").expression_attribute_values(":seen", number(seen)),
        };
        let request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let what = format!("write the audience of {customer}");
        match request.send().await {
            Ok(_) => Ok(next.revision),
            Err(error) => match error.as_service_error() {
                // Ours after all: the first answer was lost, and the SDK asked again.
                Some(PutItemError::ConditionalCheckFailedException(refused)) => match refused.item().map(read).transpose()? {
                    Some(there) if there == next => Ok(next.revision),
                    _ => Err(StoreError::Overtaken { what }),
                },
                _ => Err(failed(what, error)),
            },
        }
    }

    /// Changes one contact of a customer, and returns it as it is then; `None` where there is no such contact. What others write meanwhile
    /// stays.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] when others wrote each time.
    pub async fn change_contact(
        &self,
        customer: &CustomerId,
        contact: &ContactId,
        change: impl Fn(&mut Contact) + Send,
    ) -> Result<Option<Contact>, StoreError> {
        for _ in 0..CHANGE_TRIES {
            let mut stored = self.audience(customer).await?;
            let seen = stored.revision;
            let Some(found) = stored.audience.contact_mut(contact) else {
                return Ok(None);
            };
            let before = found.clone();
            change(found);
            let after = found.clone();
            if after == before {
                return Ok(Some(after));
            }
            match self.put_audience(customer, &stored, Replaces::Version(seen)).await {
                Ok(_) => return Ok(Some(after)),
                Err(StoreError::Overtaken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Overtaken { what: format!("change contact {contact} of {customer}") })
    }
}

fn key(customer: &CustomerId) -> String {
    format!("customer#{customer}")
}

fn read(item: &Item) -> Result<StoredAudience, StoreError> {
    let reader = Reader::open(item)?;
    let wrong = || reader.wrong("secrets must be bytes by contact id");
    let sealed = item.get("secrets").and_then(|value| value.as_m().ok()).ok_or_else(wrong)?;
    let secrets = sealed.iter().map(|(id, value)| Some((id.parse().ok()?, value.as_b().ok()?.as_ref().to_vec())));
    Ok(StoredAudience {
        audience: reader.json("body")?,
        secrets: secrets.collect::<Option<_>>().ok_or_else(wrong)?,
        revision: reader.number("revision")?,
    })
}
