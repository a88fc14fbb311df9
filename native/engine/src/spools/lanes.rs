//! Which rows of a lane are in memory, and from which on it is on disk alone although the others' are read.
//!
//! A lane stays *behind* in two cases: it is full, or one of its rows has left memory without an outcome.
//! Meanwhile its rows are skipped when records come in. When enough of those in memory have ended, it is
//! read again from the first that stayed behind, so that it keeps its order and holds up no other lane.

use std::collections::HashMap;

use spool::RowId;

/// A lane as the spool knows it: the hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LaneId(pub u64);

/// The lanes that have rows in memory, or are behind.
#[derive(Debug, Default)]
pub(super) struct LaneRows(HashMap<LaneId, Rows>);

#[derive(Debug, Default)]
struct Rows {
    in_memory: usize,
    behind: Option<Behind>,
}

#[derive(Clone, Copy, Debug)]
struct Behind {
    /// The first row that is on disk alone.
    first: RowId,
    /// When so few are in memory, the others come in.
    low: usize,
}

impl LaneRows {
    /// A row is in the queue.
    pub(super) fn entered(&mut self, lane: LaneId) {
        self.0.entry(lane).or_default().in_memory += 1;
    }

    /// A row has left memory. Returns the row from which the lane is to be read again, if it is time.
    pub(super) fn went(&mut self, lane: LaneId) -> Option<RowId> {
        let rows = self.0.get_mut(&lane)?;
        rows.in_memory = rows.in_memory.saturating_sub(1);
        let again = rows
            .behind
            .take_if(|behind| rows.in_memory <= behind.low)
            .map(|behind| behind.first);
        if rows.in_memory == 0 && rows.behind.is_none() {
            self.0.remove(&lane);
        }
        again
    }

    /// The lane is full: `row` and what comes after it stay behind. Returns false if nothing of the lane is in
    /// memory, whose end would bring it in.
    pub(super) fn full_at(&mut self, lane: LaneId, row: RowId) -> bool {
        match self.0.get_mut(&lane) {
            Some(rows) if rows.in_memory > 0 => {
                rows.stay_behind(row, rows.in_memory / 2);
                true
            }
            _ => false,
        }
    }

    /// A row in memory is about to leave it without an outcome ([`LaneRows::went`] follows): what comes after
    /// it must not go before it.
    pub(super) fn leaves(&mut self, lane: LaneId, row: RowId) {
        self.0.entry(lane).or_default().stay_behind(row, 0);
    }

    pub(super) fn is_behind(&self, lane: LaneId) -> bool {
        let rows = self.0.get(&lane);
        rows.is_some_and(|rows| rows.behind.is_some())
    }

    /// Whether a row of the lane before this one is on disk alone.
    pub(super) fn overtakes(&self, lane: LaneId, row: RowId) -> bool {
        let rows = self.0.get(&lane);
        rows.and_then(|rows| rows.behind)
            .is_some_and(|behind| behind.first < row)
    }
}

impl Rows {
    fn stay_behind(&mut self, row: RowId, low: usize) {
        let behind = self.behind.get_or_insert(Behind { first: row, low });
        behind.first = behind.first.min(row);
        behind.low = behind.low.min(low);
    }
}
