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

mod batched;
mod gate;
mod group;
mod turn;

use notification::policy::Rate;
use tokio::time::Instant;

use super::batches::Clock;
use super::chunks::Chunks;
use super::limit::Limit;
use super::ready::Ready;
use super::{Lane, NONE, State};
pub use gate::{Gate, GateId};
use group::Group;

/// A group of lanes of a pool. The default one is that of lanes whose items expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u32);

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

impl Groups {
    /// Adds a patient group behind a gate, with a limit or without.
    pub(super) fn add(&mut self, gate: GateId, rate: Option<Rate>) -> GroupId {
        self.all.push(Group {
            gate,
            limit: rate.map(|rate| Box::new(Limit::new(rate))),
            ..Group::default()
        });
        GroupId(u32::try_from(self.all.len() - 1).unwrap_or(NONE))
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

    /// The clock on which items were handed over.
    pub(super) fn clock(&mut self) -> &mut Clock {
        &mut self.clock
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

    /// An item of the group was taken: closes a gate that lets one through.
    pub(super) fn taken(&mut self, group: GroupId) {
        self.last = group.place();
        let gate = &mut self.gates[self.all[group.place()].gate.place()];
        if *gate == Gate::One {
            *gate = Gate::Closed;
        }
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
        let millis = self.clock.read(now);
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
}
