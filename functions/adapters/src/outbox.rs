//! Where notices leave the house: mails and signed webhooks.
//!
//! In the cloud that is Amazon SES and whatever endpoint a customer named; on one machine it is a page that shows them. Nothing here is
//! tried twice: what an attempt came to is the ledger's to weigh, and a mail that is sent again is a second mail.

mod hooks;
mod mailer;

use async_trait::async_trait;
use domain::notice::audience::{MailAddress, WebhookUrl};
use domain::notice::ledger::Sending;
use jiff::Timestamp;
use secrecy::SecretString;

pub use hooks::{Hooks, SECRET_PREFIX, signature};
pub use mailer::Mailer;

/// A mail, ready to be sent to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub to: MailAddress,
    /// Its subject.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// By what SES names it when it tells what became of it: letters, digits, `-` and `_`.
    pub tags: Vec<(&'static str, String)>,
}

/// A webhook to be called.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where.
    pub url: WebhookUrl,
    /// The same however often it is called for the same telling.
    pub id: String,
    /// What it is signed with.
    pub secret: SecretString,
    /// When it is sent.
    pub at: Timestamp,
    /// What it says: JSON.
    pub body: String,
}

/// Sends one notice to one recipient.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Sends a mail.
    async fn mail(&self, letter: &Letter) -> Sending;

    /// Calls a webhook.
    async fn call(&self, call: &Call) -> Sending;
}

/// [`Outbox`] on Amazon SES and the internet.
pub struct CloudOutbox {
    mailer: Option<Mailer>,
    hooks: Hooks,
}

impl CloudOutbox {
    /// Mails are refused where there is nobody to send them.
    #[must_use]
    pub fn new(mailer: Option<Mailer>, hooks: Hooks) -> Self {
        Self { mailer, hooks }
    }
}

#[async_trait]
impl Outbox for CloudOutbox {
    async fn mail(&self, letter: &Letter) -> Sending {
        match &self.mailer {
            Some(mailer) => mailer.post(letter).await,
            None => Sending::Refused("this installation sends no mail".to_owned()),
        }
    }

    async fn call(&self, call: &Call) -> Sending {
        self.hooks.post(call).await
    }
}
