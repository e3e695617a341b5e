//! The outbox of a world: keeps what is sent, tells of mails what SES would, and answers as a story tells it to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use adapters::outbox::{Call, Letter, Outbox};
use async_trait::async_trait;
use domain::notice::ledger::Sending;
use serde_json::{Map, Value, json};

/// Everything that was sent. It takes everything, unless told otherwise.
#[derive(Debug, Default)]
pub struct Posted(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    letters: Vec<Letter>,
    calls: Vec<Call>,
    /// What mails are answered from now on, and whether SES took them all the same.
    mails: Option<(Sending, Taken)>,
    /// What webhooks are answered from now on.
    hooks: Option<Sending>,
}

/// Whether a mail whose answer is something else was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// SES has it.
    Taken,
    /// It never arrived there.
    Lost,
}

impl Posted {
    /// Takes the mails that were taken since they were last asked for.
    #[must_use]
    pub fn take_letters(&self) -> Vec<Letter> {
        std::mem::take(&mut self.lock().letters)
    }

    /// Takes the webhooks that were called since they were last asked for.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Answers mails so from now on.
    pub fn answer_mails(&self, sending: Sending, taken: Taken) {
        self.lock().mails = Some((sending, taken));
    }

    /// Answers webhooks so from now on.
    pub fn answer_calls(&self, sending: Sending) {
        self.lock().hooks = Some(sending);
    }

    /// Everything is taken again.
    pub fn heal(&self) {
        let mut kept = self.lock();
        (kept.mails, kept.hooks) = (None, None);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Outbox for Posted {
    async fn mail(&self, letter: &Letter) -> Sending {
        let mut kept = self.lock();
        let (sending, taken) = kept.mails.clone().unwrap_or((Sending::Taken, Taken::Taken));
        if taken == Taken::Taken {
            kept.letters.push(letter.clone());
        }
        sending
    }

    async fn call(&self, call: &Call) -> Sending {
        let mut kept = self.lock();
        kept.calls.push(call.clone());
        kept.hooks.clone().unwrap_or(Sending::Taken)
    }
}

/// What SES tells of a mail on the account's default bus, such as `("Email Sent", "Send")`.
/// Sources: <https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html>,
/// <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html>
#[must_use]
pub fn told_by_ses(letter: &Letter, kind: (&str, &str), more: &Value) -> Value {
    let tags = letter.tags.iter().map(|(name, value)| ((*name).to_owned(), json!([value])));
    told_of((tags.collect(), json!([letter.to.as_str()])), kind, more)
}

/// The same of a mail as SES was asked to send it.
#[must_use]
pub fn told_of_request(mail: &Value, kind: (&str, &str), more: &Value) -> Value {
    let tags = mail["EmailTags"].as_array().into_iter().flatten();
    let tags = tags.map(|tag| (tag["Name"].as_str().unwrap_or_default().to_owned(), json!([tag["Value"]])));
    told_of((tags.collect(), mail["Destination"]["ToAddresses"].clone()), kind, more)
}

fn told_of((mut tags, destination): (Map<String, Value>, Value), (detail_type, event_type): (&str, &str), more: &Value) -> Value {
    tags.insert("ses:configuration-set".to_owned(), json!(["evergrant-dev"]));
    let mut detail = json!({
        "eventType": event_type,
        "mail": {
            "timestamp": "2026-03-02T10:00:00.000Z", "source": "connections@mail.example.com", "sendingAccountId": "000000000000",
            "messageId": "010001", "destination": destination, "headersTruncated": false, "headers": [], "commonHeaders": {},
            "tags": tags,
        },
    });
    if let (Some(detail), Some(more)) = (detail.as_object_mut(), more.as_object()) {
        detail.extend(more.clone());
    }
    json!({
        "version": "0", "id": "9f2f2b0e-0e5a-4e39-8b1c-1c3b0a4c8e11", "detail-type": detail_type, "source": "aws.ses",
        "account": "000000000000", "time": "2026-03-02T10:00:00Z", "region": "eu-west-1",
        "resources": ["arn:aws:ses:eu-west-1:000000000000:configuration-set/evergrant-dev"], "detail": detail,
    })
}

/// What a bounce says besides.
#[must_use]
pub fn bounce(kind: &str) -> Value {
    json!({"bounce": {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [], "timestamp": "2026-03-02T10:00:01.000Z"}})
}
