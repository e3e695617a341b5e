//! Tries out, at start, the keys that the environment names.

use std::time::Duration;

use aws_sdk_kms::types::{KeySpec, KeyUsageType};

use super::Aws;
use crate::entra::credentials::{CertificateError, Credential, SignerError, what_aws_says};

/// The longest wait for all keys; Lambda gives a start ten seconds.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html> (init phase)
const TRIAL_MAX: Duration = Duration::from_secs(6);

/// What is wrong with the keys. Whatever the environment does not name is told elsewhere, and not tried.
pub(super) async fn try_out(aws: Option<&Aws>, key_id: &str, credentials: &[Credential]) -> Vec<String> {
    let sealing = Box::pin(async {
        match aws.filter(|_| !key_id.is_empty()) {
            Some(aws) => in_time("EVERGRANT_KEY_ID", sealing_key(aws, key_id)).await,
            None => None,
        }
    });
    let signing = Box::pin(async {
        match credentials.iter().find(|credential| matches!(credential, Credential::Certificate(_))) {
            Some(certificate) => in_time("EVERGRANT_CERTIFICATE_KEY_ID", signing_key(certificate)).await,
            None => None,
        }
    });
    let (sealing, signing) = futures::join!(sealing, signing);
    sealing.into_iter().chain(signing).collect()
}

/// The trial's fault, or that it took too long.
async fn in_time(variable: &str, trial: impl Future<Output = Option<String>>) -> Option<String> {
    let late = || Some(format!("{variable}: KMS gave no answer within {} seconds", TRIAL_MAX.as_secs()));
    tokio::time::timeout(TRIAL_MAX, trial).await.unwrap_or_else(|_| late())
}

/// Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>
async fn sealing_key(aws: &Aws, key_id: &str) -> Option<String> {
    let fault = |what: &str| Some(format!("EVERGRANT_KEY_ID: KMS key {key_id}: {what}"));
    let client = aws_sdk_kms::Client::from_conf(aws.kms());
    let key = match client.describe_key().key_id(key_id).send().await {
        Ok(answer) => answer.key_metadata,
        Err(error) => return fault(&what_aws_says(&error)),
    };
    let Some(key) = key else { return fault("an answer that cannot be read") };
    let seals = key.key_usage == Some(KeyUsageType::EncryptDecrypt) && key.key_spec == Some(KeySpec::SymmetricDefault);
    if !key.enabled {
        return fault("it is not enabled");
    }
    match seals {
        true => None,
        false => fault("it is not a symmetric key that encrypts and decrypts"),
    }
}

async fn signing_key(credential: &Credential) -> Option<String> {
    let Credential::Certificate(certificate) = credential else { return None };
    match certificate.check().await {
        Ok(()) => None,
        Err(CertificateError::Signer(error @ SignerError::Kms { .. })) => Some(format!("EVERGRANT_CERTIFICATE_KEY_ID: {error}")),
        Err(error) => Some(format!("the certificate and its key: {error}")),
    }
}
