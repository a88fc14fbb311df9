//! Steps for items that are taken together: in one batch, as the first one's group says.

use std::sync::Arc;

use notification::sync::AtomicBool;
use tokio::time::Instant;

use super::Core;
use crate::lanes::{Batching, Companion, GroupId, Ticket};
use crate::phase::Parts;
use crate::step::Step;

impl<T, W, P: Parts> Core<T, W, P> {
    /// Has the items of a group taken together from now on. No lane belongs to it yet.
    pub fn set_batching(&mut self, group: GroupId, rule: Batching) {
        self.lanes.set_batching(group, rule);
    }

    /// Takes up to `at_once` items more for the batch whose first item is that of `lead`, into `batch`. Returns
    /// whether there may be more, and what to do outside the lock. Call it until there are no more.
    pub fn collect(
        &mut self,
        lead: &Ticket,
        batch: &mut Vec<Companion<T>>,
        at_once: usize,
        now: Instant,
    ) -> (bool, Vec<Step<W, P::Opened>>) {
        if self.phase.rules().is_none() {
            return (false, self.stop_collecting(lead, now));
        }
        let before = batch.len();
        let ready = self.lanes.ready();
        let more = self.lanes.collect(lead, batch, at_once, now);
        self.in_flight += batch.len() - before;
        self.companions += batch.len() - before;
        (more, self.after_collecting(ready))
    }

    /// The batch whose first item is that of `lead` is complete as it is.
    pub fn stop_collecting(&mut self, lead: &Ticket, now: Instant) -> Vec<Step<W, P::Opened>> {
        let ready = self.lanes.ready();
        self.lanes.stop_collecting(lead, now);
        self.after_collecting(ready)
    }

    /// Has batches of this group made at once, whatever may join them, or no more so.
    pub fn set_hurry(&mut self, group: GroupId, hurry: bool) -> Vec<Step<W, P::Opened>> {
        let ready = self.lanes.ready();
        self.lanes.set_hurry(group, hurry);
        self.staff_served(self.lanes.ready().saturating_sub(ready))
    }

    /// Has batches of all groups made at once, or no more so.
    pub(crate) fn set_all_hurry(&mut self, hurry: bool) -> Vec<Step<W, P::Opened>> {
        let ready = self.lanes.ready();
        self.lanes.set_all_hurry(hurry);
        self.staff_served(self.lanes.ready().saturating_sub(ready))
    }

    /// A bound that is not the queue's lets no more items come before some have ended: what waits for company goes as
    /// it is. The alarm sees to it ([`Core::leftovers`]).
    pub fn crowd(&mut self, now: Instant) {
        self.lanes.crowd(now);
    }

    /// Says, without the lock, whether [`Core::crowd`] would change something after the last [`Core::leftovers`].
    pub fn lingering(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.lingering)
    }

    /// Finds workers for the batches that may be made now that one is complete.
    fn after_collecting(&mut self, ready: usize) -> Vec<Step<W, P::Opened>> {
        match self.lanes.ready().saturating_sub(ready) {
            0 => Vec::new(),
            served => self.staff_served(served),
        }
    }
}
