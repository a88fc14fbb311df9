//! Hand-over of a notification: to its pool, or to the counts of rejections.

use std::sync::Arc;

use notification::{
    Guarantee, Handler, Notification, PoolId, PushError, Refused, RejectReason, Waiter,
};
use scopeguard::ScopeGuard;
use transport::notices::NoticeKind;

use super::spooled::push_kept;
use super::{Engine, Running};
use crate::pool::{Follows, Pool, Queued};
use crate::report::rejections::WAITERS;
use crate::spools::PoolSpool;
use spool::Full;

impl Engine {
    /// Hands a notification over for the lane `key` of pool `id`. Never blocks.
    ///
    /// Callers must not contend on a shared cache line, so this reads the handler through the
    /// notification instead of cloning its `Arc`.
    pub fn push(
        &self,
        id: PoolId,
        key: &[u8],
        notification: Notification,
    ) -> Result<(), PushError> {
        let current = self.running.load();
        let Some(running) = current.as_ref() else {
            return Err(self.refuse(&notification, RejectReason::EngineDown, None));
        };
        if !notification.handler().host_type.admit() {
            return Err(self.refuse(&notification, RejectReason::Shutdown, None));
        }
        let pools = running.pools.load();
        let Some(pool) = pools.get(&id) else {
            notification.handler().host_type.take_back();
            return Err(self.not_open(running, &notification));
        };
        let item = Queued::from(notification);
        // Found by its number, and only then: see above.
        let handler = item.notification.handler().id;
        let admitted = scopeguard::guard((), |()| {
            // A panic: the notification is in no queue.
            if let Some(handler) = self.handler_by_id(handler) {
                handler.host_type.take_back();
            }
        });
        let pushed = match spool_of(running, pool, &item) {
            None => push_to(pool, key, item),
            Some(spool) => push_kept(pool, &spool, key, item),
        };
        ScopeGuard::into_inner(admitted);
        let Err(refusal) = pushed else {
            return Ok(());
        };
        let RefusedBy {
            pool,
            refused: Refused { item, why },
            full,
        } = *refusal;
        item.notification.handler().host_type.take_back();
        match why {
            PushError::NotOpen => Err(self.not_open(running, &item.notification)),
            PushError::Rejected(reason) => {
                Err(self.refuse(&item.notification, reason, Some((&pool, full))))
            }
        }
    }

    /// A pool of `running` is not there, or takes nothing: because it was stopped, or because the engine was.
    fn not_open(&self, running: &Arc<Running>, notification: &Notification) -> PushError {
        if self.is_current(running) {
            PushError::NotOpen
        } else {
            self.refuse(notification, RejectReason::EngineDown, None)
        }
    }

    fn refuse(
        &self,
        notification: &Notification,
        reason: RejectReason,
        by: Option<(&Arc<Pool>, Option<Full>)>,
    ) -> PushError {
        let handler = notification.handler();
        handler.host_type.count_pushed();
        let waiter = notification.waiter().cloned();
        if let Some((pool, _)) = by {
            pool.count_rejection(reason);
        }
        self.count_rejection(
            handler,
            reason,
            waiter,
            notification.names().sender,
            || match (reason, by) {
                (_, Some((pool, Some(full)))) => format!("pool {}: {full}", pool.name),
                (RejectReason::QueueFull, Some((pool, _))) => pool.describe_bounds(),
                (RejectReason::TooLarge, Some((pool, _))) => format!(
                    "pool {}: it takes more memory than a lane may use (max_lane_percent of \
                     max_pending_bytes)",
                    pool.name
                ),
                (RejectReason::PoolConfig, Some((pool, _))) => pool
                    .defect()
                    .map_or_else(String::new, |text| text.to_string()),
                (RejectReason::Shutdown, _) => "the module is being stopped".to_owned(),
                _ => "the engine does not run".to_owned(),
            },
        );
        PushError::Rejected(reason)
    }

    /// Counts a notification that was rejected before it reached a pool.
    pub fn reject(
        &self,
        handler: &Arc<Handler>,
        reason: RejectReason,
        waiter: Option<Waiter>,
        sender: &[u8],
        text: &str,
    ) {
        handler.host_type.count_pushed();
        self.count_rejection(handler, reason, waiter, sender, || text.to_owned());
    }

    fn count_rejection(
        &self,
        handler: &Arc<Handler>,
        reason: RejectReason,
        waiter: Option<Waiter>,
        sender: &[u8],
        text: impl FnOnce() -> String,
    ) {
        handler.host_type.count_rejected();
        handler.rejected.add(reason);
        let waits = waiter.is_some();
        if !self.rejections.add(handler, reason, sender, waiter, text) {
            let text = format!(
                "more than {WAITERS} sessions wait until their rejected notifications are in the \
                 metrics; others wait as long as `wait` says"
            );
            self.notices
                .tell_handler(handler.id, NoticeKind::Warning, text);
        }
        if waits {
            self.outcomes.hurry();
        }
        self.outcomes.ring();
    }
}

/// A notification that was refused.
pub(super) struct RefusedBy {
    /// The pool that refused it.
    pub pool: Arc<Pool>,
    /// The notification and the reason.
    pub refused: Refused<Queued>,
    /// How full the pool's spool is, if that is the reason.
    pub full: Option<Full>,
}

/// The spool that a notification goes to, if its handler asks for one.
fn spool_of(running: &Running, pool: &Pool, item: &Queued) -> Option<Arc<PoolSpool>> {
    let policy = &item.notification.handler().policy;
    if policy.guarantee == Guarantee::BestEffort {
        return None;
    }
    running.spools.of(&pool.name)
}

/// Hands over to `pool`, or to its heir. On failure, also returns the pool that refused.
fn push_to(pool: &Arc<Pool>, key: &[u8], item: Queued) -> Result<(), Box<RefusedBy>> {
    hand_over(pool, key, item, Pool::push)
}

/// The same, but what follows is the caller's: it is done when the caller drops it.
pub(super) fn put_into(
    pool: &Arc<Pool>,
    key: &[u8],
    item: Queued,
) -> Result<Follows, Box<RefusedBy>> {
    hand_over(pool, key, item, Pool::put)
}

/// Hands a notification over to a pool, for the lane with this key.
type Push<T> = fn(&Arc<Pool>, &[u8], Queued) -> Result<T, Refused<Queued>>;

fn hand_over<T>(
    pool: &Arc<Pool>,
    key: &[u8],
    item: Queued,
    push: Push<T>,
) -> Result<T, Box<RefusedBy>> {
    let refused = match push(pool, key, item) {
        Ok(taken) => return Ok(taken),
        Err(refused) => refused,
    };
    // Check for an heir after the push: a pool has its heir before it is closed.
    if refused.why == PushError::NotOpen
        && let Some(heir) = pool.heir()
    {
        return hand_over(&heir, key, refused.item, push);
    }
    Err(Box::new(RefusedBy {
        pool: Arc::clone(pool),
        refused,
        full: None,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use notification::{Content, Direction, Names};

    use super::*;
    use crate::engine::{EngineError, EngineSettings};

    /// A session or a caller that has begun before the engine stops finds its pool gone.
    #[test]
    fn what_finds_its_pool_gone_learns_whether_the_engine_is() {
        let engine = Engine::default();
        engine.start(EngineSettings::default(), |_| {}).unwrap();
        let handler = engine.handler("localhost", "http_pool", "/n");
        let names = Names {
            sender: b"alice",
            server: b"localhost",
            receiver: b"bob",
        };
        let made = Notification::new(handler, Direction::In, names, b"hi", Content::Form);
        let notification = made.unwrap();
        let before = engine.running.load_full().unwrap();
        let gone = engine.not_open(&before, &notification);
        assert_eq!(gone, PushError::NotOpen);
        assert!(matches!(
            engine.no_pool(&before, PoolId::from(7)),
            EngineError::NoPool(_)
        ));
        engine.stop();
        let gone = engine.not_open(&before, &notification);
        assert_eq!(gone, PushError::Rejected(RejectReason::EngineDown));
        assert!(matches!(
            engine.no_pool(&before, PoolId::from(7)),
            EngineError::Down
        ));
    }
}
