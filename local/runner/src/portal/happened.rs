//! What the panel shows: the time, the seeding, the customer's directory, and what happened.

use adapters::clock::Clock as _;
use adapters::store::StoreError;
use adapters::store::connections::Grant;
use adapters::store::notices::Notice;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::api::AccessWord;
use domain::diagnosis;
use domain::ids::CustomerId;
use domain::notice::NoticeKind;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{STRANGER, Shared, Whose, problem};
use crate::events;
use crate::outbox::Sent;
use crate::seed::SCRIPT;
use crate::world::World;

/// The most lines that are shown.
const LINES_MAX: usize = 60;

/// One line of the log.
#[derive(Serialize)]
struct Line {
    at: Timestamp,
    kind: &'static str,
    what: String,
    /// Where all of it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl Line {
    fn of(at: Timestamp, kind: &'static str, what: impl Into<String>) -> Self {
        Self { at, kind, what: what.into(), link: None }
    }
}

/// How far the seeding is; `None` when it is over.
pub(super) fn seeding(world: &World) -> Option<Value> {
    let done = world.journal.notes().beats_done;
    let beat = SCRIPT.get(done)?;
    Some(json!({"done": done, "total": SCRIPT.len(), "what": beat.sentence()}))
}

pub(super) async fn state(State(world): State<Shared>, Query(whose): Query<Whose>) -> Response {
    let Some(customer) = whose.known() else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, STRANGER);
    };
    let seen = async { Ok::<_, StoreError>((log(&world, &customer).await?, synced(&world, &customer).await?)) };
    match seen.await {
        Ok((log, synced)) => Json(json!({
            "now": world.clock.now(),
            "ahead_seconds": world.clock.offset().as_secs(),
            "seeding": seeding(&world),
            "passing": world.passing(),
            "tenant": world.tenant_of(&customer),
            "synced": synced,
            "log": log,
        }))
        .into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// How far the sync of each of the customer's connections is, so that the page knows when to look again.
async fn synced(world: &World, customer: &CustomerId) -> Result<Vec<Value>, StoreError> {
    let mut synced = Vec::new();
    for connection in world.ports.store.connections_of(customer).await? {
        let walk = world.ports.store.walk(&connection.id).await?;
        synced.extend(walk.map(|(walk, _)| json!({"people": walk.people, "as_of": walk.as_of})));
    }
    Ok(synced)
}

async fn log(world: &World, customer: &CustomerId) -> Result<Vec<Line>, StoreError> {
    let deeds = world.journal.notes().deeds.into_iter();
    let concerns = |whose: &Option<CustomerId>| whose.as_ref().is_none_or(|whose| whose == customer);
    let mut lines: Vec<Line> = deeds.filter(|deed| concerns(&deed.customer)).map(|deed| Line::of(deed.at, "deed", deed.what)).collect();
    let sent = world.outbox.sent();
    for connection in world.ports.store.connections_of(customer).await? {
        let notices = world.ports.store.notices(&connection.id).await?;
        lines.extend(notices.iter().map(|notice| Line::of(notice.owed_at, "notice", sentence(notice))));
        lines.extend(sent.iter().filter(|sent| sent.subject == connection.id.as_str()).map(mail));
        lines.extend(connection.body.grant.map(|grant| {
            let what = match grant.access {
                AccessWord::Delegated => "consented",
                AccessWord::AppOnly => "let the app itself read",
            };
            consent(grant, what)
        }));
        lines.extend(connection.body.spare.map(|spare| consent(spare.grant, "consented, in reserve")));
    }
    let events = world.events.kept().lines.into_iter().filter(|line| line.customer.as_ref() == Some(customer));
    lines.extend(events.map(|line| Line::of(line.at, "event", told(&line))));
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(LINES_MAX);
    Ok(lines)
}

/// A mail, which can be looked at as it would be sent, or a webhook.
fn mail(sent: &Sent) -> Line {
    let kind = if sent.page.is_some() { "mail" } else { "webhook" };
    let link = sent.page.as_ref().map(|_| format!("/panel/mails/{}", sent.number));
    Line { link, ..Line::of(sent.at, kind, format!("to {}: {}", sent.to, sent.line)) }
}

/// One mail as its reader sees it.
pub(super) async fn mail_page(State(world): State<Shared>, Path(number): Path<u64>) -> Response {
    let page = world.outbox.sent().into_iter().find(|sent| sent.number == number).and_then(|sent| sent.page);
    match page {
        Some(page) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        None => problem(StatusCode::NOT_FOUND, "there is no such mail, or not any more"),
    }
}

fn told(line: &events::Line) -> String {
    match line.count {
        1 => line.what.clone(),
        count => format!("{count} × {}", line.what),
    }
}

fn consent(grant: Grant, what: &str) -> Line {
    let who = grant.consenter_name.unwrap_or_else(|| "An admin".to_owned());
    Line::of(grant.signed_in_at, "consent", format!("{who} {what}"))
}

fn sentence(notice: &Notice) -> String {
    let what = match notice.kind {
        NoticeKind::Expiring => "The grant is about to end",
        NoticeKind::Reminder => "The end of the grant comes nearer",
        NoticeKind::Suspended => "Entra refuses for now",
        NoticeKind::Dead => "The grant is dead",
        NoticeKind::OperatorFault => "Our own credential is refused",
        NoticeKind::Recovered => "The grant works again",
        NoticeKind::SwitchedToSpare => "The grant stopped, and its backup took over",
        NoticeKind::SpareLost => "The backup stopped; the grant in use works",
        NoticeKind::DeletionsHeld => "Many people are gone at once; their removal waits for approval",
        NoticeKind::NobodyReached => "Nobody of the customer could be told",
        NoticeKind::EndpointDisabled => "A webhook failed for too long and is called no more",
        NoticeKind::IncidentOpened => "Many grants fail alike",
        NoticeKind::IncidentEnded => "Grants do not fail alike any more",
        NoticeKind::Digest => "Which connections are not well",
    };
    let refusal = notice.standing.health.refusal();
    match refusal.map(diagnosis::diagnose) {
        Some(diagnosis) => format!("{what}: {}", diagnosis.headline),
        None => what.to_owned(),
    }
}
