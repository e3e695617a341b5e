//! Who calls: a portal user of one customer, or the operator's server, each by a short token that the operator signs.
//!
//! The token is a JWT with `sub` (the portal user, or the server), `customer` (the operator's id of the customer), `scope` (words separated
//! by spaces), `iat` and `exp`, at most 15 minutes apart. The two kinds have keys and an audience each, so that a token of one is never
//! taken for the other's:
//!
//! | kind | keys | `aud` | scopes |
//! |---|---|---|---|
//! | portal user | `EVERGRANT_CALLER_KEYS` | `evergrant` | all |
//! | server | `EVERGRANT_SERVER_KEYS` | `evergrant-server` | `status:read people:read` |
//!
//! Source for the shape: RFC 9068 and RFC 8693 section 4.2.

mod keys;

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use domain::ids::CustomerId;
use jiff::Timestamp;
use jsonwebtoken::Validation;
use serde::Deserialize;

use crate::Shared;
use crate::problem::ApiError;
use keys::Keys;

pub use keys::CallersError;

/// The longest life of a caller's token, in seconds.
const LIFE_MAX_SECONDS: i64 = 15 * 60;
/// How far the operator's clock and ours may be apart, in seconds.
const SKEW_SECONDS: i64 = 60;
/// All that a server may do: to read.
const SERVER_SCOPES: [&str; 2] = ["status:read", "people:read"];

/// Which kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CallerKind {
    /// A user of the operator's portal.
    Portal,
    /// The operator's server.
    Server,
}

impl CallerKind {
    fn audience(self) -> &'static str {
        match self {
            Self::Portal => "evergrant",
            Self::Server => "evergrant-server",
        }
    }
}

/// The public keys of all who may sign callers' tokens.
#[derive(Clone)]
pub struct Callers {
    portal: Keys,
    servers: Keys,
}

impl Callers {
    /// Reads the JWK set of the keys that sign for portal users; no server may call yet.
    ///
    /// # Errors
    /// [`CallersError`].
    pub fn from_jwks(json: &str) -> Result<Self, CallersError> {
        Ok(Self { portal: Keys::from_jwks(json)?, servers: Keys::default() })
    }

    /// Reads the JWK set of the keys that sign for servers.
    ///
    /// # Errors
    /// [`CallersError`]; a key that signs for portal users as well would let either kind speak as the other.
    pub fn and_servers(self, json: &str) -> Result<Self, CallersError> {
        let servers = Keys::from_jwks(json)?;
        match servers.shared_with(&self.portal) {
            Some(key) => Err(CallersError::SharedKey(key)),
            None => Ok(Self { servers, ..self }),
        }
    }

    /// Whose token it is. Both sets may know a key of that name: each tries with its own.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, ApiError> {
        let refused = ApiError::Unauthorized;
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused("it is no JWT"))?;
        let key_id = header.kid.ok_or(refused("it names no key"))?;
        let sets = [(CallerKind::Portal, &self.portal), (CallerKind::Server, &self.servers)];
        let mut is_known = false;
        for (kind, key) in sets.into_iter().filter_map(|(kind, keys)| Some((kind, keys.named(&key_id)?))) {
            is_known = true;
            let mut validation = Validation::new(key.algorithm);
            validation.set_audience(&[kind.audience()]);
            validation.set_required_spec_claims(&["aud", "exp", "sub"]);
            validation.validate_exp = false;
            if let Ok(token) = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation) {
                check_times(&token.claims, now)?;
                return Ok(Caller::of(kind, token.claims));
            }
        }
        match is_known {
            true => Err(refused("its signature, algorithm, audience or claims are wrong")),
            false => Err(refused("its key is not known")),
        }
    }
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
    /// The portal user or the server, as the operator names them.
    pub(crate) user: String,
    kind: CallerKind,
    scopes: BTreeSet<String>,
}

impl Caller {
    fn of(kind: CallerKind, claims: Claims) -> Self {
        let is_open = |scope: &&str| kind == CallerKind::Portal || SERVER_SCOPES.contains(scope);
        let scopes = claims.scope.split_whitespace().filter(is_open).map(str::to_owned).collect();
        Self { customer: claims.customer, user: claims.sub, kind, scopes }
    }

    /// Whether the caller may do what this scope stands for.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// Lets only callers with this scope pass.
    pub(crate) fn require(&self, scope: &'static str) -> Result<(), ApiError> {
        match self.has_scope(scope) {
            true => Ok(()),
            false => Err(ApiError::Forbidden(scope)),
        }
    }
}

/// Who calls, if they may now: whose token is good, and who does not ask too often.
impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, portal: &Shared) -> Result<Self, ApiError> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or(ApiError::Unauthorized("the Authorization header must be a Bearer token"))?;
        let now = portal.ports.clock.now();
        let caller = portal.callers.verify(token, now)?;
        portal.buckets.take(caller.kind, &caller.customer, now)?;
        Ok(caller)
    }
}
