//! Requests that share an HTTP/2 connection: beside a stream that fails, on few streams, and before GOAWAY.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::settings::PoolOptions;
use hyper_util::rt::{TokioExecutor, TokioIo};
use test_endpoint::{EndpointConfig, TlsSettings};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::{assert_failed, assert_sent, sent_in_time};
use crate::h2_support::Server;
use crate::support::{Bench, hurried, pool_at, test_endpoint, until, with_patience};

/// The timeout of one request ends while another request is in flight on the same connection.
#[test]
fn http2_goes_on_beside_a_stream_that_fails() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig {
        tls: Some(TlsSettings::self_signed()),
        http2: true,
        ..EndpointConfig::default()
    });
    let (options, _file) = pool_at(&endpoint, true);
    let path = |path: &str| bench.handler(path);
    let stall = || {
        for path in ["/stall", "/slow"] {
            endpoint
                .set_plan_for(path, "fault=stall-before-head".parse().unwrap())
                .unwrap();
        }
    };
    let mut round = 0;
    with_patience(|time| {
        round += 1;
        let name = |what: &str| format!("{round} {what}");
        stall();
        let pool = bench.pool(PoolOptions {
            workers: 10,
            ..hurried(options.clone(), 5 * time)
        });
        sent_in_time(&bench.deliver(pool, &name("warm")).0)?;
        let push = |to: &str, what: &str| {
            bench.push_text(pool, &path(to), &name(what), b"").unwrap();
        };
        push("/stall", "stall");
        std::thread::sleep(5 * time / 2);
        push("/slow", "slow");
        assert_failed(&bench.outcome_of(&name("stall")).end, "request_timeout", 1);
        endpoint
            .set_plan_for("/slow", "status=200".parse().unwrap())
            .unwrap();
        endpoint.release();
        sent_in_time(&bench.outcome_of(&name("slow")).end)
    });

    // One that gets GOAWAY takes the connection away from the others: they go out again.
    let pool = bench.pool(PoolOptions {
        workers: 10,
        ..options
    });
    endpoint
        .set_plan_for("/slow", "fault=stall-before-head".parse().unwrap())
        .unwrap();
    endpoint
        .set_plan_for("/goaway", "fault=h2-goaway".parse().unwrap())
        .unwrap();
    assert_sent(&bench.deliver(pool, "warm").0);
    for n in 0..8 {
        bench
            .push_text(pool, &path("/slow"), &format!("slow {n}"), b"")
            .unwrap();
    }
    until("all are there", || endpoint.stats().in_flight == 8);
    bench
        .push_text(pool, &path("/goaway"), "goaway", b"")
        .unwrap();
    assert_sent(&bench.outcome_of("goaway").end);
    endpoint
        .set_plan_for("/slow", "status=200".parse().unwrap())
        .unwrap();
    endpoint.release();
    for n in 0..8 {
        assert_sent(&bench.outcome_of(&format!("slow {n}")).end);
    }
    assert_sent(&bench.deliver(pool, "after").0);
    bench.assert_conserved();
}

/// A peer that accepts fewer streams than there are workers: requests take turns, and none fails.
#[test]
fn http2_with_few_streams() {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    let server = Server::new(move |stream| two_streams(stream, Arc::clone(&seen)));
    let bench = Bench::new();
    let pool = bench.pool(PoolOptions {
        workers: 10,
        ..server.options()
    });
    for n in 0..40 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    for seen in bench.outcomes(40) {
        assert_sent(&seen.end);
    }
    assert!(
        most.load(Ordering::Acquire) <= 2,
        "{most:?} streams at once"
    );
    bench.assert_conserved();
}

/// Serves a connection of two streams at once. Counts how many there were.
async fn two_streams(stream: TlsStream<TcpStream>, most: Arc<AtomicUsize>) {
    let now = Arc::new(AtomicUsize::new(0));
    let answer = hyper::service::service_fn(move |_| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
            tokio::time::sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::AcqRel);
            let empty = http_body_util::Empty::<bytes::Bytes>::new();
            Ok::<_, std::convert::Infallible>(hyper::Response::new(empty))
        }
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(2)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

/// Each answer comes with a GOAWAY. Requests that have not begun on that connection wait for the next one.
#[test]
fn http2_with_few_answers_a_connection() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig {
        tls: Some(TlsSettings::self_signed()),
        http2: true,
        ..EndpointConfig::default()
    });
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 20,
        ..options
    });
    endpoint
        .set_plan("fault=h2-goaway".parse().unwrap())
        .unwrap();
    for n in 0..200 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    for seen in bench.outcomes(200) {
        assert_sent(&seen.end);
    }
    assert_eq!(endpoint.stats().received, 200, "one request each");
    bench.assert_conserved();
}
