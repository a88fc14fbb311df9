//! Endpoints that misbehave in ways that only show with more than one request, address or process: names,
//! several addresses, connections that die silently, file descriptors used up, raw bytes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::engine::EngineSettings;
use engine::settings::PoolOptions;
use support::{
    Bench, End, PATIENCE, TooShort, hurried, options, pool_at, test_endpoint, until, with_patience,
};
use test_endpoint::{EndpointConfig, TlsSettings};
use transport::TlsOptions;
use transport::dial::dial;
use transport::names::{NEXT_AFTER, Names};

#[track_caller]
fn assert_sent(end: &End) {
    assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
}

#[track_caller]
fn assert_failed(end: &End, expected: &str, made: u32) {
    match end {
        End::Failed {
            reason, attempts, ..
        } => assert_eq!((*reason, *attempts), (expected, made), "{end:?}"),
        End::Sent { .. } => panic!("{end:?}"),
    }
}

/// Sent; or the time was too short for this machine.
#[track_caller]
fn sent_in_time(end: &End) -> Result<(), TooShort> {
    if let End::Failed {
        reason: "request_timeout",
        text,
        ..
    } = end
    {
        return Err(TooShort(text.clone()));
    }
    assert_sent(end);
    Ok(())
}

fn addresses(last: impl IntoIterator<Item = u8>) -> Vec<IpAddr> {
    let loopback = |last| Ipv4Addr::new(127, 0, 0, last).into();
    last.into_iter().map(loopback).collect()
}

#[test]
fn a_resolver_that_is_slow_wrong_or_broken() {
    let asked = Arc::new(AtomicUsize::new(0));
    // The look-up of the slow name ends when the test says so.
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let names = {
        let asked = Arc::clone(&asked);
        Names::with(Arc::new(move |name| match name {
            "slow.test" => {
                asked.fetch_add(1, Ordering::AcqRel);
                let _ = wait.lock().unwrap().recv();
                Ok(addresses([1]))
            }
            "empty.test" => Ok(addresses([])),
            "crash.test" => panic!("a test asked for this"),
            _ => Err(io::Error::other("no such name")),
        }))
    };
    let bench = Bench::with(EngineSettings::default(), Arc::new(names));
    let endpoint = test_endpoint(EndpointConfig::default());
    let at = |name: &str| format!("http://{name}:{}", endpoint.port());

    for name in ["none.test", "empty.test", "crash.test"] {
        let pool = bench.pool(options(at(name)));
        let (end, _) = bench.deliver(pool, name);
        assert_failed(&end, "nxdomain", 1);
    }

    // Another pool notices nothing, and the notifications fail in time, while the look-up goes on.
    let slow = bench.pool(PoolOptions {
        workers: 20,
        ..hurried(options(at("slow.test")), PATIENCE[0])
    });
    let other = bench.pool(options(at("127.0.0.1")));
    let begin = Instant::now();
    for n in 0..20 {
        bench.push(slow, &format!("slow {n}")).unwrap();
    }
    assert_sent(&bench.deliver(other, "other").0);
    for n in 0..20 {
        let seen = bench.outcome_of(&format!("slow {n}"));
        assert_failed(&seen.end, "request_timeout", 1);
        assert!(seen.at - begin >= PATIENCE[0], "{:?}", seen.at - begin);
    }
    drop(go_on);
    until("the slow name is there", || {
        let sender = format!("again {}", bench.seen());
        matches!(bench.deliver(slow, &sender).0, End::Sent { .. })
    });
    // One look-up for all, and another one only when it has hung for long.
    let asked = asked.load(Ordering::Acquire) as u64;
    let long = begin.elapsed().as_secs() / NEXT_AFTER.as_secs();
    assert!(asked <= 1 + long, "{asked} look-ups");
    bench.assert_conserved();
}

#[test]
fn several_addresses_of_which_the_first_is_dead() {
    let names = Names::with(Arc::new(|name| match name {
        "refusing-first.test" => Ok(addresses([2, 1])),
        "silent-first.test" => Ok(addresses([3, 1])),
        "all-refusing.test" => Ok(addresses([2, 4, 5])),
        "silent-last.test" => Ok(addresses([1, 3])),
        _ => Ok(addresses([])),
    }));
    let bench = Bench::with(EngineSettings::default(), Arc::new(names));
    let alive = test_endpoint(EndpointConfig::default());
    let silent = test_endpoint(EndpointConfig {
        bind: vec![Ipv4Addr::new(127, 0, 0, 3).into()],
        port: alive.port(),
        plan: "fault=connect-stall".parse().unwrap(),
        ..EndpointConfig::default()
    });
    // The silent address never answers and no time is up: what is sent has not waited for it.
    let pool = |name: &str| bench.pool(options(format!("http://{name}:{}", alive.port())));
    for name in [
        "refusing-first.test",
        "silent-first.test",
        "silent-last.test",
    ] {
        assert_sent(&bench.deliver(pool(name), name).0);
    }
    let (end, _) = bench.deliver(pool("all-refusing.test"), "all");
    assert_failed(&end, "econnrefused", 1);
    drop(silent);
    bench.assert_conserved();
}

/// With a clock that moves only when nothing else can happen.
#[tokio::test(start_paused = true)]
async fn a_dead_first_address_costs_a_quarter_of_a_second() {
    let names = Names::with(Arc::new(|_| Ok(addresses([3, 1]))));
    // In a runtime of its own, where time goes on.
    let endpoints = std::thread::spawn(|| {
        let alive = test_endpoint(EndpointConfig::default());
        let silent = test_endpoint(EndpointConfig {
            bind: vec![Ipv4Addr::new(127, 0, 0, 3).into()],
            port: alive.port(),
            plan: "fault=connect-stall".parse().unwrap(),
            ..EndpointConfig::default()
        });
        (alive, silent)
    });
    let (alive, silent) = endpoints.join().unwrap();
    let url = format!("http://both.test:{}", alive.port());
    let (settings, _) = options(url).check().unwrap();
    let (_stream, dialled) = dial(&names, &settings.base, None, false).await.unwrap();
    assert_eq!(dialled.peer.ip(), Ipv4Addr::LOCALHOST);
    let quarter = Duration::from_millis(250);
    assert!(
        dialled.connect >= quarter && dialled.connect <= quarter + Duration::from_millis(2),
        "{dialled:?}"
    );
    drop(silent);
}

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

#[test]
fn file_descriptors_used_up() {
    const URL: &str = "ENGINE_TEST_FD_URL";
    if let Ok(url) = std::env::var(URL) {
        return with_few_descriptors(&url);
    }
    let endpoint = test_endpoint(EndpointConfig::default());
    let test = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64 && exec \"$0\" --exact file_descriptors_used_up --nocapture",
        ])
        .arg(test)
        .env(URL, endpoint.url(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("1 passed"), "{said}");
    assert_eq!(endpoint.stats().received, 2);
}

fn with_few_descriptors(url: &str) {
    let bench = Bench::new();
    let pool = bench.pool(options(url));
    let mut taken = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        taken.push(file);
        assert!(taken.len() < 100, "the limit does not hold");
    }
    let (end, _) = bench.deliver(pool, "none left");
    assert_failed(&end, "emfile", 1);
    drop(taken);
    assert_sent(&bench.deliver(pool, "again").0);
    assert_sent(&bench.deliver(pool, "and again").0);
    bench.assert_conserved();
}

/// Answers the first connection with `bytes`, whatever the request is, and later ones with 204. Connections
/// stay open until the client closes them.
fn raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut answers = [bytes].into_iter();
        while let Ok((mut socket, _)) = listener.accept() {
            let answer = answers.next().unwrap_or(b"HTTP/1.1 204 No Content\r\n\r\n");
            std::thread::spawn(move || {
                let mut read = [0; 4096];
                if socket.read(&mut read).is_ok_and(|read| read > 0) {
                    let _ = socket.write_all(answer);
                }
                while socket.read(&mut read).is_ok_and(|read| read > 0) {}
            });
        }
    });
    url
}

#[test]
fn bytes_that_are_nearly_http() {
    let bench = Bench::new();
    let cases: &[(&'static [u8], Result<u16, &str>)] = &[
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\nx y: a\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n", Err("invalid_response")),
        (b"HTTP/3.0 200 OK\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 099 Low\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 2000 Long\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 -20 Negative\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", Err("invalid_response")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Err("invalid_response")),
        (b"\x16\x03\x03\x00\x02\x02\x28", Err("invalid_response")),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Err("invalid_response")),
        (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", Ok(200)),
        (b"HTTP/1.1 200 \xff\xfe\r\ncontent-length: 0\r\n\r\n", Ok(200)),
        (b"HTTP/1.1 299 Odd\r\ncontent-length: 0\r\n\r\n", Ok(299)),
        (b"HTTP/1.1 999 Odder\r\ncontent-length: 0\r\n\r\n", Ok(999)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", Ok(200)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", Ok(200)),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551614\r\n\r\nbody",
            Err("invalid_response"),
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nbody", Ok(200)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", Ok(201)),
        // The second answer is to no request; it must not become the next one's.
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n", Ok(200)),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nHTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n", Ok(304)),
    ];
    for (n, (bytes, expected)) in cases.iter().enumerate() {
        let shown = String::from_utf8_lossy(bytes);
        let mut round = 0;
        // What is to be rejected or read for ever has only this time.
        with_patience(|time| {
            round += 1;
            let pool = bench.pool(hurried(options(raw(bytes)), time));
            let (end, _) = bench.deliver(pool, &format!("{n} {round}"));
            match (&end, expected) {
                (End::Sent { status, .. }, Ok(expected)) => {
                    assert_eq!(status, expected, "{shown}");
                }
                (
                    End::Failed {
                        reason: "request_timeout",
                        ..
                    },
                    _,
                ) => return Err(TooShort(format!("{shown}: {end:?}"))),
                (
                    End::Failed {
                        reason, attempts, ..
                    },
                    Err(expected),
                ) => {
                    assert_eq!((*reason, *attempts), (*expected, 1), "{shown}");
                }
                (end, _) => panic!("{shown}: {end:?}"),
            }
            let (end, _) = bench.deliver(pool, &format!("{n} {round} next"));
            match end {
                End::Sent { status: 204, .. } => Ok(()),
                _ if keeps(bytes) => Ok(()),
                End::Failed {
                    reason: "request_timeout",
                    ..
                } => Err(TooShort(format!("{shown}: next: {end:?}"))),
                End::Sent { .. } | End::Failed { .. } => panic!("{shown}: next: {end:?}"),
            }
        });
    }
    bench.assert_conserved();
}

/// The first connection stays usable after this answer, but its peer answers no more requests.
fn keeps(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.ends_with("content-length: 0\r\n\r\n") && !text.contains("Smuggled")
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
) -> (u16, support::TempFile) {
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
    (port, support::TempFile::new(&authority.ca_pem(), port))
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
