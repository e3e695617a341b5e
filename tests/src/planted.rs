//! A connection that is there from the start, for what begins after the consent.

use adapters::Ports;
use adapters::store::Holder;
use adapters::store::connections::{Grant, Slot, Tenant};
use adapters::store::grants::SealedTokens;
use adapters::vault::{Binding, Purpose};
use anyhow::{Context as _, Result};
use domain::api::AccessWord;
use domain::health::{Health, Standing};
use domain::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use jiff::{SignedDuration, Timestamp};

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
    (customer, (tenant, admin)): (&CustomerId, (TenantId, ObjectId)),
    token: &str,
) -> Result<()> {
    let now = ports.clock.now();
    ports.store.create_connection(id, customer, now).await?;
    let (mut connection, lease) = held(ports, id, now).await?;
    let current = Slot { slot: 0, generation: lease.fence };
    let sealed = ports.vault.seal(&Binding::new(id, Purpose::RefreshToken), token.as_bytes()).await?;
    // No access token: it ended before it began.
    let tokens = SealedTokens { slot: current, consenter: admin, refresh: Some(sealed), access: Vec::new(), access_until: now };
    ports.store.put_tokens(id, &tokens).await?;
    connection.body.standing = Standing::sure(Health::Healthy, now);
    connection.body.tenant = Some(Tenant { id: tenant, name: None });
    connection.body.grant = Some(Grant {
        access: AccessWord::Delegated,
        current,
        previous: None,
        signed_in_at: now,
        consenter: admin,
        consenter_name: None,
        told: None,
    });
    connection.check_at = Some(now);
    ports.store.settle_connection(&connection, &lease, &[]).await?;
    ports.store.create_walk(id, now).await?;
    Ok(())
}

async fn held(
    ports: &Ports,
    id: &ConnectionId,
    now: Timestamp,
) -> Result<(adapters::store::connections::Connection, adapters::store::Lease)> {
    let holder = Holder { nonce: [9; 16], until: now + SignedDuration::from_mins(1) };
    ports.store.seize_connection(id, holder, now).await?.context("the connection was just made")
}
