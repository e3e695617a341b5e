//! The body of a token endpoint's error answer, read field by field: one field of an unexpected kind does not make the others
//! unreadable. What is read is bounded in depth and number, whatever was sent.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// How deep a field is read. Real claims are four levels deep.
const DEPTH_MAX: usize = 8;
/// The most entries that are read of one list or object. Real ones have fewer than ten.
const ENTRIES_MAX: usize = 64;

/// The body of a token endpoint's error answer. Every field may be missing or of an unexpected kind on the wire; of a name that comes
/// twice the last counts.
/// Source: RFC 6749 section 5.2, and <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// The class of the error; empty where there is no text.
    pub error: String,
    /// The text for people, with the AADSTS number in front.
    pub error_description: Option<String>,
    /// The AADSTS numbers; numbers today, seen as texts.
    pub error_codes: Vec<u32>,
    /// The sub-class of the error. One that is no text is kept as its JSON: it is there, and nobody knows it.
    pub suberror: Option<String>,
    /// Claims that a new sign-in must satisfy: JSON in a text. Where they come as an object, its JSON.
    pub claims: Option<String>,
    /// Entra's id of the answer.
    pub trace_id: Option<String>,
    /// The id of the request.
    pub correlation_id: Option<String>,
    /// Entra's time, `YYYY-MM-DD HH:MM:SSZ`.
    pub timestamp: Option<String>,
}

impl<'de> Deserialize<'de> for ErrorBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = ErrorBody;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an error answer as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ErrorBody, A::Error> {
        let mut body = ErrorBody::default();
        while let Some(name) = map.next_key::<String>()? {
            let field = match name.as_str() {
                "error" | "error_description" | "error_codes" | "suberror" | "claims" | "trace_id" | "correlation_id" | "timestamp" => {
                    map.next_value_seed(Depth(0))?
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            match name.as_str() {
                "error" => body.error = field.text().unwrap_or_default(),
                "error_description" => body.error_description = field.text(),
                "error_codes" => body.error_codes = field.numbers(),
                "suberror" => body.suberror = field.text_or_json(),
                "claims" => body.claims = field.object(),
                "trace_id" => body.trace_id = field.text(),
                "correlation_id" => body.correlation_id = field.text(),
                _ => body.timestamp = field.text(),
            }
        }
        Ok(body)
    }
}

/// A field, of whatever kind it turned out to be.
#[derive(Debug, Clone, PartialEq)]
enum Loose {
    Null,
    /// A number or a truth value, as JSON writes it.
    Bare(String),
    Text(String),
    List(Vec<Loose>),
    Object(Vec<(String, Loose)>),
    /// Deeper or longer than is read.
    TooMuch,
}

impl Loose {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn text_or_json(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            other => Some(other.json().unwrap_or_else(|| "unreadable".to_owned())),
        }
    }

    /// A text, or the JSON of an object that was read whole.
    fn object(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Object(_) => self.json(),
            _ => None,
        }
    }

    fn numbers(self) -> Vec<u32> {
        match self {
            Self::List(entries) => entries.iter().filter_map(Self::number).collect(),
            single => single.number().into_iter().collect(),
        }
    }

    fn number(&self) -> Option<u32> {
        let (Self::Bare(text) | Self::Text(text)) = self else { return None };
        let digits = text.trim().trim_start_matches("AADSTS");
        digits.parse().ok().filter(|number| *number > 0)
    }

    /// The JSON that was read; nothing where some of it was left out.
    fn json(&self) -> Option<String> {
        let joined = |parts: Option<Vec<String>>| parts.map(|parts| parts.join(","));
        match self {
            Self::Null => Some("null".to_owned()),
            Self::Bare(text) => Some(text.clone()),
            Self::Text(text) => Some(quoted(text)),
            Self::List(entries) => joined(entries.iter().map(Self::json).collect()).map(|inner| format!("[{inner}]")),
            Self::Object(entries) => {
                let pair = |(name, value): &(String, Self)| value.json().map(|value| format!("{}:{value}", quoted(name)));
                joined(entries.iter().map(pair).collect()).map(|inner| format!("{{{inner}}}"))
            }
            Self::TooMuch => None,
        }
    }
}

/// A JSON string. Source: RFC 8259 section 7.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|letter| match letter {
        '"' | '\\' => format!("\\{letter}"),
        control if control < ' ' => format!("\\u{:04x}", u32::from(control)),
        other => other.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Reads a [`Loose`] value at this depth.
#[derive(Clone, Copy)]
struct Depth(usize);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Loose;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose, D::Error> {
        if self.0 > DEPTH_MAX {
            return IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Loose::TooMuch);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Loose;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Loose, E> {
        Ok(Loose::Bare(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Loose, E> {
        Ok(Loose::Bare(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Loose, E> {
        Ok(Loose::Bare(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Loose, E> {
        Ok(Loose::Bare(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose::Text(value.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element_seed(Depth(self.0 + 1))? {
            entries.push(entry);
            if entries.len() > ENTRIES_MAX {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Loose::TooMuch);
            }
        }
        Ok(Loose::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            entries.push((name, map.next_value_seed(Depth(self.0 + 1))?));
            if entries.len() > ENTRIES_MAX {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Loose::TooMuch);
            }
        }
        Ok(Loose::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(field: &str, value: &Value) -> ErrorBody {
        serde_json::from_value(json!({"error": "invalid_grant", field: value})).unwrap()
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (value, expected) in [
            (json!([50173, 70008]), vec![50173, 70008]),
            (json!(["50173"]), vec![50173]),
            (json!([" AADSTS50173 "]), vec![50173]),
            (json!([50173.0]), vec![50173]),
            (json!(50173), vec![50173]),
            (json!("50173"), vec![50173]),
            (json!([1, -1, 0, 1.5, true, null, "many", [50173], {"code": 50173}, 99_999_999_999_u64]), vec![1]),
            (json!({"0": 50173}), vec![]),
            (json!(null), vec![]),
        ] {
            assert_eq!(read("error_codes", &value).error_codes, expected, "{value}");
        }
    }

    #[test]
    fn a_field_of_the_wrong_kind_leaves_the_others_readable() {
        for field in ["error_description", "error_codes", "claims", "trace_id", "correlation_id", "timestamp", "error_uri"] {
            for value in [json!(null), json!(1.5), json!(true), json!([[]]), json!({"a": {"b": [1]}})] {
                let body = ErrorBody { claims: None, ..read(field, &value) };
                assert_eq!(body, ErrorBody { error: "invalid_grant".to_owned(), ..ErrorBody::default() }, "{field} {value}");
            }
        }
        assert_eq!(read("error", &json!({"code": "invalid_grant"})).error, "", "an object is no error word");
    }

    #[test]
    fn a_suberror_of_the_wrong_kind_is_still_one() {
        for (value, expected) in [
            (json!(null), None),
            (json!("bad_token"), Some("bad_token")),
            (json!(["bad_token"]), Some("[\"bad_token\"]")),
            (json!(7), Some("7")),
        ] {
            assert_eq!(read("suberror", &value).suberror.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn claims_are_passed_on_as_they_came_or_as_the_json_of_their_object() {
        let claims = json!({"access_token": {"capolids": {"essential": true, "values": ["5da4a2f0-46b9-4a8b-a41b-0f7b5d2bbd31"]}}});
        assert_eq!(read("claims", &json!(claims.to_string())).claims, Some(claims.to_string()));
        let written = read("claims", &claims).claims.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), claims);
        let long: Value = (0..100).map(|number| (number.to_string(), json!(number))).collect::<serde_json::Map<_, _>>().into();
        assert_eq!(read("claims", &json!({"too": long})).claims, None, "half of a claim is none");
    }

    #[test]
    fn depth_and_length_do_not_make_a_body_unreadable() {
        let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
        let many = format!("[{}50173]", "1,".repeat(100_000));
        for field in ["error_codes", "claims", "suberror", "error_description", "anything"] {
            for value in [deep(20), deep(50_000), many.clone(), format!("{{\"a\":{}}}", deep(50_000))] {
                let text = format!(r#"{{"{field}":{value},"error":"invalid_grant"}}"#);
                let body: ErrorBody = serde_json::from_str(&text).unwrap();
                assert_eq!(body.error, "invalid_grant", "{field}");
            }
        }
    }

    #[test]
    fn what_is_no_object_is_no_body() {
        for text in ["", "null", "[]", "\"invalid_grant\"", "7", "<html>", "{\"error\":\"invalid_grant\"", "{\"error\":\"\\ud800\"}"] {
            assert!(serde_json::from_str::<ErrorBody>(text).is_err(), "{text}");
        }
        let twice: ErrorBody = serde_json::from_str(r#"{"error":"a","error":"b"}"#).unwrap();
        assert_eq!(twice.error, "b");
    }

    proptest! {
        #[test]
        fn any_text_in_claims_is_written_as_json_again(text in any::<String>(), number in any::<i64>()) {
            let claims = json!({text.clone(): [text, number, null, false]});
            let written = read("claims", &claims).claims.unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), claims);
        }
    }
}
