//! Host types are closed while their pool goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notification::{PushError, RejectReason};
use test_endpoint::EndpointConfig;

use super::{assert_all, patient, reason, stalled};
use crate::support::{Bench, HOST_TYPE, test_endpoint, until};

#[test]
fn a_host_type_leaves_a_pool_that_others_use() {
    let bench = Bench::new();
    let endpoint = stalled();
    let pool = bench.pool(patient(&endpoint));
    let stays = bench.engine.handler("stays", "http_pool", "/n");
    let leaves = bench.engine.handler("leaves", "http_pool", "/n");
    for n in 0..500 {
        for handler in [&stays, &leaves] {
            let sender = format!("{} {n}", handler.host_type.name);
            bench.push_text(pool, handler, &sender, b"").unwrap();
        }
    }
    until("requests are in flight", || endpoint.stats().in_flight == 4);
    bench.engine.close_host_type("leaves");
    let pushed = bench.push_text(pool, &leaves, "leaves late", b"");
    assert_eq!(pushed, Err(PushError::Rejected(RejectReason::Shutdown)));
    bench.engine.abort_host_type("leaves");
    let seen = bench.outcomes(500);
    assert_all(&seen, 500, "shutdown");
    assert!(seen.iter().all(|seen| seen.sender.starts_with("leaves")));
    assert_eq!(stays.host_type.counters().pending, 500);

    endpoint.set_plan("status=200".parse().unwrap()).unwrap();
    endpoint.release();
    let seen = bench.outcomes(1000);
    let sent = seen.iter().filter(|seen| reason(seen) == "sent");
    assert!(sent.clone().all(|seen| seen.sender.starts_with("stays")));
    assert_eq!(sent.count(), 500);
    until("all is acknowledged", || {
        stays.host_type.counters().pending == 0
    });
}

#[test]
fn registering_a_handler_opens_no_host_type() {
    let bench = Bench::new();
    let pool = bench.pool(patient(&stalled()));
    let leaves = bench.engine.handler("leaves", "http_pool", "/n");
    bench.engine.close_host_type("leaves");
    for path in ["/n", "/new"] {
        let handler = bench.engine.handler("leaves", "http_pool", path);
        assert!(!handler.host_type.is_open(), "{path}");
        let pushed = bench.push_text(pool, &handler, "late", b"");
        assert_eq!(pushed, Err(PushError::Rejected(RejectReason::Shutdown)));
    }
    bench.engine.open_host_type("leaves");
    assert!(leaves.host_type.is_open());
}

/// A caller that closes a host type and then finds nothing pending has seen the last of it.
#[test]
fn a_host_type_that_is_closed_and_quiet_stays_quiet() {
    let bench = Arc::new(Bench::new());
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(patient(&endpoint));
    let handler = bench.handler("/n");
    let done = Arc::new(AtomicBool::new(false));
    let sessions: Vec<_> = (0..2)
        .map(|session| {
            let (bench, done) = (Arc::clone(&bench), Arc::clone(&done));
            let handler = Arc::clone(&handler);
            std::thread::spawn(move || {
                let sender = format!("session {session}");
                while !done.load(Ordering::Acquire) {
                    let _ = bench.push_text(pool, &handler, &sender, b"");
                    std::thread::sleep(Duration::from_micros(20));
                }
            })
        })
        .collect();
    for _ in 0..100 {
        bench.engine.close_host_type(HOST_TYPE);
        until("nothing is pending", || bench.counters().pending == 0);
        let before = bench.counters();
        until("sessions are refused", || {
            bench.counters().rejected >= before.rejected + 10
        });
        let after = bench.counters();
        // One that is being refused is counted for a moment.
        assert_eq!(before.sent + before.failed, after.sent + after.failed);
        bench.engine.open_host_type(HOST_TYPE);
        until("sessions are heard again", || {
            bench.counters().accepted > before.accepted
        });
    }
    done.store(true, Ordering::Release);
    for session in sessions {
        session.join().unwrap();
    }
    bench.assert_conserved();
}
