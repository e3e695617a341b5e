//! What is said and asked: lines for people, or one JSON object a line for scripts.

use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::Fault;

/// How answers look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

/// Where answers go and confirmations come from.
pub struct Console<'a> {
    /// How answers look.
    pub format: Format,
    input: Box<dyn BufRead + 'a>,
    out: Box<dyn Write + 'a>,
    asides: Box<dyn Write + 'a>,
}

impl<'a> Console<'a> {
    /// A console that reads `input`, writes answers to `out`, and questions and progress to `asides`.
    pub fn new(format: Format, input: impl BufRead + 'a, out: impl Write + 'a, asides: impl Write + 'a) -> Self {
        Self { format, input: Box::new(input), out: Box::new(out), asides: Box::new(asides) }
    }

    /// Says an answer: `value` to scripts, `text` to people.
    ///
    /// # Errors
    /// [`Fault::Console`].
    pub fn say(&mut self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Fault> {
        let line = match self.format {
            Format::Text => text(),
            Format::Json => serde_json::to_string(value).map_err(io::Error::from)?,
        };
        writeln!(self.out, "{}", line.trim_end())?;
        Ok(())
    }

    /// Says what only people want to read, such as the heading of a table.
    ///
    /// # Errors
    /// [`Fault::Console`].
    pub fn heading(&mut self, text: &str) -> Result<(), Fault> {
        if self.format == Format::Text {
            writeln!(self.out, "{text}")?;
        }
        Ok(())
    }

    /// Says how far something is, beside the answers.
    ///
    /// # Errors
    /// [`Fault::Console`].
    pub fn aside(&mut self, text: &str) -> Result<(), Fault> {
        writeln!(self.asides, "{text}")?;
        Ok(())
    }

    /// Where an export goes that has no file.
    pub fn raw(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Lets something happen only if the thing that it happens to is named once more: by `given`, or on the console.
    ///
    /// # Errors
    /// [`Fault::NotConfirmed`] where it is not.
    pub fn confirm(&mut self, what: &str, name: &str, given: Option<&str>) -> Result<(), Fault> {
        let answer = match given {
            Some(given) => given.to_owned(),
            None => {
                write!(self.asides, "{what}\nTo confirm, type {name}: ")?;
                self.asides.flush()?;
                let mut line = String::new();
                self.input.read_line(&mut line)?;
                line.trim().to_owned()
            }
        };
        match answer == name {
            true => Ok(()),
            false => Err(Fault::NotConfirmed { name: name.to_owned() }),
        }
    }
}

/// A point in time, in whole seconds.
pub(crate) fn at(time: Timestamp) -> String {
    format!("{time:.0}")
}

/// A point in time that may not be there.
pub(crate) fn maybe_at(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), at)
}

/// A word that stands for a value in JSON, such as `awaiting-consent`.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "?".to_owned(),
    }
}
