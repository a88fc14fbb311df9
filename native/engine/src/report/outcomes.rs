//! Outcomes on their way to the reporter: each is kept until the reporter has counted it.
//!
//! So none is lost. If a reporter dies, only the outcome that it was counting at that moment can be
//! counted twice (`mailbox` says how). The bell is in `runtime`.

use std::sync::Arc;

use notification::{Notification, Verdict};
use parking_lot::Mutex;
use queue::Reservation;
use tokio::sync::Notify;

use super::mailbox::Mailbox;

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

/// Outcomes that the reporter has not acknowledged.
#[derive(Debug)]
pub struct Outcomes {
    mailbox: Mailbox<Outcome>,
    bell: Notify,
    /// A caller waits for what the bell announces.
    hurry: Notify,
    /// Acknowledged outcomes for the engine to free: when the allocator merges free memory and returns
    /// it to the system, that can take milliseconds, and the reporter runs on a scheduler.
    dead: Mutex<Dead>,
    burial: Notify,
}

#[derive(Debug, Default)]
struct Dead {
    outcomes: Vec<Outcome>,
    /// A task of the engine frees them.
    is_buried: bool,
}

/// How many acknowledged outcomes are left to the engine; the reporter frees those beyond this number.
const DEAD: usize = 4096;

/// Bytes of names and texts in one batch: a scheduler copies them in some tens of microseconds.
const HEAVIEST_BATCH: usize = 128 * 1024;

impl Default for Outcomes {
    fn default() -> Self {
        Self {
            mailbox: Mailbox::weighing(Outcome::weight, HEAVIEST_BATCH),
            bell: Notify::default(),
            hurry: Notify::default(),
            dead: Mutex::default(),
            burial: Notify::default(),
        }
    }
}

impl Outcomes {
    /// Adds an outcome. Its notification counts as pending until the reporter acknowledges it.
    pub fn push(&self, outcome: Outcome) {
        let handler = outcome.notification.handler();
        handler
            .host_type
            .count_outcome(matches!(outcome.verdict, Verdict::Sent { .. }));
        if outcome.notification.waiter().is_some() {
            self.hurry();
        }
        if self.mailbox.push(outcome) {
            self.bell.notify_one();
        }
    }

    /// Makes the bell ring without delay, because a caller waits.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Rings the bell if the reporter waits for it.
    pub fn ring(&self) {
        if self.mailbox.disarm() {
            self.bell.notify_one();
        }
    }

    /// Acknowledges the outcomes that were counted, then calls `each` for up to `most` outcomes of the
    /// next batch. If there are none, the next outcome rings the bell.
    pub fn take<R>(&self, most: usize, each: impl FnMut(&Outcome) -> R) -> Vec<R> {
        let shown = self
            .mailbox
            .take(most, |outcome| self.acknowledge(outcome), each);
        let dead = self.dead.lock().outcomes.len();
        if dead > 0 && (shown.is_empty() || dead >= most) {
            self.burial.notify_one();
        }
        shown
    }

    /// Records that the reporter has counted one more outcome of its batch.
    pub fn counted(&self) {
        self.mailbox.counted();
    }

    /// Registers a new reporter: outcomes that the previous one has counted are acknowledged, and the
    /// others are delivered again.
    pub fn attach(&self) {
        self.mailbox.attach(|outcome| self.acknowledge(outcome));
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

    /// Waits for the bell.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Waits until the bell must ring without delay.
    pub(crate) async fn hurried(&self) {
        self.hurry.notified().await;
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
    /// The number of bytes that the reporter copies.
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
