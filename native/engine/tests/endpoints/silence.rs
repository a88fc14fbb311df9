//! Endpoints that do not answer: a connection that dies in silence, and no time at all for an answer.

use std::time::Duration;

use engine::settings::PoolOptions;
use test_endpoint::{EndpointConfig, TlsSettings};

use super::{assert_failed, sent_in_time};
use crate::support::{
    Bench, End, TooShort, hurried, options, pool_at, test_endpoint, until, with_patience,
};

#[test]
fn a_connection_that_dies_in_silence_between_two_requests() {
    for http2 in [false, true] {
        let bench = Bench::new();
        let endpoint = test_endpoint(EndpointConfig {
            tls: http2.then(TlsSettings::self_signed),
            http2,
            ..EndpointConfig::default()
        });
        let (options, _file) = pool_at(&endpoint, http2);
        let mut round = 0;
        with_patience(|time| {
            round += 1;
            let name = |what: &str| format!("{round} {what}");
            let pool = bench.pool(hurried(options.clone(), time));
            endpoint
                .push_next(1, "fault=silent-death".parse().unwrap())
                .unwrap();
            sent_in_time(&bench.deliver(pool, &name("before")).0)?;
            // The test endpoint lets the answer get out before it dies.
            std::thread::sleep(Duration::from_millis(200));
            let (end, took) = bench.deliver(pool, &name("into the void"));
            if let End::Sent { .. } = end {
                return Err(TooShort("the test endpoint is not dead yet".to_owned()));
            }
            assert_failed(&end, "request_timeout", 1);
            assert!(took >= time, "{took:?}");
            // Over the dead connection it would fail in the same way, however long it may take.
            sent_in_time(&bench.deliver(pool, &name("after")).0)
        });
        bench.assert_conserved();
    }
}

#[test]
fn a_request_timeout_of_zero() {
    // As in the stock module's client: the request goes out, its answer hardly ever counts.
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(PoolOptions {
        request_timeout: 0,
        ..options(endpoint.url(""))
    });
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    // Some of them may be over before there is a connection.
    until("a request is there", || {
        let sender = format!("zero {}", bench.seen());
        assert_failed(&bench.deliver(pool, &sender).0, "request_timeout", 1);
        endpoint.stats().begun >= 1
    });
    bench.assert_conserved();
}
