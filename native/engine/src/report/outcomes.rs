//! Outcomes on their way to the reporter: each is kept until the reporter has counted it.
//!
//! The reporter takes a batch, counts its outcomes one by one saying so after each, and takes the
//! next, which acknowledges the one before. A reporter that dies in between leaves the number it had
//! counted behind; the next one attaches and gets the rest. So none is lost, and only the outcome
//! that was being counted at the moment of death can be counted twice.
//!
//! When the reporter has found nothing, the next outcome rings the bell. Nobody is woken otherwise.
//! Not here: what the bell does (`engine`), how outcomes look in Erlang (the NIF).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::reason::Reason;
use crate::notification::Notification;
use crate::pool::Pool;

/// What became of an accepted notification.
#[derive(Debug)]
pub enum Verdict {
    /// A final response head was read.
    Sent {
        /// Its status.
        status: u16,
        /// From hand-over to the head.
        elapsed: Duration,
    },
    /// It was not.
    Failed {
        /// In one word.
        reason: Reason,
        /// What was tried, on what, and what went wrong.
        text: Arc<str>,
        /// Attempts made.
        attempts: u8,
    },
}

/// The one outcome of a notification.
#[derive(Debug)]
pub struct Outcome {
    /// The notification.
    pub notification: Notification,
    /// What became of it.
    pub verdict: Verdict,
    /// Its pool, to which its room in the bounds goes back.
    pub(crate) pool: Arc<Pool>,
}

/// Outcomes that the reporter has not acknowledged.
#[derive(Debug, Default)]
pub struct Outcomes {
    queue: Mutex<VecDeque<Outcome>>,
    /// What the reporter is counting. Only the reporter takes this lock.
    batch: Mutex<VecDeque<Outcome>>,
    /// How many of the batch the reporter has counted.
    counted: AtomicUsize,
    /// The reporter has found nothing and waits for the bell.
    armed: AtomicBool,
    bell: Notify,
}

impl Outcomes {
    /// Adds an outcome. Its notification counts as pending until it is acknowledged.
    pub fn push(&self, outcome: Outcome) {
        let handler = outcome.notification.handler();
        handler
            .host_type
            .count_outcome(matches!(outcome.verdict, Verdict::Sent { .. }));
        self.queue.lock().push_back(outcome);
        self.ring();
    }

    /// Rings the bell if the reporter waits for it.
    pub fn ring(&self) {
        if self.armed.swap(false, Ordering::AcqRel) {
            self.bell.notify_one();
        }
    }

    /// Acknowledges the batch before and shows `each` of up to `most` outcomes of the next. With
    /// none there, the next one rings the bell.
    pub fn take<R>(&self, most: usize, mut each: impl FnMut(&Outcome) -> R) -> Vec<R> {
        let mut batch = self.batch.lock();
        self.acknowledge(&mut batch);
        if batch.is_empty() {
            self.refill(&mut batch, most);
        }
        if batch.is_empty() {
            self.armed.store(true, Ordering::Release);
            // An outcome that came between the look and the arming rang no bell.
            self.refill(&mut batch, most);
            if !batch.is_empty() {
                self.armed.store(false, Ordering::Release);
            }
        }
        self.counted.store(0, Ordering::Release);
        batch.iter().map(&mut each).collect()
    }

    /// The reporter has counted one more outcome of its batch.
    pub fn counted(&self) {
        self.counted.fetch_add(1, Ordering::AcqRel);
    }

    /// A new reporter: what the one before has counted is acknowledged, the rest comes again.
    pub fn attach(&self) {
        let mut batch = self.batch.lock();
        let counted = self.counted.swap(0, Ordering::AcqRel);
        let counted = counted.min(batch.len());
        batch.drain(..counted).for_each(Outcome::acknowledge);
    }

    /// Waits for the bell.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Outcomes that were not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.lock().len() + self.queue.lock().len()
    }

    /// Whether all are acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn acknowledge(&self, batch: &mut VecDeque<Outcome>) {
        let counted = self.counted.load(Ordering::Acquire).min(batch.len());
        batch.drain(..counted).for_each(Outcome::acknowledge);
    }

    fn refill(&self, batch: &mut VecDeque<Outcome>, most: usize) {
        let mut queue = self.queue.lock();
        let take = most.min(queue.len());
        batch.extend(queue.drain(..take));
    }
}

impl Outcome {
    fn acknowledge(self) {
        self.notification.handler().host_type.count_acknowledged();
        self.pool.release(self.notification.cost());
    }
}
