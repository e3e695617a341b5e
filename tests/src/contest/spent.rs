//! What a process spent: processor time, user and system, and the most memory it ever held.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// How far two ways to count processor time may be apart: one counts in ticks of 10 ms, and does not stand still meanwhile.
const APART_MAX: Duration = Duration::from_millis(40);

/// No such process. Source: errno(3), Linux.
const ESRCH: i32 = 3;

/// What a process spent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Processor time of its threads, to the nanosecond.
    pub processor: Duration,
    /// The same to 10 ms, threads that ended included.
    ticks: Duration,
    /// The most memory that was ever resident.
    pub peak_bytes: u64,
    /// The most address space that was ever mapped.
    pub mapped_bytes: u64,
}

impl Spent {
    /// Of a process, by its number; of ourselves by `self`.
    /// Source: proc(5), `/proc/pid/stat` fields 14 and 15, `/proc/pid/status` `VmHWM` and `VmPeak`;
    /// <https://docs.kernel.org/scheduler/sched-stats.html>, `/proc/pid/schedstat` field 1
    ///
    /// # Errors
    /// Where the process is gone, or this is no Linux.
    pub fn of(process: &str) -> Result<Self> {
        let folder = format!("/proc/{process}");
        let mut processor = Duration::ZERO;
        for task in fs::read_dir(format!("{folder}/task")).context("no such process")? {
            let stat = match fs::read_to_string(task?.path().join("schedstat")) {
                Ok(stat) => stat,
                // A thread that ended since it was listed; what it spent shows in the ticks.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound) || error.raw_os_error() == Some(ESRCH) => continue,
                Err(error) => return Err(error).context("a thread's time cannot be read"),
            };
            let nanoseconds = stat.split_whitespace().next().context("an empty schedstat")?.parse()?;
            processor += Duration::from_nanos(nanoseconds);
        }
        let status = fs::read_to_string(format!("{folder}/status"))?;
        Ok(Self {
            processor,
            ticks: ticks(&fs::read_to_string(format!("{folder}/stat"))?)?,
            peak_bytes: bytes(&status, "VmHWM:")?,
            mapped_bytes: bytes(&status, "VmPeak:")?,
        })
    }

    /// Processor time since an earlier moment.
    ///
    /// # Errors
    /// Where a thread ended meanwhile and took more of it along than may go unseen.
    pub fn since(&self, earlier: &Self) -> Result<Duration> {
        let (exact, coarse) = (self.processor.saturating_sub(earlier.processor), self.ticks.saturating_sub(earlier.ticks));
        ensure!(coarse <= exact + exact / 20 + APART_MAX, "threads that ended took processor time along: {coarse:?} is not {exact:?}");
        Ok(exact)
    }
}

fn ticks(stat: &str) -> Result<Duration> {
    // The name before it may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("no stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut field = || -> Result<u64> { Ok(fields.next().context("a short stat")?.parse()?) };
    Ok(Duration::from_millis((field()? + field()?) * 10))
}

fn bytes(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_a_process_spent_grows_with_what_it_does() {
        let mut busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let process = busy.id().to_string();
        let before = Spent::of(&process).unwrap();
        let mut spent = Duration::ZERO;
        while spent < Duration::from_millis(20) {
            let now = Spent::of(&process).unwrap();
            spent = now.since(&before).unwrap();
            assert!(now.peak_bytes >= before.peak_bytes && now.mapped_bytes >= now.peak_bytes);
        }
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(Spent::of(&process).is_err(), "it is gone");
    }

    #[test]
    fn a_name_with_a_bracket_does_not_shift_the_fields() {
        assert_eq!(ticks("7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 12 30 0 0").unwrap(), Duration::from_millis(420));
    }

    #[test]
    fn a_thread_that_took_its_time_along_is_seen() {
        let at = |processor, ticks| {
            let (processor, ticks) = (Duration::from_millis(processor), Duration::from_millis(ticks));
            Spent { processor, ticks, peak_bytes: 0, mapped_bytes: 0 }
        };
        assert_eq!(at(130, 130).since(&at(100, 100)).unwrap(), Duration::from_millis(30));
        assert!(at(130, 300).since(&at(100, 100)).is_err());
    }
}
