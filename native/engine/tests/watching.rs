//! Counters and gauges agree with what was pushed and with what the endpoint received, also when pools of
//! one name come and go.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::{Duration, Instant};

use engine::engine::EngineSettings;
use engine::settings::PoolOptions;
use notification::{PoolId, PushError, RejectReason};
use support::{Bench, options, test_endpoint, until};
use test_endpoint::EndpointConfig;

const NAME: &str = "global/http_pool";

/// Creates a pool and opens it with these options.
fn open(bench: &Bench, options: PoolOptions) -> PoolId {
    let id = bench.engine.create_pool(NAME).unwrap();
    bench.engine.configure_pool(id, options).unwrap();
    bench.engine.open_pool(id).unwrap();
    id
}

fn patient(url: String, workers: u64) -> PoolOptions {
    PoolOptions {
        workers,
        ..options(url)
    }
}

#[test]
fn retries_are_the_attempts_beyond_the_first() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = open(&bench, patient(endpoint.url(""), 1));
    let broken = "fault=close-before-head";
    // One break and then health: one retry. Breaks only: two of them, and a failure.
    endpoint.push_next(1, broken.parse().unwrap()).unwrap();
    bench.push(pool, "alice").unwrap();
    bench.outcomes(1);
    endpoint.push_next(3, broken.parse().unwrap()).unwrap();
    bench.push(pool, "bob").unwrap();
    bench.outcomes(2);
    bench.push(pool, "carol").unwrap();
    bench.outcomes(3);
    let metrics = &bench.engine.metrics()[NAME];
    let counters = &metrics.counters;
    let counts = (counters.sent(), counters.failed(), counters.retries());
    assert_eq!(counts, (2, 1, 3));
    // Each notification has waited once, however often it was tried.
    assert_eq!(counters.queue_time.read().started(), 3);
    let last = counters.last_failure().unwrap();
    assert_eq!(last.reason.as_str(), "connection_closed");
    assert_eq!(last.attempts, 3);
    assert!(
        last.text.starts_with("POST http://127.0.0.1:"),
        "{}",
        last.text
    );
    assert!(last.text.contains("/n: "), "{}", last.text);
    bench.assert_conserved();
}

#[test]
fn rejections_are_counted_by_reason() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig {
        plan: "fault=stall-before-head".parse().unwrap(),
        ..EndpointConfig::default()
    });
    let pool = open(
        &bench,
        PoolOptions {
            strategy: "next_available_worker".to_owned(),
            ..patient(endpoint.url(""), 2)
        },
    );
    let full = Err(PushError::Rejected(RejectReason::QueueFull));
    for (sender, expected) in [("a", Ok(())), ("b", Ok(())), ("c", full), ("d", full)] {
        assert_eq!(bench.push(pool, sender), expected);
    }
    let handler = bench.handler("/n");
    bench.engine.reject(
        &handler,
        RejectReason::BadHeader,
        None,
        b"e",
        "host: is twice there",
    );
    let broken = bench.engine.create_pool("global/broken").unwrap();
    bench
        .engine
        .configure_pool(broken, options("ftp://x"))
        .unwrap();
    assert!(bench.engine.open_pool(broken).is_err());
    assert_eq!(
        bench.push(broken, "f"),
        Err(PushError::Rejected(RejectReason::PoolConfig))
    );
    // The reporter counts them, and their rows go. The counters stay.
    for row in bench.engine.rejections.list() {
        bench
            .engine
            .rejections
            .counted(row.handler.id, row.reason, row.count);
    }
    assert!(bench.engine.rejections.list().is_empty());
    let all: Vec<_> = handler
        .rejected
        .list()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(
        all,
        [
            (RejectReason::QueueFull, 2),
            (RejectReason::PoolConfig, 1),
            (RejectReason::BadHeader, 1)
        ]
    );
    let metrics = bench.engine.metrics();
    let of = |name: &str, reason| metrics[name].counters.rejected.of(reason);
    assert_eq!(of(NAME, RejectReason::QueueFull), 2);
    assert_eq!(of(NAME, RejectReason::BadHeader), 0);
    assert_eq!(of("global/broken", RejectReason::PoolConfig), 1);
    assert_eq!(bench.counters().rejected, 4);
    endpoint.reset_plans().unwrap();
    endpoint.release();
    bench.outcomes(2);
    bench.assert_conserved();
}

#[test]
fn the_oldest_waiting_may_be_behind_one_in_flight() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig {
        plan: "fault=stall-before-head".parse().unwrap(),
        ..EndpointConfig::default()
    });
    let pool = open(&bench, patient(endpoint.url(""), 1));
    let oldest = || bench.engine.metrics()[NAME].oldest_waiting;
    assert_eq!(oldest(), None);
    bench.push(pool, "alice").unwrap();
    until("one is in flight", || endpoint.stats().in_flight == 1);
    assert_eq!(oldest(), None, "in flight is not waiting");
    let before = Instant::now();
    bench.push(pool, "alice").unwrap();
    let after = Instant::now();
    // More lanes than are looked at under one lock.
    for n in 0..1_000 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    let found = oldest().unwrap().into_std();
    assert!(found >= before && found <= after, "{found:?}");
    let metrics = &bench.engine.metrics()[NAME];
    assert_eq!((metrics.waiting, metrics.in_flight), (1_001, 1));
    assert_eq!((metrics.pending, metrics.workers), (1_002, 1));
    endpoint.reset_plans().unwrap();
    endpoint.release();
    bench.outcomes(1_002);
    assert_eq!(oldest(), None);
    bench.assert_conserved();
}

#[test]
fn totals_go_on_where_a_pool_is_replaced_or_the_engine_restarted() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let first = open(&bench, patient(endpoint.url(""), 1));
    endpoint
        .push_next(1, "fault=close-before-head".parse().unwrap())
        .unwrap();
    bench.push(first, "alice").unwrap();
    bench.outcomes(1);
    // The old one drains while the new one takes over.
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    bench.push(first, "bob").unwrap();
    until("it is in flight", || endpoint.stats().in_flight == 1);
    let second = open(&bench, patient(endpoint.url(""), 3));
    bench
        .engine
        .close_pool(first, Duration::from_secs(30))
        .unwrap();
    bench.push(second, "carol").unwrap();
    until("both are in flight", || endpoint.stats().in_flight == 2);
    let metrics = &bench.engine.metrics()[NAME];
    assert_eq!((metrics.in_flight, metrics.workers), (2, 3));
    let phases = bench.engine.living_pools();
    let mut phases: Vec<_> = phases.iter().map(|pool| pool.phase()).collect();
    phases.sort_unstable();
    assert_eq!(phases, ["draining", "open"]);
    endpoint.reset_plans().unwrap();
    endpoint.release();
    bench.outcomes(3);

    bench.engine.stop();
    bench
        .engine
        .start(EngineSettings::default(), |_| {})
        .unwrap();
    let metrics = &bench.engine.metrics()[NAME];
    let counters = &metrics.counters;
    assert_eq!((counters.sent(), counters.retries()), (3, 1));
    assert_eq!((metrics.in_flight, metrics.workers), (0, 0));
}

/// The host looks for a pool of the host type first. If there is none, its name is not worth a row.
#[test]
fn a_name_that_nothing_ever_went_through_is_left_out() {
    let bench = Bench::new();
    bench.engine.create_pool("localhost/http_pool").unwrap();
    assert!(bench.engine.metrics().is_empty());
}
