//! What the stream of the people table shows: a person's item as it was and as it is.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ConnectionId, ObjectId};
use domain::person::Record;
use jiff::Timestamp;

use super::StoreError;
use super::people::{self, StoredPerson};

/// Under this prefix stand people; the table holds other items, of which nobody is told.
const PERSON: &str = "person#";

/// An item of a stream record.
pub type Shown = HashMap<String, AttributeValue>;

/// A person's item that was written or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Whose person.
    pub connection: ConnectionId,
    /// Who.
    pub person: ObjectId,
    /// The person before, where there was one.
    pub old: Option<Record>,
    /// The person after, where there is one.
    pub new: Option<Record>,
    /// When the person was written; `None` where the item was deleted.
    pub changed_at: Option<Timestamp>,
}

/// Reads a stream record's images. `None` where it is about no person, or both images show the same: a page that was applied again.
///
/// # Errors
/// [`StoreError::Unreadable`] with the item's key and what is wrong, never what the item says.
pub fn written(keys: &Shown, old: Option<&Shown>, new: Option<&Shown>) -> Result<Option<Written>, StoreError> {
    let sort_key = text(keys, "sk");
    let Some(person) = sort_key.strip_prefix(PERSON) else {
        return Ok(None);
    };
    let unreadable = |attribute: String| StoreError::Unreadable { key: format!("{}/{sort_key}", text(keys, "pk")), attribute };
    if old.zip(new).is_some_and(|(old, new)| old.get("body") == new.get("body") && people::visibility(old) == people::visibility(new)) {
        return Ok(None);
    }
    // The key of the record is there even where an image lacks its own.
    let told = |error: StoreError| match error {
        StoreError::Unreadable { attribute, .. } => unreadable(attribute),
        other => other,
    };
    let image = |item: Option<&Shown>| item.map(|item| people::read(item).map_err(told)).transpose();
    let (old, new) = (image(old)?, image(new)?);
    Ok(Some(Written {
        connection: text(keys, "pk").parse().map_err(|error| unreadable(format!("pk: {error}")))?,
        person: person.parse().map_err(|error| unreadable(format!("sk: {error}")))?,
        changed_at: new.as_ref().map(|stored| stored.changed_at),
        old: old.map(StoredPerson::record),
        new: new.map(StoredPerson::record),
    }))
}

fn text<'a>(item: &'a Shown, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::item::{number, text as textual};
    use super::*;
    use domain::roll::Visibility;

    const ID: &str = "8f7c0d1e-52c4-4f0e-9b5e-3f4c1a2b3c4d";

    fn keys(sort_key: &str) -> Shown {
        Shown::from([("pk".to_owned(), textual("con-1")), ("sk".to_owned(), textual(sort_key))])
    }

    fn item(body: &str, at: u64) -> Shown {
        let mut item = keys(&format!("person#{ID}"));
        item.extend(
            [("v", number(2)), ("changed_at", number(at)), ("name_key", textual("ada"))].map(|(name, value)| (name.to_owned(), value)),
        );
        item.insert("body".to_owned(), textual(body));
        item
    }

    fn ada(city: &str, at: u64) -> Shown {
        item(&format!(r#"{{"a":{{"city":"{city}"}}}}"#), at)
    }

    fn unreadable(old: Option<&Shown>, new: Option<&Shown>) -> String {
        written(&keys(&format!("person#{ID}")), old, new).unwrap_err().to_string()
    }

    #[test]
    fn a_person_is_read_as_they_were_and_as_they_are() {
        let (old, new) = (ada("Oslo", 1_000), ada("Bergen", 2_000));
        let read = written(&keys(&format!("person#{ID}")), Some(&old), Some(&new)).unwrap().unwrap();
        assert_eq!((read.connection.as_str(), read.person.to_string().as_str()), ("con-1", ID));
        assert_eq!(read.changed_at, Some(Timestamp::from_second(2).unwrap()));
        let city = |image: Option<Record>| image.unwrap().person.attributes["city"].text().unwrap().to_owned();
        assert_eq!((city(read.old), city(read.new)), ("Oslo".to_owned(), "Bergen".to_owned()));
    }

    #[test]
    fn a_person_written_again_is_not_even_read() {
        let (old, new) = (item("never parsed", 1_000), item("never parsed", 2_000));
        assert_eq!(written(&keys(&format!("person#{ID}")), Some(&old), Some(&new)).unwrap(), None);
    }

    #[test]
    fn who_goes_into_hiding_with_the_same_body_is_seen() {
        let (old, mut new) = (ada("Oslo", 1_000), ada("Oslo", 2_000));
        new.remove("name_key");
        let read = written(&keys(&format!("person#{ID}")), Some(&old), Some(&new)).unwrap().unwrap();
        assert_eq!((read.old.unwrap().visibility, read.new.unwrap().visibility), (Visibility::Shown, Visibility::Hidden));
    }

    #[test]
    fn what_is_no_person_is_passed_over() {
        for sort_key in ["0000000001#0000000001", "", "photo#1"] {
            assert_eq!(written(&keys(sort_key), None, Some(&ada("Oslo", 1))).unwrap(), None, "{sort_key}");
        }
    }

    #[test]
    fn an_item_that_cannot_be_read_is_named_without_what_it_says() {
        let mut newer = ada("Oslo", 1);
        newer.insert("v".to_owned(), number(99));
        let mut bare = ada("Oslo", 1);
        bare.remove("body");
        for (item, expected) in [
            (newer, "v is 99, and this release knows up to 2"),
            (bare, "body must be a text"),
            (item(r#"{"a":"Oslo"}"#, 1), "body cannot be read at line 1 column 11"),
        ] {
            let told = unreadable(None, Some(&item));
            assert!(told.starts_with(&format!("item con-1/person#{ID} cannot be read: ")) && told.ends_with(expected), "{told}");
            assert!(!told.contains("Oslo"), "{told}");
            assert_eq!(unreadable(Some(&item), None), told);
        }
        assert!(written(&keys("person#ada"), None, Some(&ada("Oslo", 1))).unwrap_err().to_string().contains("sk: object id must be"));
    }
}
