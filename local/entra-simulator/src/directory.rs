//! A tenant's people, and the log of what changed about them.
//!
//! Every change gets the next sequence number. A person stands in the log once, at the latest change, so a round of changes
//! costs what changed and not what exists. Each property remembers the number of its own latest change, because a delta
//! walk shows a person only for properties it selected.
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview>

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::people::dossier::{self, Dossier};

/// What a user may do in the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May grant admin consent.
    Admin,
    /// An ordinary user.
    #[default]
    Member,
    /// An invited user of another organisation.
    Guest,
}

/// Whether the user object is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Presence {
    Present,
    SoftDeleted,
    Purged,
}

/// A property's value and the number of its latest change; `null` is a cleared value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) value: Value,
    pub(crate) since: u64,
}

/// What nobody ever changed.
static UNCHANGED: Held = Held { value: Value::Null, since: 0 };

/// One user object with its sign-in facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) role: Role,
    pub(crate) properties: BTreeMap<String, Held>,
    /// Who the manager was from which number on; the last entry holds now.
    pub(crate) managers: Vec<(u64, Option<Uuid>)>,
    pub(crate) presence: Presence,
    pub(crate) presence_since: u64,
    pub(crate) last_change: u64,
    /// Refresh tokens issued before this are refused.
    pub(crate) tokens_valid_from: Option<Timestamp>,
    /// Sign-ins before this lack the second factor that is required since.
    pub(crate) mfa_required_since: Option<Timestamp>,
    /// What there is beside what was set.
    #[serde(default)]
    dossier: Option<Dossier>,
}

impl Person {
    /// The value of a property as text; empty when absent, cleared or no text.
    pub(crate) fn text(&self, property: &str) -> &str {
        self.properties.get(property).and_then(|held| held.value.as_str()).unwrap_or_default()
    }

    /// False only when the account was disabled.
    pub(crate) fn is_enabled(&self) -> bool {
        self.properties.get("accountEnabled").is_none_or(|held| held.value != Value::Bool(false))
    }

    /// The manager now.
    pub(crate) fn manager(&self) -> Option<Uuid> {
        self.managers.last().and_then(|(_, manager)| *manager)
    }

    /// The manager as of a sequence number.
    pub(crate) fn manager_at(&self, sequence: u64) -> Option<Uuid> {
        let known = self.managers.iter().rev().find(|(since, _)| *since <= sequence);
        known.and_then(|(_, manager)| *manager)
    }

    /// The latest manager there was, now or before.
    pub(crate) fn latest_manager(&self) -> Option<Uuid> {
        self.managers.iter().rev().find_map(|(_, manager)| *manager)
    }

    /// The number of the latest change of manager; 0 when there never was one.
    pub(crate) fn manager_since(&self) -> u64 {
        self.managers.last().map_or(0, |(since, _)| *since)
    }

    /// The value of a property now; nothing when it was never set.
    fn value(&self, property: &str) -> Option<Value> {
        match self.properties.get(property) {
            Some(held) => Some(held.value.clone()),
            None => self.dossier.as_ref().and_then(|dossier| dossier.value(self.id, property)),
        }
    }

    /// The properties that `wanted` accepts, as a Graph object; never-set ones are omitted, cleared ones are `null`.
    pub(crate) fn object(&self, wanted: impl Fn(&str, &Held) -> bool) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("id".to_owned(), json!(self.id));
        for (name, held) in &self.properties {
            if wanted(name, held) {
                object.insert(name.clone(), held.value.clone());
            }
        }
        if let Some(dossier) = &self.dossier {
            let names = dossier::PROPERTIES.iter().filter(|name| wanted(name, &UNCHANGED) && !self.properties.contains_key(**name));
            object.extend(names.filter_map(|name| Some(((*name).to_owned(), dossier.value(self.id, name)?))));
        }
        object
    }
}

/// The people of one tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Directory {
    people: Vec<Person>,
    sequence: u64,
    #[serde(skip)]
    by_id: HashMap<Uuid, usize>,
    #[serde(skip)]
    log: BTreeMap<u64, usize>,
}

impl Directory {
    /// Rebuilds what is not saved.
    pub(crate) fn reindex(&mut self) {
        self.by_id = self.people.iter().enumerate().map(|(position, person)| (person.id, position)).collect();
        self.log = self.people.iter().enumerate().map(|(position, person)| (person.last_change, position)).collect();
    }

    /// The number of the latest change.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Everybody who ever was, in order of creation.
    pub(crate) fn all(&self) -> &[Person] {
        &self.people
    }

    /// Everybody who is there, in order of creation.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|person| person.presence == Presence::Present)
    }

    /// One person, deleted or not.
    pub(crate) fn person(&self, id: Uuid) -> Option<&Person> {
        self.by_id.get(&id).map(|position| &self.people[*position])
    }

    /// One person's sign-in facts, to change them; properties change through [`Directory::set`].
    pub(crate) fn person_mut(&mut self, id: Uuid) -> Option<&mut Person> {
        self.by_id.get(&id).map(|position| &mut self.people[*position])
    }

    /// The people whose latest change lies after `after` and not after `upto`, with that number, oldest first.
    pub(crate) fn changed(&self, after: u64, upto: u64) -> impl Iterator<Item = (u64, &Person)> {
        let range = after.saturating_add(1)..upto.max(after).saturating_add(1);
        self.log.range(range).map(|(sequence, position)| (*sequence, &self.people[*position]))
    }

    /// Adds a person with the given properties.
    pub(crate) fn add(&mut self, id: Uuid, role: Role, properties: Map<String, Value>) {
        self.sequence += 1;
        let since = self.sequence;
        let properties = properties.into_iter().map(|(name, value)| (name, Held { value, since })).collect();
        let person = Person {
            id,
            role,
            properties,
            managers: Vec::new(),
            presence: Presence::Present,
            presence_since: since,
            last_change: since,
            tokens_valid_from: None,
            mfa_required_since: None,
            dossier: None,
        };
        self.by_id.insert(id, self.people.len());
        self.log.insert(since, self.people.len());
        self.people.push(person);
    }

    /// Gives a person everything else that a directory knows about people.
    pub(crate) fn add_dossier(&mut self, id: Uuid, dossier: Dossier) {
        if let Some(person) = self.person_mut(id) {
            person.dossier = Some(dossier);
        }
    }

    /// Sets one property; `null` clears it. Setting what is there already, or clearing what never was, is no change.
    pub(crate) fn set(&mut self, id: Uuid, property: &str, value: Value) {
        let Some(person) = self.person(id) else { return };
        let is_same = person.value(property).unwrap_or_default() == value;
        if is_same {
            return;
        }
        let since = self.record(id);
        if let Some(person) = self.person_mut(id) {
            person.properties.insert(property.to_owned(), Held { value, since });
        }
    }

    /// Sets or clears the manager.
    pub(crate) fn set_manager(&mut self, id: Uuid, manager: Option<Uuid>) {
        if self.person(id).is_none_or(|person| person.manager() == manager) {
            return;
        }
        let since = self.record(id);
        if let Some(person) = self.person_mut(id) {
            person.managers.push((since, manager));
        }
    }

    /// Deletes softly, purges or restores.
    pub(crate) fn set_presence(&mut self, id: Uuid, presence: Presence) {
        if self.person(id).is_none_or(|person| person.presence == presence) {
            return;
        }
        let since = self.record(id);
        if let Some(person) = self.person_mut(id) {
            person.presence = presence;
            person.presence_since = since;
        }
    }

    /// Moves the person to the end of the log.
    fn record(&mut self, id: Uuid) -> u64 {
        self.sequence += 1;
        if let Some(position) = self.by_id.get(&id).copied() {
            let person = &mut self.people[position];
            self.log.remove(&person.last_change);
            person.last_change = self.sequence;
            self.log.insert(self.sequence, position);
        }
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory_of(ids: &[Uuid]) -> Directory {
        let mut directory = Directory::default();
        for id in ids {
            directory.add(*id, Role::Member, Map::new());
        }
        directory
    }

    #[test]
    fn a_person_stands_in_the_log_once_at_the_latest_change() {
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut directory = directory_of(&[first, second]);
        directory.set(first, "jobTitle", json!("Baker"));
        directory.set(first, "jobTitle", json!("Baker"));
        let log: Vec<_> = directory.changed(0, directory.sequence()).map(|(number, person)| (number, person.id)).collect();
        assert_eq!(log, [(2, second), (3, first)]);
    }

    #[test]
    fn clearing_what_never_was_is_no_change() {
        let id = Uuid::from_u128(1);
        let mut directory = directory_of(&[id]);
        directory.set(id, "department", Value::Null);
        assert_eq!(directory.sequence(), 1);
        assert!(!directory.person(id).unwrap().object(|_, _| true).contains_key("department"));
    }

    #[test]
    fn the_manager_of_an_earlier_moment_is_remembered() {
        let (id, boss) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut directory = directory_of(&[id, boss]);
        directory.set_manager(id, Some(boss));
        directory.set_manager(id, None);
        let person = directory.person(id).unwrap();
        assert_eq!((person.manager_at(2), person.manager_at(3), person.manager()), (None, Some(boss), None));
    }
}
