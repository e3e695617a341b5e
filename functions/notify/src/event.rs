//! A notice as programs read it: an event on the operator's bus, and a webhook's body.

use adapters::store::ledgers::Matter;
use adapters::store::notices::Notice;
use domain::api::HealthWord;
use domain::diagnosis;
use domain::fleet::{Incident, Trouble};
use domain::ids::{ConnectionId, CustomerId, NoticeId};
use domain::notice::NoticeKind;
use jiff::Timestamp;
use serde::Serialize;

/// The published schema of both, as JSON Schema of draft 2020-12.
pub const SCHEMA: &str = include_str!("../notice-events.schema.json");

/// What kind of event it is.
pub(crate) const KIND: &str = "notice.owed";
/// The version of [`Detail`]. A new field is no new version; a field that goes, or means something else, is.
const VERSION: u32 = 1;

/// What an event says: field by field as in the schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Detail {
    version: u32,
    /// The same at every delivery.
    id: NoticeId,
    kind: NoticeKind,
    owed_at: Timestamp,
    #[serde(flatten)]
    about: About,
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum About {
    Connection(Box<OfConnection>),
    Incident {
        cause: String,
        opened_at: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        ended_at: Option<Timestamp>,
    },
}

/// What is told of a connection. No names, addresses or numbers of Entra's: whoever wants more asks the API, and is asked who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct OfConnection {
    connection: ConnectionId,
    customer: CustomerId,
    health: HealthWord,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
}

/// What a webhook is sent, in the form that Standard Webhooks asks for.
/// Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
#[derive(Debug, Serialize)]
pub(crate) struct Webhook {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: Told,
}

#[derive(Debug, Serialize)]
struct Told {
    /// 0 at first; every other telling is a reminder.
    step: u16,
    #[serde(flatten)]
    detail: Detail,
}

/// What the bus is told; `None` where there is nothing for programs.
pub(crate) fn detail(matter: &Matter) -> Option<Detail> {
    let about = match matter {
        Matter::Connection(notice) => About::Connection(Box::new(of_connection(notice))),
        Matter::Incident(incident) => of_incident(incident),
        Matter::Digest(_) => return None,
    };
    Some(Detail { version: VERSION, id: matter.id(), kind: matter.kind(), owed_at: matter.owed_at(), about })
}

/// What a webhook is told.
pub(crate) fn webhook(matter: &Matter, step: u16) -> Option<Webhook> {
    detail(matter).map(|detail| Webhook { kind: KIND.to_owned(), timestamp: matter.owed_at(), data: Told { step, detail } })
}

fn of_connection(notice: &Notice) -> OfConnection {
    let diagnosis = notice.standing.health.refusal().map(diagnosis::diagnose);
    OfConnection {
        connection: notice.connection.clone(),
        customer: notice.customer.clone(),
        health: notice.standing.health.word(),
        since: notice.standing.since,
        cause: diagnosis.as_ref().map(|diagnosis| diagnosis.cause.clone()),
        headline: diagnosis.map(|diagnosis| diagnosis.headline),
        ends_at: notice.ends_at,
        days_left: notice.days_left,
        contact: notice.contact.clone(),
    }
}

fn of_incident(incident: &Incident) -> About {
    let cause = match &incident.trouble {
        Trouble::Credential => "credential".to_owned(),
        Trouble::Alike(cause) => cause.clone(),
    };
    About::Incident { cause, opened_at: incident.opened_at, ended_at: incident.ended.map(|ended| ended.at) }
}
