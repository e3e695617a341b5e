//! The operator's signing keys: one for the short tokens that its portal gives to its users' browsers, one for those of its servers.

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

/// For which kind of caller tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Users of the portal, with what its admin page needs.
    Portal,
    /// The operator's servers, which read.
    Server,
}

/// What the tokens of a kind say.
struct Terms {
    key_id: &'static str,
    audience: &'static str,
    subject: &'static str,
    scopes: &'static str,
}

impl Kind {
    fn terms(self) -> Terms {
        match self {
            Self::Portal => Terms {
                key_id: "portal",
                audience: "evergrant",
                subject: "admin",
                scopes: "status:read reconnect:start people:read sync:start deletions:decide attributes:write notices:write",
            },
            Self::Server => {
                Terms { key_id: "server", audience: "evergrant-server", subject: "signatures", scopes: "status:read people:read" }
            }
        }
    }
}

/// Signs tokens, as an operator's own backend does.
pub struct Signer {
    kind: Kind,
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
    /// Reads the key of a kind of callers from `path`, or makes a new one there.
    ///
    /// # Errors
    /// When the file is no key, or cannot be written.
    pub fn from_file(kind: Kind, path: &Path) -> Result<Self> {
        if !path.exists() {
            let key = Ed25519KeyPair::generate().map_err(|_| anyhow!("no signing key could be made"))?;
            let document = key.to_pkcs8v1().map_err(|_| anyhow!("no signing key could be made"))?;
            write_durably(path, document.as_ref()).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        let document = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_| anyhow!(damaged(path)))?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Ok(Self { kind, key: EncodingKey::from_ed_der(&document), public })
    }

    /// The public key, as the API wants to be told it (RFC 7517, RFC 8037).
    #[must_use]
    pub fn key_set(&self) -> String {
        let key_id = self.kind.terms().key_id;
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key_id, "x": self.public}]}).to_string()
    }

    /// A token for a user of this customer, or for a server that reads of it.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn mint(&self, customer: &CustomerId, now: Timestamp) -> Result<String> {
        let (iat, exp) = (now.as_second(), (now + LIFE).as_second());
        let Terms { key_id, audience: aud, subject, scopes: scope } = self.kind.terms();
        let claims = Claims { aud, sub: format!("{subject}@{customer}"), customer, scope, iat, exp };
        let header = Header { kid: Some(key_id.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.key).context("a token could not be signed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation};

    #[test]
    fn a_servers_token_is_for_servers_alone_and_only_reads() {
        let path = std::env::temp_dir().join(format!("runner-servers-{}.key", std::process::id()));
        let signer = Signer::from_file(Kind::Server, &path).unwrap();
        let keys: JwkSet = serde_json::from_str(&signer.key_set()).unwrap();
        let token = signer.mint(&"acme".parse().unwrap(), Timestamp::now()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&["evergrant-server"]);
        let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!((&claims["customer"], &claims["scope"]), (&json!("acme"), &json!("status:read people:read")));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_token_is_good_for_the_key_set_also_after_a_new_start() {
        let path = std::env::temp_dir().join(format!("runner-callers-{}.key", std::process::id()));
        let keys: JwkSet = serde_json::from_str(&Signer::from_file(Kind::Portal, &path).unwrap().key_set()).unwrap();
        let token = Signer::from_file(Kind::Portal, &path).unwrap().mint(&"acme".parse().unwrap(), Timestamp::now()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&["evergrant"]);
        let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!((&claims["customer"], &claims["sub"]), (&json!("acme"), &json!("admin@acme")));
        std::fs::remove_file(path).unwrap();
    }
}
