//! Any answer of an endpoint is a response with a final status or an error with a known reason. There is never a panic, nor a
//! wait for bytes that cannot come, and the body is read no further than its bound.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use engine::MAX_BODY;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use notification::FailureReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use transport::http1::Http1;

fn request() -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(b"author=alice")));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("localhost"));
    headers.insert("content-length", HeaderValue::from_static("12"));
    request
}

/// Answers after it has read the request, because an idle connection gets no answer; then it closes.
async fn endpoint(mut far: DuplexStream, answer: &[u8]) -> DuplexStream {
    let asked = far.read(&mut [0; 1024]).await;
    if asked.is_ok_and(|read| read > 0) {
        // The client may close the connection before it has read everything.
        let _ = far.write_all(answer).await;
        let _ = far.shutdown().await;
    }
    far
}

/// The status of the first response, if it is a valid one.
async fn exchange(near: DuplexStream) -> Option<u16> {
    let mut link = Http1::new(near).await.expect("a handshake without bytes");
    let mut first = None;
    // The second exchange shows what the first one left in the connection.
    for _ in 0..2 {
        if !poll_fn(|cx| Poll::Ready(link.poll_usable(cx))).await {
            break;
        }
        match link.exchange(request()).await {
            Ok(response) => {
                let status = response.status().as_u16();
                assert!(status == 101 || (200..=999).contains(&status), "{status}");
                first = first.or(Some(status));
                if !link.drain(response.into_body(), MAX_BODY).await {
                    break;
                }
            }
            Err(error) => {
                let known = [
                    FailureReason::ConnectionClosed,
                    FailureReason::InvalidResponse,
                ];
                assert!(known.contains(&error.reason), "{error:?}");
                assert!(!error.text.is_empty());
                break;
            }
        }
    }
    first
}

/// `answer` is what the endpoint sends before it closes the connection. Returns the status that the client sees.
pub fn status_of(answer: &[u8]) -> Option<u16> {
    // The paused clock moves only if nothing else can happen: a wait that nothing ends times out at once, and no other
    // wait does, however slow the machine is.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(async {
        let (near, far) = tokio::io::duplex(1 << 20);
        let both = async { tokio::join!(exchange(near), endpoint(far, answer)) };
        tokio::time::timeout(Duration::from_secs(5), both).await
    });
    ended.expect("no wait for bytes that cannot come").0
}

/// `answer` is what the endpoint sends before it closes the connection.
pub fn check(answer: &[u8]) {
    let _ = status_of(answer);
}
