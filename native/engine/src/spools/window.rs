//! What of a pool's spool is in memory, and how far it has been read.
//!
//! Plain data under the lock of its `PoolSpool`.

use std::collections::VecDeque;
use std::ops::Range;

use spool::{Packed, RowId};

use super::given_up::Unsaid;
use super::held_back::HeldBack;
use super::lanes::LaneRows;
use super::numbers::NumberSet;
use super::whose::{HandlerHash, LaneId};

/// What is in memory.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Records behind this one are on disk alone, if it has spilled.
    pub loaded: RowId,
    pub spilled: bool,
    /// How often `loaded` was set back, or jumped.
    pub rewinds: u64,
    /// While lanes or handlers are read again: the records up to this one have been read, and but for these lanes need not
    /// be.
    pub resume: Option<RowId>,
    pub in_memory: NumberSet<RowId>,
    pub lanes: LaneRows,
    pub held_back: HeldBack,
    /// When so few are left in memory, others come in.
    pub low: usize,
    /// Whether a task looks for room in the queue, as long as there is too little, and how often it has.
    pub looks_for_room: bool,
    pub looks: u32,
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
    pub fn enter(&mut self, id: RowId, lane: LaneId) {
        self.in_memory.insert(id);
        self.lanes.entered(lane);
        self.loaded = id;
    }

    /// A record went to the disk alone, and what has it come in knows of it.
    pub fn passes(&mut self, id: RowId) {
        if !self.spilled {
            self.loaded = id;
        }
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
        self.held_back.clear();
        if on_disk {
            self.rewind(RowId(0));
        }
    }

    /// A handler that was held back has room again: it is read again from where it was. Returns false if it was not
    /// held back.
    pub fn let_go(&mut self, handler: HandlerHash) -> bool {
        let first = self.held_back.let_go(handler);
        if let Some(first) = first {
            self.read_again(first);
        }
        first.is_some()
    }

    /// A lane, or a handler, is to be read again from its record `first`.
    pub fn read_again(&mut self, first: RowId) {
        let to = RowId(first.0 - 1);
        if to < self.loaded {
            self.resume = self.resume.max(Some(self.loaded));
            self.loaded = to;
        }
        self.spilled = true;
        self.rewinds += 1;
    }

    /// The records up to this one have been read. Returns false if reading goes on elsewhere: what follows has
    /// been read before, and nothing has to be read again there.
    pub fn read_to(&mut self, id: RowId) -> bool {
        self.loaded = id;
        let Some(resume) = self.resume else {
            return true;
        };
        let no_lane_again = self.lanes.read_to(id);
        let handler_again = self.held_back.read_to(id);
        if id < resume {
            match handler_again {
                _ if !no_lane_again => return true,
                Some(again) if again.0 <= id.0 + 1 => return true,
                Some(again) if again <= resume => {
                    // The records in between have been read, and no handler has to read them again.
                    self.loaded = RowId(again.0 - 1);
                    self.rewinds += 1;
                    return false;
                }
                _ => {}
            }
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
        self.held_back.forget_again();
    }

    /// Whether records of this handler wait for all to be looked at again.
    pub fn is_stopped(&self, handler: HandlerHash) -> bool {
        !self.stopped.is_empty() && self.stopped.contains(&handler)
    }

    pub fn is_low(&self) -> bool {
        let early = !self.opening && !self.early.is_empty();
        early || self.spilled && self.in_memory.len() <= self.low
    }

    /// Whether records are on disk alone because the queue has too little room.
    pub fn lacks_room(&self) -> bool {
        self.spilled || !self.held_back.is_empty()
    }

    /// Whether records may have to come in.
    pub fn wants(&self) -> bool {
        self.lacks_room() || !self.early.is_empty()
    }

    /// Whether this run has not accepted the record.
    pub fn is_foreign(&self, id: RowId) -> bool {
        id < self.first || self.back.iter().any(|back| back.contains(&id))
    }
}
