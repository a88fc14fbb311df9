//! A spool with a million notifications: from the start to the first delivery, and the memory meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use notification::{DeliveryPolicy, Direction, Retry};
use spool::{Directory, Kind, Record, Settings};
use test_endpoint::EndpointConfig;

use support::spooled::{policy, settings};
use support::{Bench, HOST_TYPE, options, test_endpoint, until};

const ROWS: u32 = 1_000_000;
const LANES: u32 = 10_000;

fn record(number: u32) -> Record {
    let sender = format!("user{}", number % LANES);
    Record {
        host_type: HOST_TYPE.into(),
        handler: "http_pool /n".into(),
        lane: Bytes::from(sender.clone().into_bytes()),
        message_id: format!("msg_{number:024}").into(),
        created: spool::now_ms(),
        direction: Direction::In,
        sender: Bytes::from(sender.into_bytes()),
        server: Bytes::from_static(b"localhost"),
        receiver: Bytes::from_static(b"bob"),
        kind: Kind::Form,
        text: Bytes::from(vec![b'x'; 200]),
        extra: Bytes::new(),
    }
}

/// In bytes, as the system counts it.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    1024 * line
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
}

#[test]
#[ignore = "fills a file of 400 MB, which takes minutes without optimization"]
fn a_million_on_disk() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = test_endpoint(EndpointConfig {
        max_records: 0,
        ..EndpointConfig::default()
    });
    let url = endpoint.url("");
    let begin = Instant::now();
    {
        let directory = Directory::take(path.path(), "one@localhost", Settings::default()).unwrap();
        let disk = directory.open(&url, |_| {}).unwrap();
        for number in 0..ROWS {
            while disk.append(record(number)).is_err() {
                sleep(Duration::from_millis(1));
            }
        }
        disk.close();
    }
    println!("filled in {:?}", begin.elapsed());

    let before = memory();
    let begin = Instant::now();
    let bench = Bench::with(settings(path.path()), Arc::default());
    bench.engine.open_host_type(HOST_TYPE);
    let policy = DeliveryPolicy {
        retry: Some(Retry::default()),
        ..policy()
    };
    bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/n", policy, None);
    bench.engine.open_spool(&url, true);
    let mut options = options(url);
    options.workers = 20;
    bench.pool(options);
    until("the first arrives", || endpoint.stats().received > 0);
    let first = begin.elapsed();
    let mut most = 0;
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        most = most.max(memory());
        sleep(Duration::from_millis(20));
    }
    let delivered = bench.seen();
    let more = most.saturating_sub(before) >> 20;
    println!("first after {first:?}; {delivered} in 20 s; at most {more} MiB more");
    // 64 MiB in the pool, the outcomes that this test keeps, and what the allocator holds back.
    assert!(more < 256, "{more} MiB");
}
