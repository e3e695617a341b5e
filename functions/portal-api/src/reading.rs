//! Reading people: effective values, where each comes from, and how old they are.
//!
//! ```text
//! whose connection? ─► where does its walk stand? ─► people by id, address, name or change ─► who is shown? ─► managers' names ─► views
//! ```
//! The walk is read before the people, so that what is told is never older than its `as_of`. An index is a hint: people are read by key.
//! Whoever is hidden is nobody here: not found, not listed, and removed where they were told before.
//!
//! | module | what it answers |
//! |---|---|
//! | `one` | one person, by object id, mail or user principal name |
//! | `lookup` | up to 100 people at once |
//! | `list` | everybody, page by page, or those whom a search finds |
//! | `changes`, `cursor` | who changed since a cursor |
//! | `photo` | one person's photo |
//! | `conditional` | nothing new, where the caller holds the same already |

pub(crate) mod changes;
mod conditional;
mod cursor;
pub(crate) mod list;
pub(crate) mod lookup;
pub(crate) mod one;
pub(crate) mod photo;

use std::collections::{BTreeSet, HashMap};

use adapters::store::Store;
use adapters::store::people::StoredPerson;
use domain::api::{DataAge, PersonView};
use domain::ids::{ConnectionId, ObjectId};
use domain::person::{Address, AddressKind};
use domain::walk::Walk;

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::{Portal, connections, view};

/// The most people of one answer.
const LIMIT_MAX: u8 = 100;

/// One of the caller's connections, whose people are read, and how its walk stood just before.
struct Reading<'a> {
    store: &'a Store,
    id: ConnectionId,
    walk: Option<Walk>,
}

impl<'a> Reading<'a> {
    async fn open(portal: &'a Portal, caller: &Caller, connection: &str) -> Result<Self, ApiError> {
        let store = &portal.ports.store;
        let connection = connections::own(portal, caller, connection).await?;
        let walk = store.walk(&connection.id).await?.map(|(walk, _)| walk);
        Ok(Self { store, id: connection.id, walk })
    }

    fn data(&self) -> DataAge {
        view::data_age(self.walk.as_ref())
    }

    /// Those of these people who are shown, in any order. A set, because DynamoDB refuses a batch that asks for a key twice.
    async fn people(&self, ids: BTreeSet<ObjectId>) -> Result<Vec<StoredPerson>, ApiError> {
        let ids: Vec<ObjectId> = ids.into_iter().collect();
        Ok(shown(self.store.people(&self.id, &ids).await?))
    }

    /// Who has each of these addresses and is shown, in their order.
    async fn people_by_address(&self, addresses: &[Address]) -> Result<Vec<Vec<StoredPerson>>, ApiError> {
        let found = self.store.people_by_address(&self.id, addresses).await?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// People as they are told, in their order, with their managers' names where those are stored and shown.
    async fn views(&self, people: &[StoredPerson]) -> Result<Vec<PersonView>, ApiError> {
        let here: BTreeSet<ObjectId> = people.iter().map(|stored| stored.person.id).collect();
        let managers: BTreeSet<ObjectId> = people.iter().filter_map(|stored| stored.person.manager).collect();
        let managers = self.people(managers.difference(&here).copied().collect()).await?;
        let known: HashMap<ObjectId, &StoredPerson> = people.iter().chain(&managers).map(|stored| (stored.person.id, stored)).collect();
        let manager = |stored: &StoredPerson| stored.person.manager.and_then(|id| known.get(&id).copied());
        Ok(people.iter().map(|stored| view::person(stored, manager(stored))).collect())
    }
}

fn shown(people: Vec<StoredPerson>) -> Vec<StoredPerson> {
    people.into_iter().filter(|stored| !stored.is_hidden).collect()
}

/// How many people an answer may have, as the query says it.
fn limit(text: Option<&str>, usual: u8) -> Result<u8, ApiError> {
    let limit = text.map_or(Ok(usual), str::parse).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| ApiError::Invalid { field: "limit", bound: "must be from 1 to 100".to_owned() })
}

/// The parameter, and the field of a key, that holds an address.
fn field(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Mail => "mail",
        AddressKind::UserPrincipalName => "user_principal_name",
    }
}
