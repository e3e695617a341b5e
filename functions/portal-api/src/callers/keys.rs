//! Public keys that callers' tokens are verified with.

use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};

/// Why a set of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// It is no JWK set (RFC 7517), or an empty one.
    #[error("the caller keys must be a JWK set with at least one key")]
    NoKeySet,
    /// A key is of another kind, or has no id.
    #[error("caller key {0:?} must have a kid and be of kind OKP with Ed25519 or EC with P-256")]
    BadKey(String),
    /// A key would sign for both kinds of callers.
    #[error("key {0:?} must not be among the keys of the portal's callers as well")]
    SharedKey(String),
}

/// Keys by their id.
#[derive(Clone, Default)]
pub(super) struct Keys(HashMap<String, Key>);

/// A public key. It works with one algorithm only: Ed25519 with `EdDSA`, P-256 with `ES256`.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl Keys {
    /// Reads a JWK set of public keys.
    pub(super) fn from_jwks(json: &str) -> Result<Self, CallersError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| CallersError::NoKeySet)?;
        let keys = set.keys.iter().map(read).collect::<Result<HashMap<_, _>, _>>()?;
        match keys.is_empty() {
            true => Err(CallersError::NoKeySet),
            false => Ok(Self(keys)),
        }
    }

    pub(super) fn named(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }

    /// The id of a key that the other set holds too, under whatever id.
    pub(super) fn shared_with(&self, other: &Self) -> Option<String> {
        let raw = |key: &Key| key.decoding.try_get_as_bytes().map(<[u8]>::to_vec).ok();
        let is_shared = |key: &Key| raw(key).is_some_and(|bytes| other.0.values().any(|others| raw(others).as_ref() == Some(&bytes)));
        self.0.iter().find(|(_, key)| is_shared(key)).map(|(id, _)| id.clone())
    }
}

fn read(key: &Jwk) -> Result<(String, Key), CallersError> {
    let name = key.common.key_id.clone();
    let bad = || CallersError::BadKey(name.clone().unwrap_or_default());
    let algorithm = match &key.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        _ => return Err(bad()),
    };
    let decoding = DecodingKey::from_jwk(key).map_err(|_| bad())?;
    Ok((name.clone().ok_or_else(bad)?, Key { algorithm, decoding }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(kid: &str, x: &str) -> String {
        serde_json::json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}]}).to_string()
    }

    #[test]
    fn a_key_that_both_sets_hold_is_found_under_whatever_id() {
        let (one, other) = ("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f70");
        let portal = Keys::from_jwks(&set("portal", one)).unwrap();
        assert_eq!(Keys::from_jwks(&set("server", one)).unwrap().shared_with(&portal), Some("server".to_owned()));
        assert_eq!(Keys::from_jwks(&set("portal", other)).unwrap().shared_with(&portal), None, "the same id is no matter");
    }
}
