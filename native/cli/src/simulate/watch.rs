//! How busy the pools are: a thread looks at them every few milliseconds.
//!
//! It has a clock of its own. If it looked when outcomes come, it would always see the moment at which a request has just
//! ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use engine::engine::Engine;
use engine::figures::PoolMetrics;

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
    /// Requests in flight now.
    pub in_flight: u64,
    /// The most of them at one time.
    pub most_in_flight: u64,
    /// The sum over time of the requests in flight, in seconds.
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
    /// Names and workers.
    pools: Vec<(String, u64)>,
    state: Mutex<State>,
    over: AtomicBool,
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
        let name = |open: &OpenPool<'_>| (open.name.clone(), open.workers);
        let seen = Arc::new(Seen {
            engine: Arc::clone(&node.engine),
            pools: node.pools.iter().map(name).collect(),
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
        let figures = self.engine.figures();
        let spools = self.engine.spools();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = now - std::mem::replace(&mut state.looked, now);
        for ((name, workers), load) in self.pools.iter().zip(&mut state.loads) {
            let spool = spools.iter().find(|spool| spool.name() == name);
            let on_disk = spool.map_or(0, |spool| spool.on_disk_alone());
            if let Some(metrics) = figures.get(name.as_str()) {
                load.look(metrics, on_disk, *workers, passed);
            }
        }
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
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let in_flight = self.in_flight as f64;
        self.work += in_flight * passed.as_secs_f64();
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

#[cfg(test)]
mod tests {
    use super::Load;

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
