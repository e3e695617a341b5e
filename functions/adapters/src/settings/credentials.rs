//! Reads what proves to Entra that it is us.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Aws, Environment};
use crate::entra::credentials::{
    AUDIENCE, Certificate, ClientSecret, Credential, FederatedIdentity, KeyFile, KmsKey, Signer, SigningCertificate,
};
use crate::entropy::Entropy;

/// Every word of `EVERGRANT_CREDENTIALS`.
const WORDS: [&str; 4] = ["secret", "secret-2", "certificate", "federated"];

/// The credentials in their order; one that is wrong is a fault, and not there.
pub(super) fn read<F: Fn(&str) -> Option<String>>(
    environment: &mut Environment<F>,
    aws: Option<&Aws>,
    now: Timestamp,
    entropy: &Arc<dyn Entropy>,
) -> Vec<Credential> {
    let listed = environment.optional("EVERGRANT_CREDENTIALS").unwrap_or_else(|| "secret".to_owned());
    let words: Vec<&str> = listed.split(',').map(str::trim).collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if words[..index].contains(word) {
            environment.fault(format!("EVERGRANT_CREDENTIALS names {word:?} twice"));
            continue;
        }
        found.extend(match *word {
            "secret" => secret(environment, "secret", "EVERGRANT_CLIENT_SECRET"),
            "secret-2" => secret(environment, "secret-2", "EVERGRANT_CLIENT_SECRET_2"),
            "certificate" => certificate(environment, aws, now, entropy),
            "federated" => federated(environment, aws),
            unknown => {
                environment.fault(format!("EVERGRANT_CREDENTIALS: {unknown:?} is none of {}", WORDS.join(", ")));
                None
            }
        });
    }
    found
}

fn secret<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>, name: &'static str, variable: &str) -> Option<Credential> {
    let value = environment.required(variable);
    let ends_at = environment.optional(&format!("{variable}_ENDS_AT")).and_then(|text| match text.trim().parse::<Timestamp>() {
        Ok(end) => Some(end),
        Err(_) => {
            environment.fault(format!("{variable}_ENDS_AT must be a time such as 2027-01-31T00:00:00Z, not {text:?}"));
            None
        }
    });
    (!value.is_empty()).then(|| Credential::Secret(ClientSecret { name, value: SecretString::from(value), ends_at }))
}

fn certificate<F: Fn(&str) -> Option<String>>(
    environment: &mut Environment<F>,
    aws: Option<&Aws>,
    now: Timestamp,
    entropy: &Arc<dyn Entropy>,
) -> Option<Credential> {
    let certificate = public_part(environment, now);
    let signer = signer(environment, aws);
    let (certificate, signer) = certificate.zip(signer)?;
    Some(Credential::Certificate(SigningCertificate::new(certificate, signer, Arc::clone(entropy))))
}

fn public_part<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>, now: Timestamp) -> Option<Certificate> {
    let (variable, text) = match either(environment, ["EVERGRANT_CERTIFICATE", "EVERGRANT_CERTIFICATE_FILE"])? {
        (variable @ "EVERGRANT_CERTIFICATE", text) => (variable, Ok(text)),
        (variable, path) => (variable, std::fs::read_to_string(&path).map_err(|error| format!("{path} cannot be read: {error}"))),
    };
    let read = text.and_then(|text| Certificate::from_pem(text.as_bytes()).map_err(|error| error.to_string()));
    let checked = read.as_ref().map_err(Clone::clone).and_then(|read| read.check_time(now).map_err(|error| error.to_string()));
    if let Err(fault) = checked {
        environment.fault(format!("{variable}: {fault}"));
    }
    // One that has ended is still held against its key.
    read.ok()
}

fn signer<F: Fn(&str) -> Option<String>>(environment: &mut Environment<F>, aws: Option<&Aws>) -> Option<Arc<dyn Signer>> {
    match either(environment, ["EVERGRANT_CERTIFICATE_KEY_ID", "EVERGRANT_CERTIFICATE_KEY_FILE"])? {
        ("EVERGRANT_CERTIFICATE_KEY_ID", key_id) => Some(Arc::new(KmsKey::new(aws_sdk_kms::Client::from_conf(aws?.kms()), key_id))),
        (variable, path) => match KeyFile::open(Path::new(&path)) {
            Ok(key) => Some(Arc::new(key)),
            Err(error) => {
                environment.fault(format!("{variable}: {error}"));
                None
            }
        },
    }
}

fn federated<F: Fn(&str) -> Option<String>>(environment: &Environment<F>, aws: Option<&Aws>) -> Option<Credential> {
    let audience = environment.optional("EVERGRANT_FEDERATED_AUDIENCE").unwrap_or_else(|| AUDIENCE.to_owned());
    Some(Credential::Federated(FederatedIdentity::new(aws_sdk_sts::Client::from_conf(aws?.sts()), audience)))
}

/// The one of two variables that is set.
fn either<F: Fn(&str) -> Option<String>>(
    environment: &mut Environment<F>,
    [one, other]: [&'static str; 2],
) -> Option<(&'static str, String)> {
    match (environment.optional(one), environment.optional(other)) {
        (Some(value), None) => Some((one, value)),
        (None, Some(value)) => Some((other, value)),
        (Some(_), Some(_)) => {
            environment.fault(format!("{one} and {other} are both set: one of them is enough"));
            None
        }
        (None, None) => {
            environment.fault(format!("{one} or {other} is missing"));
            None
        }
    }
}
