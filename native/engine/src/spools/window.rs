//! What of a pool's spool is in memory, and how far it has been read.
//!
//! Plain data under the lock of its `PoolSpool`.

use std::collections::VecDeque;
use std::ops::Range;

use spool::{Packed, RowId};

use super::given_up::Unsaid;
use super::lanes::LaneRows;
use super::numbers::NumberSet;
use super::whose::{HandlerHash, Whose};

/// A handler is held back if it has more than one of so many in memory.
const GOOD_PART: usize = 32;

/// What is in memory.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Records behind this one are on disk alone, if it has spilled.
    pub loaded: RowId,
    pub spilled: bool,
    /// How often `loaded` was set back, or jumped.
    pub rewinds: u64,
    /// While lanes are read again: the records up to this one have been read, and but for these lanes need not
    /// be.
    pub resume: Option<RowId>,
    pub in_memory: NumberSet<RowId>,
    pub lanes: LaneRows,
    /// The handlers that are behind as a whole.
    pub held_back: Vec<HandlerHash>,
    /// When so few are left in memory, others come in; without those of handlers that are behind.
    pub low: usize,
    /// The first record of this run: those before were accepted in an earlier one.
    pub first: RowId,
    /// Whether the file is being opened for the first time.
    pub opening: bool,
    /// What was accepted before the file was open, in order.
    pub early: VecDeque<Packed>,
    /// The bytes of `early` and of `parked`.
    pub early_bytes: u64,
    /// What waited in `early` for a handler that does not run.
    pub parked: VecDeque<Packed>,
    /// The handlers that did not run when a record of theirs was looked at. What follows stays behind it until all
    /// is looked at again, also if they run meanwhile.
    pub stopped: NumberSet<HandlerHash>,
    /// Dead letters that an operator had brought back: as if an earlier run had accepted them.
    pub back: Vec<Range<RowId>>,
    /// Of those of an earlier run, the ones that are counted as accepted in this one, and on disk alone.
    pub counted: NumberSet<RowId>,
    /// Records that have ended since the last read began, which may have seen them.
    pub ended: NumberSet<RowId>,
    /// What was given up on its way into memory.
    pub given_up: Unsaid,
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
    pub fn enter(&mut self, id: RowId, whose: Whose) {
        self.in_memory.insert(id);
        self.lanes.entered(whose.lane);
        self.lanes.entered(whose.handler.whole());
        self.loaded = id;
    }

    /// A record has left memory. Returns whether it is time to read again what stayed behind.
    pub fn went(&mut self, whose: Whose) -> bool {
        let lane = self.lanes.went(whose.lane);
        let handler = self.lanes.went(whose.handler.whole());
        if handler.is_some() {
            self.held_back.retain(|handler| *handler != whose.handler);
        }
        let again = [lane, handler].into_iter().flatten();
        again.map(|first| self.read_again(first)).count() > 0
    }

    /// Whether a record that comes has to stay on disk, behind others of its lane or its handler.
    pub fn stays_behind(&mut self, id: RowId, whose: Whose) -> bool {
        let behind = [whose.lane, whose.handler.whole()]
            .into_iter()
            .find(|lane| self.lanes.is_behind(*lane));
        if let Some(lane) = behind {
            self.lanes.skipped(lane, id);
        }
        behind.is_some()
    }

    /// Memory has little room left. Whether this record's handler has taken most of it, and a good part of all: then
    /// what comes from here on stays behind until half of what the handler has in memory has ended, so that its
    /// endpoint, which may be down, leaves room for those of others.
    pub fn hold_back(&mut self, id: RowId, whose: Whose) -> bool {
        let rows = self.lanes.in_memory(whose.handler.whole());
        let most = 2 * rows > self.not_held_back() && GOOD_PART * rows > self.in_memory.len();
        let holds = most && self.lanes.full_at(whose.handler.whole(), id);
        if holds {
            self.held_back.push(whose.handler);
        }
        holds
    }

    /// The queue is full: when half of what is in memory has ended, others come in.
    pub fn spill(&mut self) {
        self.spilled = true;
        self.low = self.not_held_back() / 2;
    }

    /// How many are in memory, without those of handlers that are behind.
    fn not_held_back(&self) -> usize {
        let held_back = self.held_back.iter();
        let held_back: usize = held_back
            .map(|handler| self.lanes.in_memory(handler.whole()))
            .sum();
        self.in_memory.len().saturating_sub(held_back)
    }

    /// All records behind `to` are to be read.
    pub fn rewind(&mut self, to: RowId) {
        self.loaded = self.loaded.min(to);
        self.spilled = true;
        self.rewinds += 1;
        self.forget_again();
    }

    /// Everything on disk may have to come in, and what waits for a handler that did not run. `on_disk`: whether there
    /// is a file. One step: what came between two of them would come before what was skipped.
    pub fn look_again(&mut self, on_disk: bool) {
        while let Some(record) = self.parked.pop_back() {
            self.early.push_front(record);
        }
        self.stopped.clear();
        if on_disk {
            self.rewind(RowId(0));
        }
    }

    /// A lane is to be read again from its record `first`.
    fn read_again(&mut self, first: RowId) {
        let to = RowId(first.0 - 1);
        if to < self.loaded {
            self.resume = self.resume.max(Some(self.loaded));
            self.loaded = to;
        }
        self.spilled = true;
        self.rewinds += 1;
    }

    /// The records up to this one have been read. Returns false if reading goes on elsewhere: what follows has
    /// been read before, and no lane has to be read again there.
    pub fn read_to(&mut self, id: RowId) -> bool {
        self.loaded = id;
        let Some(resume) = self.resume else {
            return true;
        };
        let none_again = self.lanes.read_to(id);
        if id < resume && !none_again {
            return true;
        }
        self.forget_again();
        let goes_on = id >= resume;
        if !goes_on {
            self.loaded = resume;
            self.rewinds += 1;
        }
        goes_on
    }

    /// From here on everything is read.
    pub fn forget_again(&mut self) {
        self.resume = None;
        self.lanes.forget_again();
    }

    /// Whether records of this handler wait for all to be looked at again.
    pub fn is_stopped(&self, handler: HandlerHash) -> bool {
        !self.stopped.is_empty() && self.stopped.contains(&handler)
    }

    pub fn is_low(&self) -> bool {
        let early = !self.opening && !self.early.is_empty();
        early || self.spilled && self.not_held_back() <= self.low
    }

    /// Whether records may have to come in.
    pub fn wants(&self) -> bool {
        self.spilled || !self.early.is_empty()
    }

    /// Whether this run has not accepted the record.
    pub fn is_foreign(&self, id: RowId) -> bool {
        id < self.first || self.back.iter().any(|back| back.contains(&id))
    }
}
