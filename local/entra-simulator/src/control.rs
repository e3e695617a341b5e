//! The control plane: the world over HTTP, for demonstrations and browser tests.

use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Act, ActError, App, RecordedRequest, Simulator, TenantSummary, UserSeed};

/// Every route below `/_simulator`.
pub(crate) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/clock", get(clock).put(set_clock))
        .route("/requests", get(requests).delete(forget_requests))
        .route("/apps", post(add_app))
        .route("/tenants", get(tenants).post(add_tenant))
        .route("/tenants/{tenant}/users", post(add_user))
        .route("/tenants/{tenant}/people", get(directory))
        .route("/tenants/{tenant}/acts", post(act))
}

#[derive(Serialize, Deserialize)]
struct Clock {
    now: Timestamp,
}

#[derive(Deserialize)]
struct TenantSeed {
    name: String,
    /// How many people to add.
    #[serde(default)]
    people: u32,
}

async fn clock(Shared(simulator): Shared<Simulator>) -> Json<Clock> {
    Json(Clock { now: simulator.now() })
}

async fn set_clock(Shared(simulator): Shared<Simulator>, Json(clock): Json<Clock>) -> Json<Clock> {
    simulator.set_now(clock.now);
    Json(clock)
}

async fn requests(Shared(simulator): Shared<Simulator>) -> Json<Vec<RecordedRequest>> {
    Json(simulator.requests())
}

async fn forget_requests(Shared(simulator): Shared<Simulator>) -> StatusCode {
    simulator.forget_requests();
    StatusCode::NO_CONTENT
}

async fn add_app(Shared(simulator): Shared<Simulator>, Json(app): Json<App>) -> StatusCode {
    simulator.add_app(app);
    StatusCode::NO_CONTENT
}

async fn tenants(Shared(simulator): Shared<Simulator>) -> Json<Vec<TenantSummary>> {
    Json(simulator.tenants())
}

async fn add_tenant(Shared(simulator): Shared<Simulator>, Json(seed): Json<TenantSeed>) -> (StatusCode, Json<Value>) {
    let id = simulator.add_tenant(&seed.name);
    simulator.add_people(id, seed.people);
    (StatusCode::CREATED, Json(json!({"id": id})))
}

async fn add_user(Shared(simulator): Shared<Simulator>, Path(tenant): Path<Uuid>, Json(seed): Json<UserSeed>) -> Response {
    if !simulator.tenants().iter().any(|known| known.id == tenant) {
        return refused(&ActError::UnknownTenant(tenant));
    }
    let id = simulator.add_user(tenant, seed);
    (StatusCode::CREATED, Json(json!({"id": id}))).into_response()
}

async fn directory(Shared(simulator): Shared<Simulator>, Path(tenant): Path<Uuid>) -> Json<Vec<Value>> {
    Json(simulator.directory(tenant))
}

async fn act(Shared(simulator): Shared<Simulator>, Path(tenant): Path<Uuid>, Json(act): Json<Act>) -> Response {
    match simulator.work(tenant, act) {
        Ok(users) => Json(json!({"users": users})).into_response(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &ActError) -> Response {
    let status = match error {
        ActError::UnknownTenant(_) | ActError::UnknownUser { .. } | ActError::UnknownApp(_) => StatusCode::NOT_FOUND,
        ActError::UnknownProperty(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let problem = json!({"status": status.as_u16(), "title": error.to_string()});
    let mut response = (status, Json(problem)).into_response();
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/problem+json"));
    response
}
