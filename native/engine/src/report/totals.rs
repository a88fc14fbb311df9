//! What is counted by a pool's name for as long as the process lives: pools come and go under one
//! name, and whoever watches wants numbers that only grow.
//!
//! Workers count here without a lock; only a failure takes one, to be remembered as the last. Not
//! here: what waits or is in flight (`queue`), what the reporter has to be told (`outcomes`,
//! `rejections`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use notification::{FailureReason, RejectedTotals, Verdict};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::queue_time::QueueTime;

/// Totals of all names.
#[derive(Debug, Default)]
pub struct Totals {
    pools: Mutex<HashMap<Box<str>, Arc<PoolTotals>>>,
}

/// Totals of the pools of one name.
#[derive(Debug, Default)]
pub struct PoolTotals {
    /// Outcomes: sent.
    sent: AtomicU64,
    /// Outcomes: failed.
    failed: AtomicU64,
    /// Attempts beyond a notification's first.
    retries: AtomicU64,
    /// From hand-over to the start of the first attempt.
    pub queue_time: QueueTime,
    /// Not taken.
    pub rejected: RejectedTotals,
    last_failure: Mutex<Option<LastFailure>>,
}

/// The failure that was the last.
#[derive(Clone, Debug)]
pub struct LastFailure {
    /// When.
    pub at: Instant,
    /// In one word.
    pub reason: FailureReason,
    /// What was tried, on what, and what went wrong.
    pub text: Arc<str>,
    /// Attempts made.
    pub attempts: u8,
}

impl Totals {
    /// The totals of this name; from zero where it is new.
    #[must_use]
    pub fn of(&self, pool: &str) -> Arc<PoolTotals> {
        let mut pools = self.pools.lock();
        if let Some(totals) = pools.get(pool) {
            return Arc::clone(totals);
        }
        let totals = Arc::new(PoolTotals::default());
        pools.insert(pool.into(), Arc::clone(&totals));
        totals
    }

    /// All names there ever were.
    #[must_use]
    pub fn list(&self) -> Vec<(Box<str>, Arc<PoolTotals>)> {
        let pools = self.pools.lock();
        pools
            .iter()
            .map(|(name, totals)| (name.clone(), Arc::clone(totals)))
            .collect()
    }
}

impl PoolTotals {
    pub(crate) fn count_outcome(&self, verdict: &Verdict) {
        match verdict {
            Verdict::Sent { .. } => {
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Failed {
                reason,
                text,
                attempts,
            } => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let failure = LastFailure {
                    at: Instant::now(),
                    reason: *reason,
                    text: Arc::clone(text),
                    attempts: *attempts,
                };
                let before = self.last_failure.lock().replace(failure);
                // Freed after the lock is let go.
                drop(before);
            }
        }
    }

    pub(crate) fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Outcomes: sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Outcomes: failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Attempts beyond a notification's first.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// The failure that was the last.
    #[must_use]
    pub fn last_failure(&self) -> Option<LastFailure> {
        self.last_failure.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn pools_of_one_name_share_their_totals() {
        let totals = Totals::default();
        totals.of("global/a").count_retry();
        totals.of("global/a").count_retry();
        totals.of("global/b").count_retry();
        let mut list = totals.list();
        list.sort_by(|(one, _), (other, _)| one.cmp(other));
        let counts: Vec<_> = list
            .iter()
            .map(|(name, totals)| (&**name, totals.retries()))
            .collect();
        assert_eq!(counts, [("global/a", 2), ("global/b", 1)]);
    }
}
