//! What is left in memory of request bodies that an HTTP/2 endpoint answers before it has read them.
//! Alone in its process, because it looks at what the process takes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod h2_support;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::settings::PoolOptions;
use h2_support::Server;
use http::{Response, StatusCode};
use support::process::status;
use support::{BOUND, Bench, assert_answered, millis, until};
use transport::endpoint::Endpoint;
use transport::tls::TlsClient;

/// Answers each request with 413 as soon as its head is there, and never makes room for its body.
fn early_answers(asked: Arc<AtomicUsize>) -> Server {
    Server::new(move |stream| {
        let asked = Arc::clone(&asked);
        async move {
            let mut connection = h2::server::Builder::new()
                .initial_window_size(0)
                .handshake::<_, bytes::Bytes>(stream)
                .await
                .unwrap();
            // Dropped, a body would be reset, and the client let off.
            let mut unread = Vec::new();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                asked.fetch_add(1, Ordering::AcqRel);
                let response = Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE);
                respond
                    .send_response(response.body(()).unwrap(), true)
                    .unwrap();
                unread.push(request.into_body());
            }
        }
    })
}

/// Bytes that are counted as long as they live.
struct Counted(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0.len(), Ordering::AcqRel);
    }
}

/// Exactly nothing of a body is left when its exchange is over, answered or given up, whatever its
/// length and however little room the peer has made for it.
#[test]
fn nothing_is_left_of_a_body() {
    const GIVEN_UP_AFTER: Duration = Duration::from_millis(50);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let silent = Server::new(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let mut unanswered = Vec::new();
        while let Some(request) = connection.accept().await {
            unanswered.push(request);
        }
    });
    for (server, answers) in [(early_answers(Arc::default()), true), (silent, false)] {
        let alive = Arc::new(AtomicUsize::new(0));
        let (settings, _) = server.options().check().unwrap();
        let (tls, _) = TlsClient::open(&server.tls(), "127.0.0.1", true).unwrap();
        let url = format!("https://{}/n", settings.base.authority());
        let (notices, names) = (Arc::default(), Arc::default());
        let endpoint = Endpoint::new("", notices, names, settings.base, Some(tls), Some(BOUND));
        runtime.block_on(async {
            let (mut link, _) = endpoint.link().await.unwrap();
            for len in [1, 100, 16 * 1024, 100_000, 1 << 20].repeat(4) {
                alive.fetch_add(len, Ordering::AcqRel);
                let body = Counted(vec![b'x'; len], Arc::clone(&alive));
                let request = http::Request::post(&url).body(bytes::Bytes::from_owner(body));
                assert!(link.begin().await);
                let exchange = link.exchange(request.unwrap());
                if answers {
                    let response = exchange.await.unwrap();
                    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
                } else {
                    let given_up = tokio::time::timeout(GIVEN_UP_AFTER, exchange).await;
                    assert!(given_up.is_err(), "{given_up:?}");
                }
                // At once, or when the connection's task has seen it.
                let gone = async {
                    while alive.load(Ordering::Acquire) > 0 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                };
                let gone = tokio::time::timeout(BOUND, gone).await;
                assert!(gone.is_ok(), "{alive:?} of {len} bytes are left");
            }
        });
    }
}

#[test]
fn a_body_that_nobody_wants_is_let_go_with_its_notification() {
    const COUNT: usize = 300;
    let asked = Arc::new(AtomicUsize::new(0));
    let server = early_answers(Arc::clone(&asked));
    // The outcomes are not kept: their texts would be the most of what is measured.
    let bench = Bench::watched(Box::new(|seen| assert_answered(&seen.end, 413)));
    let pool = bench.pool(PoolOptions {
        workers: 4,
        request_timeout: millis(BOUND),
        call_timeout: millis(BOUND),
        ..server.options()
    });
    let handler = bench.handler("/n");
    let text = vec![b'x'; 1024 * 1024];
    let before = status("RssAnon");
    for n in 0..COUNT {
        let sender = format!("{n}");
        bench.push_text(pool, &handler, &sender, &text).unwrap();
        if n % 4 == 3 {
            until("the outcomes are there", || bench.seen() > n);
        }
    }
    assert_eq!(asked.load(Ordering::Acquire), COUNT);
    let grown = status("RssAnon").saturating_sub(before);
    println!("{grown} KiB more after {COUNT} bodies of 1 MiB");
    assert!(grown < COUNT as u64 * 1024 / 3, "{grown} KiB more");
    bench.assert_conserved();
}
