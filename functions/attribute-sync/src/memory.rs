//! What a stretch knows of people without reading them: the roll of full rounds, who is gone by earlier pages, and who is held. It is read
//! once a stretch, when it is first needed, and kept up while pages are applied.

use std::collections::{BTreeMap, HashMap};

use adapters::Ports;
use adapters::store::changes::Place;
use adapters::store::rolls::{BASE_AGE_MAX, Freshness, IdRange, PageNumber};
use adapters::store::{Store, StoreError};
use domain::ids::{ConnectionId, ObjectId};
use domain::roll::{CHANGED_MAX, Kind, Line, ROUND_MET_MAX, Roll};
use domain::walk::{Base, ROLL_MAX, Walk};
use jiff::{SignedDuration, Timestamp};

/// A base that is older than this is read at half the price: nothing of it was written a moment ago.
const SETTLED: SignedDuration = SignedDuration::from_mins(10);

/// What is known.
#[derive(Default)]
pub(crate) struct Memory {
    /// The roll, and of which round and range of ids it is.
    roll: Option<(u32, IdRange, Roll)>,
    /// Who is gone by pages of the round, and of which round.
    gone: Option<(u32, BTreeMap<ObjectId, bool>)>,
    /// Who is held and not back, and by which round.
    held: Option<(u32, BTreeMap<ObjectId, bool>)>,
}

impl Memory {
    /// The roll of the round under way, to look at a page's entries with. Where the tenant is so large that the base does not fit, nothing is
    /// known, and everybody is read.
    pub(crate) async fn roll(&mut self, ports: &Ports, id: &ConnectionId, walk: &Walk) -> Result<&mut Roll, StoreError> {
        self.roll_of(ports, id, (walk, IdRange { index: 0, ranges: 1 })).await
    }

    /// The roll of a range of ids, to find whom the round did not meet.
    pub(crate) async fn roll_of(
        &mut self,
        ports: &Ports,
        id: &ConnectionId,
        (walk, range): (&Walk, IdRange),
    ) -> Result<&mut Roll, StoreError> {
        let is_it = self.roll.as_ref().is_some_and(|(round, of, _)| (*round, *of) == (walk.round, range));
        if !is_it {
            // The old one makes room first.
            self.roll = None;
            let gone = self.gone(&ports.store, id, walk).await?.clone();
            let roll = read_roll(ports, id, (walk, range), &gone).await?;
            self.roll = Some((walk.round, range, roll));
        }
        let (_, _, roll) = self.roll.get_or_insert_with(|| (walk.round, range, Roll::unknown()));
        Ok(roll)
    }

    /// Who is gone by earlier pages of the round: the last word about each.
    pub(crate) async fn gone(
        &mut self,
        store: &Store,
        id: &ConnectionId,
        walk: &Walk,
    ) -> Result<&mut BTreeMap<ObjectId, bool>, StoreError> {
        if self.gone.as_ref().is_none_or(|(round, _)| *round != walk.round) {
            let gone = match walk.gone {
                0 => BTreeMap::new(),
                _ => store.gone(id, PageNumber { round: walk.round, page: walk.page }).await?,
            };
            self.gone = Some((walk.round, gone));
        }
        let (_, gone) = self.gone.get_or_insert_with(|| (walk.round, BTreeMap::new()));
        Ok(gone)
    }

    /// Who is held, and whether they still are; nobody where there is no hold.
    pub(crate) async fn held(
        &mut self,
        store: &Store,
        id: &ConnectionId,
        walk: &Walk,
    ) -> Result<&mut BTreeMap<ObjectId, bool>, StoreError> {
        let hold = walk.hold.map_or(0, |hold| hold.round);
        if self.held.as_ref().is_none_or(|(round, _)| *round != hold) {
            let mut held = BTreeMap::new();
            for list in 0..walk.hold.map_or(0, |hold| hold.lists) {
                let found = store.found_gone(id, hold, list).await?.unwrap_or_default();
                held.extend(found.into_iter().map(|person| (person, true)));
            }
            if !held.is_empty() {
                held.extend(store.back(id, hold).await?);
            }
            self.held = Some((hold, held));
        }
        let (_, held) = self.held.get_or_insert_with(|| (hold, BTreeMap::new()));
        Ok(held)
    }
}

async fn read_roll(
    ports: &Ports,
    id: &ConnectionId,
    (walk, range): (&Walk, IdRange),
    gone: &BTreeMap<ObjectId, bool>,
) -> Result<Roll, StoreError> {
    let now = ports.clock.now();
    let base = walk.base.filter(|base| range.ranges == walk.sweep_ranges() && now.duration_since(base.at) <= BASE_AGE_MAX);
    let mut roll = match (walk.is_blank(), base) {
        (true, _) => Roll::blank(),
        (false, None) => Roll::unknown(),
        (false, Some(base)) => over_base(ports, id, (walk, base, range), now).await?,
    };
    let expected = usize::try_from(walk.people_seen).unwrap_or(usize::MAX).min(ROUND_MET_MAX);
    let before = PageNumber { round: walk.round, page: walk.page };
    for line in ports.store.roll(id, before, (range, Freshness::Latest), expected).await? {
        roll.meet(Line::unpack(&line));
    }
    gone.iter().filter(|(_, is_gone)| **is_gone).for_each(|(person, _)| roll.leave(*person));
    Ok(roll)
}

async fn over_base(
    ports: &Ports,
    id: &ConnectionId,
    (walk, base, range): (&Walk, Base, IdRange),
    now: Timestamp,
) -> Result<Roll, StoreError> {
    let Some(changed) = changed_since(&ports.store, id, (walk, base)).await? else {
        return Ok(Roll::unknown());
    };
    let freshness = match now.duration_since(base.at) > SETTLED {
        true => Freshness::Settled,
        false => Freshness::Latest,
    };
    let expected = usize::try_from(walk.people.min(ROLL_MAX) / u64::from(range.ranges)).unwrap_or_default();
    let whole = PageNumber { round: base.round, page: u32::MAX };
    let lines = ports.store.roll(id, whole, (range, freshness), expected).await?;
    let changed = changed.into_iter().filter(|(person, _)| range.contains(person)).collect();
    Ok(Roll::over(lines, changed))
}

/// What the notes since the base say last of each person they name; nothing where they are too many.
async fn changed_since(
    store: &Store,
    id: &ConnectionId,
    (walk, base): (&Walk, Base),
) -> Result<Option<HashMap<ObjectId, Kind>>, StoreError> {
    let mut changed = HashMap::new();
    let mut from = Place::after(base.changes);
    while from.sequence <= walk.changes {
        let stretch = store.changes_since(id, from, walk.changes, CHANGED_MAX).await?;
        changed.extend(stretch.changes.into_iter().map(|change| (change.id, change.kind)));
        if changed.len() > CHANGED_MAX {
            return Ok(None);
        }
        from = stretch.next;
    }
    Ok(Some(changed))
}
