//! What a refusal means: what to do about it, and what to say.
//!
//! Two questions, kept apart. [`action`] asks what we do, and looks at `error`, `suberror` and nothing else, with one exception that can
//! only make the verdict milder: a few numbers come as `invalid_grant` although the grant is well (a throttle, an outage, a disabled
//! account that may be enabled again). [`diagnose`] asks what we say, and looks the numbers up in a table.
//!
//! A number that is not in the table is said by its `suberror` or `error`. To add a number: one row in `diagnosis/table.rs`.

mod table;

use crate::api::{Actor, DiagnosisView, FactView, SupportView};
use crate::refusal::{ErrorWord, Facts, Refusal, Suberror};

use table::{Milder, Row};

/// What we do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Only a person can repair the grant.
    Bury,
    /// Entra refuses now; the grant may come back by itself. Test again, slowly.
    Suspend,
    /// Our own credential, registration or request is at fault.
    BlameOperator,
    /// Nothing is wrong with the grant. Try again later.
    Wait,
}

/// Decides what to do about a refusal.
#[must_use]
pub fn action(refusal: &Refusal) -> Action {
    let by_words = by_words(&refusal.error, refusal.suberror.as_ref());
    match (by_words, row(refusal).map(|row| row.milder)) {
        (Action::Bury, _) if is_unmistakable(refusal) => Action::Bury,
        (Action::Bury | Action::Suspend, Some(Milder::Wait)) => Action::Wait,
        (Action::Bury, Some(Milder::Suspend)) => Action::Suspend,
        (Action::Bury | Action::Suspend, Some(Milder::Operator)) => Action::BlameOperator,
        (action, _) => action,
    }
}

/// Whether the refusal is Entra's unmistakable word for a dead token: `suberror` is `bad_token`, and nothing softens it. Every other
/// refusal that buries rests on words that have been seen to pass.
/// Source: <https://github.com/AzureAD/microsoft-authentication-library-for-dotnet> (`MsalError`)
#[must_use]
pub fn is_unmistakable(refusal: &Refusal) -> bool {
    refusal.suberror == Some(Suberror::BadToken)
}

/// What `error` and `suberror` say.
/// Source: <https://github.com/AzureAD/microsoft-authentication-library-for-dotnet> (`MsalError`), RFC 6749 section 5.2.
fn by_words(error: &ErrorWord, suberror: Option<&Suberror>) -> Action {
    match error {
        ErrorWord::InvalidGrant | ErrorWord::InteractionRequired => by_suberror(suberror),
        ErrorWord::ConsentRequired | ErrorWord::LoginRequired | ErrorWord::InvalidTenant => Action::Bury,
        ErrorWord::UnauthorizedClient | ErrorWord::InvalidResource | ErrorWord::AccessDenied => Action::Suspend,
        ErrorWord::InvalidClient
        | ErrorWord::InvalidScope
        | ErrorWord::InvalidRequest
        | ErrorWord::UnsupportedGrantType
        | ErrorWord::UnsupportedResponseType => Action::BlameOperator,
        // The next access token may fare better.
        ErrorWord::TemporarilyUnavailable | ErrorWord::ServerError | ErrorWord::GraphTokenInvalid => Action::Wait,
        // They pass as soon as the administrator grants, or enables, again.
        ErrorWord::GraphDenied | ErrorWord::GraphIdentityNotFound | ErrorWord::GraphIdentityDisabled => Action::Suspend,
        ErrorWord::Other(_) => Action::Suspend,
    }
}

fn by_suberror(suberror: Option<&Suberror>) -> Action {
    match suberror {
        Some(
            Suberror::MessageOnly
            | Suberror::AdditionalAction
            | Suberror::DeviceAuthenticationFailed
            | Suberror::ProtectionPolicyRequired
            | Suberror::Other(_),
        ) => Action::Suspend,
        Some(Suberror::ClientMismatch) => Action::BlameOperator,
        Some(
            Suberror::BadToken | Suberror::TokenExpired | Suberror::BasicAction | Suberror::ConsentRequired | Suberror::UserPasswordExpired,
        )
        | None => Action::Bury,
    }
}

/// Says what a refusal means, in words that an administrator can act on.
#[must_use]
pub fn diagnose(refusal: &Refusal) -> DiagnosisView {
    let words = row(refusal).map_or_else(|| table::by_words(refusal), |row| row.words);
    DiagnosisView {
        cause: words.cause.to_owned(),
        headline: words.headline.to_owned(),
        explanation: words.explanation.to_owned(),
        who: words.who,
        steps: words.steps.iter().map(|step| (*step).to_owned()).collect(),
        facts: facts(&refusal.facts),
        learn_more: row(refusal).map(|row| row.source.to_owned()),
        support: Some(SupportView {
            code: named_code(refusal),
            trace_id: refusal.trace_id.clone(),
            correlation_id: refusal.correlation_id.clone(),
            timestamp: refusal.timestamp.clone(),
        }),
    }
}

/// The first number that the table knows.
fn row(refusal: &Refusal) -> Option<&'static Row> {
    refusal.codes.iter().find_map(|code| table::find(*code))
}

/// The number to show: the one that is explained, or else Entra's first.
fn named_code(refusal: &Refusal) -> Option<u32> {
    row(refusal).map(|row| row.code).or_else(|| refusal.codes.first().copied())
}

fn facts(facts: &Facts) -> Vec<FactView> {
    let time = |label: &str, at| FactView { label: label.to_owned(), text: None, at: Some(at) };
    let text = |label: &str, text| FactView { label: label.to_owned(), text: Some(text), at: None };
    let days = |length: jiff::SignedDuration| match length.as_hours() {
        hours if hours >= 48 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    };
    let mut found = Vec::new();
    found.extend(facts.issued_at.map(|at| time("Token issued", at)));
    found.extend(facts.tokens_valid_from.map(|at| time("Sign-ins revoked", at)));
    found.extend(facts.lifetime_max.map(|length| text("Your policy lets a sign-in last", days(length))));
    found.extend(facts.unused_for.map(|length| text("It lay unused for", days(length))));
    found.extend(facts.policies.iter().map(|id| text("Blocking Conditional Access policy", id.hyphenated().to_string())));
    found
}

/// The words for a connection whose operator's credential failed, as a customer may read them: no blame, no numbers of the operator's.
#[must_use]
pub fn diagnose_operator_fault() -> DiagnosisView {
    DiagnosisView {
        cause: "operator-fault".to_owned(),
        headline: "A fault on our side".to_owned(),
        explanation: "Our own sign-in to Microsoft failed. Your consent is fine, and there is nothing for you to do.".to_owned(),
        who: Actor::Operator,
        steps: Vec::new(),
        facts: Vec::new(),
        learn_more: None,
        support: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{self, Answer, ErrorBody, Failure};
    use proptest::prelude::*;

    fn refusal(error: &str, suberror: Option<&str>, code: u32) -> Refusal {
        let body = ErrorBody {
            error: error.to_owned(),
            suberror: suberror.map(str::to_owned),
            error_description: Some(format!("AADSTS{code}: text")),
            ..ErrorBody::default()
        };
        match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
            Failure::Refused(refusal) => *refusal,
            Failure::Unclear(unclear) => panic!("{unclear:?}"),
        }
    }

    #[test]
    fn each_known_death_is_told_apart() {
        use Action::{BlameOperator, Bury, Suspend, Wait};
        for (error, suberror, code, expected, cause) in [
            ("invalid_grant", Some("bad_token"), 50173, Bury, "sessions-revoked"),
            ("invalid_grant", Some("token_expired"), 70043, Bury, "sign-in-frequency"),
            ("invalid_grant", Some("basic_action"), 50076, Bury, "mfa-required"),
            ("invalid_grant", Some("basic_action"), 50078, Bury, "mfa-too-old"),
            ("invalid_grant", Some("consent_required"), 65001, Bury, "consent-withdrawn"),
            ("invalid_grant", Some("bad_token"), 700_082, Bury, "unused-too-long"),
            ("invalid_grant", None, 500_341, Bury, "account-deleted"),
            ("invalid_grant", Some("message_only"), 53003, Suspend, "blocked-by-policy"),
            ("invalid_grant", None, 50057, Suspend, "account-disabled"),
            ("unauthorized_client", None, 700_016, Suspend, "app-missing"),
            ("unauthorized_client", None, 7_000_112, Suspend, "app-disabled"),
            ("invalid_tenant", None, 90002, Bury, "tenant-gone"),
            ("invalid_client", None, 7_000_222, BlameOperator, "operator-secret-expired"),
            ("invalid_client", None, 7_000_215, BlameOperator, "operator-secret-wrong"),
            ("invalid_grant", None, 50196, Wait, "too-many-requests"),
            ("invalid_grant", None, 9_002_313, BlameOperator, "operator-request-malformed"),
            ("invalid_grant", None, 1, Bury, "refused"),
            ("invalid_grant", Some("brand_new"), 1, Suspend, "refused"),
            ("brand_new", None, 1, Suspend, "refused"),
        ] {
            let refusal = refusal(error, suberror, code);
            assert_eq!(action(&refusal), expected, "{error} {suberror:?} {code}");
            assert_eq!(diagnose(&refusal).cause, cause, "{error} {suberror:?} {code}");
        }
    }

    #[test]
    fn each_denial_of_graph_is_told_apart() {
        for (status, code, expected, cause) in [
            (403, "Authorization_RequestDenied", Action::Suspend, "consent-withdrawn"),
            (403, "Authorization_IdentityNotFound", Action::Suspend, "app-missing"),
            (403, "Authorization_IdentityDisabled", Action::Suspend, "app-disabled"),
            (401, "InvalidAuthenticationToken", Action::Wait, "access-token-refused"),
            (403, "something_new", Action::Suspend, "refused"),
            (403, "", Action::Suspend, "refused"),
            (503, "Authorization_RequestDenied", Action::Wait, "outage"),
        ] {
            let refusal = refusal::from_graph(status, code, Some("1"));
            let diagnosis = diagnose(&refusal);
            assert_eq!((action(&refusal), diagnosis.cause.as_str()), (expected, cause), "{status} {code}");
            assert_eq!(diagnosis.steps.is_empty(), expected == Action::Wait, "{status} {code}");
            assert_eq!(diagnosis.support.and_then(|support| support.trace_id).as_deref(), Some("1"));
        }
    }

    #[test]
    fn a_number_never_makes_a_verdict_harsher() {
        let severity = |action| match action {
            Action::Wait => 0,
            Action::BlameOperator => 1,
            Action::Suspend => 2,
            Action::Bury => 3,
        };
        for row in table::ROWS {
            for error in ["invalid_grant", "unauthorized_client", "invalid_client", "new_error"] {
                let with = action(&refusal(error, None, row.code));
                let without = action(&refusal(error, None, 1));
                assert!(severity(with) <= severity(without), "{error} {}", row.code);
            }
        }
    }

    #[test]
    fn bad_token_is_not_taken_back_by_any_number() {
        for row in table::ROWS {
            assert_eq!(action(&refusal("invalid_grant", Some("bad_token"), row.code)), Action::Bury);
        }
    }

    #[test]
    fn only_bad_token_is_unmistakable() {
        assert!(is_unmistakable(&refusal("invalid_grant", Some("bad_token"), 1)));
        for suberror in [None, Some("token_expired"), Some("basic_action"), Some("consent_required"), Some("message_only"), Some("new")] {
            assert!(!is_unmistakable(&refusal("invalid_grant", suberror, 50173)), "{suberror:?}");
        }
    }

    #[test]
    fn every_row_can_be_acted_on_and_names_its_source() {
        for row in table::ROWS {
            let words = row.words;
            assert!(words.headline.split(' ').count() <= 8, "{}", words.headline);
            assert!(words.explanation.ends_with('.'), "{}", row.code);
            assert!(!words.steps.is_empty() || matches!(words.who, Actor::Operator | Actor::Nobody), "{}", row.code);
            assert!(row.source.starts_with("https://"), "{}", row.code);
        }
    }

    #[test]
    fn of_two_numbers_the_known_one_speaks() {
        let mut two = refusal("invalid_grant", Some("bad_token"), 50173);
        two.codes = vec![1, 50173];
        assert_eq!(diagnose(&two).support.and_then(|support| support.code), Some(50173));
    }

    proptest! {
        #[test]
        fn an_unknown_refusal_always_has_an_answer(error in "[a-z_]{1,20}", suberror in proptest::option::of("[a-z_]{1,20}"), code in 1_u32..10_000_000) {
            let refusal = refusal(&error, suberror.as_deref(), code);
            let _ = action(&refusal);
            prop_assert!(!diagnose(&refusal).headline.is_empty());
        }
    }
}
