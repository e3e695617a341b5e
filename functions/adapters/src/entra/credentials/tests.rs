//! Order, ends, and assertions as another library reads them.

use super::*;
use crate::entropy::{Entropy, SystemEntropy};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use serde_json::{Value, json};

const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy)
}

fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

/// Valid in 2026.
fn issued(key: &KeyPair) -> rcgen::Certificate {
    let mut params = CertificateParams::new(vec!["evergrant.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params.self_signed(key).unwrap()
}

fn signing(certificate: &rcgen::Certificate, key: &KeyPair) -> SigningCertificate {
    let certificate = Certificate::from_pem(certificate.pem().as_bytes()).unwrap();
    SigningCertificate::new(certificate, Arc::new(KeyFile::from_pem(key.serialize_pem().as_bytes()).unwrap()), entropy())
}

fn secret(name: &'static str, ends_at: Option<&str>) -> Credential {
    Credential::Secret(ClientSecret { name, value: "hush".to_owned().into(), ends_at: ends_at.map(at) })
}

fn names(credentials: &Credentials, now: &str) -> Vec<&'static str> {
    credentials.order(at(now)).into_iter().map(|(_, credential)| credential.name()).collect()
}

#[tokio::test]
async fn an_assertion_is_what_another_library_accepts_for_this_tenant_and_a_few_minutes() {
    let key = rsa();
    let certificate = issued(&key);
    let credential = signing(&certificate, &key);
    let endpoint: Url = "https://login.microsoftonline.com/8f7c0d1e-52c4-4f0e-9b5e-3f4c1a2b3c4d/oauth2/v2.0/token".parse().unwrap();
    let now = at("2026-03-02T10:00:00Z");
    let made = credential.assertion(CLIENT, &endpoint, now).await.unwrap();
    let token = made.expose_secret();

    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate.der()));
    assert_eq!(header, json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}));

    let mut validation = Validation::new(Algorithm::PS256);
    validation.set_audience(&[endpoint.as_str()]);
    validation.validate_exp = false;
    let public = DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(token, &public, &validation).unwrap().claims;
    let second = now.as_second();
    let expected = json!({
        "aud": endpoint, "iss": CLIENT, "sub": CLIENT, "iat": second, "nbf": second, "exp": second + 300, "jti": claims["jti"],
    });
    assert_eq!(claims, expected);
    assert!(claims["jti"].as_str().is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()), "{claims}");

    let again = credential.assertion(CLIENT, &endpoint, now).await.unwrap();
    let again = jsonwebtoken::decode::<Value>(again.expose_secret(), &public, &validation).unwrap().claims;
    assert_ne!(claims["jti"], again["jti"], "no assertion is like another");
}

#[tokio::test]
async fn a_certificate_knows_its_time_and_its_key() {
    let (key, other) = (rsa(), rsa());
    let certificate = issued(&key);
    let read = Certificate::from_pem(certificate.pem().as_bytes()).unwrap();
    assert_eq!(read.ends_at(), at("2027-01-01T00:00:00Z"));
    assert!(read.check_time(at("2026-06-01T00:00:00Z")).is_ok());
    assert!(matches!(read.check_time(at("2027-01-01T00:00:00Z")), Err(CertificateError::Ended(_))));
    assert!(matches!(read.check_time(at("2025-12-31T23:59:59Z")), Err(CertificateError::NotYet(_))));
    assert!(signing(&certificate, &key).check().await.is_ok());
    assert!(matches!(signing(&certificate, &other).check().await, Err(CertificateError::KeyDoesNotFit)));
}

#[test]
fn what_is_no_rsa_certificate_or_key_is_refused() {
    let curve = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    assert!(matches!(Certificate::from_pem(issued(&curve).pem().as_bytes()), Err(CertificateError::NotRsa)));
    let cut = issued(&rsa()).pem().replacen("MII", "MIJ", 1);
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &curve.serialize_pem(), &cut] {
        assert!(matches!(Certificate::from_pem(text.as_bytes()), Err(CertificateError::Unreadable)), "{text}");
    }
    for text in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", &curve.serialize_pem()] {
        assert!(KeyFile::from_pem(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn a_key_is_found_beside_its_certificate() {
    let key = rsa();
    let both = format!("{}{}", issued(&key).pem(), key.serialize_pem());
    assert!(KeyFile::from_pem(both.as_bytes()).is_some());
    assert!(Certificate::from_pem(both.as_bytes()).is_ok());
}

#[test]
fn all_have_ended_when_the_last_one_has() {
    let (march, june) = (Some("2026-03-01T00:00:00Z"), Some("2026-06-01T00:00:00Z"));
    let two = |one, other| Credentials::from(secret("secret", one)).then(secret("secret-2", other)).ends_at();
    assert_eq!(two(march, june), june.map(at));
    assert_eq!(two(june, march), june.map(at));
    assert_eq!(two(march, None), None, "the end of one is not known");
    let key = rsa();
    let certificate = Credential::Certificate(signing(&issued(&key), &key));
    assert_eq!(Credentials::from(certificate.clone()).ends_at(), Some(at("2027-01-01T00:00:00Z")));
    assert_eq!(Credentials::from(secret("secret", march)).then(certificate).ends_at(), Some(at("2027-01-01T00:00:00Z")));
}

#[test]
fn what_worked_is_tried_first_for_a_while_and_what_has_ended_last() {
    let credentials =
        Credentials::from(secret("secret", None)).then(secret("secret-2", Some("2026-03-02T00:00:00Z"))).then(secret("spare", None));
    let now = "2026-03-01T10:00:00Z";
    assert_eq!(names(&credentials, now), ["secret", "secret-2", "spare"]);
    credentials.note_failure(0, "refused".to_owned());
    credentials.note_success(2, at(now));
    assert_eq!(names(&credentials, "2026-03-01T10:14:59Z"), ["spare", "secret", "secret-2"]);
    credentials.note_success(2, at("2026-03-01T10:14:59Z"));
    assert_eq!(names(&credentials, "2026-03-01T10:15:00Z"), ["secret", "secret-2", "spare"], "the first one gets its turn again");
    credentials.note_success(2, at("2026-03-01T10:15:00Z"));
    credentials.note_failure(2, "refused".to_owned());
    assert_eq!(names(&credentials, "2026-03-01T10:15:01Z"), ["secret", "secret-2", "spare"]);
    assert_eq!(names(&credentials, "2026-03-02T00:00:00Z"), ["secret", "spare", "secret-2"]);
}

#[test]
fn nothing_shows_a_secrets_value() {
    let shown = format!("{:?}", Credentials::from(secret("secret", None)).then(secret("secret-2", Some("2026-03-02T00:00:00Z"))));
    assert_eq!(shown, r#"[("secret", None), ("secret-2", Some(2026-03-02T00:00:00Z))]"#);
}
