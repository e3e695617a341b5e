//! What people and systems are told on this machine: the outbox is a page, the bus a journal.

use std::sync::Arc;

use adapters::entropy;
use adapters::store::choices::Replaces;
use anyhow::{Context as _, Result};
use domain::ids::ContactId;
use domain::notice::audience::{Channel, Contact, DeclineKey, Group, Reach};
use notify::{Desk, Operator};

use crate::customers::Customer;
use crate::world::World;

/// Who is told at the fictional operator.
const OPERATOR_MAIL: &str = "duty@letterhead.example";

impl World {
    /// What the function that tells is given.
    ///
    /// # Errors
    /// When the operator's address is none.
    pub fn notify(&self) -> Result<Desk> {
        Ok(Desk {
            clock: Arc::clone(&self.ports.clock),
            entropy: Arc::clone(&self.ports.entropy),
            store: self.ports.store.clone(),
            vault: Arc::clone(&self.ports.vault),
            outbox: Arc::clone(&self.outbox) as _,
            bus: Arc::clone(&self.events) as _,
            operator: Operator {
                name: "Letterhead".to_owned(),
                mails: vec![OPERATOR_MAIL.parse().context("the operator's address")?],
                portal_url: self.addresses.portal.clone(),
                public_url: self.addresses.api.clone(),
            },
        })
    }
}

/// Lets the customer's administrators hear of everything by mail, unless somebody said already who hears.
///
/// # Errors
/// When the store fails.
pub async fn hear(world: &World, customer: Customer) -> Result<()> {
    let id = customer.id().context("the customer's id is none")?;
    let mut stored = world.ports.store.audience(&id).await?;
    if stored.revision > 0 {
        return Ok(());
    }
    let random = || entropy::bytes16(world.ports.entropy.as_ref());
    stored.audience.contacts.push(Contact {
        id: ContactId::mint(random()),
        channel: Channel::Mail { address: format!("it@{}.example", customer.id).parse().context("the address")? },
        kinds: Group::ALL.into(),
        decline_key: DeclineKey::mint(random()),
        reach: Reach::Reachable,
    });
    world.ports.store.put_audience(&id, &stored, Replaces::Version(0)).await?;
    Ok(())
}
