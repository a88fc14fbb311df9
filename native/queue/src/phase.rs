//! The phases of a pool, and the rules of an open one. The transitions are in [`crate::core`].

use std::time::Duration;

/// What happens to a notification when every worker is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBusy {
    /// It waits for its turn.
    Wait,
    /// The notification is rejected (`next_available_worker`).
    Reject,
}

/// What a pool does with a new item.
#[derive(Debug)]
pub enum Phase {
    /// Not configured yet; items wait.
    Opening,
    /// Not configured yet and no longer wanted: accepts no new items, and drains once it is configured.
    Leaving,
    /// Accepts and delivers items.
    Open(Rules),
    /// Delivers items and accepts no new ones.
    Draining(Rules),
    /// Cannot be opened, at least for now: accepts and delivers nothing.
    Broken,
    /// Closed for good.
    Closed,
}

/// The settings of an open pool that concern its queue.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The maximum number of workers.
    pub workers: usize,
    /// Whether items may wait for a worker.
    pub when_busy: WhenBusy,
    /// The maximum number of waiting items.
    pub max_waiting: Option<usize>,
    /// How long an item may wait at the head of its lane.
    pub call_timeout: Duration,
}
