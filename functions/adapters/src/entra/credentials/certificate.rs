//! A certificate as a credential: an assertion that its private key signs, for one tenant and a few minutes.
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials>

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Serialize;
use url::Url;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::public_key::PublicKey;

use super::signer::{Signer, SignerError};
use crate::entropy::{self, Entropy};

/// How long an assertion is valid; Entra recommends five to ten minutes.
const ASSERTION_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No X.509 certificate as PEM.
    #[error("it is no X.509 certificate (PEM)")]
    Unreadable,
    /// A key of another kind.
    #[error("its key is not RSA, which Entra asks for")]
    NotRsa,
    /// Its time is over.
    #[error("it ended at {0}")]
    Ended(Timestamp),
    /// Its time has not come.
    #[error("it is not valid before {0}")]
    NotYet(Timestamp),
    /// The private key is another certificate's.
    #[error("its public key is not that of the private key")]
    KeyDoesNotFit,
    /// The private key cannot be used.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// `x5t#S256`: SHA-256 of the DER, as base64url.
    thumbprint: String,
    public_key: Vec<u8>,
    begins_at: Timestamp,
    ends_at: Timestamp,
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// [`CertificateError`] where there is none, or none that signs as Entra asks.
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let mut blocks = Pem::iter_from_buffer(text).flatten();
        let block = blocks.find(|block| block.label == "CERTIFICATE").ok_or(CertificateError::Unreadable)?;
        let certificate = block.parse_x509().map_err(|_| CertificateError::Unreadable)?;
        Self::describe(&certificate, &block.contents)
    }

    fn describe(certificate: &X509Certificate<'_>, der: &[u8]) -> Result<Self, CertificateError> {
        let public = certificate.public_key();
        if !matches!(public.parsed(), Ok(PublicKey::RSA(_))) {
            return Err(CertificateError::NotRsa);
        }
        let validity = certificate.validity();
        let at = |seconds: i64| Timestamp::from_second(seconds).map_err(|_| CertificateError::Unreadable);
        Ok(Self {
            thumbprint: URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der)),
            public_key: public.subject_public_key.data.to_vec(),
            begins_at: at(validity.not_before.timestamp())?,
            ends_at: at(validity.not_after.timestamp())?,
        })
    }

    /// Refuses a certificate outside its own time.
    ///
    /// # Errors
    /// [`CertificateError::Ended`] or [`CertificateError::NotYet`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), CertificateError> {
        if now >= self.ends_at {
            return Err(CertificateError::Ended(self.ends_at));
        }
        match now < self.begins_at {
            true => Err(CertificateError::NotYet(self.begins_at)),
            false => Ok(()),
        }
    }

    /// When it ends.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }
}

/// A certificate and who signs for it.
#[derive(Clone)]
pub struct SigningCertificate {
    certificate: Certificate,
    signer: Arc<dyn Signer>,
    entropy: Arc<dyn Entropy>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(rename = "x5t#S256")]
    thumbprint: &'a str,
}

/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials> (claims)
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl SigningCertificate {
    /// A certificate with the signer that holds its key.
    #[must_use]
    pub fn new(certificate: Certificate, signer: Arc<dyn Signer>, entropy: Arc<dyn Entropy>) -> Self {
        Self { certificate, signer, entropy }
    }

    /// When the certificate ends.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.certificate.ends_at
    }

    /// Makes sure that the signer's key is the certificate's.
    ///
    /// # Errors
    /// [`CertificateError::KeyDoesNotFit`], or [`CertificateError::Signer`] where the key cannot be used.
    pub async fn check(&self) -> Result<(), CertificateError> {
        match self.signer.public_key().await? == self.certificate.public_key {
            true => Ok(()),
            false => Err(CertificateError::KeyDoesNotFit),
        }
    }

    /// An assertion of `client_id` for one token endpoint.
    ///
    /// # Errors
    /// [`SignerError`] where there is no signature.
    pub(super) async fn assertion(&self, client_id: &str, endpoint: &Url, now: Timestamp) -> Result<SecretString, SignerError> {
        let jti = uuid::Builder::from_random_bytes(entropy::bytes16(self.entropy.as_ref())).into_uuid().to_string();
        let (second, aud) = (now.as_second(), endpoint.as_str());
        let claims =
            Claims { aud, iss: client_id, sub: client_id, jti, iat: second, nbf: second, exp: second + ASSERTION_LIFETIME.as_secs() };
        let header = Header { alg: "PS256", typ: "JWT", thumbprint: &self.certificate.thumbprint };
        let message = format!("{}.{}", part(&header)?, part(&claims)?);
        let signature = self.signer.sign(message.as_bytes()).await?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

/// A part of a JWT (RFC 7515 section 3.1).
fn part(value: &impl Serialize) -> Result<String, SignerError> {
    serde_json::to_vec(value).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| SignerError::DoesNotSign)
}
