//! The fleet guard at work: counts what fails alike, opens an incident, and ends it.

use adapters::Ports;
use adapters::metrics::{self, Metric};
use adapters::store::StoreError;
use domain::diagnosis;
use domain::fleet::{Ended, EndedWhy, Guard, Incident, Tally, Trouble, Weight};
use domain::refusal::Refusal;
use jiff::SignedDuration;

/// An incident is noted as seen again at most this often.
const SEEN_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// The incident about our own credential that is open at the begin of a tick.
pub(crate) async fn of_credential(ports: &Ports) -> Option<Incident> {
    match ports.store.incident(&Trouble::Credential).await {
        Ok(incident) => incident.filter(Incident::is_open),
        Err(error) => {
            // It then ends with a later tick.
            tracing::warn!(error = &error as &dyn std::error::Error, "incident not read");
            None
        }
    }
}

/// Ends an incident about our own credential: Entra accepts it again.
pub(crate) async fn credential_works(ports: &Ports, incident: Option<&Incident>) {
    if let Some(incident) = incident {
        end(ports, incident, Ended { at: ports.clock.now(), why: EndedWhy::Passed }).await;
    }
}

/// Ends what is over, after a tick that left nothing undone: whatever still fails was seen again by then, even where no tick came for long.
pub(crate) async fn conclude(ports: &Ports, guard: &Guard) {
    let incidents = match ports.store.incidents().await {
        Ok(incidents) => incidents,
        Err(error) => return tracing::warn!(error = &error as &dyn std::error::Error, "incidents not read"),
    };
    for incident in incidents.iter().filter(|incident| incident.is_open()) {
        if let Some(ended) = guard.ends(incident, ports.clock.now()) {
            end(ports, incident, ended).await;
        }
    }
}

/// An end that cannot be written is found again by a later check.
async fn end(ports: &Ports, incident: &Incident, ended: Ended) {
    let over = Incident { ended: Some(ended), ..incident.clone() };
    match write(ports, Some(incident), &over).await {
        Ok(true) => tracing::warn!(incident = ?over, "incident ended"),
        Ok(false) => tracing::debug!("the incident was changed by somebody else"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "end of an incident not written"),
    }
}

/// Decides whether a verdict that would change health stands, or is part of an incident. A failure is counted once for each grant: when it
/// is news, or was held back by an incident that ended too soon.
pub(crate) async fn weigh(ports: &Ports, guard: &Guard, (refusal, is_news): (&Refusal, bool)) -> Result<Weight, StoreError> {
    let now = ports.clock.now();
    let trouble = Trouble::of(refusal);
    let last = ports.store.incident(&trouble).await?;
    let is_open = last.as_ref().is_some_and(Incident::is_open);
    let tally = match is_news && !is_open {
        true => ports.store.count_failure(&trouble, now).await?,
        false => Tally::default(),
    };
    let weight = guard.weigh(last.as_ref(), refusal, tally, now);
    match (weight, &last) {
        (Weight::Opens, _) => {
            let incident = Incident::begin(trouble, now);
            if write(ports, last.as_ref(), &incident).await? {
                let diagnosis = diagnosis::diagnose_for_operator(refusal);
                metrics::count(Metric::IncidentsOpened);
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
