#![allow(clippy::unwrap_used)]

use std::thread;

use bytes::Bytes;
use notification::Direction;
use parking_lot::{Condvar, Mutex};

use super::*;
use crate::record::{DeathReason, History, Kind, Record};

pub(super) fn append(id: i64) -> Change {
    let record = Record {
        host_type: "localhost".into(),
        handler: "http_pool /n".into(),
        lane: Bytes::from_static(b"alice"),
        message_id: format!("msg_{id}").into(),
        created: 0,
        direction: Direction::In,
        sender: Bytes::from_static(b"alice"),
        server: Bytes::from_static(b"localhost"),
        receiver: Bytes::from_static(b"bob"),
        kind: Kind::Form,
        text: Bytes::from_static(b"hello"),
        extra: Bytes::new(),
    };
    Change::Append(RowId(id), record.into())
}

fn postpone(id: i64, attempts: u32) -> Change {
    let history = History {
        attempts,
        ..History::default()
    };
    Change::Postpone(RowId(id), Box::new(history))
}

/// An endpoint that is down while the disk fails has each notification noted again and again.
#[test]
fn of_many_notes_about_one_record_the_last_is_kept() {
    let mut changes = vec![append(1), append(2), append(3)];
    for attempts in 1..=100 {
        changes.extend([postpone(1, attempts), postpone(2, attempts)]);
    }
    let reason = DeathReason("bad_status".to_owned());
    changes.push(Change::Bury(RowId(2), Box::default(), reason));
    changes.push(Change::Remove(RowId(3), 0));
    assert!(forget_what_ended(&mut changes) > 0);
    let [
        Change::Append(RowId(1), _),
        Change::Append(RowId(2), _),
        Change::Postpone(RowId(1), last),
        Change::Bury(RowId(2), ..),
    ] = &changes[..]
    else {
        panic!("{changes:?}");
    };
    assert_eq!(last.attempts, 100);
}

/// A commit that failed may be in the log all the same: the same changes are written again.
#[test]
fn a_record_that_is_there_already_is_counted_once() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.spool");
    let mut store = Store::open(&file, "http_pool", Settings::default(), &|_| ()).unwrap();
    store.write(&[append(1)], RowId(2)).unwrap();
    store.write(&[append(1), append(2)], RowId(3)).unwrap();
    let (totals, next) = store.totals().unwrap();
    assert_eq!((totals.waiting, next), (2, RowId(3)));
    assert_eq!(store.load(RowId(0), 10, u64::MAX).unwrap().len(), 2);
}

/// A removal waits, and a record comes before the wait is over.
#[test]
fn a_record_does_not_make_a_removal_wait_once_more() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.spool");
    let store = Store::open(&file, "http_pool", Settings::default(), &|_| ()).unwrap();
    let inbox = Inbox {
        changes: vec![Change::Remove(RowId(1), 0)],
        loads: Vec::new(),
        next: RowId(2),
        lazy: 1,
        urgent: false,
        at_once: false,
        asleep: false,
        closing: false,
        held: 0,
        coming: 0,
        unwritten: 0,
        totals: Totals::default(),
        reasons: Arc::default(),
    };
    let shared = Arc::new(Shared {
        inbox: Mutex::new(inbox),
        wake: Condvar::new(),
    });
    let place = (file, "http_pool", Settings::default());
    let mut writer = Writer::new(Arc::clone(&shared), store, Arc::new(|_| ()), place);
    let waits = thread::spawn(move || {
        writer.wait();
        writer.late.due()
    });
    while !shared.inbox.lock().asleep && !waits.is_finished() {
        thread::yield_now();
    }
    let waited = Instant::now();
    thread::sleep(COMPANY / 5);
    {
        let mut inbox = shared.inbox.lock();
        inbox.changes.push(append(2));
        inbox.urgent = true;
    }
    shared.wake.notify_one();
    let due = waits.join().unwrap();
    // None if the wait was over before the record came.
    assert!(due.is_none_or(|due| due <= waited + COMPANY), "{due:?}");
}
