//! A clock that was set back or forward while the node was down: what is on disk was handed over in the future,
//! or years ago.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use notification::Direction;
use spool::{Directory, Kind, Record, Settings};
use test_endpoint::{EndpointConfig, EndpointHandle};

use support::spooled::{policy, settings};
use support::{Bench, HOST_TYPE, options, test_endpoint, until};

const HOUR: i64 = 3_600_000;

fn record(number: u32, created: i64) -> Record {
    let sender = format!("user{}", number % 3).into_bytes();
    Record {
        host_type: HOST_TYPE.into(),
        handler: "http_pool /n".into(),
        lane: Bytes::from(sender.clone()),
        message_id: format!("msg_{number}").into(),
        created,
        direction: Direction::In,
        sender: Bytes::from(sender),
        server: Bytes::from_static(b"localhost"),
        receiver: Bytes::from_static(b"bob"),
        kind: Kind::Form,
        text: Bytes::from(number.to_string().into_bytes()),
        extra: Bytes::new(),
    }
}

/// An engine that finds twelve notifications on disk, all handed over at this time, and gives up after so long.
fn start(path: &Path, endpoint: &EndpointHandle, created: i64, give_up_after: Duration) -> Bench {
    let url = endpoint.url("");
    let directory = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let disk = directory.open(&url, |_| {}).unwrap();
    for number in 0..12 {
        disk.append(record(number, created)).unwrap();
    }
    disk.close();
    drop((disk, directory));
    let bench = Bench::with(settings(path), Arc::default());
    bench.engine.open_host_type(HOST_TYPE);
    let mut policy = policy();
    policy.retry.as_mut().unwrap().give_up_after = give_up_after;
    bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/n", policy, None);
    bench.engine.open_spool(&url, true);
    bench.pool(options(url));
    bench
}

fn endpoint(plan: &str) -> EndpointHandle {
    test_endpoint(EndpointConfig {
        plan: plan.parse().unwrap(),
        max_records: 10_000,
        ..EndpointConfig::default()
    })
}

/// How many wait, and how many dead letters there are.
fn held(bench: &Bench) -> Option<(u64, u64)> {
    let spools = bench.engine.spools();
    let totals = spools.first()?.totals()?;
    Some((totals.waiting, totals.dead))
}

/// The clock was set back by an hour: nothing waits until it has caught up.
#[test]
fn what_was_handed_over_in_the_future_is_delivered_now() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint("");
    let ahead = spool::now_ms() + HOUR;
    let bench = start(path.path(), &endpoint, ahead, Duration::from_hours(72));
    until("all are delivered", || held(&bench) == Some((0, 0)));
    assert_eq!(endpoint.stats().received, 12);
}

/// And nothing is given up an hour later than it says: the time begins with the start.
#[test]
fn what_was_handed_over_in_the_future_is_given_up_in_time() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint("status=503");
    let ahead = spool::now_ms() + HOUR;
    let begin = Instant::now();
    let allowed = Duration::from_millis(500);
    let bench = start(path.path(), &endpoint, ahead, allowed);
    until("all are given up", || held(&bench) == Some((0, 12)));
    assert!(begin.elapsed() >= allowed, "{:?}", begin.elapsed());
}

/// A record whose time makes no sense, as a damaged file may have it, is older than all else: it is tried once.
#[test]
fn times_that_make_no_sense() {
    for created in [i64::MIN, i64::MAX] {
        let path = tempfile::tempdir().unwrap();
        let endpoint = endpoint("");
        let bench = start(path.path(), &endpoint, created, Duration::from_hours(72));
        until("all have ended", || {
            held(&bench).is_some_and(|(waiting, _)| waiting == 0)
        });
    }
}
