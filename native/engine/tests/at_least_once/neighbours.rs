//! Handlers that share a pool: one whose notifications wait leaves room in memory for those of others.

use std::sync::Arc;

use engine::engine::EngineSettings;
use notification::policy::Rate;
use notification::{DeliveryPolicy, Handler};
use test_endpoint::EndpointHandle;

use super::{messages, numbers};
use crate::support::spooled::{Node, endpoint, policy, settings};
use crate::support::{HOST_TYPE, until};

const WAITING: u64 = 2_000;
const IN_MEMORY: usize = 400;

fn little_memory(path: &std::path::Path) -> EngineSettings {
    EngineSettings {
        max_pending: IN_MEMORY,
        max_lane_percent: 100,
        ..settings(path)
    }
}

/// A node, and a second handler of its pool, which may send one notification in a second.
fn node(path: &std::path::Path, endpoint: &EndpointHandle) -> (Node, Arc<Handler>) {
    let node = Node::start(little_memory(path), endpoint);
    let slow = DeliveryPolicy {
        rate: Some(Rate {
            per_second: 1,
            burst: 1,
        }),
        ..policy()
    };
    let slow = node
        .bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/slow", slow, None);
    (node, slow)
}

#[test]
fn a_handler_that_waits_leaves_room_for_another_also_after_a_restart() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let (first, slow) = node(path.path(), &endpoint);
    for number in 0..WAITING {
        let sender = format!("user{}", number % 300);
        let pushed = first.bench.push_text(first.pool, &slow, &sender, b"waits");
        pushed.unwrap();
    }
    let delivers = |node: &Node, from: u32| {
        for number in numbers(from..from + 100) {
            node.push("alice", &number).unwrap();
            until("it is delivered", || messages(&endpoint).contains(&number));
        }
    };
    delivers(&first, 0);
    assert!(first.bench.counters().on_disk > WAITING / 2);
    first.assert_accounted();
    drop(first);

    let (second, _) = node(path.path(), &endpoint);
    delivers(&second, 100);
    second.assert_accounted();
    let arrived = messages(&endpoint);
    let others: Vec<_> = arrived.iter().filter(|text| *text != "waits").collect();
    assert!(others.into_iter().eq(&numbers(0..200)));
}
