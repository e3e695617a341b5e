//! Deletions that are held: whom they are about, and what somebody decides.

use std::time::Duration;

use adapters::queue::SyncTask;
use adapters::store::people::StoredPerson;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use domain::api::{DecideDeletions, DeletionsHeld, HeldPage, Problem};
use domain::ids::ConnectionId;
use domain::walk::{Decision, Hold};

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;
use crate::{Portal, Shared, connections, view};

/// How many people are shown to whoever decides.
const SHOWN_MAX: usize = 100;
/// What a caller needs to decide.
const DECIDE: &str = "deletions:decide";

/// Tells whether a wave of deletions is held, and shows some of the people it is about.
#[utoipa::path(get, path = "/v1/connections/{connection}/held-deletions", tag = "people", security(("caller" = []), ("server" = [])),
    params(("connection" = String, Path, description = "The connection")), responses(
    (status = 200, body = HeldPage),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(State(portal): State<Shared>, caller: Caller, Named(id): Named) -> Result<Json<HeldPage>, ApiError> {
    caller.require("people:read")?;
    let connection = connections::own(&portal, &caller, &id).await?;
    let Some(hold) = held(&portal, &connection.id).await? else {
        return Ok(Json(HeldPage { held: None, people: Vec::new() }));
    };
    let store = &portal.ports.store;
    let mut listed = store.found_gone(&connection.id, hold.round, 0).await?.unwrap_or_default();
    let back = store.back(&connection.id, hold.round).await?;
    listed.retain(|person| back.get(person) != Some(&false));
    listed.truncate(SHOWN_MAX);
    let people: Vec<StoredPerson> = store.people(&connection.id, &listed).await?;
    let shown = people.iter().filter(|stored| !stored.is_hidden).map(|stored| view::person(stored, None)).collect();
    Ok(Json(HeldPage { held: Some(to_decide(view::deletions_held(&hold), &caller)), people: shown }))
}

/// Approves the removal of everybody whom a wave of deletions is about and who is still gone, or rejects it: then they stay until the next
/// full synchronization, which asks again.
#[utoipa::path(put, path = "/v1/connections/{connection}/held-deletions", tag = "people", security(("caller" = [])),
    params(("connection" = String, Path, description = "The connection")), request_body = DecideDeletions, responses(
    (status = 202, description = "It is done with the next step of the synchronization"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn decide(
    State(portal): State<Shared>,
    caller: Caller,
    Named(id): Named,
    asked: Result<Json<DecideDeletions>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    caller.require(DECIDE)?;
    let connection = connections::own(&portal, &caller, &id).await?;
    let Json(asked) = asked.map_err(|rejection| ApiError::Invalid { field: "body", bound: rejection.body_text() })?;
    let is_meant = held(&portal, &connection.id).await?.is_some_and(|hold| hold.round == asked.round);
    if !is_meant {
        return Err(ApiError::Conflict("no such deletions are held; they may have been decided about, or others are held by now"));
    }
    let now = portal.ports.clock.now();
    let decision = Decision { round: asked.round, verdict: asked.verdict, by: caller.user.clone(), at: now };
    portal.ports.store.decide_deletions(&connection.id, &decision, now).await?;
    tracing::info!(connection = %connection.id, round = asked.round, verdict = ?asked.verdict, "deletions decided");
    if let Err(error) = portal.ports.queue.send(&SyncTask::quick(connection.id.clone()), Duration::ZERO).await {
        tracing::error!(connection = %connection.id, error = &error as &dyn std::error::Error, "task not queued; the walk stays due");
    }
    Ok(StatusCode::ACCEPTED)
}

/// A wave, with whether this caller may decide about it.
pub(crate) fn to_decide(held: DeletionsHeld, caller: &Caller) -> DeletionsHeld {
    DeletionsHeld { may_decide: caller.has_scope(DECIDE), ..held }
}

async fn held(portal: &Portal, id: &ConnectionId) -> Result<Option<Hold>, ApiError> {
    let walk = portal.ports.store.walk(id).await?;
    Ok(walk.and_then(|(walk, _)| walk.hold))
}
