//! Microsoft Entra: reachable, and it knows us.

use adapters::entra::Entra;
use adapters::entra::credentials::{Credential, Credentials};
use adapters::transport::Transport;
use domain::ids::TenantId;
use domain::refusal::{ErrorWord, Failure};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

use super::{Finding, Ward};
use crate::console::at;

/// So long before its end a credential is to be replaced.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many connections' tenants are tried, where one knows the app no more.
const TENANTS_MAX: usize = 3;
const REPLACE: &str = "enter a new one in Entra, and deploy it beside the old one in Credentials";

/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc>
pub(super) async fn discovery(ward: &Ward<'_>) -> Vec<Finding> {
    let Ok(settings) = &ward.settings else {
        return vec![Finding::skipped("entra", "the configuration does not tell which cloud")];
    };
    let login = settings.endpoints.login.as_str().trim_end_matches('/');
    let url = format!("{login}/organizations/v2.0/.well-known/openid-configuration");
    let Ok(request) = Request::get(&url).body(Vec::new()) else {
        return vec![Finding::wrong("entra", format!("{url} is no URL"), "set EVERGRANT_CLOUD")];
    };
    let network = "look at the network and its proxy: the functions need the same way out";
    vec![match ward.network.send(request).await {
        Err(error) => Finding::wrong("entra", crate::told(&error), network),
        Ok(answer) if !answer.status().is_success() => Finding::wrong("entra", format!("{url} answers {}", answer.status()), network),
        Ok(answer) => match serde_json::from_slice::<serde_json::Value>(answer.body()) {
            Ok(document) if document["token_endpoint"].is_string() && document["issuer"].is_string() => {
                Finding::ok("entra", format!("{login} tells where it signs in"))
            }
            _ => Finding::wrong("entra", format!("{url} is no discovery document: something stands in between"), network),
        },
    }]
}

pub(super) async fn credential(ward: &Ward<'_>) -> Vec<Finding> {
    let Ok(settings) = &ward.settings else {
        return vec![Finding::skipped("credential", "the configuration has faults")];
    };
    let tenants = match ward.tenant {
        Some(tenant) => vec![tenant],
        None => tenants(ward).await,
    };
    let mut findings = Vec::new();
    for credential in settings.registration.credentials.all() {
        findings.extend(end(credential, ward.desk.clock.now()));
        findings.push(one(ward, credential, &tenants).await);
    }
    findings
}

/// Tenants in which somebody consented, so that the app is known there.
async fn tenants(ward: &Ward<'_>) -> Vec<TenantId> {
    let mut survey = ward.desk.store.survey();
    let mut tenants = Vec::new();
    while let Ok(Some(page)) = survey.turn_page().await {
        let working = page.into_iter().flatten().filter(|found| found.connection.body.standing.health.is_working());
        tenants.extend(working.filter_map(|found| found.connection.body.tenant.map(|tenant| tenant.id)));
        if tenants.len() >= TENANTS_MAX {
            break;
        }
    }
    tenants.truncate(TENANTS_MAX);
    tenants
}

fn end(credential: &Credential, now: Timestamp) -> Option<Finding> {
    let name = credential.name();
    let ends_at = match (credential.ends_at(), credential) {
        (Some(ends_at), _) => ends_at,
        (None, Credential::Secret(_)) => {
            let advice = "set its ..._ENDS_AT, so that its end is warned of";
            return Some(Finding::warning("credential", format!("nobody knows when {name} ends"), advice));
        }
        (None, _) => return None,
    };
    Some(match ends_at.duration_since(now) {
        left if left <= SignedDuration::ZERO => Finding::wrong("credential", format!("{name} ended {}", at(ends_at)), REPLACE),
        left if left < SOON => Finding::warning("credential", format!("{name} ends {}", at(ends_at)), REPLACE),
        _ => Finding::ok("credential", format!("{name} ends {}", at(ends_at))),
    })
}

/// Asks for a token of the app itself: Entra gives one wherever the app is known, and before anything else it looks who asks.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
async fn one(ward: &Ward<'_>, credential: &Credential, tenants: &[TenantId]) -> Finding {
    let name = credential.name();
    if matches!(credential, Credential::Federated(_)) {
        let what = "federated is the functions' own role, and cannot be tried from here: the alarm OurCredentialFails tells of it";
        return Finding::skipped("credential", what);
    }
    let Ok(settings) = &ward.settings else {
        return Finding::skipped("credential", "the configuration has faults");
    };
    let mut registration = settings.registration.clone();
    registration.credentials = Credentials::from(credential.clone());
    let transport: Arc<dyn Transport> = Arc::new(ward.network.clone());
    let entra = Entra::new(settings.endpoints.clone(), registration, transport);
    let mut unclear = "no connection works yet whose tenant could be asked: evergrant doctor --tenant GUID asks yours".to_owned();
    for tenant in tenants {
        match entra.app_token(*tenant, ward.desk.clock.now()).await {
            Ok(_) => return Finding::ok("credential", format!("Entra accepts {name}")),
            Err(Failure::Refused(refusal)) if refusal.error == ErrorWord::InvalidClient => {
                let codes: Vec<String> = refusal.codes.iter().map(|code| format!("AADSTS{code}")).collect();
                return Finding::wrong(
                    "credential",
                    format!("Entra refuses {name}: {} {}", codes.join(", "), refusal.description),
                    REPLACE,
                );
            }
            Err(Failure::Refused(refusal)) => unclear = format!("tenant {tenant} does not know the app: {}", refusal.description),
            Err(Failure::Unclear(answer)) => unclear = format!("Entra's answer says nothing: {}", answer.what),
        }
    }
    Finding::skipped("credential", format!("{name}: {unclear}"))
}
