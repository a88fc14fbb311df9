//! The handlers whose notifications are on disk: which one a record is of, and what their coming and going means.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use notification::{Guarantee, Handler};
use spool::Record;
use tokio::runtime::Handle;

use super::refill::Found;
use super::whose::HandlerHash;
use super::{SpoolSettings, Spools, record};

impl Spools {
    /// The handler of a record. Of several that differ in their options alone, the one that was configured last.
    pub(crate) fn find(&self, record: &Record) -> Found {
        let handlers = self.handlers.load();
        let found = handlers
            .iter()
            .filter(|handler| is_kept(handler) && record::is_of(handler, record))
            .max_by_key(|handler| handler.configured.load(Ordering::Relaxed));
        match found {
            Some(handler) if handler.host_type.is_open() => Found::Runs(Arc::clone(handler)),
            None if *self.settled.lock() <= Instant::now() => Found::Gone,
            _ => Found::MayCome,
        }
    }

    /// Calls `each` for the handlers whose notifications are on disk.
    pub(crate) fn each_kept(&self, each: impl FnMut(&Arc<Handler>)) {
        let handlers = self.handlers.load();
        let kept = handlers.iter().filter(|handler| is_kept(handler));
        kept.for_each(each);
    }

    /// A handler has come, or its host type was opened: what it has on disk comes in. What belongs to none is
    /// looked at once more when no other has come for some time.
    pub(crate) fn handlers_changed(self: &Arc<Self>, handle: &Handle) {
        let Some(SpoolSettings { grace, .. }) = self.settings else {
            return;
        };
        let settled = Instant::now() + grace;
        *self.settled.lock() = settled;
        let shared = are_shared(&self.handlers.load());
        self.shared.store(shared, Ordering::Relaxed);
        self.look_again();
        let spools = Arc::downgrade(self);
        handle.spawn(async move {
            tokio::time::sleep(grace).await;
            if let Some(spools) = spools.upgrade()
                && *spools.settled.lock() == settled
            {
                spools.look_again();
                spools.begin_to_look_for_unused();
            }
        });
    }

    pub(super) fn look_again(&self) {
        for spool in self.all() {
            spool.look_again();
        }
    }

    /// Whether notifications that wait apart from each other may be in one spool.
    pub(crate) fn are_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }
}

fn is_kept(handler: &Handler) -> bool {
    handler.policy.guarantee == Guarantee::AtLeastOnce
}

/// Whether notifications of two handlers of one `pool_name` wait apart.
pub(super) fn are_shared(handlers: &[Arc<Handler>]) -> bool {
    let mut firsts = HashMap::new();
    let mut kept = handlers.iter().filter(|handler| is_kept(handler));
    kept.any(|handler| {
        !go_together(
            firsts.entry(&*handler.pool_name).or_insert(handler),
            handler,
        )
    })
}

/// Whether what waits of two handlers of a pool waits together.
fn go_together(one: &Handler, other: &Handler) -> bool {
    let apart = one.policy.has_own_group() || other.policy.has_own_group();
    !apart && one.path == other.path
        || HandlerHash::of_handler(one) == HandlerHash::of_handler(other)
}
