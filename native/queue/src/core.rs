//! The state of one pool under its lock: phase, lanes, workers, counts.
//!
//! Every method is a step of a few nanoseconds that ends with what its caller has to do outside the
//! lock ([`Step`]): wake a parked worker, start one, start the expiry timer. A worker that finds
//! nothing to do parks in the same step in which it looked, so no wake-up is lost.
//!
//! Not here: the lock, the clock, what a worker is (`W`) and what it does.

use notification::{Refused, RejectReason};
use tokio::time::Instant;

use crate::lanes::{Expiry, LaneLimits, Lanes, Leftovers, Taken, Ticket};
use crate::phase::{Phase, Rules, WhenBusy};
use crate::step::{Step, Tally, Turn};

/// State of a pool of workers `W` with items `T`.
#[derive(Debug)]
pub struct Core<T, W> {
    phase: Phase,
    lanes: Lanes<T>,
    limits: LaneLimits,
    /// Workers that wait for work, the one that was last busy at the end.
    parked: Vec<W>,
    /// Workers there are, parked or not.
    workers: usize,
    /// Items taken whose outcome is not there yet.
    in_flight: usize,
    /// Busy workers that the endpoint has room for; `None` until it has said.
    room: Option<usize>,
    tally: Tally,
    timer_runs: bool,
}

impl<T, W> Core<T, W> {
    /// A pool that takes items and delivers none yet.
    pub fn new(limits: LaneLimits) -> Self {
        Self::with_room(limits, 0)
    }

    /// As [`Core::new`], for up to `items` items, or more with a few slower steps.
    pub fn with_room(limits: LaneLimits, items: usize) -> Self {
        Self {
            phase: Phase::Opening,
            lanes: Lanes::new(items),
            limits,
            parked: Vec::new(),
            workers: 0,
            in_flight: 0,
            room: Some(usize::MAX),
            tally: Tally::default(),
            timer_runs: false,
        }
    }

    /// Takes an item for the lane `key` of `group`.
    pub fn push(
        &mut self,
        key: &[u8],
        group: u32,
        item: T,
        cost: usize,
        now: Instant,
    ) -> Result<Step<W>, Refused<T>> {
        match &self.phase {
            Phase::Opening => {}
            Phase::Open(rules) => {
                if !self.has_room(rules) {
                    return Err(Refused::rejected(item, RejectReason::QueueFull));
                }
            }
            Phase::Leaving | Phase::Draining(_) | Phase::Closed => {
                return Err(Refused::not_open(item));
            }
            Phase::Broken => return Err(Refused::rejected(item, RejectReason::PoolConfig)),
        }
        match self.lanes.push(key, group, item, cost, self.limits, now) {
            Err(item) => Err(Refused::rejected(item, RejectReason::QueueFull)),
            Ok(ready) => {
                self.tally.accepted += 1;
                Ok(if ready { self.staff() } else { Step::Nothing })
            }
        }
    }

    /// The settings are there: what waited is delivered from now on. Gives the number of workers to
    /// start, and whether the expiry timer is to be started too.
    pub fn open(&mut self, rules: Rules) -> (usize, bool) {
        self.phase = match self.phase {
            Phase::Opening | Phase::Broken => Phase::Open(rules),
            Phase::Leaving => Phase::Draining(rules),
            _ => return (0, false),
        };
        let start = self.lanes.ready().min(self.most_busy(&rules));
        self.workers += start;
        self.timer_runs = self.lanes.ready() > start;
        (start, self.timer_runs)
    }

    /// The pool cannot be opened, at least for now. False if it has opened all the same, or ended.
    pub fn fail_to_open(&mut self) -> bool {
        self.phase = match self.phase {
            Phase::Opening => Phase::Broken,
            // It is not wanted any more, so it need not open later.
            Phase::Leaving => Phase::Closed,
            _ => return false,
        };
        true
    }

    /// No new items from now on.
    pub fn drain(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Open(rules) | Phase::Draining(rules) => Phase::Draining(rules),
            Phase::Opening | Phase::Leaving => Phase::Leaving,
            Phase::Broken | Phase::Closed => Phase::Closed,
        };
    }

    /// A draining pool takes items again. False where it is past that.
    pub fn resume(&mut self) -> bool {
        match self.phase {
            Phase::Draining(rules) => self.phase = Phase::Open(rules),
            Phase::Leaving => self.phase = Phase::Opening,
            _ => {}
        }
        matches!(self.phase, Phase::Open(_) | Phase::Opening)
    }

    /// The end; gives the parked workers, to be woken so that they leave.
    pub fn close(&mut self) -> Vec<W> {
        self.phase = Phase::Closed;
        std::mem::take(&mut self.parked)
    }

    /// How many requests the endpoint takes at once, as far as it has said: no more workers than that
    /// are busy from now on. Until it has said (`None`) one worker asks it. Returns what to do for the
    /// items that may start now; those that may not wait here, where `call_timeout` ends their wait.
    pub fn set_room(&mut self, room: Option<usize>) -> Vec<Step<W>> {
        self.room = room.map(|room| room.max(1));
        let (Phase::Open(rules) | Phase::Draining(rules)) = self.phase else {
            return Vec::new();
        };
        let free = self.most_busy(&rules).saturating_sub(self.busy());
        (0..free.min(self.lanes.ready()))
            .map(|_| self.staff())
            .collect()
    }

    /// How many items may be in flight, as far as is known; 0 before it opens and after it was closed.
    pub fn slots(&self) -> usize {
        match &self.phase {
            Phase::Open(rules) | Phase::Draining(rules) => {
                rules.workers.min(self.room.unwrap_or(usize::MAX))
            }
            Phase::Opening | Phase::Leaving | Phase::Broken | Phase::Closed => 0,
        }
    }

    /// Takes the item whose turn it is, for a worker that is not parked.
    pub fn take(&mut self) -> Option<Taken<T>> {
        match self.phase {
            Phase::Open(rules) | Phase::Draining(rules) => {
                if self.busy() > self.most_busy(&rules) {
                    return None;
                }
            }
            Phase::Opening | Phase::Leaving | Phase::Broken | Phase::Closed => return None,
        }
        let taken = self.lanes.take()?;
        self.in_flight += 1;
        Some(taken)
    }

    /// Takes an item for `worker`, or parks it; a worker of a closed pool leaves.
    pub fn take_or_park(&mut self, worker: W) -> Turn<Taken<T>, W> {
        if let Some(taken) = self.take() {
            return Turn::Work(taken);
        }
        if matches!(self.phase, Phase::Closed) {
            self.workers -= 1;
            return Turn::Leave;
        }
        self.parked.push(worker);
        // It may have parked because the endpoint has no room for it. What it leaves waits.
        Turn::Parked(self.time_what_waits())
    }

    /// The item of `ticket` has its outcome. The step is for the lane's next item; a worker that
    /// will take one itself at once calls [`Core::finish_and_take`].
    pub fn finish(&mut self, ticket: Ticket, sent: bool, now: Instant) -> Step<W> {
        if self.settle(ticket, sent, now) {
            self.staff()
        } else {
            Step::Nothing
        }
    }

    /// As [`Core::finish`] and [`Core::take`] in one step.
    pub fn finish_and_take(
        &mut self,
        ticket: Ticket,
        sent: bool,
        now: Instant,
    ) -> Option<Taken<T>> {
        self.settle(ticket, sent, now);
        self.take()
    }

    /// A parked worker for which `is_me` holds leaves. False where it is not parked any more: then
    /// somebody has woken it and it has to look for work.
    pub fn unpark(&mut self, is_me: impl Fn(&W) -> bool) -> bool {
        let Some(at) = self.parked.iter().position(is_me) else {
            return false;
        };
        self.parked.remove(at);
        self.workers -= 1;
        true
    }

    /// A worker that was not parked is gone; another one starts where there is work.
    pub fn lost_worker(&mut self) -> Step<W> {
        self.workers -= 1;
        if self.lanes.ready() > 0 {
            self.staff()
        } else {
            Step::Nothing
        }
    }

    /// The first ready item, if its time is over. It counts as failed, and its lane goes on with
    /// [`Core::expired`], once its outcome is reported.
    pub fn expire(&mut self, now: Instant) -> Expiry<Taken<T>> {
        let allowed = match &self.phase {
            Phase::Open(rules) | Phase::Draining(rules) => rules.call_timeout,
            Phase::Opening | Phase::Leaving | Phase::Broken | Phase::Closed => {
                self.timer_runs = false;
                return Expiry::Nothing;
            }
        };
        let expiry = self.lanes.expire(now, allowed);
        match expiry {
            Expiry::Expired(_) => self.tally.failed += 1,
            Expiry::Next(_) => {}
            Expiry::Nothing => self.timer_runs = false,
        }
        expiry
    }

    /// The outcome of an expired item is reported. The step is for the lane's next item: workers may
    /// have parked since the item was taken out.
    pub fn expired(&mut self, ticket: Ticket, now: Instant) -> Step<W> {
        if self.lanes.release(ticket, now) {
            self.staff()
        } else {
            Step::Nothing
        }
    }

    /// Takes out what waits, for [`Lanes::purge`]'s arguments; each item counts as failed.
    pub fn purge(
        &mut self,
        group: Option<u32>,
        cursor: usize,
        at_once: usize,
    ) -> (Vec<T>, Option<usize>) {
        let purged = self.lanes.purge(group, cursor, at_once);
        self.tally.failed += purged.0.len() as u64;
        purged
    }

    /// Takes a waiting item out of a pool that never opened, to be handed to another pool, as if it
    /// had never been here: its lane's key, its group and itself. Where none is left, the pool is
    /// closed in the same step, so that nothing is accepted that nobody would hand over.
    pub fn remove_next(&mut self, now: Instant) -> Option<(Box<[u8]>, u32, T)> {
        if !matches!(self.phase, Phase::Opening | Phase::Leaving) {
            return None;
        }
        let removed = self.lanes.remove_next(now);
        if removed.is_some() {
            self.tally.accepted -= 1;
        } else {
            self.phase = Phase::Closed;
        }
        removed
    }

    /// The other pool has no room for a removed item: it is this one's again, and failed.
    pub fn not_handed_over(&mut self) {
        self.tally.accepted += 1;
        self.tally.failed += 1;
    }

    /// Since when items wait, for [`Lanes::oldest`]'s arguments.
    pub fn oldest(
        &self,
        cursor: usize,
        at_once: usize,
        since: impl Fn(&T) -> Instant,
    ) -> (Option<Instant>, Option<usize>) {
        self.lanes.oldest(cursor, at_once, since)
    }

    /// What the steps so far have left to be done outside the lock ([`Lanes::leftovers`]).
    pub fn leftovers(&mut self) -> Leftovers<T> {
        self.lanes.leftovers()
    }

    /// The numbers, at one moment.
    pub fn tally(&self) -> Tally {
        Tally {
            waiting: self.lanes.waiting() as u64,
            in_flight: self.in_flight as u64,
            workers: self.workers as u64,
            parked: self.parked.len() as u64,
            ..self.tally
        }
    }

    /// The phase.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Nothing waits and nothing is in flight.
    pub fn is_quiet(&self) -> bool {
        self.in_flight == 0 && self.lanes.waiting() == 0
    }

    /// Whether the rules let one more item in.
    fn has_room(&self, rules: &Rules) -> bool {
        // Every ready item that may start has a worker on its way to it, so a slot is counted once,
        // whether its item was taken already or not. Workers that still read a body hold theirs.
        let taken = self.busy().max(self.in_flight + self.lanes.ready());
        let slots = rules.workers.min(self.room.unwrap_or(usize::MAX));
        if rules.when_busy == WhenBusy::Reject && taken >= slots {
            return false;
        }
        // What may wait comes on top of what may be in flight: an item that finds a free worker does
        // not wait, though nobody has taken it yet.
        rules
            .max_waiting
            .is_none_or(|most| self.in_flight + self.lanes.waiting() < slots.saturating_add(most))
    }

    /// Workers that are not parked.
    fn busy(&self) -> usize {
        self.workers - self.parked.len()
    }

    /// How many of them there may be.
    fn most_busy(&self, rules: &Rules) -> usize {
        rules.workers.min(self.room.unwrap_or(1))
    }

    fn settle(&mut self, ticket: Ticket, sent: bool, now: Instant) -> bool {
        self.in_flight -= 1;
        if sent {
            self.tally.sent += 1;
        } else {
            self.tally.failed += 1;
        }
        self.lanes.release(ticket, now)
    }

    /// A lane became ready: who takes its item?
    fn staff(&mut self) -> Step<W> {
        let (Phase::Open(rules) | Phase::Draining(rules)) = self.phase else {
            return Step::Nothing;
        };
        if self.busy() < self.most_busy(&rules) {
            if let Some(worker) = self.parked.pop() {
                return Step::Wake(worker);
            }
            self.workers += 1;
            return Step::Start;
        }
        self.time_what_waits()
    }

    /// What is ready and has no worker expires in its time.
    fn time_what_waits(&mut self) -> Step<W> {
        let serves = matches!(self.phase, Phase::Open(_) | Phase::Draining(_));
        if !serves || self.timer_runs || self.lanes.ready() == 0 {
            return Step::Nothing;
        }
        self.timer_runs = true;
        Step::Time
    }
}
