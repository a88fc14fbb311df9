//! Counters by pool name for as long as the process lives: pools of one name come and go, but operators
//! want numbers that only grow.
//!
//! Workers count without a lock; only a failure takes one, to be remembered as the last. The numbers of
//! waiting and in-flight notifications are in `queue`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use notification::{FailureReason, RejectCounters, Verdict};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::wait_histogram::WaitHistogram;

/// The counters of all pool names.
#[derive(Debug, Default)]
pub struct CountersByPool {
    pools: Mutex<HashMap<Box<str>, Arc<PoolCounters>>>,
}

/// The counters of the pools of one name.
#[derive(Debug, Default)]
pub struct PoolCounters {
    /// Notifications that were sent.
    sent: AtomicU64,
    /// Notifications that failed.
    failed: AtomicU64,
    /// Attempts after a notification's first.
    retries: AtomicU64,
    /// How often an endpoint went down.
    outages: AtomicU64,
    /// The time from hand-over to the start of the first attempt.
    pub queue_time: WaitHistogram,
    /// Rejected notifications, by reason.
    pub rejected: RejectCounters,
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

impl CountersByPool {
    /// The counters of this name; they start at zero if the name is new.
    #[must_use]
    pub fn of(&self, pool: &str) -> Arc<PoolCounters> {
        let mut pools = self.pools.lock();
        if let Some(counters) = pools.get(pool) {
            return Arc::clone(counters);
        }
        let counters = Arc::new(PoolCounters::default());
        pools.insert(pool.into(), Arc::clone(&counters));
        counters
    }

    /// The counters of all names since the process started.
    #[must_use]
    pub fn list(&self) -> Vec<(Box<str>, Arc<PoolCounters>)> {
        let pools = self.pools.lock();
        pools
            .iter()
            .map(|(name, counters)| (name.clone(), Arc::clone(counters)))
            .collect()
    }
}

impl PoolCounters {
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
    use super::CountersByPool;

    #[test]
    fn pools_of_one_name_share_their_totals() {
        let counters = CountersByPool::default();
        counters.of("global/a").count_retry();
        counters.of("global/a").count_retry();
        counters.of("global/b").count_retry();
        let mut list = counters.list();
        list.sort_by(|(one, _), (other, _)| one.cmp(other));
        let counts: Vec<_> = list
            .iter()
            .map(|(name, counters)| (&**name, counters.retries()))
            .collect();
        assert_eq!(counts, [("global/a", 2), ("global/b", 1)]);
    }
}
