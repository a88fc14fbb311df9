//! Connections that are refused, closed, reset or held.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::common::{Client, End, GOOD, HUNG, REQUEST, quiet, test_endpoint, until};
use super::{head, xs};

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
