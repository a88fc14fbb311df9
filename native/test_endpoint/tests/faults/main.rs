//! Every fault of HTTP/1, byte for byte as a client sees it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod connections;

use common::{Client, quiet, test_endpoint};

/// The head of an answer with status 200 and these lines.
fn head(lines: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n")
}

fn xs(count: usize) -> String {
    "x".repeat(count)
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
