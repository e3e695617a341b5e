//! Where the sign-in window may be led: whatever the server says, never to a script or a stranger's plain text.

/// Whether a browser may be led there: `https` anywhere, `http` only to this machine.
#[must_use]
pub fn is_safe_to_open(url: &str) -> bool {
    if let Some(rest) = url.strip_prefix("https://") {
        return rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    matches!(host, "localhost" | "127.0.0.1") && port.chars().all(|c| c.is_ascii_digit())
}
