//! What is read, and what is named as wrong.

use super::*;
use crate::entropy::SystemEntropy;
use std::collections::HashMap;

fn environment() -> HashMap<&'static str, &'static str> {
    HashMap::from([
        ("EVERGRANT_CLIENT_ID", "app"),
        ("EVERGRANT_CLIENT_SECRET", "hush"),
        ("EVERGRANT_REDIRECT_URL", "https://api.example/v1/consent/callback"),
        ("EVERGRANT_CONNECTIONS_TABLE", "connections"),
        ("EVERGRANT_PEOPLE_TABLE", "people"),
        ("EVERGRANT_KEY_ID", "alias/evergrant"),
        ("EVERGRANT_SYNC_QUEUE_URL", "https://sqs.example/1/sync"),
        ("EVERGRANT_BULK_QUEUE_URL", "https://sqs.example/1/bulk"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ])
}

/// Reads it without trying its keys out.
fn read(variables: &HashMap<&str, &str>) -> Result<Settings, SettingsError> {
    let mut environment = Environment::new(|name: &str| variables.get(name).map(|value| (*value).to_owned()));
    let now = "2026-03-02T10:00:00Z".parse().unwrap();
    let draft = Draft::read(&mut environment, now, &(Arc::new(SystemEntropy) as Arc<dyn Entropy>));
    environment.finish(draft.complete())
}

/// The order in which the credentials are tried.
fn names(variables: &HashMap<&str, &str>) -> Vec<&'static str> {
    read(variables).unwrap().registration.credentials.all().map(Credential::name).collect()
}

fn faults(variables: &HashMap<&str, &str>) -> String {
    read(variables).err().map(|error| error.to_string()).unwrap()
}

/// A file that is gone after its test.
struct File(String);

impl File {
    fn holding(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evergrant-settings-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path.to_str().unwrap().to_owned())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A key and its certificate, valid in the years given.
fn made(years: std::ops::Range<i32>) -> (String, String) {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["evergrant.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(years.start, 1, 1), rcgen::date_time_ymd(years.end, 1, 1));
    (key.serialize_pem(), params.self_signed(&key).unwrap().pem())
}

#[test]
fn a_complete_environment_is_read() {
    let settings = read(&environment()).unwrap();
    assert_eq!(settings.endpoints.graph.as_str(), "https://graph.microsoft.com/");
}

#[test]
fn every_fault_is_named_at_once() {
    let mut wrong = environment();
    wrong.remove("EVERGRANT_CLIENT_ID");
    wrong.insert("EVERGRANT_CLOUD", "germany");
    wrong.insert("EVERGRANT_REDIRECT_URL", "http://api.example/callback");
    let faults = faults(&wrong);
    for part in [
        "3 fault(s)",
        "EVERGRANT_CLIENT_ID is missing",
        "EVERGRANT_CLOUD: cloud must be one of",
        "EVERGRANT_REDIRECT_URL must be an https URL",
    ] {
        assert!(faults.contains(part), "{faults}");
    }
}

#[test]
fn a_stand_in_needs_both_origins() {
    let mut half = environment();
    half.insert("EVERGRANT_LOGIN_URL", "http://127.0.0.1:1");
    assert!(read(&half).is_err());
}

#[test]
fn credentials_are_tried_in_the_order_that_is_named() {
    assert_eq!(names(&environment()), ["secret"]);
    let (key, certificate) = made(2026..2027);
    let key = File::holding("order", &key);
    let mut variables = environment();
    variables.extend([
        ("EVERGRANT_CREDENTIALS", "federated, certificate,secret-2,secret"),
        ("EVERGRANT_CLIENT_SECRET_2", "hush"),
        ("EVERGRANT_CLIENT_SECRET_2_ENDS_AT", "2026-06-01T00:00:00Z"),
        ("EVERGRANT_CERTIFICATE", &certificate),
        ("EVERGRANT_CERTIFICATE_KEY_FILE", &key.0),
    ]);
    assert_eq!(names(&variables), ["federated", "certificate", "secret-2", "secret"]);
    variables.insert("EVERGRANT_CREDENTIALS", "secret-2,certificate");
    let ends_at = read(&variables).unwrap().registration.credentials.ends_at();
    assert_eq!(ends_at, Some("2027-01-01T00:00:00Z".parse().unwrap()));
    variables.remove("EVERGRANT_CLIENT_SECRET");
    assert_eq!(names(&variables), ["secret-2", "certificate"], "what is not named need not be there");
}

#[test]
fn every_fault_of_a_credential_is_named() {
    let (key, ended) = made(2024..2025);
    let (ended_file, no_key) = (File::holding("ended", &ended), File::holding("no-key", "no key"));
    for (variables, expected) in [
        (
            vec![("EVERGRANT_CREDENTIALS", "secret,password")],
            "EVERGRANT_CREDENTIALS: \"password\" is none of secret, secret-2, certificate, federated",
        ),
        (vec![("EVERGRANT_CREDENTIALS", "secret,secret")], "EVERGRANT_CREDENTIALS names \"secret\" twice"),
        (vec![("EVERGRANT_CREDENTIALS", "secret,")], "EVERGRANT_CREDENTIALS: \"\" is none of"),
        (vec![("EVERGRANT_CREDENTIALS", "secret-2")], "EVERGRANT_CLIENT_SECRET_2 is missing"),
        (vec![("EVERGRANT_CLIENT_SECRET_ENDS_AT", "soon")], "EVERGRANT_CLIENT_SECRET_ENDS_AT must be a time"),
        (vec![("EVERGRANT_CREDENTIALS", "certificate")], "EVERGRANT_CERTIFICATE or EVERGRANT_CERTIFICATE_FILE is missing"),
        (vec![("EVERGRANT_CREDENTIALS", "certificate")], "EVERGRANT_CERTIFICATE_KEY_ID or EVERGRANT_CERTIFICATE_KEY_FILE is missing"),
        (
            vec![("EVERGRANT_CREDENTIALS", "certificate"), ("EVERGRANT_CERTIFICATE", "x"), ("EVERGRANT_CERTIFICATE_FILE", "x")],
            "EVERGRANT_CERTIFICATE and EVERGRANT_CERTIFICATE_FILE are both set",
        ),
        (
            vec![("EVERGRANT_CREDENTIALS", "certificate"), ("EVERGRANT_CERTIFICATE", &key)],
            "EVERGRANT_CERTIFICATE: it is no X.509 certificate",
        ),
        (
            vec![("EVERGRANT_CREDENTIALS", "certificate"), ("EVERGRANT_CERTIFICATE_FILE", &ended_file.0)],
            "EVERGRANT_CERTIFICATE_FILE: it ended at 2025-01-01T00:00:00Z",
        ),
        (
            vec![("EVERGRANT_CREDENTIALS", "certificate"), ("EVERGRANT_CERTIFICATE_FILE", "/nowhere/at/all")],
            "EVERGRANT_CERTIFICATE_FILE: /nowhere/at/all cannot be read",
        ),
        (
            vec![("EVERGRANT_CREDENTIALS", "certificate"), ("EVERGRANT_CERTIFICATE_KEY_FILE", &no_key.0)],
            "EVERGRANT_CERTIFICATE_KEY_FILE: the key file",
        ),
    ] {
        let mut wrong = environment();
        wrong.extend(variables);
        let faults = faults(&wrong);
        assert!(faults.contains(expected), "{expected}: {faults}");
        assert!(!faults.contains("hush"), "{faults}");
    }
}

#[tokio::test]
async fn a_key_file_of_another_certificate_is_a_fault() {
    let ((key, certificate), (_, other)) = (made(2026..2027), made(2026..2027));
    let key = File::holding("fits", &key);
    for (certificate, expected) in
        [(&certificate, vec![]), (&other, vec!["the certificate and its key: its public key is not that of the private key"])]
    {
        let mut variables = environment();
        variables.extend([
            ("EVERGRANT_CREDENTIALS", "certificate"),
            ("EVERGRANT_CERTIFICATE", certificate),
            ("EVERGRANT_CERTIFICATE_KEY_FILE", &key.0),
        ]);
        let credentials: Vec<Credential> = read(&variables).unwrap().registration.credentials.all().cloned().collect();
        assert_eq!(keys::try_out(None, "", &credentials).await, expected);
    }
}
