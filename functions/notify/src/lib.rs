//! Delivers the notices that are owed: mail, signed webhooks, the event bus.
//!
//! ```text
//! EventBridge tick ─► due notices of each shard ─► take its lease ─► look: is it over? who is told? ─► claim ─► send ─► settle
//! SES's own events ─► which notice, to whom, which telling ─► its ledger; an address that came back is written to no more
//! ```
//! A notice is owed by the write that changed health, and its item keeps a ledger of what became of it: see `domain::notice::ledger` for why
//! each telling reaches each recipient once, however often a handler runs, is overtaken or dies, and `domain::notice::ladder` for who is
//! told how often. The bus gets every notice once, by `notice-events.schema.json` beside this crate's manifest, and a webhook the same.
//!
//! **What a channel does not know.** Webhooks and bus are sent a double under the same id. SES knows no double, so a mail whose sending
//! nobody settled waits a quarter of an hour for SES's own event, and is sent again only without one. SES publishes its events by best
//! effort: where the sender died in that moment and the event is lost as well, the mail comes twice rather than never.
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html>
//!
//! **Nobody is left out in silence.** A notice that reaches nobody of a customer is told to the operator, and so is a webhook that is called
//! no more. Each follows from its parent's ledger in the same write, under an id made of the parent's.
//!
//! Deliberately absent: Entra, Graph and whatever opens a grant; queues: what fails is due again in the table.
//!
//! To add a notice: a kind in `domain::notice`, its circle in `ladder`, its words in [`mail`], its place in the schema, a story. To add a
//! channel: a variant of `ledger::Via`, its arm in `send`, the statement of this function's role.

mod deliver;
mod digest;
mod event;
mod look;
pub mod mail;
mod outcome;
mod send;
pub mod settings;

use std::sync::Arc;

use adapters::bus::Bus;
use adapters::clock::Clock;
use adapters::entropy::Entropy;
use adapters::outbox::Outbox;
use adapters::store::{Store, StoreError};
use adapters::vault::Vault;
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use domain::notice::audience::MailAddress;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use url::Url;

pub use event::SCHEMA;
pub use outcome::{OutcomeError, learn};

/// Due notices taken of one shard in one tick. What is left is first in the next tick.
const PER_SHARD_MAX: i32 = 50;
/// Notices worked on at a time.
const IN_FLIGHT: usize = 8;
/// So long before the invocation's end no notice is begun: a lease, and with it the deadlines of every send.
const SPARE: SignedDuration = SignedDuration::from_secs(50);
/// What SES calls itself on the bus.
const SES: &str = "aws.ses";

/// Everything that a delivery works with.
#[derive(Clone)]
pub struct Desk {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Notices, connections, and who hears of them.
    pub store: Store,
    /// Opens what webhooks are signed with.
    pub vault: Arc<dyn Vault>,
    /// Mails and webhooks.
    pub outbox: Arc<dyn Outbox>,
    /// Events.
    pub bus: Arc<dyn Bus>,
    /// In whose name it is told.
    pub operator: Operator,
}

/// The operator, as far as notices name it.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Its name.
    pub name: String,
    /// Its people who are told what is theirs to repair.
    pub mails: Vec<MailAddress>,
    /// Its portal, where every mail's button leads.
    pub portal_url: Url,
    /// Where the API is, which one click to decline goes to.
    pub public_url: Url,
}

/// What a tick came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Tellings that a channel took.
    pub sent: usize,
    /// Sends that are tried again, or that nobody knows of.
    pub unsettled: usize,
    /// Sends that are given up.
    pub failed: usize,
    /// Notices that failed on our side; they stay due.
    pub faults: usize,
    /// Due notices that this tick did not come to.
    pub left: usize,
    /// How long the one that waits longest has been due.
    pub waits_seconds: i64,
}

/// One tick: tells whatever is due, until `until`.
///
/// # Errors
/// [`StoreError`] where the index of due work cannot be read, or a digest cannot be owed.
pub async fn tick(desk: &Desk, until: Timestamp) -> Result<Report, StoreError> {
    let now = desk.clock.now();
    digest::owe(desk, now).await?;
    let due = desk.store.due_notices(now, PER_SHARD_MAX).await?;
    let oldest = due.iter().map(|due| due.since).min();
    let mut report = Report { waits_seconds: oldest.map_or(0, |since| now.duration_since(since).as_secs()), ..Report::default() };
    let mut done = futures::stream::iter(due)
        .map(|due| async move {
            match desk.clock.now() + SPARE < until {
                true => Some(Box::pin(deliver::deliver(desk, &due.key)).await.map_err(|error| (due, error))),
                false => None,
            }
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some(one) = done.next().await {
        match one {
            None => report.left += 1,
            Some(Ok(tally)) => report.add(&tally),
            // Somebody else is at it: it is due again if they leave anything.
            Some(Err((_, StoreError::Overtaken { .. }))) => {}
            Some(Err((due, error))) => {
                report.faults += 1;
                tracing::error!(notice = ?due.key, error = &error as &dyn std::error::Error, "notice not delivered on our side");
            }
        }
    }
    Ok(report)
}

impl Report {
    fn add(&mut self, tally: &deliver::Tally) {
        self.sent += tally.sent;
        self.unsettled += tally.unsettled;
        self.failed += tally.failed;
    }
}

/// Takes what started the function: SES's word about a mail, or a tick.
///
/// # Errors
/// [`HandleError`]. A word of SES's then comes again, and a tick's work is done by the next one.
pub async fn handle(desk: &Desk, event: EventBridgeEvent, until: Timestamp) -> Result<Report, HandleError> {
    if event.source == SES {
        Box::pin(learn(desk, &event)).await?;
        return Ok(Report::default());
    }
    if event.detail_type != "Scheduled Event" {
        return Err(HandleError::Unknown(event.detail_type));
    }
    let report = tick(desk, until).await?;
    tracing::info!(report = ?report, waits_seconds = report.waits_seconds, "notices told");
    Ok(report)
}

/// Why an event was not served.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// It is neither SES's nor the schedule's.
    #[error("an event of type {0:?} is neither a tick nor what became of a mail")]
    Unknown(String),
    /// The tables failed.
    #[error("the notices cannot be read")]
    Store(#[from] StoreError),
    /// What became of a mail cannot be noted.
    #[error("what became of a mail cannot be noted")]
    Outcome(#[from] OutcomeError),
}
