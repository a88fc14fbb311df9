//! Which rows of a lane are in memory, and from which on it is on disk alone although the others' are read.
//!
//! A lane stays *behind* in two cases: it is full, or one of its rows has left memory without an outcome.
//! Meanwhile its rows are skipped when records come in. When enough of those in memory have ended, it is
//! read *again* from the first that stayed behind, so that it keeps its order and holds up no other lane. That
//! ends when it is behind once more, or with the last row that was skipped: what follows has been read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use notification::DeliveryPolicy;
use spool::RowId;

use super::numbers::NumberMap;
use super::whose::LaneId;

/// How many rows of a lane are in memory at most, if they are delivered one after the other: more would only take
/// the room of other lanes while this one is stuck; fewer, and it would wait for the disk.
const MOST: usize = 512;

/// What of a record's lane and of its handler may be in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    /// So many rows of the lane ([`most_in_memory`]).
    pub of_lane: usize,
    /// No more of the handler: it leaves too little room for others.
    pub holds_back: bool,
}

impl Most {
    /// All for which there is room.
    pub(crate) const ANY: Self = Self {
        of_lane: usize::MAX,
        holds_back: false,
    };
}

/// How many rows of a lane of this policy are in memory at most. Of one that goes in batches there is enough for the
/// batch on its way and for the next one, which would wait for company otherwise that is on disk alone.
pub(crate) fn most_in_memory(policy: &DeliveryPolicy) -> usize {
    let batch = policy.batch.map_or(0, |batch| batch.max_events);
    MOST.max(usize::try_from(batch).map_or(usize::MAX, |events| events.saturating_mul(2)))
}

/// The lanes that have rows in memory, or are behind.
#[derive(Debug, Default)]
pub(super) struct LaneRows {
    rows: NumberMap<LaneId, Rows>,
    /// The lanes that are read again, with the last row that was skipped.
    again: NumberMap<LaneId, RowId>,
    behind: Arc<Behinds>,
}

/// How many lanes are behind or about to be, for those that do not have the lock: each delivery asks, and most often
/// there is none.
#[derive(Debug, Default)]
pub(super) struct Behinds(AtomicUsize);

impl Behinds {
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    pub(super) fn more(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn fewer(&self, by: usize) {
        self.0.fetch_sub(by, Ordering::AcqRel);
    }
}

#[derive(Debug, Default)]
struct Rows {
    in_memory: usize,
    behind: Option<Behind>,
}

#[derive(Clone, Copy, Debug)]
struct Behind {
    /// The first row that is on disk alone, and the last of them that was skipped.
    first: RowId,
    last: RowId,
    /// When so few are in memory, the others come in.
    low: usize,
}

impl LaneRows {
    /// How many of these lanes are behind, from now on too.
    pub(super) fn behinds(&self) -> Arc<Behinds> {
        Arc::clone(&self.behind)
    }

    /// A row is in the queue.
    pub(super) fn entered(&mut self, lane: LaneId) {
        self.rows.entry(lane).or_default().in_memory += 1;
    }

    /// Whether no more rows of the lane should come into memory, which has room for so many.
    pub(super) fn has_most(&self, lane: LaneId, most: usize) -> bool {
        let rows = self.rows.get(&lane);
        rows.is_some_and(|rows| rows.in_memory >= most)
    }

    /// A row has left memory. Returns the row from which the lane is to be read again, if it is time.
    pub(super) fn went(&mut self, lane: LaneId) -> Option<RowId> {
        let rows = self.rows.get_mut(&lane)?;
        rows.in_memory = rows.in_memory.saturating_sub(1);
        let again = rows.behind.take_if(|behind| rows.in_memory <= behind.low);
        if rows.in_memory == 0 && rows.behind.is_none() {
            self.rows.remove(&lane);
        }
        let behind = again?;
        self.behind.fewer(1);
        self.again.insert(lane, behind.last);
        Some(behind.first)
    }

    /// A row was skipped, or went to the disk alone, because its lane is behind.
    pub(super) fn skipped(&mut self, lane: LaneId, row: RowId) {
        let rows = self.rows.get_mut(&lane);
        if let Some(behind) = rows.and_then(|rows| rows.behind.as_mut()) {
            behind.last = behind.last.max(row);
        }
    }

    /// All rows up to this one have been read. Returns whether no lane has to be read again behind it.
    pub(super) fn read_to(&mut self, row: RowId) -> bool {
        self.again.retain(|_, last| *last > row);
        self.again.is_empty()
    }

    /// Everything is read again, or has been: no lane more than the others.
    pub(super) fn forget_again(&mut self) {
        self.again.clear();
    }

    /// The lane is full: `row` and what comes after it stay behind. Returns false if nothing of the lane is in
    /// memory, whose end would bring it in.
    pub(super) fn full_at(&mut self, lane: LaneId, row: RowId) -> bool {
        match self.rows.get_mut(&lane) {
            Some(rows) if rows.in_memory > 0 => {
                let low = rows.in_memory / 2;
                rows.stay_behind(row, self.again.remove(&lane), low, &self.behind);
                true
            }
            _ => false,
        }
    }

    /// A row in memory is about to leave it without an outcome ([`LaneRows::went`] follows): what comes after
    /// it must not go before it.
    pub(super) fn leaves(&mut self, lane: LaneId, row: RowId) {
        let last = self.again.remove(&lane);
        let rows = self.rows.entry(lane).or_default();
        rows.stay_behind(row, last, 0, &self.behind);
    }

    pub(super) fn is_behind(&self, lane: LaneId) -> bool {
        let rows = self.rows.get(&lane);
        rows.is_some_and(|rows| rows.behind.is_some())
    }

    /// Whether a row of the lane before this one is on disk alone.
    pub(super) fn overtakes(&self, lane: LaneId, row: RowId) -> bool {
        let rows = self.rows.get(&lane);
        rows.and_then(|rows| rows.behind)
            .is_some_and(|behind| behind.first < row)
    }
}

impl Rows {
    /// `last`: the last row that was skipped before, if the lane is read again.
    fn stay_behind(&mut self, row: RowId, last: Option<RowId>, low: usize, behinds: &Behinds) {
        if self.behind.is_none() {
            behinds.more();
        }
        let behind = self.behind.get_or_insert(Behind {
            first: row,
            last: row,
            low,
        });
        behind.first = behind.first.min(row);
        behind.last = behind.last.max(row).max(last.unwrap_or(row));
        behind.low = behind.low.min(low);
    }
}
