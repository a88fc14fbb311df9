//! Outcomes and rejections reach a reporter, also after one has died.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::report::mailbox::{FIRST, Mailbox};
use loom::sync::Notify;
use loom::thread;
use notification::sync::Mutex;

use crate::model;

/// A mailbox for up to `reporters`, with work for another one once there are two items.
pub fn mailbox(reporters: usize) -> Arc<Mailbox<u8>> {
    let mailbox = Mailbox::new(reporters, 2, |_| 0, 0);
    mailbox.employ(reporters, |_| ());
    Arc::new(mailbox)
}

/// The reporter sleeps until it is called, and is called for everything.
#[test]
pub fn the_reporter_is_called() {
    model(Some(4), || {
        let mailbox = mailbox(1);
        let bell = Arc::new(Notify::new());
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let (mailbox, bell) = (Arc::clone(&mailbox), Arc::clone(&bell));
                thread::spawn(move || {
                    if mailbox.push(worker).is_some() {
                        bell.notify();
                    }
                })
            })
            .collect();
        let mut acknowledged = Vec::new();
        while acknowledged.len() < 2 {
            let batch = mailbox.take(FIRST, 1, |item| acknowledged.push(item), |_| ());
            if batch.is_empty() && acknowledged.len() < 2 {
                bell.wait();
            }
            for () in batch {
                mailbox.counted(FIRST);
            }
        }
        assert!(mailbox.is_empty());
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// Two reporters, of which one is called for a backlog only: together they acknowledge everything once.
#[test]
pub fn two_reporters_share_a_backlog() {
    const ALL: usize = 3;
    model(Some(2), || {
        let mailbox = mailbox(2);
        let bells: Arc<[Notify; 2]> = Arc::new([Notify::new(), Notify::new()]);
        let acknowledged: Arc<Mutex<Vec<u8>>> = Arc::default();
        let report = {
            let (mailbox, bells) = (Arc::clone(&mailbox), Arc::clone(&bells));
            let acknowledged = Arc::clone(&acknowledged);
            move |reporter: usize| {
                loop {
                    let done = |item| acknowledged.lock().push(item);
                    let batch = mailbox.take(reporter, 2, done, |_| ());
                    for () in &batch {
                        mailbox.counted(reporter);
                    }
                    if acknowledged.lock().len() == ALL {
                        return bells.iter().for_each(Notify::notify);
                    }
                    if batch.is_empty() {
                        bells[reporter].wait();
                    }
                }
            }
        };
        let second = {
            let report = report.clone();
            thread::spawn(move || report(1))
        };
        let worker = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for item in 0..3 {
                    if let Some(reporter) = mailbox.push(item) {
                        bells[reporter].notify();
                    }
                }
            })
        };
        report(FIRST);
        worker.join().unwrap();
        second.join().unwrap();
        assert!(mailbox.is_empty());
        let mut acknowledged = acknowledged.lock().clone();
        acknowledged.sort_unstable();
        assert_eq!(acknowledged, [0, 1, 2]);
    });
}

/// The same for what lies elsewhere, as rejections do: the first reporter looks there after the mailbox.
#[test]
pub fn the_reporter_is_called_for_rejections() {
    model(None, || {
        let mailbox = mailbox(1);
        let rows = Arc::new(Mutex::new(0));
        let bell = Arc::new(Notify::new());
        let session = {
            let (mailbox, rows) = (Arc::clone(&mailbox), Arc::clone(&rows));
            let bell = Arc::clone(&bell);
            thread::spawn(move || {
                *rows.lock() += 1;
                if mailbox.disarm() {
                    bell.notify();
                }
            })
        };
        loop {
            let batch = mailbox.take(FIRST, 1, drop, |_| ());
            assert!(batch.is_empty());
            if *rows.lock() == 1 {
                break;
            }
            bell.wait();
        }
        session.join().unwrap();
    });
}

/// A reporter, the first or another one, dies after it has counted one of two; nothing is lost, and nothing
/// comes twice but what it was counting. It has a successor, or the others get what it leaves.
#[test]
pub fn a_reporter_dies() {
    for (reporter, successor) in [(FIRST, true), (1, true), (1, false)] {
        model(None, move || a_reporter_dies_once(reporter, successor));
    }
}

pub fn a_reporter_dies_once(reporter: usize, successor: bool) {
    let mailbox = mailbox(reporter + 1);
    let worker = {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || {
            for item in 0..3 {
                let _ = mailbox.push(item);
            }
        })
    };
    let acknowledged = Arc::new(Mutex::new(VecDeque::new()));
    let dying = {
        let (mailbox, acknowledged) = (Arc::clone(&mailbox), Arc::clone(&acknowledged));
        thread::spawn(move || {
            let done = |item| acknowledged.lock().push_back(item);
            let batch = mailbox.take(reporter, 2, done, |item| *item);
            if !batch.is_empty() {
                mailbox.counted(reporter);
            }
            batch
        })
    };
    let seen = dying.join().unwrap();
    let done = |item| acknowledged.lock().push_back(item);
    if successor {
        mailbox.attach(reporter, done);
    } else {
        mailbox.employ(1, done);
    }
    let counted = usize::from(!seen.is_empty());
    assert_eq!(acknowledged.lock().len(), counted);
    worker.join().unwrap();
    let mut again = Vec::new();
    // What is too little for the second reporter is the first one's.
    for next in [reporter, FIRST] {
        loop {
            let batch = mailbox.take(next, 2, done, |item| *item);
            if batch.is_empty() {
                break;
            }
            again.extend(batch.iter().copied());
            for _ in batch {
                mailbox.counted(next);
            }
        }
    }
    let left = 3 - counted;
    assert_eq!(again.len(), left, "only what was not counted comes again");
    let mut acknowledged: Vec<u8> = acknowledged.lock().iter().copied().collect();
    if successor {
        assert!(acknowledged.is_sorted(), "{acknowledged:?}");
    }
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, [0, 1, 2]);
}
