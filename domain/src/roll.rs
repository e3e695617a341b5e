//! Whom full rounds met, and as what: so that the next full round reads only those who are not as they were.
//!
//! Each page of a full round notes a line for everybody on it: the object id, and a fingerprint of what Graph said. The lines of the last
//! complete full round are the base of the next. An entry whose fingerprint is the same, of a person whom no delta changed since, is as
//! stored, and nobody has to look. A line takes 28 bytes, so that half a million people take 14 MB and a read unit reads 146 of them.

use std::collections::{HashMap, HashSet};

use crate::ids::ObjectId;

/// Bytes of a line.
pub const LINE_BYTES: usize = 28;
/// So many changed people may be known besides a base; beyond, the base is worth no more.
pub const CHANGED_MAX: usize = 100_000;
/// So many people who are not as their base says are remembered as met in a round. Of a tenant with more, somebody who comes twice in one
/// round is read twice, and nothing worse.
pub const ROUND_MET_MAX: usize = 1_200_000;

/// What Graph said about a person, in 12 bytes of a hash. The lowest bit tells whether the person is shown, and does not count when
/// fingerprints are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 12]);

impl Fingerprint {
    /// Of a person about whom Graph did not say everything at once: the same as no other.
    pub const UNKNOWN: Self = Self([0; 12]);

    /// Out of a hash, of a person who is shown.
    #[must_use]
    pub fn of(hash: [u8; 12]) -> Self {
        Self(hash).with(Visibility::Shown)
    }

    /// The same, of a person who is shown or not.
    #[must_use]
    pub fn with(mut self, visibility: Visibility) -> Self {
        self.0[11] = (self.0[11] & 0xfe) | u8::from(visibility == Visibility::Shown);
        self
    }

    /// Whether the person is shown.
    #[must_use]
    pub fn visibility(self) -> Visibility {
        match self.0[11] & 1 {
            0 => Visibility::Hidden,
            _ => Visibility::Shown,
        }
    }

    fn is_same(self, other: Self) -> bool {
        let [one, two, unknown] = [self, other, Self::UNKNOWN].map(|fingerprint| fingerprint.with(Visibility::Hidden));
        one == two && one != unknown
    }
}

/// Whether a stored person is shown, or left out by the customer's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Shown.
    Shown,
    /// Left out.
    Hidden,
}

impl Visibility {
    const ALL: [Self; 2] = [Self::Shown, Self::Hidden];

    fn other(self) -> Self {
        match self {
            Self::Shown => Self::Hidden,
            Self::Hidden => Self::Shown,
        }
    }

    /// 1 where shown, 0 where not: to be counted.
    #[must_use]
    pub fn count(self) -> i64 {
        i64::from(self == Self::Shown)
    }
}

/// One person on a page of a full round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Who.
    pub id: ObjectId,
    /// What Graph said.
    pub fingerprint: Fingerprint,
}

impl Line {
    /// As it is noted.
    #[must_use]
    pub fn pack(self) -> [u8; LINE_BYTES] {
        let mut packed = [0; LINE_BYTES];
        packed[..16].copy_from_slice(self.id.0.as_bytes());
        packed[16..].copy_from_slice(&self.fingerprint.0);
        packed
    }

    /// As it was noted.
    #[must_use]
    pub fn unpack(packed: &[u8; LINE_BYTES]) -> Self {
        let (mut id, mut hash) = ([0; 16], [0; 12]);
        id.copy_from_slice(&packed[..16]);
        hash.copy_from_slice(&packed[16..]);
        Self { id: ObjectId(uuid::Uuid::from_bytes(id)), fingerprint: Fingerprint(hash) }
    }
}

/// What a note of changes said of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Stored and shown from then on.
    Added,
    /// Something else is stored about the person, who is shown if they were before.
    Changed,
    /// Shown before; still stored, and not shown from then on.
    Hidden,
    /// Shown before, and not stored from then on.
    Removed,
    /// Not shown before, and not stored from then on.
    Forgotten,
}

impl Kind {
    /// Whether the person is stored from then on.
    #[must_use]
    pub fn is_stored(self) -> bool {
        !matches!(self, Self::Removed | Self::Forgotten)
    }
}

/// What is known of everybody before a page of a full round is looked at.
#[derive(Debug)]
pub struct Roll {
    basis: Basis,
    /// Lines of the base, packed, sorted by id; no id twice.
    base: Vec<[u8; LINE_BYTES]>,
    /// Which of them were met in this round as they were.
    met_same: Vec<bool>,
    /// Everybody else who was met in this round: see [`mark`].
    met: HashSet<u64>,
    /// Whom deltas changed since the base.
    changed: HashMap<ObjectId, Kind>,
}

/// What the roll rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Nobody was stored before this round.
    Nobody,
    /// The last complete full round, and what changed since.
    Base,
    /// Not known: everybody has to be read.
    Unknown,
}

/// What is known of a person before the stored one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Stored, and as Graph says; met for the first time in this round.
    Same(Visibility),
    /// Not stored.
    New,
    /// Only reading tells; met for the first time in this round.
    Unsure,
    /// Met before in this round, and then shown or not.
    Again(Visibility),
}

impl Roll {
    /// The roll of a round over an empty store.
    #[must_use]
    pub fn blank() -> Self {
        Self::with(Basis::Nobody)
    }

    /// The roll of a round about whose people nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self::with(Basis::Unknown)
    }

    /// The roll of a round over a base, whose lines come in any order, and the latest word of each later note of changes.
    #[must_use]
    pub fn over(mut base: Vec<[u8; LINE_BYTES]>, changed: HashMap<ObjectId, Kind>) -> Self {
        if changed.len() > CHANGED_MAX {
            return Self::unknown();
        }
        base.sort_unstable();
        // Of two lines of one person nobody knows which was later: neither counts as the same.
        base.dedup_by(|later, kept| {
            let is_one = later[..16] == kept[..16];
            if is_one && later != kept {
                kept[16..].fill(0);
            }
            is_one
        });
        Self { met_same: vec![false; base.len()], base, changed, ..Self::with(Basis::Base) }
    }

    fn with(basis: Basis) -> Self {
        Self { basis, base: Vec::new(), met_same: Vec::new(), met: HashSet::new(), changed: HashMap::new() }
    }

    /// What it rests on.
    #[must_use]
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// What is known of the person in an entry.
    #[must_use]
    pub fn look(&self, line: Line) -> Sight {
        self.sight(line, self.place(line.id))
    }

    /// Notes that a person was met, as `line` says, whatever was known before.
    pub fn meet(&mut self, line: Line) {
        let place = self.place(line.id);
        match (place, self.sight(line, place)) {
            (Some(place), Sight::Same(_)) => self.met_same[place] = true,
            _ if self.met.len() < ROUND_MET_MAX => {
                let visibility = line.fingerprint.visibility();
                self.met.remove(&mark(line.id, visibility.other()));
                self.met.insert(mark(line.id, visibility));
            }
            _ => {}
        }
    }

    fn sight(&self, line: Line, place: Option<usize>) -> Sight {
        if let Some(visibility) = self.met_as(line.id) {
            return Sight::Again(visibility);
        }
        match (place, self.basis) {
            (Some(place), _) => {
                let known = Line::unpack(&self.base[place]).fingerprint;
                match self.met_same[place] {
                    true => Sight::Again(known.visibility()),
                    false if known.is_same(line.fingerprint) && !self.changed.contains_key(&line.id) => Sight::Same(known.visibility()),
                    false => Sight::Unsure,
                }
            }
            (None, Basis::Unknown) => Sight::Unsure,
            (None, _) if self.changed.contains_key(&line.id) => Sight::Unsure,
            (None, _) => Sight::New,
        }
    }

    /// Notes that a person who was met is gone after all.
    pub fn leave(&mut self, id: ObjectId) {
        for visibility in Visibility::ALL {
            self.met.remove(&mark(id, visibility));
        }
        if let Some(place) = self.place(id) {
            self.met_same[place] = false;
        }
    }

    /// Whether a person was met in this round.
    #[must_use]
    pub fn has_met(&self, id: ObjectId) -> bool {
        self.met_as(id).is_some() || self.place(id).is_some_and(|place| self.met_same[place])
    }

    /// Who is stored, as far as the base and the notes tell, and was not met; each with whether they are shown, where that is known.
    pub fn missing(&self) -> impl Iterator<Item = (ObjectId, Option<Visibility>)> {
        let of_base = self.base.iter().map(Line::unpack).filter(|line| self.changed.get(&line.id).is_none_or(|kind| kind.is_stored()));
        let of_base = of_base.map(|line| (line.id, Some(line.fingerprint.visibility()).filter(|_| !self.changed.contains_key(&line.id))));
        let later = self.changed.iter().filter(|(id, kind)| kind.is_stored() && self.place(**id).is_none());
        let later = later.map(|(id, _)| (*id, None));
        of_base.chain(later).filter(|(id, _)| !self.has_met(*id))
    }

    fn met_as(&self, id: ObjectId) -> Option<Visibility> {
        Visibility::ALL.into_iter().find(|visibility| self.met.contains(&mark(id, *visibility)))
    }

    /// Where the base has a person. Ids are random, so the place is close to where an even spread has it: the search widens from there,
    /// and touches a few neighbours instead of lines all over the base.
    fn place(&self, id: ObjectId) -> Option<usize> {
        let expected = (u128::from(half(id)) * self.base.len() as u128) >> 64;
        let expected = usize::try_from(expected).ok()?;
        let (mut low, mut high, mut reach) = (expected, expected, 16);
        while low > 0 && self.base[low][..16] > id.0.as_bytes()[..] {
            (low, reach) = (low.saturating_sub(reach), reach * 2);
        }
        while high < self.base.len() && self.base[high][..16] < id.0.as_bytes()[..] {
            (high, reach) = ((high + reach).min(self.base.len()), reach * 2);
        }
        let near = &self.base[low..self.base.len().min(high + 1)];
        near.binary_search_by(|line| line[..16].cmp(id.0.as_bytes())).ok().map(|place| low + place)
    }
}

/// A person in 63 bits of the id, and one for whether they are shown: eight bytes for each of half a million. Ids are random, so two people
/// with one mark are rarer than lightning; they would be read, and nothing worse.
fn mark(id: ObjectId, visibility: Visibility) -> u64 {
    half(id) << 1 | u64::from(visibility == Visibility::Shown)
}

fn half(id: ObjectId) -> u64 {
    id.0.as_u64_pair().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u64) -> ObjectId {
        ObjectId(uuid::Uuid::from_u64_pair(number, number))
    }

    fn line(number: u64, said: u8) -> Line {
        Line { id: id(number), fingerprint: Fingerprint::of([said; 12]) }
    }

    fn hidden(number: u64, said: u8) -> Line {
        Line { fingerprint: line(number, said).fingerprint.with(Visibility::Hidden), ..line(number, said) }
    }

    fn base(lines: &[Line], changed: &[(u64, Kind)]) -> Roll {
        Roll::over(lines.iter().map(|line| line.pack()).collect(), changed.iter().map(|(number, kind)| (id(*number), *kind)).collect())
    }

    #[test]
    fn a_person_is_the_same_only_where_the_base_says_so_and_nothing_later() {
        let roll = base(&[line(1, 8), line(2, 8), hidden(3, 8)], &[(2, Kind::Changed), (5, Kind::Added)]);
        let sights = [line(1, 8), line(1, 9), line(2, 8), line(3, 8), line(4, 8), line(5, 8)].map(|line| roll.look(line));
        use Visibility::{Hidden, Shown};
        assert_eq!(sights, [Sight::Same(Shown), Sight::Unsure, Sight::Unsure, Sight::Same(Hidden), Sight::New, Sight::Unsure]);
    }

    #[test]
    fn whoever_was_met_is_met_again_and_not_missing() {
        let mut roll = base(&[line(1, 8), line(2, 8), line(3, 8), hidden(4, 8)], &[(3, Kind::Removed), (5, Kind::Added), (6, Kind::Added)]);
        roll.meet(line(1, 8));
        roll.meet(hidden(2, 9));
        roll.meet(line(6, 7));
        let again = [line(1, 8), line(2, 8), line(6, 7)].map(|line| roll.look(line));
        assert_eq!(again, [Sight::Again(Visibility::Shown), Sight::Again(Visibility::Hidden), Sight::Again(Visibility::Shown)]);
        let mut missing: Vec<_> = roll.missing().collect();
        missing.sort_unstable_by_key(|(id, _)| *id);
        assert_eq!(missing, [(id(4), Some(Visibility::Hidden)), (id(5), None)]);
    }

    #[test]
    fn of_two_lines_of_one_person_neither_counts() {
        let roll = base(&[line(1, 8), line(1, 9), line(2, 8), line(2, 8)], &[]);
        let sights = [line(1, 8), line(1, 9), line(2, 8)].map(|line| roll.look(line));
        assert_eq!(sights, [Sight::Unsure, Sight::Unsure, Sight::Same(Visibility::Shown)]);
        assert_eq!(roll.missing().count(), 2);
    }

    #[test]
    fn whoever_leaves_again_is_missing() {
        let mut roll = base(&[line(1, 8), line(2, 8)], &[]);
        roll.meet(line(1, 8));
        roll.meet(line(2, 9));
        roll.leave(id(1));
        roll.leave(id(2));
        assert_eq!((roll.missing().count(), roll.look(line(1, 8))), (2, Sight::Same(Visibility::Shown)));
    }

    #[test]
    fn what_was_not_said_at_once_is_never_the_same() {
        let unknown = Line { id: id(1), fingerprint: Fingerprint::UNKNOWN };
        assert_eq!(base(&[unknown], &[]).look(unknown), Sight::Unsure);
    }

    #[test]
    fn a_base_that_too_much_changed_since_is_worth_nothing() {
        let changed = (0..=CHANGED_MAX as u64).map(|number| (id(number), Kind::Changed)).collect();
        let roll = Roll::over(vec![line(1, 8).pack()], changed);
        assert_eq!((roll.basis(), roll.look(line(1, 8))), (Basis::Unknown, Sight::Unsure));
    }

    #[test]
    fn over_an_empty_store_everybody_is_new_once() {
        let mut roll = Roll::blank();
        assert_eq!(roll.look(line(1, 8)), Sight::New);
        roll.meet(line(1, 8));
        assert_eq!((roll.look(line(1, 9)), roll.look(line(2, 8))), (Sight::Again(Visibility::Shown), Sight::New));
    }

    proptest! {
        #[test]
        fn everybody_is_found_however_ids_are_spread(numbers in proptest::collection::btree_set(prop_oneof![any::<u64>(), 0..40_u64, u64::MAX - 40..], 0..120)) {
            let lines: Vec<Line> = numbers.iter().step_by(2).map(|number| line(*number, 8)).collect();
            let roll = base(&lines, &[]);
            for (place, number) in numbers.iter().enumerate() {
                prop_assert_eq!(roll.place(id(*number)), (place % 2 == 0).then_some(place / 2));
            }
        }

        #[test]
        fn a_line_is_read_as_it_was_noted(person: u128, hash: [u8; 12], is_shown: bool) {
            let visibility = if is_shown { Visibility::Shown } else { Visibility::Hidden };
            let line = Line { id: ObjectId(uuid::Uuid::from_u128(person)), fingerprint: Fingerprint::of(hash).with(visibility) };
            prop_assert_eq!(Line::unpack(&line.pack()), line);
            prop_assert_eq!(line.fingerprint.visibility(), visibility);
            prop_assert_eq!(line.fingerprint.is_same(Fingerprint::of(hash)), hash[..11] != [0; 11] || hash[11] > 1);
        }
    }
}
