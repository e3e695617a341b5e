//! Several people at once, each by object id, mail or user principal name.

use std::collections::{BTreeSet, HashMap};

use adapters::store::people::StoredPerson;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::api::{LookUpPeople, LookupAnswer, LookupWord, PeopleFound, PersonKey, PersonView, Problem};
use domain::ids::ObjectId;
use domain::person::{ADDRESS_BYTES_MAX, Address, AddressKind};

use super::{LIMIT_MAX, Reading, field};
use crate::Shared;
use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::Named;

/// Tells up to 100 people at once. Each key is answered, also where it names nobody.
#[utoipa::path(post, path = "/v1/connections/{connection}/people/lookup", tag = "people", security(("caller" = []), ("server" = [])),
    params(("connection" = String, Path, description = "The connection")), request_body = LookUpPeople, responses(
    (status = 200, body = PeopleFound),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn look_up(
    State(portal): State<Shared>,
    caller: Caller,
    Named(connection): Named,
    asked: Result<Json<LookUpPeople>, JsonRejection>,
) -> Result<Response, ApiError> {
    caller.require("people:read")?;
    let Json(asked) = asked.map_err(|rejection| ApiError::Invalid { field: "body", bound: rejection.body_text() })?;
    let keys = keys(&asked)?;
    let reading = Reading::open(&portal, &caller, &connection).await?;
    let meant = meant(&reading, &keys).await?;
    // Where a key means several people, only their ids are told.
    let told: HashMap<ObjectId, &StoredPerson> =
        meant.iter().filter_map(|people| only(people)).map(|stored| (stored.person.id, stored)).collect();
    let views = reading.views(&told.into_values().cloned().collect::<Vec<_>>()).await?;
    let views: HashMap<ObjectId, PersonView> = views.into_iter().map(|person| (person.id, person)).collect();
    let answers = asked.people.into_iter().zip(&meant).map(|(asked, people)| answer(asked, people, &views)).collect();
    let caching = [(header::CACHE_CONTROL, "private, no-store")];
    Ok((caching, Json(PeopleFound { answers, data: reading.data() })).into_response())
}

/// What one key says.
enum Key {
    Id(ObjectId),
    Address(Address),
}

fn keys(asked: &LookUpPeople) -> Result<Vec<Key>, ApiError> {
    let invalid = |bound: String| ApiError::Invalid { field: "people", bound };
    if asked.people.is_empty() || asked.people.len() > usize::from(LIMIT_MAX) {
        return Err(invalid(format!("must be from 1 to {LIMIT_MAX} people, not {}", asked.people.len())));
    }
    let read = |(place, asked): (usize, &PersonKey)| {
        key(asked).map_err(|bound| invalid(format!("must have {bound} in each entry, and entry {place}, counted from 0, has not")))
    };
    asked.people.iter().enumerate().map(read).collect()
}

/// What a key says, or what it must have.
fn key(asked: &PersonKey) -> Result<Key, String> {
    let (kind, text) = match (asked.id, &asked.mail, &asked.user_principal_name) {
        (Some(id), None, None) => return Ok(Key::Id(id)),
        (None, Some(mail), None) => (AddressKind::Mail, mail),
        (None, None, Some(name)) => (AddressKind::UserPrincipalName, name),
        _ => return Err("exactly one of id, mail and user_principal_name".to_owned()),
    };
    let bound = || format!("a {} of 1 to {ADDRESS_BYTES_MAX} bytes", field(kind));
    Address::new(kind, text).map(Key::Address).ok_or_else(bound)
}

/// Whom each key means, in their order.
async fn meant(reading: &Reading<'_>, keys: &[Key]) -> Result<Vec<Vec<StoredPerson>>, ApiError> {
    let ids = keys.iter().filter_map(|key| match key {
        Key::Id(id) => Some(*id),
        Key::Address(_) => None,
    });
    let addresses = keys.iter().filter_map(|key| match key {
        Key::Address(address) => Some(address.clone()),
        Key::Id(_) => None,
    });
    let (ids, addresses): (BTreeSet<ObjectId>, Vec<Address>) = (ids.collect(), addresses.collect());
    let (by_id, by_address) = tokio::try_join!(reading.people(ids), reading.people_by_address(&addresses))?;
    let by_id: HashMap<ObjectId, StoredPerson> = by_id.into_iter().map(|stored| (stored.person.id, stored)).collect();
    let mut by_address = by_address.into_iter();
    let meant = keys.iter().map(|key| match key {
        Key::Id(id) => by_id.get(id).cloned().into_iter().collect(),
        Key::Address(_) => by_address.next().unwrap_or_default(),
    });
    Ok(meant.collect())
}

fn only(people: &[StoredPerson]) -> Option<&StoredPerson> {
    match people {
        [person] => Some(person),
        _ => None,
    }
}

fn answer(asked: PersonKey, people: &[StoredPerson], views: &HashMap<ObjectId, PersonView>) -> LookupAnswer {
    match people {
        [] => LookupAnswer { asked, outcome: LookupWord::NotFound, person: None, candidates: Vec::new() },
        [one] => {
            let person = views.get(&one.person.id).cloned();
            LookupAnswer { asked, outcome: LookupWord::Found, person, candidates: Vec::new() }
        }
        many => {
            let candidates = many.iter().map(|stored| stored.person.id).collect();
            LookupAnswer { asked, outcome: LookupWord::Ambiguous, person: None, candidates }
        }
    }
}
