//! The fleet guard at work: counts what fails alike, opens an incident, and ends it.

use adapters::Ports;
use adapters::store::StoreError;
use domain::diagnosis;
use domain::fleet::{Ended, EndedWhy, Guard, Incident, Tally, Trouble, Weight};
use domain::refusal::Refusal;
use jiff::SignedDuration;

/// An incident is noted as seen again at most this often.
const SEEN_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// Reads the last incident at the begin of a tick, and ends it where it is over.
pub(crate) async fn look(ports: &Ports, guard: &Guard) -> Result<Option<Incident>, StoreError> {
    let Some(incident) = ports.store.incident().await? else {
        return Ok(None);
    };
    match guard.ends(&incident, ports.clock.now()).filter(|_| incident.is_open()) {
        Some(ended) => end(ports, incident, ended).await.map(Some),
        None => Ok(Some(incident)),
    }
}

/// Ends an incident about our own credential: Entra accepts it again.
pub(crate) async fn credential_works(ports: &Ports, incident: Option<&Incident>) -> Result<(), StoreError> {
    let now = ports.clock.now();
    match incident.filter(|incident| incident.is_open() && incident.trouble == Trouble::Credential) {
        Some(incident) => end(ports, incident.clone(), Ended { at: now, why: EndedWhy::Passed }).await.map(drop),
        None => Ok(()),
    }
}

async fn end(ports: &Ports, incident: Incident, ended: Ended) -> Result<Incident, StoreError> {
    let over = Incident { ended: Some(ended), ..incident.clone() };
    match write(ports, Some(&incident), &over).await? {
        true => tracing::warn!(incident = ?over, "incident ended"),
        false => tracing::debug!("the incident was changed by somebody else"),
    }
    Ok(over)
}

/// Decides whether a verdict that would change health stands, or is part of an incident. A failure is counted once for each grant: when it
/// is news.
pub(crate) async fn weigh(ports: &Ports, guard: &Guard, (refusal, is_news): (&Refusal, bool)) -> Result<Weight, StoreError> {
    let now = ports.clock.now();
    let trouble = Trouble::of(refusal);
    let last = ports.store.incident().await?;
    let tally = match is_news {
        true => ports.store.count_failure(&trouble, now).await?,
        false => Tally::default(),
    };
    let weight = guard.weigh(last.as_ref(), refusal, tally, now);
    match (weight, &last) {
        (Weight::Opens, _) => {
            let incident = Incident::begin(trouble, now);
            if write(ports, last.as_ref(), &incident).await? {
                let diagnosis = diagnosis::diagnose_for_operator(refusal);
                tracing::error!(?incident, ?tally, ?diagnosis, "incident opened: verdicts like it are held back");
            }
        }
        (Weight::Held, Some(open)) if now.duration_since(open.seen_at) >= SEEN_AGAIN => {
            write(ports, Some(open), &Incident { seen_at: now, ..open.clone() }).await?;
        }
        (Weight::Held | Weight::Stands, _) => {}
    }
    Ok(weight)
}

/// Returns whether it was written; otherwise somebody else changed the incident meanwhile.
async fn write(ports: &Ports, before: Option<&Incident>, after: &Incident) -> Result<bool, StoreError> {
    match ports.store.write_incident(before, after).await {
        Ok(()) => Ok(true),
        Err(StoreError::Overtaken { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
