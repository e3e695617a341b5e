//! What Entra gave, as it is stored: sealed, each token for its own purpose.

use domain::ids::{ConnectionId, ObjectId};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::Ports;
use crate::entra::Tokens;
use crate::store::StoreError;
use crate::store::connections::{Connection, Slot};
use crate::store::grants::SealedTokens;
use crate::vault::{Binding, Purpose, Vault, VaultError, open_text, seal_text};

/// An access token that ends sooner than this is not used any more.
const SPARE: SignedDuration = SignedDuration::from_secs(60);

/// Why an access token cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The access token does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Whose tokens are sealed, and where they will be.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The connection.
    pub connection: &'a ConnectionId,
    /// Whose sign-in they come from.
    pub consenter: ObjectId,
    /// The slot.
    pub slot: Slot,
}

/// Seals the access token of `tokens`, and `refresh` where there is one.
///
/// # Errors
/// [`VaultError::Unavailable`] where the key service fails.
pub async fn seal(
    vault: &dyn Vault,
    place: Place<'_>,
    tokens: &Tokens,
    refresh: Option<&SecretString>,
    now: Timestamp,
) -> Result<SealedTokens, VaultError> {
    let binding = |purpose| Binding::new(place.connection, purpose);
    let access = seal_text(vault, &binding(Purpose::AccessToken), &tokens.access_token).await?;
    let refresh = match refresh {
        Some(token) => Some(seal_text(vault, &binding(Purpose::RefreshToken), token).await?),
        None => None,
    };
    Ok(SealedTokens { slot: place.slot, consenter: place.consenter, refresh, access, access_until: now + tokens.expires_in })
}

/// The live access token of the grant in use, opened; `None` where there is none, and a check must be waited for.
///
/// # Errors
/// [`TokenError`].
pub async fn live(ports: &Ports, connection: &Connection) -> Result<Option<SecretString>, TokenError> {
    let Some(grant) = &connection.body.grant else {
        return Ok(None);
    };
    let tokens = ports.store.tokens_in(&connection.id, grant.current).await?;
    let Some(tokens) = tokens.filter(|tokens| tokens.access_until > ports.clock.now() + SPARE) else {
        return Ok(None);
    };
    let binding = Binding::new(&connection.id, Purpose::AccessToken);
    Ok(Some(open_text(ports.vault.as_ref(), &binding, &tokens.access).await?))
}
