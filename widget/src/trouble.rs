//! Why a request failed, and what the card makes of it.

use std::time::Duration;

use crate::words::{Line, Slot};

/// A failed request.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// The kind.
    pub code: Code,
    /// What the server said about it, where it said anything.
    pub detail: Option<String>,
    /// The request's id, for the operator's support.
    pub request_id: Option<String>,
    /// How long the server asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// The kind of a failed request, by what the card does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Nobody told the element how to get a token.
    MissingToken,
    /// The server refused the token, and a fresh one too.
    TokenRejected,
    /// The token does not allow it.
    Forbidden,
    /// There is no such connection.
    NotFound,
    /// The server refused the request as it stands.
    InvalidRequest,
    /// The server cannot be reached.
    Network,
    /// The server did not answer in time.
    Timeout,
    /// Too many requests.
    RateLimited,
    /// The server failed.
    ServerError,
    /// The answer is not one that this version understands.
    Unreadable,
}

impl Code {
    /// Every kind, for lookups and tests.
    pub const ALL: [Self; 10] = [
        Self::MissingToken,
        Self::TokenRejected,
        Self::Forbidden,
        Self::NotFound,
        Self::InvalidRequest,
        Self::Network,
        Self::Timeout,
        Self::RateLimited,
        Self::ServerError,
        Self::Unreadable,
    ];

    /// The kind as programs see it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::TokenRejected => "token_rejected",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::InvalidRequest => "invalid_request",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Unreadable => "unreadable",
        }
    }

    /// The kind that a word names; unknown words are server errors.
    #[must_use]
    pub fn named(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|code| code.word() == word);
        known.unwrap_or(Self::ServerError)
    }

    /// Whether asking again later may help.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        use Code::{Network, RateLimited, ServerError, Timeout, Unreadable};
        matches!(self, Network | Timeout | RateLimited | ServerError | Unreadable)
    }
}

impl Trouble {
    /// A failure without further facts.
    #[must_use]
    pub fn bare(code: Code) -> Self {
        Self { code, detail: None, request_id: None, retry_after: None }
    }

    /// The headline of the error card.
    #[must_use]
    pub fn title(&self) -> Line {
        match self.code {
            Code::MissingToken => Line::of("error.missing_token.title"),
            Code::TokenRejected => Line::of("error.token_rejected.title"),
            Code::Forbidden => Line::of("error.forbidden.title"),
            Code::NotFound => Line::of("error.not_found.title"),
            Code::InvalidRequest => Line::of("error.invalid_request.title"),
            Code::Network => Line::of("error.network.title"),
            Code::Timeout => Line::of("error.timeout.title"),
            Code::RateLimited => Line::of("error.rate_limited.title"),
            Code::ServerError => Line::of("error.server_error.title"),
            Code::Unreadable => Line::of("error.unreadable.title"),
        }
    }

    /// What it means and what to do, in a sentence; the server's own words where they are about the request.
    #[must_use]
    pub fn text(&self) -> Line {
        match (self.code, &self.detail) {
            (Code::InvalidRequest | Code::Forbidden, Some(detail)) => Line::plain(detail),
            (Code::MissingToken, _) => Line::of("error.missing_token.text"),
            (Code::TokenRejected, _) => Line::of("error.token_rejected.text"),
            (Code::Forbidden, None) => Line::of("error.forbidden.text"),
            (Code::NotFound, _) => Line::of("error.not_found.text"),
            (Code::InvalidRequest, None) => Line::of("error.invalid_request.text"),
            (Code::Network, _) => Line::of("error.network.text"),
            (Code::Timeout, _) => Line::of("error.timeout.text"),
            (Code::RateLimited, _) => Line::of("error.rate_limited.text"),
            (Code::ServerError, _) => Line::of("error.server_error.text"),
            (Code::Unreadable, _) => Line::of("error.unreadable.text"),
        }
    }

    /// The code and the request id, as support asks for them.
    #[must_use]
    pub fn reference(&self) -> Line {
        let code = Slot::Text(self.code.word().to_owned());
        match &self.request_id {
            Some(id) => Line::of("error.reference_request").with("code", code).with("request", Slot::Text(id.clone())),
            None => Line::of("error.reference").with("code", code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_word() {
        for code in Code::ALL {
            assert_eq!(Code::named(code.word()), code);
        }
        assert_eq!(Code::named("brand_new"), Code::ServerError);
    }

    #[test]
    fn only_what_may_pass_by_itself_is_asked_again() {
        let passing: Vec<_> = Code::ALL.into_iter().filter(|code| code.is_retryable()).map(Code::word).collect();
        assert_eq!(passing, ["network", "timeout", "rate_limited", "server_error", "unreadable"]);
    }

    #[test]
    fn the_servers_own_words_are_shown_where_they_are_about_the_request() {
        let trouble = Trouble { detail: Some("return_url: its origin is not allowed".to_owned()), ..Trouble::bare(Code::InvalidRequest) };
        assert_eq!(trouble.text(), Line::plain("return_url: its origin is not allowed"));
    }
}
