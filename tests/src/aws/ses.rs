//! SES's `SendEmail`: mails are kept.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::{Front, Mood, lock, note};

/// Whether a request is for SES.
pub(super) fn is_meant(uri: &Uri) -> bool {
    uri.path().starts_with("/v2/email/")
}

pub(super) async fn answer(front: &Front, uri: &Uri, asked: Value) -> Response {
    if uri.path() != "/v2/email/outbound-emails" {
        return refused(StatusCode::NOT_FOUND, "NotFoundException", "no such operation here");
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
    if !asked["Destination"]["ToAddresses"].as_array().is_some_and(|to| to.len() == 1) {
        return refused(StatusCode::BAD_REQUEST, "BadRequestException", "Missing destination.");
    }
    let mails = &mut lock(&front.kept).mails;
    mails.push(asked);
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], json!({"MessageId": format!("mail-{}", mails.len())}).to_string())
        .into_response()
}

fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::HeaderName::from_static("x-amzn-errortype"), code)];
    (status, headers, json!({"message": message}).to_string()).into_response()
}
