//! What the card says, before it is put into a language: a key of the table in `js/messages.js`, and what fills its gaps.

use crate::moment::Moment;

/// Something to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A text that came from the server as it is.
    Plain(String),
    /// A row of the message table.
    Message {
        /// The row's key.
        key: &'static str,
        /// What fills the row's gaps, by name.
        slots: Vec<(&'static str, Slot)>,
    },
}

/// What fills one gap; numbers and times are written by the browser's `Intl` in the reader's language.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot {
    /// A name or a sentence.
    Text(String),
    /// A whole number; a gap named `count` also chooses the plural form.
    Number(u64),
    /// A day of the calendar, such as 14 May.
    Day(Moment),
    /// A day with its time.
    Moment(Moment),
    /// The time of the day alone.
    Clock(Moment),
    /// The distance from now, such as `in 6 days` or `3 minutes ago`.
    Distance(Moment),
}

impl Line {
    /// A row without gaps.
    #[must_use]
    pub fn of(key: &'static str) -> Self {
        Self::Message { key, slots: Vec::new() }
    }

    /// The same line with one gap filled.
    #[must_use]
    pub fn with(mut self, name: &'static str, slot: Slot) -> Self {
        if let Self::Message { slots, .. } = &mut self {
            slots.push((name, slot));
        }
        self
    }

    /// A text from the server.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    /// Every source file that names rows of the table.
    const SOURCES: [&str; 10] = [
        include_str!("face.rs"),
        include_str!("goal.rs"),
        include_str!("model.rs"),
        include_str!("model/consent.rs"),
        include_str!("model/status.rs"),
        include_str!("trouble.rs"),
        include_str!("view.rs"),
        include_str!("view/consent.rs"),
        include_str!("view/details.rs"),
        include_str!("view/notice.rs"),
    ];

    #[test]
    fn every_row_that_is_named_exists_in_the_message_table() {
        let table = include_str!("../js/messages.js");
        for key in SOURCES.iter().flat_map(|source| source.split("Line::of(\"").skip(1)) {
            let key = key.split('"').next().expect("split yields at least one part");
            assert!(table.contains(&format!("'{key}':")), "js/messages.js has no row {key}");
        }
    }
}
