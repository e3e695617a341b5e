//! Secrets sealed under another key, without anybody reading them: only the data key of each is wrapped anew, inside of KMS. So whoever
//! changes keys needs no permission to open anything.
//! Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html>

use async_trait::async_trait;
use aws_sdk_kms::primitives::Blob;

use super::kms::unavailable;
use super::{Binding, KmsVault, LocalVault, Vault as _, VaultError, join, split};

/// What sealing anew came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resealed {
    /// It is sealed so already.
    Already,
    /// It is sealed so now.
    Anew(Vec<u8>),
}

/// Seals secrets under another key.
#[async_trait]
pub trait Rotation: Send + Sync {
    /// Seals `sealed` anew, to the same binding.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] for anything that was not sealed to it; [`VaultError::Unavailable`] where the key service fails, or denies
    /// the use of one of the keys.
    async fn reseal(&self, binding: &Binding, sealed: &[u8]) -> Result<Resealed, VaultError>;
}

/// [`Rotation`] in AWS KMS, from whatever key a secret is sealed under.
#[derive(Debug, Clone)]
pub struct KmsRotation {
    client: aws_sdk_kms::Client,
    to: String,
}

impl KmsRotation {
    /// To the key of this id, ARN or alias.
    #[must_use]
    pub fn new(client: aws_sdk_kms::Client, to: String) -> Self {
        Self { client, to }
    }
}

#[async_trait]
impl Rotation for KmsRotation {
    async fn reseal(&self, binding: &Binding, sealed: &[u8]) -> Result<Resealed, VaultError> {
        let does_not_open = || VaultError::DoesNotOpen { owner: binding.owner.clone() };
        let parts = split(sealed).ok_or_else(does_not_open)?;
        let context = KmsVault::context(binding);
        let request = self.client.re_encrypt().ciphertext_blob(Blob::new(parts.wrapped_key)).destination_key_id(&self.to);
        let request = request.set_source_encryption_context(Some(context.clone())).set_destination_encryption_context(Some(context));
        let answer = request.send().await.map_err(|error| match error.as_service_error() {
            Some(refused) if refused.is_invalid_ciphertext_exception() => does_not_open(),
            _ => unavailable(binding, error),
        })?;
        // A key whose material AWS rotated is the same key, and wraps with its new material.
        let is_same_key = answer.source_key_id.is_some() && answer.source_key_id == answer.key_id;
        if is_same_key && answer.source_key_material_id == answer.destination_key_material_id {
            return Ok(Resealed::Already);
        }
        let wrapped = answer.ciphertext_blob.map(Blob::into_inner).filter(|wrapped| !wrapped.is_empty());
        let sealed = wrapped.and_then(|wrapped| join(&wrapped, parts.body));
        sealed.map(Resealed::Anew).ok_or_else(|| unavailable(binding, "KMS returned an unusable data key"))
    }
}

/// [`Rotation`] from one key file to another, for one machine and for tests.
#[derive(Clone)]
pub struct LocalRotation {
    from: LocalVault,
    to: LocalVault,
}

impl LocalRotation {
    /// From one vault to another.
    #[must_use]
    pub fn new(from: LocalVault, to: LocalVault) -> Self {
        Self { from, to }
    }
}

#[async_trait]
impl Rotation for LocalRotation {
    async fn reseal(&self, binding: &Binding, sealed: &[u8]) -> Result<Resealed, VaultError> {
        if self.to.open(binding, sealed).await.is_ok() {
            return Ok(Resealed::Already);
        }
        let secret = self.from.open(binding, sealed).await?;
        self.to.seal(binding, &secret).await.map(Resealed::Anew)
    }
}
