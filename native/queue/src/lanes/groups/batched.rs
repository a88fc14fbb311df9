//! Groups whose items are taken together.

use tokio::time::Instant;

use super::{GroupId, Groups};
use crate::lanes::batches::{Batches, Batching, Collector};
use crate::lanes::chunks::Chunks;
use crate::lanes::lane::{Lane, State};

impl Groups {
    /// Finds out whether a batch of a group is due, or when it will be.
    pub(super) fn look(&mut self, group: GroupId, now: Instant) {
        if let Some(batches) = &mut self.all[group.place()].batches
            && let Some(due) = batches.look(self.clock.read(now), self.hurry)
            && let Some(due) = self.clock.at(due)
        {
            self.wake_at(due);
        }
    }

    /// No more items can come, to this group or to any: the next batch goes as it is. The alarm sees to it.
    pub(in crate::lanes) fn crowd(&mut self, group: Option<GroupId>, now: Instant) {
        let mut waits = false;
        for (place, of) in self.all.iter_mut().enumerate() {
            if let Some(batches) = &mut of.batches
                && group.is_none_or(|group| group.place() == place)
            {
                waits |= batches.crowd();
            }
        }
        if waits {
            self.wake_at(now);
        }
    }

    /// Appends a lane whose first item, a batch, is gone ([`Groups::remove_batch`]). Its next batch is made in
    /// place of that one.
    pub(in crate::lanes) fn push_rest(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        self.enter(id, lanes);
        if let Some(batches) = &mut self.all[lanes[id].group.place()].batches {
            batches.set_due();
        }
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
    pub(in crate::lanes) fn collect(&mut self, group: GroupId, collector: Collector) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_collector(Some(collector));
        }
    }

    /// A batch is complete: another one may be made.
    pub(in crate::lanes) fn collected(&mut self, group: GroupId, now: Instant) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_collector(None);
        }
        self.look(group, now);
    }

    /// The first of the lanes that are ready with no batch.
    pub(in crate::lanes) fn front(&self, group: GroupId) -> Option<u32> {
        self.all[group.place()].ready.front()
    }

    /// Whether the group's items wait for no company.
    pub(in crate::lanes) fn set_hurry(&mut self, group: GroupId, hurry: bool) {
        if let Some(batches) = &mut self.all[group.place()].batches {
            batches.set_hurry(hurry);
        }
    }

    /// Whether the items of no group do.
    pub(in crate::lanes) fn set_all_hurry(&mut self, hurry: bool) {
        self.hurry = hurry;
        if hurry {
            let groups = self.all.iter_mut();
            let batches = groups.filter_map(|group| group.batches.as_deref_mut());
            batches.for_each(Batches::set_due);
        }
    }

    /// Removes a lane that is ready with a batch. Returns whether it is one.
    pub(in crate::lanes) fn remove_batch(&mut self, id: u32, lanes: &mut Chunks<Lane>) -> bool {
        let lane = &lanes[id];
        if lane.state != State::Ready || lane.returned == 0 {
            return false;
        }
        let Some(batches) = &mut self.all[lane.group.place()].batches else {
            return false;
        };
        batches.remove_again(id, lanes);
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
        }
    }
}
