//! A million notifications against an endpoint that has stalled: everything beyond the bounds is rejected at
//! once, memory stays within what the bounds allow, and delivery goes on when the endpoint recovers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::settings::PoolOptions;
use notification::{PushError, RejectReason};
use support::{Bench, options, process, test_endpoint, until};
use test_endpoint::EndpointConfig;

const PUSHES: u64 = 1_000_000;
const SESSIONS: u64 = 4;
const PENDING: u64 = 100_000;
const PENDING_BYTES: usize = 64 << 20;
/// What is pending uses its own bytes, and some for lanes, keys and lists.
const MEMORY: u64 = 64 << 20;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    process::status("VmRSS") * 1024
}

#[test]
fn a_million_against_a_stalled_endpoint() {
    let bench = Arc::new(Bench::new());
    let endpoint = test_endpoint(EndpointConfig {
        plan: "fault=stall-before-head".parse().unwrap(),
        max_records: 0,
        ..EndpointConfig::default()
    });
    let pool = bench.pool(PoolOptions {
        workers: 50,
        request_timeout: support::millis(REQUEST_TIMEOUT),
        // Longer than this test: what is accepted stays.
        call_timeout: 600_000,
        ..options(endpoint.url(""))
    });
    let before = resident();
    let slowest = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let sessions: Vec<_> = (0..SESSIONS)
        .map(|session| {
            let (bench, slowest) = (Arc::clone(&bench), Arc::clone(&slowest));
            std::thread::spawn(move || {
                let handler = bench.handler("/n");
                let mut rejected = 0;
                for n in 0..PUSHES / SESSIONS {
                    let sender = format!("{session}/{}", n % 5_000);
                    let asked = Instant::now();
                    match bench.push_text(pool, &handler, &sender, b"a message") {
                        Ok(()) => {}
                        Err(PushError::Rejected(RejectReason::QueueFull)) => rejected += 1,
                        other => panic!("{other:?}"),
                    }
                    let micros = u64::try_from(asked.elapsed().as_micros()).unwrap();
                    slowest.fetch_max(micros, Ordering::Relaxed);
                    if n % 50_000 == 0 {
                        let counts = bench.counts(pool);
                        assert!(counts.pending as u64 <= PENDING, "{counts:?}");
                        assert!(counts.pending_bytes <= PENDING_BYTES, "{counts:?}");
                        assert!(counts.queue.in_flight <= 50, "{counts:?}");
                    }
                }
                rejected
            })
        })
        .collect();
    let rejected: u64 = sessions
        .into_iter()
        .map(|session| session.join().unwrap())
        .sum();
    let pushing = begin.elapsed();
    let counters = bench.counters();
    assert_eq!(counters.pushed, PUSHES, "{counters:?}");
    assert_eq!(counters.rejected, rejected, "{counters:?}");
    // What failed with request_timeout meanwhile has made room.
    assert!(counters.accepted >= PENDING, "{counters:?}");
    assert!(
        counters.accepted <= PENDING + counters.failed + 1_000,
        "{counters:?}"
    );
    let rows = bench.engine.rejections.list();
    assert_eq!(rows.len(), 1, "one row for all of them");
    assert_eq!(rows[0].count, rejected);
    let grown = resident().saturating_sub(before);
    assert!(
        grown <= MEMORY,
        "{grown} bytes for {} pending",
        bench.counts(pool).pending
    );

    // The endpoint comes back, but not for the requests that it has stalled: those have to end first.
    let back = Instant::now();
    let sent = bench.counters().sent;
    endpoint.set_plan("status=200".parse().unwrap()).unwrap();
    until("delivery goes on", || bench.counters().sent > sent);
    let resumed = back.elapsed();
    endpoint.release();
    until("it delivers in earnest", || {
        bench.counters().sent > sent + 5_000
    });
    println!(
        "{PUSHES} pushes in {pushing:?}, the slowest {} us; {rejected} rejected; {} KiB more; \
         delivery resumed after {resumed:?}, five thousand after {:?}",
        slowest.load(Ordering::Relaxed),
        grown / 1024,
        back.elapsed()
    );
    // The rest of them would only take time.
    bench.engine.close_pool(pool, Duration::ZERO).unwrap();
    until("the rest has failed", || bench.counters().pending == 0);
    bench.assert_conserved();
}
