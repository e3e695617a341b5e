//! A denial of Microsoft Graph, as a refusal: an app-only connection gets its tokens even when the consent behind them is gone, and only
//! Graph's answer tells. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use super::{ErrorWord, Facts, Refusal};

/// Graph's words that are known here. Source: <https://learn.microsoft.com/en-us/graph/resolve-auth-errors>
const KNOWN: [ErrorWord; 4] =
    [ErrorWord::GraphDenied, ErrorWord::GraphIdentityNotFound, ErrorWord::GraphIdentityDisabled, ErrorWord::GraphTokenInvalid];

/// Reads Graph's answer: its status, its word, and the id that Microsoft's support asks for. An outage or a throttle stays one, whatever
/// the word says.
#[must_use]
pub fn from_graph(status: u16, code: &str, request_id: Option<&str>) -> Refusal {
    let short = |text: &str| text.trim().chars().take(100).collect::<String>();
    Refusal {
        status,
        error: if super::is_about_the_request(status) { word(short(code)) } else { ErrorWord::TemporarilyUnavailable },
        suberror: None,
        codes: Vec::new(),
        description: short(code),
        claims: None,
        trace_id: request_id.map(short).filter(|id| !id.is_empty()),
        correlation_id: None,
        timestamp: None,
        facts: Facts::default(),
    }
}

/// Graph compares its words without regard to case, and asks its clients to do the same.
/// Source: <https://learn.microsoft.com/en-us/graph/errors>
fn word(code: String) -> ErrorWord {
    let is_same = |known: &&ErrorWord| String::from((*known).clone()).eq_ignore_ascii_case(&code);
    // A word of the token endpoint means nothing here.
    KNOWN.iter().find(is_same).cloned().unwrap_or(ErrorWord::Other(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_words_are_known_in_any_case() {
        for (code, expected) in [
            ("Authorization_RequestDenied", ErrorWord::GraphDenied),
            ("authorization_requestdenied", ErrorWord::GraphDenied),
            ("Authorization_IdentityNotFound", ErrorWord::GraphIdentityNotFound),
            ("Authorization_IdentityDisabled", ErrorWord::GraphIdentityDisabled),
            ("InvalidAuthenticationToken", ErrorWord::GraphTokenInvalid),
            ("invalid_grant", ErrorWord::Other("invalid_grant".to_owned())),
            ("", ErrorWord::Other(String::new())),
        ] {
            assert_eq!(from_graph(403, code, None).error, expected, "{code}");
        }
    }

    #[test]
    fn an_outage_of_graph_stays_one() {
        for status in [0, 200, 408, 423, 429, 500, 503] {
            assert_eq!(from_graph(status, "Authorization_RequestDenied", None).error, ErrorWord::TemporarilyUnavailable, "{status}");
        }
    }

    #[test]
    fn the_request_id_is_kept_for_support() {
        assert_eq!(from_graph(403, "x", Some("b8f0-1")).trace_id.as_deref(), Some("b8f0-1"));
        assert_eq!(from_graph(403, "x", Some(" ")).trace_id, None);
    }

    #[test]
    fn a_denial_survives_being_stored() {
        let refusal = from_graph(403, "Authorization_RequestDenied", Some("1"));
        assert_eq!(serde_json::from_str::<Refusal>(&serde_json::to_string(&refusal).unwrap()).unwrap(), refusal);
    }
}
