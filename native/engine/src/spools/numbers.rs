//! Sets and maps of numbers that no sender chooses: places on disk, and hashes of lanes, which are keyed.
//!
//! A hand-over and an end each look into several of them, under a lock. The usual hash, which keeps its speed
//! whatever keys an attacker sends, takes most of that time.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A set of numbers.
pub(super) type NumberSet<T> = HashSet<T, BuildHasherDefault<NumberHasher>>;
/// A map from numbers.
pub(super) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Spreads numbers by one multiplication.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

/// 2^64 divided by the golden ratio: numbers in a row come far from each other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(SPREAD);
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use spool::RowId;

    use super::NumberHasher;

    /// The map uses the highest bits and the lowest ones.
    #[test]
    fn places_in_a_row_have_different_hashes_at_both_ends() {
        let hashes = (1..=128)
            .map(|place| BuildHasherDefault::<NumberHasher>::default().hash_one(RowId(place)));
        let hashes: Vec<u64> = hashes.collect();
        let high: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        let low: HashSet<u64> = hashes.iter().map(|hash| hash & 127).collect();
        assert_eq!(low.len(), 128);
        assert!(high.len() > 64, "{}", high.len());
    }
}
