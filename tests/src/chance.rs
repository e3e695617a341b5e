//! A clock that moves by hand, and chance that comes from a seed.

use std::sync::Mutex;

use adapters::clock::Clock;
use adapters::entropy::Entropy;
use jiff::Timestamp;

/// The clock of one world.
pub struct HandClock(Mutex<Timestamp>);

impl HandClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().expect("nobody panics while setting a clock") = now;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("nobody panics while reading a clock")
    }
}

/// Bytes that look random and are the same for the same seed. Source: SplitMix64, <https://doi.org/10.1145/2660193.2660195>
pub struct Seeded(Mutex<u64>);

impl Seeded {
    /// Chance from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// The next 64 bits.
    ///
    /// # Panics
    /// Never.
    pub fn draw(&self) -> u64 {
        let mut state = self.0.lock().expect("nobody panics while drawing");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.draw().checked_rem(bound).unwrap_or_default()
    }

    /// One of several, each as often as its share says, out of the sum of all shares.
    ///
    /// # Panics
    /// When there is none to choose from.
    pub fn among<T: Copy>(&self, shares: &[(T, u64)]) -> T {
        let mut place = self.below(shares.iter().map(|(_, share)| share).sum());
        for (chosen, share) in shares {
            match place.checked_sub(*share) {
                Some(rest) => place = rest,
                None => return *chosen,
            }
        }
        panic!("nothing to choose from")
    }

    /// True so many times in a thousand.
    pub fn happens(&self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
    }
}
