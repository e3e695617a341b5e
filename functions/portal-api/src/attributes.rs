//! Which attributes there are to sync, and which of them a connection syncs.

use adapters::store::StoreError;
use adapters::store::choices::StoredChoice;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, HeaderName, header};
use domain::api::{AttributeChoice, AttributeList, Problem};
use domain::attribute::{Choice, Draft};

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::{Named, replaces};
use crate::{Shared, connections};

/// A choice with its tag.
type Tagged = ([(HeaderName, String); 1], Json<AttributeChoice>);

/// Lists the attributes that can be synced, by name. Beside them there are each tenant's own directory extensions,
/// `extension_{app id without hyphens}_{name}`.
#[utoipa::path(get, path = "/v1/attributes", tag = "attributes", security(("caller" = []), ("server" = [])), responses(
    (status = 200, body = AttributeList),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(caller: Caller) -> Result<Json<AttributeList>, ApiError> {
    caller.require("people:read")?;
    Ok(Json(AttributeList::catalogue()))
}

/// Tells which attributes a connection syncs, whom it leaves out, and how often it looks. Until somebody chooses, a default holds.
#[utoipa::path(get, path = "/v1/connections/{connection}/attributes", tag = "attributes", security(("caller" = []), ("server" = [])),
    params(("connection" = String, Path, description = "The connection")), responses(
    (status = 200, body = AttributeChoice, headers(("ETag" = String, description = "The choice's tag, for If-Match"))),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(State(portal): State<Shared>, caller: Caller, Named(id): Named) -> Result<Tagged, ApiError> {
    caller.require("people:read")?;
    let connection = connections::own(&portal, &caller, &id).await?;
    Ok(tagged(portal.ports.store.read_choice(&connection.id).await?))
}

/// Chooses which attributes a connection syncs, whom it leaves out, and how often it looks; all of it at once. The sync begins to follow
/// within minutes, and old values stay until new ones are there. It may be chosen before the first consent.
#[utoipa::path(put, path = "/v1/connections/{connection}/attributes", tag = "attributes", security(("caller" = [])),
    request_body = AttributeChoice,
    params(
        ("connection" = String, Path, description = "The connection"),
        ("If-Match" = Option<String>, Header, description = "The tag of the choice that this one replaces; without it, or with *, it replaces any"),
    ), responses(
    (status = 200, body = AttributeChoice, headers(("ETag" = String, description = "The new choice's tag"))),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn choose(
    State(portal): State<Shared>,
    caller: Caller,
    Named(id): Named,
    headers: HeaderMap,
    asked: Result<Json<AttributeChoice>, JsonRejection>,
) -> Result<Tagged, ApiError> {
    caller.require("attributes:write")?;
    let connection = connections::own(&portal, &caller, &id).await?;
    let Json(asked) = asked.map_err(|rejection| ApiError::Invalid { field: "body", bound: rejection.body_text() })?;
    let choice = Choice::try_from(Draft::from(asked))?;
    let replaces = replaces(&headers)?;
    let version = portal.ports.store.put_choice(&connection.id, &choice, replaces, portal.ports.clock.now()).await;
    let version = version.map_err(|error| match error {
        StoreError::Overtaken { .. } => ApiError::Changed("the choice was changed since it had that tag: read it again"),
        error => error.into(),
    })?;
    if connection.body.standing.health.is_working() {
        connections::sync_soon(&portal, &connection.id).await?;
    }
    Ok(tagged(StoredChoice { choice, version }))
}

fn tagged(stored: StoredChoice) -> Tagged {
    ([(header::ETAG, format!("\"{}\"", stored.version))], Json(Draft::from(stored.choice).into()))
}
