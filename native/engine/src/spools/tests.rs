//! What waits for a file that is not open when the engine stops, and panics while a notification is handed over.
#![allow(clippy::unwrap_used)]

mod opening;

use std::mem;
use std::path::Path;
use std::sync::Barrier;

use http::StatusCode;
use spool::{Admin, History, RowId, Selection};

use super::sample::{handed_over, record};
use super::*;

fn settings(path: &Path) -> SpoolSettings {
    SpoolSettings {
        directory: path.to_owned(),
        node: "one@localhost".to_owned(),
        spool: Settings::default(),
        grace: GRACE,
    }
}

/// A spool whose file is open, in its directory, which has to live as long.
fn opened(path: &Path) -> (Directory, Arc<PoolSpool>) {
    let directory = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let spool = Arc::new(PoolSpool::new("http_pool", Arc::default()));
    spool.opened(directory.open("http_pool", |_| {}).unwrap());
    (directory, spool)
}

/// There is nothing on disk alone, so that what comes goes into the queue.
fn all_is_read(spool: &PoolSpool) {
    while let Some(from) = spool.begin_to_read() {
        spool.is_done(from, spool.disk().unwrap().next());
    }
}

/// Accepts a notification before the file is open, and stops.
fn stop_with_one(path: &Path) -> Arc<Notices> {
    let settings = settings(path);
    let notices = Arc::new(Notices::default());
    let spools = Spools::new(Some(settings), Handlers::default(), Arc::clone(&notices));
    let pool = spools.known("http_pool");
    let queue = |row| Err::<(), _>((row, NotTaken::Other("no queue is asked")));
    let accepted = pool.accept(handed_over(record()), Most::ANY, queue, || "the bound");
    assert!(matches!(accepted, Ok(Accepted::OnDisk)), "{accepted:?}");
    spools.close();
    notices
}

#[test]
fn it_is_on_disk_after_the_stop() {
    let path = tempfile::tempdir().unwrap();
    stop_with_one(path.path());
    let directory = Directory::take(path.path(), "one@localhost", Settings::default()).unwrap();
    let disk = directory.open("http_pool", |_| {}).unwrap();
    assert_eq!(disk.totals().waiting, 1);
}

#[test]
fn a_file_that_no_handler_uses_is_said_once() {
    let path = tempfile::tempdir().unwrap();
    stop_with_one(path.path());
    let notices = Arc::new(Notices::default());
    let spools = Spools::new(
        Some(settings(path.path())),
        Handlers::default(),
        Arc::clone(&notices),
    );
    // It is none of those that hold nothing.
    let node = Directory::take(path.path(), "one@localhost", Settings::default()).unwrap();
    node.open("empty", |_| {}).unwrap().close();
    drop(node);
    for expected in [1, 0] {
        spools.look_for_unused();
        let told = notices.take();
        assert_eq!(told.len(), expected, "{told:?}");
        assert!(
            told.iter()
                .all(|notice| notice.kind == NoticeKind::SpoolUnused)
        );
    }
}

/// Another node has the directory.
#[test]
fn if_there_can_be_no_file_a_notice_says_what_is_lost() {
    let path = tempfile::tempdir().unwrap();
    let _taken = Directory::take(path.path(), "two@localhost", Settings::default()).unwrap();
    let notices = stop_with_one(path.path());
    let told = notices.take();
    let texts: Vec<_> = told.iter().map(|notice| &*notice.text).collect();
    let says = |text: &&str| text.ends_with("lost with the engine: 1");
    assert!(texts.iter().any(says), "{texts:?}");
}

/// The thread that opens the file attaches the pools that it has found before, perhaps after their successors have come.
#[test]
fn records_come_into_the_pool_that_came_last_as_long_as_it_takes_them() {
    let path = tempfile::tempdir().unwrap();
    let (_directory, spool) = opened(path.path());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let second_takes = Arc::new(AtomicBool::new(true));
    let attach = |pool: u32, takes: Arc<AtomicBool>| {
        let asked = Arc::clone(&asked);
        spool.set_wants(Wants {
            pool: pool.into(),
            takes: Box::new(move || takes.load(Ordering::Relaxed)),
            has_room: Box::new(|_| false),
            shares: Box::new(|_| Vec::new()),
            ask: Box::new(move || asked.lock().push(pool)),
        });
    };
    let asks = || {
        asked.lock().clear();
        spool.look_again();
        mem::take(&mut *asked.lock())
    };
    attach(2, Arc::clone(&second_takes));
    attach(1, Arc::new(AtomicBool::new(true)));
    assert_eq!(asks(), [2]);
    // It has been stopped, and the one before it resumes.
    second_takes.store(false, Ordering::Relaxed);
    attach(1, Arc::new(AtomicBool::new(true)));
    assert_eq!(asks(), [1]);
    attach(3, Arc::new(AtomicBool::new(false)));
    assert_eq!(asks(), [1]);
}

/// An endpoint that is down has answered before, and most notifications are given up while they wait for it.
#[test]
fn a_notification_that_is_given_up_without_another_attempt_keeps_the_last_answer() {
    let path = tempfile::tempdir().unwrap();
    let (directory, spool) = opened(path.path());
    all_is_read(&spool);
    let (busy, gave_up): (Arc<str>, Arc<str>) = ("busy".into(), "not delivered in time".into());
    let timeout: Arc<str> = "no answer".into();
    // What the last of two attempts came to, and what the dead letter says of it.
    for (second, status, answer) in [
        (None, Some(503), "a busy endpoint"),
        (Some(&timeout), None, ""),
    ] {
        let mut row = None;
        let queue = |given: Option<Row>| {
            row = given;
            Ok::<(), (_, NotTaken<()>)>(())
        };
        let accepted = spool.accept(handed_over(record()), Most::ANY, queue, || ());
        assert!(matches!(accepted, Ok(Accepted::InMemory(()))));
        let mut kept = Kept::new(row.unwrap(), History::default());
        kept.note_answer(b"a busy endpoint");
        kept.note(1, Some(StatusCode::SERVICE_UNAVAILABLE), &busy);
        if let Some(text) = second {
            kept.note(2, None, text);
        }
        let attempts = if second.is_some() { 2 } else { 1 };
        kept.note(attempts, None, &gave_up);
        kept.buried("gave_up");
        spool.disk().unwrap().close();
        let admin = Admin::open(&path.path().join("http_pool.sqlite3")).unwrap();
        let letters = admin.dead_letters(&Selection::All, RowId(0), 10).unwrap();
        let history = &letters.last().unwrap().loaded.history;
        assert_eq!((history.attempts, history.status), (attempts, status));
        assert_eq!((&*history.answer, &*history.error), (answer, &*gave_up));
        spool.opened(directory.open("http_pool", |_| {}).unwrap());
        all_is_read(&spool);
    }
}

/// The queue panics with the notification that it was given, or after it has taken it. The window is locked then.
#[test]
fn a_panic_of_the_queue_keeps_no_lock_and_no_record_that_it_does_not_hold() {
    let path = tempfile::tempdir().unwrap();
    let (_directory, spool) = opened(path.path());
    all_is_read(&spool);
    let queue: Arc<Mutex<Vec<Row>>> = Arc::default();
    // On a thread of its own: a lock that is never given back would keep the test from its end.
    let push = |takes: bool, panics: bool| {
        let (spool, queue) = (Arc::clone(&spool), Arc::clone(&queue));
        let session = thread::spawn(move || {
            let push = |row: Option<Row>| {
                let row = row.unwrap();
                if takes {
                    queue.lock().push(row);
                }
                assert!(!panics, "the queue panics");
                Ok::<(), (_, NotTaken<()>)>(())
            };
            spool
                .accept(handed_over(record()), Most::ANY, push, || ())
                .unwrap()
        });
        let begin = Instant::now();
        while !session.is_finished() {
            assert!(begin.elapsed() < Duration::from_mins(1), "the call hangs");
            thread::sleep(Duration::from_millis(1));
        }
        session.join().is_ok()
    };
    assert!(push(true, false));
    assert!(!push(false, true));
    assert!(!push(true, true));
    assert!(push(true, false));
    let rows: Vec<_> = queue.lock().drain(..).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(spool.window().in_memory.len(), 3);
    for row in rows {
        row.delivered();
    }
    assert_eq!(spool.window().in_memory.len(), 0);
    spool.disk().unwrap().close();
    assert_eq!(spool.totals().unwrap().waiting, 0);
    assert!(spool.begin_to_read().is_none(), "nothing is to come in");
}

/// A handler that was stopped comes back while a session hands over: what was skipped meanwhile is before it, so it does
/// not go into the queue directly, at whatever moment of that it gets the lock.
#[test]
fn what_is_handed_over_while_a_handler_comes_back_stays_behind_what_was_skipped() {
    let path = tempfile::tempdir().unwrap();
    let (_directory, spool) = opened(path.path());
    for _ in 0..3 {
        let held = {
            let mut window = spool.window();
            window
                .stopped
                .insert(HandlerHash::of(&record().host_type, &record().handler));
            // All that is on disk was looked at.
            window.spilled = false;
            // So the way back takes longer than the millisecond after which a lock goes to the thread that has waited
            // longest, instead of the one that comes first.
            window.parked.extend((0..50_000).map(|_| record().into()));
            window
        };
        let looks = {
            let spool = Arc::clone(&spool);
            thread::spawn(move || spool.look_again())
        };
        thread::sleep(Duration::from_millis(20));
        let session = {
            let spool = Arc::clone(&spool);
            thread::spawn(move || {
                let queue = |_: Option<Row>| panic!("it came before what was skipped");
                let accepted =
                    spool.accept::<(), ()>(handed_over(record()), Most::ANY, queue, || ());
                assert!(matches!(accepted, Ok(Accepted::OnDisk)), "{accepted:?}");
            })
        };
        thread::sleep(Duration::from_millis(20));
        // Both wait for the lock now, in this order.
        drop(held);
        looks.join().unwrap();
        session.join().unwrap();
        spool.window().early.clear();
    }
}

/// A notification leaves the queue while that is locked, as one does that a panic drops there, and a session that gets
/// the window meanwhile waits for the queue.
#[test]
fn what_leaves_under_the_lock_of_the_queue_does_not_wait_for_the_window() {
    let path = tempfile::tempdir().unwrap();
    let (_directory, spool) = opened(path.path());
    let queue: Arc<Mutex<Vec<Row>>> = Arc::default();
    for _ in 0..50_000 {
        let push = |row: Option<Row>| {
            queue.lock().extend(row);
            Ok::<(), (_, NotTaken<()>)>(())
        };
        spool
            .accept(handed_over(record()), Most::ANY, push, || ())
            .unwrap();
    }
    let (last, others) = {
        let mut rows = queue.lock();
        (rows.pop().unwrap(), mem::take(&mut *rows))
    };
    {
        // They are noted. To see to them takes longer than the millisecond after which a lock goes to the thread that
        // waits for it.
        let _held = spool.window.lock();
        drop(others);
    }
    let both = Arc::new(Barrier::new(2));
    let leaves = {
        let (queue, both) = (Arc::clone(&queue), Arc::clone(&both));
        thread::spawn(move || {
            let _locked = queue.lock();
            both.wait();
            drop(last);
        })
    };
    let session = {
        let spool = Arc::clone(&spool);
        thread::spawn(move || {
            both.wait();
            while !spool.window.is_locked() && !leaves.is_finished() {
                std::hint::spin_loop();
            }
            let window = spool.window();
            drop(queue.lock());
            drop(window);
            leaves.join().unwrap();
        })
    };
    let begin = Instant::now();
    while !session.is_finished() {
        let waits = begin.elapsed();
        assert!(waits < Duration::from_mins(1), "each waits for the other");
        thread::sleep(Duration::from_millis(1));
    }
    session.join().unwrap();
    assert_eq!(spool.window().in_memory.len(), 0);
}
