//! The ways Entra and Graph write points in time.

use jiff::{SignedDuration, Timestamp};

/// `2026-03-02 10:11:12Z`, as in the `timestamp` of a token error.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow>
pub(crate) fn spaced(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `2026-03-02T10:11:12.0000000Z`, ticks of 100 ns, as inside AADSTS texts.
pub(crate) fn ticks(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string()
}

/// `2026-03-02T10:11:12Z`, as Graph writes a `DateTimeOffset`.
pub(crate) fn graph(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-03-02T10:11:12`, as in Graph's `innerError.date`.
pub(crate) fn inner(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// An HTTP-date. Source: RFC 9110 section 5.6.7
pub(crate) fn http(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// How long ago `earlier` was; zero when it lies ahead.
pub(crate) fn age(now: Timestamp, earlier: Timestamp) -> SignedDuration {
    now.duration_since(earlier).max(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_written_as_on_the_wire() {
        let at: Timestamp = "2026-03-02T10:11:12.5Z".parse().unwrap();
        assert_eq!(spaced(at), "2026-03-02 10:11:12Z");
        assert_eq!(ticks(at), "2026-03-02T10:11:12.5000000Z");
        assert_eq!(graph(at), "2026-03-02T10:11:12Z");
        assert_eq!(inner(at), "2026-03-02T10:11:12");
        assert_eq!(http(at), "Mon, 02 Mar 2026 10:11:12 GMT");
    }
}
