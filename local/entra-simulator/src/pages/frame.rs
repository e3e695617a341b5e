//! The frame every page has: head, style, headers.

use axum::response::{Html, IntoResponse, Response};
use http::HeaderValue;

/// Makes text safe inside elements and double-quoted attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A whole page. Like Entra's it refuses frames and cuts the tie to the window that opened it.
pub(super) fn page(title: &str, body: &str) -> Response {
    let html = format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} - Entra simulator</title><style>{STYLE}</style></head>
<body><main><p class="brand"><svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true"><path d="M8 0 15 4v8l-7 4-7-4V4z" fill="currentColor"/></svg> Entra simulator</p>{body}</main>
<footer>A stand-in for tests and demonstrations. No real account, no real password.</footer></body></html>"#
    );
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    response
}

const HEADERS: &[(&str, &str)] = &[
    ("cache-control", "no-store, no-cache"),
    ("cross-origin-opener-policy", "same-origin"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

const STYLE: &str = "
:root{--ground:#eef1f6;--card:#fff;--ink:#1b2330;--quiet:#566074;--line:#c9d0dc;--accent:#3a4fc4;--on-accent:#fff;--bad:#a3231f}
@media (prefers-color-scheme:dark){:root{--ground:#12161f;--card:#1c222e;--ink:#e8ecf4;--quiet:#a6b0c3;--line:#3a4558;--accent:#a3b2ff;--on-accent:#10162b;--bad:#ffb0a8}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:1rem;padding:1rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:28rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:.25rem 0 .5rem;font-size:1.5rem;line-height:1.25}p{margin:.5rem 0;overflow-wrap:anywhere}
.brand{display:flex;gap:.5rem;align-items:center;color:var(--quiet);font-weight:600}.brand svg{color:var(--accent)}
label{display:block;margin-top:1rem;font-weight:600}small{font-weight:400;color:var(--quiet)}
input[type=text],input[type=password]{width:100%;margin-top:.25rem;padding:.6rem .75rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--quiet);border-radius:.4rem}
ul{list-style:none;margin:1rem 0;padding:0}.accounts li+li{margin-top:.5rem}.accounts:empty{display:none}
button{font:inherit;color:inherit;background:transparent;border:1px solid var(--quiet);border-radius:.4rem;padding:.6rem 1.25rem;cursor:pointer}
button.account{width:100%;text-align:left;padding:.6rem .9rem}button.account span,.permissions span{display:block;color:var(--quiet);font-size:.9rem;overflow-wrap:anywhere}
button.primary{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
button:hover{border-color:var(--accent)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.permissions li{padding:.6rem 0;border-bottom:1px solid var(--line)}.actions{display:flex;gap:.75rem;justify-content:flex-end;margin-top:1.25rem}
.problem{color:var(--bad)}dl{color:var(--quiet);font-size:.85rem}dt{font-weight:600}dd{margin:0 0 .4rem;overflow-wrap:anywhere}
footer{color:var(--quiet);font-size:.85rem;text-align:center}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        assert_eq!(escape(r#"<a href="x">'&"#), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }
}
