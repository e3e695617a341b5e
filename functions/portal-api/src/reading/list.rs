//! People, by name and searched.

use adapters::store::people::Listing;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::api::{PeoplePage, Problem};
use serde::Deserialize;

use super::conditional::Held;
use super::{Reading, limit, shown};
use crate::Shared;
use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;

const LIMIT_DEFAULT: u8 = 50;
const SEARCH_MAX: usize = 100;

/// Which people.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only people whose display name, mail or user principal name contains this text; upper and lower case are one. At most 100
    /// characters.
    #[serde(default)]
    search: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// How many at most; 1 to 100, 50 by default.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

impl Wanted {
    fn listing(self) -> Result<Listing, ApiError> {
        let invalid = |field, bound: &str| ApiError::Invalid { field, bound: bound.to_owned() };
        let limit = limit(self.limit.as_deref(), LIMIT_DEFAULT)?;
        let search = self.search.map(|search| search.trim().to_lowercase()).filter(|search| !search.is_empty());
        if search.as_ref().is_some_and(|search| search.chars().count() > SEARCH_MAX) {
            return Err(invalid("search", "must be at most 100 characters"));
        }
        let after = self.cursor.map(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
            let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|key| !key.is_empty());
            key.ok_or_else(|| invalid("cursor", "must be a next_cursor as it was given"))
        });
        Ok(Listing { search, after: after.transpose()?, limit })
    }
}

/// Lists a connection's people by display name, or those that match a search.
#[utoipa::path(get, path = "/v1/connections/{connection}/people", tag = "people", security(("caller" = []), ("server" = [])),
    params(
        ("connection" = String, Path, description = "The connection"),
        Wanted,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of an answer that the caller holds"),
    ), responses(
    (status = 200, body = PeoplePage),
    (status = 304, description = "The caller holds it already"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(portal): State<Shared>,
    caller: Caller,
    Named(connection): Named,
    held: Held,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, ApiError> {
    caller.require("people:read")?;
    let Query(wanted) = wanted.map_err(|rejection| ApiError::Invalid { field: "query", bound: rejection.body_text() })?;
    let listing = wanted.listing()?;
    let reading = Reading::open(&portal, &caller, &connection).await?;
    let (people, next) = reading.store.list_people(&reading.id, &listing).await?;
    held.answer(&PeoplePage {
        people: reading.views(&shown(people)).await?,
        next_cursor: next.map(|key| URL_SAFE_NO_PAD.encode(key)),
        data: reading.data(),
    })
}
