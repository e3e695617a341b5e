//! What one check costs at DynamoDB, measured on the real checks of a small crowd.

use anyhow::{Context as _, Result};
use entra_simulator::Act;
use jiff::SignedDuration;
use system_tests::crowd::{Crowd, Kind, Lengths, Outside, Watch};
use system_tests::scale::Use;

/// Connections of the crowd.
const CONNECTIONS: u32 = 200;
/// After so many checks every slot for tokens is filled, and a check costs what it costs from then on.
const WARM_UP: u32 = 3;
/// Longer than the period of checks and its spread.
const PERIOD: SignedDuration = SignedDuration::from_mins(51);

/// Capacity units of one check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// That Entra accepts.
    pub(crate) accepted: Use,
    /// That Entra refuses.
    pub(crate) refused: Use,
}

/// Checks a crowd whose tokens are as long as Entra's.
pub(crate) async fn measure() -> Result<Cost> {
    let outside = Outside::start(CONNECTIONS, Lengths::REALISTIC).await?;
    let mut crowd = Crowd::enter(outside, Watch::Counted).await?;
    crowd.connect(Kind::Delegated).await?;
    crowd.measure(WARM_UP, PERIOD).await?;
    let accepted = each(&crowd, "healthy").await?;
    crowd.work(|user| Act::RequireMfa { user }).await?;
    Ok(Cost { accepted, refused: each(&crowd, "doubted").await? })
}

async fn each(crowd: &Crowd, outcome: &str) -> Result<Use> {
    let cost = crowd.measure(1, PERIOD).await?;
    let checks = cost.outcomes.get(outcome).filter(|checks| **checks == CONNECTIONS).with_context(|| format!("not {outcome}: {cost:?}"))?;
    Ok(cost.total().over(f64::from(*checks)))
}
