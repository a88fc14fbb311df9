//! Items of one group that are taken together.
//!
//! A group may make batches: a worker that takes an item of it takes others with it, of the same lane and then of
//! the lanes whose turn is next, up to a number and a sum of costs ([`Lanes::collect`]). All of them are out, each
//! with a ticket of its own. While one batch is collected, its group serves no other new one.
//!
//! Such a group is served when there is enough for a batch, or when its oldest item has waited for as long as an
//! item may *linger*. Until then the items wait for company here, and no worker is busy with them. The alarm
//! says when the time has come. If a bound lets no more items come, there is no company to wait for: then they
//! are *crowded*, and the next batch goes as it is.
//!
//! A batch that is put back is one item that stands for all ([`Taken::weight`](super::Taken)): it stays
//! together, and nothing joins it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::chunks::Chunks;
use super::clock::Clock;
use super::groups::GroupId;
use super::ready::Ready;
use super::{Lane, Lanes, State, Ticket, Unlinked};

/// How the items of a group are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The most items of a batch.
    pub items: usize,
    /// The most that their costs come to; an item that costs more goes alone.
    pub cost: usize,
    /// How long after its hand-over an item may wait for others.
    pub linger: Duration,
}

/// An item that was taken together with another one.
#[derive(Debug)]
pub struct Companion<T> {
    /// The item.
    pub item: T,
    /// Goes back with [`Lanes::release`].
    pub ticket: Ticket,
}

/// The part of a group that makes batches.
#[derive(Debug)]
pub(super) struct Batches {
    rule: Batching,
    /// Ready lanes whose first item is a batch that was put back.
    again: Ready,
    /// The other ready lanes, by the time at which their first item was handed over.
    ages: BTreeSet<(u64, u32)>,
    /// The items in those lanes, and what they cost.
    items: usize,
    cost: usize,
    /// Whether one of them need not wait for company any more.
    due: bool,
    /// Whether none has to.
    hurry: bool,
    /// Since when none has to before the next batch is made, because no more can come.
    crowded: Option<Instant>,
    collector: Option<Collector>,
}

/// A batch that is being collected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collector {
    /// The lane that the last item came from, which has that item out.
    lane: u32,
    items: usize,
    cost: usize,
}

impl Batches {
    pub(super) fn new(rule: Batching) -> Self {
        Self {
            rule,
            again: Ready::default(),
            ages: BTreeSet::new(),
            items: 0,
            cost: 0,
            due: false,
            hurry: false,
            crowded: None,
            collector: None,
        }
    }

    pub(super) fn rule(&self) -> Batching {
        self.rule
    }

    /// Batches that were put back and are ready.
    pub(super) fn again(&self) -> &Ready {
        &self.again
    }

    /// How many batches may be made now of `lanes` other lanes.
    pub(super) fn served(&self, lanes: usize) -> usize {
        if self.collector.is_some() {
            return 0;
        }
        let full = (self.items / self.rule.items.max(1)).max(self.cost / self.rule.cost.max(1));
        full.max(usize::from(self.due)).min(lanes)
    }

    /// A lane has become ready, not with a batch.
    pub(super) fn enter(&mut self, id: u32, lane: &Lane) {
        self.items += lane.waiting as usize;
        self.cost += lane.cost;
        self.ages.insert((lane.age, id));
    }

    /// Such a lane is ready no more.
    pub(super) fn leave(&mut self, id: u32, lane: &Lane) {
        self.items -= lane.waiting as usize;
        self.cost -= lane.cost;
        self.ages.remove(&(lane.age, id));
        self.fewer();
    }

    fn fewer(&mut self) {
        if self.ages.is_empty() {
            self.crowded = None;
        }
    }

    /// When the oldest item is due, on [`Clock`].
    fn oldest_due(&self) -> Option<u64> {
        let linger = u64::try_from(self.rule.linger.as_millis()).unwrap_or(u64::MAX);
        self.ages.first().map(|(age, _)| age.saturating_add(linger))
    }

    /// Finds out whether an item is due, as all are if the pool hurries.
    pub(super) fn look(&mut self, now: u64, hurry: bool) {
        let hurry = hurry || self.hurry || self.crowded.is_some();
        self.due = hurry || self.oldest_due().is_some_and(|at| at <= now);
    }

    /// Whether its items wait for company.
    pub(super) fn lingers(&self) -> bool {
        !self.due && self.collector.is_none() && !self.ages.is_empty()
    }

    /// When it is to be looked at ([`Batches::look`]), if its items wait for company.
    pub(super) fn alarm(&self, clock: &Clock) -> Option<Instant> {
        if !self.lingers() {
            return None;
        }
        let due = self.oldest_due().and_then(|due| clock.at(due));
        due.into_iter().chain(self.crowded).min()
    }

    /// Whether its items are to wait for no company from now on.
    pub(super) fn set_hurry(&mut self, hurry: bool) {
        self.hurry = hurry;
        self.due |= hurry;
    }

    /// Its items need not wait for company now.
    pub(super) fn set_due(&mut self) {
        self.due = true;
    }

    /// No more items can come: those that wait for company wait in vain.
    pub(super) fn crowd(&mut self, now: Instant) {
        if self.lingers() {
            self.crowded.get_or_insert(now);
        }
    }

    /// Whether its items wait for company that may come.
    pub(super) fn waits(&self) -> bool {
        self.lingers() && self.crowded.is_none()
    }

    pub(super) fn collector(&self) -> Option<Collector> {
        self.collector
    }

    pub(super) fn set_collector(&mut self, collector: Option<Collector>) {
        self.crowded = None;
        self.collector = collector;
    }

    pub(super) fn push_again(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        self.again.push_back(id, lanes);
    }

    pub(super) fn remove_again(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        self.again.remove(id, lanes);
    }

    /// One more item has come to a ready lane.
    pub(super) fn grew(&mut self, cost: usize) {
        self.items += 1;
        self.cost += cost;
    }

    /// The first item of a ready lane is gone; the next was handed over at `next`.
    pub(super) fn shrank(&mut self, id: u32, cost: usize, next: Option<u32>, lane: &mut Lane) {
        self.items -= 1;
        self.cost -= cost;
        self.ages.remove(&(lane.age, id));
        if let Some(next) = next {
            lane.age = Clock::later(lane.age, next);
            self.ages.insert((lane.age, id));
        }
        self.fewer();
    }
}

impl Collector {
    pub(super) fn begin(lead: &Ticket) -> Self {
        Self {
            lane: lead.lane,
            items: 1,
            cost: lead.cost,
        }
    }
}

impl<T> Lanes<T> {
    /// Has the items of a patient group taken together from now on. No lane belongs to it yet.
    pub fn set_batching(&mut self, group: GroupId, rule: Batching) {
        self.groups.set_batching(group, rule);
    }

    /// Takes up to `at_once` items more for the batch whose first item is that of `lead`, into `batch`. Returns
    /// false if the batch is complete.
    pub fn collect(
        &mut self,
        lead: &Ticket,
        batch: &mut Vec<Companion<T>>,
        at_once: usize,
        now: Instant,
    ) -> bool {
        let group = self.slots[lead.lane].group;
        for _ in 0..at_once {
            match self.next_companion(group) {
                Some(companion) => batch.push(companion),
                None => {
                    self.stop_collecting(lead, now);
                    return false;
                }
            }
        }
        true
    }

    /// The batch whose first item is that of `lead` is complete as it is: its group serves others.
    pub fn stop_collecting(&mut self, lead: &Ticket, now: Instant) {
        let group = self.slots[lead.lane].group;
        self.groups.collected(group, now, &self.slots);
    }

    /// Has batches of the group made at once, whatever may join them, or no more so.
    pub fn set_hurry(&mut self, group: GroupId, hurry: bool) {
        self.groups.set_hurry(group, hurry, &self.slots);
    }

    /// The same for all groups, also for those that come later.
    pub fn set_all_hurry(&mut self, hurry: bool) {
        self.groups.set_all_hurry(hurry, &self.slots);
    }

    /// No more items can come before some have ended: those that wait for company need not wait.
    pub fn crowd(&mut self, now: Instant) {
        self.groups.crowd_all(now, &self.slots);
    }

    /// The same for one lane and its group, if the lane holds as much as it may.
    pub(super) fn crowd_lane(&mut self, id: u32, now: Instant) {
        let lane = &self.slots[id];
        // Otherwise the end of what is out makes room.
        if lane.state == State::Ready && lane.returned == 0 {
            self.groups.crowd(lane.group, now, &self.slots);
        }
    }

    /// Whether items wait for company that may come.
    pub fn lingers(&self) -> bool {
        self.groups.lingers()
    }

    fn next_companion(&mut self, group: GroupId) -> Option<Companion<T>> {
        let (rule, collector) = self.groups.collector(group)?;
        let Collector { lane, items, cost } = collector;
        if items >= rule.items {
            return None;
        }
        let id = if self.slots[lane].waiting > 0 {
            lane
        } else {
            self.groups.front(group)?
        };
        let cost = cost.saturating_add(self.nodes[self.slots[id].first].cost);
        if cost > rule.cost {
            return None;
        }
        if id != lane {
            self.groups.remove(id, &mut self.slots);
            self.slots[id].state = State::Out;
        }
        let Unlinked { item, ticket, .. } = self.unlink_first(id);
        self.slots[id].out += 1;
        let items = items + 1;
        let lane = id;
        let collector = Collector { lane, items, cost };
        self.groups.collect(group, collector, &self.slots);
        let ticket = Ticket {
            companion: true,
            ..ticket
        };
        Some(Companion { item, ticket })
    }
}
