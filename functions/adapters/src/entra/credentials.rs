//! How the operator's app proves to Entra who it is: an ordered list, so that replacing one credential is never an outage.
//!
//! ```text
//! Credentials ── in order ──► Credential ──┬─ secret        as it is
//!                                          ├─ certificate   an assertion, signed by a key file or by KMS
//!                                          └─ federated     a token of STS
//! ```
//! Where Entra refuses one, the next is tried for the same request. That is safe even for an authorization code, which is good for one use:
//! a client is authenticated before anything else of its request is looked at. Source: RFC 6749 sections 4.1.3 and 6. What worked is tried
//! first for a while, in memory only: each function finds it out for itself.
//!
//! To add a kind: a module here, a variant of [`Credential`], its proof, and a word in `settings::credentials`.

mod certificate;
mod federated;
mod signer;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::refusal::{ErrorWord, Refusal};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub use certificate::{Certificate, CertificateError, SigningCertificate};
pub use federated::{AUDIENCE, FederatedError, FederatedIdentity};
pub(crate) use signer::what_aws_says;
pub use signer::{KeyFile, KmsKey, Signer, SignerError};

/// How long what worked is tried first; then the order is the operator's again.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(15);
/// Refusals of a federated credential that do not come as `invalid_client`: no record, or none for this issuer, audience or subject.
/// Source: <https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-considerations>,
/// <https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes>
const FEDERATED_CODES: [u32; 5] = [70_021, 70_025, 700_211, 700_212, 700_213];

/// One way to prove who we are.
#[derive(Clone)]
pub enum Credential {
    /// A shared secret.
    Secret(ClientSecret),
    /// A certificate whose key signs.
    Certificate(SigningCertificate),
    /// A token of AWS's.
    Federated(FederatedIdentity),
}

/// A client secret.
#[derive(Clone)]
pub struct ClientSecret {
    /// What logs call it, such as `secret`.
    pub name: &'static str,
    /// The secret's value, not its id.
    pub value: SecretString,
    /// When it ends, where the operator told us.
    pub ends_at: Option<Timestamp>,
}

/// Credentials in the order in which they are tried; there is at least one.
#[derive(Clone)]
pub struct Credentials {
    first: Credential,
    others: Vec<Credential>,
    memory: Arc<Mutex<Memory>>,
}

/// What happened to them so far.
#[derive(Default)]
struct Memory {
    /// Which one worked, and until when that counts.
    worked: Option<(usize, Timestamp)>,
    /// Why each one failed when it was last tried.
    faults: Vec<Option<String>>,
}

/// What goes into a request.
pub(super) enum Proof {
    /// As `client_secret`.
    Secret(SecretString),
    /// As `client_assertion`.
    Assertion(SecretString),
}

/// An assertion could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProofError {
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error(transparent)]
    Federated(#[from] FederatedError),
}

impl From<Credential> for Credentials {
    fn from(first: Credential) -> Self {
        Self { first, others: Vec::new(), memory: Arc::default() }
    }
}

/// One secret alone, without a known end.
impl From<SecretString> for Credentials {
    fn from(value: SecretString) -> Self {
        Credential::Secret(ClientSecret { name: "secret", value, ends_at: None }).into()
    }
}

/// Names and ends, never values.
impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.all().map(|credential| (credential.name(), credential.ends_at()))).finish()
    }
}

impl Credentials {
    /// The same, and one more that is tried last.
    #[must_use]
    pub fn then(mut self, next: Credential) -> Self {
        self.others.push(next);
        self
    }

    /// In the operator's order.
    pub fn all(&self) -> impl Iterator<Item = &Credential> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// When the last of them ends; `None` where one never ends, or its end is not known.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.all().map(Credential::ends_at).try_fold(Timestamp::MIN, |last, end| Some(last.max(end?)))
    }

    /// The order of now: what worked lately, then the operator's order, and what has ended last.
    pub(super) fn order(&self, now: Timestamp) -> Vec<(usize, &Credential)> {
        let worked = self.memory().worked.filter(|(_, until)| now < *until).map(|(index, _)| index);
        let mut order: Vec<_> = self.all().enumerate().collect();
        order.sort_by_key(|(index, credential)| {
            let has_ended = credential.ends_at().is_some_and(|end| end <= now);
            (has_ended, Some(*index) != worked, *index)
        });
        order
    }

    /// Notes that one was accepted.
    pub(super) fn note_success(&self, index: usize, now: Timestamp) {
        let mut memory = self.memory();
        let is_remembered = memory.worked.is_some_and(|(worked, until)| worked == index && now < until);
        if !is_remembered {
            memory.worked = Some((index, now + REMEMBERED)).filter(|_| index != 0);
        }
        if memory.fault(index).take().is_some() {
            tracing::info!(credential = self.name(index), "our credential is accepted again");
        }
    }

    /// Notes that one failed; the log hears of it when that is news.
    pub(super) fn note_failure(&self, index: usize, why: String) {
        let mut memory = self.memory();
        memory.worked = memory.worked.filter(|(worked, _)| *worked != index);
        if memory.fault(index).as_ref() != Some(&why) {
            tracing::warn!(credential = self.name(index), why, "our credential does not work");
            *memory.fault(index) = Some(why);
        }
    }

    fn name(&self, index: usize) -> &'static str {
        self.all().nth(index).map_or("none", Credential::name)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn fault(&mut self, index: usize) -> &mut Option<String> {
        if self.faults.len() <= index {
            self.faults.resize(index + 1, None);
        }
        &mut self.faults[index]
    }
}

impl Credential {
    /// What logs call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Secret(secret) => secret.name,
            Self::Certificate(_) => "certificate",
            Self::Federated(_) => "federated",
        }
    }

    /// When it ends, if it ever does and we know it.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::Secret(secret) => secret.ends_at,
            Self::Certificate(certificate) => Some(certificate.ends_at()),
            Self::Federated(_) => None,
        }
    }

    /// Proves to one token endpoint who `client_id` is.
    pub(super) async fn prove(&self, client_id: &str, endpoint: &Url, now: Timestamp) -> Result<Proof, ProofError> {
        match self {
            Self::Secret(secret) => Ok(Proof::Secret(secret.value.clone())),
            Self::Certificate(certificate) => Ok(Proof::Assertion(certificate.assertion(client_id, endpoint, now).await?)),
            Self::Federated(identity) => Ok(Proof::Assertion(identity.token(now).await?)),
        }
    }

    /// Whether this refusal is about the credential; then nothing else of the request was looked at.
    pub(super) fn is_refused_by(&self, refusal: &Refusal) -> bool {
        let is_federated = matches!(self, Self::Federated(_));
        refusal.error == ErrorWord::InvalidClient || (is_federated && refusal.codes.iter().any(|code| FEDERATED_CODES.contains(code)))
    }

    /// Forgets what was made earlier, because it was refused.
    pub(super) async fn forget(&self) {
        if let Self::Federated(identity) = self {
            identity.forget().await;
        }
    }
}

impl Proof {
    /// The secret, where it is one; the `oauth2` crate sends that itself.
    pub(super) fn secret(&self) -> Option<&str> {
        match self {
            Self::Secret(secret) => Some(secret.expose_secret()),
            Self::Assertion(_) => None,
        }
    }

    /// The form fields of an assertion. Source: RFC 7523 section 2.2
    pub(super) fn fields(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Secret(_) => Vec::new(),
            Self::Assertion(assertion) => vec![
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.expose_secret()),
            ],
        }
    }
}

#[cfg(test)]
mod tests;
