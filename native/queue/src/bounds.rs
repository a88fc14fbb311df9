//! A bound on what may be pending: a count and a number of bytes that are reserved before a
//! notification is taken and given back when its outcome is acknowledged.
//!
//! A pool has one of both, the node one of bytes. Not here: what a lane may hold (`lanes`).

use std::sync::atomic::Ordering;

use notification::sync::AtomicUsize;

/// A bound on a sum, with what is used of it.
#[derive(Debug)]
pub struct Bound {
    used: AtomicUsize,
    most: usize,
}

/// Bounds on a count and on bytes.
#[derive(Debug)]
pub struct Budget {
    items: Bound,
    bytes: Bound,
}

impl Bound {
    /// Nothing used yet.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            most,
        }
    }

    /// Adds only what fits, false otherwise: added first and looked at afterwards, an item that is far
    /// too large would keep others out for a moment.
    #[must_use]
    pub fn reserve(&self, more: usize) -> bool {
        let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= self.most);
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .is_ok()
    }

    /// Counts what is there already, whether it fits or not.
    pub fn add(&self, more: usize) {
        self.used.fetch_add(more, Ordering::AcqRel);
    }

    /// Gives back what [`Bound::reserve`] reserved.
    pub fn release(&self, less: usize) {
        self.used.fetch_sub(less, Ordering::AcqRel);
    }

    /// What is in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }
}

impl Budget {
    /// Nothing used yet.
    #[must_use]
    pub fn new(max_items: usize, max_bytes: usize) -> Self {
        Self {
            items: Bound::new(max_items),
            bytes: Bound::new(max_bytes),
        }
    }

    /// Reserves room for one item of `bytes`; false where a bound would be exceeded.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> bool {
        if !self.items.reserve(1) {
            return false;
        }
        if !self.bytes.reserve(bytes) {
            self.items.release(1);
            return false;
        }
        true
    }

    /// Gives back what [`Budget::reserve`] reserved.
    pub fn release(&self, bytes: usize) {
        self.bytes.release(bytes);
        self.items.release(1);
    }

    /// The bytes alone.
    #[must_use]
    pub fn bytes(&self) -> &Bound {
        &self.bytes
    }

    /// Items and bytes in use.
    #[must_use]
    pub fn used(&self) -> (usize, usize) {
        (self.items.used(), self.bytes.used())
    }
}
