//! The vault of one invocation: a step outside like any other, and the rules learn what was sealed.

use std::sync::Arc;

use adapters::vault::{Binding, LocalVault, Vault, VaultError};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::actor::Actor;
use super::breakage::Breakage;
use super::outside::{Outside, Passed};

/// The vault.
pub struct Safe {
    /// Seals and opens.
    pub vault: LocalVault,
    /// The outside.
    pub outside: Arc<Outside>,
    /// Who asks.
    pub actor: Arc<Actor>,
    /// What is broken.
    pub breakage: Option<Breakage>,
}

impl Safe {
    fn unavailable<T>(binding: &Binding) -> Result<T, VaultError> {
        Err(VaultError::Unavailable { owner: binding.owner.clone(), source: "the connection broke".into() })
    }
}

/// Opens sealed bytes as this vault does, without a step.
///
/// # Errors
/// When they belong elsewhere.
pub async fn open(
    vault: &LocalVault,
    breakage: Option<Breakage>,
    binding: &Binding,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    match breakage {
        Some(Breakage::VaultOpen) => Ok(Zeroizing::new(sealed.to_vec())),
        Some(breakage) => vault.open(&breakage.binding(binding), sealed).await,
        None => vault.open(binding, sealed).await,
    }
}

#[async_trait]
impl Vault for Safe {
    async fn seal(&self, binding: &Binding, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (vault, breakage) = (self.vault.clone(), self.breakage);
        let (home, plain) = (binding.clone(), secret.to_vec());
        let label = format!("seal {:?}", binding.purpose);
        let passed = self.outside.through(&self.actor, &label, move || {
            Box::pin(async move {
                match breakage {
                    Some(Breakage::VaultOpen) => Ok(plain),
                    Some(breakage) => vault.seal(&breakage.binding(&home), &plain).await,
                    None => vault.seal(&home, &plain).await,
                }
            })
        });
        let Passed::Answered(sealed) = passed.await else { return Self::unavailable(binding) };
        let sealed = sealed?;
        self.outside.watch().sealed(&String::from_utf8_lossy(secret), STANDARD.encode(&sealed));
        Ok(sealed)
    }

    async fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (vault, breakage) = (self.vault.clone(), self.breakage);
        let (home, sealed) = (binding.clone(), sealed.to_vec());
        let label = format!("open {:?}", binding.purpose);
        let passed =
            self.outside.through(&self.actor, &label, move || Box::pin(async move { open(&vault, breakage, &home, &sealed).await }));
        match passed.await {
            Passed::Answered(opened) => opened,
            Passed::Lost | Passed::Throttled => Self::unavailable(binding),
        }
    }
}
