//! The operator's backends: one signs a short token for each portal user, the other for the operator's servers.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// The id of the backend's key; the servers' key has the same, which must not matter.
pub const KEY_ID: &str = "backend-1";
/// Every scope there is.
pub const ALL_SCOPES: &str = "status:read reconnect:start people:read sync:start deletions:decide attributes:write notices:write";
/// Every scope that a server's token opens.
pub const SERVER_SCOPES: &str = "status:read people:read";

/// A backend's key pair, and for whom it signs.
pub struct Backend {
    audience: &'static str,
    private: EncodingKey,
    /// The public half, as base64url.
    pub public: String,
}

impl Backend {
    /// A backend with a new key, which signs for portal users.
    ///
    /// # Panics
    /// When the system gives no randomness.
    #[must_use]
    pub fn start() -> Self {
        Self::start_for("evergrant")
    }

    /// A backend with a new key, which signs for the operator's servers.
    ///
    /// # Panics
    /// When the system gives no randomness.
    #[must_use]
    pub fn start_for_servers() -> Self {
        Self::start_for("evergrant-server")
    }

    fn start_for(audience: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key can be made");
        let document = pair.to_pkcs8v1().expect("a key can be written");
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Self { audience, private: EncodingKey::from_ed_der(document.as_ref()), public }
    }

    /// The JWK set that the API is configured with.
    #[must_use]
    pub fn key_set(&self) -> String {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": KEY_ID, "x": self.public}]}).to_string()
    }

    /// A token for a customer's portal user, or for a server that reads of the customer; good for ten minutes.
    #[must_use]
    pub fn token(&self, customer: &str, scopes: &str, now: Timestamp) -> String {
        self.sign(&self.claims(customer, scopes, now))
    }

    /// What such a token says.
    #[must_use]
    pub fn claims(&self, customer: &str, scopes: &str, now: Timestamp) -> Value {
        let second = now.as_second();
        json!({"aud": self.audience, "sub": "portal-user", "customer": customer, "scope": scopes, "iat": second, "exp": second + 600})
    }

    /// Signs any claims.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(KEY_ID, claims)
    }

    /// Signs any claims in the name of any key.
    ///
    /// # Panics
    /// When the claims cannot be written.
    #[must_use]
    pub fn sign_as(&self, key_id: &str, claims: &Value) -> String {
        let header = Header { kid: Some(key_id.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.private).expect("claims can be signed")
    }
}
