//! Groups whose items are taken together.

use tokio::time::Instant;

use super::{GroupId, Groups};
use crate::lanes::batches::{Batches, Batching, Collector};
use crate::lanes::chunks::Chunks;
use crate::lanes::lane::{Lane, State};

impl Groups {
    /// Finds out whether a batch of a group is due.
    pub(super) fn look(&mut self, group: GroupId, now: Instant) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.look(self.clock.read(now), self.hurry);
        }
    }

    /// No more items can come to this group: the next batch goes as it is. The alarm sees to it.
    pub(in crate::lanes) fn crowd(&mut self, group: GroupId, now: Instant, lanes: &Chunks<Lane>) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.crowd(now);
        }
        self.note(group.place(), lanes);
    }

    /// The same for all groups. Each is looked at once, until something else changes it.
    pub(in crate::lanes) fn crowd_all(&mut self, now: Instant, lanes: &Chunks<Lane>) {
        while let Some(place) = self.orders.lingering() {
            if let Some(batches) = &mut self.all[place].batches {
                batches.crowd(now);
            }
            self.note(place, lanes);
        }
    }

    /// Whether items of a group wait for company that may come.
    pub(in crate::lanes) fn lingers(&self) -> bool {
        self.orders.lingering().is_some()
    }

    /// Appends a lane whose first item, a batch, is gone ([`Groups::remove_batch`]). Its next batch is made in
    /// place of that one.
    pub(in crate::lanes) fn push_rest(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        self.enter(id, lanes);
        if let Some(batches) = &mut self.all[lanes[id].group.place()].batches {
            batches.set_due();
        }
        self.note(lanes[id].group.place(), lanes);
    }

    /// An item was appended to a lane that had items. Returns whether that lets one more batch be made.
    pub(in crate::lanes) fn grew(&mut self, id: u32, cost: usize, lanes: &Chunks<Lane>) -> bool {
        let lane = &lanes[id];
        let place = lane.group.place();
        if lane.state != State::Ready || lane.returned > 0 || self.all[place].batches.is_none() {
            return false;
        }
        let before = self.served_with(place);
        if let Some(batches) = &mut self.all[place].batches {
            batches.grew(cost);
        }
        self.note(place, lanes);
        self.served_with(place) > before
    }

    /// Has the items of a patient group taken together.
    pub(in crate::lanes) fn set_batching(&mut self, group: GroupId, rule: Batching) {
        debug_assert!(!group.expires(), "items that expire are taken alone");
        self.all[group.place()].batches = Some(Box::new(Batches::new(rule)));
    }

    /// Whether others are to be taken with the first item of this lane.
    pub(in crate::lanes) fn begins_batch(&self, id: u32, lanes: &Chunks<Lane>) -> bool {
        let lane = &lanes[id];
        lane.returned == 0 && self.all[lane.group.place()].batches.is_some()
    }

    /// The batch that the group collects now, with its rule.
    pub(in crate::lanes) fn collector(&self, group: GroupId) -> Option<(Batching, Collector)> {
        let batches = self.all[group.place()].batches.as_ref()?;
        Some((batches.rule(), batches.collector()?))
    }

    /// So much of a batch is collected.
    pub(in crate::lanes) fn collect(
        &mut self,
        group: GroupId,
        collector: Collector,
        lanes: &Chunks<Lane>,
    ) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_collector(Some(collector));
        }
        self.note(group.place(), lanes);
    }

    /// A batch is complete: another one may be made.
    pub(in crate::lanes) fn collected(
        &mut self,
        group: GroupId,
        now: Instant,
        lanes: &Chunks<Lane>,
    ) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_collector(None);
        }
        self.look(group, now);
        self.note(group.place(), lanes);
    }

    /// The first of the lanes that are ready with no batch.
    pub(in crate::lanes) fn front(&self, group: GroupId) -> Option<u32> {
        self.all[group.place()].ready.front()
    }

    /// Whether the group's items wait for no company.
    pub(in crate::lanes) fn set_hurry(
        &mut self,
        group: GroupId,
        hurry: bool,
        lanes: &Chunks<Lane>,
    ) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_hurry(hurry);
        }
        self.note(group.place(), lanes);
    }

    /// Whether the items of no group do.
    pub(in crate::lanes) fn set_all_hurry(&mut self, hurry: bool, lanes: &Chunks<Lane>) {
        self.hurry = hurry;
        if !hurry {
            return;
        }
        for place in 0..self.all.len() {
            if let Some(batches) = &mut self.all[place].batches {
                batches.set_due();
                self.note(place, lanes);
            }
        }
    }

    /// Removes a lane that is ready with a batch. Returns whether it is one.
    pub(in crate::lanes) fn remove_batch(&mut self, id: u32, lanes: &mut Chunks<Lane>) -> bool {
        let lane = &lanes[id];
        if lane.state != State::Ready || lane.returned == 0 {
            return false;
        }
        let place = lane.group.place();
        let Some(batches) = &mut self.all[place].batches else {
            return false;
        };
        batches.remove_again(id, lanes);
        self.note(place, lanes);
        true
    }

    /// The first item of a lane is gone that was no batch; the next was handed over at `next`.
    pub(in crate::lanes) fn shrank(
        &mut self,
        id: u32,
        cost: usize,
        next: Option<u32>,
        lanes: &mut Chunks<Lane>,
    ) {
        let lane = &mut lanes[id];
        if let Some(batches) = &mut self.all[lane.group.place()].batches
            && lane.state == State::Ready
        {
            batches.shrank(id, cost, next, lane);
            self.note(lanes[id].group.place(), lanes);
        }
    }
}
