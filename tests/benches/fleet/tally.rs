//! What is counted: lateness by lane, requests by second, writes by key of the due index.

use domain::schedule::Lane;

/// Seconds of a day, and some more for what ends after it.
pub(crate) const SECONDS: usize = 25 * 3_600;

/// How late checks began, in whole seconds.
#[derive(Clone)]
pub(crate) struct Lateness {
    counts: Vec<u32>,
}

impl Lateness {
    fn new() -> Self {
        Self { counts: vec![0; SECONDS] }
    }

    fn count(&mut self, seconds: usize) {
        self.counts[seconds.min(SECONDS - 1)] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The lateness that this share of all checks did not exceed.
    pub(crate) fn share(&self, share: f64) -> Option<usize> {
        let wanted = (self.total() as f64 * share).ceil() as u64;
        let mut seen = 0;
        self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted && seen > 0
        })
    }
}

/// Counts of one simulated day.
#[derive(Clone)]
pub(crate) struct Tally {
    lateness: Vec<Lateness>,
    /// How long after the first verdict of death the second one came.
    pub(crate) second_verdicts: Lateness,
    requests: Vec<u32>,
    /// The second in which the last check began that was more than ten ticks late.
    pub(crate) last_late: usize,
    /// Ticks that found their part still at work.
    pub(crate) ticks_skipped: u32,
    /// Connections whose check was due at the end, and how late the latest of them was.
    pub(crate) left: (u64, usize),
    /// Writes to the busiest key of the due index: the most in one second, and in all.
    pub(crate) hottest: (u32, u64),
    /// Writes to all keys.
    pub(crate) writes: u64,
}

/// Ten ticks: later than any ordinary day brings.
const LATE: usize = 600;

impl Tally {
    pub(crate) fn new() -> Self {
        let lateness = vec![Lateness::new(); Lane::ALL.len()];
        Self {
            lateness,
            second_verdicts: Lateness::new(),
            requests: vec![0; SECONDS],
            last_late: 0,
            ticks_skipped: 0,
            left: (0, 0),
            hottest: (0, 0),
            writes: 0,
        }
    }

    pub(crate) fn lateness(&self, lane: Lane) -> &Lateness {
        &self.lateness[lane as usize]
    }

    /// Counts a check that began; times are in milliseconds.
    pub(crate) fn check(&mut self, lane: Lane, due: u64, began: u64, requests: u32) {
        let late = (began.saturating_sub(due) / 1_000) as usize;
        let second = ((began / 1_000) as usize).min(SECONDS - 1);
        self.lateness[lane as usize].count(late);
        self.requests[second] += requests;
        if late > LATE {
            self.last_late = self.last_late.max(second);
        }
    }

    /// Counts a death that was believed so many milliseconds after the first word of it.
    pub(crate) fn second_verdict(&mut self, after: u64) {
        self.second_verdicts.count((after / 1_000) as usize);
    }

    /// Counts the writes to one key, by second.
    pub(crate) fn key(&mut self, by_second: &[u32]) {
        let all = by_second.iter().map(|count| u64::from(*count)).sum();
        let most = by_second.iter().copied().max().unwrap_or_default();
        self.hottest = (self.hottest.0.max(most), self.hottest.1.max(all));
        self.writes += all;
    }

    /// Adds another part's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.lateness.iter_mut().zip(&other.lateness) {
            mine.add(theirs);
        }
        self.second_verdicts.add(&other.second_verdicts);
        self.requests.iter_mut().zip(&other.requests).for_each(|(mine, theirs)| *mine += theirs);
        self.last_late = self.last_late.max(other.last_late);
        self.ticks_skipped += other.ticks_skipped;
        self.left = (self.left.0 + other.left.0, self.left.1.max(other.left.1));
        self.hottest = (self.hottest.0.max(other.hottest.0), self.hottest.1.max(other.hottest.1));
        self.writes += other.writes;
    }

    /// Requests per second in the busiest minute of each of these hours.
    pub(crate) fn waves(&self, hours: std::ops::Range<usize>) -> Vec<f64> {
        hours.map(|hour| busiest_minute(&self.requests[hour * 3_600..(hour + 1) * 3_600])).collect()
    }

    /// Requests at the token endpoint between two hours: mean, 99th percentile and most in a second, and the mean of the busiest minute.
    pub(crate) fn requests(&self, hours: std::ops::Range<usize>) -> Requests {
        let seconds = &self.requests[hours.start * 3_600..hours.end * 3_600];
        let mut sorted = seconds.to_vec();
        sorted.sort_unstable();
        Requests {
            mean: seconds.iter().map(|count| f64::from(*count)).sum::<f64>() / seconds.len() as f64,
            p99: sorted[sorted.len() * 99 / 100],
            max: sorted.last().copied().unwrap_or_default(),
            busiest_minute: busiest_minute(seconds),
        }
    }
}

/// Requests per second in the busiest minute.
fn busiest_minute(seconds: &[u32]) -> f64 {
    let minutes = seconds.chunks(60).map(|minute| minute.iter().sum::<u32>());
    f64::from(minutes.max().unwrap_or_default()) / 60.0
}

/// Requests per second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requests {
    pub(crate) mean: f64,
    pub(crate) p99: u32,
    pub(crate) max: u32,
    pub(crate) busiest_minute: f64,
}
