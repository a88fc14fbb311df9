//! Steps for items whose delivery is tried again: back into the queue until a time, and gates that hold
//! all lanes of one endpoint.
//!
//! One task per pool, the *alarm*, calls [`Core::due`] when the next time comes. It runs only while
//! something is postponed or held.

use notification::policy::Rate;
use tokio::time::Instant;

use crate::core::Core;
use crate::lanes::{Gate, GateId, GroupId, Taken, Ticket};
use crate::phase::Parts;
use crate::step::{Call, Due, Step};

/// What the alarm does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// It does not run.
    #[default]
    Off,
    /// It sleeps until this time.
    Until(Instant),
    /// It runs, and knows of no time.
    Idle,
}

/// An item that a pool no longer keeps.
#[derive(Debug)]
pub struct NotKept<T> {
    /// The item.
    pub item: T,
    /// Its ticket, for the item's outcome.
    pub ticket: Ticket,
}

/// The next item, if there is one, and what to do outside the lock.
pub type TakenAndStep<T, W, O> = (Option<Taken<T>>, Step<W, O>);

impl<T, W, P: Parts> Core<T, W, P> {
    /// Adds a gate, which is open.
    pub fn add_gate(&mut self) -> GateId {
        self.lanes.add_gate()
    }

    /// Adds a group of lanes whose items do not expire, behind a gate; the default gate is always open. With a
    /// rate, no more of its items are taken than that allows.
    pub fn add_group(&mut self, gate: GateId, rate: Option<Rate>) -> GroupId {
        self.lanes.add_group(gate, rate)
    }

    /// A request begins that no item is taken for: it counts against the limit of its group, and may begin
    /// before there is a token for it.
    pub fn spend(&mut self, group: GroupId, now: Instant) {
        self.lanes.spend(group, now);
    }

    /// An item that was taken leads to no request: it does not count against the limit of its group. Call this before
    /// the item ends or is put back. Returns the steps for the lanes that are served because of that.
    pub fn give_back(&mut self, group: GroupId, now: Instant) -> Vec<Step<W, P::Opened>> {
        let served = self.lanes.give_back(group, now);
        self.staff_served(served)
    }

    /// Whether lanes of a group wait for its limit.
    pub fn is_limited(&self, group: GroupId) -> bool {
        self.lanes.is_limited(group)
    }

    /// Puts an item that was taken back to the head of its lane, where it stands for `weight` items: more than
    /// one if it is a batch, whose other members keep their tickets. With a time, the lane waits until then. A
    /// pool that is closed does not keep it. A worker that takes its next item at once calls
    /// [`Core::put_back_and_take`] instead.
    pub fn put_back(
        &mut self,
        ticket: Ticket,
        item: T,
        weight: usize,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Step<W, P::Opened>, NotKept<T>> {
        if self.phase.is_over() {
            return Err(NotKept { item, ticket });
        }
        self.is_back(&ticket, weight);
        Ok(if self.lanes.put_back(ticket, item, weight, until, now) {
            self.staff()
        } else {
            self.set_alarm(until).into()
        })
    }

    /// [`Core::put_back`] and [`Core::take`] in one step.
    pub fn put_back_and_take(
        &mut self,
        ticket: Ticket,
        item: T,
        weight: usize,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<TakenAndStep<T, W, P::Opened>, NotKept<T>> {
        if self.phase.is_over() {
            return Err(NotKept { item, ticket });
        }
        self.is_back(&ticket, weight);
        let step = if self.lanes.put_back(ticket, item, weight, until, now) {
            // This worker takes it, or the lane whose turn it is.
            Step::Nothing
        } else {
            self.set_alarm(until).into()
        };
        Ok((self.take(now), step))
    }

    /// Counts items that are no longer in flight, and have no outcome.
    fn is_back(&mut self, ticket: &Ticket, weight: usize) {
        self.in_flight -= weight;
        self.companions -= weight - 1 + usize::from(ticket.is_companion());
    }

    /// Sets a gate of a pool that has been open. Returns the steps for the lanes that are served because of
    /// that, and for the alarm.
    pub fn set_gate(&mut self, gate: GateId, state: Gate) -> Vec<Step<W, P::Opened>> {
        let served = self.lanes.set_gate(gate, state);
        if let Gate::Until(due) = state {
            return vec![self.set_alarm(Some(due)).into()];
        }
        self.staff_served(served)
    }

    /// Whether lanes behind this gate are ready and wait for nothing else.
    pub fn is_ready(&self, gate: GateId) -> bool {
        self.lanes.is_ready(gate)
    }

    /// Makes lanes and gates ready whose time has come, at most `most` lanes. Only the alarm calls this.
    pub fn due(&mut self, now: Instant, most: usize) -> Due<W, P::Opened> {
        if self.phase.is_over() {
            self.alarm = Alarm::Off;
            return Due::default();
        }
        let (served, next) = self.lanes.due(now, most);
        let steps = self.staff_served(served);
        let hold = self.lanes.hold();
        self.knows_of_held = hold;
        self.alarm = match next {
            Some(next) => Alarm::Until(next),
            None if hold => Alarm::Idle,
            None => Alarm::Off,
        };
        Due { steps, next, hold }
    }

    /// Takes out items at the heads of held lanes for which `is_overdue` holds, with the arguments of
    /// [`crate::Lanes::take_overdue`]. Each item counts as failed, as with [`Core::purge`].
    pub fn take_overdue(
        &mut self,
        cursor: usize,
        at_once: usize,
        is_overdue: impl Fn(&T) -> bool,
    ) -> (Vec<T>, Option<usize>) {
        let (items, weight, next) = self.lanes.take_overdue(cursor, at_once, is_overdue);
        self.counts.failed += weight as u64;
        (items, next)
    }

    /// Finds workers for lanes that are served from now on.
    pub(crate) fn staff_served(&mut self, served: usize) -> Vec<Step<W, P::Opened>> {
        let mut steps = self.staff_all(served);
        if steps.len() < served {
            steps.push(self.time_what_waits());
        }
        steps
    }

    /// Has the alarm come when lanes are served that wait now, or at once if lanes are held and it does not know.
    pub(crate) fn alarm_for_what_waits(&mut self) -> Call {
        let call = match self.lanes.take_wake() {
            Some(due) => self.set_alarm(Some(due)),
            None => Call::Nothing,
        };
        if call != Call::Nothing || self.knows_of_held || !self.lanes.hold() {
            return call;
        }
        // It looks now and then whether the time of those is over.
        self.knows_of_held = true;
        match self.alarm {
            Alarm::Off => self.set_alarm(None),
            Alarm::Until(_) | Alarm::Idle => Call::Ring,
        }
    }

    /// Has the alarm come at `due`, or earlier.
    fn set_alarm(&mut self, due: Option<Instant>) -> Call {
        match (self.alarm, due) {
            (Alarm::Off, Some(due)) => {
                self.alarm = Alarm::Until(due);
                Call::Start
            }
            (Alarm::Off, None) => {
                self.alarm = Alarm::Idle;
                Call::Start
            }
            (Alarm::Idle, Some(due)) => {
                self.alarm = Alarm::Until(due);
                Call::Ring
            }
            (Alarm::Until(before), Some(due)) if due < before => {
                self.alarm = Alarm::Until(due);
                Call::Ring
            }
            _ => Call::Nothing,
        }
    }
}
