//! Ready lanes in groups, and the gates of the groups.
//!
//! The lanes of one group are served under the same conditions, and groups that wait for the same endpoint
//! share a gate. While the gate is closed none of their lanes is served, however many they are: to close or
//! open it is one step. Between the groups that may be served, the lane whose first item came to the head
//! first is next.
//!
//! A group may have a limit of its own: then so many of its lanes are served as it has tokens. A group may take
//! items together: then one lane is served for each batch that can be made.
//!
//! The items of the first group expire. All other groups are patient. The first gate is always open.

use notification::policy::Rate;
use tokio::time::Instant;

use super::batches::{Batches, Batching, Clock, Collector};
use super::chunks::Chunks;
use super::limit::Limit;
use super::ready::Ready;
use super::{Lane, NONE, State};

/// A group of lanes of a pool. The default one is that of lanes whose items expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u32);

/// A gate of a pool. The default one is always open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateId(u32);

/// Whether the lanes behind a gate are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// As their turns come.
    Open,
    /// One item is taken, of whichever group, and then the gate is closed.
    One,
    /// Not before this time; then one item is taken.
    Until(Instant),
    /// Not until the gate is set again.
    Closed,
}

#[derive(Debug, Default)]
struct Group {
    ready: Ready,
    gate: GateId,
    limit: Option<Box<Limit>>,
    /// If its items are taken together. Then lanes whose first item is a batch are there, not in `ready`.
    batches: Option<Box<Batches>>,
}

/// The groups of a pool.
#[derive(Debug)]
pub(super) struct Groups {
    all: Vec<Group>,
    gates: Vec<Gate>,
    /// The group that was served last: of lanes that are ready since the same time, its lanes come last.
    last: usize,
    /// The first time at which [`Groups::due`] finds more lanes than now, if a step has changed it.
    wake: Option<Instant>,
    /// When items were handed over.
    clock: Clock,
    /// Whether no batch waits for company.
    hurry: bool,
}

impl GroupId {
    /// Whether the items of the group expire.
    #[must_use]
    pub fn expires(self) -> bool {
        self == Self::default()
    }

    fn place(self) -> usize {
        self.0 as usize
    }
}

impl GateId {
    fn place(self) -> usize {
        self.0 as usize
    }
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            all: vec![Group::default()],
            gates: vec![Gate::Open],
            last: 0,
            wake: None,
            clock: Clock::default(),
            hurry: false,
        }
    }
}

impl Group {
    /// How many of its lanes the group's own rules let be served.
    fn allowed(&self) -> usize {
        let ready = self.ready.len();
        let made = |batches: &Batches| batches.again().len() + batches.served(ready);
        let lanes = self.batches.as_deref().map_or(ready, made);
        let free = self.limit.as_ref().map(|limit| limit.free());
        lanes.min(free.unwrap_or(usize::MAX))
    }

    /// How many lanes are ready, served or not.
    fn ready(&self) -> usize {
        let again = |batches: &Batches| batches.again().len();
        self.ready.len() + self.batches.as_deref().map_or(0, again)
    }

    /// The lanes of which one is next if the group is served.
    fn fronts(&self) -> impl Iterator<Item = u32> + use<> {
        let Some(batches) = &self.batches else {
            return None.into_iter().chain(self.ready.front());
        };
        let makes = batches.served(self.ready.len()) > 0;
        let made = self.ready.front().filter(|_| makes);
        batches.again().front().into_iter().chain(made)
    }

    /// The lanes of which one is next if all are served.
    fn all_fronts(&self) -> impl Iterator<Item = u32> + use<> {
        let batches = self.batches.as_ref();
        let again = batches.and_then(|batches| batches.again().front());
        again.into_iter().chain(self.ready.front())
    }
}

impl Groups {
    /// Adds a gate, which is open.
    pub(super) fn add_gate(&mut self) -> GateId {
        self.gates.push(Gate::Open);
        GateId(u32::try_from(self.gates.len() - 1).unwrap_or(NONE))
    }

    /// Adds a patient group behind a gate, with a limit or without.
    pub(super) fn add(&mut self, gate: GateId, rate: Option<Rate>) -> GroupId {
        self.all.push(Group {
            gate,
            limit: rate.map(|rate| Box::new(Limit::new(rate))),
            ..Group::default()
        });
        GroupId(u32::try_from(self.all.len() - 1).unwrap_or(NONE))
    }

    /// How many lanes may be served now.
    pub(super) fn served(&self) -> usize {
        if let [only] = &*self.all {
            return only.ready.len();
        }
        // Asked in nearly every step, so each group is looked at once: gates that let one through are few.
        let open = |group: &&Group| self.gates[group.gate.place()] == Gate::Open;
        let behind_open: usize = self.all.iter().filter(open).map(Group::allowed).sum();
        let is_one = |gate: &usize| self.gates[*gate] == Gate::One;
        let ones = (0..self.gates.len()).filter(is_one);
        behind_open + ones.map(|gate| self.served_at(gate)).sum::<usize>()
    }

    /// How many lanes behind a gate may be served now.
    fn served_at(&self, gate: usize) -> usize {
        let behind = || {
            let groups = self.all.iter().filter(|group| group.gate.place() == gate);
            groups.map(Group::allowed).sum::<usize>()
        };
        match self.gates[gate] {
            Gate::Open => behind(),
            Gate::One => behind().min(1),
            Gate::Until(_) | Gate::Closed => 0,
        }
    }

    /// How many lanes may be served now, of those that a step of this group can change. A push asks for it, and each
    /// end: while the gate is open it looks at no other group, however many there are.
    fn served_with(&self, group: usize) -> usize {
        let gate = self.all[group].gate.place();
        match self.gates[gate] {
            Gate::Open => self.all[group].allowed(),
            Gate::One | Gate::Until(_) | Gate::Closed => self.served_at(gate),
        }
    }

    /// Whether a group has a lane that may be served now.
    fn is_served(&self, group: &Group) -> bool {
        let open = matches!(self.gates[group.gate.place()], Gate::Open | Gate::One);
        open && group.allowed() > 0
    }

    /// The ready lanes whose items expire.
    pub(super) fn expiring(&self) -> &Ready {
        &self.all[0].ready
    }

    /// The lane that is next.
    pub(super) fn next(&self, lanes: &Chunks<Lane>) -> Option<u32> {
        if let [only] = &*self.all {
            return only.ready.front();
        }
        let served = self.in_turn().filter(|group| self.is_served(group));
        served
            .flat_map(Group::fronts)
            .min_by_key(|id| lanes[*id].head_since)
    }

    /// The ready lane whose first item came to the head first, served or not.
    pub(super) fn oldest(&self, lanes: &Chunks<Lane>) -> Option<u32> {
        let ready = self.in_turn().flat_map(Group::all_fronts);
        ready.min_by_key(|id| lanes[*id].head_since)
    }

    /// All groups, that which was served last at the end.
    fn in_turn(&self) -> impl Iterator<Item = &Group> {
        let count = self.all.len();
        (1..=count).map(move |after| &self.all[(self.last + after) % count])
    }

    /// Appends a lane to its group. Returns whether that lets one more lane be served.
    pub(super) fn push_back(&mut self, id: u32, lanes: &mut Chunks<Lane>, now: Instant) -> bool {
        let group = lanes[id].group;
        let place = group.place();
        let gate = self.all[place].gate.place();
        let Group { limit, batches, .. } = &self.all[place];
        if limit.is_none() && batches.is_none() && self.gates[gate] == Gate::Open {
            self.all[place].ready.push_back(id, lanes);
            return true;
        }
        // While lanes are ready, the alarm says when one more may be served: it finds a worker for each.
        if self.all[place].ready() == 0 {
            self.refill(group, now);
        }
        let before = self.served_with(place);
        match &mut self.all[place].batches {
            Some(batches) if lanes[id].returned > 0 => batches.push_again(id, lanes),
            _ => {
                self.enter(id, lanes);
                self.look(group, now);
            }
        }
        self.served_with(place) > before
    }

    /// Appends a lane whose first item is no batch.
    fn enter(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        let group = &mut self.all[lanes[id].group.place()];
        group.ready.push_back(id, lanes);
        if let Some(batches) = &mut group.batches {
            batches.enter(id, &lanes[id]);
        }
    }

    /// Finds out whether a batch of a group is due, or when it will be.
    fn look(&mut self, group: GroupId, now: Instant) {
        if let Some(batches) = &mut self.all[group.place()].batches
            && let Some(due) = batches.look(self.clock.millis(now), self.hurry)
            && let Some(due) = self.clock.at(due)
        {
            self.wake_at(due);
        }
    }

    /// Appends a lane whose first item, a batch, is gone ([`Groups::remove_batch`]). Its next batch is made in
    /// place of that one.
    pub(super) fn push_rest(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        self.enter(id, lanes);
        if let Some(batches) = &mut self.all[lanes[id].group.place()].batches {
            batches.set_due();
        }
    }

    /// An item was appended to a lane that had items. Returns whether that lets one more batch be made.
    pub(super) fn grew(&mut self, id: u32, cost: usize, lanes: &Chunks<Lane>) -> bool {
        let lane = &lanes[id];
        let place = lane.group.place();
        if lane.state != State::Ready || lane.returned > 0 || self.all[place].batches.is_none() {
            return false;
        }
        let before = self.served_with(place);
        if let Some(batches) = &mut self.all[place].batches {
            batches.grew(cost);
        }
        self.served_with(place) > before
    }

    /// The clock on which items were handed over.
    pub(super) fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// Has the items of a patient group taken together.
    pub(super) fn set_batching(&mut self, group: GroupId, rule: Batching) {
        debug_assert!(!group.expires(), "items that expire are taken alone");
        self.all[group.place()].batches = Some(Box::new(Batches::new(rule)));
    }

    /// Whether others are to be taken with the first item of this lane.
    pub(super) fn begins_batch(&self, id: u32, lanes: &Chunks<Lane>) -> bool {
        let lane = &lanes[id];
        lane.returned == 0 && self.all[lane.group.place()].batches.is_some()
    }

    /// The batch that the group collects now, with its rule.
    pub(super) fn collector(&self, group: GroupId) -> Option<(Batching, Collector)> {
        let batches = self.all[group.place()].batches.as_ref()?;
        Some((batches.rule(), batches.collector()?))
    }

    /// So much of a batch is collected.
    pub(super) fn collect(&mut self, group: GroupId, collector: Collector) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_collector(Some(collector));
        }
    }

    /// A batch is complete: another one may be made.
    pub(super) fn collected(&mut self, group: GroupId, now: Instant) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_collector(None);
        }
        self.look(group, now);
    }

    /// The first of the lanes that are ready with no batch.
    pub(super) fn front(&self, group: GroupId) -> Option<u32> {
        self.all[group.place()].ready.front()
    }

    /// Whether the group's items wait for no company.
    pub(super) fn set_hurry(&mut self, group: GroupId, hurry: bool) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_hurry(hurry);
        }
    }

    /// Whether the items of no group do.
    pub(super) fn set_all_hurry(&mut self, hurry: bool) {
        self.hurry = hurry;
        if hurry {
            let groups = self.all.iter_mut();
            let batches = groups.filter_map(|group| group.batches.as_deref_mut());
            batches.for_each(Batches::set_due);
        }
    }

    /// Counts the tokens of a group with a limit.
    fn refill(&mut self, group: GroupId, now: Instant) {
        let limit = self.all[group.place()].limit.as_mut();
        if let Some(next) = limit.and_then(|limit| limit.refill(now)) {
            self.wake_at(next);
        }
    }

    /// A request of the group begins: one less may begin, if the group has a limit.
    pub(super) fn spend(&mut self, group: GroupId, now: Instant) {
        let group = &mut self.all[group.place()];
        let ready = group.ready();
        let Some(limit) = &mut group.limit else {
            return;
        };
        limit.spend(now);
        if limit.free() == 0 && ready > 0 {
            let next = limit.next(now);
            self.wake_at(next);
        }
    }

    fn wake_at(&mut self, due: Instant) {
        self.wake = self.wake.into_iter().chain([due]).min();
    }

    /// The first time at which [`Groups::due`] finds more lanes than now, if a step has changed it.
    pub(super) fn take_wake(&mut self) -> Option<Instant> {
        self.wake.take()
    }

    /// Removes a lane, if it is ready.
    pub(super) fn remove(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        if self.remove_batch(id, lanes) {
            return;
        }
        let lane = &lanes[id];
        let group = &mut self.all[lane.group.place()];
        if lane.state == State::Ready
            && let Some(batches) = &mut group.batches
        {
            batches.leave(id, lane);
        }
        group.ready.remove(id, lanes);
    }

    /// Removes a lane that is ready with a batch. Returns whether it is one.
    pub(super) fn remove_batch(&mut self, id: u32, lanes: &mut Chunks<Lane>) -> bool {
        let lane = &lanes[id];
        if lane.state != State::Ready || lane.returned == 0 {
            return false;
        }
        let Some(batches) = &mut self.all[lane.group.place()].batches else {
            return false;
        };
        batches.remove_again(id, lanes);
        true
    }

    /// The first item of a lane is gone that was no batch; the next was handed over at `next`.
    pub(super) fn shrank(
        &mut self,
        id: u32,
        cost: usize,
        next: Option<u32>,
        lanes: &mut Chunks<Lane>,
    ) {
        let lane = &mut lanes[id];
        if let Some(batches) = &mut self.all[lane.group.place()].batches
            && lane.state == State::Ready
        {
            batches.shrank(id, cost, next, lane);
        }
    }

    /// An item of the group was taken: closes a gate that lets one through.
    pub(super) fn taken(&mut self, group: GroupId) {
        self.last = group.place();
        let gate = &mut self.gates[self.all[group.place()].gate.place()];
        if *gate == Gate::One {
            *gate = Gate::Closed;
        }
    }

    /// Sets a gate, but not the first one.
    pub(super) fn set_gate(&mut self, gate: GateId, state: Gate) {
        debug_assert!(gate != GateId::default(), "the first gate is always open");
        self.gates[gate.place()] = state;
    }

    /// The state of the gate that a group is behind.
    pub(super) fn gate(&self, group: GroupId) -> Gate {
        self.gates[self.all[group.place()].gate.place()]
    }

    /// Opens the gates whose time has come for one item, counts the tokens that have come, and finds the batches
    /// that are due. Returns how many more lanes may be served, and when the next time comes.
    pub(super) fn due(&mut self, now: Instant) -> (usize, Option<Instant>) {
        let before = self.served();
        let mut next = None;
        for gate in &mut self.gates {
            match *gate {
                Gate::Until(due) if due <= now => *gate = Gate::One,
                Gate::Until(due) => next = next.into_iter().chain([due]).min(),
                _ => {}
            }
        }
        let millis = self.clock.millis(now);
        for group in &mut self.all {
            let ready = group.ready();
            if let Some(limit) = &mut group.limit
                && limit.free() == 0
                && ready > 0
            {
                next = next.into_iter().chain(limit.refill(now)).min();
            }
            if let Some(batches) = &mut group.batches {
                let due = batches.look(millis, self.hurry);
                let due = due.and_then(|due| self.clock.at(due));
                next = next.into_iter().chain(due).min();
            }
        }
        self.wake = None;
        (self.served().saturating_sub(before), next)
    }

    /// Whether a group with a limit has lanes that wait for it.
    pub(super) fn is_limited(&self, group: GroupId) -> bool {
        let group = &self.all[group.place()];
        let used_up = |limit: &Limit| limit.free() == 0 && group.ready() > 0;
        group.limit.as_deref().is_some_and(used_up)
    }

    /// Whether lanes behind this gate are ready and wait for nothing else.
    pub(super) fn is_ready(&self, gate: GateId) -> bool {
        let ready = |group: &Group| group.gate == gate && group.allowed() > 0;
        self.all.iter().any(ready)
    }

    /// Whether lanes are ready that wait for their gate.
    pub(super) fn hold(&self) -> bool {
        let held =
            |group: &Group| self.gates[group.gate.place()] != Gate::Open && group.ready() > 0;
        self.all.iter().any(held)
    }
}
