//! The thread that writes panics. In a program of its own, because a fail point belongs to the whole process.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{LONG, Node, load, record};
use spool::{Notice, RowId, Settings};

#[test]
fn a_panic_of_the_thread_that_writes_costs_nothing() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    notification::fail_point::arm("spool", 1);
    let panicked = || spool.totals().errors > 0;
    let began = Instant::now();
    let mut appended = 0;
    while !panicked() && began.elapsed() < LONG {
        spool.append(record(appended, b"x")).unwrap();
        appended += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    let Notice::Fails { text } = node.notice() else {
        panic!("another notice");
    };
    assert!(text.contains("has panicked"), "{text}");
    assert_eq!(node.notice(), Notice::Writes);
    let found = load(&spool, RowId(0), 100_000).unwrap();
    assert_eq!(found.len() as u64, appended);
}
