//! Full queues, full lanes, a full spool, and what no queue can hold.

use std::time::Duration;

use engine::engine::EngineSettings;
use notification::{PushError, RejectReason};
use spool::{Admin, Directory};

use super::{messages, numbers};
use crate::support::spooled::{Node, endpoint, plan, policy, room_for_twenty, settings};
use crate::support::{HOST_TYPE, until};

#[test]
fn past_the_memory_s_bound_the_disk_takes_them_and_they_come_in_in_order() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(room_for_twenty(path.path()), &endpoint);
    node.push_all(numbers(0..500));
    let account = node.bench.counters();
    assert_eq!((account.accepted, account.rejected), (500, 0));
    assert!(account.on_disk >= 480, "{account:?}");
    node.assert_accounted();
    plan(&endpoint, "status=200");
    node.bench.outcomes(500);
    assert_eq!(messages(&endpoint), numbers(0..500));
    until("nothing is on disk", || node.waiting() == 0);
    assert_eq!(node.bench.counters().on_disk, 0);
    // And memory is used again.
    node.push("alice", "last").unwrap();
    node.bench.outcomes(501);
    node.bench.assert_conserved();
}

/// The queue is full of notifications that are on no disk: none of those on disk is in it, whose end would bring in others.
#[test]
fn what_others_leave_no_room_for_comes_in_when_they_have_ended() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let node = Node::start(room_for_twenty(path.path()), &endpoint);
    let (max, give_up_after) = (Duration::from_millis(20), Duration::from_hours(1));
    let others = node.bench.patient("/others", max, give_up_after);
    // After a handler has come, the disk is read, and until that is over all go to the disk.
    let mut sent = 0;
    until("memory takes them again", || {
        node.push("bob", "x").unwrap();
        let in_memory = node.bench.counters().on_disk == 0;
        sent += 1;
        node.bench.outcomes(sent);
        in_memory
    });
    plan(&endpoint, "status=503");
    for number in 0..20 {
        let sender = format!("user{number}");
        let pushed = node.bench.push_text(node.pool, &others, &sender, b"x");
        pushed.unwrap();
    }
    node.push_all(numbers(0..3));
    assert_eq!(node.bench.counters().on_disk, 3);
    plan(&endpoint, "status=200");
    node.bench.outcomes(sent + 23);
    until("nothing is on disk", || node.waiting() == 0);
    assert_eq!(node.bench.counters().on_disk, 0);
    node.bench.assert_conserved();
}

/// The same while one that is on disk, and in memory, is tried again and again: its end brings nothing in for long.
#[test]
fn what_others_leave_no_room_for_comes_in_beside_one_that_is_tried_again() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(room_for_twenty(path.path()), &endpoint);
    let (max, give_up_after) = (Duration::from_millis(20), Duration::from_secs(2));
    let others = node.bench.patient("/others", max, give_up_after);
    node.push("alice", "stuck").unwrap();
    until("it is in memory", || node.bench.counters().on_disk == 0);
    for number in 0..19 {
        let sender = format!("user{number}");
        let pushed = node.bench.push_text(node.pool, &others, &sender, b"x");
        pushed.unwrap();
    }
    for sender in ["bob", "carol", "dave"] {
        node.push(sender, "waits").unwrap();
    }
    // Those of the others are given up.
    node.bench.outcomes(19);
    until("all are in memory", || node.bench.counters().on_disk == 0);
    assert_eq!(node.waiting(), 4);
    plan(&endpoint, "status=200");
    node.bench.outcomes(19 + 4);
    until("nothing is on disk", || node.waiting() == 0);
    node.bench.assert_conserved();
}

#[test]
fn a_full_spool_rejects_with_its_reason() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let mut small = settings(path.path());
    small.spools.as_mut().unwrap().spool.max_bytes = 1000;
    let node = Node::start(small, &endpoint);
    let mut accepted = 0;
    let refused = loop {
        match node.push("alice", "hello") {
            Ok(()) => accepted += 1,
            Err(refused) => break refused,
        }
    };
    assert!(accepted > 2, "{accepted}");
    assert_eq!(refused, PushError::Rejected(RejectReason::SpoolFull));
    let rows = node.bench.engine.rejections.list();
    let text = format!("{rows:?}");
    assert!(
        text.contains("of at most 1000 bytes (spool_max_bytes)"),
        "{text}"
    );
    node.assert_accounted();
}

#[test]
fn a_notification_that_no_queue_can_hold_is_rejected_and_holds_up_no_other() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    let small = EngineSettings {
        max_pending_bytes: 100_000,
        max_lane_percent: 50,
        ..settings(path.path())
    };
    let node = Node::start(small, &endpoint);
    let refused = node.push("alice", &"x".repeat(60_000)).unwrap_err();
    assert_eq!(refused, PushError::Rejected(RejectReason::TooLarge));
    node.push("bob", "hello").unwrap();
    node.bench.outcomes(1);
    until("nothing is on disk", || node.waiting() == 0);
    let text = format!("{:?}", node.bench.engine.rejections.list());
    assert!(text.contains("max_pending_bytes"), "{text}");
    node.assert_accounted();
}

/// What is on disk takes a little more memory when it comes in again.
#[test]
fn what_is_accepted_with_nearly_all_that_a_lane_may_hold_is_delivered() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let small = EngineSettings {
        max_pending_bytes: 100_000,
        max_lane_percent: 50,
        ..settings(path.path())
    };
    let node = Node::start(small, &endpoint);
    let texts = (0..).map(|more| "x".repeat(48_000 + 16 * more));
    let accepted = texts
        .take_while(|text| node.push("alice", text).is_ok())
        .count();
    assert!(accepted > 10 && node.bench.counters().on_disk > 0);
    plan(&endpoint, "status=200");
    node.bench.outcomes(accepted);
    until("nothing waits on disk", || node.waiting() == 0);
    assert_eq!(messages(&endpoint).len(), accepted);
    assert_eq!(node.bench.counters().on_disk, 0);
    node.assert_accounted();
}

#[test]
fn what_no_queue_can_hold_after_a_start_with_smaller_bounds_becomes_a_dead_letter() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", &"x".repeat(60_000)).unwrap();
    node.push("bob", "hello").unwrap();
    drop(node);

    plan(&endpoint, "status=200");
    let small = EngineSettings {
        max_pending_bytes: 100_000,
        max_lane_percent: 50,
        ..settings(path.path())
    };
    let node = Node::start(small, &endpoint);
    node.bench.outcomes(1);
    until("nothing waits on disk", || node.waiting() == 0);
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let dead = admin.status().unwrap().dead;
    assert_eq!(dead, [("too_large".to_owned(), 1)]);
    node.assert_accounted();
}

/// One lane has all that it may have in memory, and its endpoint refuses it.
#[test]
fn a_lane_that_is_full_holds_up_no_other() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    endpoint
        .set_plan_for("/stuck", "status=503".parse().unwrap())
        .unwrap();
    let few = EngineSettings {
        max_pending: 100,
        max_lane_percent: 10,
        ..settings(path.path())
    };
    let node = Node::start(few, &endpoint);
    let stuck = node
        .bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/stuck", policy(), None);
    for text in numbers(0..30) {
        let text = text.as_bytes();
        node.bench
            .push_text(node.pool, &stuck, "alice", text)
            .unwrap();
    }
    for text in numbers(100..300) {
        node.push("bob", &text).unwrap();
        node.push("carol", &text).unwrap();
    }
    node.bench.outcomes(400);
    assert_eq!(node.bench.counters().on_disk, 20);
    endpoint
        .set_plan_for("/stuck", "status=200".parse().unwrap())
        .unwrap();
    node.bench.outcomes(430);
    let arrived = messages(&endpoint);
    let stuck: Vec<_> = arrived
        .into_iter()
        .filter(|message| **message < *"0100")
        .collect();
    assert_eq!(stuck, numbers(0..30));
    node.bench.assert_conserved();
}
