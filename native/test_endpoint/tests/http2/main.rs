//! HTTP/2: the good path as hyper's client sees it, the faults as the h2 crate's client sees them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../common/mod.rs"]
mod common;
mod faults;

use bytes::Bytes;
use common::{HUNG, deciding};
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
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
