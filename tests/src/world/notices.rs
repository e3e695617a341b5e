//! How a world's notices are delivered, and who hears of them.

use std::sync::Arc;

use adapters::outbox::Letter;
use adapters::store::audiences::StoredAudience;
use adapters::store::choices::Replaces;
use adapters::vault::{Binding, Purpose, seal_text};
use domain::ids::{ContactId, CustomerId};
use domain::notice::audience::{Channel, Contact, DeclineKey, Group, Reach};
use jiff::SignedDuration;
use notify::{Desk, HandleError, Operator, Report};
use serde_json::{Value, json};

use super::{CUSTOMER, PORTAL, World};
use crate::posted::told_by_ses;

/// What webhooks are signed with here.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The operator's person who is told what is the operator's to repair.
pub const OPERATOR_MAIL: &str = "duty@operator.example";
/// How long an invocation may last.
const SHIFT: SignedDuration = SignedDuration::from_secs(120);

impl World {
    /// What the function that delivers is given.
    ///
    /// # Panics
    /// Never: its addresses are some.
    #[must_use]
    pub fn notify(&self) -> Desk {
        Desk {
            clock: Arc::clone(&self.ports.clock),
            entropy: Arc::clone(&self.ports.entropy),
            store: self.ports.store.clone(),
            vault: Arc::clone(&self.ports.vault),
            outbox: Arc::clone(&self.posted) as _,
            bus: Arc::clone(&self.published) as _,
            operator: Operator {
                name: "Signatures".to_owned(),
                mails: vec![OPERATOR_MAIL.parse().expect("an address")],
                portal_url: PORTAL.parse().expect("a URL"),
                public_url: "https://api.example".parse().expect("a URL"),
            },
        }
    }

    /// One tick of the delivery.
    ///
    /// # Panics
    /// When the tick fails as a whole.
    pub async fn tell(&self) -> Report {
        notify::tick(&self.notify(), self.now() + SHIFT).await.expect("due notices can be found")
    }

    /// Lets time pass, and ticks; answers to whom mails were sent, with the step, in order of addresses.
    ///
    /// # Panics
    /// When the tick fails as a whole.
    pub async fn told_after(&self, time: SignedDuration) -> Vec<String> {
        self.pass(time);
        self.tell().await;
        addressed(&self.posted.take_letters())
    }

    /// Hands an event to the function.
    ///
    /// # Errors
    /// What the function answers.
    ///
    /// # Panics
    /// When it is no event.
    pub async fn hand(&self, event: Value) -> Result<Report, HandleError> {
        let event = serde_json::from_value(event).expect("an event");
        Box::pin(notify::handle(&self.notify(), event, self.now() + SHIFT)).await
    }

    /// SES tells of a mail, such as `("Email Sent", "Send")`.
    ///
    /// # Panics
    /// When the function fails.
    pub async fn ses_tells(&self, letter: &Letter, kind: (&str, &str), more: &Value) {
        self.hand(told_by_ses(letter, kind, more)).await.expect("it is noted");
    }

    /// SES tells of mails that it took them.
    pub async fn ses_took(&self, letters: &[Letter]) {
        for letter in letters {
            self.ses_tells(letter, ("Email Sent", "Send"), &json!({"send": {}})).await;
        }
    }

    /// Makes these the contacts of the customer, by mail address or webhook URL; all of them want everything.
    ///
    /// # Panics
    /// When an address is none, or the engine fails.
    pub async fn hears(&self, addresses: &[&str]) -> Vec<ContactId> {
        let customer: CustomerId = CUSTOMER.parse().expect("a customer");
        let mut stored = StoredAudience::default();
        for (number, address) in (1_u8..).zip(addresses) {
            let channel = match address.parse() {
                Ok(url) => Channel::Webhook { url },
                Err(_) => Channel::Mail { address: address.parse().expect("an address") },
            };
            let (id, decline_key) = (ContactId::mint([number; 16]), DeclineKey::mint([number; 16]));
            if matches!(channel, Channel::Webhook { .. }) {
                let binding = Binding::of_customer(&customer, Purpose::WebhookSecret);
                let secret = WEBHOOK_SECRET.to_owned().into();
                let sealed = seal_text(self.ports.vault.as_ref(), &binding, &secret).await.expect("it can be sealed");
                stored.secrets.insert(id.clone(), sealed);
            }
            let contact = Contact { id, channel, kinds: Group::ALL.into(), decline_key, reach: Reach::Reachable };
            stored.audience.contacts.push(contact);
        }
        self.ports.store.put_audience(&customer, &stored, Replaces::Any).await.expect("the audience can be written");
        stored.audience.contacts.into_iter().map(|contact| contact.id).collect()
    }

    /// Who hears of the customer's connections, as it is stored.
    ///
    /// # Panics
    /// When the engine fails.
    pub async fn audience(&self) -> StoredAudience {
        self.ports.store.audience(&CUSTOMER.parse().expect("a customer")).await.expect("the audience can be read")
    }
}

/// To whom mails were sent, with the step, in order of addresses.
#[must_use]
pub fn addressed(letters: &[Letter]) -> Vec<String> {
    let step = |letter: &Letter| letter.tags.iter().find(|(name, _)| *name == "step").map(|(_, step)| step.clone()).unwrap_or_default();
    let mut addressed: Vec<String> = letters.iter().map(|letter| format!("{} {}", letter.to.as_str(), step(letter))).collect();
    addressed.sort();
    addressed
}
