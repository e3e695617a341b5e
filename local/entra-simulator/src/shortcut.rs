//! Ways past the pages, for tests that need a grant and not a browser.

use thiserror::Error;
use url::Url;
use uuid::Uuid;

use crate::acts::ActError;
use crate::authorize::{Asked, Errand, ResponseMode};
use crate::consent;
use crate::refusal::Refusal;
use crate::registration::Platform;
use crate::signin::{SignedIn, judge};
use crate::token::{RefreshToken, issue_refresh_token};
use crate::{Simulator, TenantId};

/// A sign-in that cannot be taken in one step.
#[derive(Debug, Error)]
pub enum ShortcutError {
    /// Tenant, user or app are not there.
    #[error(transparent)]
    Missing(#[from] ActError),
    /// A page would have shown this refusal.
    #[error("the sign-in page refuses: {0}")]
    Refused(String),
}

impl From<Refusal> for ShortcutError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.text())
    }
}

impl Simulator {
    /// Signs a user in, with a second factor, consents to `scopes` and answers a refresh token, all in one step.
    ///
    /// # Errors
    ///
    /// When somebody or something is not there, or the pages would have refused.
    pub fn grant(&self, (tenant, user): (TenantId, Uuid), client: Uuid, scopes: &[&str]) -> Result<String, ShortcutError> {
        self.attempt(|state| {
            if !state.apps.contains_key(&client) {
                return Err(ActError::UnknownApp(client).into());
            }
            let world = state.tenants.get(&tenant).ok_or(ActError::UnknownTenant(tenant))?;
            world.directory.person(user).ok_or(ActError::UnknownUser { tenant, user })?;
            let asked = Asked {
                errand: Errand::SignIn,
                authority: tenant.to_string(),
                client,
                redirect_uri: String::new(),
                response_mode: ResponseMode::Query,
                state: None,
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
                nonce: None,
                challenge: None,
                login_hint: None,
                always_asks: false,
            };
            let signed_in = SignedIn { asked, tenant, user, mfa_at: Some(state.now) };
            let wanted = judge(state, &signed_in)?;
            consent::grant(state, client, wanted, (tenant, user));
            let token = RefreshToken {
                id: Uuid::nil(),
                tenant,
                user,
                client,
                scopes: signed_in.asked.scopes,
                platform: Platform::Web,
                issued_at: state.now,
                interactive_at: state.now,
                mfa_at: signed_in.mfa_at,
            };
            Ok(issue_refresh_token(state, token))
        })
    }

    /// Does what a user in a browser would do at an authorize or admin consent URL: sign in, with a second factor, and
    /// accept. Answers where the browser is sent.
    ///
    /// # Errors
    ///
    /// When the user is not there, or a page would have refused.
    pub fn accept(&self, request: &Url, (tenant, user): (TenantId, Uuid)) -> Result<Url, ShortcutError> {
        let asked = crate::authorize::asked(self, request)?;
        self.attempt(|state| {
            let signed_in = SignedIn { asked, tenant, user, mfa_at: Some(state.now) };
            let wanted = judge(state, &signed_in)?;
            consent::grant(state, signed_in.asked.client, wanted, (tenant, user));
            let reply = crate::signin::reply(state, &signed_in);
            let location = crate::authorize::location(&signed_in.asked, &reply);
            location.ok_or_else(no_url)
        })
    }

    /// Does what somebody in a browser would do who says no there. Answers where the browser is sent.
    ///
    /// # Errors
    ///
    /// When a page would have refused the request itself.
    pub fn decline(&self, request: &Url) -> Result<Url, ShortcutError> {
        let asked = crate::authorize::asked(self, request)?;
        crate::authorize::location(&asked, &crate::signin::denial(&asked)).ok_or_else(no_url)
    }
}

fn no_url() -> ShortcutError {
    ShortcutError::Refused("the redirect URI is not a URL".to_owned())
}
