//! Applying a page, and sweeping after a full round.

use std::collections::{BTreeMap, HashSet};

use adapters::Ports;
use adapters::store::people::{StoredId, StoredPerson};
use adapters::store::seen::{IdRange, Met, PageNumber};
use adapters::store::{Lease, StoreError};
use domain::ids::{ConnectionId, ObjectId};
use domain::person::{self, Change, ManagerNews, News, Outcome, Person};
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
    let met = met(&changes);
    let mentioned: Vec<ObjectId> = changes.iter().map(|change| change.id).collect::<HashSet<_>>().into_iter().collect();
    let stored = ports.store.people(id, &mentioned).await?;
    let stored: BTreeMap<ObjectId, Person> = stored.into_iter().map(|StoredPerson { person, .. }| (person.id, person)).collect();
    let known: HashSet<ObjectId> = stored.keys().copied().collect();
    let outcomes = person::merge(stored, changes);
    if walk.is_sweep_owed && !met.people.is_empty() {
        ports.store.note_seen(id, PageNumber { round: walk.round, page: walk.page }, &met, now).await?;
    }
    if outcomes.values().any(|outcome| *outcome != Outcome::Unchanged) {
        walk.tally = Some(tally(&outcomes, &known));
        ports.store.note_walk(id, walk, lease).await?;
    }
    ports.store.write_people(id, &outcomes, now).await?;
    Ok(met.people.len() as u64)
}

/// Whom a page says to exist, and about whose manager it says anything.
fn met(changes: &[Change]) -> Met {
    let mut met = Met::default();
    for change in changes {
        if let News::Present { manager, .. } = &change.news {
            met.people.insert(change.id);
            met.managed.extend((*manager != ManagerNews::Unknown).then_some(change.id));
        }
    }
    met
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

/// Settles one range of ids after a full round: removes whom the round did not meet, and the managers that it did not tell. A full round
/// tells every manager that there is, so one that it was silent about is gone; a later page alone is silent about what did not change.
pub(crate) async fn sweep(ports: &Ports, id: &ConnectionId, (walk, lease): (&mut Walk, &Lease), range: u16) -> Result<(), StoreError> {
    let ids = IdRange { index: range, ranges: walk.sweep_ranges() };
    let met = ports.store.seen(id, walk.round, ids).await?;
    let stored = ports.store.stored_ids(id, ids).await?;
    let (kept, missing): (Vec<StoredId>, Vec<StoredId>) = stored.into_iter().partition(|stored| met.people.contains(&stored.id));
    let is_orphan = |stored: &&StoredId| stored.has_manager && !met.managed.contains(&stored.id);
    let orphans: Vec<ObjectId> = kept.iter().filter(is_orphan).map(|stored| stored.id).collect();
    let mut outcomes: BTreeMap<ObjectId, Outcome> = missing.iter().map(|stored| (stored.id, Outcome::Remove)).collect();
    for StoredPerson { person, .. } in ports.store.people(id, &orphans).await? {
        outcomes.insert(person.id, Outcome::Store(Person { manager: None, ..person }));
    }
    if !outcomes.is_empty() {
        ports.store.note_walk(id, walk, lease).await?;
        ports.store.write_people(id, &outcomes, ports.clock.now()).await?;
    }
    walk.swept(range, kept.len() as u64, ports.clock.now());
    Ok(())
}
