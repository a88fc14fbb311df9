//! A panic at each step of a delivery: one failed outcome, a free slot, a pool that goes on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::thread;

use engine::settings::PoolOptions;
use notification::{DeliveryPolicy, Guarantee, PoolId, fail_point};
use support::spooled::{Node, settings};
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
    in_a_push();
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

/// While a session hands over: in the queue, with its lock held and, for what is kept on disk, that of the spool's
/// window. The session's call fails; the pool and its spool go on, and everything that was counted for it is given back.
fn in_a_push() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = test_endpoint(EndpointConfig::default());
    for guarantee in [Guarantee::BestEffort, Guarantee::AtLeastOnce] {
        let policy = DeliveryPolicy {
            guarantee,
            ..support::spooled::policy()
        };
        let node = Arc::new(Node::with(settings(path.path()), &endpoint, policy, None));
        // On a thread of its own: a lock that is never given back would keep the test from its end.
        let push = |text: &'static str| {
            let node = Arc::clone(&node);
            let push = move || {
                let (bench, pool, handler) = (&node.bench, node.pool, &node.handler);
                bench.push_text(pool, handler, "alice", text.as_bytes())
            };
            let session = thread::spawn(push);
            until("the call returns", || session.is_finished());
            session.join()
        };
        push("before").unwrap().unwrap();
        fail_point::arm("queue", 3);
        for _ in 0..3 {
            assert!(push("panics").is_err());
        }
        push("after").unwrap().unwrap();
        node.bench.outcomes(2);
        assert_eq!(node.bench.counters().sent, 2);
        until("nothing is on disk", || {
            guarantee == Guarantee::BestEffort || node.waiting() == 0
        });
        until("nothing is pending", || {
            let counts = node.bench.counts(node.pool);
            (counts.pending, counts.pending_bytes) == (0, 0)
        });
        node.bench.assert_conserved();
        node.bench.engine.stop();
    }
}

fn assert_all_parked(bench: &Bench, pool: PoolId) {
    until("every worker is parked or gone", || {
        let counts = bench.counts(pool).queue;
        counts.workers == counts.parked && counts.in_flight == 0
    });
}
