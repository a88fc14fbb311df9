//! Batches of a handler with `delivery = "at_least_once"`: each notification has its own record, whichever batch
//! it was in.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::engine::EngineSettings;
use engine::spools::SpoolSettings;
use notification::policy::{Batch, RetryOn};
use notification::{DeliveryPolicy, Guarantee, Handler, PoolId, Retry, Statuses};
use spool::{Admin, Directory, Selection, Settings};
use test_endpoint::{EndpointConfig, EndpointHandle, Record};

use support::events::{field, json, received, stanza};
use support::{Bench, HOST_TYPE, options, test_endpoint, until};

const USERS: u32 = 7;

struct Node {
    bench: Bench,
    handler: Arc<Handler>,
    pool: PoolId,
}

impl Node {
    fn start(path: &Path, endpoint: &EndpointHandle) -> Self {
        let settings = EngineSettings {
            spools: Some(SpoolSettings {
                directory: path.to_owned(),
                node: "one@localhost".to_owned(),
                spool: Settings::default(),
                grace: Duration::from_hours(1),
            }),
            ..EngineSettings::default()
        };
        let policy = DeliveryPolicy {
            guarantee: Guarantee::AtLeastOnce,
            success: Statuses::NONE.and(200..=299),
            retry: Some(Retry {
                initial: Duration::from_millis(2),
                max: Duration::from_millis(20),
                alone: u32::MAX,
                on: RetryOn::default(),
                ..Retry::default()
            }),
            batch: Some(Batch {
                max_events: 20,
                linger: Duration::from_millis(20),
                ..Batch::default()
            }),
            ..DeliveryPolicy::default()
        };
        let bench = Bench::with(settings, Arc::default());
        bench.engine.open_host_type(HOST_TYPE);
        let handler =
            bench
                .engine
                .planned_handler(HOST_TYPE, "http_pool", "/n", policy, Some(json()));
        let url = endpoint.url("");
        let pool = bench.engine.create_pool(&url).unwrap();
        bench.engine.open_spool(&url, true);
        until("the spool is open", || {
            let spools = bench.engine.spools();
            let first = spools.first();
            first.is_some_and(|spool| spool.totals().is_some())
        });
        bench.engine.configure_pool(pool, options(url)).unwrap();
        bench.engine.open_pool(pool).unwrap();
        Self {
            bench,
            handler,
            pool,
        }
    }

    fn push(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let sender = format!("user{}", number % USERS);
            let stanza = stanza(&format!("{number}"));
            self.bench
                .push_event(self.pool, &self.handler, &sender, &stanza);
        }
    }

    fn waiting(&self) -> u64 {
        self.bench.engine.spools()[0].totals().unwrap().waiting
    }
}

fn endpoint() -> EndpointHandle {
    test_endpoint(EndpointConfig {
        max_records: 100_000,
        ..EndpointConfig::default()
    })
}

fn plan(endpoint: &EndpointHandle, plan: &str) {
    endpoint.set_plan(plan.parse().unwrap()).unwrap();
}

/// Id, sender and number of each event of a request.
fn events(record: &Record) -> Vec<(String, String, u32)> {
    let body: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
    let events = body.as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    events
        .map(|event| {
            let data = &event["data"];
            (
                text(&event["id"]),
                text(&data["from"]["user"]),
                text(&data["body"]).parse().unwrap(),
            )
        })
        .collect()
}

/// Every event arrived, under one id, and those of a sender in order of their first arrival.
fn assert_complete(endpoint: &EndpointHandle, all: u32) {
    let mut ids = HashMap::new();
    let mut last: HashMap<String, u32> = HashMap::new();
    for record in received(endpoint) {
        for (id, sender, number) in events(&record) {
            if let Some(before) = ids.insert(number, id.clone()) {
                assert_eq!(before, id, "{number} came under two ids");
                continue;
            }
            let before = last.insert(sender, number);
            assert!(before.is_none_or(|before| before < number), "order");
        }
    }
    assert_eq!(ids.len(), all as usize);
}

/// The endpoint fails, the engine stops with batches on their way, and starts again: each event arrives, under the
/// id that it always had, and then nothing is on disk.
#[test]
fn what_a_stop_leaves_is_delivered_after_the_start() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(path.path(), &endpoint);
    node.push(0..100);
    until("some were tried", || endpoint.stats().received > 4);
    // Members and identity of a batch that is tried again are the same.
    let mut members = HashMap::new();
    for record in received(&endpoint) {
        let id = field(&record, "webhook-id").to_owned();
        let events = events(&record);
        assert_eq!(members.entry(id).or_insert_with(|| events.clone()), &events);
    }
    node.bench.engine.stop();
    assert_eq!(node.bench.seen(), 0, "nothing has failed");
    drop(node);

    plan(&endpoint, "status=200");
    let node = Node::start(path.path(), &endpoint);
    node.push(100..150);
    node.bench.outcomes(150);
    until("nothing is on disk", || node.waiting() == 0);
    assert_complete(&endpoint, 150);
    node.bench.assert_conserved();
}

/// What is refused for good is a dead letter each, and can be asked back.
#[test]
fn a_refused_batch_is_a_dead_letter_for_each_event() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=422");
    let node = Node::start(path.path(), &endpoint);
    node.push(0..30);
    node.bench.outcomes(30);
    until("they are dead letters", || {
        let totals = node.bench.engine.spools()[0].totals().unwrap();
        (totals.waiting, totals.dead) == (0, 30)
    });
    plan(&endpoint, "status=200");
    let file = Directory::files(path.path()).unwrap().remove(0);
    let mut admin = Admin::open(&file).unwrap();
    admin.retry(&Selection::All).unwrap();
    until("they are delivered", || {
        let totals = node.bench.engine.spools()[0].totals().unwrap();
        (totals.waiting, totals.dead) == (0, 0)
    });
    // They count as handed over once more.
    node.bench.outcomes(60);
    assert_complete(&endpoint, 30);
}

/// A host type that is given up leaves its batches on disk, without outcomes, until it is back.
#[test]
fn what_a_host_type_leaves_stays_on_disk() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(path.path(), &endpoint);
    node.push(0..50);
    node.bench.engine.close_host_type(HOST_TYPE);
    node.bench.engine.abort_host_type(HOST_TYPE);
    until("nothing is in memory", || {
        node.bench.counters().pending == 0
    });
    let account = node.bench.counters();
    assert_eq!((account.failed, account.on_disk), (0, 50), "{account:?}");
    plan(&endpoint, "status=200");
    node.bench.engine.open_host_type(HOST_TYPE);
    node.bench.outcomes(50);
    assert_complete(&endpoint, 50);
    node.bench.assert_conserved();
}
