//! SES: the account, and whether an identity is verified.
//! Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html>, `API_GetEmailIdentity`

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{Front, lock, spoken};

/// What SES knows.
#[derive(Default)]
pub(super) struct Mail {
    /// The one domain that is verified; where there is none, the account is new and in the sandbox.
    domain: Option<String>,
}

impl Mail {
    pub(super) fn open(&mut self, domain: &str) {
        self.domain = Some(domain.to_owned());
    }
}

pub(super) fn answer(front: &Front, path: &str) -> Response {
    let kept = lock(&front.kept);
    match path.trim_start_matches("/v2/email/").split_once('/') {
        None => {
            let is_open = kept.mail.domain.is_some();
            spoken(StatusCode::OK, &json!({"SendingEnabled": true, "ProductionAccessEnabled": is_open, "EnforcementStatus": "HEALTHY"}))
        }
        Some(("identities", identity)) if kept.mail.domain.as_deref() == Some(identity) => {
            spoken(StatusCode::OK, &json!({"IdentityType": "DOMAIN", "VerifiedForSendingStatus": true}))
        }
        _ => spoken(StatusCode::NOT_FOUND, &json!({"__type": "NotFoundException", "message": "no such identity"})),
    }
}
