//! From a callback to a candidate: proved to be in the right tenant, by the right person, and to read its directory.

use adapters::entra::{Authority, Identity, IdentityError, Tokens};
use adapters::graph::{GraphError, Organization};
use adapters::store::attempts::{Aim, Attempt};
use adapters::vault::{self, Binding, Purpose, VaultError};
use domain::refusal::{ErrorWord, Failure, Suberror};
use secrecy::SecretString;

use crate::Portal;
use crate::callback::Returned;
use crate::install::Candidate;

/// The authorization code was made for another tenant than the one asked to redeem it. It only chooses the sentence.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>
const CODE_OF_ANOTHER_TENANT: u32 = 700_005;

/// Why an attempt failed: a word for programs and a sentence for people.
pub(crate) struct Fault {
    pub(crate) reason: &'static str,
    pub(crate) sentence: String,
}

impl Fault {
    pub(crate) fn new(reason: &'static str, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: sentence.into() }
    }

    pub(crate) fn unavailable() -> Self {
        Self::new("unavailable", "Something failed on our side or at Microsoft. Nothing was changed. Please try again.")
    }
}

/// Turns a callback into a candidate that is proved to work, in the right tenant.
pub(crate) async fn verify(portal: &Portal, attempt: &Attempt, returned: &Returned) -> Result<Candidate, Fault> {
    let ports = &portal.ports;
    let now = ports.clock.now();
    // An error is looked for first: Entra sends other fields along with it.
    if returned.error.is_some() {
        return Err(declined(returned));
    }
    let code = returned.code.clone().ok_or_else(|| Fault::new("refused", "Microsoft sent no authorization code. Please try again."))?;
    let verifier = verifier(portal, attempt).await.map_err(|_| Fault::unavailable())?;
    let authority = attempt.terms.tenant.map_or(Authority::Organizations, Authority::Tenant);
    let tokens = ports.entra.redeem(authority, code, &verifier, now).await.map_err(|failure| not_redeemed(&failure))?;
    let id_token = tokens.id_token.as_ref().ok_or_else(Fault::unavailable)?;
    let identity = ports.entra.identify(id_token, &attempt.terms.nonce, now).await.map_err(|error| not_identified(attempt, &error))?;
    if attempt.terms.tenant.is_some_and(|tenant| tenant != identity.tenant) {
        return Err(wrong_tenant());
    }
    match attempt.terms.aim {
        Aim::Delegated | Aim::Spare => delegated(portal, identity, tokens).await,
        Aim::AppOnly => app_only(portal, identity).await,
    }
}

/// PKCE's verifier, opened.
pub(crate) async fn verifier(portal: &Portal, attempt: &Attempt) -> Result<SecretString, VaultError> {
    let binding = Binding::new(&attempt.terms.connection, Purpose::CodeVerifier);
    vault::open_text(portal.ports.vault.as_ref(), &binding, &attempt.sealed_verifier).await
}

/// Proves that the person's tokens read the directory of the person's tenant, and last.
async fn delegated(portal: &Portal, identity: Identity, tokens: Tokens) -> Result<Candidate, Fault> {
    let now = portal.ports.clock.now();
    let organization = portal.ports.graph.prove(&tokens.access_token, now).await.map_err(|error| not_proved(&error))?;
    let candidate = candidate(identity, organization, tokens)?;
    match candidate.refresh_token {
        Some(_) => Ok(candidate),
        None => Err(Fault::new("missing-permission", "Microsoft gave no lasting access. Please start again and accept all permissions.")),
    }
}

/// Proves that the app reads the directory of the tenant that an administrator of it just signed in to. The consent may be older than this
/// attempt, so the sign-in must be one that could have given it: otherwise any employee could lead the directory to another customer.
async fn app_only(portal: &Portal, identity: Identity) -> Result<Candidate, Fault> {
    let ports = &portal.ports;
    let now = ports.clock.now();
    if !identity.may_consent_for_tenant() {
        return Err(admin_required());
    }
    let tokens = ports.entra.app_token(identity.tenant, now).await.map_err(|failure| not_allowed(&failure))?;
    let organization = ports.graph.prove(&tokens.access_token, now).await.map_err(|error| not_allowed_yet(&error))?;
    candidate(identity, organization, tokens)
}

fn candidate(identity: Identity, organization: Organization, tokens: Tokens) -> Result<Candidate, Fault> {
    match organization.id == identity.tenant {
        true => Ok(Candidate { refresh_token: tokens.refresh_token.clone(), identity, organization, tokens }),
        false => Err(wrong_tenant()),
    }
}

fn wrong_tenant() -> Fault {
    let sentence = "You signed in to another Microsoft Entra tenant than the one this connection belongs to. Nothing was changed. \
                    Choose \"Use another account\" and sign in as an administrator of the right tenant.";
    Fault::new("wrong-tenant", sentence)
}

fn declined(returned: &Returned) -> Fault {
    let error = returned.error.as_deref().unwrap_or_default();
    let text = returned.error_description.as_deref().unwrap_or_default();
    let is_admins = text.contains("AADSTS90094") || text.contains("AADSTS90095") || error == "consent_required";
    match (error, returned.error_subcode.as_deref()) {
        _ if is_admins => admin_required(),
        ("access_denied" | "permission_denied", _) | (_, Some("cancel")) => {
            Fault::new("denied", "The sign-in was cancelled or the permissions were declined. Nothing was changed.")
        }
        ("temporarily_unavailable" | "server_error", _) => Fault::unavailable(),
        _ => Fault::new("refused", "Microsoft refused the sign-in. Nothing was changed. Please try again."),
    }
}

fn admin_required() -> Fault {
    Fault::new("admin-required", "Only an administrator can accept these permissions. Ask one to sign in here. Nothing was changed.")
}

fn not_redeemed(failure: &Failure) -> Fault {
    match failure {
        Failure::Unclear(_) => Fault::unavailable(),
        Failure::Refused(refusal) if refusal.error == ErrorWord::InvalidClient => {
            Fault::new("unavailable", "Our own sign-in to Microsoft failed. Nothing was changed, and there is nothing for you to do.")
        }
        Failure::Refused(refusal) if refusal.suberror == Some(Suberror::ConsentRequired) => admin_required(),
        Failure::Refused(refusal) if refusal.codes.contains(&CODE_OF_ANOTHER_TENANT) => wrong_tenant(),
        Failure::Refused(_) => Fault::new("refused", "Microsoft did not accept this sign-in. Nothing was changed. Please try again."),
    }
}

fn not_identified(attempt: &Attempt, error: &IdentityError) -> Fault {
    tracing::warn!(attempt = %attempt.id, error = error as &dyn std::error::Error, "id_token not accepted");
    match error {
        IdentityError::KeysUnavailable(_) => Fault::unavailable(),
        IdentityError::Invalid(_) => {
            Fault::new("verification-failed", "The sign-in could not be verified. Nothing was changed. Please try again.")
        }
    }
}

fn not_proved(error: &GraphError) -> Fault {
    match error {
        GraphError::Forbidden { .. } | GraphError::Unauthorized => Fault::new(
            "missing-permission",
            "This account may not read the directory. Sign in as an administrator and accept all permissions. Nothing was changed.",
        ),
        _ => Fault::unavailable(),
    }
}

fn not_allowed(failure: &Failure) -> Fault {
    match failure {
        Failure::Refused(refusal) if refusal.error == ErrorWord::UnauthorizedClient => missing_consent(),
        failure => not_redeemed(failure),
    }
}

fn not_allowed_yet(error: &GraphError) -> Fault {
    match error {
        GraphError::Forbidden { .. } | GraphError::Unauthorized => missing_consent(),
        _ => Fault::unavailable(),
    }
}

fn missing_consent() -> Fault {
    let sentence = "The app is not allowed to read your directory yet. Accept all permissions as an administrator; it can take a minute until \
                    Microsoft knows everywhere, so please try again shortly. Nothing was changed.";
    Fault::new("missing-permission", sentence)
}
