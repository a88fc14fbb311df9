//! What follows when a record has come in, such as waking a worker, is done after the window is unlocked.

use std::sync::atomic::AtomicBool;

use super::*;

/// What follows. It notes whether the window is locked then.
struct Follows {
    spool: Arc<PoolSpool>,
    done: Arc<AtomicU32>,
    locked: Arc<AtomicBool>,
}

impl Drop for Follows {
    fn drop(&mut self) {
        self.done.fetch_add(1, Ordering::SeqCst);
        if self.spool.window.try_lock().is_none() {
            self.locked.store(true, Ordering::SeqCst);
        }
    }
}

struct Takes {
    queue: Arc<Queue>,
    spool: Arc<PoolSpool>,
    done: Arc<AtomicU32>,
    locked: Arc<AtomicBool>,
}

impl Takes {
    fn new(spool: &Arc<PoolSpool>) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(100, 100),
            spool: Arc::clone(spool),
            done: Arc::default(),
            locked: Arc::default(),
        })
    }

    fn follows(&self) -> Follows {
        Follows {
            spool: Arc::clone(&self.spool),
            done: Arc::clone(&self.done),
            locked: Arc::clone(&self.locked),
        }
    }

    /// How many follow-ups ran. Fails if one ran while the window was locked.
    fn done(&self) -> u32 {
        assert!(!self.locked.load(Ordering::SeqCst), "the window was locked");
        self.done.load(Ordering::SeqCst)
    }
}

impl Finder for Takes {
    type Follows = Follows;

    fn find(&self, record: &Record) -> Found {
        self.queue.find(record)
    }

    fn holds_back(&self, _: &Handler) -> bool {
        false
    }

    fn push(
        &self,
        record: &Record,
        notification: Notification,
        row: Option<Row>,
        came: Came,
    ) -> Result<Follows, (Option<Row>, NotIn)> {
        // In no file.
        if row.is_some() {
            self.queue.push(record, notification, row, came)?;
        }
        Ok(self.follows())
    }
}

#[tokio::test]
async fn of_records_on_disk() {
    let path = tempfile::tempdir().unwrap();
    let spool = spool_of(path.path(), (0..3).map(|_| "alice".to_owned()));
    let takes = Takes::new(&spool);
    refill(Arc::clone(&spool), Arc::clone(&takes)).await;
    assert_eq!(takes.done(), 3);
    assert_eq!(takes.queue.deliver(|_| true).len(), 1);
}

#[tokio::test]
async fn of_records_in_no_file() {
    let spool = Arc::new(PoolSpool::new("http_pool", Arc::default()));
    for _ in 0..3 {
        let push = |_: Option<Row>| panic!("the file is being opened");
        let accepted = spool.accept::<(), ()>(handed_over(record()), Most::ANY, push, || ());
        assert!(matches!(accepted, Ok(Accepted::OnDisk)), "{accepted:?}");
    }
    spool.fails_to_open("no disk");
    let takes = Takes::new(&spool);
    refill(Arc::clone(&spool), Arc::clone(&takes)).await;
    assert_eq!(takes.done(), 3);
}
