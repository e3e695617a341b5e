//! The operator's daily digest: which connections are not well.
//!
//! It lists what somebody is still to be reminded of, so it needs no look at the connections that are well. A trouble that somebody
//! acknowledged leaves it with its next reminder.

use adapters::store::StoreError;
use adapters::store::connections::Connection;
use domain::diagnosis;
use domain::health::Health;
use domain::notice::NoticeKind;
use jiff::{SignedDuration, Timestamp};

use crate::Desk;
use crate::mail::Troubled;

/// When a day's digest is owed, after midnight of universal time.
const AT: SignedDuration = SignedDuration::from_hours(6);
/// So long after that it is owed still, where nothing ticked in time.
const LATE: SignedDuration = SignedDuration::from_hours(1);
/// As many are looked up by name; the mail lists no more, and counts the others.
const NAMED_MAX: usize = 50;

/// Owes today's digest when it is time, and there is somebody to read it.
pub(crate) async fn owe(desk: &Desk, now: Timestamp) -> Result<(), StoreError> {
    let day = now.as_second().div_euclid(86_400);
    let (Ok(midnight), false) = (Timestamp::from_second(day * 86_400), desk.operator.mails.is_empty()) else {
        return Ok(());
    };
    let at = midnight + AT;
    match now >= at && now < at + LATE {
        true => desk.store.owe_digest(&at.strftime("%Y-%m-%d").to_string(), at).await,
        false => Ok(()),
    }
}

/// The connections that are not well.
pub(crate) async fn troubled(desk: &Desk) -> Result<Vec<Troubled>, StoreError> {
    let mut troubled = Vec::new();
    for (place, notice) in desk.store.standing_troubles().await?.into_iter().enumerate() {
        let connection = match place < NAMED_MAX {
            true => desk.store.connection(&notice.connection).await?,
            false => None,
        };
        // What a connection is now counts, and not what it was when it was told.
        let standing = connection.as_ref().map_or(&notice.standing, |connection| &connection.body.standing);
        if standing.health == Health::Healthy && notice.kind != NoticeKind::DeletionsHeld {
            continue;
        }
        let headline = standing.health.refusal().map(|refusal| diagnosis::diagnose_for_operator(refusal).headline);
        troubled.push(Troubled {
            customer: notice.customer.to_string(),
            connection: connection.as_ref().and_then(name).unwrap_or_else(|| notice.connection.to_string()),
            health: standing.health.word(),
            since: standing.since,
            headline,
        });
    }
    Ok(troubled)
}

fn name(connection: &Connection) -> Option<String> {
    connection.body.tenant.as_ref().and_then(|tenant| tenant.name.clone())
}
