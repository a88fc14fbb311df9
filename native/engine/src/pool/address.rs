//! The URLs of handlers whose deliveries are tried again: a breaker each, and the gate that it opens and
//! closes.
//!
//! A breaker and its gate change together, under the breaker's lock; the queue's lock is taken inside it,
//! never the other way round.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use notification::{Handler, Retry};
use parking_lot::Mutex;
use queue::{Gate, GateId};
use tokio::time::Instant;
use transport::notices::Outage;

use super::Pool;
use super::breaker::{Breaker, Change, Failure};
use crate::delivery::Sign;

/// One URL of a pool.
#[derive(Debug)]
pub(crate) struct Address {
    /// The path of its handlers, as configured.
    pub(super) path: Box<str>,
    /// The gate of the lanes that wait for it.
    pub(super) gate: GateId,
    breaker: Mutex<Breaker>,
    /// The shortest `give_up_after` of its handlers, in milliseconds.
    patience: AtomicU64,
    /// Deliveries that succeeded.
    successes: AtomicU64,
    /// Notifications for it that are waiting, postponed or in flight.
    pending: AtomicUsize,
}

/// What is known of the endpoint at a URL.
#[derive(Clone, Debug)]
pub struct EndpointState {
    /// The URL.
    pub url: String,
    /// Since when it is down, if it is.
    pub down_since: Option<Instant>,
    /// How many notifications for it have no outcome.
    pub pending: usize,
}

/// A delivery that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended<'a> {
    pub(super) handler: &'a Handler,
    pub(super) retry: &'a Retry,
    /// The number of its lane.
    pub(super) lane: u32,
    /// Whether it was its notification's first.
    pub(super) first: bool,
    /// Whether it was to ask whether the endpoint is back.
    pub(super) probe: bool,
    /// How long the endpoint asked to wait.
    pub(super) asked: Duration,
    /// What went wrong, for the log.
    pub(super) text: &'a str,
}

impl Address {
    pub(super) fn new(path: &str, gate: GateId) -> Self {
        Self {
            path: path.into(),
            gate,
            breaker: Mutex::default(),
            patience: AtomicU64::new(u64::MAX),
            successes: AtomicU64::new(0),
            pending: AtomicUsize::new(0),
        }
    }

    /// How many deliveries have succeeded.
    pub(super) fn successes(&self) -> u64 {
        self.successes.load(Ordering::Acquire)
    }

    /// Whether other lanes' deliveries succeed now, as far as is known.
    pub(super) fn last_succeeded(&self) -> bool {
        self.successes() > 0 && self.breaker.lock().last_succeeded()
    }

    /// A notification for it was accepted.
    pub(super) fn came(&self, retry: &Retry) {
        let patience = millis(retry.give_up_after);
        if patience < self.patience.load(Ordering::Relaxed) {
            self.patience.fetch_min(patience, Ordering::Relaxed);
        }
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// A notification for it has its outcome.
    pub(super) fn went(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// Tells the breaker what a delivery says about the endpoint. Call this before the notification goes
    /// back to its lane. Returns whether the endpoint is down.
    pub(super) fn tell(self: &Arc<Self>, address: &Address, sign: Sign, ended: Ended<'_>) -> bool {
        let now = Instant::now();
        let mut steps = Vec::new();
        let (change, waiting, is_down) = {
            let mut breaker = address.breaker.lock();
            let change = match sign {
                Sign::Works => {
                    address.successes.fetch_add(1, Ordering::AcqRel);
                    breaker.succeeded()
                }
                Sign::Nothing => breaker.said_nothing(ended.probe, ended.retry, now),
                Sign::Trouble { .. } | Sign::Unreached => {
                    let failure = Failure {
                        lane: ended.lane,
                        first: ended.first,
                        probe: ended.probe,
                        answered: sign == Sign::Trouble { answered: true },
                        asked: ended.asked,
                    };
                    let others_ready = self.core().is_ready(address.gate);
                    breaker.failed(failure, others_ready, ended.retry, now, fastrand::f64())
                }
            };
            let gate = match change {
                Change::None => None,
                Change::Down { ask, .. } | Change::Ask(ask) => Some(Gate::Until(ask)),
                Change::Up { .. } => Some(Gate::Open),
            };
            // Before the gate lets them go.
            let waiting = address.pending.load(Ordering::Relaxed);
            if let Some(gate) = gate {
                steps = self.core().set_gate(address.gate, gate);
            }
            (change, waiting, breaker.down_since().is_some())
        };
        for step in steps {
            self.follow(step);
        }
        let outage = |since: Instant| Outage {
            pool: self.name.clone(),
            url: self.url(ended.handler),
            since: SystemTime::now() - since.elapsed(),
            waiting,
        };
        match change {
            Change::Down { since, .. } => {
                self.counters.count_outage();
                self.notices.endpoint_down(outage(since), ended.text);
            }
            Change::Up { since } => self.notices.endpoint_up(outage(since)),
            Change::None | Change::Ask(_) => {}
        }
        is_down
    }

    fn url(&self, handler: &Handler) -> String {
        let opened = self.opened();
        let target = opened
            .as_ref()
            .and_then(|opened| opened.targets.get(handler).ok());
        match (opened, target) {
            (Some(opened), Some(target)) => opened.describe(&target),
            _ => handler.path.to_string(),
        }
    }

    /// The shortest time after which one of its handlers gives a notification up.
    pub(super) fn shortest_patience(&self) -> Duration {
        let known = self.destinations.addresses();
        let shortest = known
            .iter()
            .map(|address| address.patience.load(Ordering::Relaxed));
        Duration::from_millis(shortest.min().unwrap_or(u64::MAX))
    }

    /// What is known of each endpoint whose deliveries are tried again.
    #[must_use]
    pub(crate) fn endpoints(&self) -> Vec<EndpointState> {
        let known = self.destinations.addresses();
        let endpoints = known.iter().map(|address| {
            let down_since = address.breaker.lock().down_since();
            let url = self.opened().and_then(|opened| {
                let target = opened.targets.of_path(&address.path).ok()?;
                Some(opened.describe(&target))
            });
            EndpointState {
                url: url.unwrap_or_else(|| address.path.to_string()),
                down_since,
                pending: address.pending.load(Ordering::Relaxed),
            }
        });
        endpoints.collect()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
