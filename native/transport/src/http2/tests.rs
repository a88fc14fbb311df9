//! One connection over a pipe, under the test's clock: what it does, and when, to the millisecond.
#![allow(clippy::unwrap_used)]

mod ends;

use futures_util::FutureExt;

use super::*;
use h2::server::{self, SendResponse};
use http::StatusCode;
use notification::FailureReason;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

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
        // Its age can end in the same millisecond.
        let Some(begun) = link.begin().await else {
            break;
        };
        let link = link.clone();
        under_way.push(tokio::spawn(
            async move { link.exchange(begun, post()).await },
        ));
        sleep(Duration::from_secs(10)).await;
    }
    let age = born.elapsed();
    assert!(age >= 4 * MINUTE && age <= 5 * MINUTE + Duration::from_secs(10));
    assert!(link.begin().await.is_none());
    for answered in under_way {
        assert_eq!(answered.await.unwrap().unwrap().status(), StatusCode::OK);
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
