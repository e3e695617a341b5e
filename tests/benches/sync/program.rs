//! The programs, each in a process of its own: how they are started and spoken to.
//!
//! A program is started with what it needs as JSON, prints `0` when it is ready, then reads words and answers each with a number: `wake`
//! and `sync` with `0`, `stored` with how many people are stored. It ends with its input.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use domain::attribute::Choice;
use serde_json::json;
use system_tests::contest::{Contestant, Control, Outside, Spent};

use crate::Errand;
use crate::options::Options;

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Requests,
    Msgraph,
    Node,
}

impl Program {
    pub(crate) const ALL: [Self; 4] = [Self::Ours, Self::Requests, Self::Msgraph, Self::Node];

    /// As it is asked for.
    const fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Requests => "requests",
            Self::Msgraph => "msgraph",
            Self::Node => "node",
        }
    }

    /// As it is shown.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Requests => "Python requests, boto3",
            Self::Msgraph => "Python msgraph-sdk, boto3",
            Self::Node => "Node graph-client, lib-dynamodb",
        }
    }

    pub(crate) fn named(word: &str) -> Result<Self> {
        let named = Self::ALL.into_iter().find(|program| program.word() == word);
        named.with_context(|| format!("there is no program {word:?}: {:?}", Self::ALL.map(Self::word)))
    }

    /// Whether it would take hours for a large directory.
    pub(crate) fn is_slow(self) -> bool {
        self == Self::Msgraph
    }
}

/// A program that runs.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(program: Program, options: &Options, world: (&Outside, usize, &Control)) -> Result<Self> {
        let (outside, place, control) = world;
        let tenancy = &outside.tenancies[place];
        let mut command = match program {
            Program::Ours => ours(options, &Errand { outside: outside.clone(), place })?,
            Program::Requests => peer(options.python.as_deref(), "python/requests_boto3.py")?,
            Program::Msgraph => peer(options.python.as_deref(), "python/msgraph_boto3.py")?,
            Program::Node => peer(options.node.as_deref(), "node/graph_client.mjs")?,
        };
        if program != Program::Ours {
            // Who writes a peer signs in by a library of Entra's; what that costs is no part of a sync.
            let needs = json!({
                "graph": outside.base.origin().ascii_serialization(),
                "access_token": control.access_token(tenancy).await?,
                "dynamodb": outside.dynamodb,
                "table": format!("people-{}", program.word()),
                "tenant": tenancy.tenant,
                "attributes": Choice::default().select(&BTreeSet::new()),
            });
            command.arg(needs.to_string());
            // The SDK for JavaScript says at every start which Node it will want one day.
            command.env("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| format!("start {command:?}"))?;
        let input = child.stdin.take().context("no input")?;
        let output = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut process = Self { child, input, output };
        process.hear()?;
        Ok(process)
    }

    /// Ends it, by the end of its input.
    pub(crate) fn end(self) -> Result<()> {
        let Self { mut child, input, output } = self;
        drop((input, output));
        let status = child.wait()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }

    fn ask(&mut self, word: &str) -> Result<u64> {
        writeln!(self.input, "{word}").with_context(|| format!("it ended before {word:?}"))?;
        self.hear()
    }

    fn hear(&mut self) -> Result<u64> {
        let Some(line) = self.output.next() else {
            bail!("it ended with {}", self.child.wait()?);
        };
        let line = line?;
        line.parse().with_context(|| format!("it answers {line:?}"))
    }
}

#[async_trait(?Send)]
impl Contestant for Process {
    async fn wake(&mut self) -> Result<()> {
        self.ask("wake").map(drop)
    }

    async fn sync(&mut self) -> Result<()> {
        self.ask("sync").map(drop)
    }

    async fn stored(&mut self) -> Result<u64> {
        self.ask("stored")
    }

    fn spent(&self) -> Result<Spent> {
        Spent::of(&self.child.id().to_string())
    }
}

fn ours(options: &Options, errand: &Errand) -> Result<Command> {
    let me = std::env::current_exe()?;
    let mut command = match options.limit {
        None => Command::new(me),
        Some(mebibytes) => {
            let mut prlimit = Command::new("prlimit");
            prlimit.arg(format!("--as={}", mebibytes * 1024 * 1024)).arg(me);
            prlimit
        }
    };
    command.arg("--ours").arg(serde_json::to_string(errand)?);
    Ok(command)
}

fn peer(interpreter: Option<&Path>, script: &str) -> Result<Command> {
    let mut command = Command::new(interpreter.context("its interpreter was not named")?);
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(script));
    Ok(command)
}
