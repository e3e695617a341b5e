//! Puts a proved candidate in place of the old grant, in one conditional write. Until then nothing of the old grant has changed.

use adapters::entra::{Identity, Tokens};
use adapters::entropy;
use adapters::graph::Organization;
use adapters::store::attempts::Attempt;
use adapters::store::connections::{Connection, Grant, Slot, Tenant};
use adapters::store::grants::{SealedGrant, free_slot};
use adapters::store::notices::Notice;
use adapters::store::{Lease, StoreError};
use adapters::vault::{self, Binding, Purpose};
use domain::forecast::{self, Known, Life};
use domain::health::{self, Reply};
use domain::schedule;
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::callback::Fault;
use crate::{Portal, connections};

/// How long the connection is held for the swap: three writes of at most 10 s.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// A grant that is proved to work, and whose it is.
pub(crate) struct Candidate {
    pub(crate) identity: Identity,
    pub(crate) organization: Organization,
    pub(crate) tokens: Tokens,
    pub(crate) refresh_token: SecretString,
}

/// Swaps the candidate in and starts the sync.
pub(crate) async fn install(portal: &Portal, attempt: &Attempt, candidate: Candidate) -> Result<(), Fault> {
    let id = &attempt.terms.connection;
    match swap(portal, attempt, candidate).await {
        Ok(true) => {}
        Ok(false) => return Err(Fault::new("refused", "The connection changed meanwhile. Nothing was changed. Please try again.")),
        Err(error) => {
            tracing::error!(connection = %id, error = error.as_ref(), "candidate not installed");
            return Err(Fault::unavailable());
        }
    }
    // The grant is in use; a sync that does not start now starts with the next tick.
    if let Err(error) = start_sync(portal, attempt).await {
        tracing::error!(connection = %id, error = &error as &dyn std::error::Error, "sync not started");
    }
    Ok(())
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Returns whether the candidate is in use now.
async fn swap(portal: &Portal, attempt: &Attempt, candidate: Candidate) -> Result<bool, AnyError> {
    let ports = &portal.ports;
    let id = &attempt.terms.connection;
    let now = ports.clock.now();
    let Some((connection, lease)) = ports.store.seize_connection(id, now, now + LEASE).await? else {
        return Ok(false);
    };
    // The tenant may have been proved by another attempt since this one began.
    let is_same_tenant = connection.body.tenant.as_ref().is_none_or(|tenant| tenant.id == candidate.identity.tenant);
    let is_latest = ports.store.latest_attempt(id).await?.as_ref() == Some(&attempt.id);
    if !is_same_tenant || !is_latest {
        ports.store.settle_connection(&connection, &lease, None).await?;
        return Ok(false);
    }
    let slot = store_tokens(portal, (&connection, &lease), &candidate).await?;
    let (connection, notice) = repaired(portal, connection, slot, &candidate);
    match ports.store.settle_connection(&connection, &lease, notice.as_ref()).await {
        Ok(()) => Ok(true),
        Err(StoreError::Overtaken { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Seals and stores the candidate's tokens where nothing points to yet.
async fn store_tokens(portal: &Portal, (connection, lease): (&Connection, &Lease), candidate: &Candidate) -> Result<Slot, AnyError> {
    let ports = &portal.ports;
    let id = &connection.id;
    let now = ports.clock.now();
    let slot = Slot { slot: free_slot(connection.body.grant.as_ref()), generation: lease.fence };
    let vault = ports.vault.as_ref();
    let refresh = vault::seal_text(vault, &Binding::new(id, Purpose::RefreshToken), &candidate.refresh_token).await?;
    let access = vault::seal_text(vault, &Binding::new(id, Purpose::AccessToken), &candidate.tokens.access_token).await?;
    ports.store.put_grant(id, &SealedGrant { slot, sealed: refresh }, now).await?;
    ports.store.put_access(id, access, now + candidate.tokens.expires_in).await?;
    Ok(slot)
}

/// The connection with the candidate in use.
fn repaired(portal: &Portal, mut connection: Connection, slot: Slot, candidate: &Candidate) -> (Connection, Option<Notice>) {
    let now = portal.ports.clock.now();
    let body = &mut connection.body;
    // The old grant stays until the new one has worked, if it worked itself.
    let previous = body.grant.as_ref().filter(|_| body.standing.health.is_working()).map(|grant| grant.current);
    if let Some(old) = &body.grant {
        let life = Life { signed_in_at: old.signed_in_at, verified_at: body.verified_at.unwrap_or(old.signed_in_at) };
        forecast::remember(&mut body.lifetimes, life, None);
    }
    let known = Known::of(Life { signed_in_at: now, verified_at: now }, &body.lifetimes);
    body.forecast = forecast::foresee(&known, now);
    body.grant = Some(Grant {
        current: slot,
        previous,
        signed_in_at: now,
        consenter: candidate.identity.object,
        consenter_name: candidate.identity.user_principal_name.clone(),
    });
    body.tenant = Some(Tenant { id: candidate.identity.tenant, name: candidate.organization.name.clone() });
    body.verified_at = Some(now);
    body.unclear = 0;
    let verdict = health::judge(&body.standing, Reply::Accepted(body.forecast.clone()), now);
    body.standing = verdict.standing.clone();
    connection.check_at = schedule::next_check(&connection.id, &verdict.standing.health, now);
    let random = || entropy::bytes16(portal.ports.entropy.as_ref());
    let notice = verdict.notice.map(|kind| Notice::about(&connection, kind, random(), now));
    (connection, notice)
}

async fn start_sync(portal: &Portal, attempt: &Attempt) -> Result<(), crate::problem::ApiError> {
    let id = &attempt.terms.connection;
    portal.ports.store.create_walk(id, portal.ports.clock.now()).await?;
    connections::sync_soon(portal, id).await
}
