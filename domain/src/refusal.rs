//! What Entra's error answer says, as data; and Graph's denial, in the same shape.
//!
//! `error`, `suberror` and the status decide what we do; the AADSTS numbers and the texts only decide what we say, because Microsoft
//! may change both at any time. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>

mod body;
mod facts;
mod graph;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use body::ErrorBody;
pub use facts::Facts;
pub use graph::from_graph;

/// The longest description that is kept, in characters. Real ones stay below 1,000.
const DESCRIPTION_MAX: usize = 2_000;
/// The most numbers that are kept of one answer. Real answers carry one or two.
const CODES_MAX: usize = 8;

/// A failed answer of the token endpoint, as it stands on the wire.
#[derive(Debug, Clone, Default)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// How long the server asked us to wait.
    pub retry_after: Option<SignedDuration>,
    /// The header `x-ms-request-id`: the body's `trace_id` once more.
    pub request_id: Option<&'a str>,
    /// The header `x-ms-clitelem`, which knows the token's age.
    pub telemetry: Option<&'a str>,
    /// The body, where it is a JSON object.
    pub body: Option<ErrorBody>,
}

/// What a token request came to when it brought no tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Entra answered, and its answer is about this grant, this app or this request.
    Refused(Box<Refusal>),
    /// Nothing can be concluded: try again later.
    Unclear(Unclear),
}

/// Why nothing can be concluded from an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unclear {
    /// What happened, for the log.
    pub what: String,
    /// How long the server asked us to wait.
    pub retry_after: Option<SignedDuration>,
}

/// Entra's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// HTTP status, 400 to 499.
    pub status: u16,
    /// The class of the error.
    pub error: ErrorWord,
    /// The sub-class, where Entra gave one.
    pub suberror: Option<Suberror>,
    /// The AADSTS numbers, in Entra's order; empty where Entra gave none.
    pub codes: Vec<u32>,
    /// Entra's text, cut after 2,000 characters.
    pub description: String,
    /// Claims to pass on to the next sign-in.
    pub claims: Option<String>,
    /// Entra's id of the answer, for Microsoft's support.
    pub trace_id: Option<String>,
    /// The id of the request, for Microsoft's support.
    pub correlation_id: Option<String>,
    /// Entra's time of the answer as Entra wrote it, for Microsoft's support.
    pub timestamp: Option<String>,
    /// Details found in the text.
    pub facts: Facts,
}

macro_rules! wire_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word that is not in the list.
            Other(String),
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$variant,)*
                    _ => Self::Other(word.chars().take(100).collect()),
                }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => $word.to_owned(),)*
                    $name::Other(other) => other,
                }
            }
        }
    };
}

wire_words! {
    /// The value of `error`. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>
    ErrorWord {
        /// The code or refresh token is of no use, or policy wants the person.
        InvalidGrant = "invalid_grant",
        /// The person must act.
        InteractionRequired = "interaction_required",
        /// A permission is not consented to.
        ConsentRequired = "consent_required",
        /// The person must sign in.
        LoginRequired = "login_required",
        /// Our own credential failed.
        InvalidClient = "invalid_client",
        /// The app is not in the tenant, or is disabled there.
        UnauthorizedClient = "unauthorized_client",
        /// The tenant does not exist.
        InvalidTenant = "invalid_tenant",
        /// Graph is missing or disabled in the tenant.
        InvalidResource = "invalid_resource",
        /// Our request asks for a scope that does not exist.
        InvalidScope = "invalid_scope",
        /// Our request is malformed.
        InvalidRequest = "invalid_request",
        /// Our request names an unknown grant type.
        UnsupportedGrantType = "unsupported_grant_type",
        /// Our request names an unknown response type.
        UnsupportedResponseType = "unsupported_response_type",
        /// The person declined.
        AccessDenied = "access_denied",
        /// An outage.
        TemporarilyUnavailable = "temporarily_unavailable",
        /// An outage.
        ServerError = "server_error",
        /// Graph: the token lacks the permission.
        GraphDenied = "Authorization_RequestDenied",
        /// Graph: the app's service principal is gone.
        GraphIdentityNotFound = "Authorization_IdentityNotFound",
        /// Graph: the app's service principal is disabled.
        GraphIdentityDisabled = "Authorization_IdentityDisabled",
        /// Graph: the access token is not accepted.
        GraphTokenInvalid = "InvalidAuthenticationToken",
    }
}

wire_words! {
    /// The value of `suberror`, as MSAL classifies it.
    /// Source: <https://github.com/AzureAD/microsoft-authentication-library-for-dotnet> (`MsalError`, "InvalidGrant suberrors")
    Suberror {
        /// This refresh token is dead for every resource and scope.
        BadToken = "bad_token",
        /// A policy limits how long a sign-in lasts.
        TokenExpired = "token_expired",
        /// The person can fix it by signing in.
        BasicAction = "basic_action",
        /// The person must do something outside the sign-in.
        AdditionalAction = "additional_action",
        /// A policy blocks; signing in only shows a message.
        MessageOnly = "message_only",
        /// Consent is missing or was withdrawn.
        ConsentRequired = "consent_required",
        /// The password is to be changed at the next sign-in.
        UserPasswordExpired = "user_password_expired",
        /// The token belongs to another client.
        ClientMismatch = "client_mismatch",
        /// The device must be registered again.
        DeviceAuthenticationFailed = "device_authentication_failed",
        /// An Intune app protection policy is missing.
        ProtectionPolicyRequired = "protection_policy_required",
    }
}

/// Reads a failed answer of the token endpoint. An answer with status 408, 429 or 5xx, or with a body that is no OAuth error, is never a
/// refusal, whatever it claims: a proxy's page or an outage says nothing about the grant.
#[must_use]
pub fn read(answer: Answer<'_>) -> Failure {
    let Answer { status, retry_after, request_id, telemetry, body } = answer;
    let unclear = |what: String| Failure::Unclear(Unclear { what, retry_after });
    let Some(body) = body else {
        return unclear(format!("status {status} with a body that is no OAuth error"));
    };
    let error = ErrorWord::from(body.error);
    if !is_about_the_request(status) {
        return unclear(format!("status {status}, error {:?}", String::from(error)));
    }
    if error == ErrorWord::Other(String::new()) {
        return unclear(format!("status {status} without an error word"));
    }
    if matches!(error, ErrorWord::TemporarilyUnavailable | ErrorWord::ServerError) {
        return unclear(format!("status {status}, error {}", String::from(error)));
    }
    let description: String = body.error_description.unwrap_or_default().chars().take(DESCRIPTION_MAX).collect();
    let facts = Facts::find(&description, body.claims.as_deref().unwrap_or_default(), telemetry.unwrap_or_default());
    let short = |text: Option<String>| text.map(|text| text.chars().take(100).collect()).filter(|text: &String| !text.is_empty());
    Failure::Refused(Box::new(Refusal {
        status,
        error,
        suberror: short(body.suberror).map(Suberror::from),
        codes: codes(&body.error_codes, &description),
        description,
        claims: body.claims.filter(|claims| claims.len() <= DESCRIPTION_MAX),
        trace_id: short(body.trace_id).or_else(|| short(request_id.map(str::to_owned))),
        correlation_id: short(body.correlation_id),
        timestamp: short(body.timestamp),
        facts,
    }))
}

/// Whether a status can say something about our request: not an outage, a throttle or a lost connection.
fn is_about_the_request(status: u16) -> bool {
    (400..500).contains(&status) && ![408, 423, 429].contains(&status)
}

/// The numbers of `error_codes`, or those in the text where the field is missing.
fn codes(field: &[u32], description: &str) -> Vec<u32> {
    if !field.is_empty() {
        return field.iter().copied().take(CODES_MAX).collect();
    }
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    let after_prefix = description.split("AADSTS").skip(1);
    after_prefix.filter_map(|rest| digits(rest).parse().ok()).take(CODES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(error: &str, description: &str) -> ErrorBody {
        ErrorBody { error: error.to_owned(), error_description: Some(description.to_owned()), ..ErrorBody::default() }
    }

    fn refused(body: ErrorBody) -> Refusal {
        match read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
            Failure::Refused(refusal) => *refusal,
            Failure::Unclear(unclear) => panic!("{unclear:?}"),
        }
    }

    fn is_unclear(status: u16, body: Option<ErrorBody>) -> bool {
        matches!(read(Answer { status, body, ..Answer::default() }), Failure::Unclear(_))
    }

    #[test]
    fn codes_come_as_numbers_as_texts_and_from_the_description() {
        for (json, expected) in [
            (r#"{"error":"invalid_grant","error_codes":[70002,70008]}"#, vec![70002, 70008]),
            (r#"{"error":"invalid_grant","error_codes":["50173"]}"#, vec![50173]),
            (r#"{"error":"invalid_grant","error_codes":["many"]}"#, vec![]),
            (r#"{"error":"invalid_grant","error_description":"AADSTS50034: a. AADSTS700016: b."}"#, vec![50034, 700_016]),
            (r#"{"error":"invalid_grant"}"#, vec![]),
        ] {
            assert_eq!(refused(serde_json::from_str(json).unwrap()).codes, expected, "{json}");
        }
    }

    #[test]
    fn outages_are_never_refusals_whatever_their_body_claims() {
        for status in [200, 302, 408, 429, 500, 502, 503, 504] {
            assert!(is_unclear(status, Some(body("invalid_grant", "AADSTS50173"))), "{status}");
        }
        for word in ["temporarily_unavailable", "server_error", ""] {
            assert!(is_unclear(400, Some(body(word, ""))), "{word}");
        }
        assert!(is_unclear(400, None));
    }

    #[test]
    fn a_megabyte_of_text_is_cut() {
        let refusal = refused(body("invalid_grant", &"ä".repeat(1_000_000)));
        assert_eq!(refusal.description.chars().count(), DESCRIPTION_MAX);
    }

    #[test]
    fn unknown_words_are_kept_as_they_are() {
        let refusal = refused(ErrorBody { suberror: Some("brand_new".to_owned()), ..body("strange_error", "") });
        assert_eq!(refusal.error, ErrorWord::Other("strange_error".to_owned()));
        assert_eq!(refusal.suberror, Some(Suberror::Other("brand_new".to_owned())));
    }

    #[test]
    fn the_trace_id_is_taken_from_the_header_where_the_body_has_none() {
        let read_with = |trace_id: Option<&str>| {
            let body = ErrorBody { trace_id: trace_id.map(str::to_owned), ..body("invalid_grant", "") };
            read(Answer { status: 400, request_id: Some("header"), body: Some(body), ..Answer::default() })
        };
        for (in_body, expected) in [(None, "header"), (Some(""), "header"), (Some("body"), "body")] {
            let Failure::Refused(refusal) = read_with(in_body) else { panic!("{in_body:?}") };
            assert_eq!(refusal.trace_id.as_deref(), Some(expected), "{in_body:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_reading_panic(status in 0_u16..1000, error in ".*", text in ".*", claims in ".*") {
            let mut answer = body(&error, &text);
            answer.claims = Some(claims);
            let _ = read(Answer { status, body: Some(answer), ..Answer::default() });
        }
    }
}
