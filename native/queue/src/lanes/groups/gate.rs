//! Gates: groups behind a closed one are not served.

use tokio::time::Instant;

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

/// A gate, and what is behind it.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) state: Gate,
    /// The groups.
    pub(super) groups: Vec<u32>,
    /// How many of their lanes their own rules let be served, and how many are ready.
    pub(super) allowed: usize,
    pub(super) ready: usize,
}

impl Default for Behind {
    fn default() -> Self {
        Self {
            state: Gate::Open,
            groups: Vec::new(),
            allowed: 0,
            ready: 0,
        }
    }
}

impl Behind {
    /// How many lanes behind it may be served now.
    pub(super) fn served(&self) -> usize {
        match self.state {
            Gate::Open => self.allowed,
            Gate::One => self.allowed.min(1),
            Gate::Until(_) | Gate::Closed => 0,
        }
    }

    /// How many ready lanes wait for it.
    pub(super) fn held(&self) -> usize {
        if self.state == Gate::Open {
            0
        } else {
            self.ready
        }
    }
}

impl Gate {
    /// Whether lanes behind it are served.
    pub(super) fn serves(self) -> bool {
        matches!(self, Self::Open | Self::One)
    }

    /// When it opens for one item.
    fn opens(self) -> Option<Instant> {
        match self {
            Self::Until(due) => Some(due),
            _ => None,
        }
    }
}

impl GateId {
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

impl Groups {
    /// Adds a gate, which is open.
    pub(in crate::lanes) fn add_gate(&mut self) -> GateId {
        self.gates.push(Behind::default());
        GateId(u32::try_from(self.gates.len() - 1).unwrap_or(NONE))
    }

    /// Sets a gate, but not the first one.
    pub(in crate::lanes) fn set_gate(&mut self, gate: GateId, state: Gate) {
        debug_assert!(gate != GateId::default(), "the first gate is always open");
        self.change_gate(gate.place(), state);
    }

    pub(super) fn change_gate(&mut self, place: usize, state: Gate) {
        let gate = &mut self.gates[place];
        let before = gate.state;
        self.served -= gate.served();
        self.held -= gate.held();
        gate.state = state;
        self.served += gate.served();
        self.held += gate.held();
        let number = u32::try_from(place).unwrap_or(NONE);
        self.orders.note_gate(number, before.opens(), state.opens());
        let (before, now) = (before.serves(), state.serves());
        if before != now {
            for group in &gate.groups {
                let noted = self.all[*group as usize].noted;
                self.orders.note(*group, (noted, before), (noted, now));
            }
        }
    }

    /// The state of the gate that a group is behind.
    pub(in crate::lanes) fn gate(&self, group: GroupId) -> Gate {
        self.gates[self.all[group.place()].gate.place()].state
    }

    /// Whether lanes behind this gate are ready and wait for nothing else.
    pub(in crate::lanes) fn is_ready(&self, gate: GateId) -> bool {
        self.gates[gate.place()].allowed > 0
    }

    /// Whether lanes are ready that wait for their gate.
    pub(in crate::lanes) fn hold(&self) -> bool {
        self.held > 0
    }
}
