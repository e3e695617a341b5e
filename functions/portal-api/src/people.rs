//! People, by name and searched.

use std::collections::HashMap;

use adapters::store::people::{Listing, StoredPerson};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::api::{PeoplePage, Problem};
use domain::ids::ObjectId;
use serde::Deserialize;

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;
use crate::{Shared, connections, view};

const LIMIT_MAX: u8 = 100;
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
        let limit = self.limit.map_or(Ok(LIMIT_DEFAULT), |limit| limit.parse());
        let limit = limit.ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let limit = limit.ok_or_else(|| invalid("limit", "must be from 1 to 100"))?;
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
#[utoipa::path(get, path = "/v1/connections/{connection}/people", tag = "people", security(("caller" = [])),
    params(("connection" = String, Path, description = "The connection"), Wanted), responses(
    (status = 200, body = PeoplePage),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(portal): State<Shared>,
    caller: Caller,
    Named(id): Named,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<PeoplePage>, ApiError> {
    caller.require("people:read")?;
    let Query(wanted) = wanted.map_err(|rejection| ApiError::Invalid { field: "query", bound: rejection.body_text() })?;
    let listing = wanted.listing()?;
    let connection = connections::own(&portal, &caller, &id).await?;
    let store = &portal.ports.store;
    let (people, next) = store.list_people(&connection.id, &listing).await?;
    let manager_ids: Vec<ObjectId> =
        people.iter().filter_map(|stored| stored.person.manager).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    let managers = store.people(&connection.id, &manager_ids).await?;
    let managers: HashMap<ObjectId, StoredPerson> = managers.into_iter().map(|stored| (stored.person.id, stored)).collect();
    let manager = |stored: &StoredPerson| stored.person.manager.and_then(|id| managers.get(&id));
    let walk = store.walk(&connection.id).await?;
    Ok(Json(PeoplePage {
        people: people.iter().map(|stored| view::person(stored, manager(stored))).collect(),
        next_cursor: next.map(|key| URL_SAFE_NO_PAD.encode(key)),
        data: view::data_age(walk.as_ref().map(|(walk, _)| walk)),
    }))
}
