//! Asking Entra with the tokens at hand, and keeping what it gives before anything else.

use adapters::Ports;
use adapters::entra::Tokens;
use adapters::store::connections::{Connection, Grant, Slot, Tenant};
use adapters::store::grants::{SealedGrant, free_slot};
use adapters::store::{Lease, StoreError};
use adapters::vault::{self, Binding, Purpose, VaultError};
use domain::diagnosis::{self, Action};
use domain::ids::ConnectionId;
use domain::refusal::{ErrorWord, Failure, Refusal, Unclear};
use jiff::SignedDuration;
use secrecy::SecretString;

/// How often the same token is tried where the first answer was lost. It is the same token because a lost answer may have rotated it.
const TRIES: u32 = 2;

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
}

/// Tries the newest stored token, then the one before it: the newest has not worked yet, the one before has.
pub(crate) async fn renew(ports: &Ports, connection: &Connection, grant: &Grant, lease: &Lease) -> Result<Renewal, StoreError> {
    let Some(tenant) = &connection.body.tenant else {
        return Ok(unclear("the connection has no tenant"));
    };
    let stored = ports.store.grants(&connection.id).await?;
    let mut last = unclear("no refresh token is stored");
    for candidate in candidates(grant, stored) {
        last = match open(ports, connection, &candidate).await {
            Ok(token) => match ask(ports, tenant, &token).await {
                Ok(tokens) => return keep(ports, connection, (grant, &candidate, lease), &tokens).await,
                Err(Failure::Refused(refusal)) if !is_about_the_token(&refusal) => return Ok(Renewal::Refused(refusal)),
                Err(Failure::Refused(refusal)) => Renewal::Refused(refusal),
                Err(Failure::Unclear(Unclear { what, retry_after })) => return Ok(Renewal::Unclear { what, retry_after }),
            },
            Err(error) => unclear(&error.to_string()),
        };
    }
    Ok(last)
}

/// Whether another token may fare better: this one is dead, or not what Entra gave us. Any other refusal would meet the next one as well.
fn is_about_the_token(refusal: &Refusal) -> bool {
    let is_grant = refusal.error == ErrorWord::InvalidGrant;
    is_grant && matches!(diagnosis::action(refusal), Action::Bury | Action::BlameOperator)
}

/// The tokens worth trying, best first: one that was stored but never pointed to, the current one, the previous one. At most two.
fn candidates(grant: &Grant, stored: Vec<SealedGrant>) -> Vec<SealedGrant> {
    let is_pointed_to = |slot: Slot| slot == grant.current || Some(slot) == grant.previous;
    let is_useful = |stored: &SealedGrant| stored.slot.generation > grant.current.generation || is_pointed_to(stored.slot);
    stored.into_iter().filter(is_useful).take(2).collect()
}

async fn open(ports: &Ports, connection: &Connection, candidate: &SealedGrant) -> Result<SecretString, VaultError> {
    let binding = Binding::new(&connection.id, Purpose::RefreshToken);
    vault::open_text(ports.vault.as_ref(), &binding, &candidate.sealed).await
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

/// Stores the new tokens, before anything points to them.
async fn keep(
    ports: &Ports,
    connection: &Connection,
    used: (&Grant, &SealedGrant, &Lease),
    tokens: &Tokens,
) -> Result<Renewal, StoreError> {
    let (grant, candidate, lease) = used;
    let id = &connection.id;
    let now = ports.clock.now();
    let (sealed_access, sealed_refresh) = match seal(ports, id, tokens).await {
        Ok(sealed) => sealed,
        Err(error) => return Ok(unclear(&error.to_string())),
    };
    let (current, previous) = match sealed_refresh {
        // Without a new token the one that just worked goes on working.
        None => (candidate.slot, grant.previous.filter(|previous| *previous != candidate.slot)),
        Some(sealed) => {
            let kept = Grant { current: grant.current, previous: Some(candidate.slot), ..grant.clone() };
            let slot = Slot { slot: free_slot(Some(&kept)), generation: lease.fence };
            ports.store.put_grant(id, &SealedGrant { slot, sealed }, now).await?;
            (slot, Some(candidate.slot))
        }
    };
    ports.store.put_access(id, sealed_access, now + tokens.expires_in).await?;
    Ok(Renewal::Renewed(Renewed { current, previous }))
}

/// Seals the access token, and the refresh token where there is a new one.
async fn seal(ports: &Ports, id: &ConnectionId, tokens: &Tokens) -> Result<(Vec<u8>, Option<Vec<u8>>), VaultError> {
    let vault = ports.vault.as_ref();
    let access = vault::seal_text(vault, &Binding::new(id, Purpose::AccessToken), &tokens.access_token).await?;
    let refresh = match &tokens.refresh_token {
        Some(token) => Some(vault::seal_text(vault, &Binding::new(id, Purpose::RefreshToken), token).await?),
        None => None,
    };
    Ok((access, refresh))
}

fn unclear(what: &str) -> Renewal {
    Renewal::Unclear { what: what.to_owned(), retry_after: None }
}
