//! Ids as types: what each looks like, and where it comes from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {bound}")]
pub struct InvalidId {
    what: &'static str,
    bound: &'static str,
}

impl InvalidId {
    /// What it must be.
    #[must_use]
    pub fn bound(&self) -> String {
        format!("must be {}", self.bound)
    }
}

/// Text ids share one shape: 1 to 128 characters of `A-Z a-z 0-9 . _ : @ -`, so that they are safe in keys, URLs and logs.
fn accept(what: &'static str, text: &str) -> Result<(), InvalidId> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "._:@-".contains(c);
    match text.len() {
        1..=128 if text.chars().all(is_safe) => Ok(()),
        _ => Err(InvalidId { what, bound: "1 to 128 characters of A-Z a-z 0-9 . _ : @ -" }),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as it is written in keys and URLs.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                accept($what, text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                accept($what, &text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// One customer's link to one Entra tenant; ours, and the same after every re-consent.
    ConnectionId, "connection id"
}
text_id! {
    /// The operator's own id of one of its customers; opaque to us.
    CustomerId, "customer id"
}
text_id! {
    /// One try to consent, from the click to the verdict.
    AttemptId, "attempt id"
}
text_id! {
    /// One message owed about a change of health.
    NoticeId, "notice id"
}
text_id! {
    /// Somebody, or something, that hears of a customer's connections.
    ContactId, "contact id"
}

impl ConnectionId {
    /// A fresh id out of 16 random bytes: `con-` and 26 characters.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        Self(mint("con", random))
    }
}

impl AttemptId {
    /// A fresh id out of 16 random bytes: `att-` and 26 characters.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        Self(mint("att", random))
    }
}

impl NoticeId {
    /// A fresh id out of 16 random bytes: `not-` and 26 characters.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        Self(mint("not", random))
    }
}

impl ContactId {
    /// A fresh id out of 16 random bytes: `who-` and 26 characters.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        Self(mint("who", random))
    }
}

/// Crockford's base 32: no letters that look like digits, safe in any case. Source: <https://www.crockford.com/base32.html>
pub(crate) fn mint(prefix: &str, random: [u8; 16]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let number = u128::from_be_bytes(random);
    let digits = (0..26).rev().map(|place| {
        let digit = (number >> (place * 5)) & 31;
        char::from(ALPHABET[digit as usize])
    });
    format!("{prefix}-{}", digits.collect::<String>())
}

macro_rules! directory_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = uuid::Uuid))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bound = "a GUID such as 8f7c0d1e-52c4-4f0e-9b5e-3f4c1a2b3c4d";
                text.parse().map(Self).map_err(|_| InvalidId { what: $what, bound })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(out)
            }
        }
    };
}

directory_id! {
    /// An Entra directory. Always the GUID: names and domains of a tenant can change.
    TenantId, "tenant id"
}
directory_id! {
    /// A directory object: a person we sync, or the person who consented. Unique only together with its tenant.
    ObjectId, "object id"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_id_can_be_read_back() {
        let id = ConnectionId::mint([7; 16]);
        assert_eq!(id.as_str().len(), 30);
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn different_chance_gives_different_ids() {
        let mut other = [0; 16];
        other[15] = 1;
        assert_ne!(AttemptId::mint([0; 16]), AttemptId::mint(other));
    }

    #[test]
    fn a_text_that_could_break_a_key_is_refused_with_its_bound() {
        for text in ["", "a b", "a#b", "a/b", &"x".repeat(129)] {
            let refused = text.parse::<CustomerId>().expect_err(text);
            assert!(refused.to_string().starts_with("customer id must be 1 to 128"), "{refused}");
        }
    }
}
