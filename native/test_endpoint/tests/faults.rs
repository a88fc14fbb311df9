//! Every fault of HTTP/1, byte for byte as a client sees it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Client, End, GOOD, HUNG, REQUEST, quiet, test_endpoint, until};
use std::io;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The head of an answer with status 200 and these lines.
fn head(lines: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n")
}

fn xs(count: usize) -> String {
    "x".repeat(count)
}

#[tokio::test]
async fn refuse() {
    let endpoint = test_endpoint("fault=refuse").await;
    for _ in 0..3 {
        let refused = TcpStream::connect(endpoint.addr()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        endpoint.set_plan("".parse().unwrap()).unwrap();
        let mut open = Client::ask(&endpoint).await;
        open.expect(GOOD).await;
        endpoint.set_plan("fault=refuse".parse().unwrap()).unwrap();
        // A connection that is open stays open.
        open.send(REQUEST).await;
        open.expect(GOOD).await;
    }
    endpoint.set_listening(true).unwrap();
    Client::ask(&endpoint).await.expect(GOOD).await;
}

#[tokio::test]
async fn connect_stall() {
    let endpoint = test_endpoint("fault=connect-stall").await;
    for _ in 0..2 {
        let connecting = TcpStream::connect(endpoint.addr());
        assert!(
            timeout(Duration::from_millis(300), connecting)
                .await
                .is_err()
        );
        endpoint.set_plan("".parse().unwrap()).unwrap();
        Client::ask(&endpoint).await.expect(GOOD).await;
        endpoint
            .set_plan("fault=connect-stall".parse().unwrap())
            .unwrap();
    }
    assert_eq!(endpoint.stats().connections_accepted, 2);
}

#[tokio::test]
async fn accepted_and_no_more() {
    let endpoint = test_endpoint("fault=accept-close").await;
    let client = Client::connect(&endpoint).await;
    assert_eq!(client.finish().await, (vec![], End::Fin));
    endpoint
        .set_plan("fault=accept-reset".parse().unwrap())
        .unwrap();
    let client = Client::connect(&endpoint).await;
    assert_eq!(client.finish().await, (vec![], End::Reset));
    endpoint
        .set_plan("fault=accept-stall".parse().unwrap())
        .unwrap();
    let mut client = Client::connect(&endpoint).await;
    client.silent().await;
    until(&endpoint, |stats| stats.connections_open == 1).await;
    endpoint.release();
    assert_eq!(client.finish().await.1, End::Fin);
    let mut client = Client::ask(&endpoint).await;
    client.silent().await;
    until(&endpoint, |stats| stats.connections_accepted == 4).await;
    drop(client);
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().begun, 0);
}

#[tokio::test]
async fn one_connection_only() {
    let endpoint = test_endpoint("").await;
    endpoint
        .push_next(1, "fault=accept-close".parse().unwrap())
        .unwrap();
    let client = Client::connect(&endpoint).await;
    assert_eq!(client.finish().await, (vec![], End::Fin));
    Client::ask(&endpoint).await.expect(GOOD).await;
}

#[tokio::test]
async fn close_in_request() {
    let endpoint = test_endpoint("fault=close-in-request").await;
    let (bytes, _) = Client::ask(&endpoint).await.finish().await;
    assert_eq!(bytes, b"");
    quiet(&endpoint).await;
    let record = &endpoint.records()[0];
    assert_eq!(
        (record.body.as_slice(), record.complete),
        (b"01234".as_slice(), false)
    );
    let stats = endpoint.stats();
    assert_eq!((stats.begun, stats.received, stats.answered), (1, 0, 0));
}

#[tokio::test]
async fn stall_in_request() {
    let endpoint = test_endpoint("fault=stall-in-request").await;
    let mut client = Client::ask(&endpoint).await;
    client.silent().await;
    until(&endpoint, |stats| stats.in_flight == 1).await;
    assert_eq!(endpoint.stats().received, 0);
    endpoint.release();
    client.expect(GOOD).await;
    client.send(REQUEST).await;
    assert!(endpoint.wait_for(HUNG, |stats| stats.in_flight == 1).await);
    drop(client);
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().received, 1);
}

#[tokio::test]
async fn closed_or_reset_instead_of_an_answer() {
    let endpoint = test_endpoint("fault=close-before-head").await;
    assert_eq!(
        Client::ask(&endpoint).await.finish().await,
        (vec![], End::Fin)
    );
    assert_eq!(endpoint.stats().in_flight, 0);
    endpoint
        .set_plan("fault=reset-before-head".parse().unwrap())
        .unwrap();
    assert_eq!(
        Client::ask(&endpoint).await.finish().await,
        (vec![], End::Reset)
    );
    quiet(&endpoint).await;
    let stats = endpoint.stats();
    assert_eq!((stats.received, stats.answered), (2, 0));
}

#[tokio::test]
async fn closed_inside_of_the_answer() {
    let endpoint = test_endpoint("fault=close-in-status").await;
    Client::ask(&endpoint).await.ends_with("HTTP/1.1 2").await;
    endpoint
        .set_plan("fault=close-in-head".parse().unwrap())
        .unwrap();
    Client::ask(&endpoint)
        .await
        .ends_with("HTTP/1.1 200 OK\r\nco")
        .await;
    endpoint
        .set_plan("fault=close-in-body".parse().unwrap())
        .unwrap();
    let half = head("content-length: 64\r\n") + &xs(32);
    Client::ask(&endpoint).await.ends_with(&half).await;
    endpoint
        .set_plan("fault=reset-in-body".parse().unwrap())
        .unwrap();
    let (bytes, end) = Client::ask(&endpoint).await.finish().await;
    assert_eq!((bytes, end), (half.into_bytes(), End::Reset));
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().answered, 0);
}

#[tokio::test]
async fn stalls_hold_until_released_or_left() {
    let cases = [
        ("stall-before-head", String::new(), GOOD.to_owned()),
        (
            "stall-in-head",
            "HTTP/1.1 200 OK\r\nco".to_owned(),
            "ntent-length: 0\r\n\r\n".to_owned(),
        ),
        (
            "stall-in-body",
            head("content-length: 64\r\n") + &xs(32),
            xs(32),
        ),
    ];
    for (fault, before, after) in cases {
        let endpoint = test_endpoint(&format!("fault={fault}")).await;
        let mut client = Client::ask(&endpoint).await;
        client.expect(&before).await;
        client.silent().await;
        until(&endpoint, |stats| stats.in_flight == 1).await;
        endpoint.release();
        client.expect(&after).await;
        assert_eq!(endpoint.stats().answered, 1, "{fault}");
        // The connection is kept, and the next request stalls again.
        client.send(REQUEST).await;
        client.expect(&before).await;
        client.silent().await;
        until(&endpoint, |stats| stats.begun == 2).await;
        drop(client);
        quiet(&endpoint).await;
        assert_eq!(endpoint.stats().answered, 1, "{fault}");
    }
}

#[tokio::test]
async fn slow() {
    let endpoint = test_endpoint("fault=slow interval=5").await;
    let start = Instant::now();
    let mut client = Client::ask(&endpoint).await;
    let mut reads = 0;
    for byte in GOOD.bytes() {
        assert_eq!(client.read_exactly(1).await, [byte]);
        reads += 1;
    }
    assert!(start.elapsed() >= Duration::from_millis(5) * (reads - 1));
    client.send(REQUEST).await;
    client.read_exactly(3).await;
    drop(client);
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().answered, 1);
}

#[tokio::test]
async fn garbage() {
    let endpoint = test_endpoint("fault=garbage").await;
    let (bytes, end) = Client::ask(&endpoint).await.finish().await;
    assert!(bytes.len() > 100 && !bytes.starts_with(b"HTTP"));
    assert_eq!(end, End::Fin);
}

#[tokio::test]
async fn old_versions() {
    let endpoint = test_endpoint("fault=http10-close body=hello").await;
    let client = Client::ask(&endpoint).await;
    client.ends_with("HTTP/1.0 200 OK\r\n\r\nhello").await;
    endpoint
        .set_plan("fault=http10-length body=hello".parse().unwrap())
        .unwrap();
    let client = Client::ask(&endpoint).await;
    client
        .ends_with("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        .await;
}

#[tokio::test]
async fn interim_answers() {
    let endpoint = test_endpoint("fault=continue-100").await;
    let mut client = Client::ask(&endpoint).await;
    client
        .expect(&format!("HTTP/1.1 100 Continue\r\n\r\n{GOOD}"))
        .await;
    endpoint
        .set_plan("fault=early-103".parse().unwrap())
        .unwrap();
    client.send(REQUEST).await;
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
    client.expect(&format!("{hints}{GOOD}")).await;
    assert_eq!(endpoint.stats().answered, 2);
}

#[tokio::test]
async fn answers_without_and_with_a_body_that_should_not_be() {
    let endpoint = test_endpoint("status=204 body=hello").await;
    let mut client = Client::ask(&endpoint).await;
    client.expect("HTTP/1.1 204 No Content\r\n\r\n").await;
    endpoint.set_plan("status=304".parse().unwrap()).unwrap();
    client.send(REQUEST).await;
    client.expect("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    endpoint
        .set_plan("fault=forbidden-body body=hello".parse().unwrap())
        .unwrap();
    client.send(REQUEST).await;
    client
        .expect("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello")
        .await;
    let plan = "fault=forbidden-body status=304 body=hello";
    endpoint.set_plan(plan.parse().unwrap()).unwrap();
    client.send(REQUEST).await;
    client
        .expect("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nhello")
        .await;
}

#[tokio::test]
async fn chunks_and_trailers() {
    let endpoint = test_endpoint("fault=chunked body=hello").await;
    let mut client = Client::ask(&endpoint).await;
    client
        .expect(&(head("transfer-encoding: chunked\r\n") + "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"))
        .await;
    endpoint
        .set_plan("fault=chunked-trailers body=hello".parse().unwrap())
        .unwrap();
    client.send(REQUEST).await;
    client
        .expect(
            &(head("transfer-encoding: chunked\r\ntrailer: x-checksum\r\n")
                + "3\r\nhel\r\n2\r\nlo\r\n0\r\nx-checksum: 1234\r\n\r\n"),
        )
        .await;
}

#[tokio::test]
async fn lengths_that_lie() {
    let endpoint = test_endpoint("fault=length-long body=hello").await;
    let client = Client::ask(&endpoint).await;
    client
        .ends_with(&(head("content-length: 105\r\n") + "hello"))
        .await;
    let cases = [
        ("length-short", "content-length: 2\r\n"),
        (
            "length-two-different",
            "content-length: 5\r\ncontent-length: 12\r\n",
        ),
        (
            "length-two-same",
            "content-length: 5\r\ncontent-length: 5\r\n",
        ),
    ];
    let mut client = Client::connect(&endpoint).await;
    for (fault, lines) in cases {
        let plan = format!("fault={fault} body=hello");
        endpoint.set_plan(plan.parse().unwrap()).unwrap();
        client.send(REQUEST).await;
        client.expect(&(head(lines) + "hello")).await;
    }
}

#[tokio::test]
async fn heads_too_large() {
    let endpoint = test_endpoint("fault=huge-header").await;
    let mut client = Client::ask(&endpoint).await;
    let answer = client.read_until("\r\n\r\n").await;
    let line = answer
        .lines()
        .find(|line| line.starts_with("x-huge: "))
        .unwrap();
    assert_eq!(line.len(), "x-huge: ".len() + 1024 * 1024);
    endpoint
        .set_plan("fault=many-headers".parse().unwrap())
        .unwrap();
    client.send(REQUEST).await;
    let answer = client.read_until("\r\n\r\n").await;
    let lines = answer.lines().filter(|line| line.starts_with("x-header-"));
    assert_eq!(lines.count(), 10_000);
    endpoint
        .set_plan("fault=many-headers count=3".parse().unwrap())
        .unwrap();
    client.send(REQUEST).await;
    let answer = client.read_until("\r\n\r\n").await;
    assert_eq!(answer.lines().count(), 1 + 3 + 1 + 1);
}

#[tokio::test]
async fn answers_without_end() {
    let endpoint = test_endpoint("fault=endless-body").await;
    let mut client = Client::ask(&endpoint).await;
    client.expect(&head("transfer-encoding: chunked\r\n")).await;
    client.expect("4000\r\n").await;
    client.read_exactly(3_000_000).await;
    assert_eq!(endpoint.stats().in_flight, 1);
    drop(client);
    quiet(&endpoint).await;
    endpoint
        .set_plan("fault=endless-head".parse().unwrap())
        .unwrap();
    let mut client = Client::ask(&endpoint).await;
    client.expect("HTTP/1.1 200 OK\r\n").await;
    let more = client.read_exactly(3_000_000).await;
    assert!(!more.windows(4).any(|four| four == b"\r\n\r\n"));
    drop(client);
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().answered, 0);
}

#[tokio::test]
async fn connections_that_end_after_the_answer() {
    let endpoint = test_endpoint("fault=connection-close").await;
    let closing = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    Client::ask(&endpoint).await.ends_with(closing).await;
    endpoint
        .set_plan("fault=silent-close".parse().unwrap())
        .unwrap();
    Client::ask(&endpoint).await.ends_with(GOOD).await;
    endpoint
        .set_plan("fault=silent-death".parse().unwrap())
        .unwrap();
    let mut client = Client::ask(&endpoint).await;
    client.expect(GOOD).await;
    client.send(REQUEST).await;
    client.silent().await;
    until(&endpoint, |stats| {
        (stats.begun, stats.in_flight, stats.connections_open) == (3, 0, 1)
    })
    .await;
    endpoint.release();
    client.finish().await;
    let mut client = Client::ask(&endpoint).await;
    client.expect(GOOD).await;
    client.send(REQUEST).await;
    drop(client);
    quiet(&endpoint).await;
}

/// Sends 90 requests, each on a new connection; returns whether each was answered.
async fn answered(plan: &str) -> (Vec<bool>, test_endpoint::Stats) {
    let endpoint = test_endpoint(plan).await;
    let mut answered = Vec::new();
    for _ in 0..90 {
        let mut client = Client::connect(&endpoint).await;
        client
            .send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        answered.push(!client.finish().await.0.is_empty());
    }
    quiet(&endpoint).await;
    (answered, endpoint.stats())
}

#[tokio::test]
async fn a_mix_is_drawn_by_request_and_by_connection_and_repeatable() {
    let plan = "mix seed=5 | 1 status=200 | 1 fault=close-before-head | 1 fault=accept-close";
    let (first, stats) = answered(plan).await;
    let good = first.iter().filter(|answered| **answered).count() as u64;
    assert_eq!(stats.connections_accepted, 90);
    assert_eq!(stats.answered, good);
    // A third of the connections, then half of the requests.
    assert!((45..75).contains(&stats.begun), "{stats:?}");
    assert!((15..45).contains(&good), "{stats:?}");
    assert_eq!(answered(plan).await.0, first);
}

#[tokio::test]
async fn faults_of_http2_are_loud_in_http1() {
    let config = test_endpoint::EndpointConfig {
        http2: true,
        plan: "fault=h2-reset".parse().unwrap(),
        ..test_endpoint::EndpointConfig::default()
    };
    let endpoint = test_endpoint::TestEndpoint::start(config).await.unwrap();
    let mut client = Client::ask(&endpoint).await;
    let answer = client.read_until("HTTP/1").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert_eq!(endpoint.stats().misplaced_faults, 1);
}

#[tokio::test]
async fn early_answer() {
    let endpoint = test_endpoint("fault=early-answer status=413").await;
    let mut client = Client::connect(&endpoint).await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
        .await;
    let answer = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    client.expect(answer).await;
    let stats = endpoint.stats();
    assert_eq!((stats.begun, stats.received, stats.answered), (1, 0, 1));
}
