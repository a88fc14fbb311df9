//! What there is to watch, by the name of the pools: what is on its way now, and what was counted
//! since the process started.
//!
//! All incarnations of a pool are one here: the one that is open, those that drain, and the one that
//! takes what is handed over while a restarted pool is looked at. Not here: how it is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::engine::Engine;
use crate::pool::Pool;
use crate::report::totals::PoolTotals;

/// The numbers of the pools of one name.
#[derive(Debug, Default)]
pub struct Figures {
    /// Accepted and not started.
    pub waiting: u64,
    /// Started and without an outcome.
    pub in_flight: u64,
    /// Waiting, in flight, or with an outcome that was not acknowledged.
    pub pending: usize,
    /// Their bytes.
    pub pending_bytes: usize,
    /// Requests that may be in flight, of the pool that is open.
    pub workers: usize,
    /// When the oldest of the waiting was handed over.
    pub oldest_waiting: Option<Instant>,
    /// What was counted since the process started.
    pub totals: Arc<PoolTotals>,
    /// One of them has, or had, its settings, or could not be opened.
    known: bool,
}

impl Figures {
    fn add(&mut self, pool: &Pool) {
        let state = pool.state();
        self.waiting += state.tally.waiting;
        self.in_flight += state.tally.in_flight;
        self.pending += state.pending;
        self.pending_bytes += state.pending_bytes;
        self.workers += pool.open_workers();
        let oldest = pool.oldest_waiting();
        self.oldest_waiting = self.oldest_waiting.into_iter().chain(oldest).min();
        self.known |= pool.settings().is_some() || pool.defect().is_some() || state.pending > 0;
    }

    /// A name under which nothing was ever sent, failed or rejected, and no pool opened, only stands
    /// for a look-up of the host's.
    fn is_of_interest(&self) -> bool {
        let totals = &self.totals;
        let rejected = totals.rejected.list();
        self.known
            || totals.sent() + totals.failed() > 0
            || rejected.iter().any(|(_, count)| *count > 0)
    }
}

impl Engine {
    /// The numbers of every name, in the order of the names.
    #[must_use]
    pub fn figures(&self) -> BTreeMap<Box<str>, Figures> {
        let mut figures: BTreeMap<Box<str>, Figures> = BTreeMap::new();
        for (name, totals) in self.totals.list() {
            figures.entry(name).or_default().totals = totals;
        }
        for pool in self.living_pools() {
            if let Some(figures) = figures.get_mut(&pool.name) {
                figures.add(&pool);
            }
        }
        figures.retain(|_, figures| figures.is_of_interest());
        figures
    }
}
