//! Who hears of a customer's connections.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ContactId;
use crate::notice::audience::{Audience, Channel, Contact, Draft, DraftContact, Group, Language, Reach, ZoneName};
use crate::notice::quiet::QuietHours;

/// Who hears of a customer's connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AudienceView {
    /// Who hears, in the order in which they were written.
    pub contacts: Vec<ContactView>,
    /// Whose clock quiet hours and the times in mails go by, as a name of the IANA time zone database.
    pub time_zone: String,
    /// When no reminders come; absent where they may at any time. Deaths and first warnings come at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHoursView>,
    /// What mails are written in.
    pub language: Language,
}

/// Hours of the day in which no reminders come; over midnight where `until` is earlier than `from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuietHoursView {
    /// When they begin, such as `22:00`.
    pub from: String,
    /// When they are over, such as `07:00`.
    pub until: String,
}

/// Somebody, or something, that hears of a customer's connections: by mail or by webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactView {
    /// The contact.
    pub id: ContactId,
    /// Its mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// The URL of its webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Which notices it wants.
    pub kinds: Vec<Group>,
    /// Whether it can be reached.
    pub state: ReachWord,
    /// Why it cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_why: Option<String>,
    /// Since when the state is what it is, unless it is `reachable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_since: Option<Timestamp>,
}

/// Whether a contact can be reached, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReachWord {
    /// As far as is known.
    Reachable,
    /// A mail came back for good, or was complained about; nothing is sent any more.
    Unreachable,
    /// The webhook failed for too long; it is called no more.
    Disabled,
    /// By its own click it wants no more warnings and reminders; it still hears of deaths and recoveries.
    Declined,
}

/// Replaces who hears of a customer's connections; all of it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplaceAudience {
    /// Who is to hear: at most 20. A contact that is there already is kept by its `id`.
    pub contacts: Vec<WriteContact>,
    /// Whose clock it goes by, as a name of the IANA time zone database.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// When no reminders come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHoursView>,
    /// What mails are written in.
    #[serde(default)]
    pub language: Language,
}

/// A contact as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WriteContact {
    /// Of a contact that is there already; left out for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ContactId>,
    /// A mail address; this or `webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// The https URL of a webhook at a public address, on port 443 or from 1024 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Which notices it wants; at least one.
    pub kinds: Vec<Group>,
}

/// An audience after it was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplacedAudience {
    /// Who hears from now on.
    #[serde(flatten)]
    pub audience: AudienceView,
    /// What the webhooks that are new are signed with. It is never told again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<WebhookSecretView>,
}

/// What a webhook is signed with, as the Standard Webhooks libraries read it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookSecretView {
    /// Whose.
    pub contact: ContactId,
    /// The secret: `whsec_` and base64.
    pub secret: String,
}

/// No log may show it.
impl std::fmt::Debug for WebhookSecretView {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "WebhookSecretView({}, …)", self.contact)
    }
}

fn utc() -> String {
    ZoneName::utc().into()
}

impl From<ReplaceAudience> for Draft {
    fn from(asked: ReplaceAudience) -> Self {
        let contact = |WriteContact { id, mail, webhook, kinds }: WriteContact| DraftContact { id, mail, webhook, kinds };
        Self {
            contacts: asked.contacts.into_iter().map(contact).collect(),
            time_zone: asked.time_zone,
            quiet_hours: asked.quiet_hours.map(|hours| (hours.from, hours.until)),
            language: asked.language,
        }
    }
}

impl From<&Audience> for AudienceView {
    fn from(audience: &Audience) -> Self {
        Self {
            contacts: audience.contacts.iter().map(ContactView::from).collect(),
            time_zone: audience.time_zone.clone().into(),
            quiet_hours: audience.quiet_hours.as_ref().map(QuietHoursView::from),
            language: audience.language,
        }
    }
}

impl From<&QuietHours> for QuietHoursView {
    fn from(hours: &QuietHours) -> Self {
        let clock = |time: jiff::civil::Time| format!("{:02}:{:02}", time.hour(), time.minute());
        Self { from: clock(hours.begin()), until: clock(hours.end()) }
    }
}

impl From<&Contact> for ContactView {
    fn from(contact: &Contact) -> Self {
        let (mail, webhook) = match &contact.channel {
            Channel::Mail { address } => (Some(address.as_str().to_owned()), None),
            Channel::Webhook { url } => (None, Some(url.as_url().to_string())),
        };
        let (state, state_why, state_since) = match &contact.reach {
            Reach::Reachable => (ReachWord::Reachable, None, None),
            Reach::Unreachable { why, since } => (ReachWord::Unreachable, Some(why.clone()), Some(*since)),
            Reach::Disabled { why, since } => (ReachWord::Disabled, Some(why.clone()), Some(*since)),
            Reach::Declined { since } => (ReachWord::Declined, None, Some(*since)),
        };
        Self { id: contact.id.clone(), mail, webhook, kinds: contact.kinds.iter().copied().collect(), state, state_why, state_since }
    }
}
