//! SES: `SendEmail`, whose mails are kept; the account, and whether an identity is verified.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>, `API_GetAccount.html`, `API_GetEmailIdentity.html`

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::{Front, Mood, lock, note};

/// What SES knows and took.
#[derive(Default)]
pub(super) struct Mail {
    /// The one domain that is verified; where there is none, the account is new and in the sandbox.
    domain: Option<String>,
    /// The mails, as they were asked for.
    pub(super) taken: Vec<Value>,
}

impl Mail {
    pub(super) fn open(&mut self, domain: &str) {
        self.domain = Some(domain.to_owned());
    }
}

/// Whether a request is for SES.
pub(super) fn is_meant(uri: &Uri) -> bool {
    uri.path().starts_with("/v2/email/")
}

pub(super) async fn answer(front: &Front, uri: &Uri, asked: Value) -> Response {
    if uri.path() != "/v2/email/outbound-emails" {
        return describe(front, uri.path());
    }
    match note(front, "SendEmail") {
        Mood::Well => {}
        Mood::Denying => return refused(StatusCode::FORBIDDEN, "AccessDeniedException", "not authorized"),
        Mood::Failing => return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", ""),
        Mood::Silent => std::future::pending().await,
    }
    let is_safe = |value: &Value| value.as_str().is_some_and(|text| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c)));
    let tags = asked["EmailTags"].as_array().cloned().unwrap_or_default();
    if !tags.iter().all(|tag| is_safe(&tag["Name"]) && is_safe(&tag["Value"])) {
        return refused(StatusCode::BAD_REQUEST, "BadRequestException", "Invalid tag.");
    }
    if asked["Destination"]["ToAddresses"].as_array().is_none_or(|to| to.len() != 1) {
        return refused(StatusCode::BAD_REQUEST, "BadRequestException", "Missing destination.");
    }
    let mails = &mut lock(&front.kept).mail.taken;
    mails.push(asked);
    told(&json!({"MessageId": format!("mail-{}", mails.len())}))
}

fn describe(front: &Front, path: &str) -> Response {
    let domain = lock(&front.kept).mail.domain.clone();
    match path.trim_start_matches("/v2/email/").split_once('/') {
        None => told(&json!({"SendingEnabled": true, "ProductionAccessEnabled": domain.is_some(), "EnforcementStatus": "HEALTHY"})),
        Some(("identities", identity)) if domain.as_deref() == Some(identity) => {
            told(&json!({"IdentityType": "DOMAIN", "VerifiedForSendingStatus": true}))
        }
        _ => refused(StatusCode::NOT_FOUND, "NotFoundException", "no such identity"),
    }
}

fn told(body: &Value) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::HeaderName::from_static("x-amzn-errortype"), code)];
    (status, headers, json!({"message": message}).to_string()).into_response()
}
