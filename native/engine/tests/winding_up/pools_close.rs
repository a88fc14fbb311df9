//! Pools are closed: open, quick, still opening, and unable to open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engine::engine::EngineError;
use notification::{PoolId, PushError, RejectReason};
use test_endpoint::EndpointConfig;

use super::{assert_all, patient, stalled};
use crate::support::{Bench, FOR_EVER, options, test_endpoint, until};

/// Pools in one test; each is one chance to meet a moment of nanoseconds.
const MANY: usize = 2_000;

#[test]
fn a_pool_that_is_closed_drains_and_then_gives_up() {
    let bench = Bench::new();
    let endpoint = stalled();
    let pool = bench.pool(patient(&endpoint));
    let kept = bench.engine.pool(pool).unwrap();
    for n in 0..1000 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    until("requests are in flight", || endpoint.stats().in_flight == 4);
    let allowed = Duration::from_millis(300);
    let begin = Instant::now();
    bench.engine.close_pool(pool, allowed).unwrap();
    assert_eq!(bench.push(pool, "late"), Err(PushError::NotOpen));
    let seen = bench.outcomes(1000);
    let took = begin.elapsed();
    assert!(took >= allowed, "{took:?}");
    assert_all(&seen, 1000, "shutdown");
    until("its workers are gone", || kept.counts().queue.workers == 0);
    until("its connections are closed", || {
        endpoint.stats().connections_open == 0
    });
    until("only the test holds it", || Arc::strong_count(&kept) == 1);
    bench.assert_conserved();
}

#[test]
fn a_pool_that_is_closed_and_quick_is_gone_at_once() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(patient(&endpoint));
    for n in 0..1000 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    bench.engine.close_pool(pool, FOR_EVER).unwrap();
    assert_all(&bench.outcomes(1000), 1000, "sent");
    until("its connections are closed", || {
        endpoint.stats().connections_open == 0
    });
    bench.assert_conserved();
}

#[test]
fn a_pool_that_is_stopped_while_it_opens_delivers_what_it_took() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.engine.create_pool("opening").unwrap();
    for n in 0..100 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    bench
        .engine
        .configure_pool(pool, patient(&endpoint))
        .unwrap();
    bench.engine.close_pool(pool, FOR_EVER).unwrap();
    assert_eq!(bench.push(pool, "late"), Err(PushError::NotOpen));
    bench.engine.open_pool(pool).unwrap();
    assert_all(&bench.outcomes(100), 100, "sent");
    bench.assert_conserved();
}

#[test]
fn a_pool_that_cannot_open_fails_what_it_took() {
    let bench = Bench::new();
    let pool = bench.engine.create_pool("broken").unwrap();
    for n in 0..100 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    assert!(matches!(
        bench.engine.open_pool(pool),
        Err(EngineError::WrongPhase(_))
    ));
    let nonsense = options("gopher://127.0.0.1");
    bench.engine.configure_pool(pool, nonsense).unwrap();
    // A caller that tries again is told the same.
    for _ in 0..2 {
        let opened = bench.engine.open_pool(pool);
        assert!(matches!(opened, Err(EngineError::Config(_))), "{opened:?}");
    }
    assert_all(&bench.outcomes(100), 100, "pool_config");
    let pushed = bench.push(pool, "late");
    assert_eq!(pushed, Err(PushError::Rejected(RejectReason::PoolConfig)));
    bench.assert_conserved();
}

/// A pool is found at every moment, also in that in which it becomes one that is closing. Otherwise it could miss its
/// opening, and what it has accepted would fail when its time is over.
#[test]
fn a_pool_is_found_while_it_is_closed() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pools: Vec<PoolId> = (0..MANY)
        .map(|n| {
            let pool = bench.engine.create_pool("opening").unwrap();
            bench
                .engine
                .configure_pool(pool, patient(&endpoint))
                .unwrap();
            bench.push(pool, &format!("{n}")).unwrap();
            pool
        })
        .collect();
    let (looked, closed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut missed = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (n, pool) in pools.iter().enumerate() {
                while looked.load(Ordering::SeqCst) <= n {
                    std::thread::yield_now();
                }
                bench.engine.close_pool(*pool, FOR_EVER).unwrap();
                closed.fetch_add(1, Ordering::SeqCst);
            }
        });
        for (n, pool) in pools.iter().enumerate() {
            while closed.load(Ordering::SeqCst) <= n {
                missed += usize::from(bench.engine.progress(*pool).is_err());
                looked.fetch_max(n + 1, Ordering::SeqCst);
            }
            bench.engine.begin_opening(*pool).unwrap();
        }
    });
    assert_eq!(missed, 0);
    assert_all(&bench.outcomes(MANY), MANY, "sent");
    bench.assert_conserved();
}
