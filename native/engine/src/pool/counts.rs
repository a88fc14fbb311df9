//! What a pool has counted and what it has now, and a text that says why it has no room. Its phase and its
//! oldest notification are in `look`.

use std::sync::atomic::Ordering;

use queue::{QueueCounts, WhenBusy};

use super::Pool;

/// What a pool has counted since it was created, and what it has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolCounts {
    /// What its queue has counted and has.
    pub queue: QueueCounts,
    /// Rejected notifications.
    pub rejected: u64,
    /// Waiting, in flight, or with an outcome that the reporter has not acknowledged.
    pub pending: usize,
    /// The bytes of the pending notifications.
    pub pending_bytes: usize,
}

impl Pool {
    /// The queue's counts are of one moment, the others of the next.
    #[must_use]
    pub fn counts(&self) -> PoolCounts {
        let queue = self.core.lock().counts();
        let (pending, pending_bytes) = self.bounds.own().used();
        PoolCounts {
            queue,
            rejected: self.rejected.load(Ordering::Relaxed),
            pending,
            pending_bytes,
        }
    }

    /// The text for a rejection with `queue_full`: how full the pool is, and why.
    #[must_use]
    pub fn describe_bounds(&self) -> String {
        let counts = self.counts();
        let slots = self.core.lock().slots();
        let settings = self.settings();
        let settings = settings.as_deref();
        let workers = settings.map_or(0, |settings| settings.workers.get());
        let waits = settings.is_none_or(|settings| settings.when_busy == WhenBusy::Wait);
        format!(
            "pool {}: {} pending with {} bytes, {} in flight of {workers} workers{}{}",
            self.name,
            counts.pending,
            counts.pending_bytes,
            counts.queue.in_flight,
            if (1..workers).contains(&slots) {
                format!(", of which the endpoint takes {slots} at once")
            } else {
                String::new()
            },
            if waits {
                ""
            } else {
                ", and its strategy lets nothing wait"
            }
        )
    }
}
