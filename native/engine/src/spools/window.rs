//! What of a pool's spool is in memory, and how far it has been read.
//!
//! Plain data under the lock of its `PoolSpool`.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use spool::{Record, RowId};

use super::lanes::{LaneId, LaneRows};

/// What is in memory.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Records behind this one are on disk alone, if it has spilled.
    pub loaded: RowId,
    pub spilled: bool,
    /// How often `loaded` was set back.
    pub rewinds: u64,
    pub in_memory: HashSet<RowId>,
    pub lanes: LaneRows,
    /// When so few are left in memory, others come in.
    pub low: usize,
    /// The first record of this run: those before were accepted in an earlier one.
    pub first: RowId,
    /// Whether the file is being opened for the first time.
    pub opening: bool,
    /// Calls that need it to stay spilled until they have rewound it.
    pub held: u32,
    /// What was accepted before the file was open, in order.
    pub early: VecDeque<Record>,
    /// The bytes of `early`.
    pub early_bytes: u64,
    /// What waited in `early` for a handler that does not run.
    pub parked: VecDeque<Record>,
    /// Dead letters that an operator had brought back: as if an earlier run had accepted them.
    pub back: Vec<Range<RowId>>,
    /// Of those of an earlier run, the ones that are counted as accepted in this one, and on disk alone.
    pub counted: HashSet<RowId>,
    /// Records that have ended since the last read began, which may have seen them.
    pub ended: HashSet<RowId>,
}

/// Where a reader is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadFrom {
    /// Records behind this one are to be read.
    pub after: RowId,
    /// Whether it is still so is seen by this.
    pub rewinds: u64,
}

impl Window {
    pub fn enter(&mut self, id: RowId, lane: LaneId) {
        self.in_memory.insert(id);
        self.lanes.entered(lane);
        self.loaded = id;
    }

    pub fn rewind(&mut self, to: RowId) {
        self.loaded = self.loaded.min(to);
        self.spilled = true;
        self.rewinds += 1;
    }

    pub fn is_low(&self) -> bool {
        let early = !self.opening && !self.early.is_empty();
        early || self.spilled && self.in_memory.len() <= self.low
    }

    /// Whether this run has not accepted the record.
    pub fn is_foreign(&self, id: RowId) -> bool {
        id < self.first || self.back.iter().any(|back| back.contains(&id))
    }
}
