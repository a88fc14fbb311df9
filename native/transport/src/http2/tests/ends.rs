//! A connection that ends, or panics, and whose attempts that costs.

use super::*;

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
        // The first fills the pipe, so the stream of the second never opens.
        for _ in 0..2 {
            let begun = link.begin().await.unwrap();
            let request = Request::post("https://localhost/n").body(Bytes::from(vec![0; ROOM]));
            let exchange = link.exchange(begun, request.unwrap());
            assert!(timeout(Duration::from_secs(3), exchange).await.is_err());
        }
        let begin = Instant::now();
        if given_up {
            link.condemn();
        } else {
            drop(link);
        }
        // Until the other end of the pipe is gone: then writing fails, also that of nothing. Any byte would be an
        // invalid frame, which ends the connection.
        while tokio::io::AsyncWriteExt::write(&mut far, b"").await.is_ok() {
            assert!(begin.elapsed() < MINUTE, "{given_up}");
            sleep(Duration::from_millis(10)).await;
        }
        let took = begin.elapsed();
        assert!(took <= Duration::from_millis(1_100), "{given_up}: {took:?}");
    }
}

/// Its body is more than a peer takes without reading, so that h2 cannot just send it.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_before_its_stream_is_open_leaves_no_body() {
    for first_on_its_connection in [true, false] {
        given_up_before_its_stream_is_open(first_on_its_connection).await;
    }
}

async fn given_up_before_its_stream_is_open(first_on_its_connection: bool) {
    struct Held {
        bytes: Vec<u8>,
        _held: Arc<()>,
    }
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    let (near, far) = tokio::io::duplex(ROOM);
    let _server = tokio::spawn(async move {
        let mut connection = server::handshake(far).await.unwrap();
        if !first_on_its_connection {
            let (_, respond) = connection.accept().await.unwrap().unwrap();
            answer(respond);
        }
        let mut unread = Vec::new();
        while let Some(Ok(request)) = connection.accept().await {
            unread.push(request);
        }
    });
    let link = Http2::new(near, Lifetimes::default(), told())
        .await
        .unwrap();
    if !first_on_its_connection {
        exchange(&link).await.unwrap();
    }
    let begun = link.begin().await.unwrap();
    let held = Arc::new(());
    let body = Bytes::from_owner(Held {
        bytes: vec![0; ROOM],
        _held: Arc::clone(&held),
    });
    let request = Request::post("https://localhost/n").body(body).unwrap();
    // The connection's task does not run between these two.
    let mut exchange = Box::pin(link.exchange(begun, request));
    assert!(exchange.as_mut().now_or_never().is_none());
    drop(exchange);
    let gone = async {
        while Arc::strong_count(&held) > 1 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(1), gone).await.unwrap();
    assert!(link.is_usable());
    // Its turn is over too.
    let next = timeout(Duration::from_secs(1), link.begin()).await;
    assert!(next.unwrap().is_some());
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
