//! What came of the traffic: counts, latencies, and how busy the pools were.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::report::outcomes::Outcome;
use hdrhistogram::Histogram;
use notification::Verdict;

use super::watch::Load;
use crate::node::{HandedOver, Node};

/// Latencies up to an hour, in microseconds, to three digits.
const LONGEST: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// All counts.
#[derive(Debug)]
pub(super) struct Tally {
    /// Events that happened, whether a handler sends them or not.
    pub events: u64,
    /// One for each pool.
    pub pools: Vec<PoolTally>,
    /// From hand-over to the answer, in microseconds.
    pub latency: Histogram<u64>,
}

/// The counts of a pool.
#[derive(Debug)]
pub(super) struct PoolTally {
    /// Notifications that were accepted.
    pub accepted: u64,
    /// Notifications that were rejected, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Notifications that were sent, by the status of the answer.
    pub sent: BTreeMap<u16, u64>,
    /// Notifications that failed, by reason.
    pub failed: BTreeMap<&'static str, u64>,
    /// From hand-over to the answer, in microseconds.
    pub latency: Histogram<u64>,
    /// How busy it was.
    pub load: Load,
    rate: Rate,
}

/// How many came in a second of the busiest time.
#[derive(Debug)]
struct Rate {
    window: Duration,
    number: u128,
    count: u64,
    most: u64,
}

impl Tally {
    /// Nothing yet. The busiest time is one of this length.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub fn new(pools: usize, window: Duration) -> Result<Self, String> {
        let pools = (0..pools)
            .map(|_| PoolTally::new(window))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            events: 0,
            pools,
            latency: histogram()?,
        })
    }

    /// Counts a hand-over.
    pub fn handed_over(&mut self, at: Duration, what: &HandedOver) {
        let pool = &mut self.pools[what.pool];
        pool.rate.add(at);
        match what.accepted {
            Ok(()) => pool.accepted += 1,
            Err(reason) => *pool.rejected.entry(reason.as_str()).or_default() += 1,
        }
    }

    /// Counts an outcome.
    pub fn ended(&mut self, node: &Node<'_>, outcome: &Outcome) {
        let Some(pool) = node.pool_of(outcome.notification.handler()) else {
            return;
        };
        let pool = &mut self.pools[pool];
        match &outcome.verdict {
            Verdict::Sent { status, elapsed } => {
                *pool.sent.entry(*status).or_default() += 1;
                let micros = u64::try_from(elapsed.as_micros()).unwrap_or(LONGEST);
                pool.latency.saturating_record(micros);
                self.latency.saturating_record(micros);
            }
            Verdict::Failed { reason, .. } => {
                *pool.failed.entry(reason.as_str()).or_default() += 1;
            }
        }
    }

    /// Takes over how busy the pools are.
    pub fn loads(&mut self, loads: Vec<Load>) {
        for (pool, load) in self.pools.iter_mut().zip(loads) {
            pool.load = load;
        }
    }

    /// The sum over all pools.
    pub fn sum(&self, of: impl Fn(&PoolTally) -> u64) -> u64 {
        self.pools.iter().map(of).sum()
    }

    /// Counts by reason or status, over all pools.
    pub fn all<K: Ord + Copy>(
        &self,
        of: impl Fn(&PoolTally) -> &BTreeMap<K, u64>,
    ) -> BTreeMap<K, u64> {
        let mut all = BTreeMap::new();
        for (key, count) in self.pools.iter().flat_map(of) {
            *all.entry(*key).or_default() += count;
        }
        all
    }
}

impl PoolTally {
    fn new(window: Duration) -> Result<Self, String> {
        Ok(Self {
            accepted: 0,
            rejected: BTreeMap::new(),
            sent: BTreeMap::new(),
            failed: BTreeMap::new(),
            latency: histogram()?,
            load: Load::default(),
            rate: Rate {
                window,
                number: 0,
                count: 0,
                most: 0,
            },
        })
    }

    /// Notifications that were sent.
    pub fn sent(&self) -> u64 {
        self.sent.values().sum()
    }

    /// Notifications that failed.
    pub fn failed(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Notifications that were rejected.
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All notifications.
    pub fn accepted_and_rejected(&self) -> u64 {
        self.accepted + self.rejected()
    }

    /// Notifications without an outcome.
    pub fn left(&self) -> u64 {
        self.accepted.saturating_sub(self.sent() + self.failed())
    }

    /// How many were handed over in a second of the busiest time.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn busiest(&self) -> f64 {
        self.rate.most as f64 / self.rate.window.as_secs_f64()
    }
}

impl Rate {
    fn add(&mut self, at: Duration) {
        let number = at.as_nanos() / self.window.as_nanos().max(1);
        if number != self.number {
            self.number = number;
            self.count = 0;
        }
        self.count += 1;
        self.most = self.most.max(self.count);
    }
}

fn histogram() -> Result<Histogram<u64>, String> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_time_is_found() {
        let mut rate = Rate {
            window: Duration::from_secs(1),
            number: 0,
            count: 0,
            most: 0,
        };
        for ms in [0, 900, 1000, 1100, 1900, 1999, 2000, 5000] {
            rate.add(Duration::from_millis(ms));
        }
        assert_eq!(rate.most, 4);
    }
}
