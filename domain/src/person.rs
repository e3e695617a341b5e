//! How a page of Graph's delta changes what is stored about people.
//!
//! Absent means unknown and keeps what is stored; `null` means cleared. The same person may come several times, on one page or on many:
//! what comes later in the stream wins. Applying a page twice changes nothing the second time.
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview>

mod address;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::ObjectId;

pub use address::{ADDRESS_BYTES_MAX, Address, AddressKind};

/// The attributes asked of Graph, besides `id` and `manager`: what e-mail signatures are made of.
pub const ATTRIBUTES: &[&str] = &[
    "accountEnabled",
    "businessPhones",
    "city",
    "companyName",
    "country",
    "department",
    "displayName",
    "employeeId",
    "faxNumber",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "onPremisesExtensionAttributes",
    "postalCode",
    "preferredLanguage",
    "state",
    "streetAddress",
    "surname",
    "userPrincipalName",
    "userType",
];

/// The value of an attribute, as Graph gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A text.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Several values.
    List(Vec<Value>),
    /// Named values, such as the fifteen extension attributes; those that are not set are `null`.
    Record(BTreeMap<String, Option<Value>>),
}

impl Value {
    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A directory user, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The object id.
    pub id: ObjectId,
    /// Attributes by Graph's own names; those that are not set are absent.
    pub attributes: BTreeMap<String, Value>,
    /// The manager's object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<ObjectId>,
}

/// One entry of a delta page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whom it is about.
    pub id: ObjectId,
    /// What it says.
    pub news: News,
}

/// What an entry of a delta page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The person exists.
    Present {
        /// Attributes that are set (`Some`) or cleared (`None`); absent ones are unknown.
        attributes: BTreeMap<String, Option<Value>>,
        /// What it says about the manager.
        manager: ManagerNews,
    },
    /// The person was deleted, for now or for good.
    Gone,
}

/// What an entry says about the manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagerNews {
    /// Nothing.
    Unknown,
    /// There is none any more.
    Cleared,
    /// This is the manager now.
    Set(ObjectId),
}

/// What a person becomes by a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As stored: write nothing, say nothing.
    Unchanged,
    /// Changed or new: store this.
    Store(Person),
    /// Deleted: remove what is stored.
    Remove,
}

/// Folds the entries of a page into one final state per person, beginning with what is stored.
#[must_use]
pub fn merge(mut stored: BTreeMap<ObjectId, Person>, changes: Vec<Change>) -> BTreeMap<ObjectId, Outcome> {
    let before = stored.clone();
    let mentioned: Vec<ObjectId> = changes.iter().map(|change| change.id).collect();
    for change in changes {
        match change.news {
            News::Gone => {
                stored.remove(&change.id);
            }
            News::Present { attributes, manager } => {
                let blank = || Person { id: change.id, attributes: BTreeMap::new(), manager: None };
                apply(stored.entry(change.id).or_insert_with(blank), attributes, manager);
            }
        }
    }
    let outcome = |id: ObjectId| match (before.get(&id), stored.get(&id)) {
        (None, None) => Outcome::Unchanged,
        (Some(_), None) => Outcome::Remove,
        (before, Some(after)) if before == Some(after) => Outcome::Unchanged,
        (_, Some(after)) => Outcome::Store(after.clone()),
    };
    mentioned.into_iter().map(|id| (id, outcome(id))).collect()
}

fn apply(person: &mut Person, attributes: BTreeMap<String, Option<Value>>, manager: ManagerNews) {
    for (name, value) in attributes {
        match value {
            Some(value) => person.attributes.insert(name, value),
            None => person.attributes.remove(&name),
        };
    }
    match manager {
        ManagerNews::Unknown => {}
        ManagerNews::Cleared => person.manager = None,
        ManagerNews::Set(id) => person.manager = Some(id),
    }
}

impl Person {
    /// The text that the list is ordered by: the display name in lower case, then the id, so that the order is total.
    #[must_use]
    pub fn sort_key(&self) -> String {
        let name = self.text("displayName").to_lowercase();
        let short: String = name.chars().take(200).collect();
        format!("{short}\u{0}{}", self.id)
    }

    /// The text that a search looks in: display name, mail and user principal name in lower case.
    #[must_use]
    pub fn search_text(&self) -> String {
        let parts = ["displayName", "mail", "userPrincipalName"].map(|name| self.text(name).to_lowercase());
        parts.join("\n")
    }

    fn text(&self, name: &str) -> &str {
        self.attributes.get(name).and_then(Value::text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u128) -> ObjectId {
        ObjectId(uuid::Uuid::from_u128(number))
    }

    fn text(value: &str) -> Option<Value> {
        Some(Value::Text(value.to_owned()))
    }

    fn present(number: u128, attributes: &[(&str, Option<Value>)], manager: ManagerNews) -> Change {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Change { id: id(number), news: News::Present { attributes, manager } }
    }

    fn after(changes: Vec<Change>) -> BTreeMap<ObjectId, Person> {
        let store = |(id, outcome)| match outcome {
            Outcome::Store(person) => Some((id, person)),
            Outcome::Unchanged | Outcome::Remove => None,
        };
        merge(BTreeMap::new(), changes).into_iter().filter_map(store).collect()
    }

    #[test]
    fn absent_keeps_and_null_clears() {
        let stored = after(vec![present(1, &[("mail", text("a@b")), ("city", text("Oslo"))], ManagerNews::Unknown)]);
        let merged = merge(stored, vec![present(1, &[("mail", None)], ManagerNews::Unknown)]);
        let Some(Outcome::Store(person)) = merged.get(&id(1)) else { panic!("{merged:?}") };
        assert_eq!(person.attributes.keys().collect::<Vec<_>>(), ["city"]);
    }

    #[test]
    fn the_later_entry_of_a_page_wins() {
        let people = after(vec![
            present(1, &[("city", text("Oslo"))], ManagerNews::Set(id(9))),
            Change { id: id(1), news: News::Gone },
            present(1, &[("city", text("Bergen"))], ManagerNews::Unknown),
        ]);
        assert_eq!(people[&id(1)].attributes["city"], Value::Text("Bergen".to_owned()));
        assert_eq!(people[&id(1)].manager, None);
    }

    #[test]
    fn a_removal_of_somebody_unknown_is_nothing() {
        let merged = merge(BTreeMap::new(), vec![Change { id: id(1), news: News::Gone }]);
        assert_eq!(merged[&id(1)], Outcome::Unchanged);
    }

    #[test]
    fn a_manager_is_set_kept_and_cleared() {
        let stored = after(vec![present(1, &[], ManagerNews::Set(id(2)))]);
        assert_eq!(merge(stored.clone(), vec![present(1, &[], ManagerNews::Unknown)])[&id(1)], Outcome::Unchanged);
        let cleared = merge(stored, vec![present(1, &[], ManagerNews::Cleared)]);
        assert!(matches!(&cleared[&id(1)], Outcome::Store(person) if person.manager.is_none()));
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let value = proptest::option::of("[a-c]{1}").prop_map(|text| text.map(Value::Text));
        let attributes = proptest::collection::btree_map("[x-z]{1}", value, 0..3);
        let manager = prop_oneof![
            Just(ManagerNews::Unknown),
            Just(ManagerNews::Cleared),
            (0_u128..4).prop_map(|number| ManagerNews::Set(id(number))),
        ];
        let news = prop_oneof![
            1 => Just(News::Gone),
            4 => (attributes, manager).prop_map(|(attributes, manager)| News::Present { attributes, manager }),
        ];
        (0_u128..4, news).prop_map(|(number, news)| Change { id: id(number), news })
    }

    fn carry_out(mut stored: BTreeMap<ObjectId, Person>, changes: Vec<Change>) -> BTreeMap<ObjectId, Person> {
        for (id, outcome) in merge(stored.clone(), changes) {
            match outcome {
                Outcome::Unchanged => {}
                Outcome::Store(person) => drop(stored.insert(id, person)),
                Outcome::Remove => drop(stored.remove(&id)),
            }
        }
        stored
    }

    proptest! {
        #[test]
        fn a_page_applied_twice_changes_nothing_the_second_time(first in proptest::collection::vec(any_change(), 0..8), page in proptest::collection::vec(any_change(), 0..8)) {
            let stored = carry_out(BTreeMap::new(), first);
            let once = carry_out(stored, page.clone());
            let again = merge(once, page);
            let is_settled = again.values().all(|outcome| matches!(outcome, Outcome::Unchanged));
            // A page that deletes and recreates a person starts that person afresh each time, and ends the same each time.
            prop_assert!(is_settled, "{again:?}");
        }

        #[test]
        fn it_does_not_matter_where_pages_are_cut(changes in proptest::collection::vec(any_change(), 0..10), cut in 0_usize..10) {
            let whole = carry_out(BTreeMap::new(), changes.clone());
            let at = cut.min(changes.len());
            let first = carry_out(BTreeMap::new(), changes[..at].to_vec());
            prop_assert_eq!(carry_out(first, changes[at..].to_vec()), whole);
        }
    }
}
