//! Bounds on what may be pending: a number of items and a number of bytes. Room is reserved before a
//! notification is accepted, and released when its outcome is acknowledged.
//!
//! A pool has a bound on both, the node one on bytes. The bounds of a lane are in `lanes`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use notification::sync::AtomicUsize;

/// A bound on a sum, and how much of it is used.
#[derive(Debug)]
pub struct Bound {
    used: AtomicUsize,
    most: usize,
}

/// The bounds on what may be pending in one pool: the pool's own, and the node's, which all pools
/// share. They outlive the pool until its last outcome is acknowledged.
#[derive(Debug)]
pub struct PoolBounds {
    own: Budget,
    node: Arc<Bound>,
}

/// How much of a pool one of several uses, compared with what is left for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// Less than half of what it may use.
    Small,
    /// No more than it may use.
    Fair,
    /// More: it must let the others go first.
    Large,
}

/// RAII guard of the room that is reserved for one item.
#[derive(Debug)]
pub struct Reservation {
    bounds: Arc<PoolBounds>,
    /// None once it is released.
    bytes: Option<usize>,
}

/// A bound on the number of items and one on their bytes.
#[derive(Debug)]
pub struct Budget {
    items: Bound,
    bytes: Bound,
}

impl Bound {
    /// Creates a bound with nothing used.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            most,
        }
    }

    /// Reserves `more` only if it fits; returns whether it did. (Adding first and checking afterwards
    /// would let one oversized item block others briefly.)
    #[must_use]
    pub fn reserve(&self, more: usize) -> bool {
        let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= self.most);
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .is_ok()
    }

    /// Counts what is already there, whether it fits or not.
    pub fn add(&self, more: usize) {
        self.used.fetch_add(more, Ordering::AcqRel);
    }

    /// Releases what [`Bound::reserve`] reserved.
    pub fn release(&self, less: usize) {
        self.used.fetch_sub(less, Ordering::AcqRel);
    }

    /// How much is in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    /// Whether at least one of so many equal parts of it is free.
    fn has_free(&self, parts: usize) -> bool {
        self.most.saturating_sub(self.used()) >= self.most.div_ceil(parts)
    }

    /// How much one uses that uses `part` of it.
    ///
    /// One may use three times of what is free (dynamic thresholds, as in switches with a shared memory: Choudhury and
    /// Hahne, 1998): one alone uses three quarters, two that take what they can three sevenths each, and so on. So
    /// some is always free for one that comes later.
    fn share_of(&self, part: usize) -> Share {
        let fair = self.most.saturating_sub(self.used()).saturating_mul(3);
        if part > fair {
            Share::Large
        } else if part > fair / 2 {
            Share::Fair
        } else {
            Share::Small
        }
    }
}

impl Budget {
    /// Creates a budget with nothing used.
    #[must_use]
    pub fn new(max_items: usize, max_bytes: usize) -> Self {
        Self {
            items: Bound::new(max_items),
            bytes: Bound::new(max_bytes),
        }
    }

    fn has_free(&self, parts: usize) -> bool {
        self.items.has_free(parts) && self.bytes.has_free(parts)
    }

    /// Reserves room for one item of `bytes`. Returns false if that would exceed a bound.
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

    /// Releases what [`Budget::reserve`] reserved.
    pub fn release(&self, bytes: usize) {
        self.bytes.release(bytes);
        self.items.release(1);
    }

    /// The bound on bytes alone.
    #[must_use]
    pub fn bytes(&self) -> &Bound {
        &self.bytes
    }

    /// How much one uses that uses so many items and bytes.
    #[must_use]
    pub fn share_of(&self, items: usize, bytes: usize) -> Share {
        match (self.items.share_of(items), self.bytes.share_of(bytes)) {
            (Share::Large, _) | (_, Share::Large) => Share::Large,
            (Share::Small, Share::Small) => Share::Small,
            _ => Share::Fair,
        }
    }

    /// Whether there is room for no item more, however small.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items.used() >= self.items.most
    }

    /// The items and bytes in use.
    #[must_use]
    pub fn used(&self) -> (usize, usize) {
        (self.items.used(), self.bytes.used())
    }
}

/// How many bytes an item's real size may differ from what is reserved for it.
const NEAR_ENOUGH: usize = 256;

impl PoolBounds {
    /// Creates bounds of which the pool has used nothing yet.
    #[must_use]
    pub fn new(own: Budget, node: Arc<Bound>) -> Self {
        Self { own, node }
    }

    /// The pool's own bounds.
    #[must_use]
    pub fn own(&self) -> &Budget {
        &self.own
    }

    /// Whether at least one of so many equal parts of each bound is free.
    #[must_use]
    pub fn have_free(&self, parts: usize) -> bool {
        self.own.has_free(parts) && self.node.has_free(parts)
    }

    /// The node's bound on bytes.
    #[must_use]
    pub fn node(&self) -> &Bound {
        &self.node
    }

    /// Reserves room for one item of `bytes`. Returns false if that would exceed a bound.
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

    /// Releases what was reserved for one item.
    pub fn release(&self, bytes: usize) {
        self.own.release(bytes);
        self.node.release(bytes);
    }

    /// Releases bytes of items that stay pending.
    pub fn release_bytes(&self, bytes: usize) {
        self.own.bytes().release(bytes);
        self.node.release(bytes);
    }
}

impl Reservation {
    /// Takes over the `bytes` that are reserved for an item within `bounds`.
    #[must_use]
    pub fn new(bounds: Arc<PoolBounds>, bytes: usize) -> Self {
        Self {
            bounds,
            bytes: Some(bytes),
        }
    }

    /// The bytes that are reserved.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.unwrap_or_default()
    }

    /// Counts again for an item that now uses `now` bytes. A small difference is ignored: it is not
    /// worth the contention for the counters.
    pub fn recount(&mut self, now: usize) {
        let Some(bytes) = &mut self.bytes else { return };
        let before = *bytes;
        if now.abs_diff(before) <= NEAR_ENOUGH {
            return;
        }
        *bytes = now;
        for bound in [self.bounds.own.bytes(), &*self.bounds.node] {
            if now > before {
                bound.add(now - before);
            } else {
                bound.release(before - now);
            }
        }
    }

    /// Counts exactly `now` bytes for an item that goes back into its queue, where they stay reserved.
    pub fn hand_back(mut self, now: usize) {
        let Some(before) = self.bytes.take() else {
            return;
        };
        for bound in [self.bounds.own.bytes(), &*self.bounds.node] {
            if now > before {
                bound.add(now - before);
            } else {
                bound.release(before - now);
            }
        }
    }

    /// Releases what is reserved, if it was not released before.
    pub fn release(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.bounds.release(bytes);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release();
    }
}
