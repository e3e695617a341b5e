//! Who hears of a customer's connections, by which channel, and of what. It is data, which the customer's administrators write.
//!
//! ```text
//! a draft, as somebody wrote it ──┐
//! the audience before it ─────────┴─► revise ──► the audience, or everything that is wrong with the draft
//! a notice's kind and step ──► Group ──► Contact::hears?
//! ```
//! Deaths are told at any hour and cannot be declined by one click; whoever wants none of them does not ask for that group. Addresses are
//! types: what is no address never becomes one, so no line break reaches a mail's header and no webhook leads to a plain address book.
//!
//! Not here: what a webhook is signed with. That is sealed, and kept beside the audience.

mod address;
mod contact;
mod draft;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::NoticeKind;
use super::quiet::QuietHours;
use crate::ids::ContactId;

pub use address::{InvalidAddress, MAIL_BYTES_MAX, MailAddress, URL_BYTES_MAX, WebhookUrl};
pub use contact::{Channel, Contact, DeclineKey, Reach, WHY_CHARS_MAX};
pub use draft::{Chance, Draft, DraftContact, InvalidAudience, Revised};

/// The most contacts of one customer.
pub const CONTACTS_MAX: usize = 20;

/// Who hears of one customer's connections. By default nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// At most [`CONTACTS_MAX`], in the order in which they were written.
    pub contacts: Vec<Contact>,
    /// Whose clock quiet hours go by.
    pub time_zone: ZoneName,
    /// When no reminders come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// What mails are written in.
    pub language: Language,
}

impl Default for Audience {
    fn default() -> Self {
        Self { contacts: Vec::new(), time_zone: ZoneName::utc(), quiet_hours: None, language: Language::En }
    }
}

impl Audience {
    /// The contact with this id.
    #[must_use]
    pub fn contact(&self, id: &ContactId) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.id == *id)
    }

    /// The contact with this id, to be changed.
    pub fn contact_mut(&mut self, id: &ContactId) -> Option<&mut Contact> {
        self.contacts.iter_mut().find(|contact| contact.id == *id)
    }

    /// Those who hear of this group now.
    pub fn hearing(&self, group: Group) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().filter(move |contact| contact.hears(group))
    }
}

/// Notices that a contact wants, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = NoticeGroup))]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// A connection has stopped, for now or for good.
    Deaths,
    /// A connection will stop, lost its reserve, or waits for somebody's word.
    Warnings,
    /// A connection works again.
    Recoveries,
    /// What was told before still stands.
    Reminders,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::Deaths, Self::Warnings, Self::Recoveries, Self::Reminders];

    /// The group of a notice, at a step of its ladder: told again, it is a reminder.
    #[must_use]
    pub fn of(kind: NoticeKind, step: u16) -> Self {
        match kind {
            _ if step > 0 => Self::Reminders,
            NoticeKind::Dead | NoticeKind::Suspended | NoticeKind::OperatorFault => Self::Deaths,
            // The operator's own: no contact is ever asked whether it wants them.
            NoticeKind::NobodyReached | NoticeKind::IncidentOpened | NoticeKind::IncidentEnded | NoticeKind::Digest => Self::Deaths,
            // A later rung of the forecast's own ladder: the end has come nearer, and that is news.
            NoticeKind::Expiring
            | NoticeKind::Reminder
            | NoticeKind::SpareLost
            | NoticeKind::SwitchedToSpare
            | NoticeKind::DeletionsHeld
            | NoticeKind::EndpointDisabled => Self::Warnings,
            NoticeKind::Recovered => Self::Recoveries,
        }
    }

    /// Whether one click in a mail ends it. Source: RFC 8058 section 3
    #[must_use]
    pub fn may_be_declined(self) -> bool {
        matches!(self, Self::Warnings | Self::Reminders)
    }
}

/// What a mail is written in: one of the widget's languages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English.
    #[default]
    En,
}

impl Language {
    /// Its tag. Source: RFC 5646 section 2.1
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
        }
    }
}

/// The name of a time zone, such as `Europe/Berlin`. That it is spelled like one is all that is known here; whether there is such a zone
/// is for whoever holds the data. Source: <https://data.iana.org/time-zones/theory.html> (section "Timezone identifiers")
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName(String);

/// The longest name of a time zone, in bytes; the longest there is has 32.
const ZONE_BYTES_MAX: usize = 64;

/// Why a text is no name of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a time zone such as Europe/Berlin")]
pub struct InvalidZone;

impl ZoneName {
    /// Universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ZoneName {
    type Error = InvalidZone;
    fn try_from(text: String) -> Result<Self, InvalidZone> {
        let is_part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic())
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "_+-".contains(letter))
        };
        match text.len() <= ZONE_BYTES_MAX && text.split('/').all(is_part) {
            true => Ok(Self(text)),
            false => Err(InvalidZone),
        }
    }
}

impl From<ZoneName> for String {
    fn from(name: ZoneName) -> Self {
        name.0
    }
}
