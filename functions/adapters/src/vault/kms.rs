//! The vault of the cloud: KMS wraps each data key under an encryption context.
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html>

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

use super::{Binding, Vault, VaultError, decrypt, encrypt, join, split};
use crate::entropy::Entropy;

/// [`Vault`] on AWS KMS.
#[derive(Clone)]
pub struct KmsVault {
    client: aws_sdk_kms::Client,
    key_id: String,
    entropy: Arc<dyn Entropy>,
}

impl KmsVault {
    /// A vault with the key of this id, ARN or alias.
    #[must_use]
    pub fn new(client: aws_sdk_kms::Client, key_id: String, entropy: Arc<dyn Entropy>) -> Self {
        Self { client, key_id, entropy }
    }

    pub(super) fn context(binding: &Binding) -> HashMap<String, String> {
        let pairs = [binding.owner.pair(), ("purpose", binding.purpose.word())];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}

pub(super) fn unavailable(binding: &Binding, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> VaultError {
    VaultError::Unavailable { owner: binding.owner.clone(), source: source.into() }
}

#[async_trait]
impl Vault for KmsVault {
    async fn seal(&self, binding: &Binding, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let request = self.client.generate_data_key().key_id(&self.key_id).key_spec(DataKeySpec::Aes256);
        let answer = request.set_encryption_context(Some(Self::context(binding))).send().await;
        let answer = answer.map_err(|error| unavailable(binding, error))?;
        let data_key = Zeroizing::new(answer.plaintext.map(Blob::into_inner).unwrap_or_default());
        let wrapped = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        let mut nonce = [0; aws_lc_rs::aead::NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let body = encrypt(&data_key, nonce, &binding.additional_data(), secret);
        let sealed = body.and_then(|body| join(&wrapped, &body));
        sealed.ok_or_else(|| unavailable(binding, "KMS returned an unusable data key"))
    }

    async fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let does_not_open = || VaultError::DoesNotOpen { owner: binding.owner.clone() };
        let parts = split(sealed).ok_or_else(does_not_open)?;
        let request = self.client.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(parts.wrapped_key));
        let answer =
            request.set_encryption_context(Some(Self::context(binding))).send().await.map_err(|error| match error.as_service_error() {
                Some(refused) if refused.is_invalid_ciphertext_exception() || refused.is_incorrect_key_exception() => does_not_open(),
                _ => unavailable(binding, error),
            })?;
        let data_key = Zeroizing::new(answer.plaintext.map(Blob::into_inner).unwrap_or_default());
        decrypt(&data_key, &binding.additional_data(), parts.body).ok_or_else(does_not_open)
    }
}
