//! Ready lanes in groups, and the gates of the groups.
//!
//! The lanes of one group wait for the same endpoint. While its gate is closed none of them is served,
//! however many they are: to close or open it is one step. Between the groups that may be served, the
//! lane whose first item came to the head first is next.
//!
//! The items of the first group expire, and its gate is always open. All other groups are patient.

use tokio::time::Instant;

use super::chunks::Chunks;
use super::ready::Ready;
use super::{Lane, NONE};

/// A group of lanes of a pool. The default one is that of lanes whose items expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u32);

/// Whether the lanes of a group are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// As their turns come.
    Open,
    /// One item is taken, and then the gate is closed.
    One,
    /// Not before this time; then one item is taken.
    Until(Instant),
    /// Not until the gate is set again.
    Closed,
}

#[derive(Debug)]
struct Group {
    ready: Ready,
    gate: Gate,
}

/// The groups of a pool.
#[derive(Debug)]
pub(super) struct Groups {
    all: Vec<Group>,
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

impl Default for Groups {
    fn default() -> Self {
        Self {
            all: vec![Group::new()],
            last: 0,
        }
    }
}

impl Group {
    fn new() -> Self {
        Self {
            ready: Ready::default(),
            gate: Gate::Open,
        }
    }

    /// How many lanes may be served now.
    fn served(&self) -> usize {
        match self.gate {
            Gate::Open => self.ready.len(),
            Gate::One => self.ready.len().min(1),
            Gate::Until(_) | Gate::Closed => 0,
        }
    }
}

impl Groups {
    /// Adds a patient group.
    pub(super) fn add(&mut self) -> GroupId {
        self.all.push(Group::new());
        GroupId(u32::try_from(self.all.len() - 1).unwrap_or(NONE))
    }

    /// How many lanes may be served now.
    pub(super) fn served(&self) -> usize {
        self.all.iter().map(Group::served).sum()
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
            .filter(|group| group.served() > 0)
            .filter_map(|group| group.ready.front())
            .min_by_key(|id| lanes[*id].head_since)
    }

    /// Appends a lane to its group. Returns whether that lets one more lane be served.
    pub(super) fn push_back(&mut self, id: u32, lanes: &mut Chunks<Lane>) -> bool {
        let group = &mut self.all[lanes[id].group.place()];
        let before = group.served();
        group.ready.push_back(id, lanes);
        group.served() > before
    }

    /// Removes a lane, if it is ready.
    pub(super) fn remove(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        self.all[lanes[id].group.place()].ready.remove(id, lanes);
    }

    /// An item of the group was taken: closes a gate that lets one through.
    pub(super) fn taken(&mut self, group: GroupId) {
        self.last = group.place();
        let gate = &mut self.all[group.place()].gate;
        if *gate == Gate::One {
            *gate = Gate::Closed;
        }
    }

    /// Sets the gate of a patient group.
    pub(super) fn set_gate(&mut self, group: GroupId, gate: Gate) {
        debug_assert!(!group.expires(), "items that expire are always served");
        self.all[group.place()].gate = gate;
    }

    /// The gate of a group.
    pub(super) fn gate(&self, group: GroupId) -> Gate {
        self.all[group.place()].gate
    }

    /// Opens the gates whose time has come for one item. Returns how many lanes may be served because of
    /// that, and when the next gate's time comes.
    pub(super) fn due(&mut self, now: Instant) -> (usize, Option<Instant>) {
        let (mut served, mut next) = (0, None);
        for group in &mut self.all {
            if let Gate::Until(due) = group.gate {
                if due <= now {
                    group.gate = Gate::One;
                    served += group.served();
                } else {
                    next = next.into_iter().chain([due]).min();
                }
            }
        }
        (served, next)
    }

    /// Whether lanes of this group are ready, served or not.
    pub(super) fn is_ready(&self, group: GroupId) -> bool {
        self.all[group.place()].ready.len() > 0
    }

    /// Whether lanes are ready that are not served.
    pub(super) fn hold(&self) -> bool {
        let held = |group: &Group| group.gate != Gate::Open && group.ready.len() > 0;
        self.all.iter().any(held)
    }
}
