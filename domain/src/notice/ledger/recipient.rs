//! Whom a notice is sent to, and how.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Somebody, or something, that a notice is sent to. Safe in a tag of a mail: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recipient(String);

impl Recipient {
    /// The event bus.
    #[must_use]
    pub fn bus() -> Self {
        Self("bus".to_owned())
    }

    /// A contact of the customer, by its id.
    #[must_use]
    pub fn contact(id: &str) -> Self {
        Self(format!("contact-{id}"))
    }

    /// A person at the operator, by a number made of the address.
    #[must_use]
    pub fn operator(number: u64) -> Self {
        Self(format!("operator-{number:016x}"))
    }

    /// As it was written.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The id of the customer's contact, where it is one.
    #[must_use]
    pub fn contact_id(&self) -> Option<&str> {
        self.0.strip_prefix("contact-")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// How it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// As a mail.
    Mail,
    /// As a signed request.
    Webhook,
    /// As an event on the operator's bus.
    Bus,
}

/// Somebody who is to be told, and from when on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// Who.
    pub recipient: Recipient,
    /// How.
    pub via: Via,
    /// Not before.
    pub at: Timestamp,
}
