//! How records that are on disk alone come into memory, and what their ends mean for those behind them.
//!
//! `refill` reads them; here is which of them may come in.

use std::sync::Arc;

use spool::{DeathReason, History, Loaded, Packed, RowId};

use super::Row;
use super::lanes::Most;
use super::pool_spool::PoolSpool;
use super::refill::NotIn;
use super::whose::{HandlerHash, LaneId};
use super::window::{ReadFrom, Window};

/// How many records that were in no file are moved under one lock.
pub(super) const AT_ONCE: usize = 64;

/// What became of a record that was to come in.
#[derive(Debug)]
pub(super) enum BroughtIn<T> {
    /// It is in the queue. This is to follow when no lock is held any more.
    Queued(T),
    /// It stays on disk for now: its handler does not run.
    Skipped(Row),
    /// It belongs to no handler, or is no notification: it becomes a dead letter.
    GivenUp(Row, History, &'static str),
    /// The pool does not take it.
    Not(Option<Row>, NotIn),
}

impl PoolSpool {
    /// The place behind which records are to be read now, or none if all are in memory.
    pub(super) fn begin_to_read(&self) -> Option<ReadFrom> {
        let mut window = self.window();
        window.ended.clear();
        window.spilled.then_some(ReadFrom {
            after: window.loaded,
            rewinds: window.rewinds,
        })
    }

    /// Puts some of what was accepted before the file was open into the queue with `push`, if the file cannot
    /// be opened. Returns whether there are more, or why there is no going on.
    ///
    /// What `push` returns is dropped when no lock is held any more.
    pub(super) fn bring_early<T>(
        &self,
        mut push: impl FnMut(&Packed) -> Result<T, NotIn>,
    ) -> Result<bool, NotIn> {
        // Dropped after the window is unlocked.
        let mut follows = Vec::new();
        let mut window = self.window();
        if window.opening || self.disk.load().is_some() {
            return Ok(false);
        }
        for _ in 0..AT_ONCE {
            let Some(record) = window.early.front() else {
                return Ok(false);
            };
            let handler = HandlerHash::of(&record.host_type, &record.handler);
            let pushed = if window.is_stopped(handler) {
                Err(NotIn::NoHandler)
            } else {
                push(record)
            };
            let parks = match pushed {
                Ok(one) => {
                    follows.push(one);
                    false
                }
                // Others must not wait for its handler.
                Err(NotIn::NoHandler) => true,
                Err(why) => return Err(why),
            };
            let record = window.early.pop_front();
            match record {
                Some(record) if parks => {
                    window.stopped.insert(handler);
                    window.parked.push_back(record);
                }
                Some(record) => {
                    window.early_bytes = window.early_bytes.saturating_sub(record.size());
                }
                None => {}
            }
        }
        Ok(true)
    }

    /// Puts a record that was read into the queue with `push`, which learns whether an earlier run had
    /// accepted it. A record that is there already is skipped, and one whose lane is behind, or whose handler is held back, or
    /// of which memory has the `most`. Returns why there is no going on.
    pub(super) fn bring_in<T>(
        self: &Arc<Self>,
        from: ReadFrom,
        loaded: &Loaded,
        most: Most,
        push: impl FnOnce(Row, bool) -> BroughtIn<T>,
    ) -> Result<(), NotIn> {
        let Loaded { id, record, .. } = loaded;
        let id = *id;
        let handler = HandlerHash::of(&record.host_type, &record.handler);
        let lane = handler.lane(&record.lane);
        let mut window = self.window();
        if window.rewinds != from.rewinds {
            return Err(NotIn::Rewound);
        }
        if window.in_memory.contains(&id) || window.ended.contains(&id) {
            return go_on(&mut window, id);
        }
        if window.lanes.is_behind(lane) {
            window.lanes.skipped(lane, id);
            return go_on(&mut window, id);
        }
        if window.held_back.skips(handler, id) {
            return go_on(&mut window, id);
        }
        if window.lanes.has_most(lane, most.of_lane) && window.lanes.full_at(lane, id) {
            return go_on(&mut window, id);
        }
        if window.is_stopped(handler) {
            return go_on(&mut window, id);
        }
        if most.holds_back {
            window.held_back.hold(handler, id);
            return go_on(&mut window, id);
        }
        let foreign = window.is_foreign(id) && !window.counted.contains(&id);
        let row = Row::new(self, id, lane, loaded.size);
        // A record that a panic drops is where it was.
        match self.with_queue(&mut window, (id, lane), || push(row, foreign), || {}) {
            BroughtIn::Queued(follows) => {
                window.counted.remove(&id);
                window.enter(id, lane);
                let end = go_on(&mut window, id);
                drop(window);
                drop(follows);
                end
            }
            BroughtIn::Skipped(row) => {
                row.disarm();
                window.stopped.insert(handler);
                go_on(&mut window, id)
            }
            BroughtIn::GivenUp(row, history, reason) => {
                row.disarm();
                if let Some(disk) = self.disk() {
                    disk.bury(id, history, DeathReason(reason.to_owned()));
                    window.given_up.add(reason);
                }
                go_on(&mut window, id)
            }
            BroughtIn::Not(row, why) => {
                row.map(Row::disarm);
                if why == NotIn::LaneFull && window.lanes.full_at(lane, id) {
                    return go_on(&mut window, id);
                }
                window.low = window.in_memory.len() / 2;
                Err(why)
            }
        }
    }

    /// How far the file has been read, and how many wait that are in no file.
    pub(super) fn progress(&self) -> (RowId, usize) {
        let window = self.window();
        (window.loaded, window.early.len())
    }

    /// Whether records are on disk alone, and memory has room for some.
    pub(super) fn is_low(&self) -> bool {
        self.window().is_low()
    }

    /// All records behind `from` that there were when `next` was the next place have been read. Returns
    /// whether that is all there are: new ones go into the queue again.
    pub(super) fn is_done(&self, from: ReadFrom, next: RowId) -> bool {
        let mut window = self.window();
        let disk = self.disk.load();
        let more = disk.as_ref().is_some_and(|disk| disk.next() != next);
        if more || window.rewinds != from.rewinds {
            return false;
        }
        window.spilled = false;
        window.forget_again();
        true
    }

    /// A record has ended. Returns whether others may have to come in.
    pub(super) fn ended(&self, id: RowId, lane: LaneId) -> bool {
        let mut window = self.window();
        window.in_memory.remove(&id);
        if let Some(behind) = window.lanes.went(lane) {
            window.read_again(behind);
            window.ended.insert(id);
            return true;
        }
        if window.spilled {
            window.ended.insert(id);
        }
        window.is_low()
    }

    /// Whether a record of the lane before this one is on disk alone.
    pub(super) fn overtakes(&self, id: RowId, lane: LaneId) -> bool {
        // What put a record of the lane behind has happened before this one's turn came.
        self.behinds.any() && self.window().lanes.overtakes(lane, id)
    }

    /// Returns false if it runs already; then it is asked for once more when it has ended.
    pub(super) fn begin_refill(&self) -> bool {
        let mut refilling = self.refilling.lock();
        refilling.asked = refilling.runs;
        !std::mem::replace(&mut refilling.runs, true)
    }

    /// Returns whether it was asked for meanwhile, perhaps by a pool that has come since.
    pub(super) fn end_refill(&self) -> bool {
        std::mem::take(&mut *self.refilling.lock()).asked
    }
}

/// The record was dealt with: the next one is the one behind it, or another one.
fn go_on(window: &mut Window, id: RowId) -> Result<(), NotIn> {
    if window.read_to(id) {
        Ok(())
    } else {
        Err(NotIn::Rewound)
    }
}
