//! Deliveries that survive the engine: what a handler with `delivery = "at_least_once"` accepted is delivered
//! or becomes a dead letter, over stops, outages and full queues.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use engine::engine::EngineSettings;
use notification::{PushError, RejectReason};
use spool::{Admin, Directory, RowId, Selection, Settings};
use test_endpoint::{EndpointHandle, Record};

use support::spooled::{Node, endpoint, plan, policy, settings};
use support::{Bench, End, HOST_TYPE, options, until};

impl Node {
    fn push(&self, sender: &str, text: &str) -> Result<(), PushError> {
        self.bench
            .push_text(self.pool, &self.handler, sender, text.as_bytes())
    }

    /// Accepted is sent, failed, pending or on disk alone.
    fn assert_accounted(&self) {
        until("the account is level", || {
            let account = self.bench.counters();
            account.accepted == account.sent + account.failed + account.pending + account.on_disk
                && account.pushed == account.accepted + account.rejected
        });
    }
}

/// The messages in the order of their first arrival.
fn messages(endpoint: &EndpointHandle) -> Vec<String> {
    let mut seen = Vec::new();
    for record in endpoint.records_from(0) {
        let message = message(&record);
        if !seen.contains(&message) {
            seen.push(message);
        }
    }
    seen
}

fn message(record: &Record) -> String {
    let form = record.form();
    form.iter()
        .find(|(name, _)| name == "message")
        .unwrap()
        .1
        .clone()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("{n:04}")).collect()
}

#[test]
fn what_is_delivered_leaves_the_disk() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let node = Node::start(settings(path.path()), &endpoint);
    for text in numbers(0..50) {
        node.push("alice", &text).unwrap();
    }
    let outcomes = node.bench.outcomes(50);
    assert!(
        outcomes
            .iter()
            .all(|seen| matches!(seen.end, End::Sent { status: 200, .. }))
    );
    until("nothing is on disk", || node.waiting() == 0);
    assert_eq!(messages(&endpoint), numbers(0..50));
    node.bench.assert_conserved();
}

#[test]
fn what_a_stop_leaves_is_delivered_after_the_start_in_order_and_first() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    for text in numbers(0..30) {
        node.push("alice", &text).unwrap();
        node.push("bob", &text).unwrap();
    }
    until("some were tried", || endpoint.stats().received > 4);
    node.bench.engine.stop();
    // Nothing has failed, and nothing is lost.
    assert_eq!(node.bench.seen(), 0);
    drop(node);

    plan(&endpoint, "status=200");
    endpoint.clear();
    let node = Node::start(settings(path.path()), &endpoint);
    for text in numbers(30..40) {
        node.push("alice", &text).unwrap();
    }
    node.bench.outcomes(70);
    let arrived = endpoint.records_from(0);
    for (sender, count) in [("alice", 40), ("bob", 30)] {
        let of: Vec<_> = arrived
            .iter()
            .filter(|record| {
                record
                    .form()
                    .contains(&("author".to_owned(), sender.to_owned()))
            })
            .map(message)
            .collect();
        assert_eq!(of, numbers(0..count), "{sender}");
    }
    until("nothing is on disk", || node.waiting() == 0);
    node.bench.assert_conserved();
}

#[test]
fn past_the_memory_s_bound_the_disk_takes_them_and_they_come_in_in_order() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let few = EngineSettings {
        max_pending: 20,
        max_lane_percent: 100,
        ..settings(path.path())
    };
    let node = Node::start(few, &endpoint);
    for text in numbers(0..500) {
        node.push("alice", &text).unwrap();
    }
    let account = node.bench.counters();
    assert_eq!((account.accepted, account.rejected), (500, 0));
    assert!(account.on_disk >= 480, "{account:?}");
    node.assert_accounted();
    plan(&endpoint, "status=200");
    node.bench.outcomes(500);
    assert_eq!(messages(&endpoint), numbers(0..500));
    until("nothing is on disk", || node.waiting() == 0);
    assert_eq!(node.bench.counters().on_disk, 0);
    // And memory is used again.
    node.push("alice", "last").unwrap();
    node.bench.outcomes(501);
    node.bench.assert_conserved();
}

#[test]
fn what_is_given_up_is_a_dead_letter_with_the_last_answer() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=404 body=no%20such%20path");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", "hello").unwrap();
    let End::Failed { reason, .. } = node.bench.outcomes(1).remove(0).end else {
        panic!("it was sent");
    };
    assert_eq!(reason, "bad_status");
    until("it is a dead letter", || node.totals().dead == 1);
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let letters = admin.dead_letters(&Selection::All, RowId(0), 10).unwrap();
    let history = &letters[0].loaded.history;
    assert_eq!(letters[0].reason.0, "bad_status");
    assert_eq!((history.attempts, history.status), (1, Some(404)));
    assert_eq!(history.answer, "no such path");
    assert!(history.error.contains("404"), "{}", history.error);
    assert_eq!(&*letters[0].loaded.record.text, b"hello");
    node.bench.assert_conserved();
}

#[test]
fn a_dead_letter_that_is_asked_back_is_delivered() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=404");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", "hello").unwrap();
    node.bench.outcomes(1);
    plan(&endpoint, "status=200");
    let file = Directory::files(path.path()).unwrap().remove(0);
    until("it is a dead letter", || node.totals().dead == 1);
    Admin::open(&file).unwrap().retry(&Selection::All).unwrap();
    let outcomes = node.bench.outcomes(2);
    assert!(matches!(outcomes[1].end, End::Sent { status: 200, .. }));
    until("nothing is on disk", || node.waiting() == 0);
    // It counts as handed over once more: it has a second outcome.
    node.bench.assert_conserved();
}

#[test]
fn a_full_spool_rejects_with_its_reason() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let mut small = settings(path.path());
    small.spools.as_mut().unwrap().spool.max_bytes = 1000;
    let node = Node::start(small, &endpoint);
    let mut accepted = 0;
    let refused = loop {
        match node.push("alice", "hello") {
            Ok(()) => accepted += 1,
            Err(refused) => break refused,
        }
    };
    assert!(accepted > 2, "{accepted}");
    assert_eq!(refused, PushError::Rejected(RejectReason::SpoolFull));
    let rows = node.bench.engine.rejections.list();
    let text = format!("{rows:?}");
    assert!(
        text.contains("of at most 1000 bytes (spool_max_bytes)"),
        "{text}"
    );
    node.assert_accounted();
}

#[test]
fn a_notification_that_no_queue_can_hold_is_rejected_and_holds_up_no_other() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let small = EngineSettings {
        max_pending_bytes: 100_000,
        max_lane_percent: 50,
        ..settings(path.path())
    };
    let node = Node::start(small, &endpoint);
    let refused = node.push("alice", &"x".repeat(60_000)).unwrap_err();
    assert_eq!(refused, PushError::Rejected(RejectReason::TooLarge));
    node.push("bob", "hello").unwrap();
    node.bench.outcomes(1);
    until("nothing is on disk", || node.waiting() == 0);
    let text = format!("{:?}", node.bench.engine.rejections.list());
    assert!(text.contains("max_pending_bytes"), "{text}");
    node.assert_accounted();
}

#[test]
fn what_no_queue_can_hold_after_a_start_with_smaller_bounds_becomes_a_dead_letter() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", &"x".repeat(60_000)).unwrap();
    node.push("bob", "hello").unwrap();
    drop(node);

    plan(&endpoint, "status=200");
    let small = EngineSettings {
        max_pending_bytes: 100_000,
        max_lane_percent: 50,
        ..settings(path.path())
    };
    let node = Node::start(small, &endpoint);
    node.bench.outcomes(1);
    until("nothing waits on disk", || node.waiting() == 0);
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let dead = admin.status().unwrap().dead;
    assert_eq!(dead, [("too_large".to_owned(), 1)]);
    node.assert_accounted();
}

#[test]
fn what_a_host_type_leaves_stays_on_disk_until_it_is_back() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    for text in numbers(0..20) {
        node.push("alice", &text).unwrap();
    }
    node.bench.engine.close_host_type(HOST_TYPE);
    node.bench.engine.abort_host_type(HOST_TYPE);
    until("nothing is in memory", || {
        node.bench.counters().pending == 0
    });
    let account = node.bench.counters();
    assert_eq!((account.failed, account.on_disk), (0, 20), "{account:?}");
    plan(&endpoint, "status=200");
    node.bench.engine.open_host_type(HOST_TYPE);
    node.bench.outcomes(20);
    assert_eq!(messages(&endpoint), numbers(0..20));
    node.bench.assert_conserved();
}

/// What an earlier run accepted counts as accepted once, however often it comes in.
#[test]
fn what_comes_in_twice_is_counted_once() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    for text in numbers(0..20) {
        node.push("alice", &text).unwrap();
    }
    drop(node);
    let node = Node::start(settings(path.path()), &endpoint);
    for _ in 0..2 {
        until("they are in memory", || node.bench.counters().pending == 20);
        node.bench.engine.close_host_type(HOST_TYPE);
        node.bench.engine.abort_host_type(HOST_TYPE);
        until("nothing is in memory", || {
            node.bench.counters().pending == 0
        });
        node.bench.engine.open_host_type(HOST_TYPE);
    }
    plan(&endpoint, "status=200");
    node.bench.outcomes(20);
    assert_eq!(messages(&endpoint), numbers(0..20));
    node.bench.assert_conserved();
    let counters = node.bench.counters();
    assert_eq!((counters.accepted, counters.on_disk), (20, 0));
}

/// The engine's counters outlive it: what it leaves on disk is counted again when it comes in again.
#[test]
fn a_stop_and_a_start_in_one_process_count_each_notification_once() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    for text in numbers(0..20) {
        node.push("alice", &text).unwrap();
    }
    node.bench.engine.stop();
    node.bench.start_again(settings(path.path()));
    plan(&endpoint, "status=200");
    let url = endpoint.url("");
    node.bench.engine.open_spool(&url, true);
    node.bench.pool(options(url));
    node.bench.outcomes(20);
    node.bench.assert_conserved();
    let counters = node.bench.counters();
    assert_eq!((counters.accepted, counters.on_disk), (20, 0));
}

/// A pool that was about to be closed takes what is on disk again.
#[test]
fn a_pool_that_resumes_goes_on_with_what_is_on_disk() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let few = EngineSettings {
        max_pending: 20,
        max_lane_percent: 100,
        ..settings(path.path())
    };
    let node = Node::start(few, &endpoint);
    for text in numbers(0..100) {
        node.push("alice", &text).unwrap();
    }
    node.bench.engine.drain_pool(node.pool).unwrap();
    plan(&endpoint, "status=200");
    let on_disk = node.bench.counters().on_disk;
    node.bench.outcomes(usize::try_from(100 - on_disk).unwrap());
    assert!(node.bench.engine.resume_pool(node.pool).unwrap());
    node.bench.outcomes(100);
    assert_eq!(messages(&endpoint), numbers(0..100));
    node.bench.assert_conserved();
}

/// One lane has all that it may have in memory, and its endpoint refuses it.
#[test]
fn a_lane_that_is_full_holds_up_no_other() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    endpoint
        .set_plan_for("/stuck", "status=503".parse().unwrap())
        .unwrap();
    let few = EngineSettings {
        max_pending: 100,
        max_lane_percent: 10,
        ..settings(path.path())
    };
    let node = Node::start(few, &endpoint);
    let stuck = node
        .bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/stuck", policy(), None);
    for text in numbers(0..30) {
        let text = text.as_bytes();
        node.bench
            .push_text(node.pool, &stuck, "alice", text)
            .unwrap();
    }
    for text in numbers(100..300) {
        node.push("bob", &text).unwrap();
        node.push("carol", &text).unwrap();
    }
    node.bench.outcomes(400);
    assert_eq!(node.bench.counters().on_disk, 20);
    endpoint
        .set_plan_for("/stuck", "status=200".parse().unwrap())
        .unwrap();
    node.bench.outcomes(430);
    let arrived = messages(&endpoint);
    let stuck: Vec<_> = arrived
        .into_iter()
        .filter(|message| **message < *"0100")
        .collect();
    assert_eq!(stuck, numbers(0..30));
    node.bench.assert_conserved();
}

#[test]
fn what_belongs_to_no_handler_becomes_a_dead_letter_after_a_while() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", "hello").unwrap();
    drop(node);

    let mut soon = settings(path.path());
    soon.spools.as_mut().unwrap().grace = Duration::from_millis(50);
    let bench = Bench::with(soon, Arc::default());
    bench.engine.open_host_type(HOST_TYPE);
    // Another handler, with the same pool.
    let other = bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/other", policy(), None);
    let pool = bench.pool(options(endpoint.url("")));
    bench.engine.open_spool(&endpoint.url(""), false);
    until("it is a dead letter", || {
        let spools = bench.engine.spools();
        let totals = spools.first().and_then(|spool| spool.totals());
        totals.is_some_and(|totals| (totals.waiting, totals.dead) == (0, 1))
    });
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let dead = admin.status().unwrap().dead;
    assert_eq!(dead, [("handler_gone".to_owned(), 1)]);
    assert!(bench.push_text(pool, &other, "alice", b"x").is_ok());
}

#[test]
fn a_directory_that_another_node_uses_leaves_deliveries_in_memory() {
    let path = tempfile::tempdir().unwrap();
    let _other = Directory::take(path.path(), "other@localhost", Settings::default()).unwrap();
    let endpoint = endpoint();
    let bench = Bench::with(settings(path.path()), Arc::default());
    bench.engine.open_host_type(HOST_TYPE);
    let handler = bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/n", policy(), None);
    let pool = bench.pool(options(endpoint.url("")));
    bench.engine.open_spool(&endpoint.url(""), true);
    let mut said = Vec::new();
    until("it is said", || {
        said.extend(bench.engine.notices.take());
        !said.is_empty()
    });
    assert!(said[0].text.contains("other@localhost"), "{said:?}");
    let why = bench.engine.spools()[0].why_failing().unwrap();
    assert!(why.contains("other@localhost"), "{why}");
    bench.push_text(pool, &handler, "alice", b"x").unwrap();
    bench.outcomes(1);
    bench.assert_conserved();
}

#[test]
fn a_pool_that_is_replaced_leaves_its_notifications_to_the_next_one() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    for text in numbers(0..20) {
        node.push("alice", &text).unwrap();
    }
    node.bench
        .engine
        .close_pool(node.pool, Duration::ZERO)
        .unwrap();
    plan(&endpoint, "status=200");
    let next = node.bench.engine.create_pool(&endpoint.url("")).unwrap();
    node.bench
        .engine
        .configure_pool(next, options(endpoint.url("")))
        .unwrap();
    node.bench.engine.open_pool(next).unwrap();
    node.bench.outcomes(20);
    until("nothing is on disk", || node.waiting() == 0);
    let mut arrived = messages(&endpoint);
    arrived.sort();
    assert_eq!(arrived, numbers(0..20));
}
