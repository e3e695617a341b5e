//! Reads a page of the people's delta into changes.
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-users>

use std::collections::BTreeMap;
use std::fmt;

use domain::ids::ObjectId;
use domain::person::{Change, ManagerNews, News, Value};
use domain::walk::PageEnd;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::DeltaPage;

#[derive(Deserialize)]
struct Page {
    value: Vec<Entry>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

/// One entry, read key by key so that a page of thousands costs no intermediate tree.
struct Entry(Change);

/// One entry of `manager@delta`.
#[derive(Deserialize)]
struct ManagerEntry {
    id: ObjectId,
    #[serde(rename = "@removed")]
    removed: Option<IgnoredAny>,
}

pub(super) fn read(body: &[u8]) -> Result<DeltaPage, serde_json::Error> {
    let page: Page = serde_json::from_slice(body)?;
    let end = match (page.next_link, page.delta_link) {
        (Some(link), None) => PageEnd::Next(link),
        (None, Some(link)) => PageEnd::Round(link),
        _ => return Err(serde_json::Error::custom("a delta page has either a nextLink or a deltaLink")),
    };
    Ok(DeltaPage { changes: page.value.into_iter().map(|entry| entry.0).collect(), end })
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an entry of a delta page")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entry, M::Error> {
        let mut id = None;
        let mut is_removed = false;
        let mut manager = ManagerNews::Unknown;
        let mut attributes: BTreeMap<String, Option<Value>> = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => id = Some(map.next_value::<ObjectId>()?),
                "@removed" => {
                    map.next_value::<IgnoredAny>()?;
                    is_removed = true;
                }
                "manager@delta" => manager = manager_news(&map.next_value::<Vec<ManagerEntry>>()?),
                annotation if annotation.contains('@') => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    let value = map.next_value()?;
                    attributes.insert(key, value);
                }
            }
        }
        let id = id.ok_or_else(|| M::Error::missing_field("id"))?;
        let news = match is_removed {
            true => News::Gone,
            false => News::Present { attributes, manager },
        };
        Ok(Entry(Change { id, news }))
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
        let page = read(format!(r#"{{"value":[{json}],"@odata.deltaLink":"d"}}"#).as_bytes()).unwrap();
        page.changes.into_iter().next().unwrap().news
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
    fn a_page_without_exactly_one_link_is_no_page() {
        for json in [
            r#"{"value":[]}"#,
            r#"{"value":[],"@odata.nextLink":"a","@odata.deltaLink":"b"}"#,
            "[]",
            "",
            r#"{"value":[{}],"@odata.deltaLink":"d"}"#,
        ] {
            assert!(read(json.as_bytes()).is_err(), "{json}");
        }
    }
}
