//! Ready lanes in groups, and the gates of the groups.
//!
//! The lanes of one group are served under the same conditions, and groups that wait for the same endpoint
//! share a gate. While the gate is closed none of their lanes is served, however many they are: to close or
//! open it is one step. Between the groups that may be served, the lane whose first item came to the head
//! first is next.
//!
//! The items of the first group expire. All other groups are patient. The first gate is always open.

use tokio::time::Instant;

use super::chunks::Chunks;
use super::ready::Ready;
use super::{Lane, NONE};

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
}

/// The groups of a pool.
#[derive(Debug)]
pub(super) struct Groups {
    all: Vec<Group>,
    gates: Vec<Gate>,
    /// The group that was served last: of lanes that are ready since the same time, its lanes come last.
    last: usize,
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
        }
    }
}

impl Groups {
    /// Adds a gate, which is open.
    pub(super) fn add_gate(&mut self) -> GateId {
        self.gates.push(Gate::Open);
        GateId(u32::try_from(self.gates.len() - 1).unwrap_or(NONE))
    }

    /// Adds a patient group behind a gate.
    pub(super) fn add(&mut self, gate: GateId) -> GroupId {
        self.all.push(Group {
            ready: Ready::default(),
            gate,
        });
        GroupId(u32::try_from(self.all.len() - 1).unwrap_or(NONE))
    }

    /// How many lanes may be served now.
    pub(super) fn served(&self) -> usize {
        if let [only] = &*self.all {
            return only.ready.len();
        }
        let gates = 0..self.gates.len();
        gates.map(|gate| self.served_at(gate)).sum()
    }

    /// How many lanes behind a gate may be served now.
    fn served_at(&self, gate: usize) -> usize {
        let behind = || {
            let groups = self.all.iter().filter(|group| group.gate.place() == gate);
            groups.map(|group| group.ready.len()).sum::<usize>()
        };
        match self.gates[gate] {
            Gate::Open => behind(),
            Gate::One => behind().min(1),
            Gate::Until(_) | Gate::Closed => 0,
        }
    }

    /// Whether a group has a lane that may be served now.
    fn is_served(&self, group: &Group) -> bool {
        let open = matches!(self.gates[group.gate.place()], Gate::Open | Gate::One);
        open && group.ready.len() > 0
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
        let count = self.all.len();
        let in_turn = (1..=count).map(|after| &self.all[(self.last + after) % count]);
        in_turn
            .filter(|group| self.is_served(group))
            .filter_map(|group| group.ready.front())
            .min_by_key(|id| lanes[*id].head_since)
    }

    /// Appends a lane to its group. Returns whether that lets one more lane be served.
    pub(super) fn push_back(&mut self, id: u32, lanes: &mut Chunks<Lane>) -> bool {
        let place = lanes[id].group.place();
        let gate = self.all[place].gate.place();
        let more = match self.gates[gate] {
            Gate::Open => true,
            Gate::One => self.served_at(gate) == 0,
            Gate::Until(_) | Gate::Closed => false,
        };
        self.all[place].ready.push_back(id, lanes);
        more
    }

    /// Removes a lane, if it is ready.
    pub(super) fn remove(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        self.all[lanes[id].group.place()].ready.remove(id, lanes);
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

    /// Opens the gates whose time has come for one item. Returns how many lanes may be served because of
    /// that, and when the next gate's time comes.
    pub(super) fn due(&mut self, now: Instant) -> (usize, Option<Instant>) {
        let (mut served, mut next) = (0, None);
        for gate in 0..self.gates.len() {
            if let Gate::Until(due) = self.gates[gate] {
                if due <= now {
                    self.gates[gate] = Gate::One;
                    served += self.served_at(gate);
                } else {
                    next = next.into_iter().chain([due]).min();
                }
            }
        }
        (served, next)
    }

    /// Whether lanes behind this gate are ready, served or not.
    pub(super) fn is_ready(&self, gate: GateId) -> bool {
        let ready = |group: &Group| group.gate == gate && group.ready.len() > 0;
        self.all.iter().any(ready)
    }

    /// Whether lanes are ready that wait for their gate.
    pub(super) fn hold(&self) -> bool {
        let held =
            |group: &Group| self.gates[group.gate.place()] != Gate::Open && group.ready.len() > 0;
        self.all.iter().any(held)
    }
}
