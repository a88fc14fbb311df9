//! Connections that die in silence, that the peer does not read, that take several tries, or whose pool is closed.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use engine::engine::EngineSettings;
use engine::settings::PoolOptions;
use http::Response;
use transport::lifetimes::Lifetimes;

use super::{assert_answered, endpoint};
use crate::h2_support::Server;
use crate::support::process::{Connection, connections_to};
use crate::support::{BOUND, Bench, End, millis, pool_at, until};

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
    assert_answered(&bench.deliver(pool, "before").0, 200);
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
            end => assert_answered(&end, 200),
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

/// Answers whose rest is not worth reading: their streams are reset while more of them is on its way. The connection goes
/// on.
#[test]
fn long_answers_cost_no_connection() {
    const COUNT: usize = 6_000;
    let connections = Arc::new(AtomicUsize::new(0));
    let server = {
        let connections = Arc::clone(&connections);
        Server::new(move |stream| {
            connections.fetch_add(1, Ordering::AcqRel);
            async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let answer = respond.send_response(Response::new(()), false);
                    // Its stream may be reset already.
                    let _ =
                        answer.and_then(|mut body| body.send_data(vec![0; 300_000].into(), true));
                }
            }
        })
    };
    let bench = Bench::new();
    let pool = bench.pool(PoolOptions {
        workers: 100,
        request_timeout: millis(BOUND),
        call_timeout: millis(2 * BOUND),
        ..server.options()
    });
    for n in 0..COUNT {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    for seen in bench.outcomes(COUNT) {
        assert_answered(&seen.end, 200);
    }
    assert_eq!(connections.load(Ordering::Acquire), 1);
    bench.assert_conserved();
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
    assert_answered(&bench.deliver(pool, "warm").0, 200);
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
    assert_answered(&bench.outcome_of("late").end, 200);
    bench.assert_conserved();
}

#[test]
fn the_connection_of_a_closed_pool_is_closed() {
    let bench = Bench::new();
    let endpoint = endpoint(100);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(options);
    assert_answered(&bench.deliver(pool, "one").0, 200);
    assert_eq!(endpoint.stats().connections_open, 1);
    bench.engine.close_pool(pool, Duration::ZERO).unwrap();
    until("it is closed", || endpoint.stats().connections_open == 0);
}
