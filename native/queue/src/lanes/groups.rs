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
//! No step looks at all groups: what it asks for is in [`orders`], and each change of a group is noted there.
//!
//! The items of the first group expire. All other groups are patient. The first gate is always open.

mod batched;
mod gate;
mod group;
pub(crate) mod looks;
mod orders;
mod turn;

use notification::policy::Rate;
use tokio::time::Instant;

use super::chunks::Chunks;
use super::clock::Clock;
use super::limit::Limit;
use super::ready::Ready;
use super::{Lane, NONE, State};
use gate::Behind;
pub use gate::{Gate, GateId};
use group::Group;
use orders::{Orders, Who};

/// A group of lanes of a pool. The default one is that of lanes whose items expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u32);

/// The groups of a pool.
#[derive(Debug)]
pub(super) struct Groups {
    all: Vec<Group>,
    gates: Vec<Behind>,
    /// As long as there is more than one group.
    orders: Orders,
    /// How many lanes may be served, and how many are ready and wait for their gates.
    served: usize,
    held: usize,
    /// The group that was served last: of lanes that are ready since the same time, its lanes come last.
    last: usize,
    /// The first time at which [`Groups::due`] finds more lanes than now, if a step has changed it.
    wake: Option<Instant>,
    /// When items were handed over.
    clock: Clock,
    /// Whether no batch waits for company.
    hurry: bool,
}

/// How many groups and gates one look of the alarm finds due: as many again may be due, and then the next look is
/// due at once.
const AT_ONCE: usize = 256;

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

impl Default for Groups {
    fn default() -> Self {
        Self {
            all: vec![Group::default()],
            gates: vec![Behind {
                groups: vec![0],
                ..Behind::default()
            }],
            orders: Orders::default(),
            served: 0,
            held: 0,
            last: 0,
            wake: None,
            clock: Clock::default(),
            hurry: false,
        }
    }
}

impl Groups {
    /// Adds a patient group behind a gate, with a limit or without.
    pub(super) fn add(
        &mut self,
        gate: GateId,
        rate: Option<Rate>,
        lanes: &Chunks<Lane>,
    ) -> GroupId {
        self.all.push(Group {
            gate,
            limit: rate.map(|rate| Box::new(Limit::new(rate))),
            ..Group::default()
        });
        let number = u32::try_from(self.all.len() - 1).unwrap_or(NONE);
        self.gates[gate.place()].groups.push(number);
        if self.all.len() == 2 {
            // As long as it was the only one, nothing was noted of it.
            self.note(0, lanes);
        }
        GroupId(number)
    }

    /// The ready lanes whose items expire.
    pub(super) fn expiring(&self) -> &Ready {
        &self.all[0].ready
    }

    /// Appends a lane to its group. Returns whether that lets one more lane be served.
    pub(super) fn push_back(&mut self, id: u32, lanes: &mut Chunks<Lane>, now: Instant) -> bool {
        let group = lanes[id].group;
        let place = group.place();
        let gate = self.all[place].gate.place();
        let Group { limit, batches, .. } = &self.all[place];
        if limit.is_none() && batches.is_none() && self.gates[gate].state == Gate::Open {
            self.all[place].ready.push_back(id, lanes);
            self.note(place, lanes);
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
        self.note(place, lanes);
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

    /// The clock on which items were handed over.
    pub(super) fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// Counts the tokens of a group with a limit.
    fn refill(&mut self, group: GroupId, now: Instant) {
        let group = &mut self.all[group.place()];
        if let Some(limit) = &mut group.limit {
            group.token_at = limit.refill(now);
        }
    }

    /// A request of the group begins: one less may begin, if the group has a limit.
    pub(super) fn spend(&mut self, group: GroupId, now: Instant, lanes: &Chunks<Lane>) {
        let place = group.place();
        let group = &mut self.all[place];
        let Some(limit) = &mut group.limit else {
            return;
        };
        limit.spend(now);
        if limit.free() == 0 {
            group.token_at = Some(limit.next(now));
        }
        self.note(place, lanes);
    }

    /// An item that was taken leads to no request: another one may be taken in its place. Returns how many more lanes are
    /// served.
    pub(super) fn give_back(
        &mut self,
        group: GroupId,
        now: Instant,
        lanes: &Chunks<Lane>,
    ) -> usize {
        let place = group.place();
        let before = self.served_with(place);
        if let Some(limit) = &mut self.all[place].limit {
            limit.give_back();
            self.refill(group, now);
        }
        self.note(place, lanes);
        self.served_with(place).saturating_sub(before)
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
        let place = lane.group.place();
        let group = &mut self.all[place];
        if lane.state == State::Ready
            && let Some(batches) = &mut group.batches
        {
            batches.leave(id, lane);
        }
        group.ready.remove(id, lanes);
        self.note(place, lanes);
    }

    /// An item of the group was taken: closes a gate that lets one through.
    pub(super) fn taken(&mut self, group: GroupId) {
        self.last = group.place();
        let gate = self.all[group.place()].gate.place();
        if self.gates[gate].state == Gate::One {
            self.change_gate(gate, Gate::Closed);
        }
    }

    /// Opens the gates whose time has come for one item, counts the tokens that have come, and finds the batches
    /// that are due. Returns how many more lanes may be served, and when the next time comes.
    pub(super) fn due(&mut self, now: Instant, lanes: &Chunks<Lane>) -> (usize, Option<Instant>) {
        let before = self.served();
        for _ in 0..AT_ONCE {
            let Some((_, who)) = self.orders.alarm().filter(|(at, _)| *at <= now) else {
                break;
            };
            match who {
                Who::Gate(gate) => self.change_gate(gate as usize, Gate::One),
                Who::Group(number) => {
                    let group = GroupId(number);
                    if self.all[group.place()].has_no_token() {
                        self.refill(group, now);
                    }
                    if self.all[group.place()].lingers() {
                        self.look(group, now);
                    }
                    self.note(group.place(), lanes);
                }
            }
        }
        self.wake = None;
        let next = self.orders.alarm().map(|(at, _)| at);
        (self.served().saturating_sub(before), next)
    }

    /// Whether a group with a limit has lanes that wait for it.
    pub(super) fn is_limited(&self, group: GroupId) -> bool {
        let group = &self.all[group.place()];
        group.has_no_token() && group.ready() > 0
    }
}
