//! HTTP/2 under stress: fewer streams than workers, connections that die silently, peers that do not read,
//! connections that take several tries.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod h2_support;
mod support;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use engine::engine::EngineSettings;
use engine::settings::PoolOptions;
use h2_support::Server;
use http::Response;
use support::process::{Connection, connections_to};
use support::{BOUND, Bench, End, millis, pool_at, test_endpoint, until};
use test_endpoint::{EndpointConfig, EndpointHandle, TlsSettings};
use transport::lifetimes::Lifetimes;

#[track_caller]
fn assert_sent(end: &End, expected: u16) {
    assert!(
        matches!(end, End::Sent { status, .. } if *status == expected),
        "{end:?}"
    );
}

fn endpoint(max_streams: u32) -> EndpointHandle {
    test_endpoint(EndpointConfig {
        tls: Some(TlsSettings::self_signed()),
        http2: true,
        max_streams,
        ..EndpointConfig::default()
    })
}

/// Five streams for fifty workers: what has no stream waits in the queue, under `call_timeout`.
#[test]
fn waiting_for_a_stream_is_waiting() {
    const COUNT: u64 = 200;
    const STREAMS: u64 = 5;
    let bench = Bench::new();
    let endpoint = endpoint(u32::try_from(STREAMS).unwrap());
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 50,
        request_timeout: millis(BOUND),
        call_timeout: millis(2 * BOUND),
        ..options
    });
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    for n in 0..COUNT {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    until("all streams are taken", || {
        endpoint.stats().in_flight == STREAMS && bench.counts(pool).queue.in_flight == STREAMS
    });
    // Time for one more to come, if it could.
    sleep(Duration::from_millis(300));
    let counts = bench.counts(pool).queue;
    assert_eq!(
        (counts.in_flight, counts.waiting),
        (STREAMS, COUNT - STREAMS),
        "{counts:?}"
    );
    assert_eq!(endpoint.stats().begun, STREAMS);
    let metrics = bench.engine.metrics();
    let slots: Vec<_> = metrics.values().map(|pool| pool.workers as u64).collect();
    assert_eq!(slots, [STREAMS]);
    endpoint.reset_plans().unwrap();
    endpoint.release();
    for seen in bench.outcomes(usize::try_from(COUNT).unwrap()) {
        assert_sent(&seen.end, 200);
    }
    let stats = endpoint.stats();
    assert_eq!((stats.begun, stats.max_in_flight), (COUNT, STREAMS));
    bench.assert_conserved();
}

/// Found at a user: 130 of 200 notifications failed with `request_timeout`.
#[test]
fn few_streams_and_slow_answers() {
    let bench = Bench::new();
    let endpoint = endpoint(2);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 40,
        // Ten times what an answer takes, and half of what all take together.
        request_timeout: 5_000,
        call_timeout: millis(2 * BOUND),
        ..options
    });
    endpoint.set_plan("delay=500".parse().unwrap()).unwrap();
    for n in 0..40 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    for seen in bench.outcomes(40) {
        assert_sent(&seen.end, 200);
    }
    let stats = endpoint.stats();
    assert_eq!(stats.begun, 40);
    assert!(stats.max_in_flight <= 2, "{stats:?}");
    bench.assert_conserved();
}

/// A request that gets no stream ends after `call_timeout`, and its reason says so.
#[test]
fn no_stream_within_call_timeout() {
    let bench = Bench::new();
    let endpoint = endpoint(1);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 10,
        request_timeout: millis(BOUND),
        call_timeout: 4_000,
        ..options
    });
    assert_sent(&bench.deliver(pool, "warm").0, 200);
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    for n in 0..10 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    for seen in bench.outcomes(11).split_off(1) {
        match seen.end {
            End::Failed { reason, text, .. } => {
                assert_eq!(reason, "pool_timeout", "{text}");
                let waited = text.contains("of 10 workers, of which the endpoint takes 1 at once");
                assert!(waited || text.contains("no response within"), "{text}");
            }
            sent @ End::Sent { .. } => panic!("{sent:?}"),
        }
    }
    assert!(endpoint.stats().begun <= 3, "{:?}", endpoint.stats());
    bench.assert_conserved();
}

/// `next_available_worker`: a notification that would have to wait for a stream is rejected, and one
/// that comes before the endpoint has said how many there are is not.
#[test]
fn no_waiting_for_a_stream_where_nothing_may_wait() {
    let bench = Bench::new();
    let endpoint = endpoint(3);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 10,
        strategy: "next_available_worker".to_owned(),
        request_timeout: millis(BOUND),
        call_timeout: millis(BOUND),
        ..options
    });
    for n in 0..10 {
        bench.push(pool, &format!("first {n}")).unwrap();
    }
    bench.outcomes(10);
    endpoint
        .set_plan("fault=stall-before-head".parse().unwrap())
        .unwrap();
    let taken = (0..10)
        .filter(|n| bench.push(pool, &format!("second {n}")).is_ok())
        .count();
    assert_eq!(taken, 3);
    until("they are there", || endpoint.stats().in_flight == 3);
    endpoint.release();
    for seen in bench.outcomes(13) {
        assert_sent(&seen.end, 200);
    }
}

/// Pings soon, and gives a peer up that does not answer within `ping_timeout`.
fn impatient(ping_timeout: Duration) -> EngineSettings {
    EngineSettings {
        lifetimes: Lifetimes {
            ping_after: Duration::from_millis(200),
            ping_timeout,
            ..Lifetimes::default()
        },
        ..EngineSettings::default()
    }
}

/// A connection that a device on the way has forgotten: its requests are sent again on another one.
#[test]
fn a_connection_forgotten_in_silence_costs_no_notification() {
    let in_time = [2, 10, 60]
        .into_iter()
        .any(|seconds| forgotten_in_silence(Duration::from_secs(seconds)));
    assert!(in_time, "living connections were given up each time");
}

/// Returns false if the machine took longer than `ping_timeout` for a ping on a connection that lives.
fn forgotten_in_silence(ping_timeout: Duration) -> bool {
    let bench = Bench::with(impatient(ping_timeout), Arc::default());
    let connections = Arc::new(AtomicUsize::new(0));
    let server = dies_after_one(Arc::clone(&connections));
    let pool = bench.pool(PoolOptions {
        workers: 10,
        request_timeout: millis(BOUND),
        call_timeout: millis(BOUND),
        ..server.options()
    });
    assert_sent(&bench.deliver(pool, "before").0, 200);
    for n in 0..30 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    for seen in bench.outcomes(31) {
        match seen.end {
            End::Failed {
                text, attempts: 3, ..
            } if text.contains("no answer to a PING") => {
                return false;
            }
            end => assert_sent(&end, 200),
        }
    }
    assert!(connections.load(Ordering::Acquire) >= 2);
    bench.assert_conserved();
    true
}

/// Answers one request on its first connection, and then nothing more there; later connections work.
fn dies_after_one(connections: Arc<AtomicUsize>) -> Server {
    Server::new(move |stream| {
        let first = connections.fetch_add(1, Ordering::AcqRel) == 0;
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                respond.send_response(Response::new(()), true).unwrap();
                if first {
                    // Time for the answer to get out. What comes meanwhile gets none.
                    let more = tokio::time::sleep(Duration::from_millis(100));
                    let mut unanswered = Vec::new();
                    let unheard = async {
                        while let Some(request) = connection.accept().await {
                            unanswered.push(request);
                        }
                    };
                    tokio::select! { () = more => {} () = unheard => {} }
                    pending::<()>().await;
                }
            }
        }
    })
}

/// Connections to that port that are open on this side.
fn open_connections_to(port: u16) -> usize {
    let open = |connection: &Connection| ["01", "08"].contains(&connection.state.as_str());
    connections_to(port)
        .iter()
        .filter(|connection| open(connection))
        .count()
}

/// A peer that stops reading: a connection that was given up is closed, however much is left to send.
#[test]
fn a_peer_that_does_not_read() {
    const COUNT: usize = 6;
    let held = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let held = Arc::clone(&held);
        Server::new(move |stream| {
            let held = Arc::clone(&held);
            async move {
                let connection = h2::server::Builder::new()
                    .initial_window_size(1 << 30)
                    .initial_connection_window_size(1 << 30)
                    .handshake::<_, bytes::Bytes>(stream)
                    .await;
                if let Ok(mut connection) = connection {
                    // The head of the first request, and not one byte more.
                    let first = connection.accept().await;
                    held.lock().unwrap().push((connection, first));
                }
                pending::<()>().await;
            }
        })
    };
    let bench = Bench::with(
        EngineSettings {
            max_lane_percent: 100,
            ..EngineSettings::default()
        },
        Arc::default(),
    );
    let pool = bench.pool(PoolOptions {
        request_timeout: 1_000,
        call_timeout: millis(BOUND),
        ..server.options()
    });
    let handler = bench.handler("/n");
    let text = vec![b'x'; 16 << 20];
    for n in 0..COUNT {
        let sender = format!("{n}");
        bench.push_text(pool, &handler, &sender, &text).unwrap();
        let end = bench.outcome_of(&sender).end;
        assert!(
            matches!(
                end,
                End::Failed {
                    reason: "request_timeout",
                    ..
                }
            ),
            "{end:?}"
        );
    }
    assert!(!held.lock().unwrap().is_empty());
    until("all that was given up is closed", || {
        open_connections_to(server.port) == 0
    });
    bench.assert_conserved();
}

/// A request that joins an attempt to connect late still has its whole timeout.
#[test]
fn a_late_joiner_of_an_attempt_to_connect() {
    const ALLOWED: Duration = Duration::from_secs(8);
    let bench = Bench::new();
    let endpoint = endpoint(100);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 2,
        request_timeout: millis(ALLOWED),
        call_timeout: millis(BOUND),
        ..options
    });
    assert_sent(&bench.deliver(pool, "warm").0, 200);
    endpoint
        .push_next(1, "fault=tls-stall".parse().unwrap())
        .unwrap();
    endpoint.close_connections();
    until("the connection is gone", || {
        endpoint.stats().connections_open == 0
    });
    bench.push(pool, "first").unwrap();
    sleep(ALLOWED / 2);
    bench.push(pool, "late").unwrap();
    match bench.outcome_of("first").end {
        End::Failed {
            reason: "request_timeout",
            text,
            attempts,
        } => assert!(
            text.contains("no connection within request_timeout (8000 ms)") && attempts <= 2,
            "{attempts}: {text}"
        ),
        end => panic!("{end:?}"),
    }
    assert_sent(&bench.outcome_of("late").end, 200);
    bench.assert_conserved();
}

#[test]
fn the_connection_of_a_closed_pool_is_closed() {
    let bench = Bench::new();
    let endpoint = endpoint(100);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(options);
    assert_sent(&bench.deliver(pool, "one").0, 200);
    assert_eq!(endpoint.stats().connections_open, 1);
    bench.engine.close_pool(pool, Duration::ZERO).unwrap();
    until("it is closed", || endpoint.stats().connections_open == 0);
}
