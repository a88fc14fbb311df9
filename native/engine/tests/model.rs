//! Every order in which threads can meet in the queue, the park, the reporter's mailbox and the
//! bounds, tried one after the other by loom. A wake-up that is lost in any of them is a deadlock
//! here, which loom reports with the order that led to it.
//!
//! `make model` is the whole of it. In `make test` no thread is interrupted more often than
//! `MODEL_PREEMPTIONS` says, which finds less and takes seconds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use engine::pool::WorkerSignals;
use engine::report::mailbox::{FIRST, Mailbox};
use loom::future::block_on;
use loom::sync::Notify;
use loom::thread;
use notification::policy::Rate;
use notification::sync::Mutex;
use notification::{FailureReason, HostTypeId};
use queue::{
    Batching, Budget, Companion, Core, Expiry, Gate, GateId, GroupId, LaneLimits, NotKept, Place,
    Rules, Step, Taken, Ticket, Turn, WhenBusy,
};
use tokio::time::Instant;

const LIMITS: LaneLimits = LaneLimits {
    items: 10,
    cost: 10,
};
const CALL_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(1);
const BATCHING: Batching = Batching {
    items: 2,
    cost: 10,
    linger: PAUSE,
};

/// One at once, and then one in each second.
const RATE: Rate = Rate {
    per_second: 1,
    burst: 1,
};

type Item = (u8, u32);

/// A pool without sockets: its queue under its lock, its workers as threads.
struct Pool {
    core: Mutex<Core<Item, Arc<WorkerSignals>>>,
    signals: Mutex<Vec<Arc<WorkerSignals>>>,
    workers: Mutex<Vec<thread::JoinHandle<()>>>,
    /// In the order in which workers took them.
    started: Mutex<Vec<Item>>,
    ended: Mutex<Vec<Item>>,
    /// Rung when `awaited` items have ended.
    all: Notify,
    awaited: usize,
    how: How,
    group: GroupId,
    gate: GateId,
    /// Rings the alarm.
    bell: Notify,
    /// Items that were put back once.
    returned: Mutex<Vec<Item>>,
}

/// What workers do besides their work.
#[derive(Clone, Copy, PartialEq)]
enum How {
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
    fn new(workers: usize, awaited: usize, how: How) -> Arc<Self> {
        let pool = Self::opening(awaited, how);
        let staff = pool.core.lock().open(rules(workers), ());
        assert_eq!((staff.workers, staff.timer), (0, None));
        pool
    }

    fn opening(awaited: usize, how: How) -> Arc<Self> {
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

    fn push(self: &Arc<Self>, lane: u8, number: u32) -> bool {
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
    fn place<'a>(&self, key: &'a [u8]) -> Place<'a> {
        Place {
            group: self.group,
            ..Place::expiring(key, HostTypeId::default())
        }
    }

    fn follow(self: &Arc<Self>, step: Step<Arc<WorkerSignals>>) {
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

    fn start(self: &Arc<Self>) {
        let signals = Arc::new(WorkerSignals::default());
        self.signals.lock().push(Arc::clone(&signals));
        let pool = Arc::clone(self);
        let worker = thread::spawn(move || pool.work(&signals));
        self.workers.lock().push(worker);
    }

    /// As `worker::run` does it.
    fn work(self: &Arc<Self>, signals: &Arc<WorkerSignals>) {
        loop {
            let turn = {
                let mut core = self.core.lock();
                let turn = core.take_or_park(Arc::clone(signals), Instant::now());
                let counts = core.counts();
                assert!(counts.parked <= counts.workers, "parked twice: {counts:?}");
                if let Turn::Work(_) = turn {
                    signals.begin(HostTypeId::default());
                }
                turn
            };
            match turn {
                Turn::Work(first) => {
                    let mut next = Some(first);
                    while let Some(taken) = next {
                        if self.how == How::Stall {
                            let reason = block_on(poll_fn(|cx| signals.poll_cancelled(cx)));
                            assert_eq!(reason, FailureReason::Shutdown);
                        }
                        if self.is_first_attempt(taken.item) {
                            next = self.postpone(signals, taken);
                            continue;
                        }
                        let others = self.collect(&taken);
                        self.started.lock().push(taken.item);
                        for other in others {
                            self.started.lock().push(other.item);
                            self.end(other.item);
                            self.finish(other.ticket);
                        }
                        self.end(taken.item);
                        if self.how == How::Break {
                            let steps = self.core.lock().set_gate(self.gate, Gate::Open);
                            for step in steps {
                                self.follow(step);
                            }
                        }
                        let mut core = self.core.lock();
                        next = core.finish_and_take(taken.ticket, true, Instant::now());
                        if next.is_some() {
                            signals.begin(HostTypeId::default());
                        }
                        let left = core.leftovers();
                        drop(core);
                        self.follow(left.alarm().into());
                        let _ = left.free();
                    }
                    signals.end();
                }
                Turn::Parked(step) => {
                    assert!(matches!(step, Step::Nothing), "{step:?}");
                    if self.how == How::Leave && !self.was_woken(signals) {
                        let me = |other: &Arc<WorkerSignals>| Arc::ptr_eq(other, signals);
                        if self.core.lock().unpark(me) {
                            return;
                        }
                        block_on(poll_fn(|cx| signals.poll_woken(cx)));
                    } else if self.how != How::Leave {
                        block_on(poll_fn(|cx| signals.poll_woken(cx)));
                    }
                }
                Turn::Leave => return,
            }
        }
    }

    /// As `InFlight::collect` does it, one item under each lock.
    fn collect(self: &Arc<Self>, lead: &Taken<Item>) -> Vec<Companion<Item>> {
        let (mut others, mut more) = (Vec::new(), lead.collects);
        while more {
            let (steps, left);
            {
                let mut core = self.core.lock();
                (more, steps) = core.collect(&lead.ticket, &mut others, 1, Instant::now());
                left = core.leftovers();
            }
            self.follow(left.alarm().into());
            let _ = left.free();
            for step in steps {
                self.follow(step);
            }
        }
        others
    }

    /// Releases the lane of an item that was taken together with another.
    fn finish(self: &Arc<Self>, ticket: Ticket) {
        let (step, left) = {
            let mut core = self.core.lock();
            let step = core.finish(ticket, true, Instant::now());
            (step, core.leftovers())
        };
        self.follow(left.alarm().into());
        let _ = left.free();
        self.follow(step);
    }

    fn is_first_attempt(&self, item: Item) -> bool {
        matches!(self.how, How::Retry | How::Break) && !self.returned.lock().contains(&item)
    }

    /// As `InFlight::put_back_and_take` does it. Returns the next item.
    fn postpone(
        self: &Arc<Self>,
        signals: &WorkerSignals,
        taken: Taken<Item>,
    ) -> Option<Taken<Item>> {
        let Taken { item, ticket, .. } = taken;
        self.returned.lock().push(item);
        let now = Instant::now();
        let later = now + PAUSE;
        if self.how == How::Break {
            let steps = self.core.lock().set_gate(self.gate, Gate::Until(later));
            for step in steps {
                self.follow(step);
            }
        }
        let until = (self.how == How::Retry).then_some(later);
        let kept = {
            let mut core = self.core.lock();
            let kept = core.put_back_and_take(ticket, item, 1, until, now);
            if let Ok((Some(_), _)) = kept {
                signals.begin(HostTypeId::default());
            }
            kept
        };
        match kept {
            Ok((next, step)) => {
                self.follow(step);
                next
            }
            Err(NotKept { item, ticket }) => {
                self.end(item);
                let step = self.core.lock().finish(ticket, false, now);
                self.follow(step);
                None
            }
        }
    }

    /// As `alarm::run` does it, with a clock on which every pause is over.
    fn alarm(self: &Arc<Self>) {
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

    #[allow(clippy::unused_self)]
    fn was_woken(&self, signals: &WorkerSignals) -> bool {
        block_on(poll_fn(|cx| Poll::Ready(signals.poll_woken(cx).is_ready())))
    }

    /// Until `awaited` items have ended.
    fn wait(&self) {
        while self.ended.lock().len() < self.awaited {
            self.all.wait();
        }
        assert_eq!(self.ended.lock().len(), self.awaited);
    }

    fn end(&self, item: Item) {
        let mut ended = self.ended.lock();
        ended.push(item);
        if ended.len() == self.awaited {
            self.all.notify();
        }
    }

    /// As `Pool::end` does it.
    fn close(self: &Arc<Self>) {
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
    fn assert_over(&self, accepted: usize) {
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

fn of(lane: u8, items: &[Item]) -> Vec<u32> {
    let mine = items.iter().filter(|(of, _)| *of == lane);
    mine.map(|(_, number)| *number).collect()
}

fn rules(workers: usize) -> Rules {
    Rules {
        workers,
        when_busy: WhenBusy::Wait,
        max_waiting: None,
        call_timeout: CALL_TIMEOUT,
    }
}

/// Tries every order, or if there are too many, those in which threads are interrupted a limited number of times.
fn model(preemptions: Option<usize>, check: impl Fn() + Send + Sync + 'static) {
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    let mut builder = loom::model::Builder::new();
    // Without the variable the builder has no bound of its own.
    let short = std::env::var("MODEL_PREEMPTIONS").map(|most| most.parse().unwrap());
    builder.preemption_bound = match (preemptions, short.ok()) {
        (Some(bound), Some(short)) => Some(usize::min(bound, short)),
        (bound, short) => bound.or(short),
    };
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        check();
    });
    println!("{} orders", tried.load(Ordering::Relaxed));
}

/// Two sessions push while the only worker comes, works, parks and is called again.
fn all_is_delivered(how: How) {
    model(Some(3), move || {
        let pool = Pool::new(1, 3, how);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.push(1, 1)))
        };
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        other.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

#[test]
fn no_wake_up_is_lost() {
    all_is_delivered(How::Stay);
}

#[test]
fn no_wake_up_is_lost_by_workers_that_leave() {
    // One session: a worker that leaves is followed by another, and loom has five threads at most.
    model(Some(5), || {
        let pool = Pool::new(1, 2, How::Leave);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
fn two_workers_share_the_lanes() {
    model(Some(2), || {
        let pool = Pool::new(2, 3, How::Stay);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        assert!(pool.push(0, 2));
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

#[test]
fn a_push_meets_the_end_of_its_pool() {
    model(None, || {
        let pool = Pool::new(1, 0, How::Stay);
        let session = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || usize::from(pool.push(0, 1)) + usize::from(pool.push(1, 1)))
        };
        pool.close();
        let accepted = session.join().unwrap();
        pool.assert_over(accepted);
    });
}

#[test]
fn what_is_in_flight_is_cancelled() {
    model(None, || {
        let pool = Pool::new(1, 0, How::Stall);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
fn settings_come_while_a_session_pushes() {
    model(Some(4), || {
        let pool = Pool::opening(2, How::Stay);
        let session = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                assert!(pool.push(0, 1));
                assert!(pool.push(1, 1));
            })
        };
        let staff = pool.core.lock().open(rules(1), ());
        (0..staff.workers).for_each(|_| pool.start());
        session.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
fn a_lane_goes_on_behind_an_expired_item() {
    model(Some(3), || {
        let pool = Pool::new(1, 3, How::Stay);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        assert!(pool.push(1, 2));
        let timer = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                // It looks once, when the time of whatever waits is over.
                let expiry = pool.core.lock().expire(Instant::now() + 2 * CALL_TIMEOUT);
                if let Expiry::Expired(taken) = expiry {
                    pool.end(taken.item);
                    let step = pool.core.lock().expired(taken.ticket, Instant::now());
                    pool.follow(step);
                }
            })
        };
        timer.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

/// Postponed lanes and held ones go on when their time has come, and no wake-up is lost: neither the
/// alarm's nor a worker's.
#[test]
fn what_was_postponed_goes_on() {
    for how in [How::Retry, How::Break] {
        model(Some(2), move || {
            let pool = Pool::new(1, 1, how);
            assert!(pool.push(0, 1));
            pool.wait();
            pool.close();
            pool.assert_over(1);
        });
        // More threads meet here, so fewer orders are tried.
        model(Some(1), move || {
            let pool = Pool::new(1, 2, how);
            assert!(pool.push(0, 1));
            assert!(pool.push(1, 1));
            pool.wait();
            pool.close();
            pool.assert_over(2);
        });
    }
}

/// What waits for a token is taken when there is one: no wake-up of the alarm is lost, whether the last token is
/// taken or the next lane comes first.
#[test]
fn what_waits_for_a_token_goes() {
    model(Some(2), || {
        let pool = Pool::new(1, 2, How::Limit);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
    // A lane that goes on waits for its next token; two workers.
    model(Some(1), || {
        let pool = Pool::new(2, 3, How::Limit);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        assert!(pool.push(1, 1));
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

/// What waits for company is taken with it, or when it has waited long enough: neither the alarm's wake-up nor
/// a worker's is lost, whichever comes while a batch is collected.
#[test]
fn what_waits_for_company_goes() {
    model(Some(3), || {
        let pool = Pool::new(1, 2, How::Batch);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
    // More threads meet here, so fewer orders are tried.
    model(Some(1), || {
        let pool = Pool::new(1, 2, How::Batch);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.push(1, 1)))
        };
        assert!(pool.push(0, 1));
        other.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
fn a_batch_is_collected_while_its_pool_ends() {
    model(Some(3), || {
        let pool = Pool::new(1, 0, How::Batch);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
fn an_item_is_put_back_while_its_pool_ends() {
    for how in [How::Retry, How::Break] {
        model(Some(3), move || {
            let pool = Pool::new(1, 0, how);
            assert!(pool.push(0, 1));
            assert!(pool.push(0, 2));
            pool.close();
            pool.assert_over(2);
        });
    }
}

#[test]
fn a_hand_over_meets_a_push() {
    model(None, || {
        let (from, to) = (Pool::opening(0, How::Stay), Pool::opening(0, How::Stay));
        assert!(from.push(0, 1));
        assert_eq!(from.core.lock().hand_over(()), Some(()));
        let session = {
            let (from, to) = (Arc::clone(&from), Arc::clone(&to));
            thread::spawn(move || {
                for number in [2, 3] {
                    // The heir of a pool that is handed over takes what comes for it.
                    assert!(from.push(0, number) || to.push(0, number));
                }
            })
        };
        loop {
            let mut core = from.core.lock();
            let Some((_, _, (lane, number))) = core.remove_next(Instant::now()) else {
                break;
            };
            assert!(to.push(lane, number));
        }
        session.join().unwrap();
        to.close();
        to.assert_over(3);
        assert_eq!(*to.ended.lock(), [(0, 1), (0, 2), (0, 3)]);
        from.assert_over(0);
    });
}

/// A mailbox for up to `reporters`, with work for another one once there are two items.
fn mailbox(reporters: usize) -> Arc<Mailbox<u8>> {
    let mailbox = Mailbox::new(reporters, 2, |_| 0, 0);
    mailbox.employ(reporters, |_| ());
    Arc::new(mailbox)
}

/// The reporter sleeps until it is called, and is called for everything.
#[test]
fn the_reporter_is_called() {
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
fn two_reporters_share_a_backlog() {
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
fn the_reporter_is_called_for_rejections() {
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
fn a_reporter_dies() {
    for (reporter, successor) in [(FIRST, true), (1, true), (1, false)] {
        model(None, move || a_reporter_dies_once(reporter, successor));
    }
}

fn a_reporter_dies_once(reporter: usize, successor: bool) {
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

#[test]
fn bounds_hold_and_refuse_nobody_else() {
    model(Some(3), || {
        let budget = Arc::new(Budget::new(2, 10));
        let threads: Vec<_> = [11, 6, 5]
            .into_iter()
            .map(|bytes| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || {
                    let reserved = budget.reserve(bytes);
                    let (items, used) = budget.used();
                    assert!(items <= 2 && used <= 10, "{items} items, {used} bytes");
                    reserved
                })
            })
            .collect();
        let reserved: Vec<bool> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(!reserved[0]);
        assert!(reserved[1] != reserved[2], "one of them fits: {reserved:?}");
        budget.release(if reserved[1] { 6 } else { 5 });
        assert_eq!(budget.used(), (0, 0));
    });
}
