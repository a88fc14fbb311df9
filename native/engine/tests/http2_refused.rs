//! HTTP/2 servers that refuse a stream, as h2o does if a body is over its limit (RFC 9113, 8.7).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod h2_support;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::settings::PoolOptions;
use h2::Reason;
use h2::server::{Builder, SendResponse};
use h2_support::Server;
use http::Response;
use support::{BOUND, Bench, End, millis};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The body of a notification that is too long for the server.
const LONG: usize = 200_000;

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    refused: AtomicUsize,
}

/// Answers the requests for `/n`, and refuses those for `/long`: `at_once`, or when the client has received
/// an answer to another request since.
async fn serve(stream: TlsStream<TcpStream>, counts: Arc<Counts>, at_once: bool) {
    counts.connections.fetch_add(1, Ordering::Relaxed);
    let mut connection = Builder::new().handshake(stream).await.unwrap();
    let mut answered = 0;
    let mut held: Vec<(SendResponse<Bytes>, u32)> = Vec::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        if request.uri().path() == "/long" {
            counts.refused.fetch_add(1, Ordering::Relaxed);
            if at_once {
                respond.send_reset(Reason::REFUSED_STREAM);
            } else {
                held.push((respond, answered));
            }
            continue;
        }
        // The client sends one request for `/n` at a time, so it has received the answer before this one.
        held.retain_mut(|(respond, before)| {
            let keep = *before == answered;
            if !keep {
                respond.send_reset(Reason::REFUSED_STREAM);
            }
            keep
        });
        respond.send_response(Response::new(()), true).unwrap();
        answered += 1;
    }
}

fn start(at_once: bool) -> (Server, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let counting = Arc::clone(&counts);
    let server = Server::new(move |stream| serve(stream, Arc::clone(&counting), at_once));
    (server, counts)
}

fn push_long(bench: &Bench, pool: notification::PoolId) {
    let handler = bench.handler("/long");
    bench
        .push_text(pool, &handler, "long", &vec![b'x'; LONG])
        .unwrap();
}

/// The refused request is tried again as long as there is time, but not as fast as the server refuses. The
/// connection and the other requests on it go on.
#[test]
fn a_stream_that_is_refused_beside_answers() {
    const ALLOWED: Duration = Duration::from_secs(5);
    /// Pauses of 10, 20, 40, 80, 160, 320, and then 640 ms: a timer is never early.
    const MOST: u32 = 13;
    let (server, counts) = start(false);
    let bench = Bench::new();
    let pool = bench.pool(PoolOptions {
        workers: 2,
        request_timeout: millis(BOUND),
        call_timeout: millis(ALLOWED),
        ..server.options()
    });
    push_long(&bench, pool);
    let mut others = 0;
    while bench.seen() == others {
        let (end, _) = bench.deliver(pool, &format!("other {others}"));
        assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
        others += 1;
    }
    match bench.outcome_of("long").end {
        End::Failed {
            reason: "pool_timeout",
            attempts,
            ..
        } => assert!(attempts <= MOST, "{attempts} attempts"),
        end => panic!("{end:?}"),
    }
    assert!(counts.refused.load(Ordering::Relaxed) <= MOST as usize);
    assert_eq!(counts.connections.load(Ordering::Relaxed), 1);
    bench.assert_conserved();
}

/// A server that answers nothing else is given up as any other that breaks the connection.
#[test]
fn a_stream_that_is_refused_beside_no_answer() {
    let (server, counts) = start(true);
    let bench = Bench::new();
    let pool = bench.pool(PoolOptions {
        request_timeout: millis(BOUND),
        call_timeout: millis(2 * BOUND),
        ..server.options()
    });
    push_long(&bench, pool);
    let end = bench.outcome_of("long").end;
    assert!(
        matches!(
            end,
            End::Failed {
                reason: "connection_closed",
                attempts: 3,
                ..
            }
        ),
        "{end:?}"
    );
    assert_eq!(counts.refused.load(Ordering::Relaxed), 3);
    bench.assert_conserved();
}
