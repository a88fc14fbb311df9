#![allow(clippy::unwrap_used)]

mod follows;
mod queue;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use spool::{Admin, Directory, RowId, Settings};

use super::super::Accepted;
use super::super::sample::{handed_over, record};
use super::*;
use crate::engine::Engine;
use crate::spools::Wants;
use queue::{Queue, drain, nothing_waits, owner, spool_of};

/// A spool whose file holds a record.
fn spool(path: &std::path::Path) -> Arc<PoolSpool> {
    let directory = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let disk = directory.open("http_pool", |_| {}).unwrap();
    disk.append(record()).unwrap();
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
    type Follows = ();

    fn find(&self, _: &Record) -> Found {
        let (spool, asked) = (Arc::downgrade(&self.spool), Arc::clone(&self.asked));
        let wants = move || {
            // While this refill runs, the other pool's does not begin.
            let begins = spool.upgrade().is_some_and(|spool| spool.begin_refill());
            assert_eq!(begins, asked.fetch_add(1, Ordering::SeqCst) > 0);
        };
        self.spool.set_wants(Wants {
            pool: 1.into(),
            takes: Box::new(|| true),
            has_room: Box::new(|_| false),
            shares: Box::new(|_| Vec::new()),
            ask: Box::new(wants),
        });
        Found::Runs(Arc::clone(&self.handler))
    }

    fn holds_back(&self, _: &Handler) -> bool {
        false
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

/// Every second notification is of one lane, which is full in memory most of the time. It is read again as
/// its turn comes, and the rest of the file is not.
#[tokio::test]
async fn a_long_lane_does_not_have_the_others_read_again() {
    const ROWS: u32 = 6_000;
    let path = tempfile::tempdir().unwrap();
    let lane = |row: u32| match row % 2 {
        0 => "long".to_owned(),
        _ => format!("other{}", row % 601),
    };
    let spool = spool_of(path.path(), (0..ROWS).map(lane));
    let queue = Queue::new(2_000, 200);
    let delivered = drain(&spool, &queue, ROWS as usize, |_| true).await;
    for numbers in delivered.values() {
        assert!(
            numbers
                .iter()
                .copied()
                .eq(0..u32::try_from(numbers.len()).unwrap())
        );
    }
    let looked = queue.looked.load(Ordering::Relaxed);
    assert!(looked <= 3 * ROWS, "looked at {looked} records of {ROWS}");
    nothing_waits(&spool).await;
}

/// Twelve lanes are stuck, and each would fill a tenth of the queue. The others are delivered all the same.
#[tokio::test]
async fn lanes_that_are_stuck_leave_room_for_others() {
    let path = tempfile::tempdir().unwrap();
    let stuck = (0..12 * 1_500).map(|row| format!("stuck{}", row % 12));
    let others = (0..1_000).map(|row| format!("other{}", row % 100));
    let spool = spool_of(path.path(), stuck.chain(others));
    let queue = Queue::new(10_000, 1_000);
    let delivered = drain(&spool, &queue, 1_000, |lane| lane.starts_with(b"other")).await;
    assert!(
        delivered
            .values()
            .all(|numbers| numbers.iter().copied().eq(0..10))
    );
    // When they work again, all of theirs are delivered too.
    let delivered = drain(&spool, &queue, 12 * 1_500, |_| true).await;
    assert!(
        delivered
            .values()
            .all(|numbers| numbers.iter().copied().eq(0..1_500))
    );
    nothing_waits(&spool).await;
}

/// A handler is stuck, and there are more of its notifications than the queue holds. Those of another are delivered all
/// the same. Then the records of the first one are read once more, as there is room for them.
#[tokio::test]
async fn a_handler_that_is_stuck_leaves_room_for_another() {
    let (in_memory, looked) = stuck_beside_another(1, 6_000).await;
    assert_eq!(in_memory, 751);
    assert!(looked <= 8_000, "looked at {looked} records of 6,000");
}

/// The records of two that are stuck are far from each other: those in between are not read again and again.
#[tokio::test]
async fn two_handlers_that_are_stuck_leave_room_for_another() {
    let (in_memory, looked) = stuck_beside_another(2, 4_000).await;
    assert!(in_memory < 1_000, "{in_memory}");
    assert!(looked <= 12_000, "looked at {looked} records of 8,000");
}

/// Handlers are stuck with so many records each, one after the other in the file, until those of another are delivered.
/// Returns how many of theirs are in memory then, and how many records are looked at to deliver them.
async fn stuck_beside_another(stuck: usize, records: u32) -> (usize, u32) {
    const OTHERS: u32 = 600;
    let path = tempfile::tempdir().unwrap();
    let lanes = |handler| move |row| lane_of(handler, row);
    let theirs = (0..stuck).flat_map(|handler| (0..records).map(lanes(handler)));
    let others = (0..OTHERS).map(lanes(stuck));
    let spool = spool_of(path.path(), theirs.chain(others));
    let queue = Queue::new(1_000, 1_000);
    let delivered = drain(&spool, &queue, OTHERS as usize, |lane| owner(lane) == stuck).await;
    assert!(delivered.values().all(|numbers| ordered(numbers)));
    let in_memory = (0..stuck).map(|handler| queue.of(handler)).sum();
    let before = queue.looked.load(Ordering::Relaxed);
    let delivered = drain(&spool, &queue, stuck * records as usize, |_| true).await;
    assert!(delivered.values().all(|numbers| ordered(numbers)));
    nothing_waits(&spool).await;
    (in_memory, queue.looked.load(Ordering::Relaxed) - before)
}

/// One of sixty lanes of a handler.
fn lane_of(handler: usize, row: u32) -> String {
    let mut lanes = (0..).map(|more| format!("lane{}", row % 60 + 64 * more));
    lanes
        .find(|lane| owner(lane.as_bytes()) == handler)
        .unwrap()
}

fn ordered(numbers: &[u32]) -> bool {
    numbers.is_sorted_by(|before, next| before + 1 == *next)
}

/// Lanes of all lengths of three handlers, a queue of any size, lanes that are stuck for a while, and notifications that
/// leave memory without an outcome: each is delivered once, each lane in its order.
#[tokio::test]
async fn whatever_happens_each_lane_is_in_order() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let path = tempfile::tempdir().unwrap();
        let (rows, lanes) = (random.u32(100..1_500), random.u32(1..40));
        // Low numbers come more often: some lanes are long.
        let lane = |_| format!("lane{}", random.u32(0..lanes).min(random.u32(0..lanes)));
        let all: Vec<String> = (0..rows).map(lane).collect();
        let spool = spool_of(path.path(), all.into_iter());
        let queue = Queue::new(random.usize(1..300), random.usize(1..60));
        queue.attach(&spool);
        let mut delivered = BTreeMap::<Vec<u8>, Vec<u32>>::new();
        let mut left = rows;
        while left > 0 {
            spool.look_for_room();
            if spool.is_low() || queue.is_asked() {
                refill(Arc::clone(&spool), Arc::clone(&queue)).await;
            }
            for rows in queue.lanes.lock().values_mut() {
                // As a pool that ends does it, or a host type that stops.
                if random.u8(..) < 4 {
                    rows.clear();
                }
                // As a pool does it before an attempt.
                while rows.front().is_some_and(|(row, _)| row.overtakes()) {
                    rows.pop_front();
                }
            }
            let stuck = random.u8(..);
            let some = queue.deliver(|lane| lane.last().map(|last| last & 7) != Some(stuck & 7));
            left -= u32::try_from(some.len()).unwrap();
            for (lane, number) in some {
                delivered.entry(lane).or_default().push(number);
            }
        }
        for (lane, numbers) in delivered {
            let expected = 0..u32::try_from(numbers.len()).unwrap();
            assert!(
                numbers.iter().copied().eq(expected),
                "seed {seed}: {lane:?}: {numbers:?}"
            );
        }
        nothing_waits(&spool).await;
    }
}

/// A host type opens while its records are being looked at: those behind stay behind, and so does what is handed over
/// before all is looked at again.
#[tokio::test]
async fn a_handler_that_comes_in_the_middle_of_a_lane() {
    let path = tempfile::tempdir().unwrap();
    let spool = spool_of(path.path(), (0..10).map(|_| "alice".to_owned()));
    let queue = Queue::new(100, 100);
    queue.runs_from.store(4, Ordering::Relaxed);
    refill(Arc::clone(&spool), Arc::clone(&queue)).await;
    assert_eq!(queue.looked.load(Ordering::Relaxed), 10);
    assert!(queue.deliver(|_| true).is_empty());
    let record = Record {
        text: Bytes::from_static(b"10"),
        ..record()
    };
    let push = |_: Option<Row>| panic!("others are before it");
    let accepted = spool.accept::<(), ()>(handed_over(record), Most::ANY, push, || ());
    assert!(matches!(accepted, Ok(Accepted::OnDisk)), "{accepted:?}");
    spool.look_again();
    let delivered = drain(&spool, &queue, 11, |_| true).await;
    assert!(delivered[&b"alice"[..]].iter().copied().eq(0..11));
    nothing_waits(&spool).await;
}

/// The same while the file cannot be opened.
#[tokio::test]
async fn a_handler_that_comes_in_the_middle_of_what_is_in_no_file() {
    let spool = Arc::new(PoolSpool::new("http_pool", Arc::default()));
    let hand_over = |number: u32| {
        let record = Record {
            text: Bytes::from(number.to_string().into_bytes()),
            ..record()
        };
        let push = |_: Option<Row>| panic!("others are before it");
        let accepted = spool.accept::<(), ()>(handed_over(record), Most::ANY, push, || ());
        assert!(matches!(accepted, Ok(Accepted::OnDisk)), "{accepted:?}");
    };
    (0..3).for_each(hand_over);
    spool.fails_to_open("no disk");
    let mut asked = 0;
    let mut came = Vec::new();
    let mut push = |record: &Packed| {
        asked += 1;
        if asked == 1 {
            return Err(NotIn::NoHandler);
        }
        came.push(record.unpack().unwrap().text);
        Ok(())
    };
    assert!(matches!(spool.bring_early(&mut push), Ok(false)));
    hand_over(3);
    assert!(matches!(spool.bring_early(&mut push), Ok(false)));
    spool.look_again();
    assert!(matches!(spool.bring_early(&mut push), Ok(false)));
    let texts: Vec<&[u8]> = came.iter().map(|text| &**text).collect();
    assert_eq!(texts, [b"0", b"1", b"2", b"3"]);
}

/// A queue that panics for some records: with what it was given, or after it has taken it.
struct Panics {
    queue: Arc<Queue>,
}

impl Finder for Panics {
    type Follows = ();

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
    ) -> Result<(), (Option<Row>, NotIn)> {
        assert_ne!(&*record.text, b"1", "with the row");
        let pushed = self.queue.push(record, notification, row, came);
        assert_ne!(&*record.text, b"3", "the row is in the queue");
        pushed
    }
}

#[test]
fn a_record_whose_way_in_panics_becomes_a_dead_letter_and_the_others_come_in() {
    let path = tempfile::tempdir().unwrap();
    let directory = Directory::take(path.path(), "one@localhost", Settings::default()).unwrap();
    let disk = directory.open("http_pool", |_| {}).unwrap();
    for number in 0..6 {
        disk.append(Record {
            text: Bytes::from(number.to_string()),
            ..record()
        })
        .unwrap();
    }
    disk.close();
    drop(disk);
    let spool = Arc::new(PoolSpool::new("http_pool", Arc::default()));
    spool.opened(directory.open("http_pool", |_| {}).unwrap());
    let queue = Queue::new(100, 100);
    let panics = Arc::new(Panics {
        queue: Arc::clone(&queue),
    });
    // On a thread of its own: a lock that is never given back would keep the test from its end.
    let brings = Arc::clone(&spool);
    let thread = thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(refill(brings, panics));
    });
    let begin = Instant::now();
    while !thread.is_finished() {
        assert!(begin.elapsed() < Duration::from_mins(1), "it hangs");
        thread::sleep(Duration::from_millis(1));
    }
    thread.join().unwrap();
    assert!(spool.begin_refill(), "another one can begin");
    let mut numbers = Vec::new();
    loop {
        let delivered = queue.deliver(|_| true);
        if delivered.is_empty() {
            break;
        }
        numbers.extend(delivered.into_iter().map(|(_, number)| number));
    }
    assert_eq!(numbers, [0, 2, 3, 4, 5]);
    spool.disk().unwrap().close();
    let totals = spool.totals().unwrap();
    assert_eq!((totals.waiting, totals.dead), (0, 1));
    let file = Directory::files(path.path()).unwrap().remove(0);
    let letters = Admin::open(&file).unwrap().status().unwrap().dead;
    assert_eq!(letters, [("internal_error".to_owned(), 1)]);
}
