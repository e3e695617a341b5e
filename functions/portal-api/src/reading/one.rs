//! One person, by object id, mail or user principal name.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::api::{OnePerson, Problem};
use domain::ids::{InvalidId, ObjectId};
use domain::person::{ADDRESS_BYTES_MAX, Address, AddressKind};
use serde::Deserialize;

use super::conditional::Held;
use super::{Reading, field};
use crate::Shared;
use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::{Named, NamedPerson};

/// Tells one person by object id.
#[utoipa::path(get, path = "/v1/connections/{connection}/people/{person}", tag = "people", security(("caller" = []), ("server" = [])),
    params(
        ("connection" = String, Path, description = "The connection"),
        ("person" = String, Path, description = "The person's object id"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of an answer that the caller holds"),
    ), responses(
    (status = 200, body = OnePerson),
    (status = 304, description = "The caller holds it already"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(
    State(portal): State<Shared>,
    caller: Caller,
    NamedPerson(connection, person): NamedPerson,
    held: Held,
) -> Result<Response, ApiError> {
    caller.require("people:read")?;
    let person: ObjectId = person.parse().map_err(|error: InvalidId| ApiError::Invalid { field: "person", bound: error.bound() })?;
    let reading = Reading::open(&portal, &caller, &connection).await?;
    let people = reading.people([person].into()).await?;
    held.answer(&OnePerson { person: only(reading.views(&people).await?)?, data: reading.data() })
}

/// Which address; exactly one.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct By {
    /// The whole mail address; upper and lower case are one.
    #[serde(default)]
    mail: Option<String>,
    /// The whole user principal name; upper and lower case are one.
    #[serde(default)]
    user_principal_name: Option<String>,
}

impl By {
    fn address(&self) -> Result<Address, ApiError> {
        let (kind, text) = match (&self.mail, &self.user_principal_name) {
            (Some(mail), None) => (AddressKind::Mail, mail),
            (None, Some(name)) => (AddressKind::UserPrincipalName, name),
            (None, None) | (Some(_), Some(_)) => {
                let bound = "must have exactly one of mail and user_principal_name".to_owned();
                return Err(ApiError::Invalid { field: "query", bound });
            }
        };
        let bound = || format!("must be from 1 to {ADDRESS_BYTES_MAX} bytes long");
        Address::new(kind, text).ok_or_else(|| ApiError::Invalid { field: field(kind), bound: bound() })
    }
}

/// Tells one person by mail or user principal name. Where several people have that mail, the refusal names their object ids.
#[utoipa::path(get, path = "/v1/connections/{connection}/people/find", tag = "people", security(("caller" = []), ("server" = [])),
    params(
        ("connection" = String, Path, description = "The connection"),
        By,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of an answer that the caller holds"),
    ), responses(
    (status = 200, body = OnePerson),
    (status = 304, description = "The caller holds it already"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn find(
    State(portal): State<Shared>,
    caller: Caller,
    Named(connection): Named,
    held: Held,
    by: Result<Query<By>, QueryRejection>,
) -> Result<Response, ApiError> {
    caller.require("people:read")?;
    let Query(by) = by.map_err(|rejection| ApiError::Invalid { field: "query", bound: rejection.body_text() })?;
    let address = by.address()?;
    let reading = Reading::open(&portal, &caller, &connection).await?;
    let people = reading.people_by_address(std::slice::from_ref(&address)).await?.concat();
    if people.len() > 1 {
        let candidates = people.iter().map(|stored| stored.person.id).collect();
        return Err(ApiError::Ambiguous { what: field(address.kind()), candidates });
    }
    held.answer(&OnePerson { person: only(reading.views(&people).await?)?, data: reading.data() })
}

fn only<T>(people: Vec<T>) -> Result<T, ApiError> {
    people.into_iter().next().ok_or(ApiError::NotFound("person"))
}
