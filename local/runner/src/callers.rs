//! The portal backend's signing key, and the short tokens that it gives to its users' browsers.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::CustomerId;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::json;

use crate::folder::write_durably;
use crate::journal::damaged;

/// How long a token is good for.
pub const LIFE: SignedDuration = SignedDuration::from_mins(10);
const KEY_ID: &str = "portal";
/// What the portal's admin page needs.
const SCOPES: &str = "status:read reconnect:start people:read sync:start deletions:decide attributes:write";

/// Signs tokens for portal users, as an operator's own backend does.
pub struct Signer {
    key: EncodingKey,
    public: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'static str,
    sub: String,
    customer: &'a CustomerId,
    scope: &'static str,
    iat: i64,
    exp: i64,
}

impl Signer {
    /// Reads the key from `path`, or makes a new one there.
    ///
    /// # Errors
    /// When the file is no key, or cannot be written.
    pub fn from_file(path: &Path) -> Result<Self> {
        if !path.exists() {
            let key = Ed25519KeyPair::generate().map_err(|_| anyhow!("no signing key could be made"))?;
            let document = key.to_pkcs8v1().map_err(|_| anyhow!("no signing key could be made"))?;
            write_durably(path, document.as_ref()).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        let document = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_| anyhow!(damaged(path)))?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Ok(Self { key: EncodingKey::from_ed_der(&document), public })
    }

    /// The public key, as the API wants to be told it (RFC 7517, RFC 8037).
    #[must_use]
    pub fn key_set(&self) -> String {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": self.public}]}).to_string()
    }

    /// A token for a user of this customer.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn mint(&self, customer: &CustomerId, now: Timestamp) -> Result<String> {
        let (iat, exp) = (now.as_second(), (now + LIFE).as_second());
        let claims = Claims { aud: "evergrant", sub: format!("admin@{customer}"), customer, scope: SCOPES, iat, exp };
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.key).context("a token could not be signed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation};

    #[test]
    fn a_token_is_good_for_the_key_set_also_after_a_new_start() {
        let path = std::env::temp_dir().join(format!("runner-callers-{}.key", std::process::id()));
        let keys: JwkSet = serde_json::from_str(&Signer::from_file(&path).unwrap().key_set()).unwrap();
        let token = Signer::from_file(&path).unwrap().mint(&"acme".parse().unwrap(), Timestamp::now()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&["evergrant"]);
        let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!((&claims["customer"], &claims["sub"]), (&json!("acme"), &json!("admin@acme")));
        std::fs::remove_file(path).unwrap();
    }
}
