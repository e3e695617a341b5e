//! What happens to a crowd, one thing after the other.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entra_simulator::Act;
use jiff::SignedDuration;
use system_tests::crowd::{Crowd, Kind};

use crate::{Errand, Phase};

/// Longer than the period of checks and its spread.
const PERIOD: SignedDuration = SignedDuration::from_mins(51);
/// Longer than the period of spares and its spread.
const SPARE_PERIOD: SignedDuration = SignedDuration::from_hours(28);
/// After so many checks every slot for tokens is filled, and a check costs what it costs from then on.
const WARM_UP: u32 = 3;
/// Ticks of a phase in which nothing is due.
const EMPTY_TICKS: u32 = 20;

/// Lives through all phases.
pub(crate) async fn live(errand: Errand) -> Result<Vec<Phase>> {
    let Errand { kind, watch, checks_min, outside } = errand;
    let mut crowd = Crowd::enter(outside, watch).await?;
    let mut phases = Vec::new();
    if kind == Kind::Delegated {
        phases.push(phase(&crowd, "nobody is there", (EMPTY_TICKS, SignedDuration::ZERO), None).await?);
    }
    crowd.connect(kind).await?;
    let period = if kind == Kind::Spare { SPARE_PERIOD } else { PERIOD };
    for _ in 0..WARM_UP {
        crowd.pass(period);
        crowd.tick().await?;
    }
    let name = match kind {
        Kind::Delegated => "healthy, delegated",
        Kind::AppOnly => "healthy, app-only",
        Kind::Spare => "healthy, and the spare's turn",
    };
    let count = u32::try_from(crowd.ids.len())?;
    phases.push(phase(&crowd, name, (checks_min.div_ceil(count), period), Some("healthy")).await?);
    if kind == Kind::Delegated {
        phases.push(phase(&crowd, "nobody is due", (EMPTY_TICKS, SignedDuration::ZERO), None).await?);
        crowd.work(|user| Act::RequireMfa { user }).await?;
        phases.push(phase(&crowd, "refused once: doubted", (1, PERIOD), Some("doubted")).await?);
        crowd.work(|user| Act::LiftMfa { user }).await?;
        crowd.pass(PERIOD);
        crowd.tick().await?;
        crowd.work(|user| Act::ResetAdminPassword { user }).await?;
        phases.push(phase(&crowd, "dead, and a notice", (1, PERIOD), Some("dead")).await?);
    }
    Ok(phases)
}

async fn phase(crowd: &Crowd, name: &str, (ticks, apart): (u32, SignedDuration), outcome: Option<&str>) -> Result<Phase> {
    let before = processor_time()?;
    let cost = crowd.measure(ticks, apart).await?;
    let processor = processor_time()? - before;
    let expected = outcome.map_or(0, |_| ticks * u32::try_from(crowd.ids.len()).unwrap_or(u32::MAX));
    let came = outcome.and_then(|outcome| cost.outcomes.get(outcome)).copied().unwrap_or_default();
    ensure!(came == expected && cost.checks() == expected, "{name}: every check comes to {outcome:?}, not {:?}", cost.outcomes);
    let sizes = if crowd.ids.is_empty() { Default::default() } else { crowd.sizes().await? };
    Ok(Phase { name: name.to_owned(), ticks, cost, processor, sizes })
}

/// Processor time of this process, user and system. Source: proc(5), `/proc/self/stat` fields 14 and 15, in ticks of 10 ms.
fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}
