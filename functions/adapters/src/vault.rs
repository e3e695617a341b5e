//! Seals and opens secrets. Sealed bytes are bound to their owner, a connection or a customer, and to a purpose: moved anywhere else they
//! do not open.
//!
//! ```text
//! sealed = version (1 byte) | length of the wrapped key (2) | wrapped key | nonce (12) | ciphertext and tag
//! ```
//! Each secret has a data key of its own. KMS wraps it with an encryption context; the local vault wraps it with a key from a file. The
//! same context is the additional data of AES-256-GCM, so the binding holds even where the wrapped key is not checked.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use domain::ids::{ConnectionId, CustomerId};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

mod kms;
mod local;
mod rotation;

pub use kms::KmsVault;
pub use local::LocalVault;
pub use rotation::{KmsRotation, LocalRotation, Resealed, Rotation};

const VERSION: u8 = 1;
const KEY_LEN: usize = 32;

/// What a secret is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Whose secret.
    pub owner: Owner,
    /// What for.
    pub purpose: Purpose,
}

/// Whose secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A connection's.
    Connection(ConnectionId),
    /// A customer's, whatever its connections are.
    Customer(CustomerId),
}

impl Owner {
    /// What it is, and which: a pair of KMS's encryption context.
    fn pair(&self) -> (&'static str, &str) {
        match self {
            Self::Connection(id) => ("connection", id.as_str()),
            Self::Customer(id) => ("customer", id.as_str()),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, id) = self.pair();
        write!(out, "{what} {id}")
    }
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To get new tokens.
    RefreshToken,
    /// To read Graph.
    AccessToken,
    /// To redeem an authorization code.
    CodeVerifier,
    /// To sign a customer's webhooks.
    WebhookSecret,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh-token",
            Self::AccessToken => "access-token",
            Self::CodeVerifier => "code-verifier",
            Self::WebhookSecret => "webhook-secret",
        }
    }
}

impl Binding {
    /// Binds to a connection and a purpose.
    #[must_use]
    pub fn new(connection: &ConnectionId, purpose: Purpose) -> Self {
        Self { owner: Owner::Connection(connection.clone()), purpose }
    }

    /// Binds to a customer and a purpose.
    #[must_use]
    pub fn of_customer(customer: &CustomerId, purpose: Purpose) -> Self {
        Self { owner: Owner::Customer(customer.clone()), purpose }
    }

    fn additional_data(&self) -> Vec<u8> {
        let purpose = self.purpose.word();
        // A connection stands there by its id alone, as in everything that was sealed before customers had secrets.
        match &self.owner {
            Owner::Connection(id) => format!("evergrant\n{id}\n{purpose}").into_bytes(),
            Owner::Customer(id) => format!("evergrant\ncustomer\n{id}\n{purpose}").into_bytes(),
        }
    }
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key service did not answer, or refused.
    #[error("the key service failed for {owner}")]
    Unavailable {
        /// Whose secret.
        owner: Owner,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bytes are not what was sealed for this owner and purpose.
    #[error("a sealed secret of {owner} does not open: it is damaged or belongs elsewhere")]
    DoesNotOpen {
        /// Whose secret.
        owner: Owner,
    },
    /// The key file cannot be used.
    #[error("the key file {path} must hold exactly {KEY_LEN} bytes and be readable by its owner")]
    BadKeyFile {
        /// Which file.
        path: String,
    },
}

/// Seals and opens secrets.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Seals `secret` to its binding.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] where the key service fails.
    async fn seal(&self, binding: &Binding, secret: &[u8]) -> Result<Vec<u8>, VaultError>;

    /// Opens what was sealed to the same binding.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] for anything else; [`VaultError::Unavailable`] where the key service fails.
    async fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError>;
}

/// Opens a sealed text, such as a token.
///
/// # Errors
/// [`VaultError`]; also where what was sealed is no text.
pub async fn open_text(vault: &dyn Vault, binding: &Binding, sealed: &[u8]) -> Result<SecretString, VaultError> {
    let opened = vault.open(binding, sealed).await?;
    let text = std::str::from_utf8(&opened).map_err(|_| VaultError::DoesNotOpen { owner: binding.owner.clone() })?;
    Ok(text.to_owned().into())
}

/// Seals a text, such as a token.
///
/// # Errors
/// [`VaultError::Unavailable`] where the key service fails.
pub async fn seal_text(vault: &dyn Vault, binding: &Binding, secret: &SecretString) -> Result<Vec<u8>, VaultError> {
    vault.seal(binding, secret.expose_secret().as_bytes()).await
}

/// The parts of sealed bytes.
struct Parts<'a> {
    wrapped_key: &'a [u8],
    body: &'a [u8],
}

fn join(wrapped_key: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(wrapped_key.len()).ok()?;
    Some([&[VERSION][..], &length.to_be_bytes(), wrapped_key, body].concat())
}

fn split(sealed: &[u8]) -> Option<Parts<'_>> {
    let (&[version, high, low], rest) = sealed.split_first_chunk::<3>()?;
    let (wrapped_key, body) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    (version == VERSION).then_some(Parts { wrapped_key, body })
}

/// Encrypts with AES-256-GCM under a fresh random nonce, which stands in front.
fn encrypt(key: &[u8], nonce: [u8; NONCE_LEN], additional_data: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut body = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(additional_data), &mut body).ok()?;
    Some([&nonce[..], &body].concat())
}

fn decrypt(key: &[u8], additional_data: &[u8], body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let (nonce, ciphertext) = body.split_first_chunk::<NONCE_LEN>()?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    let length = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(additional_data), &mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}
