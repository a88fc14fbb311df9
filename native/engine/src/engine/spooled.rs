//! Hand-over of a notification that is to outlive the node: to its pool and to the pool's spool.

use std::sync::Arc;

use notification::{MessageId, PushError, Refused, RejectReason};
use spool::History;

use super::push::{RefusedBy, put_into};
use super::{Engine, Running};
use crate::delivery::Tried;
use crate::pool::{Pool, Queued, WhatIsFull};
use crate::spools::{
    Accepted, HandlerHash, Kept, Most, NotAccepted, NotTaken, PoolSpool, most_in_memory, record,
};

/// The bytes of a lane's key that belong to one run: the number of the host type.
const OF_THE_RUN: usize = size_of::<u32>();

impl Engine {
    /// Begins to open the spool of a pool: if one of its handlers needs it, or if an earlier run has left one
    /// behind. Returns at once; a thread waits for the disk. What is wrong becomes a notice, and is tried
    /// again.
    pub fn open_spool(&self, pool: &str, needed: bool) {
        let Some(running) = self.running.load_full() else {
            return;
        };
        let (engine, name) = (Arc::downgrade(&running), pool.to_owned());
        running.spools.begin_to_open(pool, needed, move || {
            if let Some(running) = engine.upgrade() {
                attach(&running, &name);
            }
        });
        if needed {
            // What waits for the file is delivered from memory if the file cannot be opened.
            attach(&running, pool);
        }
    }

    /// The spools that are open, or cannot be opened.
    #[must_use]
    pub fn spools(&self) -> Vec<Arc<PoolSpool>> {
        let running = self.running.load();
        running
            .as_ref()
            .map_or_else(Vec::new, |running| running.spools.all())
    }
}

/// Has the pools of this name deliver what their spool holds.
fn attach(running: &Running, name: &str) {
    let mut pools = running.living_pools();
    pools.retain(|pool| *pool.name == *name);
    // Of several that take notifications, the last one's.
    pools.sort_by_key(|pool| pool.id);
    for pool in pools {
        pool.attach_spool();
    }
}

/// Hands over to `pool` and to its spool. The notification's host type has admitted it.
pub(super) fn push_kept(
    pool: &Arc<Pool>,
    spool: &Arc<PoolSpool>,
    key: &[u8],
    mut item: Queued,
) -> Result<(), Box<RefusedBy>> {
    let id = MessageId::new();
    let lane = key.get(OF_THE_RUN..).unwrap_or_default();
    let handler = HandlerHash::of_handler(item.notification.handler());
    let record = record::of(&item.notification, &id, lane);
    let most = Most {
        of_lane: most_in_memory(&item.notification.handler().policy),
        holds_back: pool.holds_back(item.notification.handler()),
    };
    item.tried = Some(Box::new(Tried {
        id: Some(id),
        ..Tried::default()
    }));
    if !pool.can_hold_kept(&item) {
        return Err(Box::new(refused(pool, item, TOO_LARGE)));
    }
    let mut given = Some(item);
    let accepted = spool.accept(
        (record, handler, handler.lane(lane)),
        most,
        |row| {
            let Some(mut item) = given.take() else {
                return Ok(None);
            };
            item.set_kept(row.map(|row| Kept::new(row, History::default())));
            let refusal = match put_into(pool, key, item) {
                Ok(follows) => return Ok(Some(follows)),
                Err(refusal) => refusal,
            };
            let RefusedBy { pool, refused, .. } = *refusal;
            let Refused { mut item, why } = refused;
            let why = if why == FULL {
                match pool.what_is_full(key, &item) {
                    WhatIsFull::Pool => NotTaken::Full,
                    WhatIsFull::Lane => NotTaken::LaneFull,
                    WhatIsFull::AlwaysForIt => NotTaken::Other((pool, TOO_LARGE)),
                }
            } else {
                NotTaken::Other((pool, why))
            };
            let row = item.take_kept().map(Kept::into_row);
            given = Some(item);
            Err((row, why))
        },
        || (Arc::clone(pool), FULL),
    );
    let mut full = None;
    let (refuser, why) = match accepted {
        Ok(Accepted::InMemory(follows)) => {
            // To wake a worker may take a while, and the spool is not locked any more.
            drop(follows);
            return Ok(());
        }
        Ok(Accepted::OnDisk) => {
            if let Some(item) = given {
                item.notification.handler().host_type.leave_on_disk();
            }
            return Ok(());
        }
        Err(NotAccepted::Full(why)) => {
            full = Some(why);
            let reason = PushError::Rejected(RejectReason::SpoolFull);
            (Arc::clone(pool), reason)
        }
        Err(NotAccepted::Pool(refused)) => refused,
    };
    match given {
        Some(item) => Err(Box::new(RefusedBy {
            full,
            ..refused(&refuser, item, why)
        })),
        None => Ok(()),
    }
}

const FULL: PushError = PushError::Rejected(RejectReason::QueueFull);
const TOO_LARGE: PushError = PushError::Rejected(RejectReason::TooLarge);

fn refused(pool: &Arc<Pool>, item: Queued, why: PushError) -> RefusedBy {
    RefusedBy {
        pool: Arc::clone(pool),
        refused: Refused { item, why },
        full: None,
    }
}
