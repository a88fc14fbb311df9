//! Outcomes on their way to the reporters: each is kept until a reporter has counted it.
//!
//! So none is lost. If a reporter dies, only the outcome that it was counting at that moment can be
//! counted twice (`mailbox` says how, and when another reporter than the first has work). The bells are in
//! `runtime`.

use std::future::pending;
use std::sync::Arc;

use notification::{Notification, Verdict};
use parking_lot::Mutex;
use queue::Reservation;
use tokio::sync::Notify;

use super::mailbox::Mailbox;

pub use super::mailbox::FIRST;

/// The one outcome of a notification.
#[derive(Debug)]
pub struct Outcome {
    /// The notification that has ended.
    pub notification: Notification,
    /// How the notification ended.
    pub verdict: Verdict,
    /// Its room in the bounds of its pool.
    pub(crate) reserved: Reservation,
}

/// Outcomes that no reporter has acknowledged.
#[derive(Debug)]
pub struct Outcomes {
    mailbox: Mailbox<Outcome>,
    /// One for each reporter.
    bells: [Notify; REPORTERS_AT_MOST],
    /// A caller waits for what the bell announces.
    hurry: Notify,
    /// Acknowledged outcomes for the engine to free: when the allocator merges free memory and returns
    /// it to the system, that can take milliseconds, and reporters run on schedulers.
    dead: Mutex<Dead>,
    burial: Notify,
}

#[derive(Debug, Default)]
struct Dead {
    outcomes: Vec<Outcome>,
    /// A task of the engine frees them.
    is_buried: bool,
}

/// The most reporters that there can be.
pub const REPORTERS_AT_MOST: usize = 32;

/// The most outcomes in one batch: encoded in well under a millisecond. A backlog of so many is work for
/// another reporter.
pub const BATCH: usize = 256;

/// How many acknowledged outcomes are left to the engine; the reporters free those beyond this number.
const DEAD: usize = 4096;

/// Bytes of names and texts in one batch: a scheduler copies them in some tens of microseconds.
const HEAVIEST_BATCH: usize = 128 * 1024;

impl Default for Outcomes {
    fn default() -> Self {
        Self {
            mailbox: Mailbox::new(REPORTERS_AT_MOST, BATCH, Outcome::weight, HEAVIEST_BATCH),
            bells: std::array::from_fn(|_| Notify::default()),
            hurry: Notify::default(),
            dead: Mutex::default(),
            burial: Notify::default(),
        }
    }
}

impl Outcomes {
    /// Says how many reporters there are from now on, up to [`REPORTERS_AT_MOST`]. What one that is no
    /// longer there has not counted goes to the others.
    pub fn employ(&self, reporters: usize) {
        self.mailbox
            .employ(reporters, |outcome| self.acknowledge(outcome));
    }

    /// Adds an outcome. Its notification counts as pending until a reporter acknowledges it.
    pub fn push(&self, outcome: Outcome) {
        let handler = outcome.notification.handler();
        handler
            .host_type
            .count_outcome(matches!(outcome.verdict, Verdict::Sent { .. }));
        if outcome.notification.waiter().is_some() {
            self.hurry();
        }
        if let Some(reporter) = self.mailbox.push(outcome) {
            self.ring_for(reporter);
        }
    }

    /// Makes the first reporter's bell ring without delay, because a caller waits.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Rings the bell of the first reporter if it waits for it.
    pub fn ring(&self) {
        if self.mailbox.disarm() {
            self.ring_for(FIRST);
        }
    }

    fn ring_for(&self, reporter: usize) {
        if let Some(bell) = self.bells.get(reporter) {
            bell.notify_one();
        }
    }

    /// Acknowledges the outcomes that `reporter` has counted, then calls `each` for up to `most` outcomes
    /// of its next batch. If there are none, its bell rings for the next outcome, or for the next backlog
    /// if it is not the first reporter.
    pub fn take<R>(&self, reporter: usize, most: usize, each: impl FnMut(&Outcome) -> R) -> Vec<R> {
        let done = |outcome| self.acknowledge(outcome);
        let shown = self.mailbox.take(reporter, most, done, each);
        let dead = self.dead.lock().outcomes.len();
        if dead > 0 && (shown.is_empty() || dead >= most) {
            self.burial.notify_one();
        }
        shown
    }

    /// Records that `reporter` has counted one more outcome of its batch.
    pub fn counted(&self, reporter: usize) {
        self.mailbox.counted(reporter);
    }

    /// Registers a successor of `reporter`: outcomes that it has counted are acknowledged, and the others
    /// are delivered again.
    pub fn attach(&self, reporter: usize) {
        self.mailbox
            .attach(reporter, |outcome| self.acknowledge(outcome));
    }

    /// Frees acknowledged outcomes for as long as the engine runs.
    pub async fn bury(self: Arc<Self>) {
        let _buried = Buried::begin(Arc::clone(&self));
        let mut taken = Vec::with_capacity(DEAD);
        loop {
            self.burial.notified().await;
            std::mem::swap(&mut self.dead.lock().outcomes, &mut taken);
            taken.clear();
            self.mailbox.clear_up();
        }
    }

    fn acknowledge(&self, mut outcome: Outcome) {
        outcome
            .notification
            .handler()
            .host_type
            .count_acknowledged();
        outcome.reserved.release();
        let mut dead = self.dead.lock();
        if dead.is_buried && dead.outcomes.len() < DEAD {
            dead.outcomes.push(outcome);
        }
    }

    /// Waits for the bell of `reporter`.
    pub async fn rung(&self, reporter: usize) {
        match self.bells.get(reporter) {
            Some(bell) => bell.notified().await,
            None => pending().await,
        }
    }

    /// Waits until the bell of `reporter` must ring without delay, which is for the first one alone: what
    /// a caller waits for is never left to another.
    pub(crate) async fn hurried(&self, reporter: usize) {
        match reporter {
            FIRST => self.hurry.notified().await,
            _ => pending().await,
        }
    }

    /// The number of unacknowledged outcomes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mailbox.len()
    }

    /// Whether all outcomes are acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mailbox.is_empty()
    }
}

impl Outcome {
    /// The number of bytes that a reporter copies.
    fn weight(&self) -> usize {
        let names = self.notification.names();
        let text = match &self.verdict {
            Verdict::Sent { .. } => 0,
            Verdict::Failed { text, .. } => text.len(),
        };
        let waiter = self.notification.waiter();
        let token = waiter.map_or(0, |waiter| waiter.token().len());
        names.sender.len() + names.server.len() + names.receiver.len() + text + token
    }
}

/// RAII guard: while it lives, a task frees acknowledged outcomes.
#[derive(Debug)]
struct Buried(Arc<Outcomes>);

impl Buried {
    fn begin(outcomes: Arc<Outcomes>) -> Self {
        *outcomes.dead.lock() = Dead {
            outcomes: Vec::with_capacity(DEAD),
            is_buried: true,
        };
        Self(outcomes)
    }
}

impl Drop for Buried {
    fn drop(&mut self) {
        // Free what was added meanwhile: another engine may never run.
        let dead = std::mem::take(&mut *self.0.dead.lock());
        drop(dead);
        self.0.mailbox.clear_up();
    }
}
