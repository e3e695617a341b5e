//! What became of a notice: to whom it was sent, what nobody knows yet, and when something is due next.
//!
//! ```text
//!          claim                send                 settle
//! due ──────────────► claimed ────────► (channel) ───────────► sent ──► failed, when it bounces
//!  ▲                     │                    │
//!  │  try again          │ nobody settled it  └── refused for good, or failed for a day ──► failed
//!  └─────────────────────┴── a channel that knows the id: soon. Mail: only when SES told of nothing within a quarter of an hour
//! ```
//! A claim is written before anything is sent, so that whoever dies in between leaves a trace. What it left unclear is sent again under the
//! same id where the channel tells the double from the first, which webhooks and the bus do. Mail has no such id: SES itself tells what it
//! took, and its word settles the claim.

mod recipient;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::NoticeKind;
use super::ladder::{self, End};
use crate::ids::NoticeId;

pub use recipient::{Addressed, Recipient, Via};

/// So long a claim stands before it is looked at again, where the channel knows a double.
pub const CLAIM: SignedDuration = SignedDuration::from_mins(3);
/// So long SES has to tell what became of a mail whose claim nobody settled.
pub const MAIL_CLAIM: SignedDuration = SignedDuration::from_mins(15);
/// So long a channel that fails is tried.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// Waits after the first, second, ... failure; the last one for each later failure.
const WAITS: [SignedDuration; 8] = [
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(4),
    SignedDuration::from_hours(6),
];

/// Where it stands with one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    via: Via,
    stand: Stand,
    /// How often it was tried.
    #[serde(default)]
    tries: u16,
    /// When it was first tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Stand {
    /// To be sent.
    Due {
        /// Not before.
        at: Timestamp,
    },
    /// Somebody is sending it, or died with it.
    Claimed {
        /// Since when.
        at: Timestamp,
    },
    /// The channel took it.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// It cannot be sent.
    Failed {
        /// Since when.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

/// A telling that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// Which it is: 0 is the first, every other one a reminder.
    pub step: u16,
    /// The last step of the ladder that it stands for: what was missed is not made up for.
    pub passes: u16,
}

/// The right to send one notice to one recipient, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// To whom.
    pub recipient: Recipient,
    /// How.
    pub via: Via,
    /// Which telling.
    pub step: u16,
}

/// What sending came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// The channel took it.
    Taken,
    /// Nobody knows: the answer is missing.
    Unclear,
    /// The channel did not take it now.
    Again(String),
    /// The channel will never take this.
    Refused(String),
    /// The endpoint is gone for good, and says so.
    Gone(String),
}

/// What a channel tells afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It took it.
    Accepted,
    /// It could not bring it there.
    Failed(String),
    /// It cannot bring anything there any more: later tellings fail with this one.
    Lost(String),
}

/// What follows from settling a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing more.
    Noted,
    /// The endpoint failed for good, or for too long: it is called no more.
    EndpointFails,
}

/// When and why a notice is told no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: End,
}

/// The ledger of one notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Which notice.
    pub of: NoticeId,
    /// The telling that the lines are about; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<u16>,
    /// The last step of the ladder that it stands for.
    #[serde(default)]
    passed: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    lines: BTreeMap<Recipient, Line>,
    /// Whoever was told in any step.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    told: BTreeSet<Recipient>,
    /// Since when it is known that nobody of the customer was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nobody_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn begin(of: NoticeId) -> Self {
        Self { of, step: None, passed: 0, lines: BTreeMap::new(), told: BTreeSet::new(), nobody_at: None, ended: None }
    }

    /// Whoever was told in any step, the bus left out.
    pub fn told(&self) -> impl Iterator<Item = &Recipient> {
        self.told.iter().filter(|recipient| **recipient != Recipient::bus())
    }

    /// Whether everything of one telling at least is settled.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.step.is_some_and(|step| step > 0 || self.is_settled())
    }

    /// When and why it ended.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Where each recipient of the telling under way stands, for whoever looks into it.
    pub fn lines(&self) -> impl Iterator<Item = (&Recipient, &Stand)> {
        self.lines.iter().map(|(recipient, line)| (recipient, &line.stand))
    }

    /// Ends it, unless it has ended: no person is told any more, and what is under way to one is not waited for. The bus is told all the
    /// same, once.
    pub fn end(&mut self, why: End, now: Timestamp) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(Ended { at: now, why });
        if self.step.is_none() {
            self.open(Telling { step: 0, passes: 0 }, vec![Addressed { recipient: Recipient::bus(), via: Via::Bus, at: now }]);
        }
        self.lines.retain(|_, line| line.via == Via::Bus || line.due_at().is_none());
    }

    /// Which telling is to be begun now, if any: the one under way is settled, and the next one is due.
    #[must_use]
    pub fn begins(&self, kind: NoticeKind, owed_at: Timestamp, now: Timestamp) -> Option<Telling> {
        let may_begin = self.ended.is_none() && self.is_settled();
        let passes = ladder::step_at(kind, owed_at, self.next_step(), now).filter(|_| may_begin)?;
        // However late the first telling is, it is the first.
        Some(Telling { step: self.step.map_or(0, |_| passes), passes })
    }

    /// Begins a telling, to these recipients.
    pub fn open(&mut self, telling: Telling, addressed: Vec<Addressed>) {
        (self.step, self.passed) = (Some(telling.step), telling.passes);
        let line = |one: Addressed| (one.recipient, Line { via: one.via, stand: Stand::Due { at: one.at }, tries: 0, since: None });
        self.lines = addressed.into_iter().map(line).collect();
    }

    /// Claims whatever is due, and whatever others claimed and never settled.
    pub fn claim(&mut self, now: Timestamp) -> Vec<Claim> {
        let Some(step) = self.step else {
            return Vec::new();
        };
        let mut claims = Vec::new();
        for (recipient, line) in &mut self.lines {
            if line.due_at().is_none_or(|at| at > now) {
                continue;
            }
            if line.has_lasted(now) && matches!(line.stand, Stand::Claimed { .. }) {
                line.stand = Stand::Failed { at: now, why: "it was tried for a day, and nobody knows what became of it".to_owned() };
                continue;
            }
            line.stand = Stand::Claimed { at: now };
            line.tries = line.tries.saturating_add(1);
            line.since.get_or_insert(now);
            claims.push(Claim { recipient: recipient.clone(), via: line.via, step });
        }
        claims
    }

    /// Notes what sending came to; `chance` spreads the next try. What the channel told meanwhile stands.
    pub fn settle(&mut self, claim: &Claim, sending: Sending, now: Timestamp, chance: u8) -> Settled {
        if self.step != Some(claim.step) {
            return Settled::Noted;
        }
        let Some(line) = self.lines.get_mut(&claim.recipient).filter(|line| matches!(line.stand, Stand::Claimed { .. })) else {
            return Settled::Noted;
        };
        match sending {
            Sending::Unclear => {}
            Sending::Taken => {
                line.stand = Stand::Sent { at: now };
                self.told.insert(claim.recipient.clone());
            }
            Sending::Again(_) if !line.has_lasted(now) => line.stand = Stand::Due { at: line.again_at(now, chance) },
            Sending::Refused(why) => line.stand = Stand::Failed { at: now, why },
            Sending::Again(why) | Sending::Gone(why) => {
                line.stand = Stand::Failed { at: now, why };
                if claim.via == Via::Webhook {
                    return Settled::EndpointFails;
                }
            }
        }
        Settled::Noted
    }

    /// Notes what the channel tells of a telling. Late words about an earlier one change nothing here, nor does any word said twice.
    pub fn learn(&mut self, (recipient, step): (&Recipient, u16), outcome: &Outcome, now: Timestamp) {
        if self.step < Some(step) {
            return;
        }
        let is_meant = self.step == Some(step) || matches!(outcome, Outcome::Lost(_));
        let line = self.lines.get_mut(recipient).filter(|_| is_meant);
        match (outcome, line) {
            (Outcome::Accepted, Some(Line { stand: Stand::Failed { .. }, .. })) => {}
            (Outcome::Accepted, line) => {
                if let Some(line) = line.filter(|line| !matches!(line.stand, Stand::Sent { .. })) {
                    line.stand = Stand::Sent { at: now };
                }
                self.told.insert(recipient.clone());
            }
            (Outcome::Failed(why) | Outcome::Lost(why), line) => {
                if let Some(line) = line.filter(|line| !matches!(line.stand, Stand::Failed { .. })) {
                    line.stand = Stand::Failed { at: now, why: why.clone() };
                }
                self.told.remove(recipient);
            }
        }
    }

    /// Whether the telling under way is to any contact of the customer.
    #[must_use]
    pub fn addresses_customers(&self) -> bool {
        self.lines.keys().any(|recipient| recipient.contact_id().is_some())
    }

    /// Whether it turns out now that nobody of the customer was reached, neither by this telling nor by an earlier one; answers so once.
    pub fn misses_everybody(&mut self, now: Timestamp) -> bool {
        let is_of_customer = |recipient: &Recipient| recipient.contact_id().is_some();
        let mut customers = self.lines.iter().filter(|(recipient, _)| is_of_customer(recipient));
        let is_hopeless = customers.all(|(_, line)| matches!(line.stand, Stand::Failed { .. })) && !self.told.iter().any(is_of_customer);
        let is_missed = self.step.is_some() && self.nobody_at.is_none() && is_hopeless;
        if is_missed {
            self.nobody_at = Some(now);
        }
        is_missed
    }

    /// When something is due next; `None` when nothing is, ever.
    #[must_use]
    pub fn due_at(&self, kind: NoticeKind, owed_at: Timestamp) -> Option<Timestamp> {
        let of_lines = self.lines.values().filter_map(Line::due_at).min();
        of_lines.or_else(|| ladder::due_at(kind, owed_at, self.next_step()).filter(|_| self.ended.is_none()))
    }

    fn is_settled(&self) -> bool {
        self.lines.values().all(|line| line.due_at().is_none())
    }

    fn next_step(&self) -> u16 {
        self.step.map_or(0, |_| self.passed.saturating_add(1))
    }
}

impl Line {
    fn due_at(&self) -> Option<Timestamp> {
        match (&self.stand, self.via) {
            (Stand::Due { at }, _) => Some(*at),
            (Stand::Claimed { at }, Via::Mail) => Some(*at + MAIL_CLAIM),
            (Stand::Claimed { at }, Via::Webhook | Via::Bus) => Some(*at + CLAIM),
            (Stand::Sent { .. } | Stand::Failed { .. }, _) => None,
        }
    }

    fn has_lasted(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) >= PATIENCE)
    }

    /// The wait of the ladder and up to a quarter more, and once more at the very end of patience.
    fn again_at(&self, now: Timestamp, chance: u8) -> Timestamp {
        let wait = WAITS[usize::from(self.tries).saturating_sub(1).min(WAITS.len() - 1)];
        let at = now + wait + wait * i32::from(chance) / 1024;
        self.since.map_or(at, |since| at.min(since + PATIENCE))
    }
}

#[cfg(test)]
mod tests;
