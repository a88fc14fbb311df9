//! Looks now and then whether the queue has room for what is on disk alone, whatever has ended: what filled it may be
//! others', and a handler that was held back may have room again.

use super::pool_spool::PoolSpool;

impl PoolSpool {
    /// Begins to look for room in the queue now and then, as long as records are on disk alone, unless that has begun.
    pub(super) fn begin_to_look_for_room(&self) -> bool {
        let mut window = self.window();
        window.lacks_room() && !std::mem::replace(&mut window.looks_for_room, true)
    }

    /// Has records come in if the queue has room though few of those in memory have ended: what had filled it was
    /// others'. The same for a handler that was held back. Returns whether to look again later.
    pub(super) fn look_for_room(&self) -> bool {
        let wants = self.wants.load();
        let has_room = wants.as_ref().is_some_and(|wants| (wants.has_room)());
        let mut come_in = self.window().held_back.handlers();
        // The queue's counts are another lock's business.
        come_in.retain(|handler| {
            wants
                .as_ref()
                .is_some_and(|wants| (wants.has_room_for)(*handler))
        });
        let mut window = self.window();
        if !window.lacks_room() {
            window.looks_for_room = false;
            return false;
        }
        let mut comes_in = false;
        for handler in come_in {
            comes_in |= window.let_go(handler);
        }
        if window.spilled && has_room && !window.is_low() {
            window.low = window.in_memory.len();
            comes_in = true;
        }
        drop(window);
        if comes_in {
            self.ask();
        }
        true
    }
}
