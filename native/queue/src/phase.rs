//! The phases of a pool, and what its settings say to its queue once it is open. Not here: what leads
//! from one to the next ([`crate::core`]).

use std::time::Duration;

/// What happens to a notification when every worker is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBusy {
    /// It waits for its turn.
    Wait,
    /// It is rejected (`next_available_worker`).
    Reject,
}

/// What a pool does with a new item.
#[derive(Debug)]
pub enum Phase {
    /// Not configured yet: items wait.
    Opening,
    /// Not configured yet and not wanted any more: no new items, and once the settings are there it
    /// drains.
    Leaving,
    /// Items are taken and delivered.
    Open(Rules),
    /// Items are delivered and no longer taken.
    Draining(Rules),
    /// It cannot be opened, at least for now: nothing is taken, nothing delivered.
    Broken,
    /// The end.
    Closed,
}

/// What the settings of an open pool say to its queue.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Workers at the most.
    pub workers: usize,
    /// Whether items may wait for a worker.
    pub when_busy: WhenBusy,
    /// Items that may wait.
    pub max_waiting: Option<usize>,
    /// How long an item may be at the head of its lane.
    pub call_timeout: Duration,
}
