//! A queue that tests fill from the disk and empty themselves, and spools for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ::queue::{Budget, Share};
use bytes::Bytes;
use parking_lot::Mutex;
use spool::{Directory, Settings};

use super::super::super::sample::record;
use super::super::*;
use crate::engine::Engine;
use crate::spools::{HandlerHash, Wants};

/// The rows and numbers of what waits in a lane.
type Waiting = VecDeque<(Row, u32)>;

/// A queue that holds so many notifications of three handlers, and so many of each lane. It delivers the first of each lane,
/// but of those that are stuck.
pub(super) struct Queue {
    handlers: [Arc<Handler>; 3],
    most: usize,
    most_of_a_lane: usize,
    pub(super) lanes: Mutex<BTreeMap<Vec<u8>, Waiting>>,
    /// How many records were looked at.
    pub(super) looked: AtomicU32,
    /// From which of them on the handlers run.
    pub(super) runs_from: AtomicU32,
    /// Whether the spool has something that may come in.
    asked: AtomicBool,
}

const PATHS: [&str; 3] = ["/n", "/m", "/o"];

/// Which handler's a lane is.
pub(super) fn owner(lane: &[u8]) -> usize {
    lane.iter().map(|byte| usize::from(*byte)).sum::<usize>() % PATHS.len()
}

impl Queue {
    pub(super) fn new(most: usize, most_of_a_lane: usize) -> Arc<Self> {
        Arc::new(Self {
            handlers: PATHS.map(|path| Engine::default().handler("localhost", "http_pool", path)),
            most,
            most_of_a_lane,
            lanes: Mutex::default(),
            looked: AtomicU32::new(0),
            runs_from: AtomicU32::new(0),
            asked: AtomicBool::new(false),
        })
    }

    /// The spool's records come in here.
    pub(super) fn attach(self: &Arc<Self>, spool: &PoolSpool) {
        let queues = [(); 3].map(|()| Arc::downgrade(self));
        let [all, one, asked] = queues.map(|queue| move || queue.upgrade().unwrap());
        spool.set_wants(Wants {
            pool: 1.into(),
            takes: Box::new(|| true),
            has_room: Box::new(move |parts| {
                let queue = all();
                queue.most - queue.len() >= queue.most.div_ceil(parts)
            }),
            shares: Box::new(move |handlers| {
                let queue = one();
                let hashes = queue
                    .handlers
                    .each_ref()
                    .map(|one| HandlerHash::of_handler(one));
                let share =
                    |handler: &HandlerHash| queue.share_of(|lane| hashes[owner(lane)] == *handler);
                handlers.iter().map(share).collect()
            }),
            ask: Box::new(move || asked().asked.store(true, Ordering::Relaxed)),
        });
    }

    /// Whether the spool has asked since the last call.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// How many of this handler it holds.
    pub(super) fn of(&self, handler: usize) -> usize {
        let lanes = self.lanes.lock();
        let its = lanes.iter().filter(|(lane, _)| owner(lane) == handler);
        its.map(|(_, rows)| rows.len()).sum()
    }

    fn len(&self) -> usize {
        self.lanes.lock().values().map(VecDeque::len).sum()
    }

    fn share_of(&self, is_its: impl Fn(&[u8]) -> bool) -> Share {
        let budget = Budget::new(self.most, usize::MAX);
        let mut part = 0;
        for (lane, rows) in self.lanes.lock().iter() {
            for _ in rows {
                assert!(budget.reserve(0));
                part += usize::from(is_its(lane));
            }
        }
        budget.share_of(part, 0)
    }

    /// Delivers the first one of each lane for which `works` holds: lane and number.
    pub(super) fn deliver(&self, works: impl Fn(&[u8]) -> bool) -> Vec<(Vec<u8>, u32)> {
        let mut first = Vec::new();
        for (lane, rows) in self.lanes.lock().iter_mut() {
            if works(lane) {
                first.extend(rows.pop_front().map(|row| (lane.clone(), row)));
            }
        }
        let delivered = first.into_iter().map(|(lane, (row, number))| {
            row.delivered();
            (lane, number)
        });
        delivered.collect()
    }
}

impl Finder for Queue {
    type Follows = ();

    fn find(&self, record: &Record) -> Found {
        let looked = self.looked.fetch_add(1, Ordering::Relaxed);
        if looked < self.runs_from.load(Ordering::Relaxed) {
            return Found::MayCome;
        }
        Found::Runs(Arc::clone(&self.handlers[owner(&record.lane)]))
    }

    fn holds_back(&self, handler: &Handler) -> bool {
        self.share_of(|lane| *handler.path == *PATHS[owner(lane)]) == Share::Large
    }

    fn push(
        &self,
        record: &Record,
        _: Notification,
        row: Option<Row>,
        _: Came,
    ) -> Result<(), (Option<Row>, NotIn)> {
        let mut lanes = self.lanes.lock();
        let all: usize = lanes.values().map(VecDeque::len).sum();
        let rows = lanes.entry(record.lane.to_vec()).or_default();
        if rows.len() >= self.most_of_a_lane {
            return Err((row, NotIn::LaneFull));
        }
        if all >= self.most {
            return Err((row, NotIn::Full));
        }
        let number = std::str::from_utf8(&record.text).unwrap().parse().unwrap();
        rows.push_back((row.unwrap(), number));
        Ok(())
    }
}

/// A spool that an earlier run has left with these lanes, in this order.
pub(super) fn spool_of(
    path: &std::path::Path,
    lanes: impl Iterator<Item = String>,
) -> Arc<PoolSpool> {
    let directory = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let disk = directory.open("http_pool", |_| {}).unwrap();
    let mut numbers = BTreeMap::<String, u32>::new();
    for lane in lanes {
        let number = numbers.entry(lane.clone()).or_default();
        let path = PATHS[owner(lane.as_bytes())];
        let record = Record {
            handler: format!("http_pool {path}").into(),
            lane: Bytes::from(lane.into_bytes()),
            text: Bytes::from(number.to_string().into_bytes()),
            ..record()
        };
        disk.append(record).unwrap();
        *number += 1;
    }
    disk.close();
    drop(disk);
    let spool = Arc::new(PoolSpool::new("http_pool", Arc::default()));
    spool.opened(directory.open("http_pool", |_| {}).unwrap());
    spool
}

/// Delivers until so many are delivered. Returns the numbers of each lane in their order.
pub(super) async fn drain(
    spool: &Arc<PoolSpool>,
    queue: &Arc<Queue>,
    count: usize,
    works: impl Fn(&[u8]) -> bool,
) -> BTreeMap<Vec<u8>, Vec<u32>> {
    queue.attach(spool);
    let mut delivered = BTreeMap::<Vec<u8>, Vec<u32>>::new();
    let mut left = count;
    while left > 0 {
        spool.look_for_room();
        if spool.is_low() || queue.is_asked() {
            refill(Arc::clone(spool), Arc::clone(queue)).await;
        }
        let some = queue.deliver(&works);
        assert!(!some.is_empty(), "{left} of {count} do not come in");
        left -= some.len();
        for (lane, number) in some {
            delivered.entry(lane).or_default().push(number);
        }
    }
    delivered
}

/// The thread that writes has removed all records.
pub(super) async fn nothing_waits(spool: &PoolSpool) {
    while spool.totals().unwrap().waiting > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
