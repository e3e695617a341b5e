//! A token of AWS's own in place of a secret: Entra trusts the account's issuer and the role.
//! Source: <https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation>,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::signer::what_aws_says;

/// What Entra expects as the audience, unless the federated credential was made with another one. It is matched case by case.
pub const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The only algorithm that Entra takes from another issuer.
const ALGORITHM: &str = "RS256";
/// STS's own default.
const LIFETIME_SECONDS: i32 = 300;
/// A token is not sent when it ends sooner than this.
const RESERVE: SignedDuration = SignedDuration::from_secs(60);

/// STS gave no token.
#[derive(Debug, thiserror::Error)]
#[error("STS GetWebIdentityToken: {what}")]
pub struct FederatedError {
    what: String,
}

/// The role's identity as STS certifies it. It needs `sts:GetWebIdentityToken`, and outbound federation enabled in the account.
#[derive(Clone)]
pub struct FederatedIdentity {
    client: aws_sdk_sts::Client,
    audience: String,
    kept: Arc<Mutex<Option<Kept>>>,
}

struct Kept {
    token: SecretString,
    ends_at: Timestamp,
}

impl FederatedIdentity {
    /// The identity of whoever the client speaks as, for this audience.
    #[must_use]
    pub fn new(client: aws_sdk_sts::Client, audience: String) -> Self {
        Self { client, audience, kept: Arc::default() }
    }

    /// A token; the same one until shortly before its end.
    ///
    /// # Errors
    /// [`FederatedError`] where STS gives none.
    pub(super) async fn token(&self, now: Timestamp) -> Result<SecretString, FederatedError> {
        // Whoever waits here finds the token that the first one fetched.
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| now + RESERVE < kept.ends_at) {
            return Ok(kept.token.clone());
        }
        let fetched = self.fetch(now).await?;
        let token = fetched.token.clone();
        *kept = Some(fetched);
        Ok(token)
    }

    /// Forgets the token, because Entra refused it.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    async fn fetch(&self, now: Timestamp) -> Result<Kept, FederatedError> {
        // One audience alone: with more, the claim is a list, which Entra is not known to match.
        let request = self.client.get_web_identity_token().audience(&self.audience).signing_algorithm(ALGORITHM);
        let answer = request.duration_seconds(LIFETIME_SECONDS).send().await;
        let answer = answer.map_err(|error| FederatedError { what: what_aws_says(&error) })?;
        let ends_at = answer.expiration.and_then(|at| Timestamp::from_second(at.secs()).ok());
        let token = answer.web_identity_token.ok_or_else(|| FederatedError { what: "an answer without a token".to_owned() })?;
        // Without a stated end it is used once.
        Ok(Kept { token: token.into(), ends_at: ends_at.unwrap_or(now) })
    }
}
