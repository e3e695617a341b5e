//! An audience as somebody wrote it, and what it comes to.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Time;

use super::{Audience, CONTACTS_MAX, Channel, Contact, DeclineKey, Group, InvalidAddress, InvalidZone, Language, Reach, ZoneName};
use crate::attribute::Fault;
use crate::ids::ContactId;
use crate::notice::quiet::QuietHours;

/// An audience as somebody wrote it, not yet looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Who is to hear.
    pub contacts: Vec<DraftContact>,
    /// The name of a time zone.
    pub time_zone: String,
    /// From when until when, as `22:00`.
    pub quiet_hours: Option<(String, String)>,
    /// What mails are written in.
    pub language: Language,
}

/// A contact as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftContact {
    /// Of a contact that is there already, and is kept with what is known of it.
    pub id: Option<ContactId>,
    /// A mail address; this or a webhook.
    pub mail: Option<String>,
    /// The URL of a webhook.
    pub webhook: Option<String>,
    /// What it wants to hear of.
    pub kinds: Vec<Group>,
}

/// Random bytes for one contact that is new: its id, and its key.
pub type Chance = ([u8; 16], [u8; 16]);

/// What a draft comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revised {
    /// The audience from now on.
    pub audience: Audience,
    /// Its webhooks that are new: each needs a secret to sign with.
    pub webhooks: Vec<ContactId>,
}

/// Everything that is wrong with a draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidAudience(Vec<Fault>);

impl InvalidAudience {
    /// Its faults, in the order of the fields; at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for InvalidAudience {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.0.iter().map(|fault| format!("{}: {}", fault.field, fault.bound)).collect();
        out.write_str(&faults.join("; "))
    }
}

impl Audience {
    /// The audience that replaces this one, as a draft wants it. A contact that is kept, at the same address, keeps what is known of it;
    /// at another address it begins anew, because its reader is somebody else. `is_zone` knows which time zones there are, and each
    /// contact of the draft has chance of its own.
    ///
    /// # Errors
    /// [`InvalidAudience`] with everything that is wrong.
    pub fn revise(
        &self,
        draft: Draft,
        is_zone: impl Fn(&ZoneName) -> bool,
        chance: impl FnMut() -> Chance,
    ) -> Result<Revised, InvalidAudience> {
        let mut faults = Vec::new();
        let contacts = self.drafted(&draft.contacts, chance, &mut faults);
        let time_zone = ZoneName::try_from(draft.time_zone).and_then(|name| if is_zone(&name) { Ok(name) } else { Err(InvalidZone) });
        let time_zone = time_zone.unwrap_or_else(|invalid| {
            faults.push(fault("time_zone", invalid));
            ZoneName::utc()
        });
        let quiet_hours = draft.quiet_hours.and_then(|(from, until)| quiet_hours(&from, &until, &mut faults));
        if !faults.is_empty() {
            return Err(InvalidAudience(faults));
        }
        let is_webhook = |contact: &&Contact| matches!(contact.channel, Channel::Webhook { .. });
        let is_new = |contact: &&Contact| self.contact(&contact.id).is_none();
        let webhooks = contacts.iter().filter(is_webhook).filter(is_new).map(|contact| contact.id.clone()).collect();
        Ok(Revised { audience: Self { contacts, time_zone, quiet_hours, language: draft.language }, webhooks })
    }

    fn drafted(&self, drafts: &[DraftContact], mut chance: impl FnMut() -> Chance, faults: &mut Vec<Fault>) -> Vec<Contact> {
        if drafts.len() > CONTACTS_MAX {
            faults.push(fault("contacts", format!("must be at most {CONTACTS_MAX}, not {}", drafts.len())));
            return Vec::new();
        }
        let mut contacts: Vec<Contact> = Vec::new();
        for (place, draft) in drafts.iter().enumerate() {
            match self.contact_of(draft, chance()) {
                Ok(contact) => match is_among(&contact, &contacts) {
                    true => faults.push(fault(&format!("contacts[{place}]"), "must differ in id and address from those before")),
                    false => contacts.push(contact),
                },
                Err((field, bound)) => faults.push(fault(&format!("contacts[{place}].{field}"), bound)),
            }
        }
        contacts
    }

    fn contact_of(&self, draft: &DraftContact, (id, key): Chance) -> Result<Contact, (&'static str, String)> {
        let channel = channel(draft)?;
        let kinds: BTreeSet<Group> = draft.kinds.iter().copied().collect();
        if kinds.is_empty() {
            return Err(("kinds", "must name at least one of deaths, warnings, recoveries, reminders".to_owned()));
        }
        let fresh = |id| Contact {
            id,
            channel: channel.clone(),
            kinds: kinds.clone(),
            decline_key: DeclineKey::mint(key),
            reach: Reach::Reachable,
        };
        let Some(wanted) = &draft.id else {
            return Ok(fresh(ContactId::mint(id)));
        };
        let kept = self.contact(wanted).ok_or(("id", "must be the id of a contact that is there, or be left out".to_owned()))?;
        match (&kept.channel, &channel) {
            (before, after) if before == after => Ok(Contact { kinds, ..kept.clone() }),
            (Channel::Mail { .. }, Channel::Mail { .. }) | (Channel::Webhook { .. }, Channel::Webhook { .. }) => Ok(fresh(kept.id.clone())),
            _ => Err(("id", "must be the id of a contact of the same channel, or be left out".to_owned())),
        }
    }
}

fn is_among(contact: &Contact, others: &[Contact]) -> bool {
    others.iter().any(|other| other.id == contact.id || other.channel == contact.channel)
}

fn channel(draft: &DraftContact) -> Result<Channel, (&'static str, String)> {
    let bound = |InvalidAddress(bound)| bound;
    match (&draft.mail, &draft.webhook) {
        (Some(mail), None) => mail.parse().map(|address| Channel::Mail { address }).map_err(|error| ("mail", bound(error))),
        (None, Some(url)) => url.parse().map(|url| Channel::Webhook { url }).map_err(|error| ("webhook", bound(error))),
        (Some(_), Some(_)) | (None, None) => Err(("mail", "must be given, or webhook instead, and not both".to_owned())),
    }
}

fn quiet_hours(from: &str, until: &str, faults: &mut Vec<Fault>) -> Option<QuietHours> {
    let mut read = |field, text: &str| {
        let clock = clock(text);
        if clock.is_none() {
            faults.push(fault(field, "must be a time of day such as 22:00"));
        }
        clock
    };
    let (from, until) = (read("quiet_hours.from", from), read("quiet_hours.until", until));
    let hours = QuietHours::between(from?, until?);
    hours.map_err(|never| faults.push(fault("quiet_hours.until", never))).ok()
}

/// Hours and minutes, both of two digits.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two =
        |digits: &str| (digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok()).flatten();
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

fn fault(field: &str, bound: impl ToString) -> Fault {
    Fault { field: field.to_owned(), bound: bound.to_string() }
}
