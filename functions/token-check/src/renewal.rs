//! Asking Entra with the tokens at hand, and keeping what it gives before anything else.

use std::time::Duration;

use adapters::Ports;
use adapters::entra::Tokens;
use adapters::graph::GraphError;
use adapters::store::connections::{Connection, Grant, Slot, Tenant};
use adapters::store::grants::{Kept, SealedTokens};
use adapters::store::{Lease, StoreError};
use adapters::tokens::{self, Place};
use adapters::vault::{self, Binding, Purpose, VaultError};
use domain::api::AccessWord;
use domain::diagnosis::{self, Action};
use domain::forecast::Told;
use domain::ids::ConnectionId;
use domain::refusal::{ErrorWord, Failure, Refusal, Unclear};
use jiff::SignedDuration;
use secrecy::SecretString;

/// How often the same token is tried where the first answer was lost. It is the same token because a lost answer may have rotated it.
const TRIES: u32 = 2;
/// The longest that renewing one grant may take: two answers of at most 15 s each, and storing.
const RENEWAL_MAX: Duration = Duration::from_secs(45);

/// What asking came to.
pub(crate) enum Renewal {
    /// Entra gave new tokens, and they are stored.
    Renewed(Renewed),
    /// Entra refuses every token we have.
    Refused(Box<Refusal>),
    /// Nothing can be concluded.
    Unclear {
        /// Why.
        what: String,
        /// How long we were asked to wait.
        retry_after: Option<SignedDuration>,
    },
}

/// Where the tokens are now.
pub(crate) struct Renewed {
    pub(crate) current: Slot,
    pub(crate) previous: Option<Slot>,
    /// The end that Entra told of the refresh token, where it did.
    pub(crate) told: Option<Told>,
}

/// A grant to renew, and what is at hand for it.
pub(crate) struct Task<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) grant: &'a Grant,
    pub(crate) lease: &'a Lease,
    /// What new tokens must not be stored over.
    pub(crate) kept: &'a Kept,
    /// The tokens in use, where they were read already and nothing newer can be stored.
    pub(crate) tokens: Option<SealedTokens>,
}

/// Renews a grant within a time that the lease outlasts.
pub(crate) async fn renew(ports: &Ports, task: Task<'_>) -> Result<Renewal, StoreError> {
    match tokio::time::timeout(RENEWAL_MAX, renew_unbounded(ports, task)).await {
        Ok(renewal) => renewal,
        Err(_) => Ok(unclear("the renewal took too long")),
    }
}

/// Tries the newest stored token, and the older ones where it is of no use: the newest may not have worked yet, those before have.
async fn renew_unbounded(ports: &Ports, mut task: Task<'_>) -> Result<Renewal, StoreError> {
    let Some(tenant) = &task.connection.body.tenant else {
        return Ok(unclear("the connection has no tenant"));
    };
    if task.grant.access == AccessWord::AppOnly {
        return renew_app(ports, &task, tenant).await;
    }
    let first = match task.tokens.take() {
        Some(tokens) => Some(tokens),
        None => candidates(ports, &task).await?.into_iter().next(),
    };
    let Some(first) = first else {
        return Ok(unclear("no refresh token is stored"));
    };
    let mut renewal = match spend(ports, &task, tenant, &first).await? {
        Attempt::Decided(renewal) => return Ok(renewal),
        Attempt::TokenUseless(renewal) => renewal,
    };
    let stored = candidates(ports, &task).await?;
    for older in stored.iter().filter(|tokens| tokens.slot.generation < first.slot.generation) {
        match spend(ports, &task, tenant, older).await? {
            Attempt::Decided(renewal) => return Ok(renewal),
            // What is said of the newest counts, unless it is only that this token is none.
            Attempt::TokenUseless(_) if is_end(&renewal) => {}
            Attempt::TokenUseless(other) => renewal = other,
        }
    }
    Ok(renewal)
}

/// Whether Entra says that the grant has ended.
fn is_end(renewal: &Renewal) -> bool {
    matches!(renewal, Renewal::Refused(refusal) if diagnosis::action(refusal) == Action::Bury)
}

/// Asks for a token of the app itself, and tries it: Entra gives one even where the consent behind it is gone, and only Graph says so.
async fn renew_app(ports: &Ports, task: &Task<'_>, tenant: &Tenant) -> Result<Renewal, StoreError> {
    let tokens = match ports.entra.app_token(tenant.id, ports.clock.now()).await {
        Ok(tokens) => tokens,
        Err(Failure::Refused(refusal)) => return Ok(Renewal::Refused(refusal)),
        Err(Failure::Unclear(Unclear { what, retry_after })) => return Ok(Renewal::Unclear { what, retry_after }),
    };
    if let Err(error) = ports.graph.probe(&tokens.access_token, ports.clock.now()).await {
        return Ok(match (error.refusal(), error) {
            (Some(refusal), _) => Renewal::Refused(Box::new(refusal)),
            (None, GraphError::Unavailable { what, retry_after }) => Renewal::Unclear { what, retry_after },
            (None, error) => unclear(&error.to_string()),
        });
    }
    store(ports, task, None, &tokens, None).await
}

/// What spending one token came to.
enum Attempt {
    /// It decides about the grant.
    Decided(Renewal),
    /// Another token may fare better: this one is dead, is not what Entra gave us, or does not open.
    TokenUseless(Renewal),
}

/// Asks Entra with one token, and keeps what it gives.
async fn spend(ports: &Ports, task: &Task<'_>, tenant: &Tenant, stored: &SealedTokens) -> Result<Attempt, StoreError> {
    let token = match open(ports, &task.connection.id, stored).await {
        Ok(token) => token,
        Err(error @ VaultError::DoesNotOpen { .. }) => return Ok(Attempt::TokenUseless(unclear(&error.to_string()))),
        // The key service is away: nothing is wrong with this token, and an older one would be the wrong one to ask with.
        Err(error) => return Ok(Attempt::Decided(unclear(&error.to_string()))),
    };
    match ask(ports, tenant, &token).await {
        Ok(tokens) => Ok(Attempt::Decided(keep(ports, task, stored, (token, tokens)).await?)),
        Err(Failure::Refused(refusal)) if is_about_the_token(&refusal) => Ok(Attempt::TokenUseless(Renewal::Refused(refusal))),
        Err(Failure::Refused(refusal)) => Ok(Attempt::Decided(Renewal::Refused(refusal))),
        Err(Failure::Unclear(Unclear { what, retry_after })) => Ok(Attempt::Decided(Renewal::Unclear { what, retry_after })),
    }
}

/// Any other refusal would meet the next token as well.
fn is_about_the_token(refusal: &Refusal) -> bool {
    let is_grant = refusal.error == ErrorWord::InvalidGrant;
    is_grant && matches!(diagnosis::action(refusal), Action::Bury | Action::BlameOperator)
}

/// The tokens worth trying, the newest first: those in use, those before, and what a worker stored since and died before it counted. Those
/// of whoever else consented meanwhile, and died before it counted, are not in use.
async fn candidates(ports: &Ports, task: &Task<'_>) -> Result<Vec<SealedTokens>, StoreError> {
    let grant = task.grant;
    let is_ours = |tokens: &SealedTokens| tokens.consenter == grant.consenter && tokens.slot.generation >= grant.since();
    let stored = ports.store.tokens(&task.connection.id).await?;
    Ok(stored.into_iter().filter(|tokens| is_ours(tokens) && tokens.refresh.is_some()).collect())
}

async fn open(ports: &Ports, id: &ConnectionId, stored: &SealedTokens) -> Result<SecretString, VaultError> {
    let binding = Binding::new(id, Purpose::RefreshToken);
    let sealed = stored.refresh.as_deref().unwrap_or_default();
    vault::open_text(ports.vault.as_ref(), &binding, sealed).await
}

async fn ask(ports: &Ports, tenant: &Tenant, token: &SecretString) -> Result<Tokens, Failure> {
    let mut answer = ports.entra.refresh(tenant.id, token, ports.clock.now()).await;
    for _ in 1..TRIES {
        match answer {
            // Lost or garbled without a wish to wait: the same token again, at once.
            Err(Failure::Unclear(Unclear { retry_after: None, .. })) => {
                answer = ports.entra.refresh(tenant.id, token, ports.clock.now()).await;
            }
            clear => return clear,
        }
    }
    answer
}

/// Stores the new tokens, before anything points to them. Where Entra gave no new refresh token, the one that just worked goes on.
async fn keep(ports: &Ports, task: &Task<'_>, used: &SealedTokens, (token, tokens): (SecretString, Tokens)) -> Result<Renewal, StoreError> {
    let refresh = tokens.refresh_token.as_ref().unwrap_or(&token);
    store(ports, task, Some(used), &tokens, Some(refresh)).await
}

async fn store(
    ports: &Ports,
    task: &Task<'_>,
    used: Option<&SealedTokens>,
    tokens: &Tokens,
    refresh: Option<&SecretString>,
) -> Result<Renewal, StoreError> {
    let id = &task.connection.id;
    let kept = used.map_or_else(|| task.kept.clone(), |used| task.kept.clone().since(used));
    let slot = Slot { slot: kept.free_slot(), generation: task.lease.fence };
    let place = Place { connection: id, consenter: task.grant.consenter, slot };
    let current = match tokens::seal(ports.vault.as_ref(), place, tokens, refresh, ports.clock.now()).await {
        Ok(sealed) => ports.store.put_tokens(id, sealed, &kept).await?,
        Err(error) => return Ok(unclear(&error.to_string())),
    };
    let told = tokens.refresh_expires_in.and_then(|expires_in| Told::next(task.grant.told, expires_in, ports.clock.now()));
    Ok(Renewal::Renewed(Renewed { current, previous: used.map(|used| used.slot), told }))
}

pub(crate) fn unclear(what: &str) -> Renewal {
    Renewal::Unclear { what: what.to_owned(), retry_after: None }
}
