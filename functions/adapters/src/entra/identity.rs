//! Who signed in, proved by the id_token. The callback's query proves nothing: anybody can write it.
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/id-tokens>, OpenID Connect Core 1.0 section 3.1.3.7

use domain::ids::{ObjectId, TenantId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::Entra;
use crate::transport::TransportError;

/// How far Entra's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The person who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The tenant that the account was used in.
    pub tenant: TenantId,
    /// The account.
    pub object: ObjectId,
    /// Its user principal name, for people to read; it can change.
    pub user_principal_name: Option<String>,
    /// Template ids of the directory roles that the account has for the whole tenant; none where the registration does not ask for them.
    pub roles: Vec<Uuid>,
}

/// Roles whose holders may allow an app to read the directory by itself: Global Administrator and Privileged Role Administrator.
/// Source: <https://learn.microsoft.com/en-us/entra/identity/role-based-access-control/permissions-reference>
const CONSENTING_ROLES: [Uuid; 2] =
    [Uuid::from_u128(0x62e9_0394_69f5_4237_9190_0121_7714_5e10), Uuid::from_u128(0xe861_1ab8_c189_46e8_94e1_6021_3ab1_f814)];

impl Identity {
    /// Whether the person may allow the app to read the directory by itself.
    #[must_use]
    pub fn may_consent_for_tenant(&self) -> bool {
        self.roles.iter().any(|role| CONSENTING_ROLES.contains(role))
    }
}

/// Why an id_token proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Entra's keys could not be fetched.
    #[error("could not fetch Entra's signing keys")]
    KeysUnavailable(#[source] Option<TransportError>),
    /// The token is not one that Entra made for us, now, in answer to this request.
    #[error("the id_token is not valid: {0}")]
    Invalid(&'static str),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    tid: TenantId,
    oid: ObjectId,
    nonce: Option<String>,
    exp: i64,
    nbf: Option<i64>,
    preferred_username: Option<String>,
    /// Directory roles; only where the registration's `groupMembershipClaims` asks for `DirectoryRole`.
    /// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims>
    #[serde(default)]
    wids: Vec<Uuid>,
}

/// The set of keys; each may be limited to an issuer.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    issuer: Option<String>,
    #[serde(flatten)]
    jwk: Jwk,
}

impl Entra {
    /// Validates an id_token: signature by Entra's keys, algorithm, audience, issuer of its own tenant, nonce and time.
    ///
    /// # Errors
    /// [`IdentityError`]; nothing of the token may be used then.
    pub async fn identify(&self, id_token: &SecretString, nonce: &str, now: Timestamp) -> Result<Identity, IdentityError> {
        let token = id_token.expose_secret();
        let header = jsonwebtoken::decode_header(token).map_err(|_| IdentityError::Invalid("no JWT header"))?;
        let key_id = header.kid.ok_or(IdentityError::Invalid("no key id"))?;
        let keys = self.keys().await?;
        let key = keys.into_iter().find(|key| key.jwk.common.key_id.as_ref() == Some(&key_id));
        let key = key.ok_or(IdentityError::Invalid("signed by a key that Entra does not publish"))?;
        let decoding = DecodingKey::from_jwk(&key.jwk).map_err(|_| IdentityError::Invalid("a key of an unknown kind"))?;
        let verified = jsonwebtoken::decode::<Claims>(token, &decoding, &self.validation());
        let claims = verified.map_err(|_| IdentityError::Invalid("wrong signature, algorithm or audience"))?.claims;
        self.check(&claims, key.issuer.as_deref(), nonce, now)?;
        Ok(Identity { tenant: claims.tid, object: claims.oid, user_principal_name: claims.preferred_username, roles: claims.wids })
    }

    /// Signature, algorithm and audience; times and issuer are checked in [`Entra::check`], against a clock that tests can set.
    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[&self.registration.client_id]);
        validation.set_required_spec_claims(&["aud", "iss", "exp"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    fn check(&self, claims: &Claims, key_issuer: Option<&str>, nonce: &str, now: Timestamp) -> Result<(), IdentityError> {
        let tenant = claims.tid.to_string();
        let issuer = self.login(&format!("{tenant}/v2.0"));
        let is_keys_issuer = key_issuer.is_none_or(|template| template.replace("{tenantid}", &tenant) == claims.iss);
        let second = now.as_second();
        for (is_met, fault) in [
            (claims.iss == issuer.as_str(), "another issuer"),
            (is_keys_issuer, "a key of another issuer"),
            (claims.nonce.as_deref() == Some(nonce), "another nonce"),
            (second < claims.exp.saturating_add(SKEW.as_secs()), "expired"),
            (claims.nbf.is_none_or(|nbf| second >= nbf.saturating_sub(SKEW.as_secs())), "not valid yet"),
        ] {
            if !is_met {
                return Err(IdentityError::Invalid(fault));
            }
        }
        Ok(())
    }

    async fn keys(&self) -> Result<Vec<Key>, IdentityError> {
        let url = self.login("common/discovery/v2.0/keys");
        let request = http::Request::get(url.as_str()).body(Vec::new()).map_err(|_| IdentityError::KeysUnavailable(None))?;
        let answer = self.transport.send(request).await.map_err(|error| IdentityError::KeysUnavailable(Some(error)))?;
        let keys: Keys = serde_json::from_slice(answer.body()).map_err(|_| IdentityError::KeysUnavailable(None))?;
        Ok(keys.keys)
    }
}
