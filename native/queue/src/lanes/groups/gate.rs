//! Gates: groups behind a closed one are not served.

use tokio::time::Instant;

use super::group::Group;
use super::{GroupId, Groups};
use crate::lanes::NONE;

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

impl GateId {
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

impl Groups {
    /// Adds a gate, which is open.
    pub(in crate::lanes) fn add_gate(&mut self) -> GateId {
        self.gates.push(Gate::Open);
        GateId(u32::try_from(self.gates.len() - 1).unwrap_or(NONE))
    }

    /// Sets a gate, but not the first one.
    pub(in crate::lanes) fn set_gate(&mut self, gate: GateId, state: Gate) {
        debug_assert!(gate != GateId::default(), "the first gate is always open");
        self.gates[gate.place()] = state;
    }

    /// The state of the gate that a group is behind.
    pub(in crate::lanes) fn gate(&self, group: GroupId) -> Gate {
        self.gates[self.all[group.place()].gate.place()]
    }

    /// Whether lanes behind this gate are ready and wait for nothing else.
    pub(in crate::lanes) fn is_ready(&self, gate: GateId) -> bool {
        let ready = |group: &Group| group.gate == gate && group.allowed() > 0;
        self.all.iter().any(ready)
    }

    /// Whether lanes are ready that wait for their gate.
    pub(in crate::lanes) fn hold(&self) -> bool {
        let held =
            |group: &Group| self.gates[group.gate.place()] != Gate::Open && group.ready() > 0;
        self.all.iter().any(held)
    }
}
