//! The state that all connections of one test endpoint share.

use crate::config::{Decision, EndpointError, Observer, Responder};
use crate::ledger::{Ledger, Stats};
use crate::plan::{Fault, Plan, PlanError};
use crate::records::{Record, Records};
use crate::rules::Rules;
use crate::tls::Acceptor;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Handshake failures remembered.
const MAX_TLS_FAILURES: usize = 100;

/// State of one endpoint.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) rules: Rules,
    pub(crate) records: Records,
    pub(crate) observer: Option<Observer>,
    responder: Option<Responder>,
    pub(crate) max_body: usize,
    pub(crate) http2: bool,
    pub(crate) max_streams: u32,
    pub(crate) tls: Option<Acceptor>,
    /// Changes when stalls are released.
    pub(crate) gate: watch::Sender<u64>,
    pub(crate) connections: Connections,
    /// Number of the connection accepted last; `clear` does not reset it.
    pub(crate) last_connection: AtomicU64,
    tls_failures: Mutex<VecDeque<String>>,
}

impl Shared {
    pub(crate) fn new(config: &crate::EndpointConfig) -> Result<Self, EndpointError> {
        let shared = Self {
            ledger: Arc::new(Ledger::new()),
            rules: Rules::new(config.plan.clone()),
            records: Records::new(config.max_records),
            observer: config.observer.clone(),
            responder: config.responder.clone(),
            max_body: config.max_body,
            http2: config.http2,
            max_streams: config.max_streams,
            tls: config
                .tls
                .as_ref()
                .map(|tls| Acceptor::new(tls, config.http2))
                .transpose()?,
            gate: watch::Sender::new(0),
            connections: Connections::default(),
            last_connection: AtomicU64::new(0),
            tls_failures: Mutex::new(VecDeque::new()),
        };
        shared.check(&config.plan)?;
        Ok(shared)
    }

    /// Whether requests are recorded, or passed to an observer or a responder.
    pub(crate) fn wants_records(&self) -> bool {
        self.records.is_on() || self.observer.is_some() || self.responder.is_some()
    }

    /// Numbers and keeps the record. Returns what the responder says about the request if it was received to its end.
    pub(crate) fn record(&self, record: Record) -> Option<Decision> {
        let record = self.records.number(record);
        if let Some(Observer(observer)) = &self.observer {
            observer(&record);
        }
        let responder = self.responder.as_ref().filter(|_| record.complete);
        responder.map(|Responder(decide)| decide(&record))
    }

    #[allow(clippy::unused_self)] // `shared.count(…)` reads as "the test endpoint counts".
    pub(crate) fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Whether this test endpoint can do what the plan says.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        let wrong = |fault: Fault, place| {
            Err(PlanError::Misplaced {
                fault: fault.name(),
                place,
            })
        };
        for fault in plan.faults() {
            if fault.needs_tls() && self.tls.is_none() {
                return wrong(fault, "without TLS");
            }
            if fault.needs_http2() && !self.http2 {
                return wrong(fault, "without HTTP/2");
            }
        }
        Ok(())
    }

    pub(crate) fn stats(&self) -> Stats {
        let (records_kept, records_dropped) = self.records.counts();
        Stats {
            records_kept,
            records_dropped,
            ..self.ledger.stats()
        }
    }

    pub(crate) fn clear(&self) {
        self.ledger.clear();
        self.records.clear();
        self.tls_failures.lock().clear();
    }

    /// Remembers why a handshake failed.
    pub(crate) fn tls_failed(&self, connection: u64, why: &dyn std::fmt::Display) {
        self.count(&self.ledger.tls_failures);
        let mut failures = self.tls_failures.lock();
        if failures.len() == MAX_TLS_FAILURES {
            failures.pop_front();
        }
        let micros = self.ledger.now().as_micros();
        failures.push_back(format!("{micros} connection {connection}: {why}"));
    }

    pub(crate) fn tls_failures(&self) -> Vec<String> {
        self.tls_failures.lock().iter().cloned().collect()
    }
}

/// The tasks of the open connections, so that a test can end them.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<HashMap<u64, AbortHandle>>);

impl Connections {
    /// Adds the task that `spawn` starts.
    pub(crate) fn enter(&self, id: u64, spawn: impl FnOnce() -> AbortHandle) {
        // Start it under the lock, so that it cannot leave before it has been added.
        let mut tasks = self.0.lock();
        tasks.insert(id, spawn());
    }

    pub(crate) fn leave(&self, id: u64) {
        self.0.lock().remove(&id);
    }

    /// Ends all; their sockets close when the runtime has dropped the tasks.
    pub(crate) fn end_all(&self) {
        // Abort without the lock, because dropping a task removes it from the list.
        let tasks: Vec<_> = self.0.lock().values().cloned().collect();
        for task in tasks {
            task.abort();
        }
    }
}
