//! How busy the pools are: a thread looks at them every few milliseconds.
//!
//! It has a clock of its own. If it looked when outcomes come, it would always see the moment at which a request has just
//! ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use engine::engine::Engine;
use engine::metrics::PoolMetrics;
use notification::PoolId;

use crate::node::{Node, OpenPool};

/// How often it looks.
const LOOK_EACH: Duration = Duration::from_millis(5);

/// How busy a pool was.
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
    /// The longest that one waited.
    pub longest_wait: Duration,
    /// Notifications in flight now; of a batch, all.
    pub in_flight: u64,
    /// The most workers that were busy at one time.
    pub most_busy: u64,
    /// The sum over time of the busy workers, in seconds.
    pub work: f64,
    /// How long something was in flight or waiting.
    pub busy: Duration,
    /// How long all workers were busy.
    pub full: Duration,
}

/// The thread that looks; it ends when this is dropped.
pub(super) struct Watch {
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

struct Seen {
    engine: Arc<Engine>,
    pools: Vec<Watched>,
    state: Mutex<State>,
    over: AtomicBool,
}

/// A pool that is looked at.
struct Watched {
    id: PoolId,
    name: String,
    workers: u64,
}

struct State {
    loads: Vec<Load>,
    looked: Instant,
}

impl Watch {
    /// Begins to look at the pools of a node.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub fn begin(node: &Node<'_>) -> Result<Self, String> {
        let watched = |open: &OpenPool<'_>| Watched {
            id: open.id,
            name: open.name.clone(),
            workers: open.workers,
        };
        let seen = Arc::new(Seen {
            engine: Arc::clone(&node.engine),
            pools: node.pools.iter().map(watched).collect(),
            state: Mutex::new(State {
                loads: vec![Load::default(); node.pools.len()],
                looked: Instant::now(),
            }),
            over: AtomicBool::new(false),
        });
        let looks = Arc::clone(&seen);
        let thread = thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                while !looks.over.load(Ordering::Relaxed) {
                    looks.look();
                    thread::sleep(LOOK_EACH);
                }
            })
            .map_err(|error| error.to_string())?;
        Ok(Self {
            seen,
            thread: Some(thread),
        })
    }

    /// What was seen so far.
    pub fn loads(&self) -> Vec<Load> {
        let state = self.seen.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).loads.clone()
    }

    /// Looks once more.
    pub fn look(&self) {
        self.seen.look();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it has panicked, the panic was printed.
            let _ = thread.join();
        }
    }
}

impl Seen {
    fn look(&self) {
        let metrics = self.engine.metrics();
        let spools = self.engine.spools();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = now - std::mem::replace(&mut state.looked, now);
        for (watched, load) in self.pools.iter().zip(&mut state.loads) {
            let spool = spools.iter().find(|spool| spool.name() == watched.name);
            let on_disk = spool.map_or(0, |spool| spool.on_disk_alone());
            if let Some(metrics) = metrics.get(watched.name.as_str()) {
                load.look(metrics, on_disk);
            }
            if let Ok(pool) = self.engine.pool(watched.id) {
                let counts = pool.counts().queue;
                let busy = counts.workers.saturating_sub(counts.parked);
                load.add(busy, watched.workers, passed);
            }
        }
    }
}

impl Load {
    fn look(&mut self, metrics: &PoolMetrics, on_disk: u64) {
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
    }

    /// So many of the workers were busy for this time.
    fn add(&mut self, busy: u64, workers: u64, passed: Duration) {
        self.most_busy = self.most_busy.max(busy);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let busy_workers = busy as f64;
        self.work += busy_workers * passed.as_secs_f64();
        if busy + self.waiting > 0 {
            self.busy += passed;
        }
        if busy >= workers {
            self.full += passed;
        }
    }

    /// How long a notification takes a worker on average, in seconds; 0 if there was none. Those of a batch share its time.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn service(&self) -> f64 {
        if self.attempts == 0 {
            return 0.0;
        }
        self.work / self.attempts as f64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Load;

    /// Two workers, busy for half of ten seconds, with twenty requests: each took half a second.
    #[test]
    fn the_time_of_a_request_comes_from_how_busy_the_workers_were() {
        let mut load = Load {
            attempts: 20,
            ..Load::default()
        };
        load.add(2, 2, Duration::from_secs(5));
        load.add(0, 2, Duration::from_secs(5));
        assert!((load.service() - 0.5).abs() < 1e-9);
        assert_eq!(
            (load.most_busy, load.full, load.busy),
            (2, Duration::from_secs(5), Duration::from_secs(5))
        );
        assert!(Load::default().service().abs() < 1e-9);
    }
}
