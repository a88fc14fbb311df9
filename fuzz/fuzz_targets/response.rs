//! Whatever an endpoint answers: a response with a final status, or an error of a kind that there is;
//! never a panic, never more than its bound of the body, and never a wait for bytes that cannot come.
#![no_main]

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use engine::delivery::MAX_BODY;
use engine::report::reason::Reason;
use engine::transport::http1::Http1;
use engine::transport::link::Drained;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;

fn request() -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(b"author=alice")));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("localhost"));
    headers.insert("content-length", HeaderValue::from_static("12"));
    request
}

async fn exchange(answer: &[u8]) {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let mut link = Http1::new(near).await.expect("a handshake without bytes");
    far.write_all(answer).await.expect("room for the answer");
    far.shutdown().await.expect("an end");
    // The second one shows what the first left behind.
    for _ in 0..2 {
        if !poll_fn(|cx| Poll::Ready(link.poll_usable(cx))).await {
            return;
        }
        match link.exchange(request()).await {
            Ok(response) => {
                let status = response.status().as_u16();
                assert!(status == 101 || (200..=999).contains(&status), "{status}");
                if link.drain(response.into_body(), MAX_BODY).await == Drained::Cut {
                    return;
                }
            }
            Err(error) => {
                let known = [Reason::ConnectionClosed, Reason::InvalidResponse];
                assert!(known.contains(&error.reason), "{error:?}");
                assert!(!error.text.is_empty());
                return;
            }
        }
    }
}

fuzz_target!(|answer: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(5), exchange(answer)).await
    });
    assert!(ended.is_ok(), "it waits for what cannot come");
});
