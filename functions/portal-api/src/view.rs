//! What is stored, as the API says it.

use adapters::store::attempts::{Attempt, Progress};
use adapters::store::connections::{Body, Connection, Spare};
use adapters::store::people::StoredPerson;
use domain::api::{
    AttemptFailureView, AttemptWord, ConnectionStatus, DataAge, DeletionsHeld, DiagnosisView, ForecastView, HealthWord, ManagerView,
    PersonView, ProvenanceView, ReconnectAttempt, SpareView, SyncView, SyncWord, TenantView,
};
use domain::diagnosis;
use domain::forecast::{Forecast, Why};
use domain::health::Health;
use domain::person::Value;
use domain::photo::Tour;
use domain::walk::{Hold, Walk};
use jiff::{SignedDuration, Timestamp};

/// How long the widget waits between two questions about an attempt.
const POLL_MILLISECONDS: u32 = 1_000;
/// A grant about which nothing could be found out for longer than this is not shown as well: four checks were missed.
const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(3);

/// A connection with its walk and its tour over photos, at `now`.
pub(crate) fn status(
    connection: &Connection,
    (walk, tour): (Option<&(Walk, Option<Timestamp>)>, Option<&Tour>),
    now: Timestamp,
) -> ConnectionStatus {
    let body = &connection.body;
    let grant = body.grant.as_ref();
    let face = face(body, now);
    ConnectionStatus {
        id: connection.id.clone(),
        customer: connection.customer.clone(),
        tenant: body.tenant.as_ref().map(|tenant| TenantView { id: tenant.id, name: tenant.name.clone() }),
        health: face.word,
        health_since: face.since,
        diagnosis: face.diagnosis,
        forecast: body.forecast.as_ref().and_then(|forecast| self::forecast(face.word, forecast, now)),
        last_verified_at: body.verified_at,
        last_synced_at: walk.and_then(|(walk, _)| walk.completed_at),
        data: data_age(walk.map(|(walk, _)| walk)),
        sync: SyncView {
            // A sync that waits for a repair has no next turn to tell.
            next_at: walk.and_then(|(_, due_at)| *due_at).filter(|_| body.standing.health.is_working()),
            ..sync(walk.map(|(walk, _)| walk), now)
        },
        // What keeps the whole connection from working is told as its health.
        photos_problem: tour.and_then(|tour| tour.problem.clone()).filter(|_| body.standing.health.is_working()),
        access: grant.map(|grant| grant.access),
        spare: body.spare.as_ref().map(spare),
        consented_by: grant.and_then(|grant| grant.consenter_name.clone()),
        consented_at: grant.map(|grant| grant.signed_in_at),
        acknowledged_at: connection.acknowledged.as_ref().filter(|word| word.is_about(&body.standing)).map(|word| word.at),
        server_time: now,
    }
}

/// What is shown of a connection's health.
struct Face {
    word: HealthWord,
    since: Timestamp,
    diagnosis: Option<DiagnosisView>,
}

/// Health as it is shown. A verdict that is held back during an incident is shown as what it is, a fault that the customer has no part in;
/// so is a grant about which nothing could be found out for hours: nothing is shown as well that is not known to be.
fn face(body: &Body, now: Timestamp) -> Face {
    let standing = &body.standing;
    let ours = |since, diagnosis| Face { word: HealthWord::OperatorFault, since, diagnosis: Some(diagnosis) };
    let silent_since =
        body.verified_at.filter(|at| standing.health.is_working() && body.unclear > 0 && now.duration_since(*at) > SILENCE_MAX);
    match (body.held_since, silent_since) {
        (Some(since), _) => ours(since, diagnosis::diagnose_incident()),
        (None, Some(since)) => ours(since, diagnosis::diagnose_silence()),
        (None, None) => Face { word: standing.health.word(), since: standing.since, diagnosis: diagnosis(&standing.health) },
    }
}

/// What a customer reads about a refusal. An operator's fault is told without the operator's details.
fn diagnosis(health: &Health) -> Option<DiagnosisView> {
    match health {
        Health::Suspended { refusal, .. } | Health::Dead { refusal } => Some(diagnosis::diagnose(refusal)),
        Health::OperatorFault { .. } => Some(diagnosis::diagnose_operator_fault()),
        Health::AwaitingConsent | Health::Healthy | Health::Expiring | Health::Disconnected => None,
    }
}

fn spare(spare: &Spare) -> SpareView {
    SpareView {
        consented_by: spare.grant.consenter_name.clone(),
        consented_at: spare.grant.signed_in_at,
        last_verified_at: spare.verified_at,
    }
}

/// A forecast worth telling: of a working grant, and not that it would end if nobody used it for 90 days.
fn forecast(health: HealthWord, forecast: &Forecast, now: Timestamp) -> Option<ForecastView> {
    let is_working = matches!(health, HealthWord::Healthy | HealthWord::Expiring);
    let is_news = forecast.why != Why::Inactivity || forecast.is_near(now);
    (is_working && is_news).then(|| forecast.view())
}

/// How old a connection's data is.
pub(crate) fn data_age(walk: Option<&Walk>) -> DataAge {
    DataAge {
        as_of: walk.and_then(|walk| walk.as_of),
        stale_since: walk.and_then(|walk| walk.stale_since),
        people: walk.map_or(0, |walk| walk.people),
        deletions_held: walk.and_then(|walk| walk.hold).map(|hold| deletions_held(&hold)),
        degraded: walk.map_or_else(Vec::new, |walk| walk.degraded.iter().map(ToString::to_string).collect()),
    }
}

pub(crate) fn deletions_held(hold: &Hold) -> DeletionsHeld {
    DeletionsHeld { round: hold.round, people: hold.people, of: hold.of, since: hold.since, may_decide: false }
}

fn sync(walk: Option<&Walk>, now: Timestamp) -> SyncView {
    let Some(walk) = walk else {
        return SyncView { state: SyncWord::Idle, people_seen: None, problem: None, next_at: None };
    };
    let is_waiting = walk.waits_until.is_some_and(|until| until > now);
    let state = match (walk.is_under_way(), walk.failures) {
        (_, 1..) if is_waiting => SyncWord::Waiting,
        (_, 1..) if walk.waits_until.is_none() => SyncWord::Failing,
        (true, _) => SyncWord::Running,
        (false, _) => SyncWord::Idle,
    };
    SyncView {
        state,
        people_seen: walk.is_under_way().then_some(walk.people_seen),
        problem: walk.problem.clone().filter(|_| matches!(state, SyncWord::Waiting | SyncWord::Failing)),
        next_at: None,
    }
}

/// An attempt at `now`, without the URL that only its beginning tells.
pub(crate) fn attempt(attempt: &Attempt, now: Timestamp) -> ReconnectAttempt {
    let is_late = now >= attempt.terms.expires_at;
    let (state, failure) = match &attempt.progress {
        Progress::Pending | Progress::Verifying if is_late => (AttemptWord::Expired, None),
        Progress::Pending => (AttemptWord::Pending, None),
        Progress::Verifying => (AttemptWord::Verifying, None),
        Progress::Succeeded => (AttemptWord::Succeeded, None),
        Progress::Superseded => (AttemptWord::Superseded, None),
        Progress::Failed { reason, sentence } => {
            (AttemptWord::Failed, Some(AttemptFailureView { reason: reason.clone(), sentence: sentence.clone() }))
        }
    };
    ReconnectAttempt {
        id: attempt.id.clone(),
        connection: attempt.terms.connection.clone(),
        state,
        authorize_url: None,
        expires_at: attempt.terms.expires_at,
        poll_milliseconds: POLL_MILLISECONDS,
        failure,
    }
}

/// A person with effective values, of which the directory is the only source so far; with the manager's name where that is stored as well.
pub(crate) fn person(stored: &StoredPerson, manager: Option<&StoredPerson>) -> PersonView {
    let person = &stored.person;
    let display_name = manager.and_then(|manager| manager.person.attributes.get("displayName")).and_then(Value::text);
    let valued = person.attributes.keys().cloned().chain(person.manager.map(|_| "manager".to_owned()));
    PersonView {
        id: person.id,
        attributes: person.attributes.clone(),
        provenance: valued.map(|name| (name, ProvenanceView::DIRECTORY)).collect(),
        manager: person.manager.map(|id| ManagerView { id, display_name: display_name.map(str::to_owned) }),
        changed_at: stored.changed_at,
    }
}
