//! Answers that a caller may hold already. The tag of an answer is a digest of its very bytes, so that it is a strong one and nothing has to
//! remember to change it. Source: RFC 9110 sections 8.8.3, 13.1.2 and 15.4.5.

use std::convert::Infallible;

use aws_lc_rs::digest;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::problem::ApiError;

/// Only the caller's own cache may keep it, and asks each time whether it still holds.
const CACHING: &str = "private, no-cache";

/// The tags of what the caller holds, out of `If-None-Match`.
pub(crate) struct Held(Vec<String>);

impl<S: Send + Sync> FromRequestParts<S> for Held {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let lines = parts.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
        Ok(Self(lines.map(str::to_owned).collect()))
    }
}

impl Held {
    /// The answer with its tag, or, where the caller holds it already, that it does.
    pub(super) fn answer(&self, body: &impl Serialize) -> Result<Response, ApiError> {
        let body = serde_json::to_vec(body).map_err(|error| ApiError::Unavailable(error.into()))?;
        let tag = tag(&body);
        let headers = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, CACHING.to_owned())];
        match self.has(&tag) {
            true => Ok((StatusCode::NOT_MODIFIED, headers).into_response()),
            false => Ok((headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()),
        }
    }

    /// Whether the tag is among them, weakly compared. No tag has a quotation mark inside, so that cutting at commas finds each.
    pub(super) fn has(&self, tag: &str) -> bool {
        let mut held = self.0.iter().flat_map(|line| line.split(',')).map(str::trim);
        held.any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
    }
}

fn tag(body: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, body);
    let half = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_known_in_every_way_of_writing_it() {
        let tag = tag(b"{}");
        for (line, expected) in [
            (tag.clone(), true),
            (format!("W/{tag}"), true),
            (format!("\"a,b\" , {tag}"), true),
            (format!("\"a\",W/{tag},\"b\""), true),
            ("*".to_owned(), true),
            (String::new(), false),
            ("\"*\"".to_owned(), false),
            (tag.trim_matches('"').to_owned(), false),
            (super::tag(b"{ }"), false),
        ] {
            assert_eq!(Held(vec!["\"other\"".to_owned(), line.clone()]).has(&tag), expected, "{line}");
        }
    }
}
