//! The end of a connection on purpose.

use adapters::entropy;
use domain::ids::ConnectionId;
use serde_json::json;

use crate::console::Console;
use crate::desk::Desk;
use crate::{Exit, Fault, found};

/// Ends a connection.
pub(crate) async fn run(desk: &Desk, (id, yes): (&ConnectionId, Option<&str>), console: &mut Console<'_>) -> Result<Exit, Fault> {
    let connection = found(desk, id).await?;
    let what = format!("Ends {id} of customer {}: its tokens are deleted, and only a new consent brings it back.", connection.customer);
    console.confirm(&what, id.as_str(), yes)?;
    let now = desk.clock.now();
    let closed = desk.store.close(id, entropy::bytes16(desk.entropy.as_ref()), now).await?;
    let closed = closed.ok_or_else(|| Fault::NoConnection(id.clone()))?;
    desk.store.delete_tokens(id).await?;
    // A check that was under way may store a token until its lease ends: nothing points to it, and it is deleted as well.
    let late = (closed.quiet_from > now).then_some(closed.quiet_from);
    if let Some(until) = late {
        console.aside(&format!(
            "A worker was at it; waiting until {until:.0} to delete what it may still store. Stopping here is safe: run it again."
        ))?;
        desk.wait_until(until).await;
        desk.store.delete_tokens(id).await?;
    }
    console.say(&json!({"id": id, "health": "disconnected", "waited_until": late}), || {
        "Disconnected. People stay readable until they are erased. In the customer's tenant the enterprise application stays until an \
         administrator removes it."
            .to_owned()
    })?;
    Ok(Exit::Well)
}
