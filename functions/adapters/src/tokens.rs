//! What Entra gave, as it is stored: sealed, each token for its own purpose.

use domain::ids::{ConnectionId, ObjectId};
use jiff::Timestamp;
use secrecy::SecretString;

use crate::entra::Tokens;
use crate::store::connections::Slot;
use crate::store::grants::SealedTokens;
use crate::vault::{Binding, Purpose, Vault, VaultError, seal_text};

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
