//! Applying a page, and sweeping after a full round.

use std::collections::{BTreeMap, HashSet};

use adapters::Ports;
use adapters::store::people::StoredPerson;
use adapters::store::seen::{IdRange, PageNumber};
use adapters::store::{Lease, StoreError};
use domain::ids::{ConnectionId, ObjectId};
use domain::person::{self, Change, News, Outcome, Person};
use domain::walk::{Tally, Walk};

/// Applies a page's changes to the stored people; returns how many people the page is about. Unchanged people are not written.
///
/// What the page adds and removes is noted in the walk before it is applied, so that a worker who dies in between does not make the next
/// one count again.
pub(crate) async fn page(
    ports: &Ports,
    id: &ConnectionId,
    (walk, lease): (&mut Walk, &Lease),
    changes: Vec<Change>,
) -> Result<u64, StoreError> {
    let now = ports.clock.now();
    let present: HashSet<ObjectId> = changes.iter().filter(|change| change.news != News::Gone).map(|change| change.id).collect();
    let mentioned: Vec<ObjectId> = changes.iter().map(|change| change.id).collect::<HashSet<_>>().into_iter().collect();
    let stored = ports.store.people(id, &mentioned).await?;
    let stored: BTreeMap<ObjectId, Person> = stored.into_iter().map(|StoredPerson { person, .. }| (person.id, person)).collect();
    let known: HashSet<ObjectId> = stored.keys().copied().collect();
    let outcomes = person::merge(stored, changes);
    if walk.is_sweep_owed && !present.is_empty() {
        let ids: Vec<ObjectId> = present.iter().copied().collect();
        ports.store.note_seen(id, PageNumber { round: walk.round, page: walk.page }, &ids, now).await?;
    }
    let tally = tally(&outcomes, &known);
    if walk.tally.is_none() && tally != (Tally { added: 0, removed: 0 }) {
        walk.tally = Some(tally);
        ports.store.note_walk(id, walk, lease).await?;
    }
    ports.store.write_people(id, &outcomes, now).await?;
    Ok(present.len() as u64)
}

fn tally(outcomes: &BTreeMap<ObjectId, Outcome>, known: &HashSet<ObjectId>) -> Tally {
    let added = outcomes.iter().filter(|(id, outcome)| matches!(outcome, Outcome::Store(_)) && !known.contains(id)).count();
    let removed = outcomes.values().filter(|outcome| matches!(outcome, Outcome::Remove)).count();
    Tally { added: added as u64, removed: removed as u64 }
}

/// Removes the people of one range of ids that the full round did not meet.
pub(crate) async fn sweep(ports: &Ports, id: &ConnectionId, walk: &mut Walk, range: u16) -> Result<(), StoreError> {
    let ids = IdRange { index: range, ranges: walk.sweep_ranges() };
    let met = ports.store.seen(id, walk.round, ids).await?;
    let stored = ports.store.stored_ids(id, ids).await?;
    let missing: BTreeMap<ObjectId, Outcome> =
        stored.into_iter().filter(|person| !met.contains(person)).map(|person| (person, Outcome::Remove)).collect();
    ports.store.write_people(id, &missing, ports.clock.now()).await?;
    walk.swept(range, missing.len() as u64, ports.clock.now());
    Ok(())
}
