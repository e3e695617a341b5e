//! What SES tells of a mail: it settles claims that nobody settled, and says which addresses are none.
//!
//! Every mail carries tags that name its notice, recipient and telling. What names none of ours, or cannot be read, is parked where it can
//! be seen; nothing else is touched.
//! Sources: <https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html>,
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use std::collections::HashMap;

use adapters::bus::{BusError, Parked};
use adapters::store::StoreError;
use adapters::store::ledgers::{Address, Matter, NoticeKey, Owed, Writer};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use domain::ids::ContactId;
use domain::notice::audience::{Channel, Contact, Reach};
use domain::notice::ledger::{Ledger, Outcome, Recipient};
use serde::Deserialize;

use crate::look::look;
use crate::{Desk, SES, deliver};

/// Why an event could not be served. It comes again.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// The tables failed.
    #[error("the ledger cannot be changed")]
    Store(#[from] StoreError),
    /// It cannot be parked.
    #[error("an event that cannot be read cannot be parked either")]
    Park(#[from] BusError),
}

/// What an event says, as far as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    reject: Option<Reason>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    #[serde(default)]
    destination: Vec<String>,
    #[serde(default)]
    tags: HashMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
}

#[derive(Debug, Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

/// What follows from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// SES took the mail.
    Taken,
    /// It did not arrive; others to the same address may.
    Failed(String),
    /// The address is none, or its owner wants no mail.
    Lost(String),
    /// It says nothing that is asked for.
    Idle,
}

/// Notes what SES tells. An event that is none of ours, or cannot be read, is parked.
///
/// # Errors
/// [`OutcomeError`] where it must come again.
pub async fn learn(desk: &Desk, event: &EventBridgeEvent) -> Result<(), OutcomeError> {
    let read = read(event);
    let (told, word, mail) = match read {
        Ok((_, Word::Idle, _)) => return Ok(()),
        Ok(read) => read,
        Err(why) => return park(desk, event, why).await,
    };
    let key = NoticeKey::at(&mail.address);
    let owed = match &key {
        Some(key) => desk.store.owed(key).await?,
        None => None,
    };
    // An incident's item tells of its end where it told of its begin: words about the begin come too late for it.
    let Some(mut owed) = owed.filter(|owed| owed.matter.id().as_str() == mail.address.notice || matches!(owed.matter, Matter::Incident(_)))
    else {
        return park(desk, event, format!("there is no notice {}", mail.address.notice)).await;
    };
    if owed.matter.id().as_str() != mail.address.notice {
        return Ok(());
    }
    if let Word::Lost(why) = &word {
        lose(desk, &owed, (&mail.recipient, &told.mail.destination), why).await?;
    }
    Box::pin(note(desk, &mut owed, &mail, &word)).await
}

/// What a mail's tags name.
struct Tagged {
    address: Address,
    recipient: Recipient,
    step: u16,
}

fn read(event: &EventBridgeEvent) -> Result<(Told, Word, Tagged), String> {
    let told: Told = serde_json::from_value(event.detail.clone()).map_err(|error| format!("detail cannot be read: {error}"))?;
    let tag = |name: &str| match told.mail.tags.get(name).map(Vec::as_slice) {
        Some([value]) => Ok(value.clone()),
        _ => Err(format!("mail.tags has no {name}: the mail is none of ours")),
    };
    let step = tag("step")?.parse().map_err(|_| "mail.tags.step must be a number".to_owned())?;
    let address = Address { subject: tag("subject")?, place: tag("place")?, notice: tag("notice")? };
    let tagged = Tagged { address, recipient: Recipient::read(&tag("recipient")?), step };
    let word = word(&told)?;
    Ok((told, word, tagged))
}

fn word(told: &Told) -> Result<Word, String> {
    let bounce = || told.bounce.as_ref().map(|bounce| format!("{} {}", bounce.bounce_type, bounce.bounce_sub_type));
    Ok(match told.event_type.as_str() {
        "Send" | "Delivery" => Word::Taken,
        // Only a permanent bounce says that there is no such address.
        "Bounce" => match (bounce(), told.bounce.as_ref().map(|bounce| bounce.bounce_type.as_str())) {
            (Some(what), Some("Permanent")) => Word::Lost(format!("the mail came back: {}", what.trim())),
            (Some(what), _) => Word::Failed(format!("the mail came back: {}", what.trim())),
            (None, _) => return Err("bounce is missing".to_owned()),
        },
        "Complaint" => Word::Lost("somebody there called the mail spam".to_owned()),
        "Reject" => Word::Failed(format!("SES rejected the mail: {}", told.reject.as_ref().map_or("", |reject| &reject.reason))),
        "Rendering Failure" => Word::Failed("SES could not put the mail together".to_owned()),
        "DeliveryDelay" | "Open" | "Click" | "Subscription" => Word::Idle,
        other => return Err(format!("eventType {other:?} is not known")),
    })
}

/// Writes to a contact no more, if it still has the address that the mail went to.
async fn lose(desk: &Desk, owed: &Owed, (recipient, destination): (&Recipient, &[String]), why: &str) -> Result<(), StoreError> {
    let (Matter::Connection(notice), Some(id)) = (&owed.matter, recipient.contact_id().and_then(|id| id.parse::<ContactId>().ok())) else {
        return Ok(());
    };
    let now = desk.clock.now();
    let lose = |contact: &mut Contact| {
        let Channel::Mail { address } = &contact.channel else { return };
        let is_gone = destination.iter().any(|gone| gone.eq_ignore_ascii_case(address.as_str()));
        if is_gone && !matches!(contact.reach, Reach::Unreachable { .. }) {
            contact.lose(why, now);
        }
    };
    let contact = desk.store.change_contact(&notice.customer, &id, lose).await?;
    if contact.is_some_and(|contact| matches!(contact.reach, Reach::Unreachable { since, .. } if since == now)) {
        tracing::warn!(customer = %notice.customer, contact = %id, why, "a contact cannot be reached any more");
    }
    Ok(())
}

async fn note(desk: &Desk, owed: &mut Owed, tagged: &Tagged, word: &Word) -> Result<(), OutcomeError> {
    let outcome = match word {
        Word::Taken => Outcome::Accepted,
        Word::Failed(why) => Outcome::Failed(why.clone()),
        Word::Lost(why) => Outcome::Lost(why.clone()),
        Word::Idle => return Ok(()),
    };
    // Whether nobody is left to be reached is asked only where somebody was not.
    let scene = match outcome {
        Outcome::Accepted => None,
        Outcome::Failed(_) | Outcome::Lost(_) => Some(Box::pin(look(desk, owed)).await?),
    };
    let (matter, now) = (owed.matter.clone(), desk.clock.now());
    let learned = |ledger: &mut Ledger| {
        ledger.learn((&tagged.recipient, tagged.step), &outcome, now);
        let missed = scene.as_ref().and_then(|scene| deliver::missed(scene, &matter, ledger, now));
        ((), missed.into_iter().collect())
    };
    desk.store.amend(owed, Writer::Anybody, learned).await?;
    tracing::info!(notice = %owed.ledger.of, recipient = %tagged.recipient, step = tagged.step, outcome = ?outcome, "mail settled");
    Ok(())
}

async fn park(desk: &Desk, event: &EventBridgeEvent, why: String) -> Result<(), OutcomeError> {
    let id = event.id.clone().unwrap_or_default();
    let key = event.detail_type.clone();
    tracing::error!(event = id, key, why, "what became of a mail cannot be noted; it is parked");
    let parked = Parked { id: id.clone(), stream: SES.to_owned(), sequence_number: id, key, why };
    Ok(desk.bus.park(&parked).await?)
}
