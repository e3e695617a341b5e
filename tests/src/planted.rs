//! A connection that is there from the start, for what begins after the consent.

use adapters::Ports;
use adapters::store::connections::{Connection, Grant, Slot, Spare, Tenant};
use adapters::store::grants::{Kept, SealedTokens};
use adapters::store::{Holder, Lease};
use adapters::vault::{Binding, Purpose};
use anyhow::{Context as _, Result};
use domain::api::AccessWord;
use domain::health::{Health, Standing};
use domain::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use jiff::{SignedDuration, Timestamp};

/// What is planted.
#[derive(Debug, Clone)]
pub struct Seedling {
    /// The connection's id.
    pub id: ConnectionId,
    /// Whose it is.
    pub customer: CustomerId,
    /// The tenant.
    pub tenant: Tenant,
    /// How attributes are read.
    pub access: AccessWord,
    /// Who consented.
    pub consent: Consent,
    /// Whose grant is in reserve; its turn comes at once.
    pub spare: Option<Consent>,
}

/// A person's consent.
#[derive(Debug, Clone)]
pub struct Consent {
    /// The person's account.
    pub person: ObjectId,
    /// Its user principal name.
    pub name: Option<String>,
    /// The refresh token; not used where the app reads by itself.
    pub token: String,
}

/// Plants a connection with this refresh token: healthy, its check and its walk due at once.
///
/// # Errors
/// When the store or the vault fails.
pub async fn plant(ports: &Ports, customer: &CustomerId, account: (TenantId, ObjectId), token: &str) -> Result<ConnectionId> {
    let id = ConnectionId::mint([9; 16]);
    plant_as(ports, &id, (customer, account), token).await?;
    Ok(id)
}

/// The same, under this id.
///
/// # Errors
/// When the store or the vault fails.
pub async fn plant_as(
    ports: &Ports,
    id: &ConnectionId,
    (customer, (tenant, person)): (&CustomerId, (TenantId, ObjectId)),
    token: &str,
) -> Result<()> {
    let seedling = Seedling {
        id: id.clone(),
        customer: customer.clone(),
        tenant: Tenant { id: tenant, name: None },
        access: AccessWord::Delegated,
        consent: Consent { person, name: None, token: token.to_owned() },
        spare: None,
    };
    plant_seedling(ports, &seedling).await
}

/// Plants a connection: healthy, its check and its walk due at once.
///
/// # Errors
/// When the store or the vault fails.
pub async fn plant_seedling(ports: &Ports, seedling: &Seedling) -> Result<()> {
    let Seedling { id, customer, .. } = seedling;
    let now = ports.clock.now();
    ports.store.create_connection(id, customer, now).await?;
    let (mut connection, lease) = held(ports, id, now).await?;
    let slot = |slot| Slot { slot, generation: lease.fence };
    connection.body.standing = Standing::sure(Health::Healthy, now);
    connection.body.tenant = Some(seedling.tenant.clone());
    connection.body.grant = Some(consented(ports, seedling, (&seedling.consent, slot(0)), now).await?);
    if let Some(consent) = &seedling.spare {
        let grant = consented(ports, seedling, (consent, slot(1)), now).await?;
        connection.body.spare = Some(Spare { grant, verified_at: now, check_at: now, doubted_since: None });
    }
    connection.check_at = Some(now);
    ports.store.settle_connection(&connection, &lease, &[]).await?;
    ports.store.create_walk(id, now).await?;
    Ok(())
}

/// Stores the tokens of a consent, and says what the connection then knows of it.
async fn consented(ports: &Ports, seedling: &Seedling, (consent, slot): (&Consent, Slot), now: Timestamp) -> Result<Grant> {
    let Seedling { id, access, .. } = seedling;
    if *access == AccessWord::Delegated {
        let sealed = ports.vault.seal(&Binding::new(id, Purpose::RefreshToken), consent.token.as_bytes()).await?;
        // No access token: it ended before it began.
        let tokens = SealedTokens { slot, consenter: consent.person, refresh: Some(sealed), access: Vec::new(), access_until: now };
        ports.store.put_tokens(id, tokens, &Kept::default()).await?;
    }
    let (consenter, consenter_name) = (consent.person, consent.name.clone());
    Ok(Grant { access: *access, current: slot, previous: None, signed_in_at: now, consenter, consenter_name, told: None })
}

async fn held(ports: &Ports, id: &ConnectionId, now: Timestamp) -> Result<(Connection, Lease)> {
    let holder = Holder { nonce: [9; 16], until: now + SignedDuration::from_mins(1) };
    ports.store.seize_connection(id, holder, now).await?.context("the connection was just made")
}
