//! The key that seals grants: there, enabled, and of no use to anybody but the functions, for nothing but what it was sealed to.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata as _;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeyState};

use super::{Finding, Ward};
use crate::told;

const DEPLOY: &str = "infra/stage deploy STAGE sets its policy as data.yaml says";
const ENABLE: &str = "enable it in KMS, or cancel its deletion: until then no grant can be sealed or opened";

pub(super) async fn look(ward: &Ward<'_>) -> Vec<Finding> {
    let key = match ward.variable("key", "EVERGRANT_KEY_ID") {
        Ok(key) => key,
        Err(finding) => return vec![finding],
    };
    let client = Client::from_conf(ward.aws.kms());
    let described = match client.describe_key().key_id(key).send().await {
        Ok(answer) => answer.key_metadata,
        Err(error) => return vec![ward.failed("key", &format!("key {key}"), &error, "set EVERGRANT_KEY_ID to the key of the stage")],
    };
    let Some(described) = described else {
        return vec![Finding::wrong("key", format!("{key} is not described"), DEPLOY)];
    };
    let is_enabled = described.enabled && described.key_state.as_ref().is_none_or(|state| *state == KeyState::Enabled);
    if !is_enabled {
        let state = described.key_state.as_ref().map_or("not enabled", KeyState::as_str);
        return vec![Finding::wrong("key", format!("{key} is {state}"), ENABLE)];
    }
    let mut findings = vec![Finding::ok("key", format!("{key} is enabled"))];
    findings.extend(rotation(&client, key).await);
    findings.push(binding(ward, &client, key).await);
    findings
}

/// Whether AWS renews its material once a year. Who may not see it is told nothing.
async fn rotation(client: &Client, key: &str) -> Option<Finding> {
    let answer = client.get_key_rotation_status().key_id(key).send().await.ok()?;
    Some(match answer.key_rotation_enabled {
        true => Finding::ok("key", format!("the material of {key} is renewed by AWS")),
        false => Finding::warning("key", format!("the material of {key} is never renewed"), DEPLOY),
    })
}

fn context(pairs: &[(&str, &str)]) -> Option<HashMap<String, String>> {
    Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// Whether what is sealed opens nowhere else. In the cloud the key's policy lets nobody but the functions try.
async fn binding(ward: &Ward<'_>, client: &Client, key: &str) -> Finding {
    let home = context(&[("connection", "doctor"), ("purpose", "doctor")]);
    let bare = client.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256).send().await;
    if bare.is_ok() && !ward.aws.is_stand_in() {
        let what = "a data key can be had without saying for which connection: the key's policy was changed".to_owned();
        return Finding::wrong("key", what, DEPLOY);
    }
    let sealed = client.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256).set_encryption_context(home.clone()).send().await;
    let sealed = match sealed {
        Ok(answer) => answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default(),
        Err(error) if error.code() == Some("AccessDeniedException") => {
            return Finding::ok("key", "its policy keeps it to the functions: you may not seal, and need not".to_owned());
        }
        Err(error) => return Finding::wrong("key", format!("nothing can be sealed: {}", told(&error)), ENABLE),
    };
    let open = |context| client.decrypt().key_id(key).ciphertext_blob(Blob::new(sealed.clone())).set_encryption_context(context).send();
    let at_home = open(home).await;
    let elsewhere = open(context(&[("connection", "another"), ("purpose", "doctor")])).await;
    match (at_home, elsewhere) {
        (_, Ok(_)) => {
            Finding::wrong("key", "what was sealed for one connection opens for another", "this is no KMS key: set EVERGRANT_KEY_ID")
        }
        (Err(error), _) if error.code() == Some("AccessDeniedException") => {
            Finding::ok("key", "it seals; its policy lets you open nothing, and you need not")
        }
        (Err(error), _) => Finding::wrong("key", format!("what was sealed does not open: {}", told(&error)), ENABLE),
        (Ok(_), Err(_)) => Finding::ok("key", "it seals and opens, and what is sealed for one connection does not open for another"),
    }
}
