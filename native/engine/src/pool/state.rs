//! A pool's numbers, and in words why it has no room. Not here: its phase and what waits longest
//! (`look`).

use std::sync::atomic::Ordering;

use queue::{Tally, WhenBusy};

use super::Pool;

/// A pool's numbers, of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// The queue's numbers.
    pub tally: Tally,
    /// Not taken.
    pub rejected: u64,
    /// Waiting, in flight, or with an outcome that was not acknowledged.
    pub pending: usize,
    /// Their bytes.
    pub pending_bytes: usize,
}

impl Pool {
    /// The numbers.
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

    /// In words, what is rejected with `queue_full` and why.
    #[must_use]
    pub fn describe_bounds(&self) -> String {
        let state = self.state();
        let slots = self.core.lock().slots();
        let workers = self.settings().map_or(0, |settings| settings.workers.get());
        let waits = self
            .settings()
            .is_none_or(|settings| settings.when_busy == WhenBusy::Wait);
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
