//! Handlers that share a pool: one whose endpoint is down leaves room in memory for those of others.

use std::sync::Arc;

use engine::engine::EngineSettings;
use notification::Handler;
use test_endpoint::EndpointHandle;

use super::numbers;
use crate::support::spooled::{Node, endpoint, policy, settings};
use crate::support::{HOST_TYPE, until};

const WAITING: usize = 2_000;
const SENDERS: usize = 300;
const IN_MEMORY: usize = 400;

/// A node, and a second handler of its pool.
fn node(path: &std::path::Path, endpoint: &EndpointHandle) -> (Node, Arc<Handler>) {
    let little_memory = EngineSettings {
        max_pending: IN_MEMORY,
        max_lane_percent: 100,
        ..settings(path)
    };
    let node = Node::start(little_memory, endpoint);
    let engine = &node.bench.engine;
    let other = engine.planned_handler(HOST_TYPE, "http_pool", "/down", policy(), None);
    (node, other)
}

/// The messages that a path got, in the order of their first arrival.
fn messages(endpoint: &EndpointHandle, path: &str) -> Vec<String> {
    let records = endpoint.records_from(0);
    let mut texts: Vec<_> = records
        .iter()
        .filter(|record| record.path == path)
        .map(super::message)
        .collect();
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    texts
}

#[test]
fn a_handler_whose_endpoint_is_down_leaves_room_for_another_also_after_a_restart() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let answer = |status: &str| {
        let plan = format!("status={status}");
        endpoint
            .set_plan_for("/down", plan.parse().unwrap())
            .unwrap();
    };
    answer("503");
    let (first, down) = node(path.path(), &endpoint);
    for number in 0..WAITING {
        let sender = format!("user{}", number % SENDERS);
        let text = format!("{sender} {number:04}");
        let pushed = first
            .bench
            .push_text(first.pool, &down, &sender, text.as_bytes());
        pushed.unwrap();
    }
    let delivers = |node: &Node, from: u32| {
        for number in numbers(from..from + 100) {
            node.push("alice", &number).unwrap();
            until("it is delivered", || {
                messages(&endpoint, "/n").last() == Some(&number)
            });
        }
    };
    delivers(&first, 0);
    let on_disk = usize::try_from(first.bench.counters().on_disk).unwrap();
    assert!(on_disk > WAITING - IN_MEMORY, "{on_disk}");
    first.assert_accounted();
    drop(first);

    let (second, _) = node(path.path(), &endpoint);
    delivers(&second, 100);
    answer("200");
    second.bench.outcomes(100 + WAITING);
    until("nothing is on disk", || second.waiting() == 0);
    assert_eq!(messages(&endpoint, "/n"), numbers(0..200));
    let of_others = messages(&endpoint, "/down");
    assert_eq!(of_others.len(), WAITING);
    for sender in 0..SENDERS {
        let begin = format!("user{sender} ");
        let its: Vec<_> = of_others
            .iter()
            .filter(|text| text.starts_with(&begin))
            .collect();
        assert!(its.is_sorted(), "{its:?}");
    }
    second.assert_accounted();
}

/// For a moment others take what is left of the memory, and a notification of the second handler has to wait on disk.
#[test]
fn what_had_no_room_for_a_moment_comes_in_although_an_endpoint_is_down() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    for (path, plan) in [("/down", "status=503"), ("/slow", "delay=20")] {
        endpoint.set_plan_for(path, plan.parse().unwrap()).unwrap();
    }
    let (node, down) = node(path.path(), &endpoint);
    for number in 0..WAITING {
        let sender = format!("user{}", number % SENDERS);
        let pushed = node.bench.push_text(node.pool, &down, &sender, b"waits");
        pushed.unwrap();
    }
    let slow = node.bench.handler("/slow");
    let others = (0..).take_while(|number| {
        let sender = format!("other{number}");
        node.bench
            .push_text(node.pool, &slow, &sender, b"x")
            .is_ok()
    });
    assert!(others.count() > 10);
    node.push("alice", "hello").unwrap();
    until("it is delivered", || messages(&endpoint, "/n") == ["hello"]);
    node.push("alice", "again").unwrap();
    until("the next one is, too", || {
        messages(&endpoint, "/n") == ["hello", "again"]
    });
}
