//! A pool's numbers, and a text that says why it has no room. Its phase and its oldest notification are
//! in `look`.

use std::sync::atomic::Ordering;

use queue::{Tally, WhenBusy};

use super::Pool;

/// A pool's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// The queue's numbers.
    pub tally: Tally,
    /// Rejected notifications.
    pub rejected: u64,
    /// Waiting, in flight, or with an outcome that the reporter has not acknowledged.
    pub pending: usize,
    /// The bytes of the pending notifications.
    pub pending_bytes: usize,
}

impl Pool {
    /// Reads the numbers.
    #[must_use]
    pub fn state(&self) -> PoolState {
        let tally = self.core.lock().tally();
        let (pending, pending_bytes) = self.bounds.own().used();
        PoolState {
            tally,
            rejected: self.rejected.load(Ordering::Relaxed),
            pending,
            pending_bytes,
        }
    }

    /// The text for a rejection with `queue_full`: how full the pool is, and why.
    #[must_use]
    pub fn describe_bounds(&self) -> String {
        let state = self.state();
        let slots = self.core.lock().slots();
        let settings = self.settings();
        let settings = settings.as_deref();
        let workers = settings.map_or(0, |settings| settings.workers.get());
        let waits = settings.is_none_or(|settings| settings.when_busy == WhenBusy::Wait);
        format!(
            "pool {}: {} pending with {} bytes, {} in flight of {workers} workers{}{}",
            self.name,
            state.pending,
            state.pending_bytes,
            state.tally.in_flight,
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
