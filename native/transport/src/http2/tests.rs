//! One connection over a pipe, under the test's clock: what it does, and when, to the millisecond.
#![allow(clippy::unwrap_used)]

use futures_util::FutureExt;
use h2::server::{self, SendResponse};
use http::StatusCode;
use notification::FailureReason;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const ROOM: usize = 1 << 20;

fn told() -> Arc<watch::Sender<Room>> {
    Arc::new(watch::Sender::new(None))
}

fn post() -> Request<Bytes> {
    let request = Request::post("https://localhost/n");
    request.body(Bytes::from_static(b"hello")).unwrap()
}

async fn exchange(link: &Http2) -> Result<StatusCode, AttemptError> {
    let begun = link.begin().await.unwrap();
    link.exchange(begun, post())
        .await
        .map(|response| response.status())
}

fn answer(mut respond: SendResponse<Bytes>) {
    respond.send_response(Response::new(()), true).unwrap();
}

/// Answers each request after `delay` until the client closes; returns the time of the close.
fn serve(far: DuplexStream, delay: Duration, streams: u32) -> JoinHandle<Instant> {
    tokio::spawn(async move {
        let mut connection = server::Builder::new()
            .max_concurrent_streams(streams)
            .handshake(far)
            .await
            .unwrap();
        while let Some(Ok((_, respond))) = connection.accept().await {
            tokio::spawn(async move {
                sleep(delay).await;
                answer(respond);
            });
        }
        Instant::now()
    })
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_says_goodbye_after_half_a_minute() {
    let (near, far) = tokio::io::duplex(ROOM);
    let server = serve(far, Duration::ZERO, 10);
    let link = Http2::new(near, Lifetimes::default(), told())
        .await
        .unwrap();
    for _ in 0..3 {
        sleep(Duration::from_secs(20)).await;
        assert_eq!(exchange(&link).await.unwrap(), StatusCode::OK);
    }
    let last = Instant::now();
    assert!(link.is_usable());
    let closed = server.await.unwrap() - last;
    assert!(
        (Duration::from_secs(30)..Duration::from_millis(30_100)).contains(&closed),
        "{closed:?}"
    );
    assert!(!link.is_usable());
    assert!(link.begin().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_after_twenty_seconds() {
    let (near, far) = tokio::io::duplex(ROOM);
    let silent = tokio::spawn(async move {
        let mut connection = server::handshake(far).await.unwrap();
        let (_, respond) = connection.accept().await.unwrap().unwrap();
        answer(respond);
        // Send the answer, and read nothing after that.
        let _ = timeout(Duration::from_millis(1), connection.accept()).await;
        std::future::pending::<()>().await;
        drop(connection);
    });
    let link = Http2::new(near, Lifetimes::default(), told())
        .await
        .unwrap();
    assert_eq!(exchange(&link).await.unwrap(), StatusCode::OK);
    sleep(Duration::from_millis(5)).await;
    let begin = Instant::now();
    let error = exchange(&link).await.unwrap_err();
    let after = begin.elapsed();
    assert!(
        error.again == Again::Broken && error.text.contains("no answer to a PING within 10000 ms"),
        "{error:?}"
    );
    assert_eq!(error.reason, FailureReason::ConnectionClosed);
    assert!(
        (Duration::from_secs(19)..=Duration::from_secs(20)).contains(&after),
        "{after:?}"
    );
    silent.abort();
}

/// A connection waits minutes for an answer, as long as the peer answers pings.
#[tokio::test(start_paused = true)]
async fn a_slow_peer_is_not_given_up() {
    let (near, far) = tokio::io::duplex(ROOM);
    let server = serve(far, 3 * MINUTE, 10);
    let link = Http2::new(near, Lifetimes::default(), told())
        .await
        .unwrap();
    assert_eq!(exchange(&link).await.unwrap(), StatusCode::OK);
    drop(link);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_takes_no_more_and_answers_what_it_has() {
    let (near, far) = tokio::io::duplex(ROOM);
    let server = serve(far, 2 * MINUTE, 100);
    let link = Http2::new(near, Lifetimes::default(), told())
        .await
        .unwrap();
    let born = Instant::now();
    let mut under_way = Vec::new();
    while link.is_usable() {
        let link = link.clone();
        under_way.push(tokio::spawn(async move { exchange(&link).await }));
        sleep(Duration::from_secs(10)).await;
    }
    let age = born.elapsed();
    assert!(age >= 4 * MINUTE && age <= 5 * MINUTE + Duration::from_secs(10));
    assert!(link.begin().await.is_none());
    for answered in under_way {
        assert_eq!(answered.await.unwrap().unwrap(), StatusCode::OK);
    }
    let last = Instant::now();
    assert!(server.await.unwrap() - last < Duration::from_secs(1));
}

/// A request waits for a stream. If the connection accepts no more streams, the request goes elsewhere.
#[tokio::test(start_paused = true)]
async fn streams_are_taken_in_turn() {
    let (near, far) = tokio::io::duplex(ROOM);
    let server = serve(far, Duration::from_secs(1), 2);
    let room = told();
    let mut said = room.subscribe();
    let link = Http2::new(near, Lifetimes::default(), room).await.unwrap();
    said.changed().await.unwrap();
    assert_eq!(*said.borrow(), Some(2));
    let begin = Instant::now();
    let all = (0..6).map(|_| {
        let link = link.clone();
        tokio::spawn(async move { exchange(&link).await })
    });
    for answered in futures_util::future::join_all(all.collect::<Vec<_>>()).await {
        assert_eq!(answered.unwrap().unwrap(), StatusCode::OK);
    }
    let took = begin.elapsed();
    assert!((3..4).contains(&took.as_secs()), "{took:?}");
    let (one, two) = (link.begin().await, link.begin().await);
    assert!(one.is_some() && two.is_some());
    let third = tokio::spawn({
        let link = link.clone();
        async move { link.begin().await.is_some() }
    });
    sleep(MINUTE / 10).await;
    assert!(!third.is_finished());
    link.condemn();
    assert!(!third.await.unwrap());
    drop((one, two));
    server.await.unwrap();
}

/// A peer that does not read cannot hold open a connection that was given up or is about to end.
#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_ends_within_a_second() {
    for given_up in [true, false] {
        let (near, mut far) = tokio::io::duplex(4096);
        // The peer reads the preface and nothing else.
        let peer = tokio::spawn(async move {
            let mut preface = [0; 24];
            tokio::io::AsyncReadExt::read_exact(&mut far, &mut preface)
                .await
                .unwrap();
            far
        });
        let link = Http2::new(near, Lifetimes::default(), told())
            .await
            .unwrap();
        let mut far = peer.await.unwrap();
        let begun = link.begin().await.unwrap();
        let request = Request::post("https://localhost/n").body(Bytes::from(vec![0; ROOM]));
        let exchange = link.exchange(begun, request.unwrap());
        assert!(timeout(Duration::from_secs(5), exchange).await.is_err());
        let begin = Instant::now();
        if given_up {
            link.condemn();
        } else {
            drop(link);
        }
        // Wait until the other end of the pipe is gone and writing fails.
        while tokio::io::AsyncWriteExt::write_all(&mut far, b"")
            .await
            .is_ok()
            && tokio::io::AsyncWriteExt::write(&mut far, &[0])
                .await
                .is_ok()
        {
            sleep(Duration::from_millis(10)).await;
        }
        let took = begin.elapsed();
        assert!(took <= Duration::from_millis(1_100), "{given_up}: {took:?}");
    }
}

/// If an attempt takes too long, a request that has joined it goes on with the next attempt.
#[tokio::test(start_paused = true)]
async fn a_late_joiner_does_not_end_with_the_attempt_of_another() {
    const ALLOWED: Duration = Duration::from_secs(2);
    let shared = Arc::new(SharedHttp2::new(ALLOWED));
    let attempts = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let get = || {
        let (shared, attempts) = (Arc::clone(&shared), Arc::clone(&attempts));
        async move {
            let make = || {
                let first = attempts.fetch_add(1, std::sync::atomic::Ordering::AcqRel) == 0;
                let attempt = async move {
                    if first {
                        std::future::pending::<()>().await;
                    }
                    sleep(Duration::from_millis(100)).await;
                    Err(AttemptError::last(
                        FailureReason::TlsError,
                        "second".to_owned(),
                    ))
                };
                futures_util::FutureExt::boxed(attempt)
            };
            shared.get(make).await.map(|_| ()).unwrap_err().text
        }
    };
    let begin = Instant::now();
    let first = tokio::spawn(timeout(ALLOWED, get()));
    sleep(ALLOWED * 9 / 10).await;
    let late = tokio::spawn(timeout(ALLOWED, get()));
    assert!(first.await.unwrap().is_err(), "its own time is over");
    assert_eq!(late.await.unwrap().unwrap(), "second");
    assert_eq!(begin.elapsed(), ALLOWED + Duration::from_millis(100));
    assert_eq!(attempts.load(std::sync::atomic::Ordering::Acquire), 2);
}

/// A stream that panics when it is read.
struct Explosive;

impl AsyncRead for Explosive {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        panic!("a test asked for this")
    }
}

impl AsyncWrite for Explosive {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_connection_costs_that_connection() {
    let link = Http2::new(Explosive, Lifetimes::default(), told())
        .await
        .unwrap();
    sleep(Duration::from_millis(1)).await;
    assert!(!link.is_usable());
    assert!(link.begin().await.is_none());
}

/// How the peer ends its first request.
#[derive(Clone, Copy)]
enum First {
    Answered,
    Reset,
}

impl First {
    fn end(self, mut respond: SendResponse<Bytes>) {
        match self {
            Self::Answered => answer(respond),
            Self::Reset => respond.send_reset(Code::CANCEL),
        }
    }
}

/// The error of a second request whose stream is refused, beside a first request on the same
/// connection.
async fn refused_beside(first: First) -> Again {
    let (near, far) = tokio::io::duplex(ROOM);
    let server = tokio::spawn(async move {
        let mut connection = server::handshake(far).await.unwrap();
        let (_, one) = connection.accept().await.unwrap().unwrap();
        let (_, mut other) = connection.accept().await.unwrap().unwrap();
        first.end(one);
        other.send_reset(Code::REFUSED_STREAM);
        while connection.accept().await.is_some() {}
    });
    let link = Http2::new(near, Lifetimes::default(), told())
        .await
        .unwrap();
    let (_, second) = tokio::join!(exchange(&link), exchange(&link));
    server.abort();
    second.unwrap_err().again
}

/// The error of a second request that is sent after a first one, when the peer has already gone away.
async fn too_late_after(first: First) -> Again {
    let (near, far) = tokio::io::duplex(ROOM);
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let mut connection = server::handshake(far).await.unwrap();
        let (_, one) = connection.accept().await.unwrap().unwrap();
        first.end(one);
        tokio::select! {
            _ = connection.accept() => {}
            _ = gone => {}
        }
        connection.abrupt_shutdown(Code::NO_ERROR);
        // The peer reads the second request only after it has announced that the first was the last.
        sleep(Duration::from_secs(1)).await;
        while connection.accept().await.is_some() {}
    });
    let link = Http2::new(near, Lifetimes::default(), told())
        .await
        .unwrap();
    let _ = exchange(&link).await;
    go.send(()).unwrap();
    sleep(Duration::from_millis(1)).await;
    let second = exchange(&link).await;
    server.abort();
    second.unwrap_err().again
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_processed_beside_answers_does_not_count() {
    assert_eq!(refused_beside(First::Answered).await, Again::Unserved);
    assert_eq!(too_late_after(First::Answered).await, Again::Unserved);
}

/// Otherwise a peer that never serves any request would be retried for ever.
#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_processed_beside_no_answer_counts() {
    assert_eq!(refused_beside(First::Reset).await, Again::Broken);
    assert_eq!(too_late_after(First::Reset).await, Again::Broken);
}

/// An attempt that hangs, and that no request waits for any more, does not cost the next request its time.
#[tokio::test(start_paused = true)]
async fn an_attempt_whose_requests_have_given_up_is_not_joined() {
    let shared = SharedHttp2::new(Duration::from_secs(10));
    let hangs = || futures_util::future::pending().boxed();
    timeout(Duration::from_secs(1), shared.get(hangs))
        .await
        .unwrap_err();
    let begin = Instant::now();
    let refused = || std::future::ready(Err(AttemptError::broken("refused".to_owned()))).boxed();
    let error = shared.get(refused).await.unwrap_err();
    assert_eq!(error.text, "refused");
    assert_eq!(begin.elapsed(), Duration::ZERO);
}
