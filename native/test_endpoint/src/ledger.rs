//! What the test endpoint counts. Exact under any load: each event is one atomic addition.
//!
//! A request is begun when its head has been read, received when its body has been read, and answered
//! just before the last byte of its answer is written. It is in flight from begun to answered or given
//! up. Because it is counted as answered before that last byte, a client that waits for its answers
//! never has more requests in flight here than it knows of.

use parking_lot::Mutex;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Paths with their own counter; all others are counted together as `(other)`.
const MAX_PATHS: usize = 65_536;

/// What the test endpoint has counted since its start or the last `clear`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Connections accepted.
    pub connections_accepted: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Requests whose head was read.
    pub begun: u64,
    /// Requests whose body was read too.
    pub received: u64,
    /// Requests that got a whole answer, including malformed answers.
    pub answered: u64,
    /// Requests begun and neither answered nor given up yet.
    pub in_flight: u64,
    /// Highest number of requests in flight.
    pub max_in_flight: u64,
    /// Requests that were not valid HTTP.
    pub bad_requests: u64,
    /// Faults that the request's protocol does not have; answered with 500.
    pub misplaced_faults: u64,
    /// Bytes of bodies read.
    pub body_bytes: u64,
    /// TLS handshakes that failed.
    pub tls_failures: u64,
    /// Records kept.
    pub records_kept: u64,
    /// Records dropped because there were too many.
    pub records_dropped: u64,
    /// Requests begun by path (with query).
    pub paths: BTreeMap<String, u64>,
    /// Requests answered by status.
    pub statuses: BTreeMap<u16, u64>,
}

/// The counters of one endpoint.
#[derive(Debug)]
pub(crate) struct Ledger {
    started: Instant,
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicU64,
    begun: AtomicU64,
    received: AtomicU64,
    answered: AtomicU64,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    pub(crate) bad_requests: AtomicU64,
    pub(crate) misplaced_faults: AtomicU64,
    body_bytes: AtomicU64,
    pub(crate) tls_failures: AtomicU64,
    statuses: Vec<AtomicU64>,
    /// Each connection keeps the counter of its last path, so the lock is rarely taken.
    paths: Mutex<HashMap<Vec<u8>, Arc<AtomicU64>>>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            received: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            max_in_flight: AtomicU64::new(0),
            bad_requests: AtomicU64::new(0),
            misplaced_faults: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            tls_failures: AtomicU64::new(0),
            statuses: (0..600).map(|_| AtomicU64::new(0)).collect(),
            paths: Mutex::new(HashMap::new()),
        }
    }

    /// Time since the test endpoint was started.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts a request as begun.
    pub(crate) fn begin(self: &Arc<Self>, path: &[u8], memory: &mut PathMemory) -> Ticket {
        self.begun.fetch_add(1, Relaxed);
        memory.counter(self, path).fetch_add(1, Relaxed);
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        if now > self.max_in_flight.load(Relaxed) {
            self.max_in_flight.fetch_max(now, Relaxed);
        }
        Ticket {
            ledger: Arc::clone(self),
        }
    }

    /// All counters except those of the records.
    pub(crate) fn stats(&self) -> Stats {
        let counted = |counter: &AtomicU64| counter.load(Relaxed);
        let paths = self.paths.lock();
        let by_path = paths.iter().map(|(path, counter)| {
            let path = String::from_utf8_lossy(path).into_owned();
            (path, counted(counter))
        });
        let by_status = (0_u16..).zip(self.statuses.iter().map(counted));
        Stats {
            connections_accepted: counted(&self.accepted),
            connections_open: counted(&self.open),
            begun: counted(&self.begun),
            received: counted(&self.received),
            answered: counted(&self.answered),
            in_flight: counted(&self.in_flight),
            max_in_flight: counted(&self.max_in_flight),
            bad_requests: counted(&self.bad_requests),
            misplaced_faults: counted(&self.misplaced_faults),
            body_bytes: counted(&self.body_bytes),
            tls_failures: counted(&self.tls_failures),
            records_kept: 0,
            records_dropped: 0,
            paths: by_path.filter(|(_, count)| *count > 0).collect(),
            statuses: by_status.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// Sets all counters to 0, except what is open or in flight now.
    pub(crate) fn clear(&self) {
        let counters = [
            &self.accepted,
            &self.begun,
            &self.received,
            &self.answered,
            &self.bad_requests,
            &self.misplaced_faults,
            &self.body_bytes,
            &self.tls_failures,
        ];
        for counter in counters.into_iter().chain(&self.statuses) {
            counter.store(0, Relaxed);
        }
        for counter in self.paths.lock().values() {
            counter.store(0, Relaxed);
        }
        let now = self.in_flight.load(Relaxed);
        self.max_in_flight.store(now, Relaxed);
    }
}

/// The counter of the path that a connection used last.
#[derive(Debug, Default)]
pub(crate) struct PathMemory(Option<(Vec<u8>, Arc<AtomicU64>)>);

impl PathMemory {
    fn counter(&mut self, ledger: &Ledger, path: &[u8]) -> &AtomicU64 {
        if self.0.as_ref().is_none_or(|(known, _)| known != path) {
            let mut paths = ledger.paths.lock();
            let full = paths.len() >= MAX_PATHS && !paths.contains_key(path);
            let key = if full { b"(other)".as_slice() } else { path };
            let counter = paths.entry(key.to_vec()).or_default();
            self.0 = Some((path.to_vec(), Arc::clone(counter)));
        }
        // Set above if it was missing.
        &self.0.get_or_insert_default().1
    }
}

/// A request in flight, until dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    ledger: Arc<Ledger>,
}

impl Ticket {
    /// Counts the body as read.
    pub(crate) fn received(&self, body_bytes: u64) {
        self.ledger.received.fetch_add(1, Relaxed);
        self.ledger.body_bytes.fetch_add(body_bytes, Relaxed);
    }

    /// Counts the request as answered. Call this right before the last write of the answer.
    pub(crate) fn answered(self, status: u16) {
        if let Some(counter) = self.ledger.statuses.get(usize::from(status)) {
            counter.fetch_add(1, Relaxed);
        }
        self.ledger.answered.fetch_add(1, Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.ledger.in_flight.fetch_sub(1, Relaxed);
    }
}

/// An open connection, until dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Ledger>);

impl OpenConnection {
    pub(crate) fn new(ledger: &Arc<Ledger>) -> Self {
        ledger.accepted.fetch_add(1, Relaxed);
        ledger.open.fetch_add(1, Relaxed);
        Self(Arc::clone(ledger))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
