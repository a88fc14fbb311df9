//! The thread that writes looks for records by itself while they keep coming.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Node, record, size, until};
use spool::{RowId, Settings};

/// From the begin of a transaction to that of the next one, if nothing else is asked of the thread.
const PACE: Duration = Duration::from_millis(10);
const RECORDS: u64 = 500;

#[test]
fn records_that_keep_coming_share_transactions() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let begin = Instant::now();
    for number in 0..RECORDS {
        spool.append(record(number, b"x")).unwrap();
        std::thread::sleep(Duration::from_micros(50));
    }
    until("all are written", || spool.totals().waiting == RECORDS);
    let commits = u128::from(spool.totals().commits);
    let most = begin.elapsed().as_nanos() / PACE.as_nanos() + 2;
    assert!(commits <= most, "{commits} of at most {most}");
}

/// How long removals wait for company.
const COMPANY: Duration = Duration::from_millis(50);

#[test]
fn removals_that_keep_coming_share_transactions() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let places: Vec<(RowId, u64)> = (0..RECORDS)
        .map(|number| {
            (
                spool.append(record(number, b"x")).unwrap(),
                size(number, b"x"),
            )
        })
        .collect();
    until("all are written", || spool.totals().waiting == RECORDS);
    let before = spool.totals().commits;
    let begin = Instant::now();
    for (place, size) in places {
        spool.remove(place, size);
        std::thread::sleep(Duration::from_micros(300));
    }
    until("all are removed", || spool.totals().waiting == 0);
    let commits = u128::from(spool.totals().commits - before);
    let most = begin.elapsed().as_nanos() / COMPANY.as_nanos() + 2;
    assert!(commits <= most, "{commits} of at most {most}");
}

/// It sleeps before each, and is woken.
#[test]
fn a_record_that_comes_alone_is_written() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    for number in 1..=5 {
        std::thread::sleep(Duration::from_millis(50));
        spool.append(record(number, b"x")).unwrap();
        until("it is written", || spool.totals().waiting == number);
    }
    assert_eq!(spool.totals().commits, 5);
}
