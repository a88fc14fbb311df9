//! The queue and the model side by side: what happens, happens to both.

mod agreement;
mod batches;
mod clocks;
mod endings;
mod pushes;
mod workers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use notification::HostTypeId;
use queue::{Core, Gate, GateId, GroupId, Rules, Step, Taken, Ticket};
use tokio::time::Instant;

use crate::groups::{BATCHES, BATCHING, GATE_OF, GATES, GROUPS, LIMITED, LIMITS, RATE};
use crate::model::Model;
use crate::ops::{Op, Opening};

/// The state of a worker.
#[derive(Debug)]
pub enum Worker {
    /// Started or woken, and about to check for work.
    Coming,
    Parked,
    /// It collects the rest of a batch.
    Collecting(Held),
    Busy(Held),
    Reading,
}

pub type Item = (u8, u64);

/// The items that a worker or a batch has, in order, by number.
pub type Held = VecDeque<(u64, Ticket)>;

/// What the alarm does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alarm {
    Off,
    /// It sleeps until this time, which is past if it was rung.
    Until(Instant),
    /// It waits to be rung.
    Idle,
}

pub struct World {
    pub core: Core<Item, usize>,
    pub groups: [GroupId; GROUPS],
    pub gates: [GateId; GATES],
    /// The first items of batches of which some have ended.
    pub parts: BTreeSet<u64>,
    /// When the last item of each lane was handed over.
    pub last: BTreeMap<u8, Instant>,
    /// What batches that were put back have besides their first item, by its number.
    pub batches: BTreeMap<u64, Held>,
    pub model: Model,
    pub workers: BTreeMap<usize, Worker>,
    pub next_worker: usize,
    pub next_item: u64,
    pub now: Instant,
    pub rules: Rules,
    pub room: Option<usize>,
    pub timer: bool,
    /// The task that wakes lanes.
    pub alarm: Alarm,
    /// Whether lanes were held when it came last.
    pub alarm_saw_held: bool,
    /// The item that the timer took out and has not reported.
    pub expired: Option<Taken<Item>>,
    /// A purge that has not finished.
    pub purging: Option<(Option<HostTypeId>, usize, usize)>,
    /// Bytes reserved for lanes and not released.
    pub reserved: usize,
}

impl World {
    pub fn new(rules: Rules) -> Self {
        let mut core = Core::new(LIMITS);
        let gates = [GateId::default(), core.add_gate(), core.add_gate()];
        let mut groups = [GroupId::default(); GROUPS];
        for (group, gate) in groups.iter_mut().zip(GATE_OF).take(LIMITED).skip(1) {
            *group = core.add_group(gates[gate], None);
        }
        groups[LIMITED] = core.add_group(gates[GATE_OF[LIMITED]], Some(RATE));
        groups[BATCHES] = core.add_group(gates[GATE_OF[BATCHES]], None);
        core.set_batching(groups[BATCHES], BATCHING);
        Self {
            core,
            groups,
            gates,
            parts: BTreeSet::new(),
            last: BTreeMap::new(),
            batches: BTreeMap::new(),
            model: Model {
                free: RATE.burst as usize,
                ..Model::default()
            },
            workers: BTreeMap::new(),
            next_worker: 0,
            next_item: 0,
            now: Instant::now(),
            rules,
            room: Some(usize::MAX),
            timer: false,
            alarm: Alarm::Off,
            alarm_saw_held: false,
            expired: None,
            purging: None,
            reserved: 0,
        }
    }

    pub fn start(&mut self) {
        self.workers.insert(self.next_worker, Worker::Coming);
        self.next_worker += 1;
    }

    pub fn follow(&mut self, step: Step<usize>) {
        match step {
            Step::Nothing => {}
            Step::Start(()) => self.start(),
            Step::Wake(worker) => {
                let parked = self.workers.insert(worker, Worker::Coming);
                assert!(matches!(parked, Some(Worker::Parked)), "woke {parked:?}");
            }
            Step::Time(_) => {
                assert!(!self.timer, "two timers");
                self.timer = true;
            }
            Step::Alarm => {
                assert_eq!(self.alarm, Alarm::Off, "two alarms");
                self.alarm = Alarm::Until(self.now);
            }
            Step::Ring => {
                assert_ne!(self.alarm, Alarm::Off, "no alarm hears the ring");
                self.alarm = match self.alarm {
                    Alarm::Until(due) => Alarm::Until(due.min(self.now)),
                    _ => Alarm::Until(self.now),
                };
            }
        }
    }

    pub fn follow_all(&mut self, steps: impl IntoIterator<Item = Step<usize>>) {
        for step in steps {
            self.follow(step);
        }
    }

    pub fn apply(&mut self, op: Op) {
        match op {
            Op::Push { lane, cost, age } => self.push(lane, cost, age),
            Op::Collect(..) | Op::Part(_) | Op::Hurry(_) | Op::Crowd => self.apply_to_batches(op),
            Op::Look(nth) => {
                if let Some(id) = self.nth(nth, |worker| matches!(worker, Worker::Coming)) {
                    self.look(id);
                }
            }
            Op::FinishAndTake(nth, sent) => {
                if let Some((id, mut held)) = self.busy(nth) {
                    self.finish(&mut held, 1, sent);
                    let (number, ticket) = held.pop_front().unwrap();
                    self.model.end(number, sent);
                    let next = self.core.finish_and_take(ticket, sent, self.now);
                    self.model.release(number, self.now);
                    match next {
                        Some(taken) => self.took(id, taken),
                        // A real worker checks again, too.
                        None => self.look(id),
                    }
                }
            }
            Op::Finish(nth) => {
                if let Some((id, mut held)) = self.busy(nth) {
                    self.finish(&mut held, 0, true);
                    self.workers.insert(id, Worker::Reading);
                }
            }
            Op::BodyRead(nth) => {
                if let Some(id) = self.nth(nth, |worker| matches!(worker, Worker::Reading)) {
                    self.look(id);
                }
            }
            Op::Die(nth) => self.die(nth),
            Op::Idle(nth) => {
                if let Some(id) = self.nth(nth, |worker| matches!(worker, Worker::Parked)) {
                    assert!(self.core.unpark(|other| *other == id));
                    self.workers.remove(&id);
                }
            }
            Op::Wait(millis) => self.now += Duration::from_millis(millis),
            Op::Timer => self.run_timer(),
            Op::Expired => self.report_expired(),
            Op::PutBack(nth, millis, take) => self.put_back(nth, millis, take),
            Op::Gate(gate, opening) => {
                let state = match opening {
                    Opening::Open => Gate::Open,
                    Opening::One => Gate::One,
                    Opening::In(millis) => Gate::Until(self.now + Duration::from_millis(millis)),
                    Opening::Closed => Gate::Closed,
                };
                // Only an endpoint that has been asked is known to be down.
                if self.core.phase().rules().is_some() {
                    self.set_gate(gate, state);
                }
            }
            Op::Alarm(most) => self.run_alarm(most),
            Op::Overdue(divides, at_once) => self.give_up_overdue(divides, at_once),
            Op::Purge(host_type, at_once) => self.purge(host_type, at_once),
            Op::Open => {
                let staff = self.core.open(self.rules, ());
                (0..staff.workers).for_each(|_| self.start());
                assert!(staff.timer.is_none() || !self.timer, "two timers");
                self.timer |= staff.timer.is_some();
            }
            Op::FailToOpen => {
                if self.core.fail_to_open("no file".into()) {
                    self.purge_all();
                }
            }
            Op::Drain => {
                self.model.all_hurry = true;
                self.model.due = true;
                let steps = self.core.drain();
                self.follow_all(steps);
            }
            Op::Resume => {
                if self.core.resume() {
                    self.model.all_hurry = false;
                }
            }
            Op::Close => self.close(),
            Op::BeginHandOver => {
                let heir = self.core.hand_over(());
                assert_eq!(heir, self.core.phase().heir().copied());
            }
            Op::HandOver(room) => self.hand_over(room),
            Op::Room(room) => {
                self.room = room.map(|room| room.max(1));
                for step in self.core.set_room(room) {
                    assert!(matches!(step, Step::Wake(_) | Step::Start(())), "{step:?}");
                    self.follow(step);
                }
            }
        }
        self.check();
    }
}
