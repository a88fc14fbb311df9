//! Hand-over of a notification: to its pool, or to the counts of what was rejected. Not here: what the
//! pool does with it (`pool`).

use std::sync::Arc;

use notification::{Handler, Notification, Rejection, Waiter};
use queue::Refusal;

use super::Engine;
use crate::pool::Pool;

/// Why a notification was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It was rejected, and counted.
    Rejected(Rejection),
    /// The pool was replaced or stopped a moment ago. Nothing is counted: the caller looks up which
    /// pool it is now.
    NotOpen,
}

impl Engine {
    /// Hands a notification over for the lane `key` of pool `id`. Never blocks.
    ///
    /// Every word that all callers write to is a step in which they wait for one another, so the
    /// handler is looked at where it is, in the notification.
    pub fn push(&self, id: u32, key: &[u8], notification: Notification) -> Result<(), NotTaken> {
        let running = self.running.load();
        let Some(running) = running.as_ref() else {
            return Err(self.refuse(&notification, Rejection::EngineDown, None));
        };
        if !notification.handler().host_type.admit() {
            return Err(self.refuse(&notification, Rejection::Shutdown, None));
        }
        let pools = running.pools.load();
        let Some(mut pool) = pools.get(&id) else {
            notification.handler().host_type.take_back();
            return Err(NotTaken::NotOpen);
        };
        let mut pushed = pool.push(key, notification);
        // Looked for after the push: a pool has an heir before it is closed.
        while let (Err((Refusal::NotOpen, _)), Some(heir)) = (&pushed, pool.heir()) {
            let Err((_, notification)) = pushed else {
                break;
            };
            (pool, pushed) = (heir, heir.push(key, notification));
        }
        let Err((refusal, notification)) = pushed else {
            return Ok(());
        };
        notification.handler().host_type.take_back();
        let reason = match refusal {
            Refusal::NotOpen => return Err(NotTaken::NotOpen),
            Refusal::Full => Rejection::QueueFull,
            Refusal::Broken => Rejection::PoolConfig,
        };
        Err(self.refuse(&notification, reason, Some(pool)))
    }

    fn refuse(
        &self,
        notification: &Notification,
        reason: Rejection,
        pool: Option<&Arc<Pool>>,
    ) -> NotTaken {
        let handler = notification.handler();
        handler.host_type.count_pushed();
        let waiter = notification.waiter().cloned();
        self.count_rejection(
            handler,
            reason,
            waiter,
            notification.names().sender,
            || match (reason, pool) {
                (Rejection::QueueFull, Some(pool)) => pool.describe_bounds(),
                (Rejection::PoolConfig, Some(pool)) => pool.defect().unwrap_or_default(),
                (Rejection::Shutdown, _) => "the module is being stopped".to_owned(),
                _ => "the engine does not run".to_owned(),
            },
        );
        NotTaken::Rejected(reason)
    }

    /// A notification that never came as far as a pool.
    pub fn reject(
        &self,
        handler: &Arc<Handler>,
        reason: Rejection,
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
        reason: Rejection,
        waiter: Option<Waiter>,
        sender: &[u8],
        text: impl FnOnce() -> String,
    ) {
        handler.host_type.count_rejected();
        handler.rejected.add(reason);
        self.rejections.add(handler, reason, sender, text);
        if let Some(waiter) = waiter {
            // After the row: whoever takes the waiters first and the rows then has counted theirs.
            self.rejections.awaited_by(waiter);
            self.outcomes.hurry();
        }
        self.outcomes.ring();
    }
}
