//! The orders in which steps ask for groups: whose turn it is, which alarm comes first, and which wait for company.
//!
//! A pool may have a group for each of thousands of handlers, and a step under its lock must not look at all of
//! them. So each change of a group notes what it means for these orders, and only then.

use std::collections::BTreeSet;

use tokio::time::Instant;

/// What a group's alarm or a gate's is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// The gate opens for one item.
    Gate(u32),
    /// A batch of the group is due, or a token of its limit has come.
    Group(u32),
}

/// What the orders know of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// How many of its lanes its own rules let be served.
    pub(super) allowed: usize,
    /// How many of its lanes are ready.
    pub(super) ready: usize,
    /// Since when the lane has its first item that is next if the group is served, of those that its rules let be served
    /// now.
    pub(super) next: Option<Instant>,
    /// The same of all ready lanes.
    pub(super) first: Option<Instant>,
    /// When one more lane may be served.
    pub(super) alarm: Option<Instant>,
    /// Whether its items wait for company.
    pub(super) lingers: bool,
}

/// Groups in the orders in which steps ask for them.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Groups that may be served, by the time of their next lane.
    turns: BTreeSet<(Instant, u32)>,
    /// Groups with a ready lane, by the time of the first.
    firsts: BTreeSet<(Instant, u32)>,
    alarms: BTreeSet<(Instant, Who)>,
    lingering: BTreeSet<u32>,
}

impl Orders {
    /// A group is no longer what it was. `served`: whether its gate let it be served, and does.
    pub(super) fn note(&mut self, group: u32, before: (Noted, bool), now: (Noted, bool)) {
        let turn = |(noted, served): (Noted, bool)| noted.next.filter(|_| served);
        change(&mut self.turns, turn(before), turn(now), group);
        let (before, now) = (before.0, now.0);
        change(&mut self.firsts, before.first, now.first, group);
        change(&mut self.alarms, before.alarm, now.alarm, Who::Group(group));
        if before.lingers != now.lingers {
            if now.lingers {
                self.lingering.insert(group);
            } else {
                self.lingering.remove(&group);
            }
        }
    }

    /// A gate opens for one item at another time than before, or at none.
    pub(super) fn note_gate(&mut self, gate: u32, before: Option<Instant>, now: Option<Instant>) {
        change(&mut self.alarms, before, now, Who::Gate(gate));
    }

    /// The group whose turn it is. Of those whose lanes are next since the same time, the first one behind `last`.
    pub(super) fn next(&self, last: usize) -> Option<usize> {
        first_behind(&self.turns, last)
    }

    /// The same of all groups with a ready lane.
    pub(super) fn oldest(&self, last: usize) -> Option<usize> {
        first_behind(&self.firsts, last)
    }

    /// The first alarm.
    pub(super) fn alarm(&self) -> Option<(Instant, Who)> {
        self.alarms.first().copied()
    }

    /// A group whose items wait for company.
    pub(super) fn lingering(&self) -> Option<usize> {
        self.lingering.first().map(|group| *group as usize)
    }
}

fn change<T: Ord + Copy>(
    order: &mut BTreeSet<(Instant, T)>,
    before: Option<Instant>,
    now: Option<Instant>,
    of: T,
) {
    if before == now {
        return;
    }
    if let Some(before) = before {
        order.remove(&(before, of));
    }
    if let Some(now) = now {
        order.insert((now, of));
    }
}

fn first_behind(order: &BTreeSet<(Instant, u32)>, last: usize) -> Option<usize> {
    let (since, first) = *order.first()?;
    let behind = u32::try_from(last).unwrap_or(u32::MAX).saturating_add(1);
    let next = order.range((since, behind)..=(since, u32::MAX)).next();
    Some(next.map_or(first, |(_, group)| *group) as usize)
}
