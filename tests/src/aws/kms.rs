//! KMS: data keys that open only under the encryption context that they were made with, and RSA keys that sign for real.
//! Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html>, `API_Decrypt`, `API_DescribeKey`, `API_Sign`,
//! `API_GetPublicKey`, `API_ReEncrypt`, `API_GetKeyRotationStatus`

use std::collections::{HashMap, HashSet};

use adapters::entropy::{Entropy as _, SystemEntropy};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Front, lock, spoken};

/// The key that seals; it is there from the start.
pub const SEALING_KEY: &str = "alias/evergrant";

/// What KMS holds.
#[derive(Default)]
pub(super) struct Keys {
    /// Data keys by their ciphertext.
    data: HashMap<String, DataKey>,
    signing: HashMap<String, KeyPair>,
    /// Keys that seal, beside the one that is there from the start.
    sealing: HashSet<String>,
}

/// A data key, which opens under the context and the key that it was made with.
struct DataKey {
    key: String,
    context: Value,
    under: String,
}

impl Keys {
    pub(super) fn contexts(&self) -> Vec<Value> {
        self.data.values().map(|data| data.context.clone()).collect()
    }

    pub(super) fn add_sealing(&mut self, key_id: &str) {
        self.sealing.insert(key_id.to_owned());
    }

    fn seals(&self, key_id: &str) -> bool {
        key_id == SEALING_KEY || self.sealing.contains(key_id)
    }

    pub(super) fn add(&mut self, key_id: &str, pem: &str) {
        let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(lines).expect("a PEM is base64");
        self.signing.insert(key_id.to_owned(), KeyPair::from_pkcs8(&der).expect("the key is RSA"));
    }
}

pub(super) fn answer(front: &Front, operation: &str, asked: &Value) -> Response {
    let mut kept = lock(&front.kept);
    let keys = &mut kept.keys;
    let key_id = asked["KeyId"].as_str().unwrap_or_default();
    let signing = keys.signing.get(key_id);
    match (operation, signing) {
        ("GenerateDataKey", None) if keys.seals(key_id) => data_key(keys, asked),
        ("Decrypt", None) if keys.seals(key_id) => decrypt(keys, asked),
        ("ReEncrypt", _) => re_encrypt(keys, asked),
        ("GetKeyRotationStatus", None) if keys.seals(key_id) => {
            spoken(StatusCode::OK, &json!({"KeyId": arn(key_id), "KeyRotationEnabled": true}))
        }
        ("DescribeKey", None) if keys.seals(key_id) => described(key_id, ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")),
        ("DescribeKey", Some(_)) => described(key_id, ("SIGN_VERIFY", "RSA_2048")),
        ("Sign", Some(key)) => sign(key, asked),
        ("GetPublicKey", Some(key)) => public_key(key, key_id),
        _ => refused("NotFoundException", &format!("{operation} with {key_id}")),
    }
}

fn refused(kind: &str, message: &str) -> Response {
    spoken(StatusCode::BAD_REQUEST, &json!({"__type": kind, "message": message}))
}

fn random() -> String {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    STANDARD.encode(bytes)
}

/// Answers name keys by their ARNs, however they were asked for.
fn arn(key_id: &str) -> String {
    format!("arn:aws:kms:local:000000000000:key/{key_id}")
}

fn data_key(keys: &mut Keys, asked: &Value) -> Response {
    let (key, sealed) = (random(), random());
    let under = asked["KeyId"].as_str().unwrap_or_default().to_owned();
    keys.data.insert(sealed.clone(), DataKey { key: key.clone(), context: asked["EncryptionContext"].clone(), under });
    spoken(StatusCode::OK, &json!({"CiphertextBlob": sealed, "Plaintext": key, "KeyId": asked["KeyId"]}))
}

/// What was sealed under another key than the one that is named is told apart from what was never sealed so.
fn decrypt(keys: &Keys, asked: &Value) -> Response {
    let found = asked["CiphertextBlob"].as_str().and_then(|sealed| keys.data.get(sealed));
    match found {
        Some(data) if asked["KeyId"] != data.under.as_str() => refused("IncorrectKeyException", "another key sealed it"),
        Some(DataKey { key, context, .. }) if *context == asked["EncryptionContext"] => {
            spoken(StatusCode::OK, &json!({"Plaintext": key, "KeyId": asked["KeyId"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}))
        }
        _ => spoken(StatusCode::BAD_REQUEST, &json!({"__type": "InvalidCiphertextException"})),
    }
}

/// Wraps a data key anew, without showing it.
fn re_encrypt(keys: &mut Keys, asked: &Value) -> Response {
    let to = asked["DestinationKeyId"].as_str().unwrap_or_default().to_owned();
    if !keys.seals(&to) {
        return refused("NotFoundException", &format!("ReEncrypt to {to}"));
    }
    let found = asked["CiphertextBlob"].as_str().and_then(|sealed| keys.data.get(sealed));
    let Some(data) = found.filter(|data| data.context == asked["SourceEncryptionContext"]) else {
        return refused("InvalidCiphertextException", "nothing of that context");
    };
    let answer = json!({"CiphertextBlob": random(), "SourceKeyId": arn(&data.under), "KeyId": arn(&to)});
    let anew = DataKey { key: data.key.clone(), context: asked["DestinationEncryptionContext"].clone(), under: to };
    keys.data.insert(answer["CiphertextBlob"].as_str().unwrap_or_default().to_owned(), anew);
    spoken(StatusCode::OK, &answer)
}

fn described(key_id: &str, (usage, spec): (&str, &str)) -> Response {
    spoken(StatusCode::OK, &json!({"KeyMetadata": {"KeyId": key_id, "Enabled": true, "KeyUsage": usage, "KeySpec": spec}}))
}

/// Signs a digest, as PSS alone.
fn sign(key: &KeyPair, asked: &Value) -> Response {
    if asked["SigningAlgorithm"] != "RSASSA_PSS_SHA_256" || asked["MessageType"] != "DIGEST" {
        return refused("ValidationException", "this key signs digests with RSASSA_PSS_SHA_256");
    }
    let digest = asked["Message"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let Ok(digest) = aws_lc_rs::digest::Digest::import_less_safe(&digest, &aws_lc_rs::digest::SHA256) else {
        return refused("ValidationException", "Digest is invalid length for algorithm RSASSA_PSS_SHA_256.");
    };
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign_digest(&RSA_PSS_SHA256, &digest, &mut signature).expect("an RSA key signs");
    spoken(
        StatusCode::OK,
        &json!({"KeyId": asked["KeyId"], "Signature": STANDARD.encode(signature), "SigningAlgorithm": "RSASSA_PSS_SHA_256"}),
    )
}

fn public_key(key: &KeyPair, key_id: &str) -> Response {
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("a public key can be written");
    let algorithms = ["RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PSS_SHA_256"];
    let public = STANDARD.encode(public.as_ref());
    spoken(StatusCode::OK, &json!({"KeyId": key_id, "KeyUsage": "SIGN_VERIFY", "PublicKey": public, "SigningAlgorithms": algorithms}))
}
