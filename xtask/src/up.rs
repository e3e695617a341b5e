//! `up`: builds what changed, then becomes the runner.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::bootstrap::{self, Need};
use crate::steps::{cargo, checked, seconds};
use crate::{HELP, target, widget};

/// The runner's options that stand alone, and those followed by a value. The runner judges the values.
const FLAGS: [&str; 1] = ["--fresh"];
const VALUES: [&str; 2] = ["--port", "--data"];

/// Builds the widget and the runner where they are not up to date, and hands the terminal to the runner.
///
/// # Errors
/// When an option is unknown (before anything is built), when a tool is missing, when a build fails. It returns only then.
pub(crate) fn run(root: &Path, options: &[OsString]) -> Result<()> {
    understand(options)?;
    let begun = Instant::now();
    let tell = |what: &str| println!("[{:>7}] {what}", seconds(begun.elapsed()));

    tell("looking for the tools");
    bootstrap::run(root, Need::Build)?;
    tell("building the widget");
    let dist = widget::build(root)?;
    tell("building the runner");
    checked(cargo(root).args(["build", "--locked", "-p", "runner"]))?;
    tell("starting the runner");

    let runner = target(root).join("debug/runner");
    let error = Command::new(&runner).arg("--widget").arg(dist).args(options).exec();
    Err(error).with_context(|| format!("starting {}", runner.display()))
}

/// Refuses a mistyped option before minutes of building, not after.
fn understand(options: &[OsString]) -> Result<()> {
    let mut words = options.iter().map(|option| option.to_string_lossy());
    while let Some(word) = words.next() {
        let (name, inline) = word.split_once('=').map_or((word.as_ref(), false), |(name, _)| (name, true));
        if FLAGS.contains(&name) && !inline {
            continue;
        }
        if !VALUES.contains(&name) {
            bail!("`up` does not take `{word}`\n\n{HELP}");
        }
        if !inline && words.next().is_none() {
            bail!("`{name}` needs a value\n\n{HELP}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(line: &str) -> Result<(), String> {
        let options: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        understand(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn the_options_of_the_runner_are_known_before_it_is_built() {
        for line in ["", "--fresh", "--port 8080", "--port=8080 --data here --fresh"] {
            assert_eq!(judge(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn a_mistyped_option_is_named() {
        assert!(judge("--prot 8080").unwrap_err().starts_with("`up` does not take `--prot`"));
        assert!(judge("--fresh=yes").unwrap_err().starts_with("`up` does not take `--fresh=yes`"));
        assert!(judge("--fresh --port").unwrap_err().starts_with("`--port` needs a value"));
    }
}
