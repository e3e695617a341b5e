//! One contact: how it is reached, what it wants, and whether it can be reached.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Group, MailAddress, WebhookUrl};
use crate::ids::{ContactId, mint};

/// The longest reason that is kept, in characters.
pub const WHY_CHARS_MAX: usize = 300;

/// Somebody, or something, that hears of a customer's connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The same as long as it is a contact.
    pub id: ContactId,
    /// How it is reached.
    pub channel: Channel,
    /// Which notices it wants; at least one group.
    pub kinds: BTreeSet<Group>,
    /// Proves that one click that declines came out of a mail to this contact.
    pub decline_key: DeclineKey,
    /// Whether it can be reached.
    pub reach: Reach,
}

/// How a contact is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Channel {
    /// By mail.
    Mail {
        /// To whom.
        address: MailAddress,
    },
    /// By a signed webhook. What it is signed with is kept beside the audience, sealed.
    Webhook {
        /// Where to.
        url: WebhookUrl,
    },
}

/// Whether a contact can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Reach {
    /// As far as is known.
    Reachable,
    /// A mail came back for good, or was complained about.
    Unreachable {
        /// Why, in a sentence.
        why: String,
        /// Since when.
        since: Timestamp,
    },
    /// A webhook failed again and again.
    Disabled {
        /// Why, in a sentence.
        why: String,
        /// Since when.
        since: Timestamp,
    },
    /// By its own word it wants no more warnings and reminders. It still hears of deaths and recoveries.
    Declined {
        /// Since when.
        since: Timestamp,
    },
}

impl Contact {
    /// Whether this contact is told of this group now.
    #[must_use]
    pub fn hears(&self, group: Group) -> bool {
        let can = match self.reach {
            Reach::Reachable => true,
            Reach::Declined { .. } => !group.may_be_declined(),
            Reach::Unreachable { .. } | Reach::Disabled { .. } => false,
        };
        can && self.kinds.contains(&group)
    }

    /// A mail to it came back for good.
    pub fn lose(&mut self, why: &str, now: Timestamp) {
        self.reach = Reach::Unreachable { why: cut(why), since: now };
    }

    /// Its endpoint failed too often.
    pub fn disable(&mut self, why: &str, now: Timestamp) {
        self.reach = Reach::Disabled { why: cut(why), since: now };
    }

    /// It wants no more warnings and reminders. That it cannot be reached stays known.
    pub fn decline(&mut self, now: Timestamp) {
        if self.reach == Reach::Reachable {
            self.reach = Reach::Declined { since: now };
        }
    }

    /// It is tried, and told everything it wants, from now on.
    pub fn enable(&mut self) {
        self.reach = Reach::Reachable;
    }
}

/// What is kept of a reason: it comes from outside, so its length is bounded and it is one line.
fn cut(why: &str) -> String {
    why.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(WHY_CHARS_MAX).collect()
}

/// What a link in a mail must hold to decline for its reader. It opens nothing else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeclineKey(String);

impl DeclineKey {
    /// A fresh key out of 16 random bytes.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        Self(mint("key", random))
    }

    /// The key as a link shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a text is this key. It takes as long for every text of this length.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let differ = |sum: u8, (ours, theirs): (u8, u8)| sum | (ours ^ theirs);
        self.0.len() == text.len() && self.0.bytes().zip(text.bytes()).fold(0, differ) == 0
    }
}

impl fmt::Debug for DeclineKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DeclineKey(…)")
    }
}
