//! The outbox of this machine: mails and webhooks that would leave it, kept so that the demonstration portal can show them.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapters::clock::Clock;
use adapters::outbox::{Call, Letter, Outbox};
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use domain::notice::ledger::Sending;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::folder::write_durably;
use crate::journal::damaged;

/// The most that is kept.
const SENT_MAX: usize = 200;

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// How many were ever sent: the number of the next one.
    pub count: u64,
    /// What was sent, oldest first.
    pub sent: VecDeque<Sent>,
}

/// Something that would have left this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// To whom: a mail address, or a webhook's host.
    pub to: String,
    /// The connection that it is about, or `fleet`.
    pub subject: String,
    /// A mail's subject, or what a webhook is told in a word.
    pub line: String,
    /// The mail as a page, where it is one.
    pub page: Option<String>,
}

/// The journal of what was sent, and its file.
pub struct LocalOutbox {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

impl LocalOutbox {
    /// Reads the journal at `path`; without a file it begins empty.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was written.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let kept = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| damaged(path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        Ok(Self { path: path.to_owned(), clock, kept: Mutex::new(kept) })
    }

    /// What was sent, oldest first.
    pub fn sent(&self) -> VecDeque<Sent> {
        self.lock().sent.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one more; it counts as taken once it is on the disk.
    fn keep(&self, to: String, (subject, line): (String, String), page: Option<String>) -> Sending {
        let mut kept = self.lock();
        let mut next = kept.clone();
        next.sent.push_back(Sent { number: next.count, at: self.clock.now(), to, subject, line, page });
        next.count += 1;
        while next.sent.len() > SENT_MAX {
            next.sent.pop_front();
        }
        let written = serde_json::to_vec(&next).map_err(io::Error::from).and_then(|bytes| write_durably(&self.path, &bytes));
        match written {
            Ok(()) => {
                *kept = next;
                Sending::Taken
            }
            Err(error) => Sending::Again(format!("{} cannot be written: {error}", self.path.display())),
        }
    }
}

#[async_trait]
impl Outbox for LocalOutbox {
    async fn mail(&self, letter: &Letter) -> Sending {
        let subject = letter.tags.iter().find(|(name, _)| *name == "subject").map(|(_, value)| value.clone()).unwrap_or_default();
        self.keep(letter.to.as_str().to_owned(), (subject, letter.subject.clone()), Some(letter.html.clone()))
    }

    async fn call(&self, call: &Call) -> Sending {
        let body: serde_json::Value = serde_json::from_str(&call.body).unwrap_or_default();
        let word = |name: &str| body["data"][name].as_str().unwrap_or_default().to_owned();
        self.keep(call.url.place(), (word("connection"), word("kind")), None)
    }
}
