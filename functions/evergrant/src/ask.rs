//! What is asked of the functions: a check now, a sync now.

use std::time::Duration;

use adapters::entropy;
use adapters::queue::SyncTask;
use adapters::store::Holder;
use adapters::store::connections::Connection;
use adapters::store::walks::TakenWalk;
use domain::ids::ConnectionId;
use jiff::SignedDuration;
use serde::Serialize;

use crate::console::{Console, word};
use crate::desk::Desk;
use crate::{Exit, Fault, found, told};

/// How long the walk is held to ask for a full round: two writes of at most 10 s.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How much of the directory is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// What changed, or all of it where that is due.
    Next,
    /// All of it.
    Full,
}

#[derive(Serialize)]
struct Done<'a> {
    id: &'a ConnectionId,
    done: &'static str,
    sentence: &'a str,
}

fn say(console: &mut Console<'_>, (id, done): (&ConnectionId, &'static str), sentence: &str) -> Result<(), Fault> {
    console.say(&Done { id, done, sentence }, || sentence.to_owned())
}

/// Makes the check due now.
pub(crate) async fn check(desk: &Desk, id: &ConnectionId, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let connection = found(desk, id).await?;
    if let Some(hindrance) = paused(&connection) {
        say(console, (id, "nothing"), &hindrance)?;
        return Ok(Exit::Wrong);
    }
    if connection.check_at.is_none() {
        let health = word(&connection.health());
        say(
            console,
            (id, "nothing"),
            &format!("There is nothing to ask Microsoft about: the connection is {health}. See `evergrant why {id}`."),
        )?;
        return Ok(Exit::Wrong);
    }
    desk.store.check_by(id, desk.clock.now()).await?;
    say(console, (id, "check-is-due"), "The grant is tried with the next tick, within a minute.")?;
    Ok(Exit::Well)
}

/// Makes the sync due now, and asks for it.
pub(crate) async fn sync(desk: &Desk, (id, round): (&ConnectionId, Round), console: &mut Console<'_>) -> Result<Exit, Fault> {
    let connection = found(desk, id).await?;
    if let Some(hindrance) = paused(&connection) {
        say(console, (id, "nothing"), &hindrance)?;
        return Ok(Exit::Wrong);
    }
    if !connection.body.standing.health.is_working() {
        say(console, (id, "nothing"), &format!("The connection must be repaired before it can sync. See `evergrant why {id}`."))?;
        return Ok(Exit::Wrong);
    }
    if round == Round::Full && !begin_anew(desk, id).await? {
        say(console, (id, "nothing"), "A round is under way: ask again when it is over, in a few minutes.")?;
        return Ok(Exit::Wrong);
    }
    desk.store.hasten_walk(id, desk.clock.now()).await?;
    let sent = match &desk.queue {
        Some(queue) => queue.send(&SyncTask::quick(id.clone()), Duration::ZERO).await.map_err(|error| told(&error)),
        None => Err("EVERGRANT_SYNC_QUEUE_URL and EVERGRANT_BULK_QUEUE_URL are not both set".to_owned()),
    };
    match sent {
        Ok(()) => say(console, (id, "sync-is-asked-for"), "The sync begins now.")?,
        Err(why) => {
            console.aside(&format!("not queued: {why}"))?;
            say(console, (id, "sync-is-due"), "The sync begins with the next tick, within a minute.")?;
        }
    }
    Ok(Exit::Well)
}

fn paused(connection: &Connection) -> Option<String> {
    connection.paused_since.map(|_| format!("The connection is paused: `evergrant resume {}` first.", connection.id))
}

/// Lets the next round be a full one; not where somebody works on one.
async fn begin_anew(desk: &Desk, id: &ConnectionId) -> Result<bool, Fault> {
    let now = desk.clock.now();
    let holder = Holder { nonce: entropy::bytes16(desk.entropy.as_ref()), until: now + LEASE };
    let Some((TakenWalk { mut walk, due_at, .. }, lease)) = desk.store.take_walk(id, holder, now).await? else {
        return Ok(false);
    };
    let is_free = !walk.is_under_way();
    if is_free {
        walk.delta_link = None;
    }
    desk.store.settle_walk(id, &walk, &lease, due_at.unwrap_or(now)).await?;
    Ok(is_free)
}
