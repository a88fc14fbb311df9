//! What came of the traffic: counts, latencies, and how busy the pools were.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::engine::Engine;
use engine::figures::PoolMetrics;
use engine::report::outcomes::Outcome;
use hdrhistogram::Histogram;
use notification::Verdict;

use super::node::{HandedOver, Node};

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

/// How busy a pool was, from samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Attempts beyond a notification's first.
    pub retries: u64,
    /// How often its endpoint went down.
    pub outages: u64,
    /// Attempts in all.
    pub attempts: u64,
    /// Waiting and postponed.
    pub waiting: u64,
    /// The most that waited at one time.
    pub most_waiting: u64,
    /// The longest that one was seen to wait.
    pub longest_wait: Duration,
    /// Requests in flight now.
    pub in_flight: u64,
    /// The most of them at one time.
    pub most_in_flight: u64,
    /// The sum over time of the requests in flight, in seconds.
    pub work: f64,
    /// How long it was watched while something was in flight or waiting, and how long all workers were busy.
    pub busy: Duration,
    pub full: Duration,
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
        let pools = (0..pools).map(|_| PoolTally::new(window)).collect::<Result<_, _>>()?;
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

    /// Looks at the pools; so much time has passed since the last look.
    pub fn look(&mut self, node: &Node<'_>, passed: Duration) {
        let figures = node.engine.figures();
        for (open, pool) in node.pools.iter().zip(&mut self.pools) {
            if let Some(metrics) = figures.get(open.name.as_str()) {
                let on_disk = on_disk_alone(&node.engine, &open.name);
                pool.load.look(metrics, on_disk, open.workers, passed);
            }
        }
    }

    /// The sum over all pools.
    pub fn sum(&self, of: impl Fn(&PoolTally) -> u64) -> u64 {
        self.pools.iter().map(of).sum()
    }

    /// Counts by reason or status, over all pools.
    pub fn all<K: Ord + Copy>(&self, of: impl Fn(&PoolTally) -> &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
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

impl Load {
    fn look(&mut self, metrics: &PoolMetrics, on_disk: u64, workers: u64, passed: Duration) {
        let counters = &metrics.counters;
        self.retries = counters.retries();
        self.outages = counters.outages();
        let waits = counters.queue_time.read();
        self.attempts = waits.started() + self.retries;
        self.longest_wait = self.longest_wait.max(Duration::from_micros(waits.longest));
        self.waiting = metrics.waiting + metrics.postponed + on_disk;
        self.most_waiting = self.most_waiting.max(self.waiting);
        if let Some(since) = metrics.oldest_waiting {
            self.longest_wait = self.longest_wait.max(since.elapsed());
        }
        self.in_flight = metrics.in_flight;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
        let seconds = passed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let in_flight = self.in_flight as f64;
        self.work += in_flight * seconds;
        if self.in_flight + self.waiting > 0 {
            self.busy += passed;
        }
        if self.in_flight >= workers {
            self.full += passed;
        }
    }

    /// How long a request takes on average, in seconds, while it holds a worker; 0 if there was none.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn service(&self) -> f64 {
        if self.attempts == 0 {
            return 0.0;
        }
        self.work / self.attempts as f64
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

/// How many notifications of a pool are on disk and not in memory.
fn on_disk_alone(engine: &Engine, name: &str) -> u64 {
    let spools = engine.spools();
    let spool = spools.iter().find(|spool| spool.name() == name);
    spool.map_or(0, |spool| spool.on_disk_alone())
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

    /// Two workers, busy for half of ten seconds, with twenty requests: each took half a second.
    #[test]
    fn the_time_of_a_request_comes_from_how_busy_the_workers_were() {
        let load = Load {
            attempts: 20,
            work: 10.0,
            ..Load::default()
        };
        assert!((load.service() - 0.5).abs() < 1e-9);
        assert!(Load::default().service().abs() < 1e-9);
    }
}
