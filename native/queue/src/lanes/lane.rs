//! A lane and its items, and where an item belongs.

use std::ops::Deref;

use notification::{HostTypeId, heap};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::groups::GroupId;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) key: Key,
    /// The key's hash.
    pub(super) hash: u32,
    pub(super) host_type: HostTypeId,
    pub(super) group: GroupId,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) waiting: u32,
    /// Items that were taken and not released.
    pub(super) out: u32,
    /// Cost of the waiting items and of those that are out.
    pub(super) cost: usize,
    pub(super) state: State,
    /// If the first item was taken before and put back: how many items it stands for.
    pub(super) returned: u32,
    /// Its neighbours in the queue of ready lanes.
    pub(super) before: u32,
    pub(super) after: u32,
    /// When the present first item came, or will come, to the head; meaningless while an item of the lane
    /// is out.
    pub(super) head_since: Instant,
    /// When the present first item was handed over, on [`Clock`](super::Clock); meaningless unless the lane is ready and its
    /// group makes batches.
    pub(super) age: u64,
}

/// The key of a lane. Most are short, and need no allocation.
#[derive(Debug)]
pub(super) struct Key(SmallVec<[u8; SHORT]>);

/// Host type, user and domain have room in it, and most often two of each.
const SHORT: usize = 56;

impl Key {
    /// The bytes that a key allocates.
    pub(super) fn allocated(key: &[u8]) -> usize {
        if key.len() <= SHORT {
            return 0;
        }
        heap::taken(key.len().max(heap::JOINED_AT_ONCE))
    }
}

impl From<&[u8]> for Key {
    fn from(key: &[u8]) -> Self {
        if key.len() <= SHORT {
            return Self(SmallVec::from_slice(key));
        }
        let mut long = SmallVec::with_capacity(key.len().max(heap::JOINED_AT_ONCE));
        long.extend_from_slice(key);
        Self(long)
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// What a lane waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing: it is between two steps.
    Idle,
    /// Its turn: it is in the queue of ready lanes.
    Ready,
    /// The end of the items that are out.
    Out,
    /// The time `head_since`.
    Postponed,
}

#[derive(Debug)]
pub(super) struct Node<T> {
    pub(super) item: T,
    pub(super) cost: usize,
    pub(super) next: u32,
    /// When it was handed over: the low half of [`Clock`](super::Clock)'s time.
    pub(super) since: u32,
}

/// Where an item belongs.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The key of its lane.
    pub key: &'a [u8],
    /// The host type that the lane belongs to.
    pub host_type: HostTypeId,
    /// The group that the lane belongs to.
    pub group: GroupId,
    /// When the item was handed over, if that was before now.
    pub since: Option<Instant>,
}

impl<'a> Place<'a> {
    /// A lane whose items expire.
    #[must_use]
    pub fn expiring(key: &'a [u8], host_type: HostTypeId) -> Self {
        Self {
            key,
            host_type,
            group: GroupId::default(),
            since: None,
        }
    }
}

/// How much one lane may hold, including the items that are out.
#[derive(Clone, Copy, Debug)]
pub struct LaneLimits {
    /// The maximum number of items.
    pub items: usize,
    /// The maximum sum of their costs.
    pub cost: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_allocates_what_is_counted() {
        for length in [0, 1, SHORT, SHORT + 1, 120, 121, 200, 5000] {
            let bytes = vec![b'x'; length];
            let key = Key::from(&*bytes);
            assert_eq!(*key, *bytes);
            let allocates = if key.0.spilled() {
                heap::taken(key.0.capacity())
            } else {
                0
            };
            assert_eq!(Key::allocated(&bytes), allocates, "{length}");
            assert!(!key.0.spilled() || key.0.capacity() >= heap::JOINED_AT_ONCE);
        }
    }
}
