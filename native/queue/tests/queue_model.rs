//! The queue of a pool against a small model. Items are pushed, taken, finished, expired, postponed, held
//! by gates, purged, drained and handed over in random order, by workers that start, idle, die and leave. Items
//! of one group are taken in batches, which are collected while other things happen.
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
    Batching, Core, Expiry, Gate, GateId, GroupId, LaneLimits, Lanes, Phase, Place, Rules, Step,
    Taken, Ticket, Turn, WhenBusy,
};
use tokio::time::Instant;

const LIMITS: LaneLimits = LaneLimits {
    items: 4,
    cost: 100,
};

const BATCHING: Batching = Batching {
    items: 5,
    cost: 120,
    linger: Duration::from_millis(15),
};

#[derive(Clone, Copy, Debug)]
enum Op {
    Push {
        lane: u8,
        cost: usize,
        /// How long ago it was handed over, in milliseconds.
        age: u64,
    },
    /// A worker takes up to so many items more for its batch.
    Collect(usize, usize),
    /// Some of the items of a batch have their outcome, the first ones.
    Part(usize),
    /// Batches wait for company, or no more.
    Hurry(bool),
    /// There is no room for more items, by a bound that the queue does not know.
    Crowd,
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
/// The lanes from this one on are in a group of batches.
const BATCHED: u8 = 12;
const LANES: u8 = 17;
/// The group of batches.
const BATCHES: usize = 4;
const GROUPS: usize = 5;
/// The gate of each group: three patient groups share one.
const GATE_OF: [usize; GROUPS] = [0, 1, 2, 2, 2];
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
    match lane {
        0..EXPIRING => 0,
        BATCHED..LANES => BATCHES,
        // More than the random test has.
        LANES.. => 1 + usize::from(lane % 2),
        lane => 1 + usize::from(lane) % (BATCHES - 1),
    }
}

/// The host type of a lane.
fn host_type_of(lane: u8) -> HostTypeId {
    HostTypeId::from(u32::from(lane % 2))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => (0u8..LANES, 1usize..60, 0u64..30).prop_map(|(lane, cost, age)| Op::Push { lane, cost, age }),
        12 => (BATCHED..LANES, 1usize..60, 0u64..4).prop_map(|(lane, cost, age)| Op::Push { lane, cost, age }),
        12 => (0usize..4, 1usize..4).prop_map(|(worker, at_once)| Op::Collect(worker, at_once)),
        4 => (0usize..4).prop_map(Op::Part),
        1 => any::<bool>().prop_map(Op::Hurry),
        1 => Just(Op::Crowd),
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
    /// It collects the rest of a batch.
    Collecting(Held),
    Busy(Held),
    Reading,
}

type Item = (u8, u64);

/// The items that a worker or a batch has, in order, by number.
type Held = VecDeque<(u64, Ticket)>;

/// A waiting item.
#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    cost: usize,
    /// When it was handed over.
    since: Instant,
    /// The other items of the batch that it stands for.
    others: Vec<u64>,
}

/// The lanes, with items as numbers, and whose turn it is.
#[derive(Default, Debug)]
struct Model {
    lanes: BTreeMap<u8, VecDeque<Waiting>>,
    /// Items that are out, or in a batch behind its first.
    out: BTreeMap<u64, (u8, usize, Instant)>,
    /// Ready lanes, by group.
    turns: [VecDeque<(u8, Instant)>; GROUPS],
    /// Ready lanes whose first item is a batch.
    again: VecDeque<(u8, Instant)>,
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
    /// The batch that is being collected: the lane of its last item, how many it has, and their cost.
    collector: Option<(u8, usize, usize)>,
    /// Whether an item need not wait for company any more.
    due: bool,
    hurry: bool,
    all_hurry: bool,
    /// Since when no more can come, if items wait for company.
    crowded: Option<Instant>,
    /// When the first item came.
    epoch: Option<Instant>,
    accepted: u64,
    ended: BTreeMap<u64, bool>,
}

impl Model {
    fn fits(&self, lane: u8, cost: usize) -> bool {
        let waiting = self.lanes.get(&lane).into_iter().flatten();
        let out = self.out.values().filter(|(of, ..)| *of == lane);
        let costs: Vec<usize> = waiting
            .map(|waiting| waiting.cost)
            .chain(out.map(|(_, cost, _)| *cost))
            .collect();
        costs.len() < LIMITS.items && costs.iter().sum::<usize>() + cost <= LIMITS.cost
    }

    fn is_out(&self, lane: u8) -> bool {
        self.out.values().any(|(of, ..)| *of == lane)
    }

    /// Whether the lane waits for nothing but the end of what is out.
    fn is_idle(&self, lane: u8) -> bool {
        let ready = |turns: &VecDeque<(u8, Instant)>| turns.iter().any(|(of, _)| *of == lane);
        !self.turns.iter().any(ready) && !ready(&self.again) && !self.postponed.contains_key(&lane)
    }

    fn push(&mut self, lane: u8, item: (u64, usize, Instant), now: Instant) {
        let (number, cost, since) = item;
        self.epoch.get_or_insert(now);
        self.accepted += 1;
        let is_out = self.is_out(lane);
        let waiting = self.lanes.entry(lane).or_default();
        waiting.push_back(Waiting {
            number,
            cost,
            since,
            others: Vec::new(),
        });
        if waiting.len() == 1 && !is_out {
            self.ready(lane, now);
        }
    }

    fn ready(&mut self, lane: u8, now: Instant) {
        let group = group_of(lane);
        if group == LIMITED && self.turns[group].is_empty() {
            self.free = self.tokens(now);
        }
        if group == BATCHES && self.returned.contains(&lane) {
            self.again.push_back((lane, now));
            return;
        }
        self.turns[group].push_back((lane, now));
        if group == BATCHES {
            self.look(now);
        }
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

    /// When an item that was handed over then is due: the queue counts whole milliseconds.
    fn due_at(&self, since: Instant) -> Instant {
        let epoch = self.epoch.unwrap();
        let millis = since.saturating_duration_since(epoch).as_millis();
        epoch + Duration::from_millis(u64::try_from(millis).unwrap()) + BATCHING.linger
    }

    /// When the first of those that wait for company is due.
    fn oldest_due(&self) -> Option<Instant> {
        let lanes = self.turns[BATCHES].iter();
        let first = lanes.map(|(lane, _)| self.lanes[lane].front().unwrap().since);
        first.min().map(|since| self.due_at(since))
    }

    fn look(&mut self, now: Instant) {
        let hurry = self.hurry || self.all_hurry || self.crowded.is_some();
        self.due = hurry || self.oldest_due().is_some_and(|at| at <= now);
    }

    /// Whether items wait for company.
    fn lingers(&self) -> bool {
        !self.due && self.collector.is_none() && !self.turns[BATCHES].is_empty()
    }

    /// No more can come: to the group of a lane that waits and is full, or to any.
    fn crowd(&mut self, lane: Option<u8>, now: Instant) {
        let waits = |lane| self.turns[BATCHES].iter().any(|(of, _)| *of == lane);
        if self.lingers() && lane.is_none_or(waits) {
            self.crowded.get_or_insert(now);
        }
    }

    /// Lanes have left the group of batches.
    fn left(&mut self) {
        if self.turns[BATCHES].is_empty() {
            self.crowded = None;
        }
    }

    /// The gate that a group is behind.
    fn gate(&self, group: usize) -> Gate {
        self.gates[GATE_OF[group]].unwrap_or(Gate::Open)
    }

    /// How many batches may be made.
    fn made(&self) -> usize {
        if self.collector.is_some() {
            return 0;
        }
        let lanes = &self.turns[BATCHES];
        let items = || lanes.iter().flat_map(|(lane, _)| &self.lanes[lane]);
        let cost: usize = items().map(|item| item.cost).sum();
        let full = (items().count() / BATCHING.items).max(cost / BATCHING.cost);
        full.max(usize::from(self.due)).min(lanes.len())
    }

    /// How many lanes a group's own rules let be served.
    fn allowed(&self, group: usize) -> usize {
        match group {
            LIMITED => self.turns[group].len().min(self.free),
            BATCHES => self.again.len() + self.made(),
            _ => self.turns[group].len(),
        }
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

    /// The lane of a group that is next, with the time of its turn, and whether it has a batch.
    fn front(&self, group: usize, all: bool) -> Option<(u8, Instant, bool)> {
        let with = |is_batch| move |(lane, since): &(u8, Instant)| (*lane, *since, is_batch);
        let made = self.turns[group]
            .front()
            .filter(|_| all || group != BATCHES || self.made() > 0)
            .map(with(false));
        let again = self.again.front().filter(|_| group == BATCHES);
        again
            .map(with(true))
            .into_iter()
            .chain(made)
            .min_by_key(|(_, since, _)| *since)
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
        let groups = groups.filter(|group| serves(*group));
        groups.min_by_key(|group| self.front(*group, false).unwrap().1)
    }

    fn take_of(&mut self, group: usize) -> (Item, Instant, bool) {
        let (lane, since, is_batch) = self.front(group, false).unwrap();
        if is_batch {
            self.again.pop_front();
        } else {
            self.turns[group].pop_front();
        }
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        self.returned.remove(&lane);
        self.last = group;
        self.out
            .insert(first.number, (lane, first.cost, first.since));
        let alone = self.gate(group) == Gate::One;
        if alone {
            self.gates[GATE_OF[group]] = Some(Gate::Closed);
        }
        if group == BATCHES && !is_batch {
            self.collector = Some((lane, 1, first.cost));
            self.crowded = None;
        }
        ((lane, first.number), since, alone)
    }

    /// The item that is handed over next.
    fn remove_next(&mut self, now: Instant) -> Item {
        let groups = (1..=GROUPS).map(|after| (self.last + after) % GROUPS);
        let fronts = groups.filter_map(|group| Some((group, self.front(group, true)?.1)));
        let (group, _) = fronts.min_by_key(|(_, since)| *since).unwrap();
        let (lane, ..) = self.turns[group].pop_front().unwrap();
        self.left();
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        self.last = group;
        if !self.lanes[&lane].is_empty() {
            self.ready(lane, now);
        }
        (lane, first.number)
    }

    /// The next item of the batch that is being collected.
    fn collect(&mut self) -> Option<Item> {
        let (last, items, cost) = self.collector?;
        let here = self.lanes.get(&last).is_some_and(|lane| !lane.is_empty());
        let lane = if here {
            last
        } else {
            self.turns[BATCHES].front()?.0
        };
        let cost = cost + self.lanes[&lane][0].cost;
        if items == BATCHING.items || cost > BATCHING.cost {
            return None;
        }
        if !here {
            self.turns[BATCHES].pop_front();
        }
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        self.out
            .insert(first.number, (lane, first.cost, first.since));
        self.collector = Some((lane, items + 1, cost));
        Some((lane, first.number))
    }

    fn stop_collecting(&mut self, now: Instant) {
        self.collector = None;
        self.look(now);
    }

    fn put_back(&mut self, items: &[u64], until: Option<Instant>, now: Instant) {
        let (lane, cost, since) = self.out.remove(&items[0]).expect("it is out");
        let first = Waiting {
            number: items[0],
            cost,
            since,
            others: items[1..].to_vec(),
        };
        self.lanes.entry(lane).or_default().push_front(first);
        self.returned.insert(lane);
        match until {
            Some(until) if until > now => {
                self.postponed.insert(lane, until);
            }
            _ => self.ready(lane, now),
        }
    }

    /// Wakes lanes, gates and batches whose time has come. The next time.
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
        self.look(now);
        self.next()
    }

    fn next(&self) -> Option<Instant> {
        let gates = self.gates.iter().flatten().filter_map(|gate| match gate {
            Gate::Until(due) => Some(*due),
            _ => None,
        });
        let oldest = self.oldest_due().into_iter().chain(self.crowded).min();
        let batch = oldest.filter(|_| self.lingers());
        let times = self.postponed.values().copied().chain(gates).chain(batch);
        times.chain(self.next_token()).min()
    }

    /// How many lanes of a group are ready.
    fn ready_in(&self, group: usize) -> usize {
        let again = if group == BATCHES {
            self.again.len()
        } else {
            0
        };
        self.turns[group].len() + again
    }

    /// Whether lanes wait for a gate.
    fn hold(&self) -> bool {
        (1..GROUPS).any(|group| self.gate(group) != Gate::Open && self.ready_in(group) > 0)
    }

    /// Takes out the first item of a lane from outside. The others of a batch.
    fn give_up(&mut self, lane: u8, number: u64) -> Vec<u64> {
        let first = self.lanes.get_mut(&lane).unwrap().pop_front().unwrap();
        assert_eq!(first.number, number, "in order");
        self.returned.remove(&lane);
        let again = self.again.iter().position(|(of, _)| *of == lane);
        let turn = again.and_then(|at| self.again.remove(at));
        if self.lanes[&lane].is_empty() || self.is_out(lane) {
            for turns in &mut self.turns {
                turns.retain(|(of, _)| *of != lane);
            }
            self.postponed.remove(&lane);
            self.left();
        } else if let Some(turn) = turn {
            // What waited behind the batch goes in its place.
            self.turns[BATCHES].push_back(turn);
            self.due = true;
        }
        first.others
    }

    fn end(&mut self, number: u64, sent: bool) {
        assert!(
            self.ended.insert(number, sent).is_none(),
            "two outcomes for {number}"
        );
    }

    fn release(&mut self, number: u64, now: Instant) {
        let (lane, ..) = self.out.remove(&number).expect("it is out");
        let waits = self.lanes.get(&lane).is_some_and(|lane| !lane.is_empty());
        if waits && !self.is_out(lane) && self.is_idle(lane) {
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
        let items = self.lanes.values().flatten();
        items.map(|waiting| 1 + waiting.others.len()).sum()
    }

    /// The items that wait and were taken before.
    fn returned(&self) -> usize {
        let lanes = self.returned.iter();
        lanes.map(|lane| 1 + self.lanes[lane][0].others.len()).sum()
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
    /// The first items of batches of which some have ended.
    parts: BTreeSet<u64>,
    /// When the last item of each lane was handed over.
    last: BTreeMap<u8, Instant>,
    /// What batches that were put back have besides their first item, by its number.
    batches: BTreeMap<u64, Held>,
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
        let counts = self.core.counts();
        assert!(
            counts.workers - counts.parked <= self.most_busy(),
            "took one too many: {counts:?}"
        );
        let collecting = self.model.collector.is_some();
        let expected = self
            .model
            .take(self.now)
            .expect("the model has something to take");
        assert_eq!(
            (taken.item, taken.head_since, taken.alone),
            expected,
            "whose turn it is"
        );
        let ((_, number), ..) = expected;
        let mut held = self.batches.remove(&number).unwrap_or_default();
        assert_eq!(taken.weight, 1 + held.len());
        held.push_front((number, taken.ticket));
        assert_eq!(
            taken.collects,
            !collecting && self.model.collector.is_some()
        );
        let worker_state = if taken.collects {
            Worker::Collecting(held)
        } else {
            Worker::Busy(held)
        };
        self.workers.insert(worker, worker_state);
    }

    fn follow_all(&mut self, steps: impl IntoIterator<Item = Step<usize>>) {
        for step in steps {
            self.follow(step);
        }
    }

    /// A worker takes items more for its batch.
    fn collect(&mut self, id: usize, at_once: usize) {
        let Some(Worker::Collecting(mut held)) = self.workers.remove(&id) else {
            panic!("it collects");
        };
        let serves = self.core.phase().rules().is_some();
        let mut batch = Vec::new();
        let (more, steps) = self.core.collect(&held[0].1, &mut batch, at_once, self.now);
        for companion in batch {
            let expected = self.model.collect();
            assert_eq!(expected, Some(companion.item), "whose turn it is");
            held.push_back((companion.item.1, companion.ticket));
        }
        assert!(held.len() <= BATCHING.items);
        let state = if more {
            Worker::Collecting(held)
        } else {
            if serves {
                assert_eq!(self.model.collect(), None, "there are more");
            }
            self.model.stop_collecting(self.now);
            Worker::Busy(held)
        };
        self.workers.insert(id, state);
        self.follow_all(steps);
    }

    /// Ends items that are held, except the last, as failed or not.
    fn finish(&mut self, held: &mut Held, but: usize, sent: bool) {
        while held.len() > but {
            let (number, ticket) = held.pop_front().unwrap();
            self.model.end(number, sent);
            let step = self.core.finish(ticket, sent, self.now);
            self.model.release(number, self.now);
            self.follow(step);
        }
    }

    /// An item was given up from outside. Returns the others of its batch.
    fn give_up(&mut self, lane: u8, number: u64) -> Held {
        let others = self.model.give_up(lane, number);
        self.model.end(number, false);
        let held = self.batches.remove(&number).unwrap_or_default();
        let numbers: Vec<u64> = held.iter().map(|(number, _)| *number).collect();
        assert_eq!(others, numbers);
        held
    }

    /// Items of batches that were given up have their outcomes.
    fn gave_up(&mut self, held: Held) {
        for (number, ticket) in held {
            self.model.end(number, false);
            let step = self.core.expired(ticket, self.now);
            self.model.release(number, self.now);
            self.follow(step);
        }
    }

    fn apply_to_batches(&mut self, op: Op) {
        match op {
            Op::Collect(nth, at_once) => {
                let collects = |worker: &Worker| matches!(worker, Worker::Collecting(_));
                if let Some(id) = self.nth(nth, collects) {
                    self.collect(id, at_once);
                }
            }
            Op::Part(nth) => {
                if let Some((id, mut held)) = self.busy(nth) {
                    let left = held.len().div_ceil(2);
                    if left < held.len() {
                        self.finish(&mut held, left, true);
                        self.parts.insert(held[0].0);
                    }
                    self.workers.insert(id, Worker::Busy(held));
                }
            }
            Op::Hurry(hurry) => {
                self.model.hurry = hurry;
                self.model.due |= hurry;
                let steps = self.core.set_hurry(self.groups[BATCHES], hurry);
                self.follow_all(steps);
            }
            Op::Crowd => {
                self.core.crowd(self.now);
                self.model.crowd(None, self.now);
            }
            _ => {}
        }
    }

    fn apply(&mut self, op: Op) {
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

    fn push(&mut self, lane: u8, cost: usize, age: u64) {
        let number = self.next_item;
        self.next_item += 1;
        let since = self.now - Duration::from_millis(age);
        let since = since.max(self.last.get(&lane).copied().unwrap_or(since));
        self.last.insert(lane, since);
        let key = [lane];
        let host_type = host_type_of(lane);
        let place = Place {
            key: &key,
            host_type,
            group: self.groups[group_of(lane)],
            since: Some(since),
        };
        let fits = self.model.fits(lane, cost);
        let state = self.core.counts();
        let busy = state.workers - state.parked;
        let requests = self.requests();
        let ready = self.model.served() as u64;
        let limit = self.rules.workers.min(self.room.unwrap_or(usize::MAX)) as u64;
        match self.core.push(place, (lane, number), cost, self.now) {
            Ok(step) => {
                assert!(fits, "a full lane took one more");
                if matches!(self.core.phase(), Phase::Open(..)) {
                    if self.rules.when_busy == WhenBusy::Reject {
                        assert!(requests + ready < limit, "none was free: {state:?}");
                    }
                    if let Some(most) = self.rules.max_waiting {
                        let here = state.waiting + state.postponed + requests;
                        assert!(here < limit + most as u64);
                    }
                }
                self.model.push(lane, (number, cost, since), self.now);
                if !self.model.fits(lane, 0) {
                    self.model.crowd(Some(lane), self.now);
                }
                if let Some(most) = self.rules.max_waiting
                    && matches!(self.core.phase(), Phase::Open(..))
                    && state.waiting + state.postponed + requests + 1 >= limit + most as u64
                {
                    self.model.crowd(None, self.now);
                }
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
                let no_slot =
                    self.rules.when_busy == WhenBusy::Reject && busy.max(requests + ready) >= limit;
                let here = state.waiting + state.postponed + requests;
                let too_many = self
                    .rules
                    .max_waiting
                    .is_some_and(|most| here >= limit + most as u64);
                let by_rules = open && (no_slot || too_many);
                assert!(!fits || by_rules, "rejected for nothing");
                let full = (!by_rules).then_some(lane);
                self.model.crowd(full, self.now);
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

    fn busy(&mut self, nth: usize) -> Option<(usize, Held)> {
        let id = self.nth(nth, |worker| matches!(worker, Worker::Busy(..)))?;
        match self.workers.insert(id, Worker::Reading) {
            Some(Worker::Busy(held)) => Some((id, held)),
            other => panic!("{other:?}"),
        }
    }

    fn lane_of(&self, number: u64) -> u8 {
        self.model.out[&number].0
    }

    /// How many requests are in flight, as far as the queue knows: a batch of which the first item has ended is
    /// none.
    fn requests(&self) -> u64 {
        let held = self.workers.values().filter_map(|worker| match worker {
            Worker::Busy(held) | Worker::Collecting(held) => Some(held),
            _ => None,
        });
        let begun = held.filter(|held| !self.parts.contains(&held[0].0));
        begun.count() as u64
    }

    /// Does what dropping an in-flight notification and a worker's seat does.
    fn die(&mut self, nth: usize) {
        let Some(id) = self.nth(nth, |worker| !matches!(worker, Worker::Parked)) else {
            return;
        };
        match self.workers.remove(&id) {
            Some(Worker::Busy(mut held)) => self.finish(&mut held, 0, false),
            Some(Worker::Collecting(mut held)) => {
                let steps = self.core.stop_collecting(&held[0].1, self.now);
                self.model.stop_collecting(self.now);
                self.follow_all(steps);
                self.finish(&mut held, 0, false);
            }
            _ => {}
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
        let (_, number) = taken.item;
        self.model.end(number, false);
        let step = self.core.expired(taken.ticket, self.now);
        self.model.release(number, self.now);
        self.follow(step);
    }

    fn put_back(&mut self, nth: usize, millis: Option<u64>, take: bool) {
        // Only what is patient is ever put back.
        let id = self.nth(
            nth,
            |worker| matches!(worker, Worker::Busy(held) if group_of(self.lane_of(held[0].0)) > 0),
        );
        let Some(id) = id else { return };
        let Some(Worker::Busy(mut held)) = self.workers.insert(id, Worker::Reading) else {
            panic!("it was busy");
        };
        let numbers: Vec<u64> = held.iter().map(|(number, _)| *number).collect();
        let (number, ticket) = held.pop_front().unwrap();
        let (item, weight) = ((self.lane_of(number), number), numbers.len());
        let until = millis
            .map(|millis| self.now + Duration::from_millis(millis))
            .map(|until| self.model.unlike_others(until));
        let now = self.now;
        let not_kept = if take {
            match self
                .core
                .put_back_and_take(ticket, item, weight, until, now)
            {
                Ok((next, step)) => {
                    self.parts.remove(&number);
                    self.batches.insert(number, held);
                    self.model.put_back(&numbers, until, now);
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
            match self.core.put_back(ticket, item, weight, until, now) {
                Ok(step) => {
                    self.parts.remove(&number);
                    self.batches.insert(number, held);
                    self.model.put_back(&numbers, until, now);
                    self.follow(step);
                    return;
                }
                Err(not_kept) => not_kept,
            }
        };
        assert!(self.core.phase().is_over());
        assert_eq!(not_kept.item, item);
        held.push_front((number, not_kept.ticket));
        self.finish(&mut held, 0, false);
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
        let (mut cursor, mut late) = (Some(0), BTreeSet::new());
        while let Some(from) = cursor {
            let overdue = |(_, number): &Item| number % divides == 0;
            let (items, next) = self.core.take_overdue(from, at_once, overdue);
            let mut others = Held::new();
            for (lane, number) in items {
                let group = group_of(lane);
                assert!(number % divides == 0 && self.model.gate(group) != Gate::Open);
                let ready = self.model.turns[group].iter().chain(&self.model.again);
                assert!(ready.clone().any(|(ready, _)| *ready == lane));
                others.extend(self.give_up(lane, number));
            }
            // What waited behind a batch is found the next time.
            late.extend(others.iter().map(|(number, _)| self.lane_of(*number)));
            self.gave_up(others);
            cursor = next;
        }
        for group in (1..GROUPS).filter(|group| self.model.gate(*group) != Gate::Open) {
            for (lane, _) in &self.model.turns[group] {
                let number = self.model.lanes[lane][0].number;
                let overdue = number.is_multiple_of(divides) && !late.contains(lane);
                assert!(!overdue, "{number} of lane {lane} is overdue");
            }
        }
    }

    fn purge(&mut self, host_type: Option<HostTypeId>, at_once: usize) {
        let (host_type, cursor, at_once) = self.purging.take().unwrap_or((host_type, 0, at_once));
        let (items, next) = self.core.purge(host_type, cursor, at_once);
        let mut others = Held::new();
        for (lane, number) in items {
            assert!(host_type.is_none_or(|host_type| host_type == host_type_of(lane)));
            others.extend(self.give_up(lane, number));
        }
        self.gave_up(others);
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
        let expected = self.model.remove_next(self.now);
        assert_eq!((lane, number), expected, "whose turn it is");
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
            waiting.get(lane).is_some_and(|items| !items.is_empty())
                || out.values().any(|(of, ..)| of == lane)
        });
        assert_eq!(
            self.reserved,
            lanes.count() * Lanes::<Item>::lane_cost(&[0]),
            "room is kept for the lanes there are"
        );
        let counts = self.core.counts();
        let held = u64::from(self.expired.is_some());
        let count = |kind: fn(&Worker) -> bool| {
            self.workers.values().filter(|worker| kind(worker)).count() as u64
        };
        let sent = self.model.ended.values().filter(|sent| **sent).count() as u64;
        let failed = self.model.ended.len() as u64 - sent;
        assert_eq!(counts.accepted, self.model.accepted);
        assert_eq!(counts.sent, sent);
        assert_eq!(counts.failed, failed + held);
        assert_eq!(counts.postponed, self.model.returned() as u64);
        assert_eq!(
            counts.waiting + counts.postponed,
            self.model.waiting() as u64
        );
        let in_flight = self.workers.values().map(|worker| match worker {
            Worker::Busy(held) | Worker::Collecting(held) => held.len() as u64,
            _ => 0,
        });
        assert_eq!(counts.in_flight, in_flight.sum::<u64>());
        assert_eq!(counts.workers, self.workers.len() as u64);
        assert_eq!(
            counts.parked,
            count(|worker| matches!(worker, Worker::Parked))
        );
        assert_eq!(
            counts.accepted,
            counts.sent + counts.failed + counts.waiting + counts.postponed + counts.in_flight,
            "conservation: {counts:?}"
        );
        assert!(counts.workers <= self.rules.workers as u64, "{counts:?}");
        let serves = matches!(self.core.phase(), Phase::Open(..) | Phase::Draining(..));
        if serves && self.model.served() > 0 {
            let coming = count(|worker| matches!(worker, Worker::Coming)) > 0;
            let all_busy = counts.workers - counts.parked >= self.most_busy();
            assert!(
                coming || all_busy && self.timer,
                "no worker comes for what waits: {counts:?} {:?} timer {}",
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
        for gate in 1..GATES {
            self.apply(Op::Gate(gate, Opening::Open));
        }
        for _ in 0..10_000 {
            if let Some(next) = self.model.next() {
                self.now = self.now.max(next);
            }
            self.apply(Op::Alarm(1));
            self.apply(Op::Expired);
            self.apply(Op::BodyRead(0));
            self.apply(Op::Collect(0, 2));
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
    fn a_long_lane_delays_another_by_one_turn(lanes in 1u8..BATCHED, long in 2usize..4, workers in 1usize..4) {
        let rules = Rules { workers, when_busy: WhenBusy::Wait, max_waiting: None,
                            call_timeout: Duration::from_hours(1) };
        let mut world = World::new(rules);
        // A group with a limit delays its own lanes.
        let mut unlimited = (0..).filter(|lane| ![LIMITED, BATCHES].contains(&group_of(*lane)));
        for lane in unlimited.by_ref().take(usize::from(lanes)) {
            for _ in 0..long {
                world.apply(Op::Push { lane, cost: 1, age: 0 });
            }
        }
        let late = world.next_item;
        world.apply(Op::Push { lane: unlimited.next().unwrap(), cost: 1, age: 0 });
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
        world.apply(Op::Push {
            lane,
            cost: 1,
            age: 0,
        });
    }
    assert_eq!(world.core.counts().accepted, 10);
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
        world.apply(Op::Push {
            lane,
            cost: 1,
            age: 0,
        });
    }
    assert_eq!(world.core.counts().accepted, 3);
}
