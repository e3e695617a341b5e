//! Client assertions: signed by a registered certificate, or by a trusted outside issuer.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials> and
//! <https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation>

use std::collections::HashSet;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::Form;
use crate::moment;
use crate::refusal::Refusal;
use crate::registration::App;
use crate::state::{State, Tenant};

/// Source: RFC 7523 section 2.2
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Checks a presented assertion.
pub(super) fn check(state: &State, form: &Form<'_>, (app, tenant): (&App, &Tenant), presented: &str) -> Result<(), Refusal> {
    if form.field("client_assertion_type") != Some(KIND) {
        return Err(Refusal::of(900_144).with("parameter", "client_assertion_type"));
    }
    let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(presented).map_err(|_| Refusal::of(50027))?;
    let issuer = claims["iss"].as_str().unwrap_or_default();
    match issuer == app.client_id.to_string() {
        true => check_certificate(app, presented)?,
        false => return check_federated(state, app, (presented, &claims)),
    }
    let audiences = [
        format!("{}{}/oauth2/v2.0/token", form.login_base, tenant.id),
        format!("{}{}/v2.0", form.login_base, tenant.id),
        format!("{}{}/oauth2/v2.0/token", form.login_base, form.authority),
    ];
    if !audiences.iter().any(|audience| claims["aud"] == *audience.as_str()) {
        return Err(Refusal::of(50027));
    }
    check_time(state.now, &claims)
}

/// A certificate counts only where the assertion names it by its thumbprint; a bare public key has none.
fn check_certificate(app: &App, presented: &str) -> Result<(), Refusal> {
    let named = jsonwebtoken::decode_header(presented).ok().and_then(|header| header.x5t_s256);
    let is_named = |pem: &&String| thumbprint(pem).is_none_or(|own| named.as_ref() == Some(&own));
    let mut keys = app.certificates.iter().filter(is_named).filter_map(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).ok());
    match keys.any(|key| is_signed_by(presented, &key)) {
        true => Ok(()),
        false => Err(Refusal::of(700_027).with("app", app.client_id)),
    }
}

/// `x5t#S256` of a certificate: SHA-256 of its DER.
fn thumbprint(pem: &str) -> Option<String> {
    let (_, after) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (encoded, _) = after.split_once("-----END CERTIFICATE-----")?;
    let der = STANDARD.decode(encoded.split_whitespace().collect::<String>()).ok()?;
    Some(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &der)))
}

/// The match is exact and case-sensitive.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes>
fn check_federated(state: &State, app: &App, (presented, claims): (&str, &Value)) -> Result<(), Refusal> {
    let of = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    let (issuer, subject, audience) = (of("iss"), of("sub"), of("aud"));
    let mut trusted = app.federated_credentials.iter().filter(|credential| credential.issuer == issuer).peekable();
    let is_known = trusted.peek().is_some();
    let found = trusted.find(|credential| credential.subject == subject);
    match found {
        None if is_known => return Err(Refusal::of(700_213).with("subject", subject)),
        Some(credential) if credential.audience == audience => {
            let keys: JwkSet = serde_json::from_value(credential.jwks.clone()).map_err(|_| Refusal::of(50027))?;
            let mut keys = keys.keys.iter().filter_map(|key| DecodingKey::from_jwk(key).ok());
            if !keys.any(|key| is_signed_by(presented, &key)) {
                return Err(Refusal::of(700_027).with("app", app.client_id));
            }
        }
        _ => {
            let refusal = Refusal::of(70021).with("issuer", issuer);
            return Err(refusal.with("subject", subject).with("audience", audience));
        }
    }
    check_time(state.now, claims)
}

/// Only the signature; times are checked against the simulator's own clock.
fn is_signed_by(presented: &str, key: &DecodingKey) -> bool {
    let mut validation = Validation::new(Algorithm::PS256);
    validation.algorithms = vec![Algorithm::PS256, Algorithm::RS256];
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims = HashSet::new();
    jsonwebtoken::decode::<Value>(presented, key, &validation).is_ok()
}

fn check_time(now: Timestamp, claims: &Value) -> Result<(), Refusal> {
    let until = claims["exp"].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    let begins = claims["nbf"].as_i64().unwrap_or_default();
    match until > now && begins <= now.as_second() {
        true => Ok(()),
        false => Err(Refusal::of(700_024).with("now", moment::ticks(now)).with("until", moment::ticks(until))),
    }
}
