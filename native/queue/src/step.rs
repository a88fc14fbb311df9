//! What a step of the queue gives back: an answer, work, and what is to be done outside the lock. Not
//! here: the steps ([`crate::core`]).

/// What the caller of a step has to do after it, outside the lock.
#[derive(Debug)]
#[must_use = "work would wait for nobody"]
pub enum Step<W> {
    /// Nothing.
    Nothing,
    /// Wake this worker; it is no longer parked.
    Wake(W),
    /// Start a worker; it is counted already.
    Start,
    /// Start the task that expires what waits too long.
    Time,
}

/// What became of the items of a pool so far, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken.
    pub accepted: u64,
    /// Of these, outcome: sent.
    pub sent: u64,
    /// Of these, outcome: failed.
    pub failed: u64,
    /// Of these, not started yet.
    pub waiting: u64,
    /// Of these, started and without an outcome.
    pub in_flight: u64,
    /// Workers there are, busy ones, and ones whose response body is still read.
    pub workers: u64,
    /// Workers that wait for work.
    pub parked: u64,
}

/// What a worker that looked for work gets.
#[derive(Debug)]
pub enum Turn<J, W> {
    /// An item.
    Work(J),
    /// Nothing; it is parked and will be woken. The step is for what waits all the same, because the
    /// endpoint has no room for another request.
    Parked(Step<W>),
    /// The pool is closed; it is not counted any more.
    Leave,
}
