//! Pages for a browser that comes from elsewhere: a title and a sentence, nothing inline, nothing kept.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

/// What a page says.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) title: &'a str,
    pub(crate) sentence: &'a str,
}

/// Where our side failed.
pub(crate) const BUSY: Message<'_> =
    Message { title: "Not finished", sentence: "Something failed on our side. Nothing was changed. Please try again." };

impl Message<'_> {
    /// The page of a template that has places for a title and a sentence.
    pub(crate) fn fill(self, template: &str) -> String {
        template.replace("{{title}}", &escape(self.title)).replace("{{sentence}}", &escape(self.sentence))
    }
}

/// A page under a policy of its own.
pub(crate) fn answer(status: StatusCode, policy: &'static str, html: String) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(html)).into_response()
}

/// A text as it may stand in HTML, also as an attribute's value.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
