//! A disk that takes nothing for a while: another program has the file for longer than the spool waits for it.

use notification::{PushError, RejectReason};
use rusqlite::Connection;
use spool::Directory;
use transport::notices::NoticeKind;

use super::numbers;
use crate::support::spooled::{Node, endpoint, plan, room_for_twenty, settings};
use crate::support::until;

/// Nothing can be written as long as this has the file.
fn held(path: &std::path::Path) -> Connection {
    let file = Directory::files(path).unwrap().remove(0);
    let other = Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn deliveries_go_on_from_memory_and_nothing_is_delivered_twice() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let node = Node::start(settings(path.path()), &endpoint);
    let other = held(path.path());
    node.push_all(numbers(0..100));
    node.bench.outcomes(100);
    until("it is known that the disk fails", || node.totals().failing);
    node.push_all(numbers(100..200));
    node.bench.outcomes(200);
    other.execute_batch("ROLLBACK").unwrap();
    until("the disk works", || !node.totals().failing);
    node.push_all(numbers(200..300));
    node.bench.outcomes(300);
    until("nothing is on disk", || node.waiting() == 0);
    let arrived = endpoint.records_from(0);
    let arrived: Vec<_> = arrived.iter().map(super::message).collect();
    assert_eq!(arrived, numbers(0..300));
    node.bench.assert_conserved();
    let told = node.bench.engine.notices.take();
    let of_the_disk: Vec<_> = told
        .iter()
        .filter(|notice| notice.kind != NoticeKind::Warning)
        .map(|notice| notice.kind)
        .collect();
    assert_eq!(
        of_the_disk,
        [NoticeKind::SpoolFails, NoticeKind::SpoolWrites]
    );
}

/// What memory has no room for cannot be on a disk that fails.
#[test]
fn past_the_memory_s_bound_they_are_rejected() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(room_for_twenty(path.path()), &endpoint);
    let other = held(path.path());
    node.push("alice", "0000").unwrap();
    until("it is known that the disk fails", || node.totals().failing);
    node.push_all(numbers(1..20));
    for number in numbers(20..30) {
        let refused = node.push("alice", &number);
        assert_eq!(refused, Err(PushError::Rejected(RejectReason::QueueFull)));
    }
    node.assert_accounted();
    other.execute_batch("ROLLBACK").unwrap();
    until("the disk works", || !node.totals().failing);
    // Now the disk takes what memory does not.
    node.push_all(numbers(30..50));
    plan(&endpoint, "status=200");
    node.bench.outcomes(40);
    until("nothing is on disk", || node.waiting() == 0);
    let expected: Vec<_> = [numbers(0..20), numbers(30..50)].concat();
    assert_eq!(super::messages(&endpoint), expected);
    node.bench.assert_conserved();
}

/// The engine stops while the disk fails.
#[test]
fn a_stop_says_how_many_could_not_be_written() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    let _other = held(path.path());
    node.push_all(numbers(0..5));
    until("it is known that the disk fails", || node.totals().failing);
    node.bench.engine.stop();
    let told = node.bench.engine.notices.take();
    let texts: Vec<_> = told.iter().map(|notice| &*notice.text).collect();
    let says = |text: &&str| text.ends_with("lost with the engine: 5");
    assert!(texts.iter().any(says), "{texts:?}");
}
