//! What a correct HTTP/1 server does, and exact counters.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Client, End, GOOD, HUNG, REQUEST, deciding, quiet, test_endpoint, until};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};
use test_endpoint::{EndpointConfig, TestEndpoint, Version};

#[tokio::test]
async fn request_after_request_is_answered_and_recorded() {
    let endpoint = test_endpoint("").await;
    let mut client = Client::connect(&endpoint).await;
    client
        .send("POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Odd:  v \r\nContent-Length: 3\r\n\r\na=b")
        .await;
    client.expect(GOOD).await;
    client.send("GET /d HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.expect(GOOD).await;

    let records = endpoint.records();
    let first = &records[0];
    assert_eq!((first.n, first.connection), (1, 1));
    assert_eq!(first.version, Version::Http11);
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("POST", "/a?b=c")
    );
    assert_eq!(
        first.raw_headers,
        b"Host: x\r\nX-Odd:  v \r\nContent-Length: 3\r\n"
    );
    assert_eq!(first.header("x-odd"), Some(b"v".as_slice()));
    assert_eq!(
        first.headers().next(),
        Some((b"Host".as_slice(), b"x".as_slice()))
    );
    assert_eq!(first.form(), [("a".to_owned(), "b".to_owned())]);
    assert!(first.complete && first.body_len == 3 && first.tls.is_none());
    assert_eq!((records[1].n, records[1].connection), (2, 1));
    assert!(records[1].micros >= first.micros);
    assert_eq!(endpoint.records_from(2).len(), 1);

    let stats = endpoint.stats();
    assert_eq!((stats.begun, stats.received, stats.answered), (2, 2, 2));
    assert_eq!((stats.connections_accepted, stats.connections_open), (1, 1));
    assert_eq!(
        (stats.in_flight, stats.max_in_flight, stats.body_bytes),
        (0, 1, 3)
    );
    assert_eq!((stats.paths["/a?b=c"], stats.paths["/d"]), (1, 1));
    assert_eq!(stats.statuses[&200], 2);
    endpoint.clear();
    let stats = endpoint.stats();
    assert_eq!((stats.begun, stats.connections_open), (0, 1));
    assert!(stats.paths.is_empty() && stats.statuses.is_empty());
    drop(client);
    quiet(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_are_exact_under_load() {
    const CLIENTS: u64 = 40;
    const EACH: u64 = 300;
    let endpoint = TestEndpoint::start_in_thread(EndpointConfig::default(), 2).unwrap();
    endpoint
        .set_plan("mix seed=3 | 3 status=200 | 1 status=503".parse().unwrap())
        .unwrap();
    let clients = (0..CLIENTS).map(|id| {
        let endpoint = endpoint.clone();
        tokio::spawn(async move {
            let mut client = Client::connect(&endpoint).await;
            let body = format!("id={id}");
            for turn in 0..EACH {
                let path = format!("/{}", turn % 3);
                let len = body.len();
                client
                    .send(&format!(
                        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n\r\n{body}"
                    ))
                    .await;
                client.read_until("\r\n\r\n").await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let stats = endpoint.stats();
    let all = CLIENTS * EACH;
    assert_eq!(
        (stats.begun, stats.received, stats.answered),
        (all, all, all)
    );
    assert_eq!(
        stats.paths.values().copied().collect::<Vec<_>>(),
        [all / 3; 3]
    );
    assert_eq!(stats.statuses.values().sum::<u64>(), all);
    assert!(stats.statuses[&503] > all / 5 && stats.statuses[&503] < all * 3 / 10);
    assert!((1..=CLIENTS).contains(&stats.max_in_flight), "{stats:?}");
    assert_eq!(stats.connections_accepted, CLIENTS);
    let numbers: Vec<u64> = endpoint.records().iter().map(|record| record.n).collect();
    assert_eq!(numbers, (1..=all).collect::<Vec<_>>());
    quiet(&endpoint).await;
}

#[tokio::test]
async fn records_and_bodies_are_bounded_counters_are_not() {
    let config = EndpointConfig {
        max_records: 2,
        max_body: 4,
        ..EndpointConfig::default()
    };
    let endpoint = TestEndpoint::start(config).await.unwrap();
    let mut client = Client::connect(&endpoint).await;
    for _ in 0..5 {
        client.send(REQUEST).await;
        client.expect(GOOD).await;
    }
    let records = endpoint.records();
    assert_eq!(records.len(), 2);
    assert_eq!(
        (records[0].body.as_slice(), records[0].body_len),
        (b"0123".as_slice(), 10)
    );
    let stats = endpoint.stats();
    assert_eq!((stats.records_kept, stats.records_dropped), (2, 3));
    assert_eq!((stats.received, stats.body_bytes), (5, 50));
}

#[tokio::test]
async fn bodies_in_chunks_in_pieces_and_in_bulk() {
    let endpoint = test_endpoint("").await;
    let mut client = Client::connect(&endpoint).await;
    let pieces = [
        "POST /c HTTP/1.1\r\nhost: x\r\ntransfer-",
        "encoding: chunked\r\n\r\n3\r\nab",
        "c\r\n2;x=y\r\nde\r\n0\r\ntrailer: 1\r",
        "\n\r\n",
    ];
    for piece in pieces {
        client.send(piece).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.expect(GOOD).await;
    let big = "y".repeat(3_000_000);
    let head = "POST /big HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n";
    client.send(&format!("{head}{big}")).await;
    client.expect(GOOD).await;
    // Two requests at once.
    client.send(&[REQUEST, REQUEST].concat()).await;
    client.expect(&[GOOD, GOOD].concat()).await;
    let records = endpoint.records();
    assert_eq!(records[0].body, b"abcde");
    assert_eq!(
        (records[1].body.len(), records[1].body_len),
        (1024 * 1024, 3_000_000)
    );
    assert_eq!(records.len(), 4);
}

#[tokio::test]
async fn what_is_no_request_gets_400() {
    let endpoint = test_endpoint("").await;
    let bad = [
        "\x16\x03\x01\r\n\r\n",
        "POST / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for text in bad {
        let mut client = Client::connect(&endpoint).await;
        client.send(text).await;
        let (answer, _) = client.finish().await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{text:?}: {answer:?}");
    }
    assert_eq!(endpoint.stats().bad_requests, 4);
    quiet(&endpoint).await;
}

#[tokio::test]
async fn close_head_and_old_versions() {
    let endpoint = test_endpoint("body=hello header=x-a:1").await;
    let head = "HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n";
    let mut client = Client::connect(&endpoint).await;
    client.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.expect(&format!("{head}\r\n")).await;
    client
        .send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    client
        .ends_with(&format!("{head}connection: close\r\n\r\nhello"))
        .await;
    let mut client = Client::connect(&endpoint).await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let (answer, end) = client.finish().await;
    assert!(answer.ends_with(b"\r\n\r\nhello") && end == End::Fin);
    assert_eq!(endpoint.records()[2].version, Version::Http10);
}

#[tokio::test]
async fn a_client_that_wants_to_hear_continue_does() {
    let endpoint = test_endpoint("").await;
    let mut client = Client::connect(&endpoint).await;
    client
        .send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        .await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("ab").await;
    client.expect(GOOD).await;
}

#[tokio::test]
async fn delays_delay_and_end_when_the_client_leaves() {
    let endpoint = test_endpoint("delay=80-120 seed=1").await;
    let start = Instant::now();
    let mut client = Client::ask(&endpoint).await;
    client.expect(GOOD).await;
    assert!(start.elapsed() >= Duration::from_millis(80));
    endpoint.set_plan("delay=3600000".parse().unwrap()).unwrap();
    client.send(REQUEST).await;
    assert!(endpoint.wait_for(HUNG, |stats| stats.in_flight == 1).await);
    drop(client);
    quiet(&endpoint).await;
    let stats = endpoint.stats();
    assert_eq!((stats.received, stats.answered), (2, 1));
}

#[tokio::test]
async fn plans_by_path_and_for_the_next() {
    let endpoint = test_endpoint("").await;
    endpoint
        .set_plan_for("/a", "status=404".parse().unwrap())
        .unwrap();
    endpoint
        .push_next(1, "status=500".parse().unwrap())
        .unwrap();
    endpoint
        .push_next_for("/b", 1, "status=429".parse().unwrap())
        .unwrap();
    let mut client = Client::connect(&endpoint).await;
    let mut got = Vec::new();
    for path in ["/a", "/a", "/b", "/b"] {
        client
            .send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        got.push(client.read_until("\r\n\r\n").await[9..12].to_owned());
    }
    assert_eq!(got, ["500", "404", "429", "200"]);
    assert!(
        endpoint
            .set_plan("fault=tls-close".parse().unwrap())
            .is_err()
    );
    assert!(
        endpoint
            .set_plan("fault=h2-reset".parse().unwrap())
            .is_err()
    );
}

#[tokio::test]
async fn several_addresses_share_a_port_and_connections_can_be_dropped() {
    let config = EndpointConfig {
        bind: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        ..EndpointConfig::default()
    };
    let endpoint = TestEndpoint::start(config).await.unwrap();
    let [four, six] = endpoint.addrs()[..] else {
        panic!("{:?}", endpoint.addrs());
    };
    assert_eq!(four.port(), six.port());
    let over_six = tokio::net::TcpStream::connect(six).await.unwrap();
    let over_four = Client::ask(&endpoint).await;
    assert!(
        endpoint
            .wait_for(HUNG, |stats| stats.connections_open == 2)
            .await
    );
    endpoint.close_connections();
    assert_eq!(over_four.finish().await.1, End::Fin);
    drop(over_six);
    quiet(&endpoint).await;
    assert_eq!(endpoint.stats().connections_accepted, 2);
}

#[tokio::test]
async fn after_shutdown_nobody_listens() {
    let endpoint = TestEndpoint::start_in_thread(EndpointConfig::default(), 1).unwrap();
    let addr = endpoint.addr();
    let mut client = Client::ask(&endpoint).await;
    client.expect(GOOD).await;
    endpoint.shutdown().await;
    let (_, end) = client.finish().await;
    assert_eq!(end, End::Fin);
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_responder_decides_in_place_of_the_plan() {
    let (endpoint, mut left) = deciding().await;
    let mut client = Client::ask(&endpoint).await;
    client
        .expect("HTTP/1.1 418 I'm a teapot\r\ncontent-length: 10\r\n\r\n0123456789")
        .await;
    client.send(&REQUEST.replace("/p", "/close")).await;
    assert_eq!(client.finish().await, (Vec::new(), End::Fin));

    // A client that leaves ends the decision.
    let mut client = Client::connect(&endpoint).await;
    client.send(&REQUEST.replace("/p", "/wait")).await;
    until(&endpoint, |stats| stats.received == 3).await;
    drop(client);
    let told = tokio::time::timeout(HUNG, left.recv()).await;
    assert_eq!(told.unwrap().as_deref(), Some("/wait"));

    // Only a request that was received to its end is decided about.
    let mut client = Client::connect(&endpoint).await;
    client
        .send("POST /wait HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n01")
        .await;
    until(&endpoint, |stats| stats.begun == 4).await;
    drop(client);
    quiet(&endpoint).await;
    assert!(left.try_recv().is_err());
}
