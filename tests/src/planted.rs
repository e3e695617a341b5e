//! A connection that is there from the start, for what begins after the consent.

use adapters::Ports;
use adapters::store::connections::{Grant, Slot, Tenant};
use adapters::store::grants::SealedGrant;
use adapters::vault::{Binding, Purpose};
use anyhow::{Context as _, Result};
use domain::health::{Health, Standing};
use domain::ids::{ConnectionId, CustomerId, ObjectId, TenantId};
use jiff::{SignedDuration, Timestamp};

/// Plants a connection with this refresh token: healthy, its check and its walk due at once.
///
/// # Errors
/// When the store or the vault fails.
pub async fn plant(ports: &Ports, customer: &CustomerId, (tenant, admin): (TenantId, ObjectId), token: &str) -> Result<ConnectionId> {
    let id = ConnectionId::mint([9; 16]);
    let now = ports.clock.now();
    ports.store.create_connection(&id, customer, now).await?;
    let (mut connection, lease) = held(ports, &id, now).await?;
    let current = Slot { slot: 0, generation: lease.fence };
    let sealed = ports.vault.seal(&Binding::new(&id, Purpose::RefreshToken), token.as_bytes()).await?;
    ports.store.put_grant(&id, &SealedGrant { slot: current, sealed }, now).await?;
    connection.body.standing = Standing { health: Health::Healthy, since: now };
    connection.body.tenant = Some(Tenant { id: tenant, name: None });
    connection.body.grant = Some(Grant { current, previous: None, signed_in_at: now, consenter: admin, consenter_name: None });
    connection.check_at = Some(now);
    ports.store.settle_connection(&connection, &lease, None).await?;
    ports.store.create_walk(&id, now).await?;
    Ok(id)
}

async fn held(
    ports: &Ports,
    id: &ConnectionId,
    now: Timestamp,
) -> Result<(adapters::store::connections::Connection, adapters::store::Lease)> {
    let until = now + SignedDuration::from_mins(1);
    ports.store.seize_connection(id, now, until).await?.context("the connection was just made")
}
