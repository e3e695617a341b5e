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
/// Before anybody is written, the walk notes whom the page adds and removes: so that a worker who dies in between does not make the next
/// one count again, and so that a worker who was overtaken while it waited for Graph writes nothing old over something new.
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
    if outcomes.values().any(|outcome| *outcome != Outcome::Unchanged) {
        walk.tally = Some(tally(&outcomes, &known));
        ports.store.note_walk(id, walk, lease).await?;
    }
    ports.store.write_people(id, &outcomes, now).await?;
    Ok(present.len() as u64)
}

fn tally(outcomes: &BTreeMap<ObjectId, Outcome>, known: &HashSet<ObjectId>) -> Tally {
    let mut tally = Tally::default();
    for (person, outcome) in outcomes {
        match outcome {
            Outcome::Store(_) if !known.contains(person) => tally.added.push(*person),
            Outcome::Remove => tally.removed.push(*person),
            Outcome::Store(_) | Outcome::Unchanged => {}
        }
    }
    tally
}

/// Counts what became of the page that a dead worker left behind.
pub(crate) async fn absorb(ports: &Ports, id: &ConnectionId, walk: &mut Walk) -> Result<(), StoreError> {
    let Some(tally) = &walk.tally else {
        return Ok(());
    };
    let people: Vec<ObjectId> = tally.added.iter().chain(&tally.removed).copied().collect();
    let stored = ports.store.people(id, &people).await?;
    walk.absorb(&stored.into_iter().map(|stored| stored.person.id).collect());
    Ok(())
}

/// Removes the people of one range of ids that the full round did not meet.
pub(crate) async fn sweep(ports: &Ports, id: &ConnectionId, (walk, lease): (&mut Walk, &Lease), range: u16) -> Result<(), StoreError> {
    let ids = IdRange { index: range, ranges: walk.sweep_ranges() };
    let met = ports.store.seen(id, walk.round, ids).await?;
    let stored = ports.store.stored_ids(id, ids).await?;
    let (kept, missing): (Vec<ObjectId>, Vec<ObjectId>) = stored.into_iter().partition(|person| met.contains(person));
    if !missing.is_empty() {
        let outcomes = missing.into_iter().map(|person| (person, Outcome::Remove)).collect();
        ports.store.note_walk(id, walk, lease).await?;
        ports.store.write_people(id, &outcomes, ports.clock.now()).await?;
    }
    walk.swept(range, kept.len() as u64, ports.clock.now());
    Ok(())
}
