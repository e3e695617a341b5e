//! Runs other programs, says which and for how long, and names the one that failed.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

/// The steps of one run, in order, each with the time it took.
pub(crate) struct Journal {
    begun: Instant,
    done: Vec<(String, Duration)>,
}

impl Journal {
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), done: Vec::new() }
    }

    /// Runs one program as a step; its output goes straight to the terminal.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let alone = described(command);
        self.step(name, &alone, || succeeded(command.stdin(Stdio::null())))
    }

    /// Runs one step under a heading. `alone` is what a developer types to run it by itself.
    ///
    /// # Errors
    /// The step's own, with its name, the time it took and how to run it alone; the table of times is printed first.
    pub(crate) fn step<T>(&mut self, name: &str, alone: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n==> {name}\n    {alone}");
        let begun = Instant::now();
        let outcome = work();
        let took = begun.elapsed();
        match outcome {
            Ok(value) => {
                println!("<== {name}: passed in {}", seconds(took));
                self.done.push((name.to_owned(), took));
                Ok(value)
            }
            Err(error) => {
                self.done.push((format!("{name} (failed)"), took));
                self.close();
                Err(anyhow!("step `{name}` failed after {}: {error:#}\nto run it alone: {alone}", seconds(took)))
            }
        }
    }

    /// Prints the table of steps with their times.
    pub(crate) fn close(&self) {
        println!("\n{}", table(&self.done, self.begun.elapsed()));
    }
}

/// Cargo as it runs us, in the workspace's folder.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(root);
    command
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started, or when it ends with anything but success.
pub(crate) fn checked(command: &mut Command) -> Result<()> {
    let what = described(command);
    succeeded(command).with_context(|| format!("`{what}`"))
}

fn succeeded(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot be started")?;
    if !status.success() {
        bail!("{status}");
    }
    Ok(())
}

/// Arguments as a person would type them.
pub(crate) fn spoken(arguments: &[impl AsRef<OsStr>]) -> String {
    let words: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
    words.join(" ")
}

/// A time to a tenth of a second.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The program as a person would type it where `cargo xtask` was typed.
fn described(command: &Command) -> String {
    let here = std::env::current_dir().ok();
    let mut words = Vec::new();
    if let Some(folder) = command.get_current_dir().filter(|folder| Some(*folder) != here.as_deref()) {
        words.push(format!("cd {} &&", folder.display()));
    }
    for (name, value) in command.get_envs() {
        words.extend(value.map(|value| format!("{}={}", name.display(), value.display())));
    }
    let program = Path::new(command.get_program());
    words.push(program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned());
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}

fn table(done: &[(String, Duration)], total: Duration) -> String {
    let width = done.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max("total".len());
    let mut lines = String::new();
    for (name, took) in done {
        let _ = writeln!(lines, "{name:width$}  {:>9}", seconds(*took));
    }
    let _ = write!(lines, "{:width$}  {:>9}", "total", seconds(total));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_named_with_the_way_to_run_it_alone() {
        let mut journal = Journal::begin();
        let error = journal.command("always failing", &mut Command::new("false")).expect_err("`false` fails");
        let text = format!("{error:#}");
        assert!(text.starts_with("step `always failing` failed after 0."), "{text}");
        assert!(text.ends_with(" s: exit status: 1\nto run it alone: false"), "{text}");
    }

    #[test]
    fn a_step_is_told_with_its_folder_and_variables() {
        let mut node = Command::new("/usr/bin/node");
        node.arg("--test").env("EVERGRANT_WIDGET", "dist").env_remove("CI").current_dir("/");
        assert_eq!(described(&node), "cd / && EVERGRANT_WIDGET=dist node --test");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = checked(&mut Command::new("/nowhere/at-all")).expect_err("it is not there");
        assert!(format!("{error:#}").starts_with("`at-all`: cannot be started: "), "{error:#}");
    }

    #[test]
    fn the_table_lines_up_names_and_times() {
        let done = [("format".to_owned(), Duration::from_millis(1_250)), ("tests".to_owned(), Duration::from_secs(72))];
        let expected = "format      1.2 s\ntests      72.0 s\ntotal      73.3 s";
        assert_eq!(table(&done, Duration::from_millis(73_300)), expected);
    }
}
