//! Ports that count what passes through them.

use std::sync::atomic::{AtomicU64, Ordering};

use adapters::transport::{Network, Transport, TransportError};
use adapters::vault::{Binding, LocalVault, Vault, VaultError};
use async_trait::async_trait;
use http::{Request, Response};
use zeroize::Zeroizing;

/// How many bytes longer a data key is that KMS wrapped than one that the local vault wrapped: 167 instead of 60.
/// Source: the example of <https://docs.aws.amazon.com/cli/latest/reference/kms/generate-data-key.html>
const KMS_MORE_BYTES: usize = 167 - 60;

/// HTTP out.
pub(super) struct CountedTransport {
    network: Network,
    /// Requests to the token endpoint.
    pub(super) tokens: AtomicU64,
    /// Other requests.
    pub(super) others: AtomicU64,
}

impl CountedTransport {
    pub(super) fn new(network: Network) -> Self {
        Self { network, tokens: AtomicU64::new(0), others: AtomicU64::new(0) }
    }
}

#[async_trait]
impl Transport for CountedTransport {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let count = match request.uri().path().ends_with("/token") {
            true => &self.tokens,
            false => &self.others,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.network.send(request).await
    }
}

/// A local vault whose sealed bytes are as long as KMS makes them.
pub(super) struct CountedVault {
    local: LocalVault,
    /// Each is one GenerateDataKey at KMS.
    pub(super) seals: AtomicU64,
    /// Each is one Decrypt at KMS.
    pub(super) opens: AtomicU64,
}

impl CountedVault {
    pub(super) fn new(local: LocalVault) -> Self {
        Self { local, seals: AtomicU64::new(0), opens: AtomicU64::new(0) }
    }
}

#[async_trait]
impl Vault for CountedVault {
    async fn seal(&self, binding: &Binding, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.seals.fetch_add(1, Ordering::Relaxed);
        let mut sealed = self.local.seal(binding, secret).await?;
        sealed.resize(sealed.len() + KMS_MORE_BYTES, 0);
        Ok(sealed)
    }

    async fn open(&self, binding: &Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.opens.fetch_add(1, Ordering::Relaxed);
        let length = sealed.len().saturating_sub(KMS_MORE_BYTES);
        self.local.open(binding, &sealed[..length]).await
    }
}
