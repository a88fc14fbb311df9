//! Walks through all lanes, a few at a time so that the lock is never held for long: to take out a
//! host type's waiting items, or to find the item that has waited longest.

use notification::HostTypeId;
use tokio::time::Instant;

use super::{Lanes, NONE};

impl<T> Lanes<T> {
    /// Takes out waiting items of `host_type` (of every host type if `None`), starting at lane number `cursor`,
    /// until about `at_once` lanes and items were checked. Returns the items, those of a lane in their
    /// order, how many they stand for, and the next cursor, or `None` at the end.
    pub fn purge(
        &mut self,
        host_type: Option<HostTypeId>,
        cursor: usize,
        at_once: usize,
    ) -> (Vec<T>, usize, Option<usize>) {
        let (mut items, mut weight) = (Vec::new(), 0);
        let (mut id, mut looked) = (cursor, 0);
        while id < self.slots.end() {
            if looked + weight >= at_once {
                return (items, weight, Some(id));
            }
            looked += 1;
            if let Some(lane) = self.slots.get(id)
                && host_type.is_none_or(|host_type| host_type == lane.host_type)
            {
                // The id is below `end`, so it fits.
                let lane = u32::try_from(id).unwrap_or(NONE);
                while self.slots[lane].waiting > 0 {
                    if weight >= at_once {
                        return (items, weight, Some(id));
                    }
                    let (item, stands_for) = self.unlink_waiting(lane);
                    items.push(item);
                    weight += stands_for;
                }
                self.emptied(lane);
            }
            id = self.slots.after(id);
        }
        (items, weight, None)
    }

    /// Returns the earliest `since` of the waiting items in up to `at_once` lanes, starting at lane
    /// number `cursor`, and the next cursor, or `None` at the end. A lane's first item is its oldest.
    pub fn oldest(
        &self,
        cursor: usize,
        at_once: usize,
        since: impl Fn(&T) -> Instant,
    ) -> (Option<Instant>, Option<usize>) {
        let mut oldest: Option<Instant> = None;
        let mut id = cursor;
        for _ in 0..at_once {
            if id >= self.slots.end() {
                return (oldest, None);
            }
            let lane = self.slots.get(id).filter(|lane| lane.waiting > 0);
            let found = lane.map(|lane| since(&self.nodes[lane.first].item));
            oldest = oldest.into_iter().chain(found).min();
            id = self.slots.after(id);
        }
        (oldest, (id < self.slots.end()).then_some(id))
    }
}
