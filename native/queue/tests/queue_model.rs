//! The queue of a pool against a small model. Items are pushed, taken, finished, expired, postponed, held
//! by gates, purged, drained and handed over in random order, by workers that start, idle, die and leave.
//!
//! The model says whose turn it is and how every item has ended. After every step the test compares it
//! with the queue's own counts, and checks that waiting work has a worker on its way. The test controls
//! time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use notification::policy::Rate;
use notification::{HostTypeId, PushError, Refused, RejectReason};
use proptest::prelude::*;
use queue::{
    Core, Expiry, Gate, GateId, GroupId, LaneLimits, Lanes, NotKept, Phase, Place, Rules, Step,
    Taken, Ticket, Turn, WhenBusy,
};
use tokio::time::Instant;

const LIMITS: LaneLimits = LaneLimits {
    items: 4,
    cost: 100,
};

#[derive(Clone, Copy, Debug)]
enum Op {
    Push {
        lane: u8,
        cost: usize,
    },
    /// A worker that was started or woken checks for work.
    Look(usize),
    /// A worker's notification has its outcome, and the worker takes the next one.
    FinishAndTake(usize, bool),
    /// A worker's notification has its outcome, and the worker is still busy with the response body.
    Finish(usize),
    /// A worker has read the body, or starts again after a panic.
    BodyRead(usize),
    /// A worker's task ends, in whatever state.
    Die(usize),
    /// A parked worker reaches its idle time.
    Idle(usize),
    /// Time passes.
    Wait(u64),
    /// The expiry timer fires, if it is running.
    Timer,
    /// The outcome of the expired item is reported.
    Expired,
    /// A worker puts its notification back, for some time or until its gate opens; it takes the next one or
    /// goes on with the response body.
    PutBack(usize, Option<u64>, bool),
    /// A gate of patient groups is set.
    Gate(usize, Opening),
    /// The alarm comes, on time or not, and wakes at most so many lanes.
    Alarm(usize),
    /// Items in held lanes are given up: those whose number this divides.
    Overdue(u64, usize),
    Purge(Option<HostTypeId>, usize),
    Open,
    FailToOpen,
    Drain,
    Resume,
    Close,
    /// Another pool is to take this one's place.
    BeginHandOver,
    /// A waiting item is handed to that pool, which has room for it or not.
    HandOver(bool),
    /// The endpoint says how many requests it accepts at once; `None` means a different endpoint, which
    /// has not said.
    Room(Option<usize>),
}

/// What a gate is set to.
#[derive(Clone, Copy, Debug)]
enum Opening {
    Open,
    One,
    In(u64),
    Closed,
}

/// Lanes below this expire; the others are in patient groups, in turn.
const EXPIRING: u8 = 6;
const LANES: u8 = 12;
const GROUPS: usize = 4;
/// The gate of each group: two patient groups share one.
const GATE_OF: [usize; GROUPS] = [0, 1, 2, 2];
const GATES: usize = 3;
/// The group with a limit, and the limit.
const LIMITED: usize = 3;
const RATE: Rate = Rate {
    per_second: 100,
    burst: 2,
};
/// The time between two tokens.
const APART: Duration = Duration::from_millis(10);

/// The group of a lane: 0 for those that expire.
fn group_of(lane: u8) -> usize {
    if lane < EXPIRING {
        0
    } else {
        1 + usize::from(lane) % (GROUPS - 1)
    }
}

/// The host type of a lane.
fn host_type_of(lane: u8) -> HostTypeId {
    HostTypeId::from(u32::from(lane % 2))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => (0u8..LANES, 1usize..60).prop_map(|(lane, cost)| Op::Push { lane, cost }),
        15 => (0usize..4).prop_map(Op::Look),
        12 => (0usize..4, any::<bool>()).prop_map(|(worker, sent)| Op::FinishAndTake(worker, sent)),
        6 => (0usize..4).prop_map(Op::Finish),
        6 => (0usize..4).prop_map(Op::BodyRead),
        2 => (0usize..4).prop_map(Op::Die),
        4 => (0usize..4).prop_map(Op::Idle),
        6 => (0u64..40).prop_map(Op::Wait),
        9 => Just(Op::Timer),
        5 => Just(Op::Expired),
        8 => (0usize..4, proptest::option::of(0u64..40), any::<bool>())
            .prop_map(|(worker, millis, take)| Op::PutBack(worker, millis, take)),
        5 => (1usize..GATES, opening()).prop_map(|(gate, opening)| Op::Gate(gate, opening)),
        6 => (1usize..4).prop_map(Op::Alarm),
        2 => (1u64..4, 1usize..5).prop_map(|(divides, at_once)| Op::Overdue(divides, at_once)),
        2 => (proptest::option::of(0u32..2), 1usize..5)
            .prop_map(|(host_type, at_once)| Op::Purge(host_type.map(HostTypeId::from), at_once)),
        4 => Just(Op::Open),
        1 => Just(Op::FailToOpen),
        1 => Just(Op::Drain),
        1 => Just(Op::Resume),
        1 => Just(Op::Close),
        1 => Just(Op::BeginHandOver),
        3 => any::<bool>().prop_map(Op::HandOver),
        2 => proptest::option::of(0usize..5).prop_map(Op::Room),
    ]
}

fn opening() -> impl Strategy<Value = Opening> {
    prop_oneof![
        2 => Just(Opening::Open),
        1 => Just(Opening::One),
        2 => (0u64..40).prop_map(Opening::In),
        1 => Just(Opening::Closed),
    ]
}

/// The state of a worker.
#[derive(Debug)]
enum Worker {
    /// Started or woken, and about to check for work.
    Coming,
    Parked,
    Busy(u64, Ticket),
    Reading,
}

type Item = (u8, u64);

/// The lanes, with items as numbers, and whose turn it is.
#[derive(Default, Debug)]
struct Model {
    lanes: BTreeMap<u8, VecDeque<(u64, usize)>>,
    /// Lanes with an item out: the item's number and cost.
    out: BTreeMap<u8, (u64, usize)>,
    /// Ready lanes, by group.
    turns: [VecDeque<(u8, Instant)>; GROUPS],
    gates: [Option<Gate>; GATES],
    /// The tokens of the group with a limit, as far as it has counted them.
    free: usize,
    /// When its bucket is full again, if an item was taken.
    full: Option<Instant>,
    /// The group that was served last.
    last: usize,
    /// Lanes that wait for a time.
    postponed: BTreeMap<u8, Instant>,
    /// Lanes whose first item was put back.
    returned: BTreeSet<u8>,
    accepted: u64,
    ended: BTreeMap<u64, bool>,
}

impl Model {
    fn fits(&self, lane: u8, cost: usize) -> bool {
        let (waiting, out) = (self.lanes.get(&lane), self.out.get(&lane));
        let all = || waiting.into_iter().flatten().chain(out);
        all().count() < LIMITS.items
            && all().map(|(_, cost)| cost).sum::<usize>() + cost <= LIMITS.cost
    }

    fn push(&mut self, lane: u8, number: u64, cost: usize, now: Instant) {
        self.accepted += 1;
        let waiting = self.lanes.entry(lane).or_default();
        waiting.push_back((number, cost));
        if waiting.len() == 1 && !self.out.contains_key(&lane) {
            self.ready(lane, now);
        }
    }

    fn ready(&mut self, lane: u8, now: Instant) {
        let group = group_of(lane);
        if group == LIMITED && self.turns[group].is_empty() {
            self.free = self.tokens(now);
        }
        self.turns[group].push_back((lane, now));
    }

    /// How many tokens there are.
    fn tokens(&self, now: Instant) -> usize {
        let used = self
            .full
            .map_or(Duration::ZERO, |full| full.saturating_duration_since(now));
        let used = used.as_nanos().div_ceil(APART.as_nanos());
        RATE.burst as usize - usize::try_from(used).unwrap()
    }

    /// When the next token comes, if lanes wait for one.
    fn next_token(&self) -> Option<Instant> {
        let full = self
            .full
            .filter(|_| self.free == 0 && !self.turns[LIMITED].is_empty());
        full.map(|full| full - (RATE.burst - 1) * APART)
    }

    /// How many lanes a group's own rules let be served.
    fn allowed(&self, group: usize) -> usize {
        let free = if group == LIMITED {
            self.free
        } else {
            usize::MAX
        };
        self.turns[group].len().min(free)
    }

    /// The gate that a group is behind.
    fn gate(&self, group: usize) -> Gate {
        self.gates[GATE_OF[group]].unwrap_or(Gate::Open)
    }

    /// How many lanes behind a gate may be served.
    fn served_at(&self, gate: usize) -> usize {
        let groups = (0..GROUPS).filter(|group| GATE_OF[*group] == gate);
        let ready = groups.map(|group| self.allowed(group)).sum::<usize>();
        match self.gates[gate].unwrap_or(Gate::Open) {
            Gate::Open => ready,
            Gate::One => ready.min(1),
            Gate::Until(_) | Gate::Closed => 0,
        }
    }

    fn served(&self) -> usize {
        (0..GATES).map(|gate| self.served_at(gate)).sum()
    }

    /// Whether a group has a lane that may be served.
    fn is_served(&self, group: usize) -> bool {
        matches!(self.gate(group), Gate::Open | Gate::One) && self.allowed(group) > 0
    }

    /// The item that is next, since when it is at the head, and whether it is the one of its gate.
    fn take(&mut self, now: Instant) -> Option<(Item, Instant, bool)> {
        let group = self.in_turn(|group| self.is_served(group))?;
        if group == LIMITED {
            assert!(self.tokens(now) > 0, "taken without a token");
            self.free -= 1;
            self.full = Some(self.full.map_or(now, |full| full.max(now)) + APART);
        }
        Some(self.take_of(group))
    }

    /// Of the groups for which `serves` holds, that of the lane whose first item came to the head first.
    fn in_turn(&self, serves: impl Fn(usize) -> bool) -> Option<usize> {
        let groups = (1..=GROUPS).map(|after| (self.last + after) % GROUPS);
        let groups = groups.filter(|group| serves(*group) && !self.turns[*group].is_empty());
        groups.min_by_key(|group| self.turns[*group][0].1)
    }

    fn take_of(&mut self, group: usize) -> (Item, Instant, bool) {
        let (lane, since) = self.turns[group].pop_front().unwrap();
        let (number, cost) = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        self.returned.remove(&lane);
        self.last = group;
        self.out.insert(lane, (number, cost));
        let alone = self.gate(group) == Gate::One;
        if alone {
            self.gates[GATE_OF[group]] = Some(Gate::Closed);
        }
        ((lane, number), since, alone)
    }

    fn put_back(&mut self, lane: u8, until: Option<Instant>, now: Instant) {
        let item = self.out.remove(&lane).expect("the lane has one out");
        self.lanes.entry(lane).or_default().push_front(item);
        self.returned.insert(lane);
        match until {
            Some(until) if until > now => {
                self.postponed.insert(lane, until);
            }
            _ => self.ready(lane, now),
        }
    }

    /// Wakes lanes and gates whose time has come. The next time.
    fn due(&mut self, now: Instant, most: usize) -> Option<Instant> {
        for gate in self.gates.iter_mut().flatten() {
            if matches!(gate, Gate::Until(due) if *due <= now) {
                *gate = Gate::One;
            }
        }
        let mut due: Vec<_> = self
            .postponed
            .iter()
            .map(|(lane, at)| (*at, *lane))
            .collect();
        due.retain(|(at, _)| *at <= now);
        due.sort_unstable();
        // Lanes of one time wake in the order of their places in the queue, which are not known here.
        assert!(
            due.len() <= most || due[most - 1].0 < due[most].0,
            "ambiguous"
        );
        for (_, lane) in due.into_iter().take(most) {
            self.postponed.remove(&lane);
            self.ready(lane, now);
        }
        if self.free == 0 {
            self.free = self.tokens(now);
        }
        self.next()
    }

    fn next(&self) -> Option<Instant> {
        let gates = self.gates.iter().flatten().filter_map(|gate| match gate {
            Gate::Until(due) => Some(*due),
            _ => None,
        });
        let times = self.postponed.values().copied().chain(gates);
        times.chain(self.next_token()).min()
    }

    /// Whether lanes wait for a gate.
    fn hold(&self) -> bool {
        (1..GROUPS).any(|group| self.gate(group) != Gate::Open && !self.turns[group].is_empty())
    }

    /// Forgets lanes that were emptied from outside.
    fn purged(&mut self) {
        let lanes = &self.lanes;
        for turns in &mut self.turns {
            turns.retain(|(lane, _)| !lanes[lane].is_empty());
        }
        self.postponed.retain(|lane, _| !lanes[lane].is_empty());
    }

    fn end(&mut self, number: u64, sent: bool) {
        assert!(
            self.ended.insert(number, sent).is_none(),
            "two outcomes for {number}"
        );
    }

    fn release(&mut self, lane: u8, now: Instant) {
        self.out.remove(&lane).expect("the lane has one out");
        if self
            .lanes
            .get(&lane)
            .is_some_and(|waiting| !waiting.is_empty())
        {
            self.ready(lane, now);
        }
    }

    /// The first time from `until` on at which no lane wakes.
    fn unlike_others(&self, mut until: Instant) -> Instant {
        while self.postponed.values().any(|at| *at == until) {
            until += Duration::from_micros(1);
        }
        until
    }

    fn waiting(&self) -> usize {
        self.lanes.values().map(VecDeque::len).sum()
    }
}

/// What the alarm does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Alarm {
    Off,
    /// It sleeps until this time, which is past if it was rung.
    Until(Instant),
    /// It waits to be rung.
    Idle,
}

struct World {
    core: Core<Item, usize>,
    groups: [GroupId; GROUPS],
    gates: [GateId; GATES],
    model: Model,
    workers: BTreeMap<usize, Worker>,
    next_worker: usize,
    next_item: u64,
    now: Instant,
    rules: Rules,
    room: Option<usize>,
    timer: bool,
    /// The task that wakes lanes.
    alarm: Alarm,
    /// The item that the timer took out and has not reported.
    expired: Option<Taken<Item>>,
    /// A purge that has not finished.
    purging: Option<(Option<HostTypeId>, usize, usize)>,
    /// Bytes reserved for lanes and not released.
    reserved: usize,
}

impl World {
    fn new(rules: Rules) -> Self {
        let mut core = Core::new(LIMITS);
        let gates = [GateId::default(), core.add_gate(), core.add_gate()];
        let mut groups = [GroupId::default(); GROUPS];
        for (group, gate) in groups.iter_mut().zip(GATE_OF).take(LIMITED).skip(1) {
            *group = core.add_group(gates[gate], None);
        }
        groups[LIMITED] = core.add_group(gates[GATE_OF[LIMITED]], Some(RATE));
        Self {
            core,
            groups,
            gates,
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
            expired: None,
            purging: None,
            reserved: 0,
        }
    }

    fn start(&mut self) {
        self.workers.insert(self.next_worker, Worker::Coming);
        self.next_worker += 1;
    }

    fn follow(&mut self, step: Step<usize>) {
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
                self.alarm = Alarm::Until(self.now);
            }
        }
    }

    /// The `nth` worker that is of this kind.
    fn nth(&self, nth: usize, kind: impl Fn(&Worker) -> bool) -> Option<usize> {
        let ids: Vec<usize> = self
            .workers
            .iter()
            .filter(|(_, worker)| kind(worker))
            .map(|(id, _)| *id)
            .collect();
        (!ids.is_empty()).then(|| ids[nth % ids.len()])
    }

    /// How many workers may be busy.
    fn most_busy(&self) -> u64 {
        self.rules.workers.min(self.room.unwrap_or(1)) as u64
    }

    fn took(&mut self, worker: usize, taken: Taken<Item>) {
        let tally = self.core.tally();
        assert!(
            tally.workers - tally.parked <= self.most_busy(),
            "took one too many: {tally:?}"
        );
        let expected = self
            .model
            .take(self.now)
            .expect("the model has something to take");
        assert_eq!(
            (taken.item, taken.head_since, taken.alone),
            expected,
            "whose turn it is"
        );
        let (item, ..) = expected;
        self.workers
            .insert(worker, Worker::Busy(item.1, taken.ticket));
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Push { lane, cost } => self.push(lane, cost),
            Op::Look(nth) => {
                if let Some(id) = self.nth(nth, |worker| matches!(worker, Worker::Coming)) {
                    self.look(id);
                }
            }
            Op::FinishAndTake(nth, sent) => {
                if let Some((id, number, ticket)) = self.busy(nth) {
                    let lane = self.lane_of(number);
                    self.model.end(number, sent);
                    let next = self.core.finish_and_take(ticket, sent, self.now);
                    self.model.release(lane, self.now);
                    match next {
                        Some(taken) => self.took(id, taken),
                        // A real worker checks again, too.
                        None => self.look(id),
                    }
                }
            }
            Op::Finish(nth) => {
                if let Some((id, number, ticket)) = self.busy(nth) {
                    let lane = self.lane_of(number);
                    self.model.end(number, true);
                    let step = self.core.finish(ticket, true, self.now);
                    self.model.release(lane, self.now);
                    self.workers.insert(id, Worker::Reading);
                    self.follow(step);
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
            Op::Drain => self.core.drain(),
            Op::Resume => {
                self.core.resume();
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

    fn push(&mut self, lane: u8, cost: usize) {
        let number = self.next_item;
        self.next_item += 1;
        let key = [lane];
        let host_type = host_type_of(lane);
        let place = Place {
            key: &key,
            host_type,
            group: self.groups[group_of(lane)],
        };
        let fits = self.model.fits(lane, cost);
        let state = self.core.tally();
        let busy = state.workers - state.parked;
        let ready = self.model.served() as u64;
        let limit = self.rules.workers.min(self.room.unwrap_or(usize::MAX)) as u64;
        match self.core.push(place, (lane, number), cost, self.now) {
            Ok(step) => {
                assert!(fits, "a full lane took one more");
                if matches!(self.core.phase(), Phase::Open(..)) {
                    if self.rules.when_busy == WhenBusy::Reject {
                        assert!(state.in_flight + ready < limit, "none was free: {state:?}");
                    }
                    if let Some(most) = self.rules.max_waiting {
                        let here = state.waiting + state.postponed + state.in_flight;
                        assert!(here < limit + most as u64);
                    }
                }
                self.model.push(lane, number, cost, self.now);
                self.reserved += Lanes::<Item>::lane_cost(&key);
                self.follow(step);
            }
            Err(Refused {
                item,
                why: PushError::Rejected(RejectReason::PoolConfig),
            }) => {
                assert_eq!(item, (lane, number));
                assert!(matches!(self.core.phase(), Phase::Broken(_)));
            }
            Err(Refused {
                item,
                why: PushError::Rejected(reason),
            }) => {
                assert_eq!(reason, RejectReason::QueueFull);
                assert_eq!(item, (lane, number));
                let open = matches!(self.core.phase(), Phase::Open(..));
                let no_slot = self.rules.when_busy == WhenBusy::Reject
                    && busy.max(state.in_flight + ready) >= limit;
                let here = state.waiting + state.postponed + state.in_flight;
                let too_many = self
                    .rules
                    .max_waiting
                    .is_some_and(|most| here >= limit + most as u64);
                assert!(
                    !fits || open && (no_slot || too_many),
                    "rejected for nothing"
                );
            }
            Err(Refused {
                why: PushError::NotOpen,
                ..
            }) => assert!(matches!(
                self.core.phase(),
                Phase::Leaving(_) | Phase::Draining(..) | Phase::HandedOver(()) | Phase::Closed(_)
            )),
        }
    }

    fn look(&mut self, id: usize) {
        match self.core.take_or_park(id, self.now) {
            Turn::Work(taken) => self.took(id, taken),
            Turn::Parked(step) => {
                self.workers.insert(id, Worker::Parked);
                self.follow(step);
            }
            Turn::Leave => {
                self.workers.remove(&id);
            }
        }
    }

    fn busy(&mut self, nth: usize) -> Option<(usize, u64, Ticket)> {
        let id = self.nth(nth, |worker| matches!(worker, Worker::Busy(..)))?;
        match self.workers.insert(id, Worker::Reading) {
            Some(Worker::Busy(number, ticket)) => Some((id, number, ticket)),
            other => panic!("{other:?}"),
        }
    }

    fn lane_of(&self, number: u64) -> u8 {
        let out = self.model.out.iter().find(|(_, (out, _))| *out == number);
        *out.expect("it is out").0
    }

    /// Does what dropping an in-flight notification and a worker's seat does.
    fn die(&mut self, nth: usize) {
        let Some(id) = self.nth(nth, |worker| !matches!(worker, Worker::Parked)) else {
            return;
        };
        if let Some(Worker::Busy(number, ticket)) = self.workers.remove(&id) {
            let lane = self.lane_of(number);
            self.model.end(number, false);
            let step = self.core.finish(ticket, false, self.now);
            self.model.release(lane, self.now);
            self.follow(step);
        }
        let step = self.core.lost_worker();
        self.follow(step);
    }

    fn run_timer(&mut self) {
        if !self.timer || self.expired.is_some() {
            return;
        }
        match self.core.expire(self.now) {
            Expiry::Expired(taken) => {
                let (item, since, _) = self.model.take_of(0);
                assert_eq!((taken.item, taken.head_since), (item, since));
                assert!(self.now >= since + self.rules.call_timeout, "too early");
                self.expired = Some(taken);
            }
            Expiry::Next(due) => {
                assert!(self.model.served() > 0, "nothing waits");
                let first = self.model.turns[0].front();
                let since = first.map_or(self.now, |(_, since)| *since);
                assert_eq!(due, since + self.rules.call_timeout);
                assert!(due > self.now, "too late");
            }
            Expiry::Nothing => {
                self.timer = false;
                let serves = matches!(self.core.phase(), Phase::Open(..) | Phase::Draining(..));
                assert!(!serves || self.model.served() == 0);
            }
        }
    }

    fn report_expired(&mut self) {
        let Some(taken) = self.expired.take() else {
            return;
        };
        self.model.end(taken.item.1, false);
        let step = self.core.expired(taken.ticket, self.now);
        self.model.release(taken.item.0, self.now);
        self.follow(step);
    }

    fn put_back(&mut self, nth: usize, millis: Option<u64>, take: bool) {
        // Only what is patient is ever put back.
        let id = self.nth(nth, |worker| {
            matches!(worker, Worker::Busy(number, _) if group_of(self.lane_of(*number)) > 0)
        });
        let Some(id) = id else { return };
        let Some(Worker::Busy(number, ticket)) = self.workers.insert(id, Worker::Reading) else {
            panic!("it was busy");
        };
        let lane = self.lane_of(number);
        let until = millis
            .map(|millis| self.now + Duration::from_millis(millis))
            .map(|until| self.model.unlike_others(until));
        let now = self.now;
        let not_kept = if take {
            match self
                .core
                .put_back_and_take(ticket, (lane, number), until, now)
            {
                Ok((next, step)) => {
                    self.model.put_back(lane, until, now);
                    self.follow(step);
                    match next {
                        Some(taken) => self.took(id, taken),
                        None => self.look(id),
                    }
                    return;
                }
                Err(not_kept) => not_kept,
            }
        } else {
            match self.core.put_back(ticket, (lane, number), until, now) {
                Ok(step) => {
                    self.model.put_back(lane, until, now);
                    self.follow(step);
                    return;
                }
                Err(not_kept) => not_kept,
            }
        };
        assert!(self.core.phase().is_over());
        let NotKept { item, ticket } = not_kept;
        assert_eq!(item, (lane, number));
        self.model.end(number, false);
        let step = self.core.finish(ticket, false, now);
        self.model.release(lane, now);
        self.follow(step);
    }

    fn set_gate(&mut self, gate: usize, state: Gate) {
        let steps = self.core.set_gate(self.gates[gate], state);
        self.model.gates[gate] = Some(state);
        for step in steps {
            self.follow(step);
        }
    }

    fn run_alarm(&mut self, most: usize) {
        if self.alarm == Alarm::Off {
            return;
        }
        let due = self.core.due(self.now, most);
        for step in due.steps {
            self.follow(step);
        }
        if self.core.phase().is_over() {
            assert!(due.next.is_none() && !due.hold);
            self.alarm = Alarm::Off;
            return;
        }
        let next = self.model.due(self.now, most);
        assert_eq!((due.next, due.hold), (next, self.model.hold()));
        self.alarm = match next {
            Some(next) => Alarm::Until(next),
            None if due.hold => Alarm::Idle,
            None => Alarm::Off,
        };
    }

    fn give_up_overdue(&mut self, divides: u64, at_once: usize) {
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let overdue = |(_, number): &Item| number % divides == 0;
            let (items, next) = self.core.take_overdue(from, at_once, overdue);
            for (lane, number) in items {
                let group = group_of(lane);
                assert!(number % divides == 0 && self.model.gate(group) != Gate::Open);
                assert!(
                    self.model.turns[group]
                        .iter()
                        .any(|(ready, _)| *ready == lane)
                );
                let first = self.model.lanes.get_mut(&lane).unwrap().pop_front();
                assert_eq!(first.map(|(number, _)| number), Some(number), "in order");
                self.model.returned.remove(&lane);
                self.model.end(number, false);
            }
            cursor = next;
        }
        self.model.purged();
        for group in (1..GROUPS).filter(|group| self.model.gate(*group) != Gate::Open) {
            for (lane, _) in &self.model.turns[group] {
                let (number, _) = self.model.lanes[lane][0];
                assert!(number % divides != 0, "{number} of lane {lane} is overdue");
            }
        }
    }

    fn purge(&mut self, host_type: Option<HostTypeId>, at_once: usize) {
        let (host_type, cursor, at_once) = self.purging.take().unwrap_or((host_type, 0, at_once));
        let (items, next) = self.core.purge(host_type, cursor, at_once);
        for (lane, number) in items {
            assert!(host_type.is_none_or(|host_type| host_type == host_type_of(lane)));
            let first = self.model.lanes.get_mut(&lane).unwrap().pop_front();
            assert_eq!(first.map(|(number, _)| number), Some(number), "in order");
            self.model.returned.remove(&lane);
            self.model.end(number, false);
        }
        self.model.purged();
        self.purging = next.map(|next| (host_type, next, at_once));
    }

    fn finish_purge(&mut self) {
        while self.purging.is_some() {
            self.purge(None, 1);
        }
    }

    fn close(&mut self) {
        for id in self.core.close() {
            let parked = self.workers.insert(id, Worker::Coming);
            assert!(matches!(parked, Some(Worker::Parked)));
        }
        self.purge_all();
    }

    fn purge_all(&mut self) {
        self.finish_purge();
        self.purge(None, 3);
        self.finish_purge();
        assert_eq!(self.model.waiting(), 0);
    }

    fn hand_over(&mut self, room: bool) {
        let begun = self.core.phase().heir().is_some();
        let Some((key, host_type, (lane, number))) = self.core.remove_next(self.now) else {
            if begun {
                assert_eq!(self.model.waiting(), 0);
                assert!(matches!(self.core.phase(), Phase::HandedOver(())));
            }
            return;
        };
        assert!(begun, "handed over without an heir");
        assert_eq!((&*key, host_type), (&[lane][..], host_type_of(lane)));
        let group = self.model.in_turn(|_| true).unwrap();
        let ((expected, first), ..) = self.model.take_of(group);
        assert_eq!((lane, number), (expected, first));
        self.model.release(lane, self.now);
        if room {
            self.model.accepted -= 1;
        } else {
            self.core.not_handed_over();
            self.model.end(number, false);
        }
    }

    fn check(&mut self) {
        let left = self.core.leftovers();
        self.follow(left.alarm().into());
        self.reserved -= left.free();
        let (waiting, out) = (&self.model.lanes, &self.model.out);
        let lanes = (0..=u8::MAX).filter(|lane| {
            waiting.get(lane).is_some_and(|items| !items.is_empty()) || out.contains_key(lane)
        });
        assert_eq!(
            self.reserved,
            lanes.count() * Lanes::<Item>::lane_cost(&[0]),
            "room is kept for the lanes there are"
        );
        let tally = self.core.tally();
        let held = u64::from(self.expired.is_some());
        let count = |kind: fn(&Worker) -> bool| {
            self.workers.values().filter(|worker| kind(worker)).count() as u64
        };
        let sent = self.model.ended.values().filter(|sent| **sent).count() as u64;
        let failed = self.model.ended.len() as u64 - sent;
        assert_eq!(tally.accepted, self.model.accepted);
        assert_eq!(tally.sent, sent);
        assert_eq!(tally.failed, failed + held);
        assert_eq!(tally.postponed, self.model.returned.len() as u64);
        assert_eq!(tally.waiting + tally.postponed, self.model.waiting() as u64);
        assert_eq!(
            tally.in_flight,
            count(|worker| matches!(worker, Worker::Busy(..)))
        );
        assert_eq!(tally.workers, self.workers.len() as u64);
        assert_eq!(
            tally.parked,
            count(|worker| matches!(worker, Worker::Parked))
        );
        assert_eq!(
            tally.accepted,
            tally.sent + tally.failed + tally.waiting + tally.postponed + tally.in_flight,
            "conservation: {tally:?}"
        );
        assert!(tally.workers <= self.rules.workers as u64, "{tally:?}");
        let serves = matches!(self.core.phase(), Phase::Open(..) | Phase::Draining(..));
        if serves && self.model.served() > 0 {
            let coming = count(|worker| matches!(worker, Worker::Coming)) > 0;
            let all_busy = tally.workers - tally.parked >= self.most_busy();
            assert!(
                coming || all_busy && self.timer,
                "no worker comes for what waits: {tally:?} {:?} timer {}",
                self.workers,
                self.timer
            );
        }
        if let Some(next) = self.model.next()
            && serves
        {
            let in_time = matches!(self.alarm, Alarm::Until(due) if due <= next);
            assert!(in_time, "the alarm comes too late: {:?}", self.alarm);
        }
    }

    /// Lets every worker and the timer finish: each accepted item must end.
    fn settle(&mut self) {
        self.finish_purge();
        self.apply(Op::Open);
        while self.core.phase().heir().is_some() && !self.core.phase().is_over() {
            self.apply(Op::HandOver(true));
        }
        for group in [1, 2] {
            self.apply(Op::Gate(group, Opening::Open));
        }
        for _ in 0..10_000 {
            if let Some(next) = self.model.next() {
                self.now = self.now.max(next);
            }
            self.apply(Op::Alarm(1));
            self.apply(Op::Expired);
            self.apply(Op::BodyRead(0));
            self.apply(Op::FinishAndTake(0, true));
            self.apply(Op::Look(0));
            if self.core.is_quiet() && self.expired.is_none() {
                break;
            }
        }
        assert_eq!(self.model.ended.len() as u64, self.model.accepted);
        assert!(self.model.out.is_empty(), "{:?}", self.model.out);
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    (1usize..4, any::<bool>(), proptest::option::of(0usize..4)).prop_map(
        |(workers, reject, max_waiting)| Rules {
            workers,
            when_busy: if reject {
                WhenBusy::Reject
            } else {
                WhenBusy::Wait
            },
            max_waiting,
            call_timeout: Duration::from_millis(20),
        },
    )
}

/// Set `PROPTEST_CASES` to run more cases.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases: config.cases.max(1_000),
        failure_persistence: None,
        ..config
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_queue_does_what_the_model_does(
        rules in rules(),
        opened in any::<bool>(),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut world = World::new(rules);
        if opened {
            world.apply(Op::Open);
        }
        for op in ops {
            world.apply(op);
        }
        world.settle();
    }

    /// A lane with many items delays another lane by at most one turn of each lane.
    #[test]
    fn a_long_lane_delays_another_by_one_turn(lanes in 1u8..20, long in 2usize..4, workers in 1usize..4) {
        let rules = Rules { workers, when_busy: WhenBusy::Wait, max_waiting: None,
                            call_timeout: Duration::from_hours(1) };
        let mut world = World::new(rules);
        // A group with a limit delays its own lanes.
        let mut unlimited = (0..).filter(|lane| group_of(*lane) != LIMITED);
        for lane in unlimited.by_ref().take(usize::from(lanes)) {
            for _ in 0..long {
                world.apply(Op::Push { lane, cost: 1 });
            }
        }
        let late = world.next_item;
        world.apply(Op::Push { lane: unlimited.next().unwrap(), cost: 1 });
        world.apply(Op::Open);
        let mut ended_before = None;
        for round in 0..10_000 {
            world.apply(Op::Look(0));
            world.apply(Op::FinishAndTake(round, true));
            if world.model.ended.contains_key(&late) {
                ended_before = Some(world.model.ended.len() - 1);
                break;
            }
        }
        let before = ended_before.expect("its turn came");
        prop_assert!(before <= usize::from(lanes) + workers, "{before} of {lanes} lanes");
    }
}

#[test]
fn a_burst_gets_every_slot_of_a_pool_that_lets_nothing_wait() {
    let rules = Rules {
        workers: 10,
        when_busy: WhenBusy::Reject,
        max_waiting: None,
        call_timeout: Duration::from_secs(1),
    };
    let mut world = World::new(rules);
    world.apply(Op::Open);
    for lane in 0..20 {
        world.apply(Op::Push { lane, cost: 1 });
    }
    assert_eq!(world.core.tally().accepted, 10);
}

#[test]
fn a_queue_length_of_zero_still_uses_the_workers() {
    let rules = Rules {
        workers: 3,
        when_busy: WhenBusy::Wait,
        max_waiting: Some(0),
        call_timeout: Duration::from_secs(1),
    };
    let mut world = World::new(rules);
    world.apply(Op::Open);
    for lane in 0..20 {
        world.apply(Op::Push { lane, cost: 1 });
    }
    assert_eq!(world.core.tally().accepted, 3);
}
