//! The results of the queue's steps: counts, work, and what to do outside the lock. The steps
//! themselves are in [`crate::core`].

use std::time::Duration;

use tokio::time::Instant;

/// What the caller of a step has to do next, outside the lock.
#[derive(Debug)]
#[must_use = "dropping a step leaves queued work without a worker"]
pub enum Step<W, O = ()> {
    /// Nothing to do.
    Nothing,
    /// Wake this worker; it is no longer parked.
    Wake(W),
    /// Start a worker, which is counted already, with what the pool is open with.
    Start(O),
    /// Start the timer that expires items that wait longer than this.
    Time(Duration),
    /// Start the alarm, which wakes postponed lanes.
    Alarm,
    /// Ring the alarm that runs: the next time comes earlier than it knows.
    Ring,
}

/// What the alarm is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "lanes would wait for an alarm that never comes"]
pub enum Call {
    /// Nothing.
    Nothing,
    /// It does not run: start it.
    Start,
    /// The next time comes earlier than it knows.
    Ring,
}

impl<W, O> From<Call> for Step<W, O> {
    fn from(call: Call) -> Self {
        match call {
            Call::Nothing => Self::Nothing,
            Call::Start => Self::Alarm,
            Call::Ring => Self::Ring,
        }
    }
}

/// What the alarm has found.
#[derive(Debug)]
pub struct Due<W, O> {
    /// For the lanes that are served from now on.
    pub steps: Vec<Step<W, O>>,
    /// When the next time comes.
    pub next: Option<Instant>,
    /// Whether lanes wait for the gate of their group. Without them and without a next time, the alarm has
    /// ended.
    pub hold: bool,
}

impl<W, O> Default for Due<W, O> {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            next: None,
            hold: false,
        }
    }
}

/// What a pool that opens needs, outside the lock.
#[derive(Debug)]
#[must_use = "dropping it leaves queued work without a worker"]
pub struct Staff<O> {
    /// The number of workers to start, which are counted already.
    pub workers: usize,
    /// What each of them delivers with.
    pub with: O,
    /// If the expiry timer is to be started too, how long items may wait.
    pub timer: Option<Duration>,
}

/// How many items a pool has accepted so far and what became of them, counted since it was created; where
/// the others are now, and the pool's workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Items accepted.
    pub accepted: u64,
    /// Of these, outcome *sent*.
    pub sent: u64,
    /// Of these, outcome *failed*.
    pub failed: u64,
    /// Of these, not started yet.
    pub waiting: u64,
    /// Of these, started before and waiting for the next attempt.
    pub postponed: u64,
    /// Of these, started and without an outcome.
    pub in_flight: u64,
    /// All workers, including parked ones and those that still read a response body.
    pub workers: u64,
    /// Workers that wait for work.
    pub parked: u64,
}

/// What a worker gets when it asks for work.
#[derive(Debug)]
pub enum Turn<J, W, O = ()> {
    /// An item.
    Work(J),
    /// Nothing; the worker is parked and will be woken. The step is for ready items that wait
    /// nevertheless, because the endpoint has no room for another request.
    Parked(Step<W, O>),
    /// The pool is closed; the worker is no longer counted.
    Leave,
}
