//! What goes on by itself: the schedules' ticks, the queue's deliveries, and the new start after the process was ended.

use std::sync::Arc;
use std::time::Duration;

use adapters::queue::{Queue as _, SyncTask};
use anyhow::Result;
use tokio::sync::Semaphore;

use crate::errand::Errand;
use crate::world::World;
use crate::{customers, passing};

/// Real time between two ticks.
const TICK_EVERY: Duration = Duration::from_secs(1);

/// Ticks for ever, except while somebody lets time pass.
pub async fn tick(world: Arc<World>) {
    let mut beat = tokio::time::interval(TICK_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let _turn = world.turn.read().await;
        if let Err(error) = passing::tick(&world).await {
            tracing::error!(error = format!("{error:#}"), "tick failed");
        }
        if let Err(error) = world.publish_changes().await {
            tracing::error!(error = format!("{error:#}"), "changes were not published");
        }
    }
}

/// Delivers the tasks of an errand for ever, a few at a time, except while somebody lets time pass.
pub async fn deliver(world: Arc<World>, errand: Errand) {
    let workers = Arc::new(Semaphore::new(errand.workers()));
    loop {
        let Ok(worker) = Arc::clone(&workers).acquire_owned().await else { return };
        let turn = Arc::clone(&world.turn).read_owned().await;
        let (queue, lane) = world.queue_of(errand);
        let Some(task) = queue.take_due(lane) else {
            drop(turn);
            wait(&world, errand).await;
            continue;
        };
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            world.run(errand, task).await;
            drop((worker, turn));
        });
    }
}

async fn wait(world: &World, errand: Errand) {
    let (queue, lane) = world.queue_of(errand);
    match queue.next_at(lane) {
        None => queue.changed(lane).await,
        Some(at) => tokio::select! {
            () = world.clock.reach(at) => {}
            () = queue.changed(lane) => {}
        },
    }
}

/// Lets walks and tours go on at once that were under way when the process ended. Their workers died with it, which nobody but the holder of the
/// data folder can know: in the cloud a lease is waited for instead.
///
/// # Errors
/// When the store fails.
pub async fn recover(world: &World) -> Result<()> {
    for customer in customers::all().filter_map(|customer| customer.id()) {
        for connection in world.ports.store.connections_of(&customer).await? {
            world.ports.store.end_leases(&connection.id).await?;
            if world.ports.store.walk(&connection.id).await?.is_some_and(|(walk, _)| walk.is_under_way()) {
                world.queue.send(&SyncTask::quick(connection.id.clone()), Duration::ZERO).await?;
            }
            if world.ports.store.tour(&connection.id).await?.is_some_and(|(tour, _)| tour.is_under_way()) {
                world.photo_queue.send(&SyncTask::quick(connection.id), Duration::ZERO).await?;
            }
        }
    }
    Ok(())
}
