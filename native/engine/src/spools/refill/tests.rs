#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};

use notification::Direction;
use spool::{Directory, Kind, RowId, Settings};

use super::*;
use crate::engine::Engine;

/// A spool whose file holds a record.
fn spool(path: &std::path::Path) -> Arc<PoolSpool> {
    let directory = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let disk = directory.open("http_pool", |_| {}).unwrap();
    disk.append(Record {
        host_type: "localhost".to_owned(),
        handler: "http_pool /n".to_owned(),
        lane: b"alice".to_vec(),
        message_id: "msg_1".to_owned(),
        created: 0,
        direction: Direction::In,
        sender: b"alice".to_vec(),
        server: b"localhost".to_vec(),
        receiver: b"bob".to_vec(),
        kind: Kind::Form,
        text: b"hello".to_vec(),
        extra: Vec::new(),
    })
    .unwrap();
    disk.close();
    drop(disk);
    let spool = Arc::new(PoolSpool::new("http_pool", Arc::default()));
    spool.opened(directory.open("http_pool", |_| {}).unwrap());
    spool
}

/// The way into a pool that is going. While it is asked, another pool comes.
struct Going {
    handler: Arc<Handler>,
    spool: Arc<PoolSpool>,
    asked: Arc<AtomicU32>,
}

impl Finder for Going {
    fn find(&self, _: &Record) -> Found {
        let (spool, asked) = (Arc::downgrade(&self.spool), Arc::clone(&self.asked));
        let wants = move || {
            // While this refill runs, the other pool's does not begin.
            let begins = spool.upgrade().is_some_and(|spool| spool.begin_refill());
            assert_eq!(begins, asked.fetch_add(1, Ordering::SeqCst) > 0);
        };
        self.spool.set_wants(Arc::new(wants), || true);
        Found::Runs(Arc::clone(&self.handler))
    }

    fn push(
        &self,
        _: &Record,
        _: Notification,
        row: Option<Row>,
        _: Came,
    ) -> Result<(), (Option<Row>, NotIn)> {
        Err((row, NotIn::Closed))
    }
}

#[tokio::test]
async fn a_pool_that_comes_while_another_one_s_refill_runs_is_asked_again() {
    let path = tempfile::tempdir().unwrap();
    let spool = spool(path.path());
    let asked = Arc::new(AtomicU32::new(0));
    let going = Going {
        handler: Engine::default().handler("localhost", "http_pool", "/n"),
        spool: Arc::clone(&spool),
        asked: Arc::clone(&asked),
    };
    refill(spool, Arc::new(going)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_reader_that_is_set_back_before_it_is_done_reads_on() {
    let path = tempfile::tempdir().unwrap();
    let spool = spool(path.path());
    let from = spool.begin_to_read().unwrap();
    let next = spool.disk().unwrap().next();
    spool.look_again();
    assert!(!spool.is_done(from, next));
    let from = spool.begin_to_read().unwrap();
    assert_eq!(from.after, RowId(0));
    assert!(spool.is_done(from, next));
    assert!(spool.begin_to_read().is_none());
}

/// What a host type gets while it opens goes behind what it has on disk.
#[test]
fn a_spool_that_is_held_is_never_done() {
    let path = tempfile::tempdir().unwrap();
    let spool = spool(path.path());
    let from = spool.begin_to_read().unwrap();
    let next = spool.disk().unwrap().next();
    spool.hold();
    assert!(!spool.is_done(from, next));
    spool.let_go();
    assert!(spool.is_done(from, next));
}
