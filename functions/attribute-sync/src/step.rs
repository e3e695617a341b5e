//! One step of one walk.

use std::time::Duration;

use adapters::Ports;
use adapters::entropy;
use adapters::graph::{DeltaPage, GraphError};
use adapters::queue::{QueueError, SyncTask};
use adapters::store::connections::Connection;
use adapters::store::{Holder, Lease, StoreError};
use adapters::vault::{self, Binding, Purpose, VaultError};
use domain::api::HealthWord;
use domain::ids::ConnectionId;
use domain::schedule;
use domain::walk::{Stage, Walk};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::{apply, omen};

/// How long a worker holds a walk: longer than fetching (15 s) and storing (three writes of at most 10 s) one page.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// After so long without a step a walk under way falls due again: its worker or its task was lost.
const WATCHDOG: SignedDuration = SignedDuration::from_secs(120);
/// The wait for a fresh access token.
const TOKEN_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// An access token that ends sooner than this is not used any more.
const TOKEN_SPARE: SignedDuration = SignedDuration::from_secs(60);

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Somebody else is at it, or nothing is due.
    Idle,
    /// A page was applied, or a range swept; more follow.
    Moved,
    /// The round is over.
    Completed,
    /// The walk waits, and goes on by itself.
    Waiting,
    /// The walk cannot go on until something is repaired.
    Held,
}

/// Why a step failed on our side. The walk's lease ends by itself, and the walk is still due.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The access token does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The next step could not be asked for; the watchdog will.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Takes the walk's lease and does its next step.
///
/// # Errors
/// [`StepError`].
pub async fn step(ports: &Ports, id: &ConnectionId) -> Result<Step, StepError> {
    let now = ports.clock.now();
    let holder = Holder { nonce: entropy::bytes16(ports.entropy.as_ref()), until: now + LEASE };
    let Some((mut walk, lease, due_at)) = ports.store.take_walk(id, holder, now).await? else {
        return Ok(Step::Idle);
    };
    // A task that comes early, because the queue holds none so long or because somebody asked again, does not shorten a wait.
    if let Some(until) = walk.waits(now) {
        ports.store.settle_walk(id, &walk, &lease, until).await?;
        return Ok(Step::Idle);
    }
    let is_due = walk.is_under_way() || due_at.is_some_and(|at| at <= now);
    if !is_due {
        ports.store.settle_walk(id, &walk, &lease, due_at.unwrap_or(now)).await?;
        return Ok(Step::Idle);
    }
    apply::absorb(ports, id, &mut walk).await?;
    let end = advance(ports, id, &mut walk, &lease).await?;
    finish(ports, id, &walk, (&lease, end)).await
}

/// What becomes of the walk after its step.
enum End {
    /// Go on at once.
    GoOn,
    /// The round is over.
    Rest,
    /// Go on after a wait.
    Wait(SignedDuration),
    /// Try again at the next schedule.
    Hold,
}

async fn advance(ports: &Ports, id: &ConnectionId, walk: &mut Walk, lease: &Lease) -> Result<End, StepError> {
    let now = ports.clock.now();
    let Some(connection) = ports.store.connection(id).await? else {
        walk.fail("The connection is gone.", now);
        return Ok(End::Hold);
    };
    if !matches!(connection.health(), HealthWord::Healthy | HealthWord::Expiring) {
        walk.fail("The connection must be repaired first.", now);
        return Ok(End::Hold);
    }
    walk.begin(now);
    let link = match walk.stage.clone() {
        Stage::Resting => return Ok(End::Rest),
        Stage::Sweeping { range } => {
            apply::sweep(ports, id, (walk, lease), range).await?;
            return Ok(if walk.is_under_way() { End::GoOn } else { End::Rest });
        }
        Stage::Walking { link } => link,
    };
    let Some(token) = access_token(ports, &connection).await? else {
        walk.wait(now + TOKEN_WAIT, "Waiting for a fresh access token.", now);
        ports.store.hasten_check(&connection, now).await?;
        return Ok(End::Wait(TOKEN_WAIT));
    };
    let is_first = walk.page == 0;
    match ports.graph.delta(&token, link.as_deref(), now).await {
        Ok(page) => {
            let sign = omen::on_page(&connection, &page.changes);
            let end = turn(ports, id, (walk, lease), page).await?;
            match is_first {
                true => omen::look(ports, &connection, &token).await?,
                false => omen::find(ports, &connection, sign).await?,
            }
            Ok(end)
        }
        Err(error) => stumble(ports, &connection, walk, error).await,
    }
}

async fn turn(ports: &Ports, id: &ConnectionId, (walk, lease): (&mut Walk, &Lease), page: DeltaPage) -> Result<End, StepError> {
    let entries = apply::page(ports, id, (walk, lease), page.changes).await?;
    walk.turn(page.end, entries, ports.clock.now());
    Ok(if walk.is_under_way() { End::GoOn } else { End::Rest })
}

/// Decides how the walk goes on after Graph gave no page.
async fn stumble(ports: &Ports, connection: &Connection, walk: &mut Walk, error: GraphError) -> Result<End, StepError> {
    let (id, now) = (&connection.id, ports.clock.now());
    tracing::warn!(connection = %id, error = &error as &dyn std::error::Error, "no page");
    let goes_on = match error {
        GraphError::Reset { location } => walk.reset(location, now),
        GraphError::PageTokenExpired => walk.restart(now),
        GraphError::Unavailable { retry_after, .. } => {
            let at = schedule::after_unclear(id, walk.failures + 1, retry_after, now);
            walk.wait(at, "Microsoft Graph asked us to wait.", now);
            return Ok(End::Wait(at.duration_since(now)));
        }
        GraphError::Unauthorized | GraphError::Forbidden { .. } => {
            // The grant itself may have ended: let it be asked soon, not at its next turn.
            ports.store.hasten_check(connection, now).await?;
            walk.fail("Microsoft Graph denies access to the directory.", now);
            false
        }
        GraphError::Refused { .. } | GraphError::Foreign(_) | GraphError::Unreadable(_) => {
            walk.give_up("Microsoft Graph answered in a way that we do not understand.", now);
            false
        }
    };
    if !goes_on && walk.problem.is_none() {
        walk.fail("Microsoft Graph keeps starting the synchronization over.", now);
    }
    Ok(if goes_on { End::GoOn } else { End::Hold })
}

/// The live access token of the grant in use, opened.
async fn access_token(ports: &Ports, connection: &Connection) -> Result<Option<SecretString>, StepError> {
    let Some(grant) = &connection.body.grant else {
        return Ok(None);
    };
    let tokens = ports.store.tokens_in(&connection.id, grant.current).await?;
    let Some(tokens) = tokens.filter(|tokens| tokens.access_until > ports.clock.now() + TOKEN_SPARE) else {
        return Ok(None);
    };
    let binding = Binding::new(&connection.id, Purpose::AccessToken);
    Ok(Some(vault::open_text(ports.vault.as_ref(), &binding, &tokens.access).await?))
}

/// Writes where the walk stands and asks for the next step.
async fn finish(ports: &Ports, id: &ConnectionId, walk: &Walk, (lease, end): (&Lease, End)) -> Result<Step, StepError> {
    let now = ports.clock.now();
    let (due_at, next, step) = match end {
        End::GoOn => (now + WATCHDOG, Some(Duration::ZERO), Step::Moved),
        End::Wait(wait) => (now + wait, Some(Duration::try_from(wait).unwrap_or_default()), Step::Waiting),
        End::Rest => (schedule::next_sync(id, now), None, Step::Completed),
        End::Hold => (schedule::next_sync(id, now), None, Step::Held),
    };
    match ports.store.settle_walk(id, walk, lease, due_at).await {
        // Whoever took the walk over goes on with it.
        Err(StoreError::Overtaken { .. }) => return Ok(Step::Idle),
        other => other?,
    }
    if let Some(delay) = next {
        ports.queue.send(&SyncTask { connection: id.clone() }, delay).await?;
    }
    Ok(step)
}
