//! Details that Entra hides in its texts. They are for people; nothing is decided by them but what a forecast learns.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most policies that are kept of one refusal.
const POLICIES_MAX: usize = 10;

/// The longest name of an app that is kept, in characters. Source: <https://learn.microsoft.com/en-us/graph/api/resources/application>
const NAME_MAX: usize = 256;

/// Details found in a refusal's text, claims and headers; each may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When the refused grant was issued (50173, 70043, 700082, 700084).
    pub issued_at: Option<Timestamp>,
    /// Since when only newer grants of this person are valid (50173).
    pub tokens_valid_from: Option<Timestamp>,
    /// How long a sign-in lasts by the tenant's policy (70043).
    pub lifetime_max: Option<SignedDuration>,
    /// How long any sign-in lasts that was made through a browser-only registration (700084).
    pub fixed_lifetime: Option<SignedDuration>,
    /// How long the grant lay unused (700082).
    pub unused_for: Option<SignedDuration>,
    /// How old the presented token was, by the header `x-ms-clitelem`.
    pub token_age: Option<SignedDuration>,
    /// The Conditional Access policies that block (53003).
    pub policies: Vec<Uuid>,
    /// The application id of what the token was to read (50076, 50078, 50079).
    pub resource: Option<Uuid>,
    /// Our own application id, as Entra names it (65001, 700016, 7000112, 7000222).
    pub app_id: Option<Uuid>,
    /// Our own application's name, as Entra names it (65001, 7000112).
    pub app_name: Option<String>,
}

impl Facts {
    /// Looks for the known phrases. Microsoft may reword them at any time: what is not found is left out.
    pub(super) fn find(description: &str, claims: &str, telemetry: &str) -> Self {
        let phrase = |start: &str| description.split_once(start).map(|(_, rest)| rest);
        let quoted = |start: &str| phrase(start).and_then(|rest| rest.split('\'').nth(1)).and_then(time);
        let bare = |start: &str| phrase(start).and_then(|rest| rest.split_whitespace().next()).and_then(time);
        let number = |start: &str| phrase(start).and_then(|rest| leading_number(rest.trim_start()));
        let span = |start: &str| phrase(start).and_then(|rest| time_span(rest.trim_start()));
        let lifetime = number("maximum allowed lifetime for this request is").filter(|seconds| *seconds > 0);
        let (app_id, app_name) = app(description).unzip();
        Self {
            issued_at: quoted("The grant was issued on").or_else(|| bare("The token was issued on")),
            tokens_valid_from: quoted("The grant was issued on")
                .and_then(|_| phrase("TokensValidFrom"))
                .and_then(|rest| rest.split('\'').nth(1))
                .and_then(time),
            lifetime_max: lifetime.and_then(|seconds| i64::try_from(seconds).ok()).map(SignedDuration::from_secs),
            fixed_lifetime: span("limited lifetime of"),
            unused_for: span("was inactive for"),
            token_age: age(telemetry),
            policies: policies(claims),
            resource: phrase("authentication to access '").and_then(guid_before_quote),
            app_id,
            app_name: app_name.flatten(),
        }
    }
}

/// Our application's id, and its name where it stands beside it. Each phrase that comes before an id, and what then comes before a name.
fn app(description: &str) -> Option<(Uuid, Option<String>)> {
    const PHRASES: [(&str, &str); 4] =
        [("application with ID '", "' named '"), ("Application with identifier '", ""), ("for app '", ""), ("Application '", "'(")];
    PHRASES.iter().find_map(|(before_id, before_name)| {
        let (_, rest) = description.split_once(before_id)?;
        let id = guid_before_quote(rest)?;
        let name = rest.split_once('\'').map(|(id, _)| &rest[id.len()..]).filter(|_| !before_name.is_empty());
        let name = name.and_then(|rest| rest.strip_prefix(before_name)).and_then(|rest| rest.split_once(['\'', ')']));
        let short = name.map(|(name, _)| name.chars().take(NAME_MAX).collect::<String>());
        Some((id, short.filter(|name| !name.trim().is_empty())))
    })
}

fn guid_before_quote(text: &str) -> Option<Uuid> {
    text.split_once('\'').and_then(|(id, _)| Uuid::try_parse(id).ok())
}

/// Reads the fourth field of `x-ms-clitelem`, milliseconds. The fields are version, error, sub-error, token age and ring.
/// Source: <https://github.com/AzureAD/microsoft-authentication-library-for-java> (`XmsClientTelemetryInfo`)
fn age(telemetry: &str) -> Option<SignedDuration> {
    let fields: Vec<&str> = telemetry.split(',').map(str::trim).collect();
    let ["1", _, _, age, ..] = fields.as_slice() else { return None };
    let milliseconds: f64 = age.parse().ok()?;
    SignedDuration::try_from_secs_f64(milliseconds / 1000.0).ok().filter(|age| age.is_positive())
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
    use proptest::prelude::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_revocation_tells_both_times() {
        let facts = Facts::find(
            "AADSTS50173: The provided grant has expired due to it being revoked. The grant was issued on '2021-10-29T17:06:26.4084709Z' \
             and the TokensValidFrom date (before which tokens are not valid) for this user is '2021-10-29T17:16:00.0000000Z'.\r\nTrace ID: x",
            "",
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
            "",
        );
        assert_eq!(facts.unused_for, Some(SignedDuration::from_hours(90 * 24)));
        assert_eq!(facts.issued_at, at("2024-07-31T08:00:26.4486159Z"));
    }

    #[test]
    fn a_block_names_its_policies() {
        let claims = r#"{"access_token":{"capolids":{"essential":true,"values":["5da4a2f0-46b9-4a8b-a41b-0f7b5d2bbd31"]}}}"#;
        assert_eq!(Facts::find("", claims, "").policies.len(), 1);
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
            "limited lifetime of one day",
            "multi-factor authentication to access 'everything'",
            "multi-factor authentication to access '00000003-0000-0000-c000-000000000000",
            "the application with ID 'mine' named 'Signatures'",
            "Application '",
        ] {
            assert_eq!(Facts::find(text, "capolids", "1,50173"), Facts::default(), "{text}");
        }
        for telemetry in
            ["1,50173,0,,", "2,50173,0,604687.0128,", "1,50173,0,-5,", "1,50173,0,NaN,", "1,1,1,1e400", "1,1,1,soon", ",,,,", "é"]
        {
            assert_eq!(Facts::find("", "", telemetry).token_age, None, "{telemetry}");
        }
    }

    #[test]
    fn a_browser_only_registration_tells_its_fixed_lifetime() {
        let facts = Facts::find(
            "AADSTS700084: The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of \
             1.00:00:00, which cannot be extended. It is now expired. The token was issued on 2024-07-31T08:00:26.4486159Z.\r\nTrace ID: y",
            "",
            "",
        );
        assert_eq!(facts.fixed_lifetime, Some(SignedDuration::from_hours(24)));
        assert_eq!(facts.lifetime_max, None, "it is no policy of the tenant");
        assert_eq!(facts.issued_at, at("2024-07-31T08:00:26.4486159Z"));
    }

    #[test]
    fn the_header_tells_the_tokens_age() {
        let age = |telemetry| Facts::find("", "", telemetry).token_age;
        assert_eq!(age("1,50173,0,604687.0128,"), Some(SignedDuration::from_micros(604_687_012) + SignedDuration::from_nanos(800)));
        assert_eq!(age("1, 0, 0, 1000, I"), Some(SignedDuration::from_secs(1)));
        assert_eq!(age("1,50173,0,0,"), None);
    }

    #[test]
    fn a_second_factor_names_what_it_is_asked_for() {
        for start in ["you must use multi-factor", "you must refresh your multi-factor", "you must enroll in multi-factor"] {
            let text = format!("AADSTS50076: {start} authentication to access '00000003-0000-0000-c000-000000000000'.");
            assert_eq!(Facts::find(&text, "", "").resource, Some(Uuid::from_u128(0x0000_0003_0000_0000_c000_0000_0000_0000)), "{start}");
        }
    }

    #[test]
    fn our_app_is_named_by_id_and_sometimes_by_name() {
        const ID: &str = "11112222-3333-4444-5555-666677778888";
        for (text, name) in [
            (format!("has not consented to use the application with ID '{ID}' named 'Signatures'. Send"), Some("Signatures")),
            (format!("has not consented to use the application with ID '{ID}'. Send"), None),
            (format!("Application with identifier '{ID}' was not found in the directory 'Contoso'."), None),
            (format!("The provided client secret keys for app '{ID}' are expired."), None),
            (format!("Application '{ID}'(Signatures) is disabled."), Some("Signatures")),
        ] {
            let facts = Facts::find(&text, "", "");
            assert_eq!((facts.app_id, facts.app_name.as_deref()), (ID.parse().ok(), name), "{text}");
        }
    }

    #[test]
    fn facts_that_were_stored_before_a_new_kind_was_known_can_still_be_read() {
        let facts: Facts = serde_json::from_str(r#"{"lifetime_max":"PT9H","policies":[]}"#).unwrap();
        assert_eq!(facts, Facts { lifetime_max: Some(SignedDuration::from_hours(9)), ..Facts::default() });
    }

    proptest! {
        #[test]
        fn no_text_makes_looking_panic(text in ".*", claims in ".*", telemetry in ".*") {
            let _ = Facts::find(&text, &claims, &telemetry);
        }

        #[test]
        fn no_half_phrase_makes_looking_panic(start in 0_usize..9, rest in ".{0,40}") {
            let phrases = [
                "The grant was issued on '", "TokensValidFrom '", "The token was issued on ", "limited lifetime of ", "was inactive for ",
                "authentication to access '", "application with ID '", "Application '", "maximum allowed lifetime for this request is ",
            ];
            let _ = Facts::find(&format!("{}{rest}", phrases[start]), "", &format!("1,1,1,{rest}"));
        }
    }
}
