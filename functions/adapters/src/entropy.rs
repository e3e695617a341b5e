//! Chance, so that tests can seed it.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Gives random bytes, fit for secrets.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Sixteen random bytes: an id.
pub fn bytes16(entropy: &dyn Entropy) -> [u8; 16] {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    bytes
}

/// 32 random bytes as 43 characters of base64url: a secret, or a PKCE verifier (RFC 7636 section 4.1).
pub fn secret_text(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // AWS-LC aborts rather than return weak randomness; a failure here cannot be carried on from.
        #[expect(clippy::expect_used, reason = "without randomness nothing safe can be done")]
        rand::fill(bytes).expect("the operating system gives randomness");
    }
}
