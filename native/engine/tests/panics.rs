//! A panic at each step of a delivery: one failed outcome, a free slot, a pool that goes on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use engine::settings::PoolOptions;
use notification::{PoolId, fail_point};
use support::{Bench, End, events, pool_at, test_endpoint, until};
use test_endpoint::{EndpointConfig, TlsSettings};

const STEPS: [&str; 5] = ["prepare", "connect", "send", "answered", "read"];

/// One test for all: where to panic is known to the whole process.
#[test]
fn a_panic_costs_one_notification() {
    one_at_a_time(false);
    one_at_a_time(true);
    many_at_once();
    between_two_deliveries();
    in_a_payload();
}

fn one_at_a_time(secure: bool) {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig {
        tls: secure.then(TlsSettings::self_signed),
        http2: secure,
        plan: "body=hello".parse().unwrap(),
        ..EndpointConfig::default()
    });
    let (options, _file) = pool_at(&endpoint, secure);
    for step in STEPS {
        // A new pool, because a connection is made only if there is none.
        let pool = bench.pool(options.clone());
        fail_point::arm(step, 1);
        let (end, _) = bench.deliver(pool, &format!("{step} panics"));
        // The head of the response was read and reported before the rest of the body.
        let sent = step == "read" && matches!(end, End::Sent { status: 200, .. });
        match end {
            End::Failed {
                reason, ref text, ..
            } => {
                assert_eq!(reason, "internal_error", "{end:?}");
                assert!(text.contains(&format!("a panic at {step}")), "{text}");
            }
            End::Sent { .. } => assert!(sent, "{step}: {end:?}"),
        }
        for n in 0..3 {
            let (end, _) = bench.deliver(pool, &format!("{step} next {n}"));
            assert!(
                matches!(end, End::Sent { status: 200, .. }),
                "{step}: {end:?}"
            );
        }
        assert_all_parked(&bench, pool);
    }
    bench.assert_conserved();
}

fn many_at_once() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    for step in ["prepare", "send", "answered"] {
        let pool = bench.pool(PoolOptions {
            workers: 4,
            ..support::options(endpoint.url(""))
        });
        let before = bench.counters();
        fail_point::arm(step, 50);
        for n in 0..200 {
            bench.push(pool, &format!("{step} {n}")).unwrap();
        }
        until("all have an outcome", || {
            let counters = bench.counters();
            counters.sent + counters.failed == before.accepted + 200
        });
        assert_eq!(bench.counters().failed - before.failed, 50, "{step}");
        assert_all_parked(&bench, pool);
    }
    bench.assert_conserved();
}

/// A panic outside a delivery ends the worker; another one takes its place.
fn between_two_deliveries() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(PoolOptions {
        workers: 4,
        ..support::options(endpoint.url(""))
    });
    fail_point::arm("look", 20);
    for n in 0..200 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    bench.outcomes(200);
    assert_eq!(bench.counters().sent, 200);
    assert_all_parked(&bench, pool);
    bench.assert_conserved();
}

/// While the request of a handler with a plan is made.
fn in_a_payload() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(support::options(endpoint.url("")));
    let handler = bench.planned("/json", events::json());
    fail_point::arm("make", 1);
    bench.push_event(pool, &handler, "alice", &events::stanza("hi"));
    let end = bench.outcome_of("alice").end;
    assert!(
        matches!(&end, End::Failed { reason: "internal_error", text, .. } if text.contains("make")),
        "{end:?}"
    );
    bench.push_event(pool, &handler, "carol", &events::stanza("hi"));
    let end = bench.outcome_of("carol").end;
    assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
    assert_all_parked(&bench, pool);
    bench.assert_conserved();
}

fn assert_all_parked(bench: &Bench, pool: PoolId) {
    until("every worker is parked or gone", || {
        let counts = bench.counts(pool).queue;
        counts.workers == counts.parked && counts.in_flight == 0
    });
}
