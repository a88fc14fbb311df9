//! Everything an endpoint can do wrong, one row each: what the outcome is, that it does not come too early,
//! and that the pool's only slot is free again afterwards.
//!
//! What stalls does so until the end of its row, so an outcome that comes at all has come in time. A row
//! whose `request_timeout` is too short for a busy machine is gone through again with a longer one; any
//! other wrong outcome fails at once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use engine::settings::PoolOptions;
use support::{
    Bench, End, TooShort, hurried, millis, options, pool_at, test_endpoint, until, with_patience,
};
use test_endpoint::{EndpointConfig, TlsSettings};

/// A plan for the test endpoint, and what is to come of it.
struct Row {
    plan: &'static str,
    expected: Expected,
    /// The outcome does not come before `request_timeout` is over.
    stalls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Sent(u16),
    /// Reason and attempts.
    Failed(&'static str, u32),
}

const fn sent(plan: &'static str, status: u16) -> Row {
    Row {
        plan,
        expected: Expected::Sent(status),
        stalls: false,
    }
}

const fn failed(plan: &'static str, reason: &'static str, attempts: u32) -> Row {
    Row {
        plan,
        expected: Expected::Failed(reason, attempts),
        stalls: false,
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
        stalls: true,
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
    stalled("fault=slow interval=10000"),
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
    go_through(PLAIN, &EndpointConfig::default(), false);
}

#[test]
fn over_tls() {
    let config = EndpointConfig {
        tls: Some(TlsSettings::self_signed()),
        ..EndpointConfig::default()
    };
    go_through(TLS, &config, false);
}

#[test]
fn over_http2() {
    let config = EndpointConfig {
        tls: Some(TlsSettings::self_signed()),
        http2: true,
        ..EndpointConfig::default()
    };
    go_through(HTTP2, &config, true);
}

fn go_through(rows: &[Row], config: &EndpointConfig, http2: bool) {
    let bench = Bench::new();
    for (at, row) in rows.iter().enumerate() {
        // Where no time-out is expected, a busy machine must not make one.
        if !waits(row) {
            let done = row_once(&bench, row, config, http2, None, &format!("{at}"));
            done.unwrap_or_else(|why| panic!("{why:?}"));
            continue;
        }
        let mut round = 0;
        with_patience(|time| {
            round += 1;
            row_once(
                &bench,
                row,
                config,
                http2,
                Some(time),
                &format!("{at}/{round}"),
            )
        });
    }
    bench.assert_conserved();
    until("every worker is parked or gone", || {
        bench.engine.pools().iter().all(|pool| {
            let counts = pool.counts().queue;
            counts.workers == counts.parked
        })
    });
}

/// Whether it takes a time-out to get on: for the outcome, or for the body behind it.
fn waits(row: &Row) -> bool {
    row.stalls
        || ["stall", "slow", "endless"]
            .iter()
            .any(|fault| row.plan.contains(fault))
}

/// The row, where `request_timeout` is long enough for this machine.
fn row_once(
    bench: &Bench,
    row: &Row,
    config: &EndpointConfig,
    http2: bool,
    request_timeout: Option<Duration>,
    name: &str,
) -> Result<(), TooShort> {
    let endpoint = test_endpoint(config.clone());
    let (mut options, _certificate) = pool_at(&endpoint, http2);
    if let Some(time) = request_timeout {
        options = hurried(options, time);
    }
    let pool = bench.pool(options);
    let sent = |what: &str| {
        let (end, _) = bench.deliver(pool, &format!("{name} {what}"));
        match end {
            End::Sent { status: 200, .. } => Ok(()),
            End::Failed {
                reason: "request_timeout" | "pool_timeout",
                ..
            } => Err(TooShort(format!("{}: {what}: {end:?}", row.plan))),
            End::Sent { .. } | End::Failed { .. } => panic!("{}: {what}: {end:?}", row.plan),
        }
    };
    // Faults of a request come on a connection that has worked; those of a connection on a new one.
    let warm = !["refuse", "connect-stall", "accept", "tls-", "unserved"]
        .iter()
        .any(|fault| row.plan.contains(fault));
    if warm {
        sent("warm")?;
    }
    endpoint.set_plan(row.plan.parse().unwrap()).unwrap();
    let (end, took) = bench.deliver(pool, &format!("{name} fault"));
    let got = match end {
        End::Sent { status, .. } => Expected::Sent(status),
        End::Failed {
            reason, attempts, ..
        } => Expected::Failed(reason, attempts),
    };
    if let (Expected::Failed("request_timeout" | "pool_timeout", _), false) = (got, row.stalls) {
        return Err(TooShort(format!("{}: {end:?}", row.plan)));
    }
    assert_eq!(got, row.expected, "{}: {end:?}", row.plan);
    assert_eq!(endpoint.stats().misplaced_faults, 0, "{}", row.plan);
    if row.stalls {
        assert!(
            Some(took) >= request_timeout,
            "{}: after {took:?}",
            row.plan
        );
    }

    // The pool's only slot is free, at the latest when what was left of request_timeout is over for
    // the body of a response whose head had come.
    endpoint.reset_plans().unwrap();
    sent("next")?;

    // One fault, then a retry that works: the notification is sent.
    if row.expected == Expected::Failed("connection_closed", 3) {
        if !warm {
            endpoint.close_connections();
            // Whether the link was still in use when it closed or not, it takes one fault.
        }
        endpoint.push_next(1, row.plan.parse().unwrap()).unwrap();
        sent("retried")?;
    }
    endpoint.release();
    Ok(())
}

#[test]
fn time_is_up_before_the_answer() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    with_patience(|time| {
        let pool = bench.pool(PoolOptions {
            call_timeout: millis(time),
            ..options(endpoint.url(""))
        });
        let (end, took) = bench.deliver(pool, &format!("{time:?}"));
        assert!(took >= time, "{took:?}");
        match end {
            End::Failed {
                reason: "pool_timeout",
                attempts: 1,
                ..
            } => Ok(()),
            End::Failed {
                reason: "pool_timeout",
                attempts: 0,
                ..
            } => Err(TooShort("it was not even begun".to_owned())),
            End::Sent { .. } | End::Failed { .. } => panic!("{end:?}"),
        }
    });
    bench.assert_conserved();
}
