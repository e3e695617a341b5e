//! One claim: what is sent to one recipient by its channel.

use adapters::bus::Entry;
use adapters::outbox::{Call, Letter};
use adapters::store::connections::Connection;
use adapters::store::ledgers::{Matter, Owed};
use adapters::store::notices::Notice;
use adapters::vault::{Binding, Purpose, VaultError, open_text};
use domain::api::{Confidence, ForecastView};
use domain::diagnosis;
use domain::fleet::{Incident, Trouble};
use domain::forecast::Forecast;
use domain::notice::NoticeKind;
use domain::notice::audience::{Channel, Contact, Group, Language, MailAddress, WebhookUrl};
use domain::notice::ledger::{Claim, Recipient, Sending};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use crate::Desk;
use crate::event;
use crate::look::Scene;
use crate::mail::{self, News, Occasion, Reader, ReaderKind};

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Whoever was to be told is no contact any more.
    #[error("whoever was to be told is no contact any more")]
    NoContact,
    /// What a webhook is signed with does not open.
    #[error("the secret of the webhook does not open")]
    Opens(#[source] VaultError),
    /// It cannot be written as JSON.
    #[error("the notice cannot be written as JSON")]
    Unspeakable(#[source] serde_json::Error),
}

/// Sends one telling to one recipient.
///
/// # Errors
/// [`SendError`] where nothing was sent.
pub(crate) async fn send(desk: &Desk, scene: &Scene, owed: &Owed, claim: &Claim) -> Result<Sending, SendError> {
    if claim.recipient == Recipient::bus() {
        return publish(desk, owed).await;
    }
    if let Some(address) = scene.operator(&claim.recipient) {
        let letter = letter(desk, (scene, owed), claim, Addressee::Operator(address));
        return Ok(desk.outbox.mail(&letter).await);
    }
    let contact = scene.contact(&claim.recipient).ok_or(SendError::NoContact)?;
    match &contact.channel {
        Channel::Mail { address } => {
            let letter = letter(desk, (scene, owed), claim, Addressee::Contact(contact, address));
            Ok(desk.outbox.mail(&letter).await)
        }
        Channel::Webhook { url } => call(desk, (scene, owed), claim, (contact, url)).await,
    }
}

async fn publish(desk: &Desk, owed: &Owed) -> Result<Sending, SendError> {
    let Some(detail) = event::detail(&owed.matter) else {
        return Ok(Sending::Refused("it is nothing for programs".to_owned()));
    };
    let detail = serde_json::to_string(&detail).map_err(SendError::Unspeakable)?;
    let entry = Entry { kind: event::KIND, time: owed.matter.owed_at(), detail };
    let delivery = desk.bus.publish(std::slice::from_ref(&entry)).await;
    Ok(match (delivery.refused.into_iter().next(), delivery.trouble) {
        (Some(refused), _) => Sending::Refused(refused.why),
        (None, Some(trouble)) => Sending::Again(trouble.to_string()),
        (None, None) => Sending::Taken,
    })
}

async fn call(
    desk: &Desk,
    (scene, owed): (&Scene, &Owed),
    claim: &Claim,
    (contact, url): (&Contact, &WebhookUrl),
) -> Result<Sending, SendError> {
    let Matter::Connection(notice) = &owed.matter else {
        return Err(SendError::NoContact);
    };
    let Some(sealed) = scene.stored.secrets.get(&contact.id) else {
        return Ok(Sending::Again("it has no secret to be signed with".to_owned()));
    };
    let binding = Binding::of_customer(&notice.customer, Purpose::WebhookSecret);
    let secret = open_text(desk.vault.as_ref(), &binding, sealed).await.map_err(SendError::Opens)?;
    let body = serde_json::to_string(&event::webhook(&owed.matter, claim.step)).map_err(SendError::Unspeakable)?;
    let id = format!("{}-{}", notice.id, claim.step);
    Ok(desk.outbox.call(&Call { url: url.clone(), id, secret, at: desk.clock.now(), body }).await)
}

/// To whom a mail goes.
#[derive(Clone, Copy)]
enum Addressee<'a> {
    Operator(&'a MailAddress),
    Contact(&'a Contact, &'a MailAddress),
}

fn letter(desk: &Desk, (scene, owed): (&Scene, &Owed), claim: &Claim, addressee: Addressee<'_>) -> Letter {
    let utc = TimeZone::UTC;
    let (to, reader) = match addressee {
        Addressee::Operator(address) => (address, Reader { kind: ReaderKind::Operator, language: Language::En, zone: &utc, decline: None }),
        Addressee::Contact(contact, address) => {
            let decline = decline(desk, (owed, claim.step), contact);
            let language = scene.stored.audience.language;
            (address, Reader { kind: ReaderKind::Customer, language, zone: &scene.zone, decline })
        }
    };
    let mail = mail::write(&occasion(desk, (scene, owed), claim.step, (reader, &Words::of(scene, &owed.matter, desk.clock.now()))));
    let address = owed.address();
    let tags = vec![
        ("subject", address.subject),
        ("place", address.place),
        ("notice", address.notice),
        ("recipient", claim.recipient.to_string()),
        ("step", claim.step.to_string()),
    ];
    let headers = mail.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Letter { to: to.clone(), subject: mail.subject, text: mail.text, html: mail.html, headers, tags }
}

/// Where one click ends warnings and reminders, where this is one.
fn decline(desk: &Desk, (owed, step): (&Owed, u16), contact: &Contact) -> Option<Url> {
    let Matter::Connection(notice) = &owed.matter else { return None };
    let may = Group::of(notice.kind, step).may_be_declined();
    let mut url = desk.operator.public_url.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "notices", "decline"]);
    url.query_pairs_mut()
        .append_pair("customer", notice.customer.as_str())
        .append_pair("contact", contact.id.as_str())
        .append_pair("key", contact.decline_key.expose());
    may.then_some(url)
}

/// Words that a mail is made of and that stand nowhere as they are.
struct Words {
    diagnosis: domain::api::DiagnosisView,
    forecast: ForecastView,
    days_left: u16,
    stopped_at: Option<Timestamp>,
    cause: String,
    place: String,
}

impl Words {
    fn of(scene: &Scene, matter: &Matter, now: Timestamp) -> Self {
        let (diagnosis, forecast) = match matter {
            Matter::Connection(notice) => (of_notice(notice), forecast(scene.connection.as_ref(), notice)),
            Matter::Incident(_) | Matter::Digest(_) => (diagnosis::diagnose_operator_fault(), no_forecast(matter)),
        };
        let cause = match matter {
            Matter::Incident(Incident { trouble: Trouble::Alike(cause), .. }) => cause.clone(),
            _ => "credential".to_owned(),
        };
        let disabled = match matter {
            Matter::Connection(notice) => notice.contact.as_deref().and_then(|id| scene.contact(&Recipient::contact(id))),
            Matter::Incident(_) | Matter::Digest(_) => None,
        };
        let place = match disabled.map(|contact| &contact.channel) {
            Some(Channel::Webhook { url }) => url.place(),
            _ => "a webhook".to_owned(),
        };
        let expected = scene.connection.as_ref().and_then(|connection| connection.body.forecast.as_ref());
        let days_left = expected.map_or(0, |forecast| forecast.days_left(now));
        Self { diagnosis, forecast, days_left, stopped_at: scene.stopped_at(matter), cause, place }
    }
}

/// The operator reads everything that is known of its own fault, and a customer nothing of it.
fn of_notice(notice: &Notice) -> domain::api::DiagnosisView {
    match (notice.standing.health.refusal(), notice.kind) {
        (Some(refusal), NoticeKind::OperatorFault) => diagnosis::diagnose_for_operator(refusal),
        (Some(refusal), _) => diagnosis::diagnose(refusal),
        (None, _) => diagnosis::diagnose_operator_fault(),
    }
}

/// The forecast as it is now, or what the notice itself says of it.
fn forecast(connection: Option<&Connection>, notice: &Notice) -> ForecastView {
    let now = connection.and_then(|connection| connection.body.forecast.as_ref()).map(Forecast::view);
    now.unwrap_or_else(|| no_forecast(&Matter::Connection(notice.clone())))
}

fn no_forecast(matter: &Matter) -> ForecastView {
    let ends_at = match matter {
        Matter::Connection(notice) => notice.ends_at.unwrap_or(notice.owed_at),
        Matter::Incident(incident) => incident.opened_at,
        Matter::Digest(digest) => digest.owed_at,
    };
    ForecastView { ends_at, confidence: Confidence::Low, reason: String::new(), evidence: Vec::new() }
}

fn occasion<'a>(desk: &'a Desk, (scene, owed): (&'a Scene, &'a Owed), step: u16, (reader, words): (Reader<'a>, &'a Words)) -> Occasion<'a> {
    let tenant = scene.connection.as_ref().and_then(|connection| connection.body.tenant.as_ref());
    Occasion {
        news: match &owed.matter {
            Matter::Connection(notice) => news(scene, notice, words),
            Matter::Incident(incident) => {
                News::Incident { cause: &words.cause, opened_at: incident.opened_at, ended_at: incident.ended.map(|ended| ended.at) }
            }
            Matter::Digest(_) => News::Digest { troubled: &scene.troubled },
        },
        step,
        connection: tenant.and_then(|tenant| tenant.name.as_deref()),
        as_of: scene.walk.as_ref().and_then(|walk| walk.as_of),
        operator: mail::Operator { name: &desk.operator.name, portal: &desk.operator.portal_url },
        reader,
        now: desk.clock.now(),
    }
}

fn news<'a>(scene: &'a Scene, notice: &'a Notice, words: &'a Words) -> News<'a> {
    let (since, at, diagnosis) = (notice.standing.since, notice.owed_at, &words.diagnosis);
    match notice.kind {
        NoticeKind::Dead => News::Dead { diagnosis, since },
        NoticeKind::Suspended => News::Suspended { diagnosis, since },
        NoticeKind::Expiring | NoticeKind::Reminder => News::Expiring { forecast: &words.forecast, days_left: words.days_left },
        NoticeKind::Recovered => News::Recovered { since, stopped_at: words.stopped_at },
        NoticeKind::SwitchedToSpare => {
            let grant = scene.connection.as_ref().and_then(|connection| connection.body.grant.as_ref());
            News::SwitchedToSpare { at, consented_by: grant.and_then(|grant| grant.consenter_name.as_deref()) }
        }
        NoticeKind::SpareLost => News::SpareLost { at },
        NoticeKind::DeletionsHeld => {
            let hold = scene.walk.as_ref().and_then(|walk| walk.hold);
            let (people, of, since) = hold.map_or((0, 0, at), |hold| (hold.people, hold.of, hold.since));
            News::DeletionsHeld { people, of, since }
        }
        NoticeKind::EndpointDisabled => {
            News::EndpointDisabled { place: &words.place, why: notice.why.as_deref().unwrap_or_default(), since: at }
        }
        NoticeKind::NobodyReached => {
            News::NobodyReached { customer: notice.customer.as_str(), health: notice.standing.health.word(), since }
        }
        // Incidents and digests are none of a connection's notices.
        NoticeKind::OperatorFault | NoticeKind::IncidentOpened | NoticeKind::IncidentEnded | NoticeKind::Digest => {
            News::OperatorFault { diagnosis, customer: notice.customer.as_str(), since }
        }
    }
}
