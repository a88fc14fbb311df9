//! A bound on what may be pending: a count and a number of bytes that are reserved before a
//! notification is taken and given back when its outcome is acknowledged.
//!
//! There is one for each pool and one for the node. Not here: what a lane may hold (`queue::lanes`).

use std::sync::atomic::Ordering;

use crate::sync::AtomicUsize;

/// Bounds with what is used of them.
#[derive(Debug)]
pub struct Budget {
    items: AtomicUsize,
    bytes: AtomicUsize,
    max_items: usize,
    max_bytes: usize,
}

impl Budget {
    /// Nothing used yet.
    #[must_use]
    pub fn new(max_items: usize, max_bytes: usize) -> Self {
        Self {
            items: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            max_items,
            max_bytes,
        }
    }

    /// Reserves room for one item of `bytes`; false where a bound would be exceeded.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> bool {
        if !add(&self.items, 1, self.max_items) {
            return false;
        }
        if !add(&self.bytes, bytes, self.max_bytes) {
            self.items.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        true
    }

    /// Gives back what [`Budget::reserve`] reserved.
    pub fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.items.fetch_sub(1, Ordering::AcqRel);
    }

    /// Items and bytes in use.
    #[must_use]
    pub fn used(&self) -> (usize, usize) {
        (
            self.items.load(Ordering::Acquire),
            self.bytes.load(Ordering::Acquire),
        )
    }
}

/// Adds only what fits: added first and looked at afterwards, an item that is far too large would keep
/// others out for a moment.
fn add(to: &AtomicUsize, more: usize, most: usize) -> bool {
    let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= most);
    to.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
        .is_ok()
}
