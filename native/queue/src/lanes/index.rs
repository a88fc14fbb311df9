//! Lane numbers by key, in many small hash tables. A full table is rebuilt as a whole: for a hundred
//! thousand lanes in one table that takes milliseconds, for a few hundred microseconds.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::Lane;
use super::chunks::Chunks;

/// Lanes per table when there are as many as the pool's bound allows.
const LANES_PER_TABLE: usize = 512;
/// A table for more lanes than this is freed when it is empty.
const KEEP: usize = 64;
/// The bits of a hash by which hashbrown finds a place in so small a table are below this one.
const TABLE_BITS: u32 = 12;
/// The maximum number of tables. With more lanes than these allow for, tables grow beyond
/// [`LANES_PER_TABLE`].
const MOST_TABLES: usize = 1 << 12;

/// Finds lanes by key. The keys themselves are in the lanes.
#[derive(Debug)]
pub(super) struct Index {
    hasher: RandomState,
    tables: Vec<HashTable<u32>>,
    /// The number of tables to create with the first lane; a power of two.
    wanted: usize,
}

impl Index {
    /// Creates an index for `lanes` lanes. More are possible, with rebuilds that take longer.
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            tables: Vec::new(),
            wanted: (lanes / LANES_PER_TABLE)
                .clamp(1, MOST_TABLES)
                .next_power_of_two(),
        }
    }

    /// The hash under which the index keeps a lane with this key.
    pub(super) fn hash(&self, key: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(key);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "half of its bits are enough"
        )]
        let folded = (hash ^ (hash >> 32)) as u32;
        folded
    }

    /// The lane with this key.
    pub(super) fn find(&self, hash: u32, key: &[u8], lanes: &Chunks<Lane>) -> Option<u32> {
        let table = self.tables.get(self.table(hash))?;
        table
            .find(widen(hash), |&id| {
                let lane = &lanes[id];
                lane.hash == hash && &*lane.key == key
            })
            .copied()
    }

    /// Adds a new lane, whose key is not in the index yet.
    pub(super) fn insert(&mut self, id: u32, lanes: &Chunks<Lane>) {
        if self.tables.is_empty() {
            self.tables.resize_with(self.wanted, HashTable::new);
        }
        let hash = lanes[id].hash;
        let table = self.table(hash);
        self.tables[table].insert_unique(widen(hash), id, |&id| widen(lanes[id].hash));
    }

    /// Removes a lane.
    pub(super) fn remove(&mut self, id: u32, hash: u32) {
        let at = self.table(hash);
        let Some(table) = self.tables.get_mut(at) else {
            return;
        };
        if let Ok(entry) = table.find_entry(widen(hash), |&other| other == id) {
            entry.remove();
        }
        if table.is_empty() && table.capacity() > KEEP {
            *table = HashTable::new();
        }
    }

    fn table(&self, hash: u32) -> usize {
        (hash >> (32 - 7 - TABLE_BITS)) as usize & (self.wanted - 1)
    }
}

/// Fills both ends of the hash: hashbrown finds the place by the low bits, and tells entries apart by
/// the top seven.
fn widen(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
