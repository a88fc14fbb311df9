//! HTTP/2: the good path as hyper's client sees it, the faults as the h2 crate's client sees them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::{HUNG, deciding, quiet};
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;
use test_endpoint::{EndpointConfig, EndpointHandle, TestEndpoint, Version};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn test_endpoint(plan: &str) -> EndpointHandle {
    let config = EndpointConfig {
        http2: true,
        plan: plan.parse().unwrap(),
        ..EndpointConfig::default()
    };
    TestEndpoint::start(config).await.unwrap()
}

/// A client, and the result of its connection.
async fn client(
    endpoint: &EndpointHandle,
) -> (
    SendRequest<Bytes>,
    tokio::task::JoinHandle<Result<(), h2::Error>>,
) {
    let tcp = TcpStream::connect(endpoint.addr()).await.unwrap();
    let (send, connection) = h2::client::handshake(tcp).await.unwrap();
    (send, tokio::spawn(connection))
}

/// The status and body of the answer, or the error.
async fn ask(send: &mut SendRequest<Bytes>) -> Result<(u16, Bytes), h2::Error> {
    let mut ready = send.clone().ready().await?;
    let request = Request::post("http://localhost/p").body(()).unwrap();
    let (response, mut body) = ready.send_request(request, false)?;
    body.send_data(Bytes::from_static(b"0123456789"), true)?;
    let response = timeout(HUNG, response)
        .await
        .expect("the test endpoint hangs")?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut read = Vec::new();
    while let Some(data) = timeout(HUNG, body.data())
        .await
        .expect("the test endpoint hangs")
    {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        read.extend_from_slice(&data);
    }
    body.trailers().await?;
    Ok((status, read.into()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_on_one_connection() {
    let endpoint = test_endpoint("status=201 body=hello delay=20").await;
    let tcp = TcpStream::connect(endpoint.addr()).await.unwrap();
    let (send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
            .await
            .unwrap();
    tokio::spawn(connection);
    let requests = (0..200).map(|id| {
        let mut send = send.clone();
        tokio::spawn(async move {
            let body = Full::<Bytes>::from(format!("id={id}"));
            let request = Request::post(format!("http://localhost/{}", id % 2))
                .header("x-id", id)
                .body(body)
                .unwrap();
            let response = send.send_request(request).await.unwrap();
            assert_eq!(response.status(), 201);
            assert_eq!(response.headers()["content-length"], "5");
            assert_eq!(response.collect().await.unwrap().to_bytes(), "hello");
        })
    });
    for request in requests.collect::<Vec<_>>() {
        timeout(HUNG, request).await.unwrap().unwrap();
    }
    let stats = endpoint.stats();
    assert_eq!(
        (stats.begun, stats.received, stats.answered),
        (200, 200, 200)
    );
    assert_eq!((stats.paths["/0"], stats.paths["/1"]), (100, 100));
    assert_eq!((stats.connections_accepted, stats.in_flight), (1, 0));
    assert!(stats.max_in_flight > 1);
    let record = &endpoint.records()[0];
    assert_eq!(record.version, Version::Http2);
    assert_eq!(record.header("host"), Some(b"localhost".as_slice()));
    let id = std::str::from_utf8(record.header("x-id").unwrap()).unwrap();
    assert_eq!(record.body, format!("id={id}").as_bytes());
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let endpoint = test_endpoint("").await;
    let (mut send, _) = client(&endpoint).await;
    for (name, value) in [
        ("host", "localhost"),
        ("x-padded", " a"),
        ("x-padded", "a\t"),
    ] {
        let mut ready = send.clone().ready().await.unwrap();
        let request = Request::post("http://localhost/p").header(name, value);
        let (response, _) = ready.send_request(request.body(()).unwrap(), true).unwrap();
        let response = timeout(HUNG, response)
            .await
            .expect("the test endpoint hangs");
        assert_eq!(response.unwrap().status(), 400, "{name}: {value:?}");
    }
    let stats = endpoint.stats();
    assert_eq!((stats.bad_requests, stats.begun), (3, 0));
    assert_eq!(ask(&mut send).await.unwrap().0, 200);
}

#[tokio::test]
async fn http1_is_served_beside_it() {
    let endpoint = test_endpoint("").await;
    common::Client::ask(&endpoint)
        .await
        .expect(common::GOOD)
        .await;
    let (mut send, _) = client(&endpoint).await;
    assert_eq!(ask(&mut send).await.unwrap().0, 200);
    assert_eq!(endpoint.stats().connections_accepted, 2);
}

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
        tokio::time::sleep(common::SILENCE).await;
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
    let next = timeout(common::SILENCE, ask(&mut send)).await;
    assert!(next.is_err() && endpoint.stats().begun == 1);
    endpoint.release();
    drop(send);
    // Closed by FIN or by RST.
    let _ = timeout(HUNG, connection).await.unwrap();
    quiet(&endpoint).await;
}

#[tokio::test]
async fn answers_of_all_shapes() {
    let endpoint = test_endpoint("").await;
    let (mut send, _) = client(&endpoint).await;
    let cases = [
        ("status=204 body=hello", 204, 0),
        ("fault=chunked body=hello", 200, 5),
        ("fault=chunked-trailers body=hello", 200, 5),
        ("fault=slow interval=1 body=hello", 200, 5),
        ("fault=early-103 body=hello", 200, 5),
        ("fault=many-headers count=100", 200, 0),
        ("body-size=3000000", 200, 3_000_000),
    ];
    for (plan, status, len) in cases {
        endpoint.push_next(1, plan.parse().unwrap()).unwrap();
        let (got, body) = ask(&mut send).await.unwrap();
        assert_eq!((got, body.len()), (status, len), "{plan}");
    }
    endpoint
        .push_next(1, "fault=garbage".parse().unwrap())
        .unwrap();
    let (status, body) = ask(&mut send).await.unwrap();
    assert_eq!((status, endpoint.stats().misplaced_faults), (500, 1));
    assert_eq!(body, "the fault garbage does not exist in HTTP/2");
    for fault in ["length-long", "length-short"] {
        endpoint
            .push_next(1, format!("fault={fault}").parse().unwrap())
            .unwrap();
        let error = ask(&mut send).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR), "{fault}");
    }
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

#[tokio::test]
async fn a_responder_decides_about_each_stream() {
    let (endpoint, mut left) = deciding().await;
    let (mut send, connection) = client(&endpoint).await;
    let answer = ask(&mut send).await.unwrap();
    assert_eq!(answer, (418, Bytes::from_static(b"0123456789")));
    // A stream that is reset ends the decision, and the connection goes on.
    let mut ready = send.clone().ready().await.unwrap();
    let request = Request::post("http://localhost/wait").body(()).unwrap();
    let (_, mut body) = ready.send_request(request, true).unwrap();
    body.send_reset(Reason::CANCEL);
    let told = timeout(HUNG, left.recv()).await.unwrap();
    assert_eq!(told.as_deref(), Some("/wait"));
    assert_eq!(ask(&mut send).await.unwrap().0, 418);
    let mut ready = send.clone().ready().await.unwrap();
    let request = Request::post("http://localhost/close").body(()).unwrap();
    let (response, _) = ready.send_request(request, true).unwrap();
    assert!(timeout(HUNG, response).await.unwrap().is_err());
    drop((send, ready));
    let _ = timeout(HUNG, connection).await.unwrap();
}
