//! What the command line asks for.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// How the runner is called.
pub const HELP: &str = "\
usage: runner [--fresh] [--port N] [--data DIR] [--widget DIR] [--people N]

  --fresh       forget everything that earlier runs left in the data folder
  --port N      the portal's port; the API takes the next one, the simulator the one after (default 8300; 0 takes any free ports)
  --data DIR    where everything is kept (default .evergrant)
  --widget DIR  the widget as `cargo xtask widget` built it
  --people N    people of the largest customer, 1 to 100000 (default 1200)";

/// The most people of one customer.
const PEOPLE_MAX: u32 = 100_000;
/// The portal's port, with two more above it.
const PORT_MAX: u16 = u16::MAX - 2;

/// The command line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// Whether what earlier runs left is kept.
    pub past: Past,
    /// The portal's port; 0 for any free ports.
    pub port: u16,
    /// Where everything is kept.
    pub data: PathBuf,
    /// The built widget.
    pub widget: Option<PathBuf>,
    /// People of the largest customer.
    pub people: u32,
}

/// What becomes of what earlier runs left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// It goes on.
    Kept,
    /// It is removed.
    Forgotten,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { past: Past::Kept, port: 8300, data: PathBuf::from(".evergrant"), widget: None, people: 1200 }
    }
}

impl Arguments {
    /// Reads the words after the program's name; a value may also follow its option after `=`.
    ///
    /// # Errors
    /// When a word is no option, or a value is missing or out of its bounds; the error names it.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut arguments = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "--fresh" {
                arguments.past = Past::Forgotten;
                continue;
            }
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            if !["--port", "--data", "--widget", "--people"].contains(&name) {
                bail!("`{word}` is no option of the runner\n\n{HELP}");
            }
            let value = inline.or_else(|| words.next()).filter(|value| !value.is_empty() && !value.starts_with("--"));
            let value = value.with_context(|| format!("`{name}` needs a value\n\n{HELP}"))?;
            arguments.set(name, &value)?;
        }
        Ok(arguments)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "--port" => {
                let port = value.parse().ok().filter(|port| *port <= PORT_MAX);
                self.port = port.with_context(|| format!("`--port` must be 0 to {PORT_MAX}, not `{value}`"))?;
            }
            "--people" => {
                let people = value.parse().ok().filter(|people| (1..=PEOPLE_MAX).contains(people));
                self.people = people.with_context(|| format!("`--people` must be 1 to {PEOPLE_MAX}, not `{value}`"))?;
            }
            "--data" => self.data = PathBuf::from(value),
            _ => self.widget = Some(PathBuf::from(value)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        Arguments::read(line.split_whitespace().map(str::to_owned)).map_err(|error| error.to_string())
    }

    #[test]
    fn without_options_the_defaults_count() {
        assert_eq!(read(""), Ok(Arguments::default()));
    }

    #[test]
    fn every_option_is_read_in_both_ways_of_writing_it() {
        let expected = Arguments { past: Past::Forgotten, port: 0, data: "here".into(), widget: Some("dist".into()), people: 30 };
        assert_eq!(read("--fresh --port 0 --data here --widget dist --people 30"), Ok(expected.clone()));
        assert_eq!(read("--port=0 --data=here --widget=dist --people=30 --fresh"), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_bound() {
        for (line, part) in [
            ("--prot 1", "`--prot` is no option"),
            ("--fresh=yes", "`--fresh=yes` is no option"),
            ("--port", "`--port` needs a value"),
            ("--port --fresh", "`--port` needs a value"),
            ("--port eighty", "`--port` must be 0 to 65533, not `eighty`"),
            ("--port 65534", "`--port` must be 0 to 65533"),
            ("--people 0", "`--people` must be 1 to 100000, not `0`"),
            ("--data=", "`--data` needs a value"),
        ] {
            let refused = read(line).expect_err(line);
            assert!(refused.starts_with(part), "{line}: {refused}");
        }
    }
}
