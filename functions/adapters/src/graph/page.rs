//! Reads pages of Graph's people: of the delta, and of the list.
//!
//! A page is cut into its entries without reading them: of a person who did not change, only a fingerprint is taken. It covers every
//! attribute and the manager, and neither their order nor the annotations, which differ between the list and the delta.
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-users>, <https://learn.microsoft.com/en-us/graph/api/user-list>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use bytestring::ByteString;
use domain::ids::ObjectId;
use domain::person::{Change, ManagerNews, News, Value};
use domain::roll::Fingerprint;
use domain::walk::PageEnd;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Page;

/// A page as it comes.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

/// One entry of a page, not read yet: a part of the page's body, which all of its entries share.
#[derive(Debug, Clone)]
pub struct Entry(ByteString);

/// What can be told of an entry without reading its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// Who.
    pub id: ObjectId,
    /// Whether the person is gone.
    pub is_removed: bool,
    /// What it says of everything else.
    pub fingerprint: Fingerprint,
}

/// Who is named by an entry of `manager@delta`, or by `manager`.
#[derive(Deserialize)]
struct ManagerEntry {
    id: ObjectId,
    #[serde(rename = "@removed")]
    removed: Option<IgnoredAny>,
}

/// A page of the delta.
pub(super) fn read_delta(body: Vec<u8>) -> Result<Page, serde_json::Error> {
    let body = text(body)?;
    let page: Envelope<'_> = serde_json::from_str(&body)?;
    let end = match (page.next_link, page.delta_link) {
        (Some(link), None) => PageEnd::Next(link),
        (None, Some(link)) => PageEnd::Round(link),
        _ => return Err(serde_json::Error::custom("a delta page has either a nextLink or a deltaLink")),
    };
    Ok(Page { entries: entries(&body, &page.value), end, load: None })
}

/// A page of the list.
pub(super) fn read_list(body: Vec<u8>) -> Result<Page, serde_json::Error> {
    let body = text(body)?;
    let page: Envelope<'_> = serde_json::from_str(&body)?;
    let end = page.next_link.map_or(PageEnd::List, PageEnd::Next);
    Ok(Page { entries: entries(&body, &page.value), end, load: None })
}

/// The whole body as text: looked through once here, and not again with every name and value in it.
fn text(body: Vec<u8>) -> Result<ByteString, serde_json::Error> {
    ByteString::try_from(body).map_err(serde_json::Error::custom)
}

fn entries(body: &ByteString, values: &[&RawValue]) -> Vec<Entry> {
    values.iter().map(|value| Entry(body.slice_ref(value.get()))).collect()
}

impl Entry {
    /// Tells who an entry is about, and takes its fingerprint. `salt` goes into it, so that fingerprints of another choice never match.
    ///
    /// # Errors
    /// Where it is no entry about a person.
    pub fn scan(&self, salt: &str) -> Result<Scan, serde_json::Error> {
        let fields: Fields<'_> = serde_json::from_str(&self.0)?;
        // Gathered, because a hash that is fed by crumbs takes longer to feed than to compute.
        let mut told = Vec::with_capacity(salt.len() + self.0.len());
        told.extend_from_slice(salt.as_bytes());
        for (name, value) in &fields.values {
            told.push(0);
            told.extend_from_slice(name.as_bytes());
            told.push(0);
            told.extend_from_slice(value.get().as_bytes());
        }
        if let ManagerNews::Set(manager) = fields.manager {
            told.push(1);
            told.extend_from_slice(manager.0.as_bytes());
        }
        let mut hash = [0; 12];
        hash.copy_from_slice(&digest(&SHA256, &told).as_ref()[..12]);
        Ok(Scan { id: fields.id, is_removed: fields.is_removed, fingerprint: Fingerprint::of(hash) })
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// Where it is no entry about a person.
    pub fn read(&self) -> Result<Change, serde_json::Error> {
        let fields: Fields<'_, Option<Value>> = serde_json::from_str(&self.0)?;
        let news = match fields.is_removed {
            true => News::Gone,
            false => {
                let attributes = fields.values.into_iter().map(|(name, value)| (name.into_owned(), value)).collect::<BTreeMap<_, _>>();
                News::Present { attributes, manager: fields.manager }
            }
        };
        Ok(Change { id: fields.id, news })
    }
}

/// The fields of an entry: those that are about the entry itself, and the attributes, in the order of their names.
struct Fields<'a, V = &'a RawValue> {
    id: ObjectId,
    is_removed: bool,
    manager: ManagerNews,
    values: Vec<(Cow<'a, str>, V)>,
}

/// What an attribute's value is read as; a fingerprint does not tell what is not set from what is absent.
trait FieldValue<'de>: Deserialize<'de> {
    fn is_told(&self) -> bool;
}

impl<'de> FieldValue<'de> for &'de RawValue {
    fn is_told(&self) -> bool {
        self.get() != "null"
    }
}

impl FieldValue<'_> for Option<Value> {
    fn is_told(&self) -> bool {
        true
    }
}

impl<'de, V: FieldValue<'de>> Deserialize<'de> for Fields<'de, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor(std::marker::PhantomData))
    }
}

/// A name that is borrowed where it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct FieldsVisitor<V>(std::marker::PhantomData<V>);

impl<'de, V: FieldValue<'de>> Visitor<'de> for FieldsVisitor<V> {
    type Value = Fields<'de, V>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an entry about a person")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut id, mut is_removed, mut manager) = (None, false, ManagerNews::Unknown);
        let mut values: Vec<(Cow<'de, str>, V)> = Vec::with_capacity(32);
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            match name.as_ref() {
                "id" => id = Some(map.next_value::<ObjectId>()?),
                "@removed" => {
                    map.next_value::<IgnoredAny>()?;
                    is_removed = true;
                }
                "manager@delta" => manager = manager_news(&map.next_value::<Vec<ManagerEntry>>()?),
                "manager" => {
                    let entry = map.next_value::<Option<ManagerEntry>>()?;
                    manager = entry.map_or(ManagerNews::Cleared, |entry| ManagerNews::Set(entry.id));
                }
                annotation if annotation.contains('@') => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    let value: V = map.next_value()?;
                    if value.is_told() {
                        values.push((name, value));
                    }
                }
            }
        }
        values.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let id = id.ok_or_else(|| M::Error::missing_field("id"))?;
        Ok(Fields { id, is_removed, manager, values })
    }
}

/// Removals first: an array may carry the old manager's removal and the new manager in any order.
fn manager_news(entries: &[ManagerEntry]) -> ManagerNews {
    match entries.iter().rfind(|entry| entry.removed.is_none()) {
        Some(entry) => ManagerNews::Set(entry.id),
        None if entries.is_empty() => ManagerNews::Unknown,
        None => ManagerNews::Cleared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "8f7c0d1e-52c4-4f0e-9b5e-3f4c1a2b3c4d";
    const B: &str = "0baaae0f-0000-4000-8000-000000000002";

    fn entry(json: &str) -> News {
        let page = read_delta(format!(r#"{{"value":[{json}],"@odata.deltaLink":"d"}}"#).into()).unwrap();
        page.entries[0].read().unwrap().news
    }

    fn fingerprint(json: &str) -> Fingerprint {
        let page = read_list(format!(r#"{{"value":[{json}]}}"#).into()).unwrap();
        page.entries[0].scan("salt").unwrap().fingerprint
    }

    #[test]
    fn null_absent_and_set_are_three_things() {
        let News::Present { attributes, manager } = entry(&format!(r#"{{"id":"{A}","mail":null,"city":"Oslo","businessPhones":["1"]}}"#))
        else {
            panic!("present");
        };
        assert_eq!(attributes["mail"], None);
        assert_eq!(attributes["city"], Some(Value::Text("Oslo".to_owned())));
        assert_eq!(attributes["businessPhones"], Some(Value::List(vec![Value::Text("1".to_owned())])));
        assert!(!attributes.contains_key("jobTitle"));
        assert_eq!(manager, ManagerNews::Unknown);
    }

    #[test]
    fn a_manager_is_set_changed_and_cleared_in_any_order() {
        let id = B.parse().unwrap();
        for (json, expected) in [
            (format!(r#"[{{"id":"{B}"}}]"#), ManagerNews::Set(id)),
            (format!(r#"[{{"id":"{B}","@removed":{{"reason":"deleted"}}}}]"#), ManagerNews::Cleared),
            (format!(r#"[{{"id":"{B}"}},{{"id":"{A}","@removed":{{"reason":"deleted"}}}}]"#), ManagerNews::Set(id)),
            (format!(r#"[{{"id":"{A}","@removed":{{"reason":"deleted"}}}},{{"id":"{B}"}}]"#), ManagerNews::Set(id)),
            ("[]".to_owned(), ManagerNews::Unknown),
        ] {
            let News::Present { manager, .. } = entry(&format!(r#"{{"id":"{A}","manager@delta":{json}}}"#)) else { panic!("present") };
            assert_eq!(manager, expected, "{json}");
        }
    }

    #[test]
    fn both_kinds_of_removal_are_gone() {
        for reason in ["changed", "deleted"] {
            assert_eq!(entry(&format!(r#"{{"id":"{A}","@removed":{{"reason":"{reason}"}}}}"#)), News::Gone);
        }
    }

    #[test]
    fn a_manager_of_the_list_is_one_object() {
        let id = B.parse().unwrap();
        for (json, expected) in [
            (format!(r#""manager":{{"@odata.type":"x","id":"{B}"}}"#), ManagerNews::Set(id)),
            (r#""manager":null"#.to_owned(), ManagerNews::Cleared),
            (r#""city":"Oslo""#.to_owned(), ManagerNews::Unknown),
        ] {
            let News::Present { manager, .. } = entry(&format!(r#"{{"id":"{A}",{json}}}"#)) else { panic!("present") };
            assert_eq!(manager, expected, "{json}");
        }
    }

    #[test]
    fn the_same_person_has_one_fingerprint_in_the_list_and_in_the_delta() {
        let listed = fingerprint(&format!(
            r#"{{"@odata.id":"x","id":"{A}","city":"Oslo","mail":null,"surname":"B","manager":{{"@odata.type":"y","id":"{B}"}}}}"#
        ));
        let walked = fingerprint(&format!(r#"{{"surname":"B","city":"Oslo","id":"{A}","manager@delta":[{{"id":"{B}"}}]}}"#));
        assert_eq!(listed, walked);
    }

    #[test]
    fn anything_else_that_is_said_changes_the_fingerprint() {
        let entry = |rest: &str| fingerprint(&format!(r#"{{"id":"{A}"{rest}}}"#));
        let all =
            ["", r#","city":"Oslo""#, r#","city":"oslo""#, r#","state":"Oslo""#, r#","city":"O","surname":"slo""#, r#","city":["Oslo"]"#]
                .map(entry);
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one), "{place}");
        }
        let page = read_list(format!(r#"{{"value":[{{"id":"{A}"}}]}}"#).into()).unwrap();
        assert_ne!(page.entries[0].scan("salt").unwrap().fingerprint, page.entries[0].scan("other").unwrap().fingerprint);
    }

    #[test]
    fn a_delta_page_without_exactly_one_link_is_no_page() {
        for json in [r#"{"value":[]}"#, r#"{"value":[],"@odata.nextLink":"a","@odata.deltaLink":"b"}"#, "[]", ""] {
            assert!(read_delta(json.into()).is_err(), "{json}");
        }
        let unnamed = read_delta(r#"{"value":[{}],"@odata.deltaLink":"d"}"#.into()).unwrap();
        assert!(unnamed.entries[0].scan("").is_err() && unnamed.entries[0].read().is_err());
    }

    #[test]
    fn the_last_page_of_a_list_has_no_link() {
        let end = |json: &str| read_list(json.into()).unwrap().end;
        assert_eq!((end(r#"{"value":[],"@odata.nextLink":"a"}"#), end(r#"{"value":[]}"#)), (PageEnd::Next("a".to_owned()), PageEnd::List));
    }
}
