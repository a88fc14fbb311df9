//! Metrics by pool name: what is pending now, and what was counted since the process started.
//!
//! They cover all incarnations of a pool: the open one, those that drain, and the spare that accepts
//! notifications while the host's changed options are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::engine::Engine;
use crate::pool::Pool;
use crate::report::counters::PoolCounters;

/// The metrics of the pools of one name.
#[derive(Debug, Default)]
pub struct PoolMetrics {
    /// Accepted, but not started.
    pub waiting: u64,
    /// Started before, and waiting for the next attempt.
    pub postponed: u64,
    /// For handlers whose limit is reached: without an outcome.
    pub limited: u64,
    /// Started, but without an outcome.
    pub in_flight: u64,
    /// Waiting, postponed, in flight, or with an outcome that the reporter has not acknowledged.
    pub pending: usize,
    /// The bytes of the pending notifications.
    pub pending_bytes: usize,
    /// How many requests the open pool may have in flight.
    pub workers: usize,
    /// When the oldest waiting notification was handed over.
    pub oldest_waiting: Option<Instant>,
    /// The endpoints whose deliveries are tried again, by URL.
    pub endpoints: BTreeMap<String, EndpointMetrics>,
    /// The counters since the process started.
    pub counters: Arc<PoolCounters>,
    /// A pool of this name has been open, could not be opened, or has something pending.
    known: bool,
}

/// The metrics of the endpoint at a URL.
#[derive(Debug, Default)]
pub struct EndpointMetrics {
    /// Since when it is down, if it is.
    pub down_since: Option<Instant>,
    /// How many notifications for it have no outcome.
    pub pending: usize,
}

impl PoolMetrics {
    fn add_endpoints(&mut self, pool: &Pool) {
        for state in pool.endpoints() {
            let endpoint = self.endpoints.entry(state.url).or_default();
            endpoint.pending += state.pending;
            let both = endpoint.down_since.into_iter().chain(state.down_since);
            endpoint.down_since = both.min();
        }
    }

    fn add(&mut self, pool: &Pool) {
        let counts = pool.counts();
        self.waiting += counts.queue.waiting;
        self.postponed += counts.queue.postponed;
        self.limited += pool.limited();
        self.add_endpoints(pool);
        self.in_flight += counts.queue.in_flight;
        self.pending += counts.pending;
        self.pending_bytes += counts.pending_bytes;
        self.workers += pool.open_workers();
        let oldest = pool.oldest_waiting();
        self.oldest_waiting = self.oldest_waiting.into_iter().chain(oldest).min();
        self.known |= pool.settings().is_some() || pool.defect().is_some() || counts.pending > 0;
    }

    /// Hides names that were only ever looked up and never used.
    fn is_of_interest(&self) -> bool {
        let counters = &self.counters;
        let rejected = counters.rejected.list();
        self.known
            || counters.sent() + counters.failed() > 0
            || rejected.iter().any(|(_, count)| *count > 0)
    }
}

impl Engine {
    /// The metrics of every name, in the order of the names.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<Box<str>, PoolMetrics> {
        let mut metrics: BTreeMap<Box<str>, PoolMetrics> = BTreeMap::new();
        for (name, counters) in self.counters.list() {
            metrics.entry(name).or_default().counters = counters;
        }
        for pool in self.living_pools() {
            if let Some(metrics) = metrics.get_mut(&pool.name) {
                metrics.add(&pool);
            }
        }
        metrics.retain(|_, metrics| metrics.is_of_interest());
        metrics
    }
}
