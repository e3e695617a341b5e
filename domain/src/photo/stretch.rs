//! The next stretch of a range of ids: two listings in the same order, of people and of what is kept of their photos, are laid side by
//! side. Who is in both or in the first is asked about; what is kept of anybody else is swept away.

use crate::ids::ObjectId;

use super::Kept;

/// The beginning of a listing, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// Its entries.
    pub entries: Vec<T>,
    /// Whether these are all; more follow otherwise.
    pub is_whole: bool,
}

/// A stored person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighted {
    /// Who.
    pub id: ObjectId,
    /// Whether the person is shown to anybody; a hidden one has no photo here.
    pub is_visible: bool,
}

/// What is to be done about a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Whom to ask about, with what is kept of each.
    pub asked: Vec<(ObjectId, Option<Kept>)>,
    /// What is kept of people who are not there any more, or hidden.
    pub swept: Vec<Kept>,
    /// The last id of the stretch; absent where it reaches to the end of the range.
    pub reaches: Option<ObjectId>,
}

/// Lays two listings of the same range side by side. Beyond the point that both reach nothing is concluded: a listing that was cut off
/// says nothing about what follows.
#[must_use]
pub fn stretch(people: Listed<Sighted>, kept: Listed<Kept>) -> Stretch {
    let end = |is_whole: bool, last: Option<ObjectId>| last.filter(|_| !is_whole);
    let ends = [
        end(people.is_whole, people.entries.last().map(|person| person.id)),
        end(kept.is_whole, kept.entries.last().map(|kept| kept.person)),
    ];
    let reaches = ends.into_iter().flatten().min();
    let is_within = |id: ObjectId| reaches.is_none_or(|last| id <= last);
    let mut kept = kept.entries.into_iter().filter(|kept| is_within(kept.person)).peekable();
    let (mut asked, mut swept) = (Vec::new(), Vec::new());
    for person in people.entries.into_iter().filter(|person| person.is_visible && is_within(person.id)) {
        while let Some(orphan) = kept.next_if(|kept| kept.person < person.id) {
            swept.push(orphan);
        }
        asked.push((person.id, kept.next_if(|kept| kept.person == person.id)));
    }
    swept.extend(kept);
    Stretch { asked, swept, reaches }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::photo::{Found, Unfit};

    fn id(number: u8) -> ObjectId {
        ObjectId(uuid::Uuid::from_u128(number.into()))
    }

    fn kept(number: u8) -> Kept {
        Kept { person: id(number), etag: None, found: Found::Unfit(Unfit::TooLarge) }
    }

    /// The first `most` entries after `after`.
    fn listed<T: Clone>(all: &BTreeMap<u8, T>, after: Option<u8>, most: usize) -> Listed<T> {
        let rest: Vec<T> =
            all.iter().filter(|(number, _)| after.is_none_or(|after| **number > after)).map(|(_, one)| one.clone()).collect();
        Listed { is_whole: rest.len() <= most, entries: rest.into_iter().take(most).collect() }
    }

    proptest! {
        #[test]
        fn stretch_by_stretch_everybody_is_asked_about_once_and_every_orphan_swept_once(
            people in proptest::collection::btree_map(any::<u8>(), any::<bool>(), 0..60),
            photos in proptest::collection::btree_set(any::<u8>(), 0..60),
            (people_most, photos_most) in (1_usize..9, 1_usize..9),
        ) {
            let everybody: BTreeMap<u8, Sighted> =
                people.iter().map(|(number, is_visible)| (*number, Sighted { id: id(*number), is_visible: *is_visible })).collect();
            let store: BTreeMap<u8, Kept> = photos.iter().map(|number| (*number, kept(*number))).collect();
            let (mut asked, mut swept, mut after) = (Vec::new(), Vec::new(), None);
            for _ in 0..200 {
                let stretch = stretch(listed(&everybody, after, people_most), listed(&store, after, photos_most));
                prop_assert!(stretch.asked.len() <= people_most);
                for (person, known) in &stretch.asked {
                    prop_assert_eq!(known.as_ref().map(|kept| kept.person), photos.contains(&person.0.as_bytes()[15]).then_some(*person));
                }
                asked.extend(stretch.asked.into_iter().map(|(person, _)| person));
                swept.extend(stretch.swept.into_iter().map(|kept| kept.person));
                match stretch.reaches {
                    Some(last) => after = Some(last.0.as_bytes()[15]),
                    None => break,
                }
            }
            let visible: Vec<ObjectId> = people.iter().filter(|(_, is_visible)| **is_visible).map(|(number, _)| id(*number)).collect();
            let shown: BTreeSet<ObjectId> = visible.iter().copied().collect();
            let orphans: Vec<ObjectId> = photos.iter().map(|number| id(*number)).filter(|id| !shown.contains(id)).collect();
            prop_assert_eq!(asked, visible);
            prop_assert_eq!(swept, orphans);
        }
    }

    #[test]
    fn a_listing_that_was_cut_off_sweeps_nobody_behind_its_end() {
        let people = Listed { entries: vec![Sighted { id: id(1), is_visible: true }], is_whole: false };
        let stretch = stretch(people, Listed { entries: vec![kept(1), kept(2), kept(3)], is_whole: true });
        assert_eq!((stretch.swept, stretch.reaches), (vec![], Some(id(1))));
    }
}
