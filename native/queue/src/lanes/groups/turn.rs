//! Which lanes may be served, and which of them is next: the one whose first item came to the head first.

use super::Groups;
use super::gate::Gate;
use super::group::Group;
use crate::lanes::chunks::Chunks;
use crate::lanes::lane::Lane;

impl Groups {
    /// How many lanes may be served now.
    pub(in crate::lanes) fn served(&self) -> usize {
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
    pub(super) fn served_with(&self, group: usize) -> usize {
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

    /// The lane that is next.
    pub(in crate::lanes) fn next(&self, lanes: &Chunks<Lane>) -> Option<u32> {
        if let [only] = &*self.all {
            return only.ready.front();
        }
        let served = self.in_turn().filter(|group| self.is_served(group));
        served
            .flat_map(Group::fronts)
            .min_by_key(|id| lanes[*id].head_since)
    }

    /// The ready lane whose first item came to the head first, served or not.
    pub(in crate::lanes) fn oldest(&self, lanes: &Chunks<Lane>) -> Option<u32> {
        let ready = self.in_turn().flat_map(Group::all_fronts);
        ready.min_by_key(|id| lanes[*id].head_since)
    }

    /// All groups, that which was served last at the end.
    fn in_turn(&self) -> impl Iterator<Item = &Group> {
        let count = self.all.len();
        (1..=count).map(move |after| &self.all[(self.last + after) % count])
    }
}
