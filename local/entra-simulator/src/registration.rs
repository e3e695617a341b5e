//! The operator's app registration, as its owner configures it in Entra.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// An app registration: who the client is, how it authenticates and what it may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// The application (client) id.
    pub client_id: Uuid,
    /// The name shown on the consent page and in error texts.
    pub name: String,
    /// Registered redirect URIs; compared character by character.
    /// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// Client secrets.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// Public keys or certificates, as PEM, that may sign client assertions.
    /// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials>
    #[serde(default)]
    pub certificates: Vec<String>,
    /// Foreign issuers whose tokens count as client assertions.
    #[serde(default)]
    pub federated_credentials: Vec<FederatedCredential>,
    /// Delegated permissions of Microsoft Graph the registration lists, such as `User.Read.All`.
    #[serde(default)]
    pub delegated_permissions: Vec<String>,
    /// Application permissions of Microsoft Graph the registration lists.
    #[serde(default)]
    pub application_permissions: Vec<String>,
    /// Whether id_tokens tell a person's directory roles in `wids` (`groupMembershipClaims` with `DirectoryRole`).
    /// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims>
    #[serde(default = "yes")]
    pub has_role_claims: bool,
}

fn yes() -> bool {
    true
}

impl App {
    /// A web app with one secret that asks for the directory's profiles, delegated.
    pub fn web(client_id: Uuid, name: &str, redirect_uri: &str, secret: &str) -> Self {
        Self {
            client_id,
            name: name.to_owned(),
            redirect_uris: vec![RedirectUri { uri: redirect_uri.to_owned(), platform: Platform::Web }],
            secrets: vec![Secret { value: secret.to_owned(), expires_at: None }],
            certificates: Vec::new(),
            federated_credentials: Vec::new(),
            delegated_permissions: vec!["User.Read.All".to_owned()],
            application_permissions: vec!["User.Read.All".to_owned()],
            has_role_claims: true,
        }
    }

    /// The platform of a redirect URI, when it is registered exactly so.
    pub(crate) fn platform_of(&self, redirect_uri: &str) -> Option<Platform> {
        self.redirect_uris.iter().find(|registered| registered.uri == redirect_uri).map(|registered| registered.platform)
    }
}

/// One registered redirect URI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectUri {
    /// The exact URI.
    pub uri: String,
    /// What kind of client sits there.
    #[serde(default)]
    pub platform: Platform,
}

/// The platform a redirect URI is registered under; it decides how long refresh tokens live.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// A server: refresh tokens slide over 90 days.
    #[default]
    Web,
    /// A single-page app: refresh tokens end 24 hours after the sign-in.
    Spa,
}

/// One client secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// The value the client sends.
    pub value: String,
    /// When it stops being accepted; never, when absent.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A federated identity credential: an outside issuer's token stands in for a secret.
/// Source: <https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation-create-trust>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederatedCredential {
    /// The exact `iss`.
    pub issuer: String,
    /// The exact `sub`.
    pub subject: String,
    /// The exact `aud`.
    pub audience: String,
    /// The issuer's key set; Entra would fetch it, this simulator reaches nothing.
    pub jwks: Value,
}

/// Whether a client credential is still accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialState {
    #[default]
    Sound,
    Expired,
    Broken,
}
