//! A pool without sockets: its queue under its lock, its workers and its alarm as threads of the model checker.

mod worker;

use std::sync::Arc;
use std::time::Duration;

use engine::pool::WorkerSignals;
use loom::sync::Notify;
use loom::thread;
use notification::policy::Rate;
use notification::sync::Mutex;
use notification::{FailureReason, HostTypeId};
use queue::{Batching, Core, GateId, GroupId, LaneLimits, Place, Rules, Step, WhenBusy};
use tokio::time::Instant;

pub const LIMITS: LaneLimits = LaneLimits {
    items: 10,
    cost: 10,
};

pub const CALL_TIMEOUT: Duration = Duration::from_secs(1);

pub const PAUSE: Duration = Duration::from_secs(1);

pub const BATCHING: Batching = Batching {
    items: 2,
    cost: 10,
    linger: PAUSE,
};

/// One at once, and then one in each second.
pub const RATE: Rate = Rate {
    per_second: 1,
    burst: 1,
};

pub type Item = (u8, u32);

/// A pool without sockets: its queue under its lock, its workers as threads.
pub struct Pool {
    pub core: Mutex<Core<Item, Arc<WorkerSignals>>>,
    pub signals: Mutex<Vec<Arc<WorkerSignals>>>,
    pub workers: Mutex<Vec<thread::JoinHandle<()>>>,
    /// In the order in which workers took them.
    pub started: Mutex<Vec<Item>>,
    pub ended: Mutex<Vec<Item>>,
    /// Rung when `awaited` items have ended.
    pub all: Notify,
    pub awaited: usize,
    pub how: How,
    pub group: GroupId,
    pub gate: GateId,
    /// Rings the alarm.
    pub bell: Notify,
    /// Items that were put back once.
    pub returned: Mutex<Vec<Item>>,
}

/// What workers do besides their work.
#[derive(Clone, Copy, PartialEq)]
pub enum How {
    /// They stay.
    Stay,
    /// A worker with nothing to do leaves, as it does when the peer closes its connection.
    Leave,
    /// Their endpoint is stalled: a request ends only when it is cancelled.
    Stall,
    /// The first attempt of each item fails: the item is put back, and its lane waits a second.
    Retry,
    /// The first attempt of each item fails: the gate of all lanes is closed for a second.
    Break,
    /// They take two items at once, for which the first waits a second.
    Batch,
    /// They stay, and the endpoint takes one item each second.
    Limit,
}

impl Pool {
    pub fn new(workers: usize, awaited: usize, how: How) -> Arc<Self> {
        let pool = Self::opening(awaited, how);
        let staff = pool.core.lock().open(rules(workers), ());
        assert_eq!((staff.workers, staff.timer), (0, None));
        pool
    }

    pub fn opening(awaited: usize, how: How) -> Arc<Self> {
        let mut core = Core::new(LIMITS);
        let gate = core.add_gate();
        let group = match how {
            How::Retry | How::Break => core.add_group(gate, None),
            How::Limit => core.add_group(GateId::default(), Some(RATE)),
            How::Batch => {
                let group = core.add_group(gate, None);
                core.set_batching(group, BATCHING);
                group
            }
            How::Stay | How::Leave | How::Stall => GroupId::default(),
        };
        Arc::new(Self {
            core: Mutex::new(core),
            signals: Mutex::default(),
            workers: Mutex::default(),
            started: Mutex::default(),
            ended: Mutex::default(),
            all: Notify::new(),
            awaited,
            how,
            group,
            gate,
            bell: Notify::new(),
            returned: Mutex::default(),
        })
    }

    pub fn push(self: &Arc<Self>, lane: u8, number: u32) -> bool {
        let item = (lane, number);
        let (pushed, left) = {
            let mut core = self.core.lock();
            let pushed = core.push(self.place(&[lane]), item, 1, Instant::now());
            (pushed, core.leftovers())
        };
        self.follow(left.alarm().into());
        let _ = left.free();
        match pushed {
            Ok(step) => {
                self.follow(step);
                true
            }
            Err(_) => false,
        }
    }

    /// Lanes of a pool whose deliveries fail are patient.
    pub fn place<'a>(&self, key: &'a [u8]) -> Place<'a> {
        Place {
            group: self.group,
            ..Place::expiring(key, HostTypeId::default())
        }
    }

    pub fn follow(self: &Arc<Self>, step: Step<Arc<WorkerSignals>>) {
        match step {
            Step::Wake(signals) => signals.wake(),
            Step::Start(()) => self.start(),
            Step::Alarm => {
                let pool = Arc::clone(self);
                let alarm = thread::spawn(move || pool.alarm());
                self.workers.lock().push(alarm);
            }
            Step::Ring => self.bell.notify(),
            // The tests that need a timer have one of their own.
            Step::Nothing | Step::Time(_) => {}
        }
    }

    pub fn start(self: &Arc<Self>) {
        let signals = Arc::new(WorkerSignals::default());
        self.signals.lock().push(Arc::clone(&signals));
        let pool = Arc::clone(self);
        let worker = thread::spawn(move || pool.work(&signals));
        self.workers.lock().push(worker);
    }

    /// As `alarm::run` does it, with a clock on which every pause is over.
    pub fn alarm(self: &Arc<Self>) {
        let mut now = Instant::now();
        loop {
            now += 2 * PAUSE;
            let due = self.core.lock().due(now, 1);
            due.steps.into_iter().for_each(|step| self.follow(step));
            match due.next {
                None if !due.hold => return,
                None => self.bell.wait(),
                Some(_) => {}
            }
        }
    }

    /// Until `awaited` items have ended.
    pub fn wait(&self) {
        while self.ended.lock().len() < self.awaited {
            self.all.wait();
        }
        assert_eq!(self.ended.lock().len(), self.awaited);
    }

    pub fn end(&self, item: Item) {
        let mut ended = self.ended.lock();
        ended.push(item);
        if ended.len() == self.awaited {
            self.all.notify();
        }
    }

    /// As `Pool::end` does it.
    pub fn close(self: &Arc<Self>) {
        let parked = self.core.lock().close();
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (items, next) = self.core.lock().purge(None, from, 2);
            for item in items {
                self.end(item);
            }
            cursor = next;
        }
        for signals in self.signals.lock().iter() {
            signals.cancel(None, FailureReason::Shutdown);
        }
        for signals in parked {
            signals.wake();
        }
        self.bell.notify();
    }

    /// All workers have gone; everything accepted has ended once, each lane in its order.
    pub fn assert_over(&self, accepted: usize) {
        loop {
            let worker = self.workers.lock().pop();
            match worker {
                Some(worker) => worker.join().unwrap(),
                None => break,
            }
        }
        let ended = self.ended.lock().clone();
        assert_eq!(ended.len(), accepted, "{ended:?}");
        let started = self.started.lock().clone();
        for lane in 0..4 {
            let numbers: Vec<u32> = of(lane, &started);
            assert!(numbers.is_sorted(), "lane {lane}: {numbers:?}");
        }
        let counts = self.core.lock().counts();
        assert_eq!(counts.accepted, accepted as u64, "{counts:?}");
        assert_eq!(counts.accepted, counts.sent + counts.failed, "{counts:?}");
        assert_eq!((counts.workers, counts.parked), (0, 0), "{counts:?}");
    }
}

pub fn of(lane: u8, items: &[Item]) -> Vec<u32> {
    let mine = items.iter().filter(|(of, _)| *of == lane);
    mine.map(|(_, number)| *number).collect()
}

pub fn rules(workers: usize) -> Rules {
    Rules {
        workers,
        when_busy: WhenBusy::Wait,
        max_waiting: None,
        call_timeout: CALL_TIMEOUT,
    }
}
