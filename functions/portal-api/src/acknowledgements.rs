//! That somebody knows of a connection's trouble, and needs no reminders of it.

use adapters::store::acknowledgements::Acknowledgement;
use axum::Json;
use axum::extract::State;
use domain::api::{ConnectionStatus, HealthWord, Problem};

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;
use crate::{Shared, connections};

/// Says that somebody knows of the connection's trouble. Its reminders stay away until something changes; then everybody is told again.
#[utoipa::path(post, path = "/v1/connections/{connection}/acknowledgement", tag = "notices", security(("caller" = [])),
    params(("connection" = String, Path, description = "The connection")), responses(
    (status = 200, body = ConnectionStatus),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn acknowledge(
    State(portal): State<Shared>,
    caller: Caller,
    Named(id): Named,
) -> Result<Json<ConnectionStatus>, ApiError> {
    caller.require("notices:write")?;
    let connection = connections::own(&portal, &caller, &id).await?;
    let store = &portal.ports.store;
    let is_held = store.walk(&connection.id).await?.is_some_and(|(walk, _)| walk.hold.is_some());
    let has_trouble = !matches!(connection.health(), HealthWord::Healthy | HealthWord::AwaitingConsent | HealthWord::Disconnected);
    if !has_trouble && !is_held {
        return Err(ApiError::Conflict("the connection has no trouble that could be acknowledged"));
    }
    let acknowledgement = Acknowledgement { by: caller.user.clone(), at: portal.ports.clock.now() };
    store.acknowledge(&connection.id, &acknowledgement).await?;
    tracing::info!(connection = %connection.id, "trouble acknowledged");
    let connection = connections::own(&portal, &caller, &id).await?;
    Ok(Json(connections::told(&portal, &caller, &connection).await?))
}
