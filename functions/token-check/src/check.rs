//! One connection: lease, renewal, verdict, one conditional write.

use std::time::Duration;

use adapters::Ports;
use adapters::store::connections::{Connection, Grant};
use adapters::store::notices::Notice;
use adapters::store::{Lease, StoreError};
use adapters::{entropy, store};
use domain::api::HealthWord;
use domain::diagnosis::{self, Action};
use domain::forecast::{self, Known, Life};
use domain::health::{self, Reply};
use domain::ids::ConnectionId;
use domain::refusal::Refusal;
use domain::schedule;
use jiff::{SignedDuration, Timestamp};

use crate::renewal::{self, Renewal, Renewed};

/// The longest that asking Entra and storing its answer may take, retries included.
const WORK_MAX: Duration = Duration::from_secs(60);
/// How long a lease lasts: longer than [`WORK_MAX`] and the last write's own deadline of 10 s, with room for clocks that differ.
const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// The wait after Entra said that we ask too often. Source:
/// <https://learn.microsoft.com/en-us/entra/msal/dotnet/advanced/exceptions/client-and-server-throttling>
const LOOP_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not due any more, or somebody else is at it.
    NotDue,
    /// Entra was asked; health is now this.
    Judged(HealthWord),
    /// Entra's answer said nothing about the grant.
    Unclear,
    /// Somebody took the connection over meanwhile; nothing was changed.
    Overtaken,
}

impl Outcome {
    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotDue => "not-due",
            Self::Judged(HealthWord::Healthy) => "healthy",
            Self::Judged(HealthWord::Expiring) => "expiring",
            Self::Judged(HealthWord::Suspended) => "suspended",
            Self::Judged(HealthWord::Dead) => "dead",
            Self::Judged(HealthWord::OperatorFault) => "operator-fault",
            Self::Judged(HealthWord::AwaitingConsent | HealthWord::Disconnected) => "nothing-to-check",
            Self::Unclear => "unclear",
            Self::Overtaken => "overtaken",
        }
    }
}

/// Checks one connection, if it is due and nobody else is at it.
///
/// # Errors
/// [`StoreError`] where the store fails. The lease then ends by itself, and the connection is still due.
pub async fn check(ports: &Ports, id: &ConnectionId) -> Result<Outcome, StoreError> {
    let now = ports.clock.now();
    let Some((connection, lease)) = ports.store.take_check(id, now, now + LEASE).await? else {
        return Ok(Outcome::NotDue);
    };
    let Some(grant) = connection.body.grant.clone() else {
        return settle(ports, Connection { check_at: None, ..connection }, &lease, None).await;
    };
    let before = connection.health();
    let renewal = match tokio::time::timeout(WORK_MAX, renewal::renew(ports, &connection, &grant, &lease)).await {
        // The tokens of whoever took the connection over are newer: ours were not stored over them.
        Ok(Err(StoreError::Overtaken { .. })) => return Ok(Outcome::Overtaken),
        Ok(renewal) => renewal?,
        Err(_) => Renewal::Unclear { what: "the check took too long".to_owned(), retry_after: None },
    };
    let (connection, notice) = decide(ports, connection, grant, renewal);
    let is_unclear = connection.body.unclear > 0;
    match settle(ports, connection, &lease, notice).await? {
        Outcome::Judged(health) => {
            let is_back = !is_working(before) && is_working(health);
            if is_back {
                ports.store.hasten_walk(id, ports.clock.now()).await?;
            }
            Ok(if is_unclear { Outcome::Unclear } else { Outcome::Judged(health) })
        }
        other => Ok(other),
    }
}

fn is_working(health: HealthWord) -> bool {
    matches!(health, HealthWord::Healthy | HealthWord::Expiring)
}

/// Turns what Entra said into the connection's next state.
fn decide(ports: &Ports, mut connection: Connection, grant: Grant, renewal: Renewal) -> (Connection, Option<Notice>) {
    let now = ports.clock.now();
    let (reply, next_check) = match renewal {
        Renewal::Renewed(renewed) => (accept(&mut connection, grant, &renewed, now), None),
        Renewal::Refused(refusal) => {
            let is_loop = diagnosis::action(&refusal) == Action::Wait;
            learn(&mut connection, &grant, &refusal, now);
            let wait = is_loop.then(|| schedule::after_unclear(&connection.id, 1, Some(LOOP_WAIT), now));
            (Reply::Refused(refusal), wait)
        }
        Renewal::Unclear { what, retry_after } => {
            connection.body.unclear += 1;
            tracing::warn!(connection = %connection.id, what, tries = connection.body.unclear, "Entra's answer says nothing");
            (Reply::Unclear, Some(schedule::after_unclear(&connection.id, connection.body.unclear, retry_after, now)))
        }
    };
    let verdict = health::judge(&connection.body.standing, reply, now);
    connection.check_at = next_check.or_else(|| schedule::next_check(&connection.id, &verdict.standing.health, now));
    connection.body.standing = verdict.standing;
    let random = || entropy::bytes16(ports.entropy.as_ref());
    let notice = verdict.notice.map(|kind| Notice::about(&connection, kind, random(), now));
    (connection, notice)
}

/// Notes a token that Entra accepted, and foresees its end.
fn accept(connection: &mut Connection, grant: Grant, renewed: &Renewed, now: Timestamp) -> Reply {
    let body = &mut connection.body;
    body.unclear = 0;
    body.verified_at = Some(now);
    let life = Life { signed_in_at: grant.signed_in_at, verified_at: now };
    body.forecast = forecast::foresee(&Known::of(life, &body.lifetimes), now);
    body.grant = Some(Grant { current: renewed.current, previous: renewed.previous, ..grant });
    Reply::Accepted(body.forecast.clone())
}

/// Remembers how long the grant lasted, where its age ended it.
fn learn(connection: &mut Connection, grant: &Grant, refusal: &Refusal, now: Timestamp) {
    let body = &mut connection.body;
    body.unclear = 0;
    if !body.standing.health.is_working() {
        return;
    }
    let life = Life { signed_in_at: grant.signed_in_at, verified_at: body.verified_at.unwrap_or(grant.signed_in_at) };
    forecast::remember(&mut body.lifetimes, life, forecast::learn(refusal, life, now));
}

async fn settle(ports: &Ports, connection: Connection, lease: &Lease, notice: Option<Notice>) -> Result<Outcome, StoreError> {
    match ports.store.settle_connection(&connection, lease, notice.as_ref()).await {
        Ok(()) => {
            if let Some(notice) = &notice {
                tracing::info!(connection = %connection.id, kind = ?notice.kind, health = ?connection.health(), "health changed");
            }
            Ok(Outcome::Judged(connection.health()))
        }
        Err(store::StoreError::Overtaken { .. }) => Ok(Outcome::Overtaken),
        Err(error) => Err(error),
    }
}
