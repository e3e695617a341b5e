//! Who calls: a short token, signed by the operator's backend for one portal user of one customer.
//!
//! The token is a JWT with `aud` `evergrant`, `sub` (the portal user), `customer` (the operator's id of the customer), `scope` (words
//! separated by spaces), `iat` and `exp`, at most 15 minutes apart. Source for the shape: RFC 9068 and RFC 8693 section 4.2.

use std::collections::{BTreeSet, HashMap};

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use domain::ids::CustomerId;
use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::Shared;
use crate::problem::ApiError;

/// The longest life of a caller's token, in seconds.
const LIFE_MAX_SECONDS: i64 = 15 * 60;
/// How far the operator's clock and ours may be apart, in seconds.
const SKEW_SECONDS: i64 = 60;

/// Public keys of the operator's backends, by key id. Each key works with one algorithm only: Ed25519 with `EdDSA`, P-256 with `ES256`.
#[derive(Clone)]
pub struct Callers {
    keys: HashMap<String, (Algorithm, DecodingKey)>,
}

/// Why a set of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// It is no JWK set (RFC 7517), or an empty one.
    #[error("the caller keys must be a JWK set with at least one key")]
    NoKeySet,
    /// A key is of another kind, or has no id.
    #[error("caller key {0:?} must have a kid and be of kind OKP with Ed25519 or EC with P-256")]
    BadKey(String),
}

impl Callers {
    /// Reads a JWK set of public keys.
    ///
    /// # Errors
    /// [`CallersError`].
    pub fn from_jwks(json: &str) -> Result<Self, CallersError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| CallersError::NoKeySet)?;
        let keys = set.keys.iter().map(read_key).collect::<Result<HashMap<_, _>, _>>()?;
        match keys.is_empty() {
            true => Err(CallersError::NoKeySet),
            false => Ok(Self { keys }),
        }
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, ApiError> {
        let refused = ApiError::Unauthorized;
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused("it is no JWT"))?;
        let key_id = header.kid.ok_or(refused("it names no key"))?;
        let (algorithm, key) = self.keys.get(&key_id).ok_or(refused("its key is not known"))?;
        let mut validation = Validation::new(*algorithm);
        validation.set_audience(&["evergrant"]);
        validation.set_required_spec_claims(&["aud", "exp", "sub"]);
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation);
        let claims = claims.map_err(|_| refused("its signature, algorithm, audience or claims are wrong"))?.claims;
        check_times(&claims, now)?;
        let scopes = claims.scope.split_whitespace().map(str::to_owned).collect();
        Ok(Caller { customer: claims.customer, user: claims.sub, scopes })
    }
}

fn read_key(key: &Jwk) -> Result<(String, (Algorithm, DecodingKey)), CallersError> {
    let name = key.common.key_id.clone();
    let bad = || CallersError::BadKey(name.clone().unwrap_or_default());
    let algorithm = match &key.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        _ => return Err(bad()),
    };
    let decoding = DecodingKey::from_jwk(key).map_err(|_| bad())?;
    Ok((name.clone().ok_or_else(bad)?, (algorithm, decoding)))
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    customer: CustomerId,
    #[serde(default)]
    scope: String,
    iat: i64,
    exp: i64,
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), ApiError> {
    let second = now.as_second();
    if claims.exp.saturating_sub(claims.iat) > LIFE_MAX_SECONDS {
        return Err(ApiError::Unauthorized("it lives longer than 15 minutes"));
    }
    if claims.iat > second.saturating_add(SKEW_SECONDS) {
        return Err(ApiError::Unauthorized("it is from the future"));
    }
    if claims.exp <= second.saturating_sub(SKEW_SECONDS) {
        return Err(ApiError::Unauthorized("it has expired"));
    }
    Ok(())
}

/// Whoever speaks to the API.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// For which customer. Every query is keyed by it.
    pub(crate) customer: CustomerId,
    /// The portal user, as the operator names them.
    pub(crate) user: String,
    scopes: BTreeSet<String>,
}

impl Caller {
    /// Lets only callers with this scope pass.
    pub(crate) fn require(&self, scope: &'static str) -> Result<(), ApiError> {
        match self.scopes.contains(scope) {
            true => Ok(()),
            false => Err(ApiError::Forbidden(scope)),
        }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, portal: &Shared) -> Result<Self, ApiError> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or(ApiError::Unauthorized("the Authorization header must be a Bearer token"))?;
        portal.callers.verify(token, portal.ports.clock.now())
    }
}
