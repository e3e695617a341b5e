//! All connections, or some, a line each.

use std::time::Duration;

use adapters::store::StoreError;
use adapters::store::survey::Surveyed;
use domain::api::{ForecastView, HealthWord};
use domain::ids::{ConnectionId, CustomerId, TenantId};
use jiff::Timestamp;
use serde::Serialize;

use crate::arguments::State;
use crate::console::{Console, at, maybe_at, word};
use crate::desk::Desk;
use crate::{Exit, Fault, told};

/// The wait between two pages of the whole table: at most 1,280 read units a second are used, and the functions keep theirs.
const BETWEEN_PAGES: Duration = Duration::from_millis(100);

/// A connection in one line.
#[derive(Debug, Serialize)]
struct Line {
    id: ConnectionId,
    customer: CustomerId,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_name: Option<String>,
    health: HealthWord,
    health_since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<ForecastView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_verified_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_since: Option<Timestamp>,
    people: u64,
}

impl Line {
    fn of(surveyed: &Surveyed) -> Self {
        let (connection, walk) = (&surveyed.connection, surveyed.walk.as_ref().map(|(walk, _)| walk));
        let body = &connection.body;
        Self {
            id: connection.id.clone(),
            customer: connection.customer.clone(),
            tenant: body.tenant.as_ref().map(|tenant| tenant.id),
            tenant_name: body.tenant.as_ref().and_then(|tenant| tenant.name.clone()),
            health: connection.health(),
            health_since: body.standing.since,
            paused_since: connection.paused_since,
            forecast: body.forecast.as_ref().filter(|_| body.standing.health.is_working()).map(domain::forecast::Forecast::view),
            last_verified_at: body.verified_at,
            as_of: walk.and_then(|walk| walk.as_of),
            stale_since: walk.and_then(|walk| walk.stale_since),
            people: walk.map_or(0, |walk| walk.people),
        }
    }

    fn text(&self) -> String {
        let health = match self.paused_since {
            Some(_) => format!("{} (paused)", word(&self.health)),
            None => word(&self.health),
        };
        let ends = self.forecast.as_ref().map_or_else(|| "-".to_owned(), |forecast| at(forecast.ends_at));
        row([
            self.id.as_str(),
            self.customer.as_str(),
            &health,
            &at(self.health_since),
            &ends,
            &maybe_at(self.as_of),
            &self.people.to_string(),
        ])
    }
}

/// Columns as wide as their usual content, so that a long list needs not be known before its first line is said.
fn row([id, customer, health, since, ends, as_of, people]: [&str; 7]) -> String {
    format!("{id:<30}  {customer:<24}  {health:<25}  {since:<20}  {ends:<20}  {as_of:<20}  {people:>7}")
}

fn is_wanted(states: &[State], surveyed: &Surveyed) -> bool {
    let fits = |state: &State| match state {
        State::Health(health) => surveyed.connection.health() == *health,
        State::Paused => surveyed.connection.paused_since.is_some(),
    };
    states.is_empty() || states.iter().any(fits)
}

/// Lists connections.
pub(crate) async fn run(
    desk: &Desk,
    (states, customer): (&[State], Option<&CustomerId>),
    console: &mut Console<'_>,
) -> Result<Exit, Fault> {
    console.heading(&row(["CONNECTION", "CUSTOMER", "HEALTH", "SINCE", "EXPECTED END", "DATA AS OF", "PEOPLE"]))?;
    let mut exit = Exit::Well;
    match customer {
        Some(customer) => {
            for id in desk.store.every_id_of(customer).await? {
                let Some(connection) = desk.store.connection(&id).await? else { continue };
                let surveyed = Surveyed { connection, walk: desk.store.walk(&id).await? };
                say(console, states, &surveyed)?;
            }
        }
        None => {
            let mut survey = desk.store.survey();
            let mut is_first = true;
            while let Some(page) = survey.turn_page().await? {
                for found in page {
                    exit = said(console, states, found, exit)?;
                }
                if !is_first {
                    tokio::time::sleep(BETWEEN_PAGES).await;
                }
                is_first = false;
            }
        }
    }
    Ok(exit)
}

fn say(console: &mut Console<'_>, states: &[State], surveyed: &Surveyed) -> Result<(), Fault> {
    if !is_wanted(states, surveyed) {
        return Ok(());
    }
    let line = Line::of(surveyed);
    console.say(&line, || line.text())
}

/// Says one, or that it cannot be read; the others are listed all the same.
fn said(console: &mut Console<'_>, states: &[State], found: Result<Surveyed, StoreError>, exit: Exit) -> Result<Exit, Fault> {
    match found {
        Ok(surveyed) => say(console, states, &surveyed).map(|()| exit),
        Err(error) => console.aside(&told(&error)).map(|()| Exit::Wrong),
    }
}
