//! Answers that are slow, wrong, too large or without an end.

use std::time::{Duration, Instant};

use super::common::{Client, End, GOOD, REQUEST, quiet, test_endpoint};
use super::head;

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
