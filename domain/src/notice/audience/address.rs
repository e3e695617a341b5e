//! Where a notice goes: a mail address, and a webhook's URL.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::notice::destination;

/// The longest mail address, in bytes: a path of 256 without its angle brackets. Source: RFC 5321 section 4.5.3.1.3
pub const MAIL_BYTES_MAX: usize = 254;
/// The longest part before the `@`. Source: RFC 5321 section 4.5.3.1.1
const LOCAL_BYTES_MAX: usize = 64;
/// The longest label of a domain. Source: RFC 1035 section 2.3.4
const LABEL_BYTES_MAX: usize = 63;
/// The longest URL of a webhook, in bytes.
pub const URL_BYTES_MAX: usize = 2048;
/// Ports below are those of other services, which a webhook must not speak to.
const OWN_PORTS: std::ops::RangeInclusive<u16> = 1024..=u16::MAX;
const HTTPS: u16 = 443;
/// Names that never lead to the public internet. Sources: RFC 6761 section 6, RFC 6762 section 3, RFC 8375 section 3,
/// <https://www.icann.org/en/board-activities-and-meetings/materials/approved-resolutions-special-meeting-of-the-icann-board-29-07-2024-en>
const PRIVATE_NAMES: [&str; 7] = ["localhost", "local", "internal", "home.arpa", "test", "invalid", "onion"];

/// Why a text is no address: what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(pub(super) String);

fn must(be: &str) -> InvalidAddress {
    InvalidAddress(format!("must be {be}"))
}

/// A mail address that can be written to: of ASCII alone, because SES takes no other before the `@`, without quotes or comments, at a
/// domain of at least two labels. Upper and lower case are kept.
/// Sources: RFC 5321 section 4.1.2, RFC 5322 section 3.2.3, <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html>
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(String);

impl MailAddress {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as it may stand in a log: its domain alone.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// A person's data: no log may show it.
impl fmt::Debug for MailAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MailAddress(…@{})", self.domain())
    }
}

impl FromStr for MailAddress {
    type Err = InvalidAddress;
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for MailAddress {
    type Error = InvalidAddress;
    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        if text.len() > MAIL_BYTES_MAX {
            return Err(must(&format!("a mail address of at most {MAIL_BYTES_MAX} bytes, not {}", text.len())));
        }
        if text.chars().any(char::is_control) {
            return Err(must("a mail address without line breaks and other control characters"));
        }
        let Some((local, domain)) = text.split_once('@') else {
            return Err(must("a mail address such as it@contoso.com, with one @"));
        };
        if local.len() > LOCAL_BYTES_MAX {
            return Err(must(&format!("a mail address with at most {LOCAL_BYTES_MAX} bytes before the @, not {}", local.len())));
        }
        match local.split('.').all(is_atom) && is_domain(domain) {
            true => Ok(Self(text)),
            false => Err(must("a mail address such as it@contoso.com, of plain letters, digits and signs, with one @")),
        }
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.0
    }
}

fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.contains('.') && text.split('.').all(is_label) && !last.chars().all(|letter| letter.is_ascii_digit())
}

/// Where a webhook is delivered: `https`, on 443 or a port from 1024 on, without a user, a password or a fragment, at a name or address of
/// the public internet. What the name resolves to is judged at each delivery, see [`destination`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// The URL.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The host and port, as they may stand in a log: path and query may hold a secret of the receiver's.
    #[must_use]
    pub fn place(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "WebhookUrl({}/…)", self.place())
    }
}

impl FromStr for WebhookUrl {
    type Err = InvalidAddress;
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if text.len() > URL_BYTES_MAX {
            return Err(must(&format!("an https URL of at most {URL_BYTES_MAX} bytes, not {}", text.len())));
        }
        // The parser passes over line breaks, and what was written would not be what is called.
        if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(must("an https URL without blanks, line breaks and other control characters"));
        }
        let url = Url::parse(text).map_err(|_| must("an https URL such as https://hooks.example.com/evergrant"))?;
        let port = url.port_or_known_default().unwrap_or_default();
        if url.scheme() != "https" {
            return Err(must("an https URL: what a webhook tells is nobody else's"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(must("an https URL without user, password and fragment"));
        }
        if port != HTTPS && !OWN_PORTS.contains(&port) {
            return Err(must(&format!("an https URL on port {HTTPS}, or from {} on, not {port}", OWN_PORTS.start())));
        }
        admit(&url)?;
        Ok(Self(url))
    }
}

/// Refuses a host that cannot be public, whatever it resolves to.
fn admit(url: &Url) -> Result<(), InvalidAddress> {
    let admitted = |address: IpAddr| destination::admit(address).map_err(|refused| must(&format!("a public URL: {refused}")));
    match url.host() {
        Some(Host::Ipv4(address)) => admitted(address.into()),
        Some(Host::Ipv6(address)) => admitted(address.into()),
        Some(Host::Domain(name)) if is_public(name) => Ok(()),
        Some(Host::Domain(_)) | None => Err(must("an https URL at a public name, such as hooks.example.com")),
    }
}

fn is_public(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_below = |zone: &&str| name.strip_suffix(*zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !PRIVATE_NAMES.iter().any(is_below)
}

impl TryFrom<String> for WebhookUrl {
    type Error = InvalidAddress;
    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0.into()
    }
}
