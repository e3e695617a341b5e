//! The RSA key that signs id_tokens, and its JWKS.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens> (signing keys and their `issuer`)

use std::sync::OnceLock;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A private key as PKCS#8 PEM, which is how it is saved.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SigningKey {
    pem: String,
}

impl SigningKey {
    /// This process's key. RSA keys cannot be drawn from a seed with the library at hand and are slow to make, so one
    /// serves every world of a process; nothing but signatures depends on it.
    pub(crate) fn of_this_process() -> Self {
        static KEY: OnceLock<SigningKey> = OnceLock::new();
        KEY.get_or_init(Self::generate).clone()
    }

    /// A key nobody has seen before.
    pub(crate) fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("the system has randomness");
        let der: Pkcs8V1Der<'_> = pair.as_der().expect("a generated key can be written as PKCS#8");
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
        Self { pem }
    }

    /// Whether the saved text still is a key.
    pub(crate) fn is_usable(&self) -> bool {
        EncodingKey::from_rsa_pem(self.pem.as_bytes()).is_ok()
    }

    /// A compact RS256 JWS over `claims`.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.id());
        jsonwebtoken::encode(&header, claims, &self.encoding()).expect("an RSA key signs any JSON object")
    }

    /// The key set document; `issuer` is the template or the exact issuer the keys may be used for.
    pub(crate) fn set(&self, issuer: &str) -> Value {
        let (modulus, exponent) = self.components();
        let id = self.id();
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "x5t": id, "n": modulus, "e": exponent, "issuer": issuer,
        }]})
    }

    fn encoding(&self) -> EncodingKey {
        EncodingKey::from_rsa_pem(self.pem.as_bytes()).expect("checked when the world was made or loaded")
    }

    /// A name for the key: a digest of its modulus, shaped like a certificate thumbprint.
    fn id(&self) -> String {
        let (modulus, _) = self.components();
        URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, modulus.as_bytes()).as_ref()[..20])
    }

    fn components(&self) -> (String, String) {
        let jwk = Jwk::from_encoding_key(&self.encoding(), Algorithm::RS256).expect("an RSA key has a modulus");
        match jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => (rsa.n, rsa.e),
            _ => (String::new(), String::new()),
        }
    }
}
