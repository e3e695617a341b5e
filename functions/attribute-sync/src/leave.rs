//! Who is stored and gone: found at a round's end, held where they are too many, and removed.
//!
//! Whoever is found is noted in lists of bounded length, so that a hold names exactly whom it is about, however long it lasts, and a removal
//! goes on where it was.

use std::collections::HashSet;

use adapters::entropy;
use adapters::metrics::{self, Metric};
use adapters::store::StoreError;
use adapters::store::changes;
use adapters::store::notices::Notice;
use adapters::store::people::Write;
use adapters::store::rolls::{GoneNote, IdRange};
use domain::ids::ObjectId;
use domain::notice::NoticeKind;
use domain::roll::{Basis, Kind, Visibility};
use domain::walk::{Missing, Ruling, Tally};

use crate::source::Source;
use crate::step::{StepError, Work};

/// People on one list: as many as are read and removed at a time.
const LIST_MAX: usize = 1_000;

/// Somebody who may be stored and is gone; whether they are shown, where that is known already.
type Candidate = (ObjectId, Option<Visibility>);

/// Searches one range of ids, and lets the walk move on.
pub(crate) async fn sweep(work: &mut Work<'_>, source: &Source<'_>, range: u16) -> Result<(), StepError> {
    let range = IdRange { index: range, ranges: work.walk.sweep_ranges() };
    let mut missing = Missing::default();
    let mut lists = 0;
    let mut list: Vec<ObjectId> = Vec::new();
    let candidates = candidates(work, range).await?;
    for chunk in candidates.chunks(LIST_MAX) {
        for (id, visibility) in stored(work, chunk).await? {
            missing.people += 1;
            missing.shown += u64::from(visibility == Visibility::Shown);
            list.push(id);
        }
        while list.len() >= LIST_MAX {
            let rest = list.split_off(LIST_MAX);
            put_list(work, lists, &list).await?;
            lists += 1;
            list = rest;
        }
    }
    if !list.is_empty() {
        put_list(work, lists, &list).await?;
        lists += 1;
    }
    let (guard, now) = (work.plan.guard, work.ports.clock.now());
    let ruling = work.walk.swept(range.index, (missing, lists), (&guard, now));
    let owed = match ruling {
        Ruling::Holds { is_news: true } => {
            let random = entropy::bytes16(work.ports.entropy.as_ref());
            vec![Notice::about(&source.connection, NoticeKind::DeletionsHeld, random, now)]
        }
        Ruling::Holds { is_news: false } | Ruling::Removes | Ruling::More => Vec::new(),
    };
    if let Some(hold) = work.walk.hold.filter(|_| matches!(ruling, Ruling::Holds { .. })) {
        metrics::count(Metric::DeletionsHeld);
        tracing::warn!(connection = %work.id, people = hold.people, of = hold.of, "deletions held");
    }
    work.note(&owed).await
}

/// Everybody in a range of whom the round says that they are gone, or whom a full round did not meet.
async fn candidates(work: &mut Work<'_>, range: IdRange) -> Result<Vec<Candidate>, StoreError> {
    let (ports, id) = (work.ports, work.id);
    let gone = work.memory.gone(&ports.store, id, &work.walk).await?;
    let gone: Vec<ObjectId> =
        gone.iter().filter(|(person, is_gone)| **is_gone && range.contains(person)).map(|(person, _)| *person).collect();
    if !work.walk.is_full {
        return Ok(gone.into_iter().map(|person| (person, None)).collect());
    }
    let roll = work.memory.roll_of(ports, id, (&work.walk, range)).await?;
    let mut candidates: Vec<Candidate> = match roll.basis() {
        Basis::Nobody => Vec::new(),
        Basis::Base => roll.missing().collect(),
        Basis::Unknown => {
            let stored = ports.store.stored_ids(id, range).await?;
            stored.into_iter().filter(|stored| !roll.has_met(stored.id)).map(|stored| (stored.id, Some(stored.visibility))).collect()
        }
    };
    let known: HashSet<ObjectId> = candidates.iter().map(|(person, _)| *person).collect();
    candidates.extend(gone.into_iter().filter(|person| !known.contains(person) && !roll.has_met(*person)).map(|person| (person, None)));
    Ok(candidates)
}

/// Those of some candidates who are stored.
async fn stored(work: &Work<'_>, candidates: &[Candidate]) -> Result<Vec<(ObjectId, Visibility)>, StoreError> {
    let unknown: Vec<ObjectId> = candidates.iter().filter(|(_, visibility)| visibility.is_none()).map(|(person, _)| *person).collect();
    let mut stored: Vec<(ObjectId, Visibility)> =
        candidates.iter().filter_map(|(person, visibility)| Some((*person, (*visibility)?))).collect();
    let read = work.ports.store.people(work.id, &unknown).await?;
    stored.extend(read.into_iter().map(|person| person.record()).map(|record| (record.person.id, record.visibility)));
    Ok(stored)
}

async fn put_list(work: &Work<'_>, list: u16, people: &[ObjectId]) -> Result<(), StoreError> {
    let note = GoneNote::Found { round: work.walk.round, list: work.walk.lists + list };
    let gone: Vec<(ObjectId, bool)> = people.iter().map(|person| (*person, true)).collect();
    work.while_held(work.ports.store.put_gone(work.id, note, &gone, work.ports.clock.now())).await
}

/// Removes those of one list who are still gone, and lets the walk move on.
pub(crate) async fn remove(work: &mut Work<'_>, (round, list): (u32, u16)) -> Result<(), StepError> {
    let (store, id) = (&work.ports.store, work.id);
    let listed = store.found_gone(id, round, list).await?.unwrap_or_default();
    let back = store.back(id, round).await?;
    let gone: Vec<ObjectId> = listed.into_iter().filter(|person| back.get(person) != Some(&false)).collect();
    let stored = store.people(id, &gone).await?;
    let kind = |is_hidden| if is_hidden { Kind::Forgotten } else { Kind::Removed };
    let changes: Vec<changes::Change> =
        stored.iter().map(|stored| changes::Change { id: stored.person.id, kind: kind(stored.is_hidden) }).collect();
    let mut tally = Tally::default();
    if !changes.is_empty() {
        work.walk.is_noting = true;
        work.note(&[]).await?;
        let now = work.ports.clock.now();
        let writes: Vec<Write> = changes.iter().map(|change| Write::Delete(change.id)).collect();
        let all = async {
            store.note_changes(id, work.walk.changes + 1, &changes, now).await?;
            store.write_people(id, &writes, now).await
        };
        work.while_held(all).await?;
        let shown = changes.iter().filter(|change| change.kind == Kind::Removed).count();
        tally = Tally { shown: -i64::try_from(shown).unwrap_or(i64::MAX), is_noted: true, ..tally };
    }
    work.walk.remove(&tally, work.ports.clock.now());
    work.note(&[]).await
}
