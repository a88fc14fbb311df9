//! Counts of rejected notifications, by handler and reason, until the reporter has counted them.
//!
//! A session that is rejected a million times a second leaves one row here, with one example. The
//! number of rows is bounded by handlers times reasons. Not here: outcomes of accepted ones.

use std::collections::HashMap;
use std::sync::Arc;

use notification::{Handler, RejectReason, Waiter};
use parking_lot::Mutex;

/// Waiting callers that are remembered. With more than these the reporter stands still, and nobody is
/// told anything in time.
const WAITERS: usize = 4096;

/// How often one handler's notifications were rejected for one reason, since it was last counted.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The handler.
    pub handler: Arc<Handler>,
    /// The reason.
    pub reason: RejectReason,
    /// How often.
    pub count: u64,
    /// Sender of the first one.
    pub sender: Box<[u8]>,
    /// What there is to say about the first one.
    pub text: Box<str>,
}

/// Rejections that were not counted yet.
#[derive(Debug, Default)]
pub struct Rejections {
    rows: Mutex<HashMap<(u32, RejectReason), Rejected>>,
    /// Who waits until the rows as they are now have been counted.
    waiters: Mutex<Vec<Waiter>>,
}

impl Rejections {
    /// One more. `text` is only called for the first of its kind.
    pub fn add(
        &self,
        handler: &Arc<Handler>,
        reason: RejectReason,
        sender: &[u8],
        text: impl FnOnce() -> String,
    ) {
        let mut rows = self.rows.lock();
        rows.entry((handler.id, reason))
            .or_insert_with(|| Rejected {
                handler: Arc::clone(handler),
                reason,
                count: 0,
                sender: sender.into(),
                text: text().into(),
            })
            .count += 1;
    }

    /// Someone waits until what was added so far has been counted.
    pub fn awaited_by(&self, waiter: Waiter) {
        let mut waiters = self.waiters.lock();
        if waiters.len() < WAITERS {
            waiters.push(waiter);
        }
    }

    /// Up to `most` of those to tell once the rows that are listed after this have been counted.
    #[must_use]
    pub fn take_waiters(&self, most: usize) -> Vec<Waiter> {
        let mut waiters = self.waiters.lock();
        let most = most.min(waiters.len());
        waiters.drain(..most).collect()
    }

    /// The rows as they are now. They stay until [`Rejections::counted`].
    #[must_use]
    pub fn list(&self) -> Vec<Rejected> {
        self.some(usize::MAX)
    }

    /// Up to `most` rows; the others are there once these are counted.
    #[must_use]
    pub fn some(&self, most: usize) -> Vec<Rejected> {
        self.rows.lock().values().take(most).cloned().collect()
    }

    /// The reporter has counted `count` of this row.
    pub fn counted(&self, handler: u32, reason: RejectReason, count: u64) {
        let mut rows = self.rows.lock();
        if let Some(row) = rows.get_mut(&(handler, reason)) {
            row.count = row.count.saturating_sub(count);
            if row.count == 0 {
                rows.remove(&(handler, reason));
            }
        }
    }

    /// How many were not counted for a host type.
    #[must_use]
    pub fn uncounted(&self, host_type: u32) -> u64 {
        let rows = self.rows.lock();
        rows.values()
            .filter(|row| row.handler.host_type.id == host_type)
            .map(|row| row.count)
            .sum()
    }
}
