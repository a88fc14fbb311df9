//! Requests that share an HTTP/2 connection: beside a stream that fails, on few streams, and before GOAWAY.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::settings::PoolOptions;
use test_endpoint::{EndpointConfig, TlsSettings};
use transport::TlsOptions;

use super::{assert_failed, assert_sent, sent_in_time};
use crate::support::{
    Bench, TempFile, hurried, options, pool_at, test_endpoint, until, with_patience,
};

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let most = Arc::new(AtomicUsize::new(0));
    let authority = test_endpoint::certs::Authority::new("few streams").unwrap();
    let (port, ca) = runtime.block_on(few_streams(&authority, Arc::clone(&most)));
    let bench = Bench::new();
    let pool = bench.pool(PoolOptions {
        workers: 10,
        http2: true,
        tls: Some(TlsOptions {
            cacertfile: Some(ca.0.clone()),
            ..TlsOptions::default()
        }),
        ..options(format!("https://127.0.0.1:{port}"))
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

/// An HTTP/2 server that accepts two streams at once, and the file with its CA certificate.
async fn few_streams(
    authority: &test_endpoint::certs::Authority,
    most: Arc<AtomicUsize>,
) -> (u16, TempFile) {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use rustls_pki_types::pem::PemObject;

    let identity = authority.server(&["127.0.0.1"]).unwrap();
    let chain = rustls_pki_types::CertificateDer::pem_slice_iter(identity.cert.as_bytes());
    let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key.unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, most) = (acceptor.clone(), Arc::clone(&most));
            tokio::spawn(async move {
                let stream = acceptor.accept(socket).await.unwrap();
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
            });
        }
    });
    (port, TempFile::new(&authority.ca_pem(), port))
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
