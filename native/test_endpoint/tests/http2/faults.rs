//! Streams and connections that end early, stall or never end.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Request;
use tokio::time::timeout;

use super::common::{HUNG, SILENCE, quiet};
use super::{ask, client, test_endpoint};

#[tokio::test]
async fn streams_reset() {
    let endpoint = test_endpoint("").await;
    let (mut send, _) = client(&endpoint).await;
    let cases = [
        ("h2-reset", Reason::INTERNAL_ERROR),
        ("h2-refused", Reason::REFUSED_STREAM),
        ("h2-reset-in-body", Reason::INTERNAL_ERROR),
    ];
    for (fault, reason) in cases {
        endpoint
            .push_next(1, format!("fault={fault}").parse().unwrap())
            .unwrap();
        let error = ask(&mut send).await.unwrap_err();
        assert!(error.is_reset() && error.is_remote(), "{fault}: {error:?}");
        assert_eq!(error.reason(), Some(reason), "{fault}");
        // The connection still works.
        assert_eq!(ask(&mut send).await.unwrap().0, 200);
    }
    let stats = endpoint.stats();
    assert_eq!((stats.begun, stats.answered, stats.in_flight), (6, 3, 0));
}

#[tokio::test]
async fn goaway_and_served() {
    let endpoint = test_endpoint("fault=h2-goaway body=hello").await;
    let (mut send, connection) = client(&endpoint).await;
    assert_eq!(ask(&mut send).await.unwrap(), (200, Bytes::from("hello")));
    drop(send);
    timeout(HUNG, connection).await.unwrap().unwrap().unwrap();
    quiet(&endpoint).await;
}

#[tokio::test]
async fn goaway_with_an_error() {
    let endpoint = test_endpoint("fault=h2-goaway-error").await;
    let (mut send, connection) = client(&endpoint).await;
    // The stream counts as processed, so it gets the connection's error.
    ask(&mut send).await.unwrap_err();
    let error = timeout(HUNG, connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(error.is_go_away() && error.is_remote(), "{error:?}");
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM));
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().answered, 0);
}

#[tokio::test]
async fn goaway_unserved() {
    let endpoint = test_endpoint("").await;
    endpoint
        .push_next(1, "fault=h2-goaway-unserved".parse().unwrap())
        .unwrap();
    let (mut send, _) = client(&endpoint).await;
    let error = ask(&mut send).await.unwrap_err();
    assert!(error.is_go_away() && error.is_remote(), "{error:?}");
    assert_eq!(error.reason(), Some(Reason::NO_ERROR));
    assert_eq!(endpoint.stats().begun, 0);
    let (mut send, _) = client(&endpoint).await;
    assert_eq!(ask(&mut send).await.unwrap().0, 200);
}

#[tokio::test]
async fn closed_connections() {
    let endpoint = test_endpoint("").await;
    for fault in ["close-before-head", "close-in-body", "close-in-request"] {
        endpoint
            .push_next(1, format!("fault={fault}").parse().unwrap())
            .unwrap();
        let (mut send, _) = client(&endpoint).await;
        let error = ask(&mut send).await.unwrap_err();
        assert!(
            error
                .reason()
                .is_none_or(|reason| reason == Reason::NO_ERROR),
            "{fault}: {error:?}"
        );
        quiet(&endpoint).await;
    }
    assert_eq!(endpoint.stats().answered, 0);
}

#[tokio::test]
async fn stalls() {
    for fault in ["stall-before-head", "stall-in-body", "stall-in-request"] {
        let endpoint = test_endpoint(&format!("fault={fault} body=hello")).await;
        let (send, _) = client(&endpoint).await;
        let mut one = send.clone();
        let stalled = tokio::spawn(async move { ask(&mut one).await });
        assert!(endpoint.wait_for(HUNG, |stats| stats.in_flight == 1).await);
        tokio::time::sleep(SILENCE).await;
        assert!(!stalled.is_finished(), "{fault}");
        endpoint.release();
        let answer = timeout(HUNG, stalled).await.unwrap().unwrap();
        assert_eq!(answer.unwrap(), (200, Bytes::from("hello")), "{fault}");
        let mut one = send.clone();
        let stalled = tokio::spawn(async move { ask(&mut one).await });
        assert!(endpoint.wait_for(HUNG, |stats| stats.in_flight == 1).await);
        // Dropping the request resets the stream; the test endpoint notices.
        stalled.abort();
        assert!(endpoint.wait_for(HUNG, |stats| stats.in_flight == 0).await);
        assert_eq!(endpoint.stats().answered, 1, "{fault}");
    }
}

#[tokio::test]
async fn silent_death() {
    let endpoint = test_endpoint("fault=silent-death").await;
    let (mut send, connection) = client(&endpoint).await;
    assert_eq!(ask(&mut send).await.unwrap().0, 200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let next = timeout(SILENCE, ask(&mut send)).await;
    assert!(next.is_err() && endpoint.stats().begun == 1);
    endpoint.release();
    drop(send);
    // Closed by FIN or by RST.
    let _ = timeout(HUNG, connection).await.unwrap();
    quiet(&endpoint).await;
}

#[tokio::test]
async fn a_body_without_end() {
    let endpoint = test_endpoint("fault=endless-body").await;
    let (send, _) = client(&endpoint).await;
    let mut ready = send.ready().await.unwrap();
    let request = Request::get("http://localhost/").body(()).unwrap();
    let (response, _) = ready.send_request(request, true).unwrap();
    let mut body = timeout(HUNG, response).await.unwrap().unwrap().into_body();
    let mut read = 0;
    while read < 1_000_000 {
        let data = timeout(HUNG, body.data()).await.unwrap().unwrap().unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        read += data.len();
    }
    drop(body);
    assert!(endpoint.wait_for(HUNG, |stats| stats.in_flight == 0).await);
}
