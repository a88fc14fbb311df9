//! An endpoint that answers before it has read the body, and closes: 413 if a body is too large, 401 if
//! the header lacks a key. The write fails then, with the answer there to be read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use engine::settings::PoolOptions;
use support::{BOUND, Bench, End, millis, pool_at, test_endpoint};
use test_endpoint::{EndpointConfig, TlsSettings};

/// Bodies that fit into the buffers of the kernel, and bodies that do not.
#[test]
fn the_status_is_seen() {
    for tls in [false, true] {
        let bench = Bench::new();
        let endpoint = test_endpoint(EndpointConfig {
            tls: tls.then(TlsSettings::self_signed),
            ..EndpointConfig::default()
        });
        let (options, _file) = pool_at(&endpoint, false);
        let pool = bench.pool(PoolOptions {
            workers: 4,
            request_timeout: millis(BOUND),
            call_timeout: millis(BOUND),
            ..options
        });
        let handler = bench.handler("/n");
        let mut ended = 0;
        for (size, status, count) in [(200_000, 413, 40), (200_000, 401, 40), (4_000_000, 413, 8)] {
            let plan = format!("fault=early-answer status={status} body=no");
            endpoint.set_plan(plan.parse().unwrap()).unwrap();
            let text = vec![b'x'; size];
            for n in 0..count {
                let sender = format!("{n} of {status} for {size}");
                // The pool holds few bodies of this size at once.
                if n % 4 == 0 {
                    bench.outcomes(ended + n);
                }
                bench.push_text(pool, &handler, &sender, &text).unwrap();
            }
            let seen = bench.outcomes(ended + count).split_off(ended);
            ended += count;
            let lost = seen
                .iter()
                .filter(|seen| !matches!(seen.end, End::Sent { status: got, .. } if got == status))
                .map(|seen| &seen.end)
                .collect::<Vec<_>>();
            assert!(
                lost.is_empty(),
                "tls {tls}, {size}: {} {lost:?}",
                lost.len()
            );
        }
        assert_eq!(endpoint.stats().begun, ended as u64, "one request each");
        bench.assert_conserved();
    }
}
