//! Hand-over of a notification that is to outlive the node: to its pool and to the pool's spool.

use std::sync::Arc;

use notification::{MessageId, PushError, Refused, RejectReason};
use spool::History;

use super::Engine;
use super::push::{Refusal, push_to};
use crate::delivery::Tried;
use crate::pool::{Pool, Queued};
use crate::spools::{Accepted, Kept, NotAccepted, NotTaken, PoolSpool, record};

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
            let Some(running) = engine.upgrade() else {
                return;
            };
            let mut pools = running.living_pools();
            pools.retain(|pool| *pool.name == *name);
            // Of several that take notifications, the last one's.
            pools.sort_by_key(|pool| pool.id);
            for pool in pools {
                pool.attach_spool();
            }
        });
    }

    /// What the spool of a pool holds, for the text of a rejection.
    pub(super) fn describe_spool(&self, pool: &str) -> String {
        let running = self.running.load();
        let most = running
            .as_ref()
            .and_then(|running| running.spools.max_bytes());
        let held = running
            .as_ref()
            .and_then(|running| running.spools.of(pool)?.totals())
            .map_or(0, |totals| totals.waiting_bytes);
        format!(
            "the spool of pool {pool} holds {held} of at most {} bytes (spool_max_bytes)",
            most.unwrap_or_default()
        )
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

/// Hands over to `pool` and to its spool. The notification's host type has admitted it.
pub(super) fn push_kept(
    pool: &Arc<Pool>,
    spool: &Arc<PoolSpool>,
    key: &[u8],
    item: Queued,
) -> Result<(), Box<Refusal>> {
    let id = MessageId::new();
    let lane = key.get(OF_THE_RUN..).unwrap_or_default();
    let record = record::of(&item.notification, &id, lane);
    let mut given = Some(item);
    let accepted = spool.accept(
        record,
        |row| {
            let Some(mut item) = given.take() else {
                return Ok(());
            };
            let kept = row.map(|row| Box::new(Kept::new(row, History::default())));
            item.tried = Some(Box::new(Tried {
                id: Some(id),
                kept,
                ..Tried::default()
            }));
            let Err(refusal) = push_to(pool, key, item) else {
                return Ok(());
            };
            let (refuser, Refused { mut item, why }) = *refusal;
            let row = item.take_kept().map(|kept| kept.into_row());
            let why = match why {
                PushError::Rejected(RejectReason::QueueFull) => {
                    let full = refuser.lane_is_full(key, &item);
                    if full {
                        NotTaken::LaneFull
                    } else {
                        NotTaken::Full
                    }
                }
                other => NotTaken::Other((refuser, other)),
            };
            given = Some(item);
            Err((row, why))
        },
        || {
            let full = PushError::Rejected(RejectReason::QueueFull);
            (Arc::clone(pool), full)
        },
    );
    let (refuser, why) = match accepted {
        Ok(Accepted::InMemory) => return Ok(()),
        Ok(Accepted::OnDisk) => {
            if let Some(item) = given {
                item.notification.handler().host_type.leave_on_disk();
            }
            return Ok(());
        }
        Err(NotAccepted::Full(_)) => {
            let full = PushError::Rejected(RejectReason::SpoolFull);
            (Arc::clone(pool), full)
        }
        Err(NotAccepted::Pool(refused)) => refused,
    };
    match given {
        Some(item) => Err(Box::new((refuser, Refused { item, why }))),
        None => Ok(()),
    }
}
