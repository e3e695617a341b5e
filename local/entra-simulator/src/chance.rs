//! Every random draw of a world, from one seed.
//!
//! SplitMix64 is used because its whole state is one number that can be saved, and because its sequence is fixed by its
//! definition: the same seed gives the same world with every version of every library.
//! Source: <https://doi.org/10.1145/2714064.2660195> (Steele, Lea, Flood: Fast splittable pseudorandom number generators)

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A deterministic source of numbers; its state is part of what a world saves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Starts the sequence that belongs to `seed`.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        match bound {
            0 => 0,
            bound => self.draw() % bound,
        }
    }

    /// An index into a slice of `length` elements.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of the elements; the slice must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    /// True with a probability of `percent` in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A version 4 GUID.
    pub(crate) fn guid(&mut self) -> Uuid {
        let bytes = (u128::from(self.draw()) << 64) | u128::from(self.draw());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }

    /// Puts the elements in a new order.
    pub(crate) fn shuffle<T>(&mut self, elements: &mut [T]) {
        for last in (1..elements.len()).rev() {
            let other = self.index(last + 1);
            elements.swap(last, other);
        }
    }
}

/// A number far from those of its neighbours, and always the same: for what must not take from anybody's sequence.
pub(crate) fn scatter(number: u64) -> u64 {
    Chance(number).draw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_is_the_published_one() {
        // First outputs of SplitMix64 for the seed 1234567.
        let mut chance = Chance::seeded(1_234_567);
        assert_eq!(chance.draw(), 6_457_827_717_110_365_317);
        assert_eq!(chance.draw(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_saved_sequence_continues_where_it_stood() {
        let mut chance = Chance::seeded(9);
        chance.guid();
        let saved = serde_json::to_value(&chance).unwrap();
        let mut continued: Chance = serde_json::from_value(saved).unwrap();
        assert_eq!(continued.guid(), chance.guid());
    }
}
