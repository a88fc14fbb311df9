//! Accepts a notification: its record goes to disk, and the notification into the queue if there is room.

use std::sync::Arc;

use spool::{Full, Packed};

use super::Row;
use super::lanes::Most;
use super::pool_spool::PoolSpool;
use super::whose::{HandlerHash, LaneId};

/// The most notifications that wait for a file to be opened, and of how many bytes.
pub(super) const EARLY: usize = 10_000;
pub(super) const EARLY_BYTES: u64 = 16 << 20;

/// Where an accepted notification is.
#[derive(Debug)]
pub enum Accepted<T> {
    /// In the queue, and on disk unless the disk fails, with what is to follow.
    InMemory(T),
    /// On disk alone; it comes in when its turn is near.
    OnDisk,
}

/// Why a queue does not take a notification.
#[derive(Debug)]
pub enum NotTaken<E> {
    /// The pool is full.
    Full,
    /// The notification's lane is full.
    LaneFull,
    /// Another reason.
    Other(E),
}

/// Why a notification is not accepted.
#[derive(Debug)]
pub enum NotAccepted<E> {
    /// The spool is full.
    Full(Full),
    /// The pool does not take it, for another reason than that it is full.
    Pool(E),
}

impl PoolSpool {
    /// Accepts a notification: writes its record, and puts it into the queue with `push` if there is room, and memory
    /// has fewer than the `most` of its lane and its handler. `push` returns the row if the queue
    /// does not take it, with the reason, and otherwise what is to follow when no lock is held any more.
    pub(crate) fn accept<T, E>(
        self: &Arc<Self>,
        (record, handler, lane): (Packed, HandlerHash, LaneId),
        most: Most,
        push: impl FnOnce(Option<Row>) -> Result<T, (Option<Row>, NotTaken<E>)>,
        full: impl FnOnce() -> E,
    ) -> Result<Accepted<T>, NotAccepted<E>> {
        let size = record.size();
        // Held over both steps, so that the order on disk is the order in the queue. Neither waits.
        let mut window = self.window();
        let disk = self.disk.load();
        let Some(disk) = disk.as_ref() else {
            if !window.opening && window.early.is_empty() && !window.is_stopped(handler) {
                return match push(None) {
                    Ok(follows) => Ok(Accepted::InMemory(follows)),
                    Err((_, NotTaken::Other(error))) => Err(NotAccepted::Pool(error)),
                    Err(_) => Err(NotAccepted::Pool(full())),
                };
            }
            let bytes = window.early_bytes + size;
            let early = window.early.len() + window.parked.len();
            if early >= EARLY || bytes > EARLY_BYTES {
                return Err(NotAccepted::Pool(full()));
            }
            window.early_bytes = bytes;
            window.early.push_back(record);
            return Ok(Accepted::OnDisk);
        };
        let stopped = window.is_stopped(handler);
        let id = disk.append(record).map_err(NotAccepted::Full)?;
        if window.lanes.is_behind(lane) {
            window.lanes.skipped(lane, id);
            window.passes(id);
            return Ok(Accepted::OnDisk);
        }
        if window.held_back.skips(handler, id) {
            if disk.totals().failing {
                // What waits for the disk in memory is for those that deliver.
                disk.remove(id, size);
                return Err(NotAccepted::Pool(full()));
            }
            window.passes(id);
            return Ok(Accepted::OnDisk);
        }
        let has_most = window.lanes.has_most(lane, most.of_lane) && !disk.totals().failing;
        if window.spilled || stopped || has_most && window.lanes.full_at(lane, id) {
            window.passes(id);
            return Ok(Accepted::OnDisk);
        }
        if most.holds_back && !disk.totals().failing {
            window.held_back.hold(handler, id);
            window.passes(id);
            drop(window);
            // The refill starts the task that looks for room.
            self.ask();
            return Ok(Accepted::OnDisk);
        }
        let row = Row::new(self, id, lane, size);
        // One that a panic drops was not accepted.
        let not_accepted = || disk.remove(id, size);
        match self.with_queue(&mut window, (id, lane), || push(Some(row)), not_accepted) {
            Ok(follows) => {
                window.enter(id, lane);
                Ok(Accepted::InMemory(follows))
            }
            Err((row, why)) => {
                // Its end would take the lock that is held here.
                row.map(Row::disarm);
                let mut spills = false;
                let error = match why {
                    NotTaken::Other(error) => Some(error),
                    // A disk that fails cannot hold what memory does not.
                    _ if disk.totals().failing => Some(full()),
                    NotTaken::LaneFull if window.lanes.full_at(lane, id) => None,
                    NotTaken::LaneFull | NotTaken::Full => {
                        spills = true;
                        window.spilled = true;
                        window.low = window.in_memory.len() / 2;
                        None
                    }
                };
                if let Some(error) = error {
                    disk.remove(id, size);
                    return Err(NotAccepted::Pool(error));
                }
                window.passes(id);
                drop(window);
                if spills {
                    // What fills the queue may be others', whose ends bring nothing in.
                    self.ask();
                }
                Ok(Accepted::OnDisk)
            }
        }
    }
}
