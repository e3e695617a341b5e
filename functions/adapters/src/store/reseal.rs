//! Every sealed secret there is, and another sealing of it in its place: for the operator's command line, when the key is changed.

use aws_sdk_dynamodb::types::AttributeValue;

use super::attempts::Terms;
use super::belongings::Mark;
use super::item::{Item, Reader, bytes, text};
use super::{Store, StoreError, failed};
use crate::vault::{Binding, Purpose};

/// The attributes that hold sealed secrets, and what each is for. What is sealed under a new attribute gets a line here.
const SEALED: [(&str, Purpose); 3] =
    [("access", Purpose::AccessToken), ("refresh", Purpose::RefreshToken), ("sealed", Purpose::CodeVerifier)];

/// The attribute that maps contacts to what their webhooks are signed with.
const WEBHOOKS: &str = "secrets";

/// A secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Whose, and what for.
    pub binding: Binding,
    /// As it is sealed.
    pub sealed: Vec<u8>,
    key: (String, String),
    place: Place,
}

/// Where in an item a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Attribute(&'static str),
    /// Of this contact, in the map of [`WEBHOOKS`].
    Webhook(String),
}

/// A page of secrets; one that cannot be read is told in its place.
pub type SecretPage = (Vec<Result<SealedSecret, StoreError>>, Option<Mark>);

impl Store {
    /// The sealed secrets of one page of a scan, and where it goes on.
    ///
    /// # Errors
    /// [`StoreError`] where DynamoDB fails.
    pub async fn sealed_secrets(&self, from: Option<Mark>) -> Result<SecretPage, StoreError> {
        let request =
            self.client.scan().table_name(&self.connections).set_exclusive_start_key(from.map(|mark| mark.0)).consistent_read(true);
        let attributes = SEALED.into_iter().map(|(attribute, _)| attribute).chain([WEBHOOKS]);
        let is_there = attributes.map(|attribute| format!("attribute_exists({attribute})")).collect::<Vec<_>>().join(" OR ");
        let answer = request.filter_expression(is_there).send().await;
        let answer = answer.map_err(|error| failed("look for sealed secrets".to_owned(), error))?;
        let found = answer.items.unwrap_or_default().iter().flat_map(secrets).collect();
        Ok((found, answer.last_evaluated_key.map(Mark)))
    }

    /// Puts another sealing of a secret in the place of the one that was read; whether it was still there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace_sealed(&self, secret: &SealedSecret, sealed: Vec<u8>) -> Result<bool, StoreError> {
        let (pk, sk) = &secret.key;
        let request = self.client.update_item().table_name(&self.connections).key("pk", text(pk)).key("sk", text(sk));
        let request = match &secret.place {
            Place::Attribute(attribute) => {
                let request = request.update_expression("SET #sealed = :new").condition_expression("#sealed = :old");
                request.expression_attribute_names("#sealed", *attribute)
            }
            Place::Webhook(contact) => {
                let request = request.update_expression("SET #all.#sealed = :new").condition_expression("#all.#sealed = :old");
                request.expression_attribute_names("#all", WEBHOOKS).expression_attribute_names("#sealed", contact)
            }
        };
        let request =
            request.expression_attribute_values(":new", bytes(sealed)).expression_attribute_values(":old", bytes(secret.sealed.clone()));
        match request.send().await.map_err(|error| failed(format!("seal {pk}/{sk} anew"), error)) {
            Ok(_) => Ok(true),
            Err(StoreError::Overtaken { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn secrets(item: &Item) -> Vec<Result<SealedSecret, StoreError>> {
    // Nothing stands where a token ended before it began.
    let is_nothing =
        |attribute: &str| item.get(attribute).and_then(|value| value.as_b().ok()).is_some_and(|sealed| sealed.as_ref().is_empty());
    let there = SEALED.into_iter().filter(|(attribute, _)| item.contains_key(*attribute) && !is_nothing(attribute));
    let flat = there.map(|(attribute, purpose)| flat(item, (attribute, purpose)));
    let webhooks = item.get(WEBHOOKS).and_then(|value| value.as_m().ok()).into_iter().flatten();
    flat.chain(webhooks.map(|(contact, sealed)| webhook(item, contact, sealed))).collect()
}

fn flat(item: &Item, (attribute, purpose): (&'static str, Purpose)) -> Result<SealedSecret, StoreError> {
    let reader = Reader::open(item)?;
    let connection = match purpose {
        Purpose::CodeVerifier => reader.json::<Terms>("body")?.connection,
        _ => reader.parsed("pk", "connection#")?,
    };
    let (binding, sealed) = (Binding::new(&connection, purpose), reader.bytes(attribute)?.to_vec());
    Ok(SealedSecret { binding, sealed, key: key(&reader)?, place: Place::Attribute(attribute) })
}

fn webhook(item: &Item, contact: &str, sealed: &AttributeValue) -> Result<SealedSecret, StoreError> {
    let reader = Reader::open(item)?;
    let binding = Binding::of_customer(&reader.parsed("pk", "customer#")?, Purpose::WebhookSecret);
    let sealed = sealed.as_b().map_err(|_| reader.wrong("secrets must be bytes by contact id"))?;
    Ok(SealedSecret { binding, sealed: sealed.as_ref().to_vec(), key: key(&reader)?, place: Place::Webhook(contact.to_owned()) })
}

fn key(reader: &Reader<'_>) -> Result<(String, String), StoreError> {
    Ok((reader.text("pk")?.to_owned(), reader.text("sk")?.to_owned()))
}
