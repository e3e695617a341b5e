//! The rounds that each contestant syncs, what happens in the directory before each, and what each came to.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entra_simulator::Act;
use serde::{Deserialize, Serialize};

use super::outside::{Asked, Readings, Tenancy};
use super::toll::{About, Tolls};
use super::{Contestant, Control};

/// Of so many people one changes, where some do.
pub const ONE_CHANGES_OF: u32 = 100;

/// A round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// Nobody is stored yet.
    FirstLoad,
    /// From the delta link, nobody changed.
    Unchanged,
    /// From the delta link, one in a hundred changed.
    Changed,
    /// The delta link expired; nobody changed.
    ResyncUnchanged,
    /// The delta link expired, and one in a hundred changed.
    ResyncChanged,
}

impl Round {
    /// In the order in which they are synced.
    pub const ALL: [Self; 5] = [Self::FirstLoad, Self::Unchanged, Self::Changed, Self::ResyncUnchanged, Self::ResyncChanged];

    /// In a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstLoad => "first load",
            Self::Unchanged => "incremental, unchanged",
            Self::Changed => "incremental, 1 % changed",
            Self::ResyncUnchanged => "full resync, unchanged",
            Self::ResyncChanged => "full resync, 1 % changed",
        }
    }

    const fn is_resync(self) -> bool {
        matches!(self, Self::ResyncUnchanged | Self::ResyncChanged)
    }

    const fn has_changes(self) -> bool {
        matches!(self, Self::Changed | Self::ResyncChanged)
    }
}

/// What a round came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Which.
    pub round: Round,
    /// People in the directory.
    pub people: u64,
    /// People about whom Graph had something to say: everybody in a full round.
    pub told: u64,
    /// People who are new or changed, and so had to be written.
    pub changed: u64,
    /// Processor time of the contestant.
    pub processor: Duration,
    /// How long it took.
    pub wall: Duration,
    /// The most memory the contestant held so far.
    pub peak_bytes: u64,
    /// The most address space the contestant had mapped so far.
    pub mapped_bytes: u64,
    /// What was asked of Graph.
    pub graph: Asked,
    /// What was asked of DynamoDB.
    pub dynamodb: Tolls,
}

/// Lets a contestant sync all rounds of a tenant.
///
/// # Errors
/// When it fails, and when it did not store everybody or wrote more or fewer people than changed: then its figures say nothing.
pub async fn live(contestant: &mut impl Contestant, control: &Control, tenancy: &Tenancy) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for round in Round::ALL {
        let changed = prepare(round, control, tenancy).await?;
        let outcome = sync(contestant, control, (round, tenancy.people.into(), changed)).await?;
        let (name, written) = (round.name(), outcome.dynamodb.about(About::People).written);
        ensure!(written == changed, "{name}: {changed} people changed, and {written} were written");
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Lets happen what comes before a round; returns how many people are new or changed.
async fn prepare(round: Round, control: &Control, tenancy: &Tenancy) -> Result<u64> {
    if round.is_resync() {
        control.work(tenancy, &Act::ExpireDeltaTokens).await?;
    }
    match round {
        Round::FirstLoad => Ok(tenancy.people.into()),
        _ if round.has_changes() => {
            let count = tenancy.people.div_ceil(ONE_CHANGES_OF);
            control.work(tenancy, &Act::ChangeJobTitles { count }).await
        }
        _ => Ok(0),
    }
}

async fn sync(contestant: &mut impl Contestant, control: &Control, (round, people, changed): (Round, u64, u64)) -> Result<Outcome> {
    contestant.wake().await?;
    control.take().await?;
    let (before, began) = (contestant.spent()?, Instant::now());
    contestant.sync().await?;
    let (wall, spent) = (began.elapsed(), contestant.spent()?);
    let Readings { graph, dynamodb } = control.take().await?;
    let stored = contestant.stored().await?;
    ensure!(stored == people, "{}: {stored} of {people} people are stored", round.name());
    let told = if round.is_resync() { people } else { changed };
    let processor = spent.since(&before)?;
    let (peak_bytes, mapped_bytes) = (spent.peak_bytes, spent.mapped_bytes);
    Ok(Outcome { round, people, told, changed, processor, wall, peak_bytes, mapped_bytes, graph, dynamodb })
}
