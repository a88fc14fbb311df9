//! Counters by pool name for as long as the process lives: pools of one name come and go, but operators
//! want numbers that only grow.
//!
//! Workers count without a lock; only a failure takes one, to be remembered as the last. The numbers of
//! waiting and in-flight notifications are in `queue`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use notification::{FailureReason, RejectedTotals, Verdict};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::queue_time::QueueTime;

/// The totals of all pool names.
#[derive(Debug, Default)]
pub struct Totals {
    pools: Mutex<HashMap<Box<str>, Arc<PoolTotals>>>,
}

/// The totals of the pools of one name.
#[derive(Debug, Default)]
pub struct PoolTotals {
    /// Notifications that were sent.
    sent: AtomicU64,
    /// Notifications that failed.
    failed: AtomicU64,
    /// Attempts after a notification's first.
    retries: AtomicU64,
    /// How often an endpoint went down.
    outages: AtomicU64,
    /// The time from hand-over to the start of the first attempt.
    pub queue_time: QueueTime,
    /// Rejected notifications, by reason.
    pub rejected: RejectedTotals,
    last_failure: Mutex<Option<LastFailure>>,
}

/// The most recent failure.
#[derive(Clone, Debug)]
pub struct LastFailure {
    /// When the notification failed.
    pub at: Instant,
    /// The failure reason.
    pub reason: FailureReason,
    /// What was tried, where, and what went wrong.
    pub text: Arc<str>,
    /// The attempts made.
    pub attempts: u32,
}

impl Totals {
    /// The totals of this name; they start at zero if the name is new.
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

    /// The totals of all names since the process started.
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
                // Free the old failure after releasing the lock.
                drop(before);
            }
        }
    }

    pub(crate) fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_outage(&self) {
        self.outages.fetch_add(1, Ordering::Relaxed);
    }

    /// How often an endpoint went down.
    #[must_use]
    pub fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// Notifications that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Notifications that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Attempts after a notification's first.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// The most recent failure.
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
