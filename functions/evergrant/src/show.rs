//! Everything about one connection, and never a secret.

use adapters::store::choices::StoredChoice;
use adapters::store::connections::{Connection, Grant};
use adapters::store::notices::Notice;
use domain::api::{AccessWord, DiagnosisView, ForecastView, HealthWord};
use domain::diagnosis;
use domain::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use domain::photo::Tour;
use domain::walk::Walk;
use jiff::Timestamp;
use serde::Serialize;

use crate::console::{Console, at, maybe_at, word};
use crate::desk::Desk;
use crate::{Exit, Fault, found};

/// What is shown.
#[derive(Debug, Serialize)]
struct Sheet {
    id: ConnectionId,
    customer: CustomerId,
    created_at: Timestamp,
    tenant: Option<TenantId>,
    tenant_name: Option<String>,
    health: HealthWord,
    health_since: Timestamp,
    doubted_since: Option<Timestamp>,
    held_since: Option<Timestamp>,
    paused_since: Option<Timestamp>,
    last_verified_at: Option<Timestamp>,
    next_check_at: Option<Timestamp>,
    unclear_answers: u32,
    diagnosis: Option<DiagnosisView>,
    forecast: Option<ForecastView>,
    grant: Option<GrantView>,
    spare: Option<GrantView>,
    sync: Option<SyncSheet>,
    choice: ChoiceSheet,
    photos: Option<PhotoSheet>,
    notices: Vec<NoticeLine>,
}

/// A grant without its tokens.
#[derive(Debug, Serialize)]
struct GrantView {
    access: AccessWord,
    signed_in_at: Timestamp,
    consenter: ObjectId,
    consenter_name: Option<String>,
    told_end: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct SyncSheet {
    stage: serde_json::Value,
    round: u32,
    is_full: bool,
    page: u32,
    people: u64,
    people_seen: u64,
    as_of: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    stale_since: Option<Timestamp>,
    problem: Option<String>,
    failures: u32,
    waits_until: Option<Timestamp>,
    due_at: Option<Timestamp>,
    deletions_held: Option<u64>,
    degraded: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ChoiceSheet {
    version: u64,
    choice: domain::attribute::Choice,
}

#[derive(Debug, Serialize)]
struct PhotoSheet {
    completed_at: Option<Timestamp>,
    problem: Option<String>,
    due_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct NoticeLine {
    kind: String,
    owed_at: Timestamp,
}

impl GrantView {
    fn of(grant: &Grant) -> Self {
        Self {
            access: grant.access,
            signed_in_at: grant.signed_in_at,
            consenter: grant.consenter,
            consenter_name: grant.consenter_name.clone(),
            told_end: grant.told.map(|told| told.ends_at),
        }
    }

    fn text(&self) -> String {
        let who = self.consenter_name.clone().unwrap_or_else(|| self.consenter.to_string());
        format!("{}, by {who} at {}", word(&self.access), at(self.signed_in_at))
    }
}

impl SyncSheet {
    /// Links of the walk are left out: whoever has one and a token can read the directory with them.
    fn of((walk, due_at): &(Walk, Option<Timestamp>)) -> Self {
        let stage = serde_json::to_value(&walk.stage).unwrap_or_default();
        Self {
            stage: stage["stage"].clone(),
            round: walk.round,
            is_full: walk.is_full,
            page: walk.page,
            people: walk.people,
            people_seen: walk.people_seen,
            as_of: walk.as_of,
            completed_at: walk.completed_at,
            stale_since: walk.stale_since,
            problem: walk.problem.clone(),
            failures: walk.failures,
            waits_until: walk.waits_until,
            due_at: *due_at,
            deletions_held: walk.hold.map(|hold| hold.people),
            degraded: walk.degraded.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What is read of a connection.
struct Read {
    connection: Connection,
    walk: Option<(Walk, Option<Timestamp>)>,
    tour: Option<(Tour, Option<Timestamp>)>,
    choice: StoredChoice,
    notices: Vec<Notice>,
}

impl Sheet {
    fn of(read: &Read) -> Self {
        let Read { connection, walk, tour, choice, notices } = read;
        let body = &connection.body;
        Self {
            id: connection.id.clone(),
            customer: connection.customer.clone(),
            created_at: body.created_at,
            tenant: body.tenant.as_ref().map(|tenant| tenant.id),
            tenant_name: body.tenant.as_ref().and_then(|tenant| tenant.name.clone()),
            health: connection.health(),
            health_since: body.standing.since,
            doubted_since: body.standing.doubted_since,
            held_since: body.held_since,
            paused_since: connection.paused_since,
            last_verified_at: body.verified_at,
            next_check_at: connection.check_at,
            unclear_answers: body.unclear,
            diagnosis: body.standing.health.refusal().map(diagnosis::diagnose_for_operator),
            forecast: body.forecast.as_ref().map(domain::forecast::Forecast::view),
            grant: body.grant.as_ref().map(GrantView::of),
            spare: body.spare.as_ref().map(|spare| GrantView::of(&spare.grant)),
            sync: walk.as_ref().map(SyncSheet::of),
            choice: ChoiceSheet { version: choice.version, choice: choice.choice.clone() },
            photos: tour.as_ref().map(|(tour, due_at)| PhotoSheet {
                completed_at: tour.completed_at,
                problem: tour.problem.clone(),
                due_at: *due_at,
            }),
            notices: notices.iter().map(|notice| NoticeLine { kind: word(&notice.kind), owed_at: notice.owed_at }).collect(),
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![
            line("connection", self.id.as_str()),
            line("customer", self.customer.as_str()),
            line(
                "tenant",
                &format!("{} {}", self.tenant.map_or("-".to_owned(), |id| id.to_string()), self.tenant_name.as_deref().unwrap_or("")),
            ),
            line("health", &format!("{} since {}", word(&self.health), at(self.health_since))),
        ];
        let times = [
            ("in doubt since", self.doubted_since),
            ("held back since", self.held_since),
            ("paused since", self.paused_since),
            ("last verified", self.last_verified_at),
            ("next check", self.next_check_at),
        ];
        lines.extend(times.iter().filter_map(|(name, time)| time.map(|time| line(name, &at(time)))));
        if let Some(diagnosis) = &self.diagnosis {
            lines.push(line("diagnosis", &format!("{}: {}", diagnosis.cause, diagnosis.headline)));
        }
        if let Some(forecast) = &self.forecast {
            lines.push(line("expected end", &format!("{} ({} confidence)", at(forecast.ends_at), word(&forecast.confidence))));
            lines.push(line("", &forecast.reason));
            lines.extend(forecast.evidence.iter().map(|fact| line("", &format!("{}: {}", fact.label, maybe_at(fact.at)))));
        }
        lines.extend(self.grant.iter().map(|grant| line("grant", &grant.text())));
        lines.extend(self.spare.iter().map(|spare| line("spare", &spare.text())));
        lines.extend(self.sync.iter().flat_map(SyncSheet::lines));
        if let Some(photos) = &self.photos {
            lines.push(line("photos", photos.problem.as_deref().unwrap_or(&format!("last tour ended {}", maybe_at(photos.completed_at)))));
        }
        lines.extend(self.notices.iter().map(|notice| line("notice", &format!("{} of {}", notice.kind, at(notice.owed_at)))));
        lines.join("\n")
    }
}

impl SyncSheet {
    fn lines(&self) -> Vec<String> {
        let stage = self.stage.as_str().unwrap_or("?");
        let mut lines = vec![
            line("data as of", &format!("{}, {} people", maybe_at(self.as_of), self.people)),
            line("sync", &format!("{stage}, round {}, page {}, due {}", self.round, self.page, maybe_at(self.due_at))),
        ];
        lines.extend(self.stale_since.map(|since| line("stale since", &at(since))));
        lines.extend(self.problem.as_ref().map(|problem| line("", problem)));
        lines.extend(self.deletions_held.map(|people| line("deletions held", &format!("{people} people"))));
        if !self.degraded.is_empty() {
            lines.push(line("not given", &self.degraded.join(", ")));
        }
        lines
    }
}

fn line(name: &str, text: &str) -> String {
    format!("{name:<16}{}", text.trim_end())
}

/// Shows a connection.
pub(crate) async fn run(desk: &Desk, id: &ConnectionId, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let store = &desk.store;
    let read = Read {
        connection: found(desk, id).await?,
        walk: store.walk(id).await?,
        tour: store.tour(id).await?,
        choice: store.read_choice(id).await?,
        notices: store.notices(id).await?,
    };
    let sheet = Sheet::of(&read);
    console.say(&sheet, || sheet.text())?;
    Ok(Exit::Well)
}
