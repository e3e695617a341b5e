//! What Entra's error answer says, as data.
//!
//! `error`, `suberror` and the status decide what we do; the AADSTS numbers and the texts only decide what we say, because Microsoft
//! may change both at any time. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>

mod facts;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use facts::Facts;

/// The longest description that is kept, in characters. Real ones stay below 1,000.
const DESCRIPTION_MAX: usize = 2_000;
/// The most numbers that are kept of one answer. Real answers carry one or two.
const CODES_MAX: usize = 8;

/// The body of a token endpoint's error answer, as it stands on the wire. Every field may be missing or of an unexpected kind.
/// Source: RFC 6749 section 5.2, and <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// The class of the error.
    pub error: String,
    /// The text for people, with the AADSTS number in front.
    pub error_description: Option<String>,
    /// The AADSTS numbers; numbers today, seen as texts.
    pub error_codes: Vec<Code>,
    /// The sub-class of the error.
    pub suberror: Option<String>,
    /// Claims that a new sign-in must satisfy: JSON in a text.
    pub claims: Option<String>,
    /// Entra's id of the answer.
    pub trace_id: Option<String>,
    /// The id of the request.
    pub correlation_id: Option<String>,
    /// Entra's time, `YYYY-MM-DD HH:MM:SSZ`.
    pub timestamp: Option<String>,
}

/// An AADSTS number on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Code {
    /// As a JSON number.
    Number(u32),
    /// As a JSON text.
    Text(String),
}

impl Code {
    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
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
        /// The person declined.
        AccessDenied = "access_denied",
        /// An outage.
        TemporarilyUnavailable = "temporarily_unavailable",
        /// An outage.
        ServerError = "server_error",
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

/// Reads a failed answer of the token endpoint. An answer with status 429 or 5xx, or with a body that is no OAuth error, is never a
/// refusal, whatever it claims: a proxy's page or an outage says nothing about the grant.
#[must_use]
pub fn read(status: u16, retry_after: Option<SignedDuration>, body: Option<ErrorBody>) -> Failure {
    let unclear = |what: String| Failure::Unclear(Unclear { what, retry_after });
    let Some(body) = body else {
        return unclear(format!("status {status} with a body that is no OAuth error"));
    };
    if !(400..500).contains(&status) || status == 429 || status == 408 {
        return unclear(format!("status {status}, error {:?}", body.error));
    }
    if body.error.is_empty() {
        return unclear(format!("status {status} without an error word"));
    }
    let error = ErrorWord::from(body.error);
    if matches!(error, ErrorWord::TemporarilyUnavailable | ErrorWord::ServerError) {
        return unclear(format!("status {status}, error {}", String::from(error)));
    }
    let description: String = body.error_description.unwrap_or_default().chars().take(DESCRIPTION_MAX).collect();
    let facts = Facts::find(&description, body.claims.as_deref().unwrap_or_default());
    let short = |text: Option<String>| text.map(|text| text.chars().take(100).collect());
    Failure::Refused(Box::new(Refusal {
        status,
        error,
        suberror: body.suberror.filter(|word| !word.is_empty()).map(Suberror::from),
        codes: codes(&body.error_codes, &description),
        description,
        claims: body.claims.filter(|claims| claims.len() <= DESCRIPTION_MAX),
        trace_id: short(body.trace_id),
        correlation_id: short(body.correlation_id),
        timestamp: short(body.timestamp),
        facts,
    }))
}

/// The numbers of `error_codes`, or those in the text where the field is missing.
fn codes(field: &[Code], description: &str) -> Vec<u32> {
    let stated: Vec<u32> = field.iter().filter_map(Code::number).take(CODES_MAX).collect();
    if !stated.is_empty() {
        return stated;
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
        match read(400, None, Some(body)) {
            Failure::Refused(refusal) => *refusal,
            Failure::Unclear(unclear) => panic!("{unclear:?}"),
        }
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
            let answer = read(status, None, Some(body("invalid_grant", "AADSTS50173")));
            assert!(matches!(answer, Failure::Unclear(_)), "{status}");
        }
        for word in ["temporarily_unavailable", "server_error", ""] {
            assert!(matches!(read(400, None, Some(body(word, ""))), Failure::Unclear(_)), "{word}");
        }
        assert!(matches!(read(400, None, None), Failure::Unclear(_)));
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

    proptest! {
        #[test]
        fn no_answer_makes_reading_panic(status in 0_u16..1000, error in ".*", text in ".*", claims in ".*") {
            let mut answer = body(&error, &text);
            answer.claims = Some(claims);
            let _ = read(status, None, Some(answer));
        }
    }
}
