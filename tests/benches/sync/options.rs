//! What is run: programs, sizes, waits.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::program::Program;

/// How long real Graph takes for a page, about. An input.
const WAIT_MILLISECONDS: u32 = 250;

/// The command line.
pub(crate) struct Options {
    people: Vec<u32>,
    few: u32,
    only: Option<Vec<Program>>,
    wait: Option<u32>,
    /// The most address space of our side, in MiB.
    pub(crate) limit: Option<u64>,
    /// Runs the peers in Python.
    pub(crate) python: Option<PathBuf>,
    /// Runs the peer in Node.
    pub(crate) node: Option<PathBuf>,
}

/// A part of the run, with an outside of its own.
pub(crate) struct Section {
    pub(crate) people: u32,
    pub(crate) wait: u32,
    few: u32,
    programs: Vec<Program>,
}

impl Options {
    pub(crate) fn read(arguments: &[String]) -> Result<Self> {
        let mut options = Self { people: vec![20_000], few: 2_000, only: None, wait: None, limit: None, python: None, node: None };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            // Cargo tells every bench that it is one.
            if name == "--bench" {
                continue;
            }
            let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
            let number = || value.parse::<u64>().with_context(|| format!("{name} must be a number, not {value:?}"));
            match name.as_str() {
                "--people" => options.people = value.split(',').map(str::parse).collect::<Result<_, _>>().context("--people")?,
                "--few" => options.few = u32::try_from(number()?)?,
                "--only" => options.only = Some(value.split(',').map(Program::named).collect::<Result<_>>()?),
                "--wait" => options.wait = Some(u32::try_from(number()?)?),
                "--limit" => options.limit = Some(number()?),
                "--python" => options.python = Some(value.into()),
                "--node" => options.node = Some(value.into()),
                _ => bail!("there is no option {name}; the first lines of tests/benches/sync/main.rs name them all"),
            }
        }
        Ok(options)
    }

    /// Every size; and, where no wait is chosen, our side once more with one.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let few = self.few;
        let mut sections = Vec::new();
        for people in &self.people {
            // Once is enough for who always has the same few.
            let has_few = sections.is_empty();
            let programs = self.programs().into_iter().filter(|program| has_few || !program.is_slow()).collect();
            sections.push(Section { people: *people, wait: self.wait.unwrap_or_default(), few, programs });
        }
        if let (None, Some(first)) = (self.wait, self.people.first()) {
            sections.push(Section { people: *first, wait: WAIT_MILLISECONDS, few, programs: vec![Program::Ours] });
        }
        sections
    }

    fn programs(&self) -> Vec<Program> {
        let is_wanted = |program: &Program| self.only.as_ref().is_none_or(|only| only.contains(program));
        let can_run = |program: &Program| match program {
            Program::Ours => true,
            Program::Requests | Program::Msgraph => self.python.is_some(),
            Program::Node => self.node.is_some(),
        };
        Program::ALL.into_iter().filter(is_wanted).filter(can_run).collect()
    }
}

impl Section {
    /// The sizes of the tenants that it needs.
    pub(crate) fn sizes(&self) -> Vec<u32> {
        let has_slow = self.programs.iter().any(|program| program.is_slow());
        let few = self.few.min(self.people);
        [Some(self.people), has_slow.then_some(few)].into_iter().flatten().collect()
    }

    /// Its programs, each with the place of its tenant.
    pub(crate) fn programs(&self) -> Vec<(Program, usize)> {
        self.programs.iter().map(|program| (*program, usize::from(program.is_slow()))).collect()
    }
}
