//! Counts of rejected notifications, by handler and reason, until the reporter has counted them.
//!
//! A session that is rejected a million times a second leaves one row here, with one example. The
//! number of rows is at most the number of handlers times the number of reasons.

use std::collections::HashMap;
use std::sync::Arc;

use notification::{Handler, HandlerId, HostTypeId, RejectReason, Waiter};
use parking_lot::Mutex;

/// How many waiting callers are remembered. If there are more, the reporter is stuck, and no caller is
/// answered in time.
const WAITERS: usize = 4096;

/// How often one handler's notifications were rejected for one reason since the reporter last counted
/// them.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The handler whose notifications were rejected.
    pub handler: Arc<Handler>,
    /// Why they were rejected.
    pub reason: RejectReason,
    /// How many were rejected.
    pub count: u64,
    /// The sender of the first one.
    pub sender: Box<[u8]>,
    /// The details of the first one.
    pub text: Box<str>,
}

/// Rejections that the reporter has not counted yet.
#[derive(Debug, Default)]
pub struct Rejections {
    rows: Mutex<HashMap<(HandlerId, RejectReason), Rejected>>,
    /// Callers that wait until the present rows have been counted.
    waiters: Mutex<Vec<Waiter>>,
}

impl Rejections {
    /// Adds one rejection. `text` is called only for the first of its kind.
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

    /// Registers a caller that waits until all rejections added so far have been counted.
    pub fn awaited_by(&self, waiter: Waiter) {
        let mut waiters = self.waiters.lock();
        if waiters.len() < WAITERS {
            waiters.push(waiter);
        }
    }

    /// Removes up to `most` waiters. They must be told after the rows that are listed after this call
    /// have been counted.
    #[must_use]
    pub fn take_waiters(&self, most: usize) -> Vec<Waiter> {
        let mut waiters = self.waiters.lock();
        let most = most.min(waiters.len());
        waiters.drain(..most).collect()
    }

    /// The present rows. They stay until [`Rejections::counted`].
    #[must_use]
    pub fn list(&self) -> Vec<Rejected> {
        self.some(usize::MAX)
    }

    /// Up to `most` rows; the others are returned once these have been counted.
    #[must_use]
    pub fn some(&self, most: usize) -> Vec<Rejected> {
        self.rows.lock().values().take(most).cloned().collect()
    }

    /// Records that the reporter has counted `count` rejections of this row.
    pub fn counted(&self, handler: HandlerId, reason: RejectReason, count: u64) {
        let mut rows = self.rows.lock();
        if let Some(row) = rows.get_mut(&(handler, reason)) {
            row.count = row.count.saturating_sub(count);
            if row.count == 0 {
                rows.remove(&(handler, reason));
            }
        }
    }

    /// How many rejections of a host type have not been counted.
    #[must_use]
    pub fn uncounted(&self, host_type: HostTypeId) -> u64 {
        let rows = self.rows.lock();
        rows.values()
            .filter(|row| row.handler.host_type.id == host_type)
            .map(|row| row.count)
            .sum()
    }
}
