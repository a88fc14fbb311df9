//! The queue of ready lanes: a list linked through the lanes themselves. A lane joins at the end and
//! leaves from anywhere in one step, and the list allocates nothing.

use super::chunks::Chunks;
use super::{Lane, NONE, State};

/// The first and last lane of the list.
#[derive(Debug)]
pub(super) struct Ready {
    first: u32,
    last: u32,
    len: usize,
}

impl Default for Ready {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
            len: 0,
        }
    }
}

impl Ready {
    /// The number of lanes in the list.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The lane whose turn it is.
    pub(super) fn front(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Appends a lane that is not in the list.
    pub(super) fn push_back(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        let lane = &mut lanes[id];
        lane.state = State::Ready;
        (lane.before, lane.after) = (self.last, NONE);
        match self.last {
            NONE => self.first = id,
            last => lanes[last].after = id,
        }
        self.last = id;
        self.len += 1;
    }

    /// Removes a lane, if it is in the list.
    pub(super) fn remove(&mut self, id: u32, lanes: &mut Chunks<Lane>) {
        let lane = &mut lanes[id];
        if lane.state != State::Ready {
            return;
        }
        lane.state = State::Idle;
        let (before, after) = (lane.before, lane.after);
        match before {
            NONE => self.first = after,
            before => lanes[before].after = after,
        }
        match after {
            NONE => self.last = before,
            after => lanes[after].before = before,
        }
        self.len -= 1;
    }
}
