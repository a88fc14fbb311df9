//! A bound on what may be pending: a count and a number of bytes that are reserved before a
//! notification is taken and given back when its outcome is acknowledged.
//!
//! A pool has one of both, the node one of bytes. Not here: what a lane may hold (`lanes`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use notification::sync::AtomicUsize;

/// A bound on a sum, with what is used of it.
#[derive(Debug)]
pub struct Bound {
    used: AtomicUsize,
    most: usize,
}

/// What may be pending in one pool: its own bounds, and those of the node that it shares with others.
/// Outlives the pool for as long as an outcome of it is not acknowledged.
#[derive(Debug)]
pub struct PoolBounds {
    own: Budget,
    node: Arc<Bound>,
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

/// Bytes by which an item may take more or less than is reserved for it.
const NEAR_ENOUGH: usize = 256;

impl PoolBounds {
    /// Nothing used yet of the pool's own.
    #[must_use]
    pub fn new(own: Budget, node: Arc<Bound>) -> Self {
        Self { own, node }
    }

    /// The pool's own.
    #[must_use]
    pub fn own(&self) -> &Budget {
        &self.own
    }

    /// The node's bytes.
    #[must_use]
    pub fn node(&self) -> &Bound {
        &self.node
    }

    /// Reserves room for one item of `bytes`; false where a bound would be exceeded.
    #[must_use]
    pub fn reserve(&self, bytes: usize) -> bool {
        if !self.node.reserve(bytes) {
            return false;
        }
        if !self.own.reserve(bytes) {
            self.node.release(bytes);
            return false;
        }
        true
    }

    /// Gives back what was reserved for one item.
    pub fn release(&self, bytes: usize) {
        self.own.release(bytes);
        self.node.release(bytes);
    }

    /// Gives back bytes of items that stay.
    pub fn release_bytes(&self, bytes: usize) {
        self.own.bytes().release(bytes);
        self.node.release(bytes);
    }

    /// What was reserved as `before` takes `now` bytes. Small differences are not worth the step in
    /// which threads contend for the counters. Returns what is reserved from here on.
    #[must_use]
    pub fn recount(&self, before: usize, now: usize) -> usize {
        if now.abs_diff(before) <= NEAR_ENOUGH {
            return before;
        }
        for bound in [self.own.bytes(), &*self.node] {
            if now > before {
                bound.add(now - before);
            } else {
                bound.release(before - now);
            }
        }
        now
    }
}
