//! What Entra hid in its texts, as a person may read it.

use jiff::SignedDuration;
use uuid::Uuid;

use crate::api::FactView;
use crate::refusal::Facts;

/// Microsoft Graph's application id, the same in every tenant.
/// Source: <https://learn.microsoft.com/en-us/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in>
const MICROSOFT_GRAPH: Uuid = Uuid::from_u128(0x0000_0003_0000_0000_c000_0000_0000_0000);

/// The facts of a refusal, the most telling first.
pub(super) fn tell(facts: &Facts) -> Vec<FactView> {
    let time = |label: &str, at| FactView { label: label.to_owned(), text: None, at: Some(at) };
    let text = |label: &str, text| FactView { label: label.to_owned(), text: Some(text), at: None };
    // A time says more than an age.
    let age = facts.token_age.filter(|_| facts.issued_at.is_none());
    let mut found = Vec::new();
    found.extend(facts.issued_at.map(|at| time("Token issued", at)));
    found.extend(facts.tokens_valid_from.map(|at| time("Sign-ins revoked", at)));
    found.extend(facts.lifetime_max.map(|length| text("Your policy lets a sign-in last", in_words(length))));
    found.extend(facts.fixed_lifetime.map(|length| text("Such a sign-in lasts", in_words(length))));
    found.extend(facts.unused_for.map(|length| text("It lay unused for", in_words(length))));
    found.extend(facts.resource.map(|id| text("Asked for by", resource(id))));
    found.extend(facts.policies.iter().map(|id| text("Blocking Conditional Access policy", id.hyphenated().to_string())));
    found.extend(app(facts).map(|app| text("App", app)));
    found.extend(age.map(|age| text("Age of the token", in_words(age))));
    found
}

fn resource(id: Uuid) -> String {
    match id {
        MICROSOFT_GRAPH => "Microsoft Graph".to_owned(),
        other => other.hyphenated().to_string(),
    }
}

fn app(facts: &Facts) -> Option<String> {
    let id = facts.app_id?.hyphenated();
    Some(facts.app_name.as_ref().map_or_else(|| id.to_string(), |name| format!("{name} ({id})")))
}

/// A length in its largest fitting unit, rounded down.
fn in_words(length: SignedDuration) -> String {
    let (minutes, hours) = (length.as_mins(), length.as_hours());
    match (hours / 24, hours, minutes) {
        (2.., _, _) => format!("{} days", hours / 24),
        (_, 2.., _) => format!("{hours} hours"),
        (_, 1, _) => "1 hour".to_owned(),
        (_, _, 2..) => format!("{minutes} minutes"),
        _ => "a moment".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(facts: &Facts) -> Vec<(String, String)> {
        tell(facts).into_iter().map(|fact| (fact.label, fact.text.unwrap_or_else(|| fact.at.unwrap().to_string()))).collect()
    }

    #[test]
    fn lengths_are_told_in_their_largest_unit() {
        for (seconds, expected) in [
            (0, "a moment"),
            (59, "a moment"),
            (119, "a moment"),
            (120, "2 minutes"),
            (3_600, "1 hour"),
            (32_400, "9 hours"),
            (86_400, "24 hours"),
            (1_209_600, "14 days"),
        ] {
            assert_eq!(in_words(SignedDuration::from_secs(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn graph_is_told_by_its_name_and_anything_else_by_its_id() {
        let resource = |id| texts(&Facts { resource: Some(id), ..Facts::default() });
        assert_eq!(resource(MICROSOFT_GRAPH)[0].1, "Microsoft Graph");
        assert_eq!(resource(Uuid::from_u128(1))[0].1, "00000000-0000-0000-0000-000000000001");
    }

    #[test]
    fn an_age_is_told_only_where_no_time_is() {
        let age = Facts { token_age: Some(SignedDuration::from_hours(72)), ..Facts::default() };
        assert_eq!(texts(&age), [("Age of the token".to_owned(), "3 days".to_owned())]);
        let both = Facts { issued_at: Some(jiff::Timestamp::UNIX_EPOCH), ..age };
        assert_eq!(texts(&both), [("Token issued".to_owned(), "1970-01-01T00:00:00Z".to_owned())]);
    }

    #[test]
    fn the_app_is_told_with_its_name_where_that_is_known() {
        let id = Some(Uuid::from_u128(1));
        let named = Facts { app_id: id, app_name: Some("Signatures".to_owned()), ..Facts::default() };
        assert_eq!(texts(&named)[0].1, "Signatures (00000000-0000-0000-0000-000000000001)");
        assert_eq!(texts(&Facts { app_name: None, ..named })[0].1, "00000000-0000-0000-0000-000000000001");
    }
}
