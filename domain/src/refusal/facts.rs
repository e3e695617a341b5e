//! Details that Entra hides in its texts. They are for people; nothing is decided by them but what a forecast learns.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most policies that are kept of one refusal.
const POLICIES_MAX: usize = 10;

/// Details found in a refusal's text and claims; each may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When the refused grant was issued (50173, 70043, 700082).
    pub issued_at: Option<Timestamp>,
    /// Since when only newer grants of this person are valid (50173).
    pub tokens_valid_from: Option<Timestamp>,
    /// How long a sign-in lasts by the tenant's policy (70043).
    pub lifetime_max: Option<SignedDuration>,
    /// How long the grant lay unused (700082).
    pub unused_for: Option<SignedDuration>,
    /// The Conditional Access policies that block (53003).
    pub policies: Vec<Uuid>,
}

impl Facts {
    /// Looks for the known phrases. Microsoft may reword them at any time: what is not found is left out.
    pub(super) fn find(description: &str, claims: &str) -> Self {
        let phrase = |start: &str| description.split_once(start).map(|(_, rest)| rest);
        let quoted = |start: &str| phrase(start).and_then(|rest| rest.split('\'').nth(1)).and_then(time);
        let bare = |start: &str| phrase(start).and_then(|rest| rest.split_whitespace().next()).and_then(time);
        let number = |start: &str| phrase(start).and_then(|rest| leading_number(rest.trim_start()));
        let lifetime = number("maximum allowed lifetime for this request is").filter(|seconds| *seconds > 0);
        Self {
            issued_at: quoted("The grant was issued on").or_else(|| bare("The token was issued on")),
            tokens_valid_from: quoted("The grant was issued on")
                .and_then(|_| phrase("TokensValidFrom"))
                .and_then(|rest| rest.split('\'').nth(1))
                .and_then(time),
            lifetime_max: lifetime.and_then(|seconds| i64::try_from(seconds).ok()).map(SignedDuration::from_secs),
            unused_for: phrase("was inactive for").and_then(|rest| time_span(rest.trim_start())),
            policies: policies(claims),
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.trim_end_matches('.').parse().ok()
}

fn leading_number(text: &str) -> Option<u64> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Reads a .NET `TimeSpan`, `d.hh:mm:ss` or `hh:mm:ss`.
/// Source: <https://learn.microsoft.com/en-us/dotnet/standard/base-types/standard-timespan-format-strings>
fn time_span(text: &str) -> Option<SignedDuration> {
    let is_part = |c: &char| c.is_ascii_digit() || *c == '.' || *c == ':';
    let span: String = text.chars().take_while(is_part).collect();
    let span = span.trim_end_matches('.');
    let (days, clock) = span.split_once('.').unwrap_or(("0", span));
    let mut parts = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let whole_days = days.parse::<i64>().ok().filter(|days| *days < 100_000)?;
    let is_clock = hours < 24 && minutes < 60 && seconds < 60;
    is_clock.then(|| SignedDuration::from_secs(((whole_days * 24 + hours) * 60 + minutes) * 60 + seconds))
}

/// The GUIDs that follow `capolids` in the claims.
fn policies(claims: &str) -> Vec<Uuid> {
    let Some((_, rest)) = claims.split_once("capolids") else {
        return Vec::new();
    };
    let values = rest.split_once(']').map_or(rest, |(values, _)| values);
    values.split('"').filter_map(|text| Uuid::try_parse(text).ok()).take(POLICIES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_revocation_tells_both_times() {
        let facts = Facts::find(
            "AADSTS50173: The provided grant has expired due to it being revoked. The grant was issued on '2021-10-29T17:06:26.4084709Z' \
             and the TokensValidFrom date (before which tokens are not valid) for this user is '2021-10-29T17:16:00.0000000Z'.\r\nTrace ID: x",
            "",
        );
        assert_eq!(facts.issued_at, at("2021-10-29T17:06:26.4084709Z"));
        assert_eq!(facts.tokens_valid_from, at("2021-10-29T17:16:00Z"));
    }

    #[test]
    fn a_sign_in_frequency_tells_the_policys_length() {
        let facts = Facts::find(
            "AADSTS70043: ... The token was issued on 2022-01-15T22:57:51.2550000Z and the maximum allowed lifetime for this request is 1209600.",
            "",
        );
        assert_eq!(facts.issued_at, at("2022-01-15T22:57:51.255Z"));
        assert_eq!(facts.lifetime_max, Some(SignedDuration::from_hours(14 * 24)));
    }

    #[test]
    fn inactivity_tells_how_long() {
        let facts = Facts::find(
            "AADSTS700082: ... The token was issued on 2024-07-31T08:00:26.4486159Z and was inactive for 90.00:00:00.\r\nTrace ID: y",
            "",
        );
        assert_eq!(facts.unused_for, Some(SignedDuration::from_hours(90 * 24)));
        assert_eq!(facts.issued_at, at("2024-07-31T08:00:26.4486159Z"));
    }

    #[test]
    fn a_block_names_its_policies() {
        let claims = r#"{"access_token":{"capolids":{"essential":true,"values":["5da4a2f0-46b9-4a8b-a41b-0f7b5d2bbd31"]}}}"#;
        assert_eq!(Facts::find("", claims).policies.len(), 1);
    }

    #[test]
    fn nonsense_gives_no_facts() {
        for text in [
            "The grant was issued on 'yesterday' TokensValidFrom ''",
            "The token was issued on and was inactive for 1.2.3",
            "maximum allowed lifetime for this request is -5",
            "maximum allowed lifetime for this request is 99999999999999999999999",
            "was inactive for 999999999999.00:00:00",
            "was inactive for 1.25:00:00",
        ] {
            assert_eq!(Facts::find(text, "capolids"), Facts::default(), "{text}");
        }
    }
}
