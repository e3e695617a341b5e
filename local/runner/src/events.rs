//! The bus of this machine: a journal of what was published, with the place up to which the stream was followed.
//!
//! Both are written in one, after the events of a batch: a process that ends in between has told nothing, and tells it at its next start.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use adapters::bus::{Bus, BusError, Delivery, Entry, Parked};
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use domain::ids::CustomerId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::folder::write_durably;
use crate::journal::damaged;
use crate::stream::Bookmark;

/// The most lines that are kept, and as many of what was parked.
const LINES_MAX: usize = 200;
/// Names that a line tells; it counts the others.
const NAMES_MAX: usize = 3;
/// Events alike within this time are one line.
const ALIKE_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The last settled record of the stream.
    pub place: Option<String>,
    /// What was published, oldest first.
    pub lines: VecDeque<Line>,
    /// What could not be told, oldest first.
    pub parked: VecDeque<Parked>,
}

/// Events alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When the last of them happened.
    pub at: Timestamp,
    /// Whose person it was.
    pub customer: Option<CustomerId>,
    /// What they say.
    pub what: String,
    /// How many they are.
    pub count: u32,
}

impl Kept {
    fn tell(&mut self, event: &Value, at: Timestamp) {
        let customer = event["detail"]["customer"].as_str().and_then(|customer| customer.parse().ok());
        let what = sentence(event);
        let last = self.lines.iter_mut().rev().find(|line| line.customer == customer);
        match last {
            Some(line) if line.what == what && at.duration_since(line.at).abs() < ALIKE_WITHIN => {
                line.count += 1;
                line.at = line.at.max(at);
            }
            _ => self.lines.push_back(Line { at, customer, what, count: 1 }),
        }
        while self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }
}

fn sentence(event: &Value) -> String {
    let kind = event["detail-type"].as_str().unwrap_or_default();
    if let Some(notice) = event["detail"]["kind"].as_str() {
        return format!("{kind}: {notice}");
    }
    let names: Vec<&str> = event["detail"]["attributes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let shown = names[..names.len().min(NAMES_MAX)].join(", ");
    match (&event["detail"]["is_new"], names.len().saturating_sub(NAMES_MAX)) {
        (Value::Bool(true), _) => format!("{kind}, new"),
        _ if names.is_empty() => kind.to_owned(),
        (_, 0) => format!("{kind}: {shown}"),
        (_, more) => format!("{kind}: {shown} and {more} more"),
    }
}

/// The journal and its file.
#[derive(Debug)]
pub struct EventJournal {
    path: PathBuf,
    kept: Mutex<Kept>,
}

impl EventJournal {
    /// Reads the journal at `path`; without a file it begins empty.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was written.
    pub fn open(path: &Path) -> Result<Self> {
        let kept = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| damaged(path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        Ok(Self { path: path.to_owned(), kept: Mutex::new(kept) })
    }

    /// The journal as it stands.
    pub fn kept(&self) -> Kept {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for EventJournal {
    async fn publish(&self, entries: &[Entry]) -> Delivery {
        let mut kept = self.lock();
        entries.iter().for_each(|entry| kept.tell(&entry.delivered(), entry.time));
        Delivery { settled: entries.len(), ..Delivery::default() }
    }

    async fn park(&self, parked: &Parked) -> Result<(), BusError> {
        let mut kept = self.lock();
        kept.parked.push_back(parked.clone());
        while kept.parked.len() > LINES_MAX {
            kept.parked.pop_front();
        }
        Ok(())
    }
}

impl Bookmark for EventJournal {
    fn place(&self) -> Option<String> {
        self.lock().place.clone()
    }

    fn put(&self, sequence_number: &str) -> Result<()> {
        let mut kept = self.lock();
        kept.place = Some(sequence_number.to_owned());
        let bytes = serde_json::to_vec(&*kept)?;
        write_durably(&self.path, &bytes).with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(kind: &'static str, second: i64, detail: &Value) -> Entry {
        let mut detail = detail.clone();
        detail["customer"] = json!("acme");
        Entry { kind, time: Timestamp::from_second(second).unwrap(), detail: detail.to_string() }
    }

    fn changed(second: i64, names: &[&str]) -> Entry {
        entry("person.changed", second, &json!({"is_new": false, "attributes": names}))
    }

    #[tokio::test]
    async fn events_alike_are_one_line_and_the_next_start_goes_on_after_them() {
        let path = std::env::temp_dir().join(format!("runner-events-{}.json", std::process::id()));
        let journal = EventJournal::open(&path).unwrap();
        let new = entry("person.changed", 1, &json!({"is_new": true, "attributes": ["city"]}));
        let removed = entry("person.removed", 3_000, &json!({}));
        let entries = [new.clone(), new, changed(2, &["city"]), changed(601, &["city"]), changed(1_202, &["city"]), removed];
        assert_eq!(journal.publish(&entries).await.settled, 6);
        journal.publish(&[changed(3_001, &["a", "b", "c", "d", "e"])]).await;
        let told: Vec<String> = journal.kept().lines.iter().map(|line| format!("{} × {}", line.count, line.what)).collect();
        let expected = [
            "2 × person.changed, new",
            "2 × person.changed: city",
            "1 × person.changed: city",
            "1 × person.removed",
            "1 × person.changed: a, b, c and 2 more",
        ];
        assert_eq!(told, expected);
        assert_eq!(EventJournal::open(&path).unwrap().kept(), Kept::default(), "nothing was settled yet");
        journal.put("100000000000000000007").unwrap();
        assert_eq!(EventJournal::open(&path).unwrap().kept(), journal.kept());
        fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn only_so_many_lines_are_kept() {
        let path = std::env::temp_dir().join("runner-events-never-written.json");
        let journal = EventJournal::open(&path).unwrap();
        for number in 0..LINES_MAX + 5 {
            journal.publish(&[changed(1, &[&format!("a{number}")])]).await;
        }
        let kept = journal.kept();
        assert_eq!((kept.lines.len(), kept.lines[0].what.as_str()), (LINES_MAX, "person.changed: a5"));
    }
}
