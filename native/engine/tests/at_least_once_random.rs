//! Deliveries at least once under random stops of the engine, host types and pools, with an endpoint that
//! fails and bounds that are tiny: each accepted message arrives, each lane in order, and the account is
//! level.
//!
//! `SEED=N` repeats a run: not its threads, but what was done.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use engine::engine::EngineSettings;
use fastrand::Rng;
use notification::{Handler, PoolId};
use test_endpoint::{EndpointConfig, EndpointHandle};

use support::spooled::{policy, settings};
use support::{Bench, HOST_TYPE, options, test_endpoint, until};

const TIME: Duration = Duration::from_secs(4);
const SENDERS: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];
const PLANS: [&str; 6] = [
    "status=200",
    "status=200",
    "status=503",
    "mix seed=1 | 60 status=200 | 20 status=503 | 20 status=429",
    "mix seed=2 | 70 status=200 delay=1-3 | 30 fault=close-before-head",
    "status=200 delay=1-5",
];

fn tiny(path: &Path) -> EngineSettings {
    EngineSettings {
        max_pending: 10,
        max_lane_percent: 50,
        ..settings(path)
    }
}

struct Node {
    bench: Bench,
    endpoint: EndpointHandle,
    handler: Arc<Handler>,
    pool: PoolId,
    rng: Rng,
    /// How many of each sender were accepted.
    accepted: HashMap<&'static str, u32>,
}

impl Node {
    fn start(path: &Path, seed: u64) -> Self {
        let endpoint = test_endpoint(EndpointConfig {
            max_records: 1_000_000,
            ..EndpointConfig::default()
        });
        let bench = Bench::with(tiny(path), Arc::default());
        bench.engine.open_host_type(HOST_TYPE);
        let handler = bench
            .engine
            .planned_handler(HOST_TYPE, "http_pool", "/n", policy(), None);
        let pool = open_pool(&bench, &endpoint);
        Self {
            bench,
            endpoint,
            handler,
            pool,
            rng: Rng::with_seed(seed),
            accepted: HashMap::new(),
        }
    }

    fn plan(&self, plan: &str) {
        self.endpoint.set_plan(plan.parse().unwrap()).unwrap();
    }

    fn push_some(&mut self) {
        for _ in 0..self.rng.usize(1..40) {
            let sender = self.rng.choice(SENDERS).unwrap();
            let number = self.accepted.entry(sender).or_default();
            let text = format!("{sender}-{number:06}");
            let pushed = self
                .bench
                .push_text(self.pool, &self.handler, sender, text.as_bytes());
            *number += u32::from(pushed.is_ok());
        }
    }

    fn restart(&mut self, path: &Path) {
        self.bench.engine.stop();
        self.bench.start_again(tiny(path));
        self.pool = open_pool(&self.bench, &self.endpoint);
    }

    /// A new pool in the place of the old one, which is gone before: in one incarnation, lanes keep their
    /// order.
    fn replace_pool(&mut self) {
        let allowed = Duration::from_millis(self.rng.u64(0..20));
        let engine = &self.bench.engine;
        engine.close_pool(self.pool, allowed).unwrap();
        let pool = self.pool;
        until("the old pool is gone", || {
            engine.living_pools().iter().all(|living| living.id != pool)
        });
        self.pool = open_pool(&self.bench, &self.endpoint);
    }

    fn stop_host_type(&mut self) {
        let engine = Arc::clone(&self.bench.engine);
        engine.close_host_type(HOST_TYPE);
        if self.rng.bool() {
            engine.abort_host_type(HOST_TYPE);
        }
        self.pause();
        engine.open_host_type(HOST_TYPE);
    }

    fn drain_and_resume(&mut self) {
        self.bench.engine.drain_pool(self.pool).unwrap();
        self.pause();
        assert!(self.bench.engine.resume_pool(self.pool).unwrap());
    }

    fn pause(&mut self) {
        sleep(Duration::from_micros(self.rng.u64(0..20_000)));
    }

    fn step(&mut self, path: &Path) {
        match self.rng.u32(0..40) {
            0 => self.restart(path),
            1..=2 => self.replace_pool(),
            3..=6 => self.stop_host_type(),
            7..=8 => self.drain_and_resume(),
            9..=12 => {
                let plan = self.rng.choice(PLANS).unwrap();
                self.plan(plan);
            }
            13..=20 => self.pause(),
            _ => self.push_some(),
        }
    }

    /// The messages of each sender in the order of their first arrival.
    fn arrived(&self) -> HashMap<String, Vec<String>> {
        let mut arrived: HashMap<String, Vec<String>> = HashMap::new();
        let mut seen = std::collections::HashSet::new();
        for record in self.endpoint.records_from(0) {
            let form = record.form();
            let of = |wanted: &str| {
                form.iter()
                    .find(|(name, _)| name == wanted)
                    .unwrap()
                    .1
                    .clone()
            };
            let text = of("message");
            if seen.insert(text.clone()) {
                arrived.entry(of("author")).or_default().push(text);
            }
        }
        arrived
    }
}

fn open_pool(bench: &Bench, endpoint: &EndpointHandle) -> PoolId {
    let url = endpoint.url("");
    bench.engine.open_spool(&url, true);
    let mut options = options(url);
    options.workers = 3;
    bench.pool(options)
}

#[test]
fn everything_accepted_arrives_in_order_whatever_stops() {
    let seed =
        std::env::var("SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let path = tempfile::tempdir().unwrap();
    let mut node = Node::start(path.path(), seed);
    let begin = Instant::now();
    while begin.elapsed() < TIME {
        node.step(path.path());
    }
    node.plan("status=200");
    until("nothing is pending or on disk", || {
        let counters = node.bench.counters();
        let spools = node.bench.engine.spools();
        let waiting = spools[0].totals().map(|totals| totals.waiting);
        (counters.pending, counters.on_disk, waiting) == (0, 0, Some(0))
    });
    let arrived = node.arrived();
    for (sender, accepted) in &node.accepted {
        let expected: Vec<_> = (0..*accepted).map(|n| format!("{sender}-{n:06}")).collect();
        let got = arrived.get(*sender).cloned().unwrap_or_default();
        assert!(
            got == expected,
            "{sender}: {} of {} arrived, the first in disorder: {:?}",
            got.len(),
            expected.len(),
            got.iter()
                .zip(&expected)
                .find(|(got, expected)| got != expected)
        );
    }
    node.bench.assert_conserved();
    let accepted: u32 = node.accepted.values().sum();
    let requests = node.endpoint.stats().received;
    println!("{accepted} accepted, {requests} requests");
}
