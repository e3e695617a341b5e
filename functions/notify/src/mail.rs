//! What a mail says: an occasion becomes a letter, and the letter a subject, a text, a page of HTML and headers.
//!
//! ```text
//! Occasion ──► compose: a Letter, in the reader's words ──┬─► text: complete by itself
//!                                                         └─► html: the same, with one button
//! ```
//! The words of a cause and of what to do are `domain::diagnosis`'s; all others stand in `words`, a row each. The one button leads to the
//! operator's portal, where somebody signs in and clicks: whatever opens the link before, such as a scanner of mails, starts nothing.
//!
//! Whatever comes from outside, such as a tenant's name, is one line, of bounded length, and escaped.
//!
//! To add a notice: a variant of [`News`], its rows in `words`, its arm in `compose`, a sample in `system_tests::letters`.

mod compose;
mod html;
mod letter;
mod text;
mod words;

use domain::api::{DiagnosisView, ForecastView, HealthWord};
use domain::notice::audience::Language;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use letter::Letter;

/// The longest subject, in characters: what is shown of one, and far below what a header line may hold (RFC 5322 section 2.1.1).
const SUBJECT_CHARS_MAX: usize = 150;

/// What a mail is about, and everything that it says.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    /// What is told.
    pub news: News<'a>,
    /// Which telling of it: 0 is the first, every other one a reminder.
    pub step: u16,
    /// What the connection is called: the tenant's name, where it is known.
    pub connection: Option<&'a str>,
    /// The directory's state that people's attributes show, where any were read.
    pub as_of: Option<Timestamp>,
    /// Who sends it.
    pub operator: Operator<'a>,
    /// Who reads it.
    pub reader: Reader<'a>,
    /// When it is written.
    pub now: Timestamp,
}

/// The operator, as its mails name it.
#[derive(Debug, Clone, Copy)]
pub struct Operator<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where its portal is, and where the button leads.
    pub portal: &'a Url,
}

/// Who reads a mail.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    /// For whom it is written.
    pub kind: ReaderKind,
    /// In which language.
    pub language: Language,
    /// By whose clock.
    pub zone: &'a TimeZone,
    /// Where one click ends warnings and reminders (RFC 8058), where this mail is one.
    pub decline: Option<Url>,
}

/// For whom a mail is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderKind {
    /// A contact of the customer.
    Customer,
    /// The operator's people.
    Operator,
}

/// What is told.
#[derive(Debug, Clone)]
pub enum News<'a> {
    /// Only a person can repair the connection.
    Dead {
        /// Why.
        diagnosis: &'a DiagnosisView,
        /// Since when.
        since: Timestamp,
    },
    /// Microsoft refuses for now.
    Suspended {
        /// Why.
        diagnosis: &'a DiagnosisView,
        /// Since when.
        since: Timestamp,
    },
    /// The connection is likely to stop soon.
    Expiring {
        /// When, and why.
        forecast: &'a ForecastView,
        /// Whole days until then; 0 when it has come.
        days_left: u16,
    },
    /// It works again.
    Recovered {
        /// Since when.
        since: Timestamp,
        /// When it had stopped, where that is known.
        stopped_at: Option<Timestamp>,
    },
    /// The backup consent took over.
    SwitchedToSpare {
        /// When.
        at: Timestamp,
        /// Who gave the consent that is in use now, where that is known.
        consented_by: Option<&'a str>,
    },
    /// The backup consent stopped.
    SpareLost {
        /// When.
        at: Timestamp,
    },
    /// Many removals wait for somebody's word.
    DeletionsHeld {
        /// How many people are gone.
        people: u64,
        /// Out of how many.
        of: u64,
        /// Since when they are held.
        since: Timestamp,
    },
    /// A webhook is called no more.
    EndpointDisabled {
        /// Its host.
        place: &'a str,
        /// What it answered last.
        why: &'a str,
        /// Since when.
        since: Timestamp,
    },
    /// A notice reached nobody of the customer's.
    NobodyReached {
        /// The customer, by the operator's own id.
        customer: &'a str,
        /// Health of its connection.
        health: HealthWord,
        /// Since when it is so.
        since: Timestamp,
    },
    /// The operator's own credential, registration or request is at fault.
    OperatorFault {
        /// Why, with everything that is known.
        diagnosis: &'a DiagnosisView,
        /// The customer whose connection shows it.
        customer: &'a str,
        /// Since when.
        since: Timestamp,
    },
    /// Many connections fail alike.
    Incident {
        /// What fails, in a word for programs.
        cause: &'a str,
        /// Since when.
        opened_at: Timestamp,
        /// When it ended, where it did.
        ended_at: Option<Timestamp>,
    },
    /// Every connection that does not work, for the operator.
    Digest {
        /// Those that do not work, or will not for long.
        troubled: &'a [Troubled],
    },
}

/// A connection that does not work, as the digest lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Troubled {
    /// The customer, by the operator's own id.
    pub customer: String,
    /// What the connection is called.
    pub connection: String,
    /// How it is.
    pub health: HealthWord,
    /// Since when.
    pub since: Timestamp,
    /// Why, as a headline.
    pub headline: Option<String>,
}

/// A mail without its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// Everything that the page says, without HTML.
    pub text: String,
    /// The page.
    pub html: String,
    /// Headers besides those that every mail has, each of one line.
    pub headers: Vec<(&'static str, String)>,
}

/// Writes the mail for an occasion.
#[must_use]
pub fn write(occasion: &Occasion<'_>) -> Mail {
    let letter = compose::compose(occasion);
    Mail { subject: letter.subject.clone(), text: text::render(&letter), html: html::render(&letter), headers: headers(&letter) }
}

/// No machine answers a mail that says it was sent by one, and one click declines where it may.
/// Sources: RFC 3834 section 5, RFC 8058 section 3.1, RFC 2369 section 3.2
fn headers(letter: &Letter) -> Vec<(&'static str, String)> {
    let mut headers = vec![("Auto-Submitted", "auto-generated".to_owned())];
    if let Some(decline) = &letter.decline {
        headers.push(("List-Unsubscribe", format!("<{}>", decline.url)));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    headers
}
