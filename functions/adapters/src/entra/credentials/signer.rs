//! Who holds a certificate's private key, and signs with it.

use std::path::Path;

use async_trait::async_trait;
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

/// Why there is no signature, or no key.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The key file holds no RSA private key as PEM, or cannot be read.
    #[error("the key file {path} holds no RSA private key (PEM, PKCS#8 or PKCS#1, without a password)")]
    BadKeyFile {
        /// Which file.
        path: String,
    },
    /// The key made no signature.
    #[error("the key does not sign")]
    DoesNotSign,
    /// KMS refuses, or does not answer.
    #[error("KMS key {key_id}: {what}")]
    Kms {
        /// Which key.
        key_id: String,
        /// What KMS says, without anything secret.
        what: String,
    },
}

/// Signs with an RSA private key that it does not give away.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Signs with RSASSA-PSS and SHA-256, the salt as long as the hash: what JSON Web Algorithms call PS256 (RFC 7518 section 3.5).
    ///
    /// # Errors
    /// [`SignerError`] where there is no signature.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;

    /// The public half: `RSAPublicKey` as DER (RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    /// [`SignerError`] where the key cannot be used.
    async fn public_key(&self) -> Result<Vec<u8>, SignerError>;
}

/// [`Signer`] with a key from a file, for one machine and for operators that keep keys themselves.
pub struct KeyFile(KeyPair);

impl KeyFile {
    /// Reads the first private key of a PEM file.
    ///
    /// # Errors
    /// [`SignerError::BadKeyFile`] where there is none.
    pub fn open(path: &Path) -> Result<Self, SignerError> {
        let bad = || SignerError::BadKeyFile { path: path.display().to_string() };
        let text = Zeroizing::new(std::fs::read(path).map_err(|_| bad())?);
        Self::from_pem(&text).ok_or_else(bad)
    }

    /// The first private key of a PEM text, if there is one.
    #[must_use]
    pub fn from_pem(text: &[u8]) -> Option<Self> {
        Pem::iter_from_buffer(text)
            .flatten()
            .find_map(|block| {
                let der = Zeroizing::new(block.contents);
                match block.label.as_str() {
                    "PRIVATE KEY" => KeyPair::from_pkcs8(&der).ok(),
                    "RSA PRIVATE KEY" => KeyPair::from_der(&der).ok(),
                    _ => None,
                }
            })
            .map(Self)
    }
}

#[async_trait]
impl Signer for KeyFile {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| SignerError::DoesNotSign)
    }

    async fn public_key(&self) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.public_key().as_ref().to_vec())
    }
}

/// [`Signer`] with a key that never leaves KMS. It needs `kms:Sign`, and `kms:GetPublicKey` for the check at start.
/// Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>
pub struct KmsKey {
    client: aws_sdk_kms::Client,
    key_id: String,
}

impl KmsKey {
    /// The key of this id, ARN or alias; `SIGN_VERIFY`, RSA.
    #[must_use]
    pub fn new(client: aws_sdk_kms::Client, key_id: String) -> Self {
        Self { client, key_id }
    }

    fn failed<E: ProvideErrorMetadata, R>(&self, error: &SdkError<E, R>) -> SignerError {
        self.says(what_aws_says(error))
    }

    fn says(&self, what: String) -> SignerError {
        SignerError::Kms { key_id: self.key_id.clone(), what }
    }
}

#[async_trait]
impl Signer for KmsKey {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let digest = digest::digest(&digest::SHA256, message);
        let request = self.client.sign().key_id(&self.key_id).message(Blob::new(digest.as_ref())).message_type(MessageType::Digest);
        let answer = request.signing_algorithm(SigningAlgorithmSpec::RsassaPssSha256).send().await;
        let signature = answer.map_err(|error| self.failed(&error))?.signature;
        signature.map(Blob::into_inner).ok_or(SignerError::DoesNotSign)
    }

    async fn public_key(&self) -> Result<Vec<u8>, SignerError> {
        let answer = self.client.get_public_key().key_id(&self.key_id).send().await.map_err(|error| self.failed(&error))?;
        if !answer.signing_algorithms().contains(&SigningAlgorithmSpec::RsassaPssSha256) {
            return Err(self.says("it does not sign with RSASSA_PSS_SHA_256".to_owned()));
        }
        let der = answer.public_key.map(Blob::into_inner).unwrap_or_default();
        let read = SubjectPublicKeyInfo::from_der(&der);
        let (_, public) = read.map_err(|_| self.says("its public key cannot be read".to_owned()))?;
        Ok(public.subject_public_key.data.to_vec())
    }
}

/// What a failed request to AWS comes to, in one line for the log.
pub(crate) fn what_aws_says<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(_) => {
            let (code, message) = (error.code().unwrap_or("no code"), error.message().unwrap_or("no message"));
            format!("refused ({code}: {})", message.replace(['\r', '\n'], " "))
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => "no answer".to_owned(),
        _ => "an answer that cannot be read".to_owned(),
    }
}
