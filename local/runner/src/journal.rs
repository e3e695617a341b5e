//! What the runner itself must remember: how far its clock is ahead, how far the seeding got, what people did on the panel.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use domain::ids::CustomerId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::folder::write_durably;

/// The most deeds that are remembered.
const DEEDS_MAX: usize = 300;

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    /// How far the clock is ahead of the system's.
    pub offset: SignedDuration,
    /// Beats of the seeding that are done.
    pub beats_done: usize,
    /// Until when time is passing, where somebody asked for it and it is not over.
    pub passing_until: Option<Timestamp>,
    /// What was done to the customers' directories, oldest first.
    pub deeds: VecDeque<Deed>,
}

/// Something that was done to a customer's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When, by the runner's clock.
    pub at: Timestamp,
    /// Whose directory; none where it concerns all.
    pub customer: Option<CustomerId>,
    /// What, as a sentence.
    pub what: String,
}

impl Notes {
    /// The notes of a first run, whose clock begins `offset` ahead.
    #[must_use]
    pub fn begin(offset: SignedDuration) -> Self {
        Self { offset, beats_done: 0, passing_until: None, deeds: VecDeque::new() }
    }

    /// Remembers a deed, and forgets the oldest where there are too many.
    pub fn tell(&mut self, deed: Deed) {
        self.deeds.push_back(deed);
        while self.deeds.len() > DEEDS_MAX {
            self.deeds.pop_front();
        }
    }
}

/// The notes and their file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    notes: Mutex<Notes>,
}

impl Journal {
    /// Reads the notes at `path`; without a file they begin with `first`.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was written.
    pub fn open(path: &Path, first: Notes) -> Result<Self> {
        let notes = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| damaged(path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => first,
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        Ok(Self { path: path.to_owned(), notes: Mutex::new(notes) })
    }

    /// The notes as they stand.
    pub fn notes(&self) -> Notes {
        self.lock().clone()
    }

    /// Changes the notes; they are on the disk when this returns.
    ///
    /// # Errors
    /// When they cannot be written; what is in memory has changed then.
    pub fn change(&self, change: impl FnOnce(&mut Notes)) -> Result<()> {
        let mut notes = self.lock();
        change(&mut notes);
        let bytes = serde_json::to_vec(&*notes)?;
        write_durably(&self.path, &bytes).with_context(|| format!("{} cannot be written", self.path.display()))
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sentence for a file of the data folder that does not parse.
#[must_use]
pub fn damaged(path: &Path) -> String {
    format!("{} is damaged: start with --fresh to begin anew", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_there_after_a_new_start() {
        let path = std::env::temp_dir().join(format!("runner-journal-{}.json", std::process::id()));
        let begin = || Notes::begin(-SignedDuration::from_hours(24));
        let journal = Journal::open(&path, begin()).unwrap();
        journal.change(|notes| notes.beats_done = 7).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path, begin()).unwrap().notes(), Notes { beats_done: 7, ..begin() });
        fs::write(&path, "{\"offset\":").unwrap();
        let refused = Journal::open(&path, begin()).unwrap_err().to_string();
        assert!(refused.ends_with("is damaged: start with --fresh to begin anew"), "{refused}");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn only_so_many_deeds_are_remembered() {
        let mut notes = Notes::begin(SignedDuration::ZERO);
        for number in 0..DEEDS_MAX + 5 {
            notes.tell(Deed { at: Timestamp::UNIX_EPOCH, customer: None, what: number.to_string() });
        }
        assert_eq!((notes.deeds.len(), notes.deeds[0].what.as_str()), (DEEDS_MAX, "5"));
    }
}
