//! A letter: what a mail says, in order, before it is text or HTML.

use url::Url;

/// What a mail says. Every text is one line.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// Its language's tag.
    pub(super) language: &'static str,
    pub(super) subject: String,
    /// Who writes it.
    pub(super) sender: String,
    /// How grave it is; the words say it as well.
    pub(super) tone: Tone,
    /// What happened, in a few words.
    pub(super) headline: String,
    /// What happened and what it means, a sentence or two each.
    pub(super) paragraphs: Vec<String>,
    /// Facts by name.
    pub(super) facts: Vec<(String, String)>,
    /// What is listed, with its heading.
    pub(super) list: Option<List>,
    /// What to do, with its heading.
    pub(super) steps: Option<List>,
    /// The one button.
    pub(super) button: Link,
    /// What to tell somebody else who must act.
    pub(super) forward: Option<String>,
    /// Where to read more.
    pub(super) more: Option<Link>,
    /// Why the reader gets it.
    pub(super) why: String,
    /// Where one click declines.
    pub(super) decline: Option<Link>,
}

/// How grave a letter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something has stopped.
    Grave,
    /// Something will stop, or waits.
    Warning,
    /// Something works.
    Good,
}

/// Lines under a heading.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) heading: String,
    pub(super) lines: Vec<String>,
}

/// A link and what it says.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) label: String,
    pub(super) url: Url,
}

/// A text from outside as one line of at most `chars_max` characters: breaks, control characters and those that turn the direction of
/// writing, which could make a line say what it does not, become blanks. Source: <https://www.unicode.org/reports/tr9/> (section 2)
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let is_breaking = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let spaced: String = text.chars().map(|letter| if is_breaking(letter) { ' ' } else { letter }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() > chars_max {
        false => line,
        true => line.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}
