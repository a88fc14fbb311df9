//! Tests that `request_timeout` and `call_timeout` are kept to the millisecond, on a clock that
//! advances only when nothing else can happen. The tests of the connection's fate are in
//! `tests/fault_matrix.rs`.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::pools::{notification, open, pool};
use crate::report::counters::CountersByPool;

/// An endpoint whose connections the system accepts, and that never answers.
fn endpoint() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// The clock may advance a little each time the system reports an event.
const SLACK: Duration = Duration::from_millis(50);

/// Waits until `count` notifications have failed. Returns the time since `begin`, and the last reason.
async fn failed(counters: &CountersByPool, count: u64, begin: Instant) -> (Duration, &'static str) {
    let counters = counters.of("pool");
    while counters.failed() < count {
        sleep(Duration::from_millis(1)).await;
    }
    (
        begin.elapsed(),
        counters.last_failure().unwrap().reason.as_str(),
    )
}

#[track_caller]
fn assert_after((took, reason): (Duration, &str), seconds: u64, expected: &str) {
    let due = Duration::from_secs(seconds);
    assert!(took >= due && took <= due + SLACK, "{took:?}");
    assert_eq!(reason, expected);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_after_request_timeout() {
    let (_listener, url) = endpoint();
    let counters = CountersByPool::default();
    let pool = pool(&counters, 100);
    open(&pool, &url, 7_000, 60_000);
    let begin = Instant::now();
    for number in [1, 2] {
        pool.push(b"alice", notification("/n")).unwrap();
        let failed = failed(&counters, number, begin).await;
        assert_after(failed, 7 * number, "request_timeout");
    }
}

/// One worker and three notifications: one in flight, one first in its lane, one behind the first.
#[tokio::test(start_paused = true)]
async fn call_timeout_runs_from_the_head_of_the_lane() {
    let (_listener, url) = endpoint();
    let counters = CountersByPool::default();
    let pool = pool(&counters, 100);
    open(&pool, &url, 60_000, 5_000);
    let begin = Instant::now();
    for lane in [b"alice", b"kate_", b"alice"] {
        pool.push(lane, notification("/n")).unwrap();
    }
    assert_after(failed(&counters, 2, begin).await, 5, "pool_timeout");
    assert_after(failed(&counters, 3, begin).await, 10, "pool_timeout");
}
