//! How a page of Graph's delta changes what is stored about people.
//!
//! Absent means unknown and keeps what is stored; `null` means cleared. The same person may come several times, on one page or on many:
//! what comes later in the stream wins. Applying a page twice changes nothing the second time.
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview>

mod address;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::attribute::AttributeName;
use crate::ids::ObjectId;
use crate::roll::Visibility;

pub use address::{ADDRESS_BYTES_MAX, Address, AddressKind};

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

/// A person as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the directory says.
    pub person: Person,
    /// Whether the customer's choice shows the person.
    pub visibility: Visibility,
}

/// How the first entry about a person relates to what is stored.
#[derive(Debug, Clone, Copy)]
pub enum Manner<'a> {
    /// It may leave out what did not change.
    Update,
    /// It says everything, except about these attributes: what it leaves out is not set.
    Replace {
        /// Attributes that were not asked for, and keep their values.
        keep: &'a BTreeSet<AttributeName>,
    },
}

/// What a person becomes by a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As stored: write nothing, say nothing.
    Unchanged,
    /// Changed or new: store this.
    Store(Record),
    /// Deleted.
    Gone,
}

/// Folds the entries of a page about one person into a final state, beginning with what is stored.
#[must_use]
pub fn fold(stored: Option<&Record>, changes: Vec<Change>, manner: Manner<'_>, visibility: impl Fn(&Person) -> Visibility) -> Outcome {
    let nothing = BTreeSet::new();
    let mut person = stored.map(|record| record.person.clone());
    let mut manner = manner;
    for change in changes {
        let News::Present { attributes, manager } = change.news else {
            person = None;
            // Whoever comes back begins afresh.
            manner = Manner::Replace { keep: &nothing };
            continue;
        };
        let mut next = person.take().unwrap_or_else(|| Person { id: change.id, attributes: BTreeMap::new(), manager: None });
        if let Manner::Replace { keep } = manner {
            next.attributes.retain(|name, _| keep.iter().any(|kept| kept.as_str() == name));
            next.manager = None;
        }
        apply(&mut next, attributes, manager);
        person = Some(next);
        manner = Manner::Update;
    }
    match person {
        None => Outcome::Gone,
        Some(person) => {
            let record = Record { visibility: visibility(&person), person };
            if stored == Some(&record) { Outcome::Unchanged } else { Outcome::Store(record) }
        }
    }
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

    /// What is stored of everybody after these entries, all of one page.
    fn carry_out(mut stored: BTreeMap<ObjectId, Record>, changes: Vec<Change>, manner: Manner<'_>) -> BTreeMap<ObjectId, Record> {
        let mut by_person: BTreeMap<ObjectId, Vec<Change>> = BTreeMap::new();
        for change in changes {
            by_person.entry(change.id).or_default().push(change);
        }
        for (id, changes) in by_person {
            match fold(stored.get(&id), changes, manner, |_| Visibility::Shown) {
                Outcome::Unchanged => {}
                Outcome::Store(record) => drop(stored.insert(id, record)),
                Outcome::Gone => drop(stored.remove(&id)),
            }
        }
        stored
    }

    fn after(changes: Vec<Change>) -> BTreeMap<ObjectId, Record> {
        carry_out(BTreeMap::new(), changes, Manner::Update)
    }

    fn gone(number: u128) -> Change {
        Change { id: id(number), news: News::Gone }
    }

    #[test]
    fn absent_keeps_and_null_clears() {
        let stored = after(vec![present(1, &[("mail", text("a@b")), ("city", text("Oslo"))], ManagerNews::Unknown)]);
        let stored = carry_out(stored, vec![present(1, &[("mail", None)], ManagerNews::Unknown)], Manner::Update);
        assert_eq!(stored[&id(1)].person.attributes.keys().collect::<Vec<_>>(), ["city"]);
    }

    #[test]
    fn a_whole_entry_clears_what_it_leaves_out_but_not_what_was_not_asked_for() {
        let first = vec![present(1, &[("mail", text("a@b")), ("city", text("Oslo")), ("state", text("x"))], ManagerNews::Set(id(2)))];
        let keep = BTreeSet::from(["state".parse().unwrap()]);
        let stored =
            carry_out(after(first), vec![present(1, &[("mail", text("a@b"))], ManagerNews::Unknown)], Manner::Replace { keep: &keep });
        let person = &stored[&id(1)].person;
        assert_eq!((person.attributes.keys().collect::<Vec<_>>(), person.manager), (vec![&"mail".to_owned(), &"state".to_owned()], None));
    }

    #[test]
    fn only_the_first_entry_of_a_person_says_everything() {
        let nothing = BTreeSet::new();
        let page = vec![
            present(1, &[("city", text("Oslo"))], ManagerNews::Set(id(2))),
            present(1, &[("mail", text("a@b"))], ManagerNews::Unknown),
        ];
        let stored = carry_out(BTreeMap::new(), page, Manner::Replace { keep: &nothing });
        let person = &stored[&id(1)].person;
        assert_eq!((person.attributes.len(), person.manager), (2, Some(id(2))));
    }

    #[test]
    fn the_later_entry_of_a_page_wins() {
        let people = after(vec![
            present(1, &[("city", text("Oslo")), ("mail", text("a@b"))], ManagerNews::Set(id(9))),
            gone(1),
            present(1, &[("city", text("Bergen"))], ManagerNews::Unknown),
        ]);
        let person = &people[&id(1)].person;
        assert_eq!((person.attributes.len(), &person.attributes["city"]), (1, &Value::Text("Bergen".to_owned())));
        assert_eq!(person.manager, None);
    }

    #[test]
    fn whom_the_choice_leaves_out_is_stored_and_not_shown() {
        let is_in = |person: &Person| if person.attributes.contains_key("mail") { Visibility::Shown } else { Visibility::Hidden };
        let change = |name| vec![present(1, &[(name, text("x"))], ManagerNews::Unknown)];
        let Outcome::Store(record) = fold(None, change("city"), Manner::Update, is_in) else { panic!("stored") };
        assert_eq!(record.visibility, Visibility::Hidden);
        assert_eq!(fold(Some(&record), change("city"), Manner::Update, is_in), Outcome::Unchanged);
        let Outcome::Store(record) = fold(Some(&record), change("mail"), Manner::Update, is_in) else { panic!("stored") };
        assert_eq!(record.visibility, Visibility::Shown);
    }

    #[test]
    fn a_manager_is_set_kept_and_cleared() {
        let stored = after(vec![present(1, &[], ManagerNews::Set(id(2)))]);
        let kept = carry_out(stored.clone(), vec![present(1, &[], ManagerNews::Unknown)], Manner::Update);
        assert_eq!(kept, stored);
        let cleared = carry_out(stored, vec![present(1, &[], ManagerNews::Cleared)], Manner::Update);
        assert_eq!(cleared[&id(1)].person.manager, None);
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

    proptest! {
        #[test]
        fn a_page_applied_twice_changes_nothing_the_second_time(first in proptest::collection::vec(any_change(), 0..8), page in proptest::collection::vec(any_change(), 0..8)) {
            for manner in [Manner::Update, Manner::Replace { keep: &BTreeSet::new() }] {
                let once = carry_out(after(first.clone()), page.clone(), manner);
                prop_assert_eq!(carry_out(once.clone(), page.clone(), manner), once);
            }
        }

        #[test]
        fn it_does_not_matter_where_pages_are_cut(changes in proptest::collection::vec(any_change(), 0..10), cut in 0_usize..10) {
            let whole = after(changes.clone());
            let at = cut.min(changes.len());
            let first = after(changes[..at].to_vec());
            prop_assert_eq!(carry_out(first, changes[at..].to_vec(), Manner::Update), whole);
        }
    }
}
