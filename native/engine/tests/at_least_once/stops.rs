//! What is on disk is delivered once, over stops of the engine, of host types and of pools.

use std::time::Duration;

use super::{message, messages, numbers};
use crate::support::spooled::{Node, endpoint, plan, room_for_twenty, settings};
use crate::support::{End, HOST_TYPE, options, until};

#[test]
fn what_is_delivered_leaves_the_disk() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let node = Node::start(settings(path.path()), &endpoint);
    node.push_all(numbers(0..50));
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
    until("the endpoint has seen the end of each request", || {
        let stats = endpoint.stats();
        stats.connections_open == 0 && stats.in_flight == 0
    });

    plan(&endpoint, "status=200");
    endpoint.clear();
    let node = Node::start(settings(path.path()), &endpoint);
    node.push_all(numbers(30..40));
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
fn what_a_host_type_leaves_stays_on_disk_until_it_is_back() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push_all(numbers(0..20));
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
    node.push_all(numbers(0..20));
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
    node.push_all(numbers(0..20));
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
    let node = Node::start(room_for_twenty(path.path()), &endpoint);
    node.push_all(numbers(0..100));
    node.bench.engine.drain_pool(node.pool).unwrap();
    // Before the endpoint takes any.
    let on_disk = node.bench.counters().on_disk;
    plan(&endpoint, "status=200");
    node.bench.outcomes(usize::try_from(100 - on_disk).unwrap());
    assert!(node.bench.engine.resume_pool(node.pool).unwrap());
    node.bench.outcomes(100);
    assert_eq!(messages(&endpoint), numbers(0..100));
    node.bench.assert_conserved();
}

#[test]
fn a_pool_that_is_replaced_leaves_its_notifications_to_the_next_one() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push_all(numbers(0..20));
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
