//! Applying a page: who is not as before, and the writes in an order that any of them may be the last.
//!
//! ```text
//! the walk, under its lease ─► whom the page changes ─► people ─► the walk moves
//! ```
//! The first write fails where somebody took the walk over, so that a worker who was overtaken while it waited for Graph writes nothing old
//! over something new. The note of changes comes before the people, so that nobody ever changed without being noted, and it counts with the
//! walk's move. A worker that dies in between is followed by one that first counts what was written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use adapters::graph::{GraphError, Page, Scan};
use adapters::store::StoreError;
use adapters::store::changes::{self, Place};
use adapters::store::people::{StoredPerson, Write};
use adapters::store::rolls::{GoneNote, PageNumber};
use domain::ids::ObjectId;
use domain::person::{self, Change, Manner, News, Outcome, Record};
use domain::roll::{Fingerprint, Kind, Line, Sight, Visibility};
use domain::walk::{Stage, Tally};

use crate::source::Fetched;
use crate::step::{StepError, Work};

/// Why a page was not applied.
#[derive(Debug)]
pub(crate) enum NotApplied {
    /// It cannot be read.
    Page(GraphError),
    /// Our side failed.
    Step(StepError),
}

impl<E: Into<StepError>> From<E> for NotApplied {
    fn from(error: E) -> Self {
        Self::Step(error.into())
    }
}

/// What a page comes to, before anything is written.
#[derive(Default)]
struct Effect {
    writes: Vec<Write>,
    changes: Vec<changes::Change>,
    lines: Vec<Line>,
    /// Of a delta: who is there.
    there: Vec<ObjectId>,
    /// Who is gone (`true`), and who is back (`false`).
    gone: Vec<(ObjectId, bool)>,
    /// Who of those that are held is there.
    back: Vec<(ObjectId, bool)>,
    tally: Tally,
}

/// Everything a page says of one person.
struct Mention {
    changes: Vec<Change>,
    /// What is known of the person before reading, and the last fingerprint; nothing for a delta, whose people are all read.
    sight: Option<(Sight, Fingerprint)>,
}

/// Applies a page. The walk turns by the tally that is returned.
pub(crate) async fn page(work: &mut Work<'_>, fetched: &Fetched) -> Result<Tally, NotApplied> {
    let mut effect = Effect::default();
    let mentions = match fetched {
        Fetched::Full(page, scans) => full(work, &mut effect, (page, scans)).await?,
        Fetched::Delta(_, changes) => delta(changes),
    };
    effect.tally.entries = present(fetched);
    settle(work, &mut effect, mentions).await?;
    effect.tally.is_noted = !effect.changes.is_empty();
    Box::pin(write(work, &effect)).await?;
    Ok(effect.tally)
}

fn present(fetched: &Fetched) -> u64 {
    let count = match fetched {
        Fetched::Full(_, scans) => scans.iter().filter(|scan| !scan.is_removed).map(|scan| scan.id).collect::<HashSet<_>>().len(),
        Fetched::Delta(_, changes) => {
            let present = changes.iter().filter(|change| matches!(change.news, News::Present { .. }));
            present.map(|change| change.id).collect::<HashSet<_>>().len()
        }
    };
    count as u64
}

fn delta(changes: &[Change]) -> BTreeMap<ObjectId, Mention> {
    let mut mentions: BTreeMap<ObjectId, Mention> = BTreeMap::new();
    for change in changes {
        mentions.entry(change.id).or_insert_with(|| Mention { changes: Vec::new(), sight: None }).changes.push(change.clone());
    }
    mentions
}

/// Looks at a page of a full round: whoever is as the base says is done with, everybody else is to be looked at.
async fn full(
    work: &mut Work<'_>,
    effect: &mut Effect,
    (page, scans): (&Page, &[Scan]),
) -> Result<BTreeMap<ObjectId, Mention>, NotApplied> {
    let roll = work.memory.roll(work.ports, work.id, &work.walk).await?;
    let mut seen = HashSet::with_capacity(scans.len());
    let twice: HashSet<ObjectId> = scans.iter().map(|scan| scan.id).filter(|id| !seen.insert(*id)).collect();
    let mut mentions: BTreeMap<ObjectId, Mention> = BTreeMap::new();
    for (scan, entry) in scans.iter().zip(&page.entries) {
        let line = Line { id: scan.id, fingerprint: scan.fingerprint };
        let sight = roll.look(line);
        match sight {
            Sight::Same(visibility) if !scan.is_removed && !twice.contains(&scan.id) => {
                let line = Line { fingerprint: line.fingerprint.with(visibility), ..line };
                roll.meet(line);
                effect.lines.push(line);
                effect.tally.kept += visibility.count();
            }
            _ => {
                let change = entry.read().map_err(|error| NotApplied::Page(GraphError::Unreadable(error)))?;
                let mention = mentions.entry(scan.id).or_insert_with(|| Mention { changes: Vec::new(), sight: None });
                let is_alone = !twice.contains(&scan.id);
                mention.sight = Some((sight, if is_alone { scan.fingerprint } else { Fingerprint::UNKNOWN }));
                mention.changes.push(change);
            }
        }
    }
    Ok(mentions)
}

/// Finds out what becomes of everybody who has to be looked at, and notes it in `effect` and in memory.
async fn settle(work: &mut Work<'_>, effect: &mut Effect, mentions: BTreeMap<ObjectId, Mention>) -> Result<(), StepError> {
    let stored = read(work, &mentions).await?;
    let gone = work.memory.gone(&work.ports.store, work.id, &work.walk).await?;
    let gone: HashSet<ObjectId> = mentions.keys().filter(|id| gone.get(id) == Some(&true)).copied().collect();
    for (id, mention) in mentions {
        let (before, was_gone, sight) = (stored.get(&id), gone.contains(&id), mention.sight);
        let outcome = fold(work, (before, was_gone), mention);
        if outcome == Outcome::Gone {
            leave(work, effect, (id, was_gone), sight.map(|(sight, _)| sight)).await?;
            continue;
        }
        if was_gone {
            effect.gone.push((id, false));
            effect.tally.gone -= 1;
        }
        let visibility = match &outcome {
            Outcome::Store(record) => record.visibility,
            Outcome::Unchanged | Outcome::Gone => before.map_or(Visibility::Hidden, |record| record.visibility),
        };
        match sight {
            Some((sight, fingerprint)) => meet(work, effect, (id, sight), fingerprint.with(visibility)).await?,
            None => effect.there.push(id),
        }
        if let Outcome::Store(record) = outcome {
            effect.store(before.map(|record| record.visibility), record, work.walk.is_blank());
        }
    }
    let held = work.memory.held(&work.ports.store, work.id, &work.walk).await?;
    let there = effect.there.iter().copied().chain(effect.lines.iter().map(|line| line.id));
    effect.back = there.filter(|id| held.get(id) == Some(&true)).map(|id| (id, false)).collect();
    held.extend(effect.back.iter().copied());
    work.memory.gone(&work.ports.store, work.id, &work.walk).await?.extend(effect.gone.iter().copied());
    Ok(())
}

/// Reads whoever may be stored and has to be known for what becomes of them.
async fn read(work: &Work<'_>, mentions: &BTreeMap<ObjectId, Mention>) -> Result<HashMap<ObjectId, Record>, StoreError> {
    let is_to_be_read = |mention: &Mention| {
        let is_there = mention.changes.last().is_some_and(|change| matches!(change.news, News::Present { .. }));
        is_there && !matches!(mention.sight, Some((Sight::New, _)))
    };
    let wanted: Vec<ObjectId> = mentions.iter().filter(|(_, mention)| is_to_be_read(mention)).map(|(id, _)| *id).collect();
    let stored = work.ports.store.people(work.id, &wanted).await?;
    Ok(stored.into_iter().map(StoredPerson::record).map(|record| (record.person.id, record)).collect())
}

fn fold(work: &Work<'_>, (before, was_gone): (Option<&Record>, bool), mention: Mention) -> Outcome {
    let nothing = BTreeSet::new();
    let manner = match mention.sight {
        _ if was_gone => Manner::Replace { keep: &nothing },
        Some((Sight::New | Sight::Unsure | Sight::Same(_), _)) => Manner::Replace { keep: &work.walk.degraded },
        Some((Sight::Again(_), _)) | None => Manner::Update,
    };
    person::fold(before, mention.changes, manner, |person| work.visibility(person))
}

/// Notes that a page says somebody to be gone. They are removed at the round's end.
async fn leave(work: &mut Work<'_>, effect: &mut Effect, (id, was_gone): (ObjectId, bool), sight: Option<Sight>) -> Result<(), StoreError> {
    if !was_gone {
        effect.gone.push((id, true));
        effect.tally.gone += 1;
    }
    if let Some(sight) = sight {
        if let Sight::Again(visibility) = sight {
            effect.tally.kept -= visibility.count();
        }
        work.memory.roll(work.ports, work.id, &work.walk).await?.leave(id);
    }
    Ok(())
}

/// Notes that a full round met somebody who is not as the base says.
async fn meet(work: &mut Work<'_>, effect: &mut Effect, (id, sight): (ObjectId, Sight), as_said: Fingerprint) -> Result<(), StoreError> {
    let visibility = as_said.visibility();
    let (fingerprint, before) = match sight {
        // What was said in parts is the same as nothing that is said at once.
        Sight::Again(before) => (Fingerprint::UNKNOWN.with(visibility), before.count()),
        Sight::Same(_) | Sight::New | Sight::Unsure => (as_said, 0),
    };
    let line = Line { id, fingerprint };
    work.memory.roll(work.ports, work.id, &work.walk).await?.meet(line);
    effect.lines.push(line);
    effect.tally.kept += visibility.count() - before;
    Ok(())
}

impl Effect {
    fn store(&mut self, before: Option<Visibility>, record: Record, is_blank: bool) {
        use Visibility::{Hidden, Shown};
        let kind = match (before, record.visibility) {
            (Some(Shown), Shown) => Kind::Changed,
            (None | Some(Hidden), Shown) => Kind::Added,
            (Some(Shown), Hidden) => Kind::Hidden,
            (None | Some(Hidden), Hidden) => Kind::Changed,
        };
        self.tally.shown += record.visibility.count() - before.map_or(0, Visibility::count);
        // Of a store that was empty before this round, nobody asks what changed.
        if !is_blank {
            self.changes.push(changes::Change { id: record.person.id, kind });
        }
        self.writes.push(Write::Put(record));
    }
}

/// Writes what a page came to.
async fn write(work: &mut Work<'_>, effect: &Effect) -> Result<(), StepError> {
    let page = PageNumber { round: work.walk.round, page: work.walk.page };
    if !effect.writes.is_empty() || !effect.gone.is_empty() || !effect.back.is_empty() {
        work.walk.is_noting = true;
        work.note(&[]).await?;
    }
    let work = &*work;
    let (store, id, now) = (&work.ports.store, work.id, work.ports.clock.now());
    let roll = async {
        // Even of nobody: it takes the place of what a dead worker may have noted of this page.
        match work.walk.is_full {
            true => store.put_roll(id, (page, work.lease.fence), &effect.lines, now).await,
            false => Ok(()),
        }
    };
    let gone = async {
        match effect.gone.is_empty() {
            true => Ok(()),
            false => store.put_gone(id, GoneNote::Page(page), &effect.gone, now).await,
        }
    };
    let back = async {
        match (effect.back.is_empty(), work.walk.hold) {
            (false, Some(hold)) => store.put_gone(id, GoneNote::Back { hold: hold.round, page }, &effect.back, now).await,
            _ => Ok(()),
        }
    };
    let noted = async {
        match effect.changes.is_empty() {
            true => Ok(()),
            false => store.note_changes(id, work.walk.changes + 1, &effect.changes, now).await,
        }
    };
    let all = async {
        futures::try_join!(roll, gone, back, noted)?;
        welcome(work, effect).await;
        store.write_people(id, &effect.writes, now).await
    };
    Ok(work.while_held(Box::pin(all)).await?)
}

/// Tells the tour over photos whom the page adds; those of a first load its own first tour finds. The sync waits for no photo: whoever is
/// not told of now has a turn within a day.
async fn welcome(work: &Work<'_>, effect: &Effect) {
    let joined: Vec<ObjectId> = effect.changes.iter().filter(|change| change.kind == Kind::Added).map(|change| change.id).collect();
    if let Err(error) = work.ports.store.welcome(work.id, &joined, work.ports.clock.now()).await {
        tracing::warn!(connection = %work.id, error = &error as &dyn std::error::Error, "newcomers wait for the next tour over photos");
    }
}

/// Counts what became of the people whom a dead worker was writing, and closes its notes.
pub(crate) async fn absorb(work: &mut Work<'_>) -> Result<(), StepError> {
    if !work.walk.is_noting {
        return Ok(());
    }
    let (store, id) = (&work.ports.store, work.id);
    let number = work.walk.changes + 1;
    let noted = store.changes_since(id, Place::after(work.walk.changes), number, usize::MAX).await?.changes;
    let people: Vec<ObjectId> = noted.iter().map(|change| change.id).collect();
    let stored = store.people(id, &people).await?;
    let shown: HashSet<ObjectId> = stored.iter().filter(|stored| !stored.is_hidden).map(|stored| stored.person.id).collect();
    let mut tally = Tally { is_noted: !noted.is_empty(), ..Tally::default() };
    for change in noted {
        tally.shown += match (change.kind, shown.contains(&change.id)) {
            (Kind::Added, true) => 1,
            (Kind::Removed | Kind::Hidden, false) => -1,
            _ => 0,
        };
    }
    if matches!(work.walk.stage, Stage::Listing { .. } | Stage::Walking { .. }) {
        if work.walk.is_blank() {
            tally.shown += unnoted(work).await?;
        }
        take_back(work).await?;
    }
    work.walk.count(&tally);
    Ok(())
}

/// How many people a dead worker stored of a page that reads nobody, and notes nobody's change. The page may come again without some of
/// them: from here on the round reads people, and sweeps whom it does not meet.
async fn unnoted(work: &mut Work<'_>) -> Result<i64, StoreError> {
    let (store, id) = (&work.ports.store, work.id);
    work.walk.is_sweep_owed = true;
    let met = store.met_by(id, PageNumber { round: work.walk.round, page: work.walk.page }).await?;
    let earlier = work.memory.roll(work.ports, id, &work.walk).await?;
    let new: Vec<ObjectId> = met.into_iter().filter(|person| !earlier.has_met(*person)).collect();
    let stored = store.people(id, &new).await?;
    Ok(stored.iter().map(|stored| i64::from(!stored.is_hidden)).sum())
}

/// Takes back whom a dead worker noted as gone, or as back, by the page that it was applying: the page comes again and may not say it again.
async fn take_back(work: &Work<'_>) -> Result<(), StoreError> {
    let (store, id, now) = (&work.ports.store, work.id, work.ports.clock.now());
    let page = PageNumber { round: work.walk.round, page: work.walk.page };
    store.put_gone(id, GoneNote::Page(page), &[], now).await?;
    match work.walk.hold {
        Some(hold) => store.put_gone(id, GoneNote::Back { hold: hold.round, page }, &[], now).await,
        None => Ok(()),
    }
}
