//! Everything of a customer, erased; and the proof.
//!
//! ```text
//! note which connections ──► close each: grants forgotten, tokens deleted, leases taken over ──► delete, people first
//!   ──► wait until nobody can be writing who began before ──► look again: delete what came late, until nothing is found ──► proof
//! ```
//! What is deleted from a table is counted in the same transaction, so that an erasure that was stopped anywhere counts right when it goes
//! on; of photos some may go uncounted then. The note remembers the connections when nothing else does.

use std::collections::BTreeSet;

use adapters::entropy;
use adapters::objects::Objects;
use adapters::store::StoreError;
use adapters::store::belongings::Partition;
use adapters::store::erasures::Erasure;
use domain::ids::{AttemptId, ConnectionId, CustomerId};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::console::Console;
use crate::desk::Desk;
use crate::{Exit, Fault};

/// What a photo in the object store is called among what is counted.
pub(crate) const PHOTO_FILE: &str = "photo-file";
/// After so long no request to the API or delivery of a notice is under way that began before: none is given longer to live.
const REQUEST_MAX: SignedDuration = SignedDuration::from_secs(60);
/// How often one partition is read again, because some of what was read was gone when it was deleted.
const OVERTAKEN_MAX: u32 = 20;
/// How often is looked again, because something came late.
const LOOKS_MAX: u32 = 10;
/// Photos that are removed before they are counted.
const COUNTED: usize = 25;

/// What an erasure does not reach.
const REMAINS: [&str; 4] = [
    "backups of the tables by point-in-time recovery: up to 35 days, then they are gone; a restored one must be erased again",
    "logs: they name connections and no people, and are deleted after LogDays",
    "what was handed out before: change events, exports, answers of the API; person.removed is told for everybody who was erased",
    "in the customer's tenant the consent to the app, until an administrator removes it",
];

/// How far an erasure is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Everything is deleted; what comes late is looked for then.
    Waiting(Timestamp),
    /// Nothing is left.
    Done(Erasure),
}

/// What is said at the end.
#[derive(Debug, Serialize)]
struct Proof<'a> {
    customer: &'a CustomerId,
    begun_at: Timestamp,
    finished_at: Option<Timestamp>,
    connections: &'a BTreeSet<ConnectionId>,
    deleted: &'a std::collections::BTreeMap<String, u64>,
    /// What a second pass found: nothing, or there would be no proof.
    found_afterwards: u64,
    remains: [&'static str; 4],
}

/// The photos; an erasure or an export without them would not be one.
pub(crate) fn photos(desk: &Desk) -> Result<&dyn Objects, Fault> {
    let missing = || Fault::BadUse("EVERGRANT_PHOTO_BUCKET is not set: photos are stored there, and would be left out".to_owned());
    desk.objects.as_deref().ok_or_else(missing)
}

/// Where everything of a customer is in the two tables, in the order in which it is erased.
pub(crate) fn partitions(customer: &CustomerId, ids: &[ConnectionId], attempts: &[AttemptId]) -> Vec<Partition> {
    let beside = attempts.iter().map(Partition::of_attempt).chain([Partition::of_customer(customer)]);
    beside.chain(ids.iter().flat_map(Partition::all_of)).collect()
}

/// Whether anything is stored for a customer.
pub(crate) async fn is_known(desk: &Desk, customer: &CustomerId, ids: &[ConnectionId]) -> Result<bool, Fault> {
    if !ids.is_empty() {
        return Ok(true);
    }
    let (beside, _) = desk.store.belongings(&Partition::of_customer(customer), None).await?;
    Ok(!beside.is_empty())
}

/// Erases a customer.
pub(crate) async fn run(desk: &Desk, (customer, yes): (&CustomerId, Option<&str>), console: &mut Console<'_>) -> Result<Exit, Fault> {
    photos(desk)?;
    let ids = desk.store.every_id_of(customer).await?;
    if !is_known(desk, customer, &ids).await? && desk.store.erasure(customer).await?.is_none() {
        return Err(Fault::NoCustomer(customer.clone()));
    }
    let what = format!(
        "Erases everything stored for customer {customer}, {} connections with their people, photos and history. Nothing brings it back.\n\
         Sign no more tokens for this customer first: a portal that is still open would connect anew.",
        ids.len()
    );
    console.confirm(&what, customer.as_str(), yes)?;
    loop {
        match advance(desk, customer).await? {
            Progress::Waiting(until) => {
                console.aside(&format!(
                    "deleted; waiting until {until:.0} to look for what comes late. Stopping here is safe: run it again."
                ))?;
                desk.wait_until(until).await;
            }
            Progress::Done(erasure) => {
                say(console, customer, &erasure)?;
                return Ok(Exit::Well);
            }
        }
    }
}

fn say(console: &mut Console<'_>, customer: &CustomerId, erasure: &Erasure) -> Result<(), Fault> {
    let Erasure { begun_at, finished_at, connections, deleted, .. } = erasure;
    let (begun_at, finished_at) = (*begun_at, *finished_at);
    let proof = Proof { customer, begun_at, finished_at, connections, deleted, found_afterwards: 0, remains: REMAINS };
    console.say(&proof, || {
        let ended = finished_at.unwrap_or(begun_at);
        let mut lines = vec![format!("Erased customer {customer}, from {begun_at:.0} to {ended:.0}.")];
        lines.extend(deleted.iter().map(|(kind, count)| format!("  {count:>8} {kind}")));
        lines.push("A second pass over both tables and the photos found nothing.".to_owned());
        lines.push("Not reached:".to_owned());
        lines.extend(REMAINS.iter().map(|remains| format!("  - {remains}")));
        lines.join("\n")
    })
}

/// Goes on with an erasure, or begins one, as far as it gets without waiting.
///
/// # Errors
/// [`Fault`]; it goes on when it is called again.
pub async fn advance(desk: &Desk, customer: &CustomerId) -> Result<Progress, Fault> {
    let found = desk.store.every_id_of(customer).await?;
    let mut erasure = match desk.store.erasure(customer).await? {
        // Done before, and nothing came since: the proof once more.
        Some(erasure) if erasure.finished_at.is_some() && found.iter().all(|id| erasure.connections.contains(id)) => {
            return Ok(Progress::Done(erasure));
        }
        Some(erasure) if erasure.finished_at.is_none() => erasure,
        done => {
            if done.is_some() {
                desk.store.forget_erasure(customer).await?;
            }
            let now = desk.clock.now();
            Erasure { begun_at: now, connections: BTreeSet::new(), quiet_from: now, finished_at: None, deleted: Default::default() }
        }
    };
    if erasure.connections.is_empty() && !is_known(desk, customer, &found).await? {
        return Err(Fault::NoCustomer(customer.clone()));
    }
    erasure.connections.extend(found);
    desk.store.note_erasure(customer, &erasure).await?;
    close(desk, customer, &mut erasure).await?;
    sweep(desk, customer, &erasure).await?;
    if desk.clock.now() < erasure.quiet_from {
        return Ok(Progress::Waiting(erasure.quiet_from));
    }
    for _ in 0..LOOKS_MAX {
        if sweep(desk, customer, &erasure).await? == 0 {
            desk.store.finish_erasure(customer, desk.clock.now()).await?;
            let erasure = desk.store.erasure(customer).await?;
            return erasure.map(Progress::Done).ok_or_else(|| Fault::NoCustomer(customer.clone()));
        }
    }
    Err(Fault::BadUse(format!(
        "something is written for customer {customer} again and again: sign no more tokens for it, and run this again"
    )))
}

/// Closes every connection, and notes from when on nobody writes any more who began before.
async fn close(desk: &Desk, customer: &CustomerId, erasure: &mut Erasure) -> Result<(), Fault> {
    for id in erasure.connections.clone() {
        let now = desk.clock.now();
        if desk.store.connection(&id).await?.is_none() {
            continue;
        }
        // Before: whoever goes on with an erasure that stops here finds no lease any more that tells until when.
        note_quiet(desk, (customer, erasure), desk.store.busy_until(&id).await?.max(now + REQUEST_MAX)).await?;
        if let Some(closed) = desk.store.close(&id, entropy::bytes16(desk.entropy.as_ref()), now).await? {
            note_quiet(desk, (customer, erasure), closed.quiet_from).await?;
        }
    }
    Ok(())
}

async fn note_quiet(desk: &Desk, (customer, erasure): (&CustomerId, &mut Erasure), quiet_from: Timestamp) -> Result<(), Fault> {
    if quiet_from > erasure.quiet_from {
        erasure.quiet_from = quiet_from;
        desk.store.note_erasure(customer, erasure).await?;
    }
    Ok(())
}

/// Deletes everything that is there; returns how much that was.
async fn sweep(desk: &Desk, customer: &CustomerId, erasure: &Erasure) -> Result<usize, Fault> {
    let objects = photos(desk)?;
    let ids: Vec<ConnectionId> = erasure.connections.iter().cloned().collect();
    let mut deleted = 0;
    let attempts = desk.store.attempts_of(&erasure.connections).await?;
    // Tokens go first: from then on nothing of this customer's opens.
    let tokens = ids.iter().map(Partition::tokens_of);
    for partition in tokens.chain(partitions(customer, &ids, &attempts)) {
        deleted += empty(desk, customer, &partition).await?;
    }
    for id in &ids {
        deleted += remove_photos(desk, objects, (customer, id)).await?;
    }
    Ok(deleted)
}

async fn remove_photos(desk: &Desk, objects: &dyn Objects, (customer, id): (&CustomerId, &ConnectionId)) -> Result<usize, Fault> {
    let mut deleted = 0;
    loop {
        let keys = objects.list_after(id, None).await?;
        if keys.is_empty() {
            return Ok(deleted);
        }
        for some in keys.chunks(COUNTED) {
            for key in some {
                objects.remove(key).await?;
            }
            desk.store.count_erased(customer, PHOTO_FILE, some.len()).await?;
            deleted += some.len();
        }
    }
}

/// Deletes a partition, from its beginning again and again until nothing is there.
async fn empty(desk: &Desk, customer: &CustomerId, partition: &Partition) -> Result<usize, Fault> {
    let (mut deleted, mut overtaken) = (0, 0);
    loop {
        let (found, _) = desk.store.belongings(partition, None).await?;
        if found.is_empty() {
            return Ok(deleted);
        }
        let mut left = found.as_slice();
        while !left.is_empty() {
            match desk.store.erase(customer, left).await {
                Ok(count) => {
                    deleted += count;
                    left = left.get(count..).unwrap_or_default();
                }
                Err(StoreError::Overtaken { .. }) if overtaken < OVERTAKEN_MAX => {
                    overtaken += 1;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
