//! Items that were taken out of their lanes, and the right to release a lane.

use tokio::time::Instant;

/// The right to release a lane once the item taken from it is done. A ticket cannot be cloned, so each
/// item releases its lane only once.
#[derive(Debug)]
#[must_use = "the lane stays blocked until its tickets come back"]
pub struct Ticket {
    pub(super) lane: u32,
    pub(super) since: u32,
    pub(super) cost: usize,
    /// Whether the item was taken together with another one, in one batch.
    pub(super) companion: bool,
}

/// An item that was taken.
#[derive(Debug)]
pub struct Taken<T> {
    /// The item.
    pub item: T,
    /// Goes back with [`Lanes::release`](super::Lanes::release).
    pub ticket: Ticket,
    /// When the item came to the head of its lane.
    pub head_since: Instant,
    /// Whether it is the one item that its group's gate has let through.
    pub alone: bool,
    /// How many items it stands for: more than one if it is a batch that was put back.
    pub weight: usize,
    /// Whether others are to be taken with it, by [`Lanes::collect`](super::Lanes::collect). Until that has returned that there are no
    /// more, its group serves no other new batch.
    pub collects: bool,
}

/// The state of the first ready lane at a given time.
#[derive(Debug)]
pub enum Expiry<X> {
    /// This item's time at the head was over.
    Expired(X),
    /// No item expires before this time.
    Next(Instant),
    /// No lane is ready.
    Nothing,
}

impl Ticket {
    /// The number of the lane. Lanes that have an item out or waiting have different numbers.
    #[must_use]
    pub fn lane(&self) -> u32 {
        self.lane
    }

    /// Has its item lead a batch from now on, instead of that of `first`, which leaves the batch.
    pub fn lead_instead_of(&mut self, first: &mut Self) {
        std::mem::swap(&mut self.companion, &mut first.companion);
    }

    /// Whether the item was taken together with another one, in one batch.
    pub(crate) fn is_companion(&self) -> bool {
        self.companion
    }
}
