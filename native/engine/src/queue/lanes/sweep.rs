//! Looks at all lanes, a few at a time, so that nobody waits for the lock for long: to take out what a
//! group has waiting, or to find what has waited longest. Not here: turns.

use tokio::time::Instant;

use super::{Lanes, small};

impl<T> Lanes<T> {
    /// Takes out waiting items of `group` (of any, for `None`), looking at lane numbers from `cursor`
    /// on, until about `at_once` lanes and items were looked at. Gives the items, those of a lane in
    /// their order, and where to go on, `None` at the end.
    pub fn purge(
        &mut self,
        group: Option<u32>,
        cursor: usize,
        at_once: usize,
    ) -> (Vec<T>, Option<usize>) {
        let mut items = Vec::new();
        for (looked, id) in (cursor..self.slots.capacity()).enumerate() {
            if looked + items.len() >= at_once {
                return (items, Some(id));
            }
            let Some(lane) = self.slots.get(id) else {
                continue;
            };
            if group.is_some_and(|group| group != lane.group) {
                continue;
            }
            let (out, queued) = (lane.out, lane.turn != 0);
            while self.slots[id].waiting > 0 {
                if items.len() >= at_once {
                    return (items, Some(id));
                }
                let (item, cost) = self.unlink_first(small(id));
                self.slots[id].cost -= cost;
                items.push(item);
            }
            if !out {
                self.ready -= usize::from(queued);
                self.remove(small(id));
            }
        }
        (items, None)
    }

    /// The least `since` of the items that wait in the lanes from number `cursor` on, until `at_once`
    /// lanes were looked at, and where to go on, `None` at the end. A lane's first item is its oldest.
    pub fn oldest(
        &self,
        cursor: usize,
        at_once: usize,
        since: impl Fn(&T) -> Instant,
    ) -> (Option<Instant>, Option<usize>) {
        let end = self.slots.capacity().min(cursor.saturating_add(at_once));
        let oldest = (cursor..end)
            .filter_map(|id| self.slots.get(id))
            .filter(|lane| lane.waiting > 0)
            .map(|lane| since(&self.nodes[lane.first as usize].item))
            .min();
        (oldest, (end < self.slots.capacity()).then_some(end))
    }
}
