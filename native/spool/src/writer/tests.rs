#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::thread;

use bytes::Bytes;
use notification::Direction;
use parking_lot::{Condvar, Mutex};

use super::*;
use crate::admin::{Admin, Selection};
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

/// A writer of an empty file, and what it says.
fn writer(file: PathBuf) -> (Writer, Arc<Mutex<Vec<Notice>>>) {
    let store = Store::open(&file, "http_pool", Settings::default(), &|_| ()).unwrap();
    let inbox = Inbox {
        changes: Vec::new(),
        loads: Vec::new(),
        next: RowId(1),
        lazy: 0,
        urgent: false,
        at_once: false,
        asleep: false,
        closing: false,
        held: 0,
        coming: 0,
        unwritten: 0,
        totals: Totals::default(),
        reasons: Arc::default(),
        lost: 0,
    };
    let shared = Arc::new(Shared {
        inbox: Mutex::new(inbox),
        wake: Condvar::new(),
    });
    let said = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&said);
    let tell = Arc::new(move |notice: Notice| tell.lock().push(notice));
    let place = (file, "http_pool", Settings::default());
    (Writer::new(shared, store, tell, place), said)
}

impl Writer {
    /// The first `letters` records come and are given up, and an operator asks for them.
    fn has_dead_letters(&mut self, letters: i64) {
        let reason = DeathReason("gave_up".to_owned());
        let bury = |id| Change::Bury(RowId(id), Box::default(), reason.clone());
        let changes = (1..=letters).flat_map(|id| [append(id), bury(id)]);
        self.unwritten.extend(changes);
        self.shared.inbox.lock().next = RowId(letters + 1);
        self.write();
        let mut admin = Admin::open(&self.file).unwrap();
        let asked = admin.retry(&Selection::All, |_| ()).unwrap();
        assert_eq!(i64::try_from(asked), Ok(letters));
    }

    fn looks_now(&mut self) {
        self.looked = Instant::now().checked_sub(LOOK).unwrap();
        self.look_around();
    }

    fn waiting(&self) -> u64 {
        self.shared.inbox.lock().totals.waiting
    }
}

/// What has come meanwhile is written between two looks.
#[test]
fn many_dead_letters_come_back_some_at_a_time() {
    let path = tempfile::tempdir().unwrap();
    let (mut writer, said) = writer(path.path().join("pool.spool"));
    writer.has_dead_letters(2500);
    writer.looks_now();
    assert_eq!((writer.waiting(), writer.come_back.is_some()), (1000, true));
    writer.look_around();
    assert_eq!((writer.waiting(), writer.come_back.is_some()), (2000, true));
    writer.look_around();
    assert_eq!((writer.waiting(), writer.come_back), (2500, None));
    let back = |first, records| Notice::BroughtBack {
        first: RowId(first),
        records,
    };
    let expected = [back(2501, 1000), back(3501, 1000), back(4501, 500)];
    assert_eq!(*said.lock(), expected);
}

/// Another program has the file for longer than the thread waits.
#[test]
fn dead_letters_that_could_not_come_back_come_back_later() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.spool");
    let (mut writer, said) = writer(file.clone());
    writer.has_dead_letters(1);
    let lock = rusqlite::Connection::open(&file).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer.looks_now();
    let expected =
        |notice: &Notice| matches!(notice, Notice::Fails { text } if text.contains("locked"));
    assert!(said.lock().iter().any(expected), "{:?}", said.lock());
    lock.execute_batch("ROLLBACK").unwrap();
    writer.trouble = None;
    assert!(writer.come_back.is_some());
    writer.come_back = Some(Instant::now());
    writer.look_around();
    assert_eq!((writer.waiting(), writer.come_back), (1, None));
}

/// A removal waits, and a record comes before the wait is over.
#[test]
fn a_record_does_not_make_a_removal_wait_once_more() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.spool");
    let (mut writer, _) = writer(file);
    let shared = Arc::clone(&writer.shared);
    {
        let mut inbox = shared.inbox.lock();
        inbox.changes.push(Change::Remove(RowId(1), 0));
        (inbox.next, inbox.lazy) = (RowId(2), 1);
    }
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
