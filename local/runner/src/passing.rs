//! Lets time pass: the clocks are put forward in steps, and after each the product does what it would have done meanwhile.

use adapters::clock::Clock as _;
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use crate::world::{Passing, World};

/// The longest step at somebody's wish: the product looks at least this often at every connection.
pub const STEP_MAX: SignedDuration = SignedDuration::from_hours(6);
/// What one tick may take.
const TICK: SignedDuration = SignedDuration::from_secs(300);

/// Lets time pass until the clock shows `until`, and does what falls due on the way. Nobody else works meanwhile. After a crash on the
/// way, [`resume`] goes on.
///
/// # Errors
/// When the journal or the store fails; the clock stays where it is then.
pub async fn pass(world: &World, until: Timestamp) -> Result<()> {
    let passing = Passing { from: world.clock.now(), until };
    if !world.begin_passing(passing) {
        return Ok(());
    }
    let passed = walk(world, until).await;
    world.end_passing();
    passed
}

async fn walk(world: &World, until: Timestamp) -> Result<()> {
    world.journal.change(|notes| notes.passing_until = Some(until))?;
    let _alone = world.turn.write().await;
    loop {
        let left = until.duration_since(world.clock.now());
        if !left.is_positive() {
            break;
        }
        step(world, left.min(STEP_MAX)).await?;
    }
    world.journal.change(|notes| notes.passing_until = None)?;
    world.engine.sweep()?;
    Ok(())
}

/// Goes on with time that was passing when the process ended.
///
/// # Errors
/// As [`pass`].
pub async fn resume(world: &World) -> Result<()> {
    match world.journal.notes().passing_until {
        Some(until) => pass(world, until).await,
        None => Ok(()),
    }
}

/// One step: the clocks are put forward, then the product catches up.
///
/// # Errors
/// As [`pass`].
pub async fn step(world: &World, by: SignedDuration) -> Result<()> {
    shift(world, by)?;
    catch_up(world).await
}

/// Puts the clocks forward. The journal knows before the clock moves, so that no start ever finds an earlier time than one before.
///
/// # Errors
/// When the journal fails.
pub fn shift(world: &World, by: SignedDuration) -> Result<()> {
    let offset = world.clock.offset() + by;
    world.journal.change(|notes| notes.offset = offset)?;
    world.clock.shift_to(offset);
    world.tell_simulator_the_time();
    Ok(())
}

/// Does everything that is due now.
///
/// # Errors
/// When the store fails.
pub async fn catch_up(world: &World) -> Result<()> {
    world.tell_simulator_the_time();
    tick(world).await?;
    world.drain().await;
    world.publish_changes().await?;
    Ok(())
}

/// What the schedules of the cloud start: the checks that are due, a task for every walk and every tour that is, and what is to be told.
///
/// # Errors
/// When the store fails.
pub async fn tick(world: &World) -> Result<()> {
    token_check::tick(&world.ports, &token_check::Plan::default(), world.clock.now() + TICK).await?;
    attribute_sync::tick(&world.ports).await?;
    photo_sync::tick(&world.studio()).await?;
    notify::tick(&world.notify()?, world.clock.now() + TICK).await?;
    Ok(())
}
