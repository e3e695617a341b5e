//! Puts a proved candidate in place of the old grant, in one conditional write. Until then nothing of the old grant has changed.

use adapters::entra::{Identity, Tokens};
use adapters::entropy;
use adapters::graph::Organization;
use adapters::store::attempts::{Aim, Attempt};
use adapters::store::connections::{Connection, Grant, Slot, Spare, Tenant};
use adapters::store::grants::Kept;
use adapters::store::notices::Notice;
use adapters::store::{Holder, Lease, StoreError};
use adapters::tokens::{self, Place};
use domain::api::AccessWord;
use domain::forecast::{self, Told};
use domain::health::{self, Reply};
use domain::notice;
use domain::schedule;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::proof::Fault;
use crate::{Portal, connections};

/// How long the connection is held for the swap: three writes of at most 10 s.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// A grant that is proved to work, and whose it is.
pub(crate) struct Candidate {
    pub(crate) identity: Identity,
    pub(crate) organization: Organization,
    pub(crate) tokens: Tokens,
    /// Absent where the app reads by itself.
    pub(crate) refresh_token: Option<SecretString>,
}

/// Puts the candidate where the attempt wants it, and starts the sync.
pub(crate) async fn install(portal: &Portal, attempt: &Attempt, candidate: Candidate) -> Result<(), Fault> {
    let id = &attempt.terms.connection;
    match swap(portal, attempt, candidate).await {
        Ok(Swap::Done) => {}
        Ok(Swap::Overtaken) => {
            return Err(Fault::new("refused", "The connection changed meanwhile. Nothing was changed. Please try again."));
        }
        Ok(Swap::SameAccount) => return Err(same_account()),
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

fn same_account() -> Fault {
    let sentence = "This account gave the consent that is in use already. A backup must come from another administrator: what stops one \
                    account would stop both. Nothing was changed.";
    Fault::new("same-account", sentence)
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What became of a candidate.
enum Swap {
    /// It is where the attempt wants it.
    Done,
    /// The connection, or which attempt counts, changed meanwhile.
    Overtaken,
    /// A spare of the same account is none.
    SameAccount,
}

async fn swap(portal: &Portal, attempt: &Attempt, candidate: Candidate) -> Result<Swap, AnyError> {
    let ports = &portal.ports;
    let id = &attempt.terms.connection;
    let now = ports.clock.now();
    let holder = Holder { nonce: entropy::bytes16(ports.entropy.as_ref()), until: now + LEASE };
    let Some((connection, lease)) = ports.store.seize_connection(id, holder, now).await? else {
        return Ok(Swap::Overtaken);
    };
    let is_latest = ports.store.latest_attempt(id).await?.as_ref() == Some(&attempt.id);
    if let Some(refused) = hindrance(&connection, attempt, &candidate).or((!is_latest).then_some(Swap::Overtaken)) {
        ports.store.settle_connection(&connection, &lease, &[]).await?;
        return Ok(refused);
    }
    let Some(slot) = store_tokens(portal, (&connection, &lease), &candidate).await? else {
        return Ok(Swap::Overtaken);
    };
    let (connection, notices) = match attempt.terms.aim {
        Aim::Spare => (reinforced(connection, slot, &candidate, now), Vec::new()),
        Aim::Delegated => repaired(portal, connection, (slot, AccessWord::Delegated), &candidate),
        Aim::AppOnly => repaired(portal, connection, (slot, AccessWord::AppOnly), &candidate),
    };
    match ports.store.settle_connection(&connection, &lease, &notices).await {
        Ok(()) => Ok(Swap::Done),
        Err(StoreError::Overtaken { .. }) => Ok(Swap::Overtaken),
        Err(error) => Err(error.into()),
    }
}

/// Why the connection, as it is by now, does not take the candidate.
fn hindrance(connection: &Connection, attempt: &Attempt, candidate: &Candidate) -> Option<Swap> {
    let body = &connection.body;
    // The tenant may have been proved by another attempt since this one began.
    let is_other_tenant = body.tenant.as_ref().is_some_and(|tenant| tenant.id != candidate.identity.tenant);
    match (attempt.terms.aim, &body.grant) {
        _ if is_other_tenant => Some(Swap::Overtaken),
        (Aim::Spare, None) => Some(Swap::Overtaken),
        (Aim::Spare, Some(grant)) if grant.consenter == candidate.identity.object => Some(Swap::SameAccount),
        _ => None,
    }
}

/// Seals and stores the candidate's tokens where nothing points to yet; `None` where others store tokens at the same time.
async fn store_tokens(
    portal: &Portal,
    (connection, lease): (&Connection, &Lease),
    candidate: &Candidate,
) -> Result<Option<Slot>, AnyError> {
    let ports = &portal.ports;
    let id = &connection.id;
    let kept = Kept::of(&connection.body);
    let slot = Slot { slot: kept.free_slot(), generation: lease.fence };
    let place = Place { connection: id, consenter: candidate.identity.object, slot };
    let refresh = candidate.refresh_token.as_ref();
    let sealed = tokens::seal(ports.vault.as_ref(), place, &candidate.tokens, refresh, ports.clock.now()).await?;
    match ports.store.put_tokens(id, sealed, &kept).await {
        Ok(slot) => Ok(Some(slot)),
        Err(StoreError::Overtaken { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The candidate's grant, as of now.
fn grant(candidate: &Candidate, (slot, access): (Slot, AccessWord), now: Timestamp) -> Grant {
    Grant {
        access,
        current: slot,
        previous: None,
        signed_in_at: now,
        consenter: candidate.identity.object,
        consenter_name: candidate.identity.user_principal_name.clone(),
        told: candidate.tokens.refresh_expires_in.and_then(|expires_in| Told::next(None, expires_in, now)),
    }
}

/// The connection with the candidate in reserve. What is in use is not touched; where it does not work, the candidate takes over with the
/// next check, which is due now.
fn reinforced(mut connection: Connection, slot: Slot, candidate: &Candidate, now: Timestamp) -> Connection {
    connection.body.spare = Some(Spare {
        grant: grant(candidate, (slot, AccessWord::Delegated), now),
        verified_at: now,
        check_at: schedule::next_spare_check(&connection.id, now),
        doubted_since: None,
    });
    connection.check_at = connection.check_at.filter(|_| connection.body.standing.health.is_working()).or(Some(now));
    connection
}

/// The connection with the candidate in use.
fn repaired(portal: &Portal, mut connection: Connection, place: (Slot, AccessWord), candidate: &Candidate) -> (Connection, Vec<Notice>) {
    let now = portal.ports.clock.now();
    let life = connection.life();
    let body = &mut connection.body;
    if let Some(life) = life {
        forecast::remember(&mut body.lifetimes, life, None);
    }
    // The old tokens stay until the new ones have worked, if they worked themselves and are of the same account.
    let is_kept = |old: &Grant| body.standing.health.is_working() && old.consenter == candidate.identity.object;
    let previous = body.grant.as_ref().filter(|old| is_kept(old)).map(|old| old.current);
    body.grant = Some(Grant { previous, ..grant(candidate, place, now) });
    // A spare of the account that is in use now is none any more; beside the app's own permission none is needed.
    let is_useful = |spare: &Spare| place.1 == AccessWord::Delegated && spare.grant.consenter != candidate.identity.object;
    body.spare = body.spare.take().filter(is_useful);
    body.tenant = Some(Tenant { id: candidate.identity.tenant, name: candidate.organization.name.clone() });
    body.verified_at = Some(now);
    body.unclear = 0;
    body.held_since = None;
    let known = connection.known(portal.ports.entra.credentials().ends_at());
    let foreseen = known.and_then(|known| forecast::foresee(&known, now));
    let warning = foreseen.as_ref().and_then(|forecast| forecast.owes(None, now));
    let verdict = health::judge(&connection.body.standing, Reply::Accepted(foreseen.clone()), now);
    let (notice, told) = notice::with_warning(verdict.notice, warning);
    connection.body.warned = told;
    connection.body.forecast = foreseen;
    connection.body.standing = verdict.standing;
    connection.check_at = schedule::next_check(&connection.id, &connection.body.standing, now);
    let random = || entropy::bytes16(portal.ports.entropy.as_ref());
    let notices = notice.map(|kind| Notice::about(&connection, kind, random(), now));
    (connection, notices.into_iter().collect())
}

async fn start_sync(portal: &Portal, attempt: &Attempt) -> Result<(), crate::problem::ApiError> {
    let (id, now) = (&attempt.terms.connection, portal.ports.clock.now());
    portal.ports.store.create_walk(id, now).await?;
    portal.ports.store.start_tour(id, now).await?;
    connections::sync_soon(portal, id).await
}
