//! Everything an endpoint can do wrong, one row each: what the outcome is, how long it takes, and that
//! the pool's only slot is free again afterwards.
//!
//! `request_timeout` and `call_timeout` must hold to 200 ms. A row whose time is over on a busy
//! machine is gone through again, twice at the most; a wrong outcome fails at once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use engine::settings::PoolOptions;
use sink::{SinkConfig, TlsSettings};
use support::{Bench, CALL_TIMEOUT, End, REQUEST_TIMEOUT, millis, options, pool_at, sink};

const TOLERANCE: Duration = Duration::from_millis(200);
/// `request_timeout` where none is expected.
const PATIENCE: Duration = Duration::from_secs(10);
const AT_ONCE: Duration = Duration::ZERO;

/// A plan for the sink, and what is to come of it.
struct Row {
    plan: &'static str,
    expected: Expected,
    /// The outcome does not come before this.
    after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Sent(u16),
    /// Reason and attempts.
    Failed(&'static str, u8),
}

const fn sent(plan: &'static str, status: u16) -> Row {
    Row {
        plan,
        expected: Expected::Sent(status),
        after: AT_ONCE,
    }
}

const fn failed(plan: &'static str, reason: &'static str, attempts: u8) -> Row {
    Row {
        plan,
        expected: Expected::Failed(reason, attempts),
        after: AT_ONCE,
    }
}

/// Tried three times, each time on a fresh connection.
const fn broken(plan: &'static str) -> Row {
    failed(plan, "connection_closed", 3)
}

const fn stalled(plan: &'static str) -> Row {
    Row {
        plan,
        expected: Expected::Failed("request_timeout", 1),
        after: REQUEST_TIMEOUT,
    }
}

const PLAIN: &[Row] = &[
    failed("fault=refuse", "econnrefused", 1),
    stalled("fault=connect-stall"),
    broken("fault=accept-close"),
    broken("fault=accept-reset"),
    stalled("fault=accept-stall"),
    broken("fault=close-in-request"),
    stalled("fault=stall-in-request"),
    broken("fault=close-before-head"),
    broken("fault=reset-before-head"),
    broken("fault=close-in-status"),
    broken("fault=close-in-head"),
    sent("fault=close-in-body body-size=1000", 200),
    sent("fault=reset-in-body body-size=1000", 200),
    stalled("fault=stall-before-head"),
    stalled("fault=stall-in-head"),
    sent("fault=stall-in-body body-size=1000", 200),
    stalled("fault=slow interval=1000"),
    sent("fault=slow interval=1 body=short", 200),
    failed("fault=garbage", "invalid_response", 1),
    sent("fault=http10-close body=hello", 200),
    sent("fault=http10-length body=hello", 200),
    sent("fault=continue-100", 200),
    sent("fault=early-103", 200),
    sent("status=204", 204),
    sent("status=304", 304),
    sent("fault=forbidden-body", 204),
    sent("fault=forbidden-body status=304", 304),
    sent("fault=chunked body-size=5000", 200),
    sent("fault=chunked-trailers body-size=5000", 200),
    sent("fault=length-long body=hello", 200),
    sent("fault=length-short body=hello", 200),
    failed(
        "fault=length-two-different body=hello",
        "invalid_response",
        1,
    ),
    sent("fault=length-two-same body=hello", 200),
    failed("fault=huge-header", "invalid_response", 1),
    failed("fault=many-headers", "invalid_response", 1),
    failed("fault=endless-head", "invalid_response", 1),
    sent("fault=endless-body", 200),
    sent("fault=connection-close body=hello", 200),
    sent("fault=silent-close", 200),
    sent(
        "status=301 header=location:http://127.0.0.1:1/elsewhere",
        301,
    ),
    sent("status=404", 404),
    sent("status=500 body-size=1000000", 500),
];

const TLS: &[Row] = &[
    failed("fault=refuse", "econnrefused", 1),
    broken("fault=accept-close"),
    stalled("fault=accept-stall"),
    broken("fault=tls-close"),
    failed("fault=tls-garbage", "tls_error", 1),
    stalled("fault=tls-stall"),
    failed("fault=tls-alert", "tls_error", 1),
    broken("fault=tls-close-in-hello"),
    stalled("fault=tls-stall-in-hello"),
    broken("fault=tls-close-after-hello"),
    broken("fault=close-before-head"),
    stalled("fault=stall-before-head"),
    sent("fault=close-in-body body-size=1000", 200),
    failed("fault=garbage", "invalid_response", 1),
    sent("fault=endless-body", 200),
];

const HTTP2: &[Row] = &[
    failed("fault=refuse", "econnrefused", 1),
    broken("fault=accept-close"),
    stalled("fault=tls-stall"),
    broken("fault=h2-goaway-unserved"),
    sent("fault=h2-goaway", 200),
    broken("fault=h2-goaway-error"),
    failed("fault=h2-reset", "invalid_response", 1),
    broken("fault=h2-refused"),
    sent("fault=h2-reset-in-body body-size=1000", 200),
    broken("fault=close-before-head"),
    broken("fault=close-in-request"),
    sent("fault=close-in-body body-size=1000", 200),
    stalled("fault=stall-before-head"),
    stalled("fault=stall-in-request"),
    sent("fault=stall-in-body body-size=1000", 200),
    sent("fault=early-103", 200),
    sent("fault=chunked-trailers body-size=5000", 200),
    sent("fault=length-long body=hello", 200),
    sent("fault=length-short body=hello", 200),
    failed("fault=huge-header", "invalid_response", 3),
    failed("fault=many-headers", "invalid_response", 3),
    sent("fault=endless-body", 200),
    sent("status=500 body-size=1000000", 500),
];

#[test]
fn over_plain_http() {
    go_through(PLAIN, &SinkConfig::default(), false);
}

#[test]
fn over_tls() {
    let config = SinkConfig {
        tls: Some(TlsSettings::self_signed()),
        ..SinkConfig::default()
    };
    go_through(TLS, &config, false);
}

#[test]
fn over_http2() {
    let config = SinkConfig {
        tls: Some(TlsSettings::self_signed()),
        http2: true,
        ..SinkConfig::default()
    };
    go_through(HTTP2, &config, true);
}

fn go_through(rows: &[Row], config: &SinkConfig, http2: bool) {
    let bench = Bench::new();
    for (at, row) in rows.iter().enumerate() {
        let mut over = row_once(&bench, row, config, http2, &format!("{at}a"));
        for try_again in ["b", "c"] {
            if over.is_none() {
                break;
            }
            over = row_once(&bench, row, config, http2, &format!("{at}{try_again}"));
        }
        if let Some((what, took)) = over {
            panic!("{}: {what} took {took:?}", row.plan);
        }
    }
    bench.assert_conserved();
    let stuck: Vec<_> = bench
        .engine
        .pools()
        .iter()
        .map(|pool| pool.state())
        .filter(|state| state.tally.workers != state.tally.parked)
        .collect();
    assert_eq!(stuck, [], "workers that never parked");
}

/// The row; what took too long, if anything did.
fn row_once(
    bench: &Bench,
    row: &Row,
    config: &SinkConfig,
    http2: bool,
    name: &str,
) -> Option<(&'static str, Duration)> {
    let sink = sink(config.clone());
    let (mut options, _certificate) = pool_at(&sink, http2);
    // Where no time-out is expected, a busy machine must not make one.
    let waits = ["stall", "slow", "endless", "silent-death"]
        .iter()
        .any(|fault| row.plan.contains(fault));
    let patient = !waits && !matches!(row.expected, Expected::Failed("request_timeout", _));
    let (request_timeout, call_timeout) = if patient {
        (PATIENCE, PATIENCE * 3)
    } else {
        (REQUEST_TIMEOUT, CALL_TIMEOUT)
    };
    options.request_timeout = millis(request_timeout);
    options.call_timeout = millis(call_timeout);
    let pool = bench.pool(options);
    // Faults of a request come on a connection that has worked; those of a connection on a new one.
    let warm = !["refuse", "connect-stall", "accept", "tls-", "unserved"]
        .iter()
        .any(|fault| row.plan.contains(fault));
    if warm {
        let (end, _) = bench.deliver(pool, &format!("{name} warm"));
        assert!(
            matches!(end, End::Sent { status: 200, .. }),
            "{}: warm: {end:?}",
            row.plan
        );
    }
    sink.set_plan(row.plan.parse().unwrap()).unwrap();
    let (end, took) = bench.deliver(pool, &format!("{name} fault"));
    let got = match end {
        End::Sent { status, .. } => Expected::Sent(status),
        End::Failed {
            reason, attempts, ..
        } => Expected::Failed(reason, attempts),
    };
    assert_eq!(got, row.expected, "{}: {end:?}", row.plan);
    assert_eq!(sink.stats().misplaced_faults, 0, "{}", row.plan);
    assert!(took >= row.after, "{}: after {took:?}", row.plan);

    // The pool's only slot is free, at the latest when what was left of request_timeout is over for
    // the body of a response whose head had come.
    sink.reset_plans().unwrap();
    let (end, next_took) = bench.deliver(pool, &format!("{name} next"));
    assert!(
        matches!(end, End::Sent { status: 200, .. }),
        "{}: next: {end:?}",
        row.plan
    );

    // One fault, then a retry that works: the notification is sent.
    if row.expected == Expected::Failed("connection_closed", 3) {
        if !warm {
            sink.close_connections();
            // Whether the link was still in use when it closed or not, it takes one fault.
        }
        sink.push_next(1, row.plan.parse().unwrap()).unwrap();
        let (end, _) = bench.deliver(pool, &format!("{name} retried"));
        assert!(
            matches!(end, End::Sent { status: 200, .. }),
            "{}: retried: {end:?}",
            row.plan
        );
    }
    sink.release();
    let attempts = match row.expected {
        Expected::Sent(_) => 1,
        Expected::Failed(_, attempts) => u32::from(attempts),
    };
    if took > (request_timeout * attempts).min(call_timeout) + TOLERANCE {
        return Some(("the outcome", took));
    }
    (next_took > request_timeout + TOLERANCE).then_some(("the next request", next_took))
}

#[test]
fn time_is_up_before_the_answer() {
    let bench = Bench::new();
    let sink = sink(SinkConfig::default());
    let pool = bench.pool(PoolOptions {
        request_timeout: 60_000,
        ..options(sink.url(""))
    });
    sink.set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    let (end, took) = bench.deliver(pool, "in flight");
    assert!(
        matches!(
            end,
            End::Failed {
                reason: "pool_timeout",
                attempts: 1,
                ..
            }
        ),
        "{end:?}"
    );
    assert!(took >= CALL_TIMEOUT, "{took:?}");
    assert!(took <= CALL_TIMEOUT + 10 * TOLERANCE, "{took:?}");
    bench.assert_conserved();
}
