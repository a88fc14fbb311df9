//! The lock of a spool's window, and the records that leave memory while it is held.
//!
//! A record may leave on the very thread that holds the lock: a panic in the queue drops what the queue was given. So
//! a record that leaves does not wait for the lock. It is noted, and the thread that holds the lock, or is the next
//! to take it, sees to it before anything else is done with the window.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering, fence};

use parking_lot::{Mutex, MutexGuard};
use scopeguard::ScopeGuard;
use spool::RowId;

use super::pool_spool::PoolSpool;
use super::whose::LaneId;
use super::window::Window;

/// Records whose notifications are no longer in memory, and have no outcome.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    any: AtomicBool,
    rows: Mutex<Vec<(RowId, LaneId)>>,
}

/// The window, as long as this lives.
pub(super) struct Locked<'a> {
    // Fields are dropped in this order.
    window: MutexGuard<'a, Window>,
    after: After<'a>,
}

/// What is done after the window is unlocked.
struct After<'a> {
    spool: &'a PoolSpool,
    /// Whether records may have to come in.
    wants: bool,
}

impl Leaving {
    fn note(&self, id: RowId, lane: LaneId) {
        self.rows.lock().push((id, lane));
        self.any.store(true, Ordering::Release);
    }

    fn take(&self) -> Vec<(RowId, LaneId)> {
        let mut rows = self.rows.lock();
        self.any.store(false, Ordering::Release);
        mem::take(&mut rows)
    }

    /// Forgets that this one left. Returns false if it has not.
    fn stays(&self, id: RowId) -> bool {
        let mut rows = self.rows.lock();
        let before = rows.len();
        rows.retain(|(left, _)| *left != id);
        rows.len() < before
    }
}

impl PoolSpool {
    /// Locks the window.
    pub(super) fn window(&self) -> Locked<'_> {
        let mut window = self.window.lock();
        let wants = self.let_leave(&mut window);
        Locked {
            window,
            after: After { spool: self, wants },
        }
    }

    /// The notification of a record is no longer in memory, and has no outcome.
    pub(super) fn left(&self, id: RowId, lane: LaneId) {
        // Its lane is behind from now on, though nothing says yet where.
        self.behinds.more();
        self.leaving.note(id, lane);
        self.see_to_what_left(false);
    }

    /// Calls `push`, which puts a record into the queue. If that panics, the window knows whether the record is in
    /// the queue; if it is not, it has not left either, and `if_dropped` is called.
    pub(super) fn with_queue<R>(
        &self,
        window: &mut Window,
        (id, lane): (RowId, LaneId),
        push: impl FnOnce() -> R,
        if_dropped: impl FnOnce(),
    ) -> R {
        let panicked = scopeguard::guard((window, if_dropped), |(window, if_dropped)| {
            if self.leaving.stays(id) {
                self.behinds.fewer(1);
                if_dropped();
            } else {
                window.counted.remove(&id);
                window.enter(id, lane);
            }
        });
        let pushed = push();
        ScopeGuard::into_inner(panicked);
        pushed
    }

    /// Lets records leave, unless another thread holds the window, which does it then.
    fn see_to_what_left(&self, mut wants: bool) {
        loop {
            // With the one before another thread's look: either it sees the note, or this one finds the window free.
            fence(Ordering::SeqCst);
            if !self.leaving.any.load(Ordering::Acquire) {
                break;
            }
            let Some(mut window) = self.window.try_lock() else {
                break;
            };
            wants |= self.let_leave(&mut window) && window.wants();
        }
        if wants {
            // The queue may be locked by this thread, and the window by one that waits for the queue.
            self.ask();
        }
    }

    /// Returns whether records may have to come in because of that.
    fn let_leave(&self, window: &mut Window) -> bool {
        if !self.leaving.any.load(Ordering::Acquire) {
            return false;
        }
        let on_disk = self.disk.load().is_some();
        let rows = self.leaving.take();
        let left = rows.len();
        for (id, lane) in rows {
            window.in_memory.remove(&id);
            if window.is_foreign(id) {
                window.counted.insert(id);
            }
            if on_disk {
                window.lanes.leaves(lane, id);
                if let Some(behind) = window.lanes.went(lane) {
                    window.read_again(behind);
                }
            }
        }
        self.behinds.fewer(left);
        on_disk
    }
}

impl Deref for Locked<'_> {
    type Target = Window;

    fn deref(&self) -> &Window {
        &self.window
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Window {
        &mut self.window
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.after.wants = self.after.wants && self.window.wants();
    }
}

impl Drop for After<'_> {
    fn drop(&mut self) {
        self.spool.see_to_what_left(self.wants);
    }
}
