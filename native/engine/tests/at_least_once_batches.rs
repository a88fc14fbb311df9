//! Batches of a handler with `delivery = "at_least_once"`: each notification has its own record, whichever batch
//! it was in.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use notification::DeliveryPolicy;
use notification::policy::Batch;
use spool::{Admin, Directory, Selection};
use test_endpoint::{EndpointHandle, Record};

use support::events::{field, json, received, stanza};
use support::spooled::{Node, endpoint, plan, policy, settings};
use support::{HOST_TYPE, until};

const USERS: u32 = 7;

/// A node whose handler sends batches.
fn start(path: &Path, endpoint: &EndpointHandle) -> Node {
    let policy = DeliveryPolicy {
        batch: Some(Batch {
            max_events: 20,
            linger: Duration::from_millis(20),
            ..Batch::default()
        }),
        ..policy()
    };
    Node::with(settings(path), endpoint, policy, Some(json()))
}

impl Node {
    fn push(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let sender = format!("user{}", number % USERS);
            let stanza = stanza(&format!("{number}"));
            self.bench
                .push_event(self.pool, &self.handler, &sender, &stanza);
        }
    }
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
    let node = start(path.path(), &endpoint);
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
    let node = start(path.path(), &endpoint);
    node.push(100..150);
    node.bench.outcomes(150);
    until("nothing is on disk", || node.waiting() == 0);
    assert_complete(&endpoint, 150);
    node.bench.assert_conserved();
}

/// One sender has more than memory holds of a lane that goes one by one: full batches go, and none waits for company
/// that is on disk alone.
#[test]
fn a_sender_with_many_events_waits_for_no_company() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let policy = DeliveryPolicy {
        batch: Some(Batch {
            max_events: 1_000,
            linger: Duration::from_hours(1),
            ..Batch::default()
        }),
        ..policy()
    };
    let node = Node::with(settings(path.path()), &endpoint, policy, Some(json()));
    let push = |numbers: std::ops::Range<u32>| {
        for number in numbers {
            let stanza = stanza(&format!("{number}"));
            node.bench
                .push_event(node.pool, &node.handler, "alice", &stanza);
        }
    };
    push(0..5_000);
    node.bench.outcomes(5_000);
    // The same while they wait for an endpoint that is down, and after it.
    plan(&endpoint, "status=503");
    push(5_000..9_000);
    until("some were tried", || endpoint.stats().received > 6);
    plan(&endpoint, "status=200");
    node.bench.outcomes(9_000);
    until("nothing is on disk", || node.waiting() == 0);
    assert_complete(&endpoint, 9_000);
    let full = received(&endpoint);
    assert!(full.iter().all(|record| events(record).len() == 1_000));
    node.bench.assert_conserved();
}

/// What is refused for good is a dead letter each, and can be asked back.
#[test]
fn a_refused_batch_is_a_dead_letter_for_each_event() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=422");
    let node = start(path.path(), &endpoint);
    node.push(0..30);
    node.bench.outcomes(30);
    until("they are dead letters", || {
        let totals = node.totals();
        (totals.waiting, totals.dead) == (0, 30)
    });
    plan(&endpoint, "status=200");
    let file = Directory::files(path.path()).unwrap().remove(0);
    let mut admin = Admin::open(&file).unwrap();
    admin.retry(&Selection::All, |_| ()).unwrap();
    until("they are delivered", || {
        let totals = node.totals();
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
    let node = start(path.path(), &endpoint);
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
