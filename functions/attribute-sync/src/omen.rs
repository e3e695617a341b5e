//! Looks at the person who consented, because the directory often knows before Entra's next refusal that a grant has ended. It costs one
//! request of one resource unit a round.

use adapters::Ports;
use adapters::graph::GraphError;
use adapters::store::StoreError;
use adapters::store::connections::{Connection, Grant};
use adapters::store::sightings::Sighting;
use domain::api::AccessWord;
use domain::forecast::Sign;
use domain::ids::ObjectId;
use domain::person::{Change, News, Value};
use jiff::Timestamp;
use secrecy::SecretString;

/// Reads the consenter, once a round, after its first page: while Graph gives no pages it is asked for nothing else. A look that fails
/// stops nothing.
pub(crate) async fn look(ports: &Ports, connection: &Connection, token: Option<&SecretString>) -> Result<(), StoreError> {
    let now = ports.clock.now();
    let (Some(grant), Some(token)) = (delegated(connection), token) else {
        return Ok(());
    };
    match ports.graph.consenter(token, grant.consenter, now).await {
        Ok(consenter) => note(ports, connection, (grant, Sign::read(&consenter, grant.signed_in_at)), now).await,
        Err(GraphError::Unavailable { what, .. }) => {
            tracing::info!(connection = %connection.id, what, "the consenter could not be read");
            Ok(())
        }
        Err(error) => {
            tracing::warn!(connection = %connection.id, error = &error as &dyn std::error::Error, "the consenter could not be read");
            Ok(())
        }
    }
}

/// Looks for the consenter on a page: removed or disabled.
pub(crate) async fn find(ports: &Ports, connection: &Connection, changes: &[Change]) -> Result<(), StoreError> {
    let Some(grant) = delegated(connection) else {
        return Ok(());
    };
    match told_of(grant.consenter, changes) {
        Some(sign) => note(ports, connection, (grant, Some(sign)), ports.clock.now()).await,
        None => Ok(()),
    }
}

/// What the last entry about a person says.
fn told_of(consenter: ObjectId, changes: &[Change]) -> Option<Sign> {
    let last = changes.iter().rfind(|change| change.id == consenter)?;
    match &last.news {
        News::Gone => Some(Sign::Deleted),
        News::Present { attributes, .. } => {
            let is_disabled = attributes.get("accountEnabled") == Some(&Some(Value::Flag(false)));
            is_disabled.then_some(Sign::Disabled)
        }
    }
}

/// The grant that a person's account backs.
fn delegated(connection: &Connection) -> Option<&Grant> {
    connection.body.grant.as_ref().filter(|grant| grant.access == AccessWord::Delegated)
}

/// Writes what is news, and lets a grant that has ended be asked about at once.
async fn note(ports: &Ports, connection: &Connection, (grant, sign): (&Grant, Option<Sign>), now: Timestamp) -> Result<(), StoreError> {
    let known = connection.sighting.and_then(|sighting| sighting.omen(grant)).map(|omen| omen.sign);
    if known == sign {
        return Ok(());
    }
    tracing::info!(connection = %connection.id, sign = ?sign, "the consenter changed");
    ports.store.note_sighting(&connection.id, &Sighting { consenter: grant.consenter, seen_at: now, sign }).await?;
    match sign.is_some_and(Sign::is_end) {
        true => ports.store.check_by(&connection.id, now).await,
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::person::ManagerNews;

    use super::*;

    fn entry(number: u128, enabled: Option<bool>) -> Change {
        let attributes = enabled.map(|flag| ("accountEnabled".to_owned(), Some(Value::Flag(flag))));
        let attributes: BTreeMap<_, _> = attributes.into_iter().collect();
        Change { id: id(number), news: News::Present { attributes, manager: ManagerNews::Unknown } }
    }

    fn gone(number: u128) -> Change {
        Change { id: id(number), news: News::Gone }
    }

    fn id(number: u128) -> ObjectId {
        format!("00000000-0000-0000-0000-{number:012}").parse().unwrap()
    }

    #[test]
    fn a_page_tells_of_the_consenter_alone_and_its_last_entry_counts() {
        for (changes, expected) in [
            (vec![], None),
            (vec![gone(2), entry(3, Some(false))], None),
            (vec![gone(1)], Some(Sign::Deleted)),
            (vec![entry(1, Some(false))], Some(Sign::Disabled)),
            (vec![entry(1, Some(true))], None),
            (vec![entry(1, None)], None),
            (vec![gone(1), entry(1, Some(true))], None),
            (vec![entry(1, Some(true)), gone(1)], Some(Sign::Deleted)),
        ] {
            assert_eq!(told_of(id(1), &changes), expected, "{changes:?}");
        }
    }
}
