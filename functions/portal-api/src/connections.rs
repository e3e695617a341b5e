//! A customer's connections: how they are, a new one, and sync now.

use adapters::entropy;
use adapters::queue::SyncTask;
use adapters::store::connections::Connection;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::api::{ConnectionList, ConnectionStatus, HealthWord, Problem};
use domain::ids::ConnectionId;

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;
use crate::{Portal, Shared, deletions, view};

/// Reads one of the caller's connections. Another customer's is as good as none.
pub(crate) async fn own(portal: &Portal, caller: &Caller, id: &str) -> Result<Connection, ApiError> {
    let id: ConnectionId =
        id.parse().map_err(|error: domain::ids::InvalidId| ApiError::Invalid { field: "connection", bound: error.bound() })?;
    let connection = portal.ports.store.connection(&id).await?;
    connection.filter(|connection| connection.customer == caller.customer).ok_or(ApiError::NotFound("connection"))
}

/// A connection as this caller is told of it.
pub(crate) async fn told(portal: &Portal, caller: &Caller, connection: &Connection) -> Result<ConnectionStatus, ApiError> {
    let store = &portal.ports.store;
    let (walk, tour) = tokio::try_join!(store.walk(&connection.id), store.tour(&connection.id))?;
    let tour = tour.map(|(tour, _)| tour);
    let mut status = view::status(connection, (walk.as_ref(), tour.as_ref()), portal.ports.clock.now());
    status.data.deletions_held = status.data.deletions_held.map(|held| deletions::to_decide(held, caller));
    Ok(status)
}

/// Lists the caller's connections.
#[utoipa::path(get, path = "/v1/connections", tag = "connections", security(("caller" = []), ("server" = [])), responses(
    (status = 200, body = ConnectionList),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(portal): State<Shared>, caller: Caller) -> Result<Json<ConnectionList>, ApiError> {
    caller.require("status:read")?;
    let mut connections = Vec::new();
    for connection in portal.ports.store.connections_of(&caller.customer).await? {
        connections.push(told(&portal, &caller, &connection).await?);
    }
    Ok(Json(ConnectionList { connections }))
}

/// Makes a connection that awaits consent, or returns the one that already does.
#[utoipa::path(post, path = "/v1/connections", tag = "connections", security(("caller" = [])), responses(
    (status = 201, body = ConnectionStatus),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn create(State(portal): State<Shared>, caller: Caller) -> Result<(StatusCode, Json<ConnectionStatus>), ApiError> {
    caller.require("reconnect:start")?;
    let existing = portal.ports.store.connections_of(&caller.customer).await?;
    let waiting = existing.into_iter().find(|connection| connection.health() == HealthWord::AwaitingConsent);
    let connection = match waiting {
        Some(connection) => connection,
        None => {
            let id = ConnectionId::mint(entropy::bytes16(portal.ports.entropy.as_ref()));
            portal.ports.store.create_connection(&id, &caller.customer, portal.ports.clock.now()).await?
        }
    };
    Ok((StatusCode::CREATED, Json(told(&portal, &caller, &connection).await?)))
}

/// Tells how one connection is.
#[utoipa::path(get, path = "/v1/connections/{connection}", tag = "connections", security(("caller" = []), ("server" = [])),
    params(("connection" = String, Path, description = "The connection")), responses(
    (status = 200, body = ConnectionStatus),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(State(portal): State<Shared>, caller: Caller, Named(id): Named) -> Result<Json<ConnectionStatus>, ApiError> {
    caller.require("status:read")?;
    let connection = own(&portal, &caller, &id).await?;
    Ok(Json(told(&portal, &caller, &connection).await?))
}

/// Begins a round of the sync now, unless one is under way.
#[utoipa::path(post, path = "/v1/connections/{connection}/sync", tag = "connections", security(("caller" = [])),
    params(("connection" = String, Path, description = "The connection")), responses(
    (status = 202, body = ConnectionStatus),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn sync(
    State(portal): State<Shared>,
    caller: Caller,
    Named(id): Named,
) -> Result<(StatusCode, Json<ConnectionStatus>), ApiError> {
    caller.require("sync:start")?;
    let connection = own(&portal, &caller, &id).await?;
    if !connection.body.standing.health.is_working() {
        return Err(ApiError::Conflict("the connection must be repaired before it can sync"));
    }
    if connection.paused_since.is_some() {
        return Err(ApiError::Conflict("the operator lets nothing be done with this connection for a while"));
    }
    sync_soon(&portal, &connection.id).await?;
    Ok((StatusCode::ACCEPTED, Json(told(&portal, &caller, &connection).await?)))
}

/// Makes the walk due and asks for its next step. A task that the queue does not take is made up for by the next tick.
pub(crate) async fn sync_soon(portal: &Portal, id: &ConnectionId) -> Result<(), ApiError> {
    portal.ports.store.hasten_walk(id, portal.ports.clock.now()).await?;
    let task = SyncTask::quick(id.clone());
    if let Err(error) = portal.ports.queue.send(&task, std::time::Duration::ZERO).await {
        tracing::error!(connection = %id, error = &error as &dyn std::error::Error, "task not queued; the walk stays due");
    }
    Ok(())
}
