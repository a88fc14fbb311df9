//! A client that reads raw bytes, for tests of what is on the wire.
#![allow(dead_code)] // Every test binary uses another part of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;
use test_endpoint::{Behaviour, EndpointConfig, EndpointHandle, Fault, Responder, TestEndpoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// Nothing here takes long: after this time it has hung, even on a slow machine.
pub const HUNG: Duration = Duration::from_mins(2);
/// How long the test endpoint must send nothing to count as silent. On a busy machine a wrong answer may
/// come later than this; then a test misses it, but never fails wrongly.
pub const SILENCE: Duration = Duration::from_millis(150);

pub const REQUEST: &str = "POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n0123456789";
pub const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Fin,
    Reset,
}

pub async fn test_endpoint(plan: &str) -> EndpointHandle {
    let config = EndpointConfig {
        plan: plan.parse().unwrap(),
        ..EndpointConfig::default()
    };
    TestEndpoint::start(config).await.unwrap()
}

/// Tells of a decision that was dropped, by the path of its request.
struct Decided(String, UnboundedSender<String>);

impl Drop for Decided {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            let _ = self.1.send(self.0.clone());
        }
    }
}

/// An endpoint with a responder: it repeats the body with 418, closes the connection for `/close`, and never decides
/// about `/wait`. The paths of decisions that were dropped come out of the channel.
pub async fn deciding() -> (EndpointHandle, UnboundedReceiver<String>) {
    let (left, has_left) = unbounded_channel();
    let decide = Responder(Arc::new(move |record| {
        let body = record.body.clone();
        let mut decided = Decided(record.path.clone(), left.clone());
        Box::pin(async move {
            if decided.0 == "/wait" {
                std::future::pending::<()>().await;
            }
            let path = std::mem::take(&mut decided.0);
            Behaviour {
                status: 418,
                body: body.into(),
                fault: (path == "/close").then_some(Fault::CloseBeforeHead),
                ..Behaviour::default()
            }
        })
    }));
    let config = EndpointConfig {
        http2: true,
        plan: "status=500".parse().unwrap(),
        max_records: 0,
        responder: Some(decide),
        ..EndpointConfig::default()
    };
    (TestEndpoint::start(config).await.unwrap(), has_left)
}

pub struct Client {
    tcp: TcpStream,
    seen: Vec<u8>,
}

impl Client {
    pub async fn connect(endpoint: &EndpointHandle) -> Self {
        Self {
            tcp: TcpStream::connect(endpoint.addr()).await.unwrap(),
            seen: Vec::new(),
        }
    }

    /// Connects and sends the usual request.
    pub async fn ask(endpoint: &EndpointHandle) -> Self {
        let mut client = Self::connect(endpoint).await;
        client.send(REQUEST).await;
        client
    }

    pub async fn send(&mut self, text: &str) {
        self.tcp.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads as many bytes as `text` has; they must be equal.
    pub async fn expect(&mut self, text: &str) {
        let got = self.read_exactly(text.len()).await;
        assert_eq!(String::from_utf8_lossy(&got), text);
    }

    pub async fn read_exactly(&mut self, len: usize) -> Vec<u8> {
        while self.seen.len() < len {
            assert!(
                self.read_some().await.unwrap() > 0,
                "closed: {:?}",
                self.text()
            );
        }
        self.seen.drain(..len).collect()
    }

    /// Reads until the bytes end with `end`.
    pub async fn read_until(&mut self, end: &str) -> String {
        while !self.seen.ends_with(end.as_bytes()) {
            assert!(
                self.read_some().await.unwrap() > 0,
                "closed: {:?}",
                self.text()
            );
        }
        let text = self.text();
        self.seen.clear();
        text
    }

    /// Reads to the end of the connection.
    pub async fn finish(mut self) -> (Vec<u8>, End) {
        loop {
            match self.read_some().await {
                Ok(0) => return (self.seen, End::Fin),
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                    return (self.seen, End::Reset);
                }
            }
        }
    }

    /// The connection sends exactly that text and then FIN.
    pub async fn ends_with(self, text: &str) {
        let (bytes, end) = self.finish().await;
        assert_eq!(String::from_utf8_lossy(&bytes), text);
        assert_eq!(end, End::Fin);
    }

    /// The connection stays open and sends nothing.
    pub async fn silent(&mut self) {
        let read = timeout(SILENCE, self.tcp.read_buf(&mut self.seen)).await;
        assert!(read.is_err(), "{read:?}: {:?}", self.text());
        assert_eq!(self.text(), "");
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    async fn read_some(&mut self) -> io::Result<usize> {
        let read = self.tcp.read_buf(&mut self.seen);
        timeout(HUNG, read).await.expect("the test endpoint hangs")
    }
}

/// Waits until `wanted` accepts the counters. They may change a little later than the client sees.
pub async fn until(endpoint: &EndpointHandle, wanted: impl Fn(&test_endpoint::Stats) -> bool) {
    assert!(
        endpoint.wait_for(HUNG, wanted).await,
        "{:?}",
        endpoint.stats()
    );
}

/// Waits until nothing is in flight and no connection open.
pub async fn quiet(endpoint: &EndpointHandle) {
    until(endpoint, |stats| {
        stats.in_flight == 0 && stats.connections_open == 0
    })
    .await;
}
