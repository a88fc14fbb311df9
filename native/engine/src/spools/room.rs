//! Looks now and then whether the queue has room for what is on disk alone, whatever has ended: what filled it may be
//! others', and a handler that was held back may have room again.

use queue::Share;

use super::pool_spool::PoolSpool;

/// Room is one of so many parts of the queue's bounds: if nothing is held back, and otherwise.
const HALF: usize = 2;
const SOME: usize = 64;

/// Each so many looks a handler is let go that has not too much in memory, though not little either: what it has there
/// may be tried again for days.
const GENEROUS: u32 = 10;

impl PoolSpool {
    /// Begins to look for room in the queue now and then, as long as records are on disk alone, unless that has begun.
    pub(super) fn begin_to_look_for_room(&self) -> bool {
        let mut window = self.window();
        window.lacks_room() && !std::mem::replace(&mut window.looks_for_room, true)
    }

    /// Has records come in if the queue has room though few of those in memory have ended: what had filled it was
    /// others'. The same for a handler that was held back. Returns whether to look again later.
    pub(super) fn look_for_room(&self) -> bool {
        let (held_back, looks) = {
            let mut window = self.window();
            window.looks = window.looks.wrapping_add(1);
            (window.held_back.handlers(), window.looks)
        };
        // While a handler is held back, half of the bounds may not be free for days.
        let parts = if held_back.is_empty() { HALF } else { SOME };
        let wants = self.wants.load();
        let has_room = wants.as_ref().is_some_and(|wants| (wants.has_room)(parts));
        let most = if looks.is_multiple_of(GENEROUS) {
            Share::Fair
        } else {
            Share::Small
        };
        let mut come_in = Vec::new();
        // A reader that is set back all the time gets nowhere, and a disk that fails is not read.
        if !held_back.is_empty() && !self.refilling.lock().runs && !self.is_failing() {
            let shares = wants
                .as_ref()
                .map_or_else(Vec::new, |wants| (wants.shares)(&held_back));
            let shares = held_back.into_iter().zip(shares);
            come_in.extend(shares.filter(|(_, share)| *share <= most));
        }
        let mut window = self.window();
        if !window.lacks_room() {
            window.looks_for_room = false;
            return false;
        }
        let mut comes_in = false;
        for (handler, _) in come_in {
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

    fn is_failing(&self) -> bool {
        self.totals().is_some_and(|totals| totals.failing)
    }
}
