//! Outcomes on their way to the reporter: each is kept until the reporter has counted it.
//!
//! So none is lost, and only the outcome that was being counted at the moment of a reporter's death
//! can be counted twice (`mailbox` says how).
//!
//! Not here: what the bell does (`engine`), how outcomes look in Erlang (the NIF).

use std::sync::Arc;

use notification::{Notification, Verdict};
use parking_lot::Mutex;
use queue::PoolBounds;
use tokio::sync::Notify;

use super::mailbox::Mailbox;

/// The one outcome of a notification.
#[derive(Debug)]
pub struct Outcome {
    /// The notification.
    pub notification: Notification,
    /// What became of it.
    pub verdict: Verdict,
    /// The bounds of its pool, to which its room goes back.
    pub(crate) bounds: Arc<PoolBounds>,
    /// That room, in bytes.
    pub(crate) cost: usize,
}

/// Outcomes that the reporter has not acknowledged.
#[derive(Debug)]
pub struct Outcomes {
    mailbox: Mailbox<Outcome>,
    bell: Notify,
    /// A caller waits for what the bell rings for.
    hurry: Notify,
    /// Acknowledged, and to be freed by the engine: the allocator can take milliseconds for that, when
    /// it puts together what is free and gives it back, and the reporter runs on a scheduler.
    dead: Mutex<Dead>,
    burial: Notify,
}

#[derive(Debug, Default)]
struct Dead {
    outcomes: Vec<Outcome>,
    /// A task of the engine frees them.
    is_buried: bool,
}

/// Room for what is to be freed; what comes beyond is freed by the reporter.
const DEAD: usize = 4096;

/// Bytes of names and texts in one batch: what a scheduler copies in some tens of microseconds.
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
    /// Adds an outcome. Its notification counts as pending until it is acknowledged.
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

    /// The next ring of the bell is not put off, because a caller waits.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Rings the bell if the reporter waits for it.
    pub fn ring(&self) {
        if self.mailbox.disarm() {
            self.bell.notify_one();
        }
    }

    /// Acknowledges what was counted of the batch before and shows `each` of up to `most` outcomes of
    /// the next. With none there, the next one rings the bell.
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

    /// The reporter has counted one more outcome of its batch.
    pub fn counted(&self) {
        self.mailbox.counted();
    }

    /// A new reporter: what the one before has counted is acknowledged, the rest comes again.
    pub fn attach(&self) {
        self.mailbox.attach(|outcome| self.acknowledge(outcome));
    }

    /// Frees what is acknowledged, for as long as the engine runs.
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

    fn acknowledge(&self, outcome: Outcome) {
        outcome
            .notification
            .handler()
            .host_type
            .count_acknowledged();
        outcome.bounds.release(outcome.cost);
        let mut dead = self.dead.lock();
        if dead.is_buried && dead.outcomes.len() < DEAD {
            dead.outcomes.push(outcome);
        }
    }

    /// Waits for the bell.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Waits until the bell is to be rung at once.
    pub(crate) async fn hurried(&self) {
        self.hurry.notified().await;
    }

    /// Outcomes that were not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mailbox.len()
    }

    /// Whether all are acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mailbox.is_empty()
    }
}

impl Outcome {
    /// Bytes that the reporter is shown.
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

/// While this lives, a task frees what is acknowledged.
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
        // What was put there meanwhile does not wait for another engine.
        let dead = std::mem::take(&mut *self.0.dead.lock());
        drop(dead);
        self.0.mailbox.clear_up();
    }
}
