//! A pause, and its end.

use domain::ids::ConnectionId;
use serde_json::json;

use crate::console::{Console, at};
use crate::desk::Desk;
use crate::{Exit, Fault, found};

/// Lets nothing be done with a connection.
pub(crate) async fn pause(desk: &Desk, id: &ConnectionId, console: &mut Console<'_>) -> Result<Exit, Fault> {
    found(desk, id).await?;
    desk.store.pause(id, desk.clock.now()).await?;
    let paused_since = found(desk, id).await?.paused_since;
    console.say(&json!({"id": id, "paused_since": paused_since}), || {
        let since = paused_since.map_or_else(|| "now".to_owned(), at);
        format!("Paused since {since}: no checks, no sync, no photos. Microsoft ends a grant that is not used for 90 days.")
    })?;
    Ok(Exit::Well)
}

/// Lets it go on.
pub(crate) async fn resume(desk: &Desk, id: &ConnectionId, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let connection = found(desk, id).await?;
    let was_paused = connection.paused_since.is_some();
    if was_paused {
        desk.store.resume(&connection, desk.clock.now()).await?;
    }
    console.say(&json!({"id": id, "was_paused": was_paused}), || match was_paused {
        true => "It goes on: what was held up is due now.".to_owned(),
        false => "It was not paused.".to_owned(),
    })?;
    Ok(Exit::Well)
}
