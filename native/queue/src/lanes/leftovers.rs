//! What steps leave for the caller to do after it has released the lock.

use slab::Slab;

use super::lane::{Lane, Node};
use crate::step::Call;

/// What earlier steps have left for the caller to do after it has released the lock.
#[derive(Debug)]
#[must_use = "bytes of lanes that are gone would stay reserved"]
pub struct Leftovers<T> {
    /// The sum of [`Lanes::lane_cost`](super::Lanes::lane_cost) for lanes that are gone, and for pushes to lanes that existed
    /// already.
    pub(super) bytes: usize,
    pub(super) memory: (Vec<Slab<Lane>>, Vec<Slab<Node<T>>>),
    /// What the alarm is to be told.
    pub(crate) alarm: Call,
}

impl<T> Leftovers<T> {
    /// What the alarm is to be told.
    pub fn alarm(&self) -> Call {
        self.alarm
    }

    /// Frees the memory, and returns the number of reserved bytes to release.
    #[must_use = "bytes of lanes that are gone would stay reserved"]
    pub fn free(self) -> usize {
        drop(self.memory);
        self.bytes
    }
}
