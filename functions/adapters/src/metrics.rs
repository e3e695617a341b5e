//! Numbers for CloudWatch, in its embedded metric format: lines of JSON on standard output, one an invocation.
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! ```text
//! main ─► told ─┬─ the work of one invocation: note, note, note
//!               └─ the line
//! ```
//! Whoever works notes a number where it happens, as it would log. Outside of [`told`] and [`gather`] numbers go nowhere: on one machine,
//! and in most tests.
//!
//! The function's name, which names its stage, is the only dimension: each value of a dimension makes metrics of its own, which are paid
//! for. No number is about a person, a connection or a customer.
//!
//! To add a number: a variant of [`Metric`], its name and unit, a row in the runbook.

mod line;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;

use domain::api::HealthWord;
use jiff::SignedDuration;

use crate::clock::{Clock, SystemClock};

pub use line::NAMESPACE;

/// Lambda's name for this function. Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// What is counted or measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metric {
    /// Minutes in which people of a connection were older than promised and nothing said so: see `domain::silence`. Counted when the
    /// connection's sync comes to a step's end, once each.
    SilentStaleMinutes,
    /// Connections by health, as a sample: each is counted when its sync ends a round or finds that it cannot go on, by as many quarters of
    /// an hour as lie between two of its rounds. The sum of a quarter of an hour is about how many there are, and that of a day divided by
    /// 96 is closer. Those that never had a grant are not in it.
    Connections(HealthWord),
    /// From when a check was due until it was made, of each check.
    CheckDelay,
    /// Due checks that a tick left for the next one.
    ChecksLeft,
    /// Answers of Entra that renewed a grant.
    RefreshesAccepted,
    /// Answers of Entra, and missing ones, that said nothing about the grant.
    RefreshesUnclear,
    /// Refusals of Entra by their cause, one of those in `domain::diagnosis`.
    RefreshesRefused(String),
    /// Grants that ended when an end was foreseen, and had been told.
    ForecastHits,
    /// Grants that an age limit ended, and nothing was foreseen.
    ForecastMisses,
    /// Grants that ended in a way that nobody can foresee, such as a password reset.
    EndsUnforeseeable,
    /// How long before its end a foreseen end was told.
    ForecastLead,
    /// Incidents that were opened.
    IncidentsOpened,
    /// How old the directory's state was that people show, when a round ended.
    SyncLag,
    /// Answers of Graph with status 429.
    GraphThrottles,
    /// Rounds at whose end a wave of deletions was held.
    DeletionsHeld,
    /// From when a notice was owed until somebody took it: a mail server, a web hook, the bus.
    NoticeLatency,
}

/// CloudWatch's units, as far as they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Adds up: an invocation tells the sum.
    Count,
    /// Each value is told, so that percentiles can be asked for.
    Seconds,
}

impl Metric {
    /// Its name in CloudWatch.
    #[must_use]
    pub fn name(&self) -> String {
        let name = match self {
            Self::Connections(health) => return format!("Connections.{}", health.as_str()),
            Self::RefreshesRefused(cause) => return format!("RefreshesRefused.{cause}"),
            Self::SilentStaleMinutes => "SilentStaleMinutes",
            Self::CheckDelay => "CheckDelay",
            Self::ChecksLeft => "ChecksLeft",
            Self::RefreshesAccepted => "RefreshesAccepted",
            Self::RefreshesUnclear => "RefreshesUnclear",
            Self::ForecastHits => "ForecastHits",
            Self::ForecastMisses => "ForecastMisses",
            Self::EndsUnforeseeable => "EndsUnforeseeable",
            Self::ForecastLead => "ForecastLead",
            Self::IncidentsOpened => "IncidentsOpened",
            Self::SyncLag => "SyncLag",
            Self::GraphThrottles => "GraphThrottles",
            Self::DeletionsHeld => "DeletionsHeld",
            Self::NoticeLatency => "NoticeLatency",
        };
        name.to_owned()
    }

    pub(crate) fn unit(&self) -> Unit {
        match self {
            Self::CheckDelay | Self::ForecastLead | Self::SyncLag | Self::NoticeLatency => Unit::Seconds,
            Self::SilentStaleMinutes
            | Self::Connections(_)
            | Self::ChecksLeft
            | Self::RefreshesAccepted
            | Self::RefreshesUnclear
            | Self::RefreshesRefused(_)
            | Self::ForecastHits
            | Self::ForecastMisses
            | Self::EndsUnforeseeable
            | Self::IncidentsOpened
            | Self::GraphThrottles
            | Self::DeletionsHeld => Unit::Count,
        }
    }
}

/// What was noted, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Noted(BTreeMap<String, (Unit, Vec<f64>)>);

tokio::task_local! {
    static NOTED: RefCell<Noted>;
}

/// Notes a number of this invocation.
pub fn note(metric: Metric, value: f64) {
    // Nobody gathers: there is nobody to tell.
    let _ = NOTED.try_with(|noted| noted.borrow_mut().add(&metric, value));
}

/// Notes that something happened once.
pub fn count(metric: Metric) {
    note(metric, 1.0);
}

/// Notes how long something took; what ended before it began took no time.
pub fn took(metric: Metric, time: SignedDuration) {
    note(metric, time.as_secs_f64().max(0.0));
}

/// Does the work of one invocation, and writes what it noted to standard output. Where that fails there is nobody to tell.
pub async fn told<W: Future>(work: W) -> W::Output {
    let (output, noted) = gather(work).await;
    let function = std::env::var(FUNCTION).unwrap_or_default();
    for line in noted.lines(&function, SystemClock.now()) {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
    output
}

/// Does some work, and answers what it noted as well.
pub async fn gather<W: Future>(work: W) -> (W::Output, Noted) {
    let work = Box::pin(work);
    let whole = async {
        let output = work.await;
        (output, NOTED.with(RefCell::take))
    };
    NOTED.scope(RefCell::default(), whole).await
}

impl Noted {
    fn add(&mut self, metric: &Metric, value: f64) {
        let (unit, values) = self.0.entry(metric.name()).or_insert_with(|| (metric.unit(), Vec::new()));
        match (unit, values.first_mut()) {
            (Unit::Count, Some(sum)) => *sum += value,
            _ => values.push(value),
        }
    }

    /// The sum of what was noted of one metric; none, where nothing was.
    #[must_use]
    pub fn sum(&self, metric: &Metric) -> Option<f64> {
        self.0.get(&metric.name()).map(|(_, values)| values.iter().sum())
    }

    /// Every name that was noted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_one_invocation_notes_is_its_own() {
        let noting = async {
            count(Metric::GraphThrottles);
            tokio::task::yield_now().await;
            count(Metric::GraphThrottles);
            took(Metric::SyncLag, SignedDuration::from_secs(-3));
            7
        };
        let (first, second) = futures::join!(gather(noting), gather(async { note(Metric::ChecksLeft, 4.0) }));
        assert_eq!((first.0, first.1.sum(&Metric::GraphThrottles), first.1.sum(&Metric::SyncLag)), (7, Some(2.0), Some(0.0)));
        assert_eq!(second.1.names(), ["ChecksLeft"]);
    }

    #[test]
    fn nothing_is_kept_where_nobody_gathers() {
        count(Metric::GraphThrottles);
        assert!(NOTED.try_with(|_| ()).is_err());
    }
}
