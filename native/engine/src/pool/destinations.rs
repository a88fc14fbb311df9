//! Where a handler's notifications wait in a pool's queue.
//!
//! Handlers that ask for nothing share the queue's first group of lanes. Those whose deliveries are tried
//! again share a group for each URL, behind the gate of its breaker. A handler that sends batches, or
//! that has a limit of its own, has a group of its own.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::{ArcSwap, Guard};
use notification::{Handler, HandlerId, HostTypeId, Retry};
use parking_lot::Mutex;
use queue::{GroupId, Share};

use super::Pool;
use super::address::Address;
use super::batch::batching;

/// A group of lanes, and what its notifications wait for.
#[derive(Debug)]
pub(crate) struct Destination {
    /// The handler, if the group is that of one alone.
    owner: Option<HandlerId>,
    /// The host type of that handler, or of the first one that came.
    host_type: HostTypeId,
    pub(crate) group: GroupId,
    /// Where they go, if deliveries are tried again.
    pub(super) address: Option<Arc<Address>>,
    /// Whether its handler has a limit.
    has_limit: bool,
    /// Its notifications without an outcome, and the bytes that they took when they came.
    pending: AtomicUsize,
    bytes: AtomicUsize,
}

/// A notification's part in the count of its destination: from its coming until it has its outcome, leaves memory,
/// or is dropped by a panic.
#[derive(Debug)]
pub(crate) struct Came {
    destination: Arc<Destination>,
    bytes: usize,
}

/// Those of the handlers that have handed something over.
#[derive(Clone, Debug, Default)]
struct Known {
    all: Vec<Arc<Destination>>,
    /// Each push asks for its handler's, and there may be thousands of handlers.
    of: BTreeMap<HandlerId, Arc<Destination>>,
}

/// All of a pool's.
#[derive(Debug, Default)]
pub(crate) struct Destinations {
    known: ArcSwap<Known>,
    addresses: ArcSwap<Vec<Arc<Address>>>,
    adding: Mutex<()>,
}

impl Destination {
    /// Whether the notifications of a handler wait here.
    fn is_of(&self, handler: &Handler) -> bool {
        match (self.owner, &self.address) {
            (Some(owner), _) => owner == handler.id,
            (None, Some(address)) => {
                !handler.policy.has_own_group() && address.path == handler.path
            }
            (None, None) => false,
        }
    }
}

impl Came {
    pub(super) fn new(destination: Arc<Destination>, retry: Option<&Retry>, bytes: usize) -> Self {
        if let (Some(address), Some(retry)) = (&destination.address, retry) {
            address.came(retry);
        }
        destination.pending.fetch_add(1, Ordering::Relaxed);
        destination.bytes.fetch_add(bytes, Ordering::Relaxed);
        Self { destination, bytes }
    }
}

impl Deref for Came {
    type Target = Destination;

    fn deref(&self) -> &Destination {
        &self.destination
    }
}

impl Drop for Came {
    fn drop(&mut self) {
        if let Some(address) = &self.address {
            address.went();
        }
        self.pending.fetch_sub(1, Ordering::Relaxed);
        self.destination
            .bytes
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Destinations {
    /// All URLs whose deliveries are tried again.
    pub(super) fn addresses(&self) -> Guard<Arc<Vec<Arc<Address>>>> {
        self.addresses.load()
    }

    fn find(&self, handler: &Handler) -> Option<Arc<Destination>> {
        self.known.load().of.get(&handler.id).cloned()
    }

    /// That of another handler, if this one's notifications wait there too.
    fn shared(&self, handler: &Handler) -> Option<Arc<Destination>> {
        let known = self.known.load();
        known.all.iter().find(|known| known.is_of(handler)).cloned()
    }

    /// From now on it is this handler's. The caller adds one at a time.
    fn note(&self, handler: &Handler, destination: &Arc<Destination>, is_new: bool) {
        let mut known = Known::clone(&self.known.load());
        if is_new {
            known.all.push(Arc::clone(destination));
        }
        known.of.insert(handler.id, Arc::clone(destination));
        self.known.store(Arc::new(known));
    }
}

/// How many groups are looked at under one lock.
const AT_ONCE: usize = 256;

impl Pool {
    /// Where a handler's notifications wait, if that is not the queue's first group.
    pub(super) fn destination(&self, handler: &Handler) -> Option<Arc<Destination>> {
        if !handler.policy.has_own_lanes() {
            return None;
        }
        let destinations = &self.destinations;
        if let Some(found) = destinations.find(handler) {
            return Some(found);
        }
        let _one_at_a_time = destinations.adding.lock();
        if let Some(found) = destinations.find(handler) {
            return Some(found);
        }
        if let Some(shared) = destinations.shared(handler) {
            destinations.note(handler, &shared, false);
            return Some(shared);
        }
        let retries = handler.policy.retry.is_some();
        let address = retries.then(|| self.address(&handler.path));
        let gate = address.as_ref().map(|address| address.gate);
        let group = {
            let mut core = self.core();
            let group = core.add_group(gate.unwrap_or_default(), handler.policy.rate);
            if let Some(batch) = &handler.policy.batch {
                core.set_batching(group, batching(batch));
            }
            group
        };
        let added = Arc::new(Destination {
            owner: handler.policy.has_own_group().then_some(handler.id),
            host_type: handler.host_type.id,
            group,
            address,
            has_limit: handler.policy.rate.is_some(),
            pending: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        });
        destinations.note(handler, &added, true);
        if !handler.host_type.is_open() {
            // It was closed before the group was known. There is nothing in it yet.
            drop(self.core().set_hurry(added.group, true));
        }
        Some(added)
    }

    /// The groups of lanes that belong to handlers of this host type alone.
    pub(super) fn groups_of(&self, host_type: HostTypeId) -> Vec<GroupId> {
        let known = self.destinations.known.load();
        let own = known
            .all
            .iter()
            .filter(|known| known.owner.is_some() && known.host_type == host_type);
        own.map(|known| known.group).collect()
    }

    /// How much of the pool's memory is used by what waits where this handler's notifications do.
    pub(crate) fn share_of(&self, handler: &Handler) -> Share {
        let found = self.destinations.find(handler);
        found.map_or(Share::Small, |found| {
            let items = found.pending.load(Ordering::Relaxed);
            let bytes = found.bytes.load(Ordering::Relaxed);
            self.bounds.own().share_of(items, bytes)
        })
    }

    /// How many notifications have no outcome of handlers whose limit is reached.
    pub(crate) fn limited(&self) -> u64 {
        let known = self.destinations.known.load();
        let with_limit: Vec<_> = known.all.iter().filter(|known| known.has_limit).collect();
        let some = with_limit.chunks(AT_ONCE).map(|some| {
            let core = self.core();
            let limited = some.iter().filter(|known| core.is_limited(known.group));
            let pending = limited.map(|known| known.pending.load(Ordering::Relaxed) as u64);
            pending.sum::<u64>()
        });
        some.sum()
    }

    /// The URL of a path. The caller adds one destination at a time.
    fn address(&self, path: &str) -> Arc<Address> {
        let known = self.destinations.addresses();
        let here = |address: &&Arc<Address>| &*address.path == path;
        if let Some(found) = known.iter().find(here) {
            return Arc::clone(found);
        }
        let gate = self.core().add_gate();
        let added = Arc::new(Address::new(path, gate));
        let mut more = Vec::clone(&known);
        more.push(Arc::clone(&added));
        self.destinations.addresses.store(Arc::new(more));
        added
    }
}
