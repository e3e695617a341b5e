//! How things stand when a notice is worked on: whether it is over, and who is told.

use std::collections::BTreeSet;

use adapters::store::StoreError;
use adapters::store::audiences::StoredAudience;
use adapters::store::connections::Connection;
use adapters::store::ledgers::{Matter, Owed};
use adapters::store::notices::Notice;
use adapters::zones;
use domain::ids::ContactId;
use domain::notice::NoticeKind;
use domain::notice::audience::{Channel, Contact, Group, MailAddress, Reach};
use domain::notice::ladder::{self, Circle, End, Situation};
use domain::notice::ledger::{Addressed, Ledger, Recipient, Via};
use domain::schedule;
use domain::walk::Walk;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::mail::Troubled;
use crate::{Desk, digest};

/// How things stand. Of an incident everything but the operator is absent.
pub(crate) struct Scene {
    pub(crate) connection: Option<Connection>,
    pub(crate) walk: Option<Walk>,
    pub(crate) stored: StoredAudience,
    pub(crate) zone: TimeZone,
    /// The connection's latest notices, newest first, this one among them.
    notices: Vec<Owed>,
    operators: Vec<MailAddress>,
    /// Whether another notice tells of the same endpoint already.
    is_told_elsewhere: bool,
    /// What a digest lists.
    pub(crate) troubled: Vec<Troubled>,
}

/// Reads how things stand, and disables the endpoint that this notice says is disabled.
pub(crate) async fn look(desk: &Desk, owed: &Owed) -> Result<Scene, StoreError> {
    let mut scene = Scene {
        connection: None,
        walk: None,
        stored: StoredAudience::default(),
        zone: TimeZone::UTC,
        notices: Vec::new(),
        operators: desk.operator.mails.clone(),
        is_told_elsewhere: false,
        troubled: Vec::new(),
    };
    let notice = match &owed.matter {
        Matter::Connection(notice) => notice,
        Matter::Incident(_) => return Ok(scene),
        Matter::Digest(_) => {
            scene.troubled = digest::troubled(desk).await?;
            return Ok(scene);
        }
    };
    if notice.kind == NoticeKind::EndpointDisabled {
        scene.is_told_elsewhere = !disable(desk, notice).await?;
    }
    let store = &desk.store;
    let (connection, walk, notices, audience) = futures::try_join!(
        store.connection(&notice.connection),
        store.walk(&notice.connection),
        store.owed_of(&notice.connection),
        store.audience(&notice.customer),
    )?;
    scene.zone = zones::rules(&audience.audience.time_zone).unwrap_or(TimeZone::UTC);
    (scene.connection, scene.walk, scene.notices, scene.stored) = (connection, walk.map(|(walk, _)| walk), notices, audience);
    Ok(scene)
}

/// Disables the endpoint that a notice is about, as of the notice; answers whether it is this notice that did.
pub(crate) async fn disable(desk: &Desk, notice: &Notice) -> Result<bool, StoreError> {
    let Some(contact) = notice.contact.as_deref().and_then(|id| id.parse::<ContactId>().ok()) else {
        return Ok(false);
    };
    let (why, at) = (notice.why.clone().unwrap_or_default(), notice.owed_at);
    let disable = |contact: &mut Contact| {
        if !matches!(contact.reach, Reach::Disabled { .. }) {
            contact.disable(&why, at);
        }
    };
    let contact = desk.store.change_contact(&notice.customer, &contact, disable).await?;
    Ok(contact.is_some_and(|contact| matches!(contact.reach, Reach::Disabled { since, .. } if since == at)))
}

/// A person at the operator, as a ledger names one.
pub(crate) fn operator(address: &MailAddress) -> Recipient {
    Recipient::operator(schedule::hash(address.as_str()))
}

impl Scene {
    /// The customer's contact that a recipient is.
    pub(crate) fn contact(&self, recipient: &Recipient) -> Option<&Contact> {
        let id: ContactId = recipient.contact_id()?.parse().ok()?;
        self.stored.audience.contact(&id)
    }

    /// The operator's address that a recipient is.
    pub(crate) fn operator(&self, recipient: &Recipient) -> Option<&MailAddress> {
        self.operators.iter().find(|address| operator(address) == *recipient)
    }

    /// Whether anybody of the customer could be reached, whether they want to or not.
    pub(crate) fn has_reachable_contact(&self) -> bool {
        let can = |contact: &Contact| matches!(contact.reach, Reach::Reachable | Reach::Declined { .. });
        self.stored.audience.contacts.iter().any(can)
    }

    /// Why a notice is told no more, if so.
    pub(crate) fn end(&self, matter: &Matter, ledger: &Ledger) -> Option<End> {
        let (kind, owed_at) = (matter.kind(), matter.owed_at());
        let is_later = |other: &Owed| other.matter.owed_at() > owed_at && ladder::supersedes(other.matter.kind(), kind);
        let hold = self.walk.as_ref().and_then(|walk| walk.hold);
        let situation = Situation {
            health: self.connection.as_ref().map(Connection::health),
            acknowledged_at: self.connection.as_ref().and_then(|connection| connection.acknowledged.as_ref()).map(|word| word.at),
            is_superseded: self.is_told_elsewhere || self.notices.iter().any(is_later),
            holds_deletions: hold.is_some_and(|hold| hold.since <= owed_at),
        };
        let is_untold = kind == NoticeKind::Recovered && self.told_of_trouble(matter).is_empty();
        ladder::end(kind, (owed_at, ledger.is_told()), &situation).or_else(|| is_untold.then_some(End::Untold))
    }

    /// Who is told at this step, by which channel, and from when on.
    pub(crate) fn addressed(&self, matter: &Matter, step: u16, now: Timestamp) -> Vec<Addressed> {
        let kind = matter.kind();
        let quiet = self.stored.audience.quiet_hours.filter(|_| ladder::may_wait(kind, step));
        let at = quiet.map_or(now, |quiet| quiet.earliest(now, &self.zone));
        let mut addressed: Vec<Addressed> = self.contacts(matter, step).map(|contact| told(contact, at)).collect();
        let told = self.told_of_trouble(matter);
        let is_told = |recipient: &Recipient| match ladder::circle(kind) {
            Circle::Customer => false,
            Circle::Operator | Circle::MailAndOperator => true,
            Circle::WhoeverWasTold => told.contains(recipient),
        };
        let operators = self.operators.iter().map(operator).filter(is_told);
        addressed.extend(operators.map(|recipient| Addressed { recipient, via: Via::Mail, at: now }));
        if step == 0 && kind != NoticeKind::Digest {
            addressed.push(Addressed { recipient: Recipient::bus(), via: Via::Bus, at: now });
        }
        addressed
    }

    /// The contacts of the customer who are told.
    fn contacts(&self, matter: &Matter, step: u16) -> impl Iterator<Item = &Contact> + use<'_> {
        let (kind, told) = (matter.kind(), self.told_of_trouble(matter));
        self.stored.audience.hearing(Group::of(kind, 0)).filter(move |contact| {
            let is_mail = matches!(contact.channel, Channel::Mail { .. });
            let is_meant = match ladder::circle(kind) {
                Circle::Customer => true,
                Circle::MailAndOperator => is_mail,
                Circle::Operator => false,
                Circle::WhoeverWasTold => told.contains(&Recipient::contact(contact.id.as_str())),
            };
            is_meant && (step == 0 || contact.hears(Group::Reminders))
        })
    }

    /// The notices before this one, newest first.
    fn before(&self, matter: &Matter) -> impl Iterator<Item = &Owed> + use<'_> {
        let (id, owed_at) = (matter.id(), matter.owed_at());
        self.notices.iter().filter(move |owed| owed.matter.owed_at() <= owed_at && owed.matter.id() != id)
    }

    /// Who was told of the trouble before this notice, since the last time that it was over.
    fn told_of_trouble(&self, matter: &Matter) -> BTreeSet<Recipient> {
        let before = self.before(matter).filter(|owed| ladder::is_about_health(owed.matter.kind()));
        let trouble = before.take_while(|owed| owed.matter.kind() != NoticeKind::Recovered);
        trouble.flat_map(|owed| owed.ledger.told().cloned().collect::<Vec<_>>()).collect()
    }

    /// When the trouble began of which this is the end.
    pub(crate) fn stopped_at(&self, matter: &Matter) -> Option<Timestamp> {
        let stops = |kind| matches!(kind, NoticeKind::Dead | NoticeKind::Suspended | NoticeKind::OperatorFault);
        let trouble = self.before(matter).take_while(|owed| owed.matter.kind() != NoticeKind::Recovered);
        trouble.filter(|owed| stops(owed.matter.kind())).map(|owed| owed.matter.owed_at()).last()
    }
}

fn told(contact: &Contact, at: Timestamp) -> Addressed {
    let via = match contact.channel {
        Channel::Mail { .. } => Via::Mail,
        Channel::Webhook { .. } => Via::Webhook,
    };
    Addressed { recipient: Recipient::contact(contact.id.as_str()), via, at }
}
