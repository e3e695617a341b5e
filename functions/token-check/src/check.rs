//! One connection: lease, renewal, verdict, one conditional write.

use adapters::Ports;
use adapters::entropy;
use adapters::metrics::{self, Metric};
use adapters::store::connections::{Connection, DueCheck, Grant};
use adapters::store::grants::{Kept, SealedTokens};
use adapters::store::notices::Notice;
use adapters::store::{Holder, Lease, StoreError};
use domain::api::HealthWord;
use domain::diagnosis::{self, Action};
use domain::fleet::Weight;
use domain::forecast::{self, Score};
use domain::health::{self, Health, Reply, Standing, Verdict};
use domain::notice::{self, NoticeKind};
use domain::refusal::Refusal;
use domain::schedule;
use jiff::{SignedDuration, Timestamp};

use crate::renewal::{self, Renewal, Renewed, Task};
use crate::spare::{self, StandIn};
use crate::{Round, incident};

/// How far the clocks of two workers may be apart. A lease lasts so much longer than its holder may live.
const SKEW: SignedDuration = SignedDuration::from_secs(2);
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
    /// Entra refuses; it is not believed yet.
    Doubted,
    /// Entra refuses, as it refuses many others: the verdict is held back.
    Held,
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
            Self::Doubted => "doubted",
            Self::Held => "held",
            Self::Overtaken => "overtaken",
        }
    }

    /// What is written about a connection, in one word.
    fn of(connection: &Connection) -> Self {
        let body = &connection.body;
        match (body.unclear, body.held_since, body.standing.doubted_since) {
            (1.., ..) => Self::Unclear,
            (0, Some(_), _) => Self::Held,
            (0, None, Some(_)) => Self::Doubted,
            (0, None, None) => Self::Judged(connection.health()),
        }
    }
}

/// A connection under its lease, and what the check owes.
pub(crate) struct Patient<'a> {
    pub(crate) connection: Connection,
    pub(crate) lease: &'a Lease,
    /// What new tokens must not be stored over.
    pub(crate) kept: Kept,
    pub(crate) owed: Vec<NoticeKind>,
    /// How the end of the grant in use had been foreseen, where it ended.
    pub(crate) score: Option<Score>,
    /// When the operator's own credential ends, where that is known.
    pub(crate) credential_ends_at: Option<Timestamp>,
}

/// Checks one connection, if it is due and nobody else is at it.
///
/// # Errors
/// [`StoreError`] where the store fails. The lease then ends by itself, and the connection is still due.
pub(crate) async fn check(round: &Round<'_>, due: DueCheck) -> Result<Outcome, StoreError> {
    let ports = round.ports;
    let now = ports.clock.now();
    if due.leased_until >= now || due.connection.check_at.is_none_or(|at| at > now) {
        return Ok(Outcome::NotDue);
    }
    // Whoever holds the lease is killed at the deadline: nobody acts after it.
    let holder = Holder { nonce: entropy::bytes16(ports.entropy.as_ref()), until: round.deadline + SKEW };
    let Some(lease) = ports.store.take_check(&due, holder, now).await? else {
        return Ok(Outcome::NotDue);
    };
    if let Some(at) = due.connection.check_at {
        metrics::took(Metric::CheckDelay, now.duration_since(at));
    }
    let before = due.connection.health();
    let mut patient = Patient {
        kept: Kept::of(&due.connection.body),
        connection: Connection { check_at: None, ..due.connection },
        lease: &lease,
        owed: Vec::new(),
        score: None,
        credential_ends_at: ports.entra.credentials().ends_at(),
    };
    match examine(round, &mut patient, due.tokens).await {
        // The tokens of whoever took the connection over are newer: ours were not stored over them.
        Err(StoreError::Overtaken { .. }) => return Ok(Outcome::Overtaken),
        examined => examined?,
    }
    let outcome = settle(ports, &patient).await?;
    let is_back = !is_working(before) && is_working(patient.connection.health());
    if is_back && matches!(outcome, Outcome::Judged(_)) {
        ports.store.hasten_walk(&patient.connection.id, ports.clock.now()).await?;
    }
    Ok(outcome)
}

/// Asks Entra about the grant in use. One that is dead already is not asked about any more, only what may take its place.
async fn examine(round: &Round<'_>, patient: &mut Patient<'_>, tokens: Option<SealedTokens>) -> Result<(), StoreError> {
    let Some(grant) = patient.connection.body.grant.clone() else {
        return Ok(());
    };
    if matches!(patient.connection.body.standing.health, Health::Dead { .. }) {
        return spare::rescue(round, patient).await;
    }
    let task = Task { connection: &patient.connection, grant: &grant, lease: patient.lease, kept: &patient.kept, tokens };
    let renewal = renewal::renew(round.ports, task).await?;
    decide(round, patient, grant, renewal).await
}

fn is_working(health: HealthWord) -> bool {
    matches!(health, HealthWord::Healthy | HealthWord::Expiring)
}

/// Turns what Entra said into the connection's next state.
async fn decide(round: &Round<'_>, patient: &mut Patient<'_>, grant: Grant, renewal: Renewal) -> Result<(), StoreError> {
    let ports = round.ports;
    let now = ports.clock.now();
    count(&renewal);
    let connection = &mut patient.connection;
    match renewal {
        Renewal::Renewed(renewed) => {
            accept(patient, grant, &renewed, now);
            incident::credential_works(ports, round.incident.as_ref()).await;
            spare::tend(round, patient).await
        }
        Renewal::Refused(refusal) if diagnosis::action(&refusal) == Action::Wait => {
            connection.body.unclear = connection.body.unclear.saturating_add(1);
            connection.check_at = Some(schedule::after_unclear(&connection.id, 1, Some(LOOP_WAIT), now));
            Ok(())
        }
        Renewal::Refused(refusal) => refuse(round, patient, refusal).await,
        Renewal::Unclear { what, retry_after } => {
            connection.body.unclear = connection.body.unclear.saturating_add(1);
            tracing::warn!(connection = %connection.id, what, tries = connection.body.unclear, "Entra's answer says nothing");
            connection.check_at = Some(schedule::after_unclear(&connection.id, connection.body.unclear, retry_after, now));
            Ok(())
        }
    }
}

/// Counts what Entra's answer came to.
fn count(renewal: &Renewal) {
    metrics::count(match renewal {
        Renewal::Renewed(_) => Metric::RefreshesAccepted,
        Renewal::Unclear { .. } => Metric::RefreshesUnclear,
        Renewal::Refused(refusal) => Metric::RefreshesRefused(diagnosis::diagnose_for_operator(refusal).cause),
    });
}

/// Notes tokens that Entra gave for the grant in use, and foresees its end.
pub(crate) fn accept(patient: &mut Patient<'_>, grant: Grant, renewed: &Renewed, now: Timestamp) {
    let body = &mut patient.connection.body;
    patient.kept.add(renewed.current);
    body.unclear = 0;
    body.held_since = None;
    body.verified_at = Some(now);
    // What was told of the grant before says nothing about another one.
    let is_same = body.grant.as_ref().is_some_and(|old| old.signed_in_at == grant.signed_in_at);
    body.warned = body.warned.filter(|_| is_same);
    body.grant = Some(Grant { current: renewed.current, previous: renewed.previous, told: renewed.told, ..grant });
    let known = patient.connection.known(patient.credential_ends_at);
    let foreseen = known.and_then(|known| forecast::foresee(&known, now));
    let body = &mut patient.connection.body;
    let warning = foreseen.as_ref().and_then(|forecast| forecast.owes(body.warned, now));
    body.forecast = foreseen.clone();
    let verdict = health::judge(&body.standing, Reply::Accepted(foreseen), now);
    let (notice, told) = notice::with_warning(verdict.notice, warning);
    body.warned = told.or(body.warned);
    apply(patient, Verdict { notice, ..verdict }, now);
}

/// Weighs a refusal: it may be part of an incident, or not be believed yet, or be outlived by the spare grant.
async fn refuse(round: &Round<'_>, patient: &mut Patient<'_>, refusal: Box<Refusal>) -> Result<(), StoreError> {
    let ports = round.ports;
    let now = ports.clock.now();
    let connection = &mut patient.connection;
    let before = connection.body.standing.clone();
    connection.body.unclear = 0;
    let verdict = health::judge(&before, Reply::Refused(refusal.clone()), now);
    if is_change(&before, &verdict.standing) {
        let is_news = before.health.is_working() && before.doubted_since.is_none();
        if incident::weigh(ports, &round.plan.guard, (&refusal, is_news)).await? != Weight::Stands {
            connection.body.held_since.get_or_insert(now);
            connection.check_at = Some(schedule::after_held(&connection.id, now));
            return Ok(());
        }
    }
    connection.body.held_since = None;
    let is_end = matches!(verdict.standing.health, Health::Dead { .. } | Health::Suspended { .. });
    let life = connection.life().filter(|_| is_end && before.health.is_working());
    let stand_in = match is_end {
        true => spare::stand_in(round, patient, &verdict).await?,
        false => StandIn::None,
    };
    if let Some(life) = life.filter(|_| stand_in != StandIn::Unknown) {
        let ended_at = before.doubted_since.unwrap_or(now);
        let learned = forecast::learn(&refusal, life, ended_at);
        patient.score = Some(forecast::score(&before, learned.as_ref(), ended_at));
        forecast::remember(&mut patient.connection.body.lifetimes, life, learned);
    }
    if stand_in == StandIn::None {
        apply(patient, verdict, now);
    }
    Ok(())
}

/// Whether a verdict says more than is known already.
fn is_change(before: &Standing, after: &Standing) -> bool {
    before.health.word() != after.health.word() || (before.doubted_since.is_none() && after.doubted_since.is_some())
}

/// Makes a verdict the connection's state.
pub(crate) fn apply(patient: &mut Patient<'_>, verdict: Verdict, now: Timestamp) {
    let connection = &mut patient.connection;
    connection.body.standing = verdict.standing;
    let next = schedule::next_check(&connection.id, &connection.body.standing, now);
    connection.check_at = next.or_else(|| spare::next_rescue(connection, now));
    patient.owed.extend(verdict.notice);
}

/// Counts how the end of a grant had been foreseen.
fn tell_score(score: Option<Score>) {
    match score {
        Some(Score::Hit(lead)) => {
            metrics::count(Metric::ForecastHits);
            metrics::took(Metric::ForecastLead, lead);
        }
        Some(Score::Missed) => metrics::count(Metric::ForecastMisses),
        Some(Score::Unforeseeable) => metrics::count(Metric::EndsUnforeseeable),
        None => {}
    }
}

async fn settle(ports: &Ports, patient: &Patient<'_>) -> Result<Outcome, StoreError> {
    let (connection, now) = (&patient.connection, ports.clock.now());
    let notice = |kind: &NoticeKind| Notice::about(connection, *kind, entropy::bytes16(ports.entropy.as_ref()), now);
    let notices: Vec<Notice> = patient.owed.iter().map(notice).collect();
    match ports.store.settle_connection(connection, patient.lease, &notices).await {
        Ok(()) => {
            tell_score(patient.score);
            for notice in &notices {
                tracing::info!(connection = %connection.id, kind = ?notice.kind, health = ?connection.health(), "health changed");
            }
            Ok(Outcome::of(connection))
        }
        Err(StoreError::Overtaken { .. }) => Ok(Outcome::Overtaken),
        Err(error) => Err(error),
    }
}
