//! A pool and a handler that a test pushes to, what its endpoint saw, and the outcomes.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use notification::policy::{PolicyOptions, RetryOptions};
use notification::{
    Content, DeliveryPolicy, Direction, FailureReason, Handler, HandlerId, HostType, HostTypeId,
    Names, Notification, RejectCounters, Verdict,
};
use tokio::time::{Instant, sleep};
use transport::notices::{About, NoticeKind};

use super::pools::{open_with, pool, pool_with};
use super::scripted_endpoint::{self, Endpoint};
use crate::delivery::{Opened, Sign};
use crate::pool::address::Ended;
use crate::pool::{Pool, WorkerSignals};
use crate::report::counters::CountersByPool;
use crate::report::outcomes::FIRST;

/// A request as the endpoint saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) lane: String,
    pub(super) text: String,
}

impl scripted_endpoint::Seen for Seen {
    fn of(_: &dyn Fn(&str) -> String, body: &str) -> Self {
        let field = |name: &str| {
            let mut fields = body.split('&').filter_map(|pair| pair.split_once('='));
            let found = fields.find(|(field, _)| *field == name);
            found.map(|(_, value)| value.to_owned()).unwrap()
        };
        Self {
            at: Instant::now(),
            lane: field("author"),
            text: field("message"),
        }
    }
}

impl Endpoint<Seen> {
    /// The texts of a lane, in the order in which they came; each once.
    pub(super) fn texts(&self, lane: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for seen in self.seen().into_iter().filter(|seen| seen.lane == lane) {
            if !texts.contains(&seen.text) {
                texts.push(seen.text);
            }
        }
        texts
    }
}

pub(super) struct World {
    pub(super) pool: Arc<Pool>,
    pub(super) counters: Arc<CountersByPool>,
    handler: Arc<Handler>,
}

fn policy(retry: RetryOptions) -> DeliveryPolicy {
    DeliveryPolicy::check(&PolicyOptions {
        success: Some(vec!["2xx".to_owned()]),
        retry: Some(retry),
        ..PolicyOptions::default()
    })
    .unwrap()
}

impl World {
    pub(super) fn new(url: &str, workers: u64, retry: RetryOptions) -> Self {
        Self::of_policy(url, workers, policy(retry))
    }

    /// A pool that is open, and a handler with this policy.
    pub(super) fn of_policy(url: &str, workers: u64, policy: DeliveryPolicy) -> Self {
        let counters = Arc::<CountersByPool>::default();
        let pool = pool(&counters, 100_000);
        open_with(&pool, url, 5_000, 60_000, workers);
        Self::of_pool(pool, counters, policy)
    }

    /// This pool, and a handler with this policy.
    fn of_pool(pool: Arc<Pool>, counters: Arc<CountersByPool>, policy: DeliveryPolicy) -> Self {
        Self {
            pool,
            counters,
            handler: Arc::new(handler(policy)),
        }
    }

    /// A pool whose workers are `start`, with as many as are asked for.
    pub(super) fn with_workers(
        start: fn(Arc<Pool>, Arc<Opened>, Arc<WorkerSignals>),
        retry: RetryOptions,
    ) -> Self {
        let counters = Arc::<CountersByPool>::default();
        let pool = pool_with(&counters, 100_000, start);
        open_with(&pool, "http://127.0.0.1:1", 5_000, 60_000, 1_000);
        Self::of_pool(pool, counters, policy(retry))
    }

    /// The pool learns what a delivery says about the endpoint, of the lane of this number.
    pub(super) fn tell(&self, sign: Sign, lane: u32, probe: bool) -> bool {
        let destination = self.pool.destination(&self.handler).unwrap();
        let ended = Ended {
            handler: &self.handler,
            retry: self.handler.policy.retry.as_ref().unwrap(),
            lane,
            first: true,
            probe,
            asked: Duration::ZERO,
            text: "503",
        };
        self.pool
            .tell(destination.address.as_ref().unwrap(), sign, ended)
    }

    /// The same pool, and another handler.
    pub(super) fn with_handler(&self, id: u32, policy: DeliveryPolicy) -> Self {
        let handler = Handler {
            id: HandlerId::from(id),
            ..handler(policy)
        };
        Self {
            pool: Arc::clone(&self.pool),
            counters: Arc::clone(&self.counters),
            handler: Arc::new(handler),
        }
    }

    /// The same handler, and another pool of the same name, which is not open.
    pub(super) fn with_another_pool(&self) -> Self {
        Self {
            pool: pool(&self.counters, 100_000),
            counters: Arc::clone(&self.counters),
            handler: Arc::clone(&self.handler),
        }
    }

    pub(super) fn push(&self, lane: &str, text: &str) {
        let names = Names {
            sender: lane.as_bytes(),
            server: b"localhost",
            receiver: b"bob",
        };
        let handler = Arc::clone(&self.handler);
        let notification = Notification::new(
            handler,
            Direction::In,
            names,
            text.as_bytes(),
            Content::Form,
        );
        self.pool
            .push(lane.as_bytes(), notification.unwrap())
            .unwrap();
    }

    pub(super) fn sent(&self) -> u64 {
        self.counters.of("pool").sent()
    }

    pub(super) fn failed(&self) -> u64 {
        self.counters.of("pool").failed()
    }

    /// Waits until so many have an outcome.
    pub(super) async fn ended(&self, count: u64) {
        while self.sent() + self.failed() < count {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The verdicts of all outcomes, by text.
    pub(super) fn verdicts(&self) -> HashMap<String, Verdict> {
        let mut verdicts = HashMap::new();
        let taken = self.pool.outcomes.take(FIRST, usize::MAX, |outcome| {
            let text = String::from_utf8(outcome.notification.text().to_vec()).unwrap();
            verdicts.insert(text, outcome.verdict.clone());
        });
        for () in taken {
            self.pool.outcomes.counted(FIRST);
        }
        verdicts
    }

    /// Nothing is left: not in the queue, not in the bounds.
    pub(super) fn assert_empty(&self) {
        while !self.pool.outcomes.is_empty() {
            self.verdicts();
        }
        let counts = self.pool.counts();
        assert_eq!((counts.pending, counts.pending_bytes), (0, 0), "{counts:?}");
        let counts = counts.queue;
        assert_eq!(counts.accepted, counts.sent + counts.failed, "{counts:?}");
        assert_eq!(counts.waiting + counts.postponed + counts.in_flight, 0);
    }

    /// How many endpoints are down.
    pub(super) fn down(&self) -> usize {
        let endpoints = self.pool.endpoints();
        endpoints
            .iter()
            .filter(|endpoint| endpoint.down_since.is_some())
            .count()
    }

    pub(super) fn notices(&self) -> Vec<(NoticeKind, usize)> {
        let notices = self.pool.notices.take();
        let outages = notices.into_iter().map(|notice| match notice.about {
            About::Endpoint(outage) => (notice.kind, outage.waiting),
            about => panic!("{about:?}"),
        });
        outages.collect()
    }
}

fn handler(policy: DeliveryPolicy) -> Handler {
    Handler {
        id: HandlerId::default(),
        host_type: Arc::new(HostType::new(HostTypeId::default(), "localhost")),
        pool_name: "http_pool".into(),
        path: "/n".into(),
        policy,
        plan: None,
        on_disk: OnceLock::default(),
        configured: AtomicU64::new(0),
        rejected: RejectCounters::default(),
    }
}

pub(super) fn status(verdict: &Verdict) -> Option<u16> {
    match verdict {
        Verdict::Sent { status, .. } => Some(*status),
        Verdict::Failed { .. } => None,
    }
}

pub(super) fn reason(verdict: &Verdict) -> Option<FailureReason> {
    match verdict {
        Verdict::Failed { reason, .. } => Some(*reason),
        Verdict::Sent { .. } => None,
    }
}
