//! Who speaks: the access token, and what its tenant still allows.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answer::Failure;
use crate::sealed::Purpose;
use crate::state::{ServicePrincipal, State, Tenant};

/// What an access token carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccessToken {
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) client: Uuid,
    /// Nobody, for app-only tokens.
    pub(crate) user: Option<Uuid>,
    /// Delegated permissions; app-only tokens are judged by the roles granted now.
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Timestamp,
}

/// The caller of one request.
pub(super) struct Bearer {
    pub(super) tenant: Uuid,
    pub(super) client: Uuid,
    pub(super) user: Option<Uuid>,
    scopes: Vec<String>,
}

impl Bearer {
    /// Opens the token of the request.
    pub(super) fn examine(state: &State, headers: &HeaderMap) -> Result<Self, Failure> {
        let Some(header) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return Err(invalid("Access token is empty."));
        };
        let token = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("bearer "));
        let opened = token.and_then(|token| state.seal.open::<AccessToken>(Purpose::AccessToken, token.trim()));
        let Some(token) = opened else {
            return Err(invalid("CompactToken parsing failed with error code: 80049217"));
        };
        if token.expires_at <= state.now {
            return Err(invalid("Lifetime validation failed, the token is expired."));
        }
        Ok(Self { tenant: token.tenant, client: token.client, user: token.user, scopes: token.scopes })
    }

    /// Refuses apps the tenant no longer knows, or has disabled.
    pub(super) fn require_app(&self, state: &State) -> Result<(), Failure> {
        let principal = state.tenants.get(&self.tenant).filter(|tenant| tenant.exists);
        match principal.and_then(|tenant| tenant.service_principals.get(&self.client)) {
            None => Err(Failure::new(
                403,
                "Authorization_IdentityNotFound",
                "The identity of the calling application could not be established.",
            )),
            Some(principal) if principal.is_disabled => {
                Err(Failure::new(403, "Authorization_IdentityDisabled", "The identity of the calling application is disabled."))
            }
            Some(_) => Ok(()),
        }
    }

    /// The tenant, when one of the permissions is granted for this caller.
    pub(super) fn tenant<'a>(&self, state: &'a mut State, permissions: &[&str]) -> Result<&'a mut Tenant, Failure> {
        let tenant = state.tenants.get_mut(&self.tenant).ok_or_else(Failure::denied)?;
        let principal = tenant.service_principals.get(&self.client).ok_or_else(Failure::denied)?;
        match permissions.iter().any(|permission| self.has(principal, permission)) {
            true => Ok(tenant),
            false => Err(Failure::denied()),
        }
    }

    fn has(&self, principal: &ServicePrincipal, permission: &str) -> bool {
        match self.user {
            None => principal.roles.contains(permission),
            Some(user) => self.scopes.iter().any(|scope| scope == permission) && principal.has_delegated(user, permission),
        }
    }
}

fn invalid(message: &str) -> Failure {
    Failure::new(401, "InvalidAuthenticationToken", message).with_header("www-authenticate", "Bearer realm=\"\", error=\"invalid_token\"")
}
