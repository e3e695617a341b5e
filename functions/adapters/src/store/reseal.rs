//! Every sealed secret there is, and another sealing of it in its place: for the operator's command line, when the key is changed.

use domain::ids::ConnectionId;

use super::attempts::Terms;
use super::belongings::Mark;
use super::item::{Item, Reader, bytes, text};
use super::{Store, StoreError, failed};
use crate::vault::Purpose;

/// The attributes that hold sealed secrets, and what each is for. What is sealed under a new attribute gets a line here.
const SEALED: [(&str, Purpose); 3] =
    [("access", Purpose::AccessToken), ("refresh", Purpose::RefreshToken), ("sealed", Purpose::CodeVerifier)];

/// A secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Whose.
    pub connection: ConnectionId,
    /// What for.
    pub purpose: Purpose,
    /// As it is sealed.
    pub sealed: Vec<u8>,
    key: (String, String),
    attribute: &'static str,
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
        let is_there = SEALED.map(|(attribute, _)| format!("attribute_exists({attribute})")).join(" OR ");
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
        let request = request
            .update_expression("SET #sealed = :new")
            .condition_expression("#sealed = :old")
            .expression_attribute_names("#sealed", secret.attribute)
            .expression_attribute_values(":new", bytes(sealed))
            .expression_attribute_values(":old", bytes(secret.sealed.clone()));
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
    there.map(|(attribute, purpose)| secret(item, (attribute, purpose))).collect()
}

fn secret(item: &Item, (attribute, purpose): (&'static str, Purpose)) -> Result<SealedSecret, StoreError> {
    let reader = Reader::open(item)?;
    let connection = match purpose {
        Purpose::CodeVerifier => reader.json::<Terms>("body")?.connection,
        Purpose::RefreshToken | Purpose::AccessToken => reader.parsed("pk", "connection#")?,
    };
    let key = (reader.text("pk")?.to_owned(), reader.text("sk")?.to_owned());
    Ok(SealedSecret { connection, purpose, sealed: reader.bytes(attribute)?.to_vec(), key, attribute })
}
