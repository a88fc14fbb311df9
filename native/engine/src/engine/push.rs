//! Hand-over of a notification: to its pool, or to the counts of what was rejected. Not here: what the
//! pool does with it (`pool`).

use std::sync::Arc;

use super::Engine;
use crate::notification::{Handler, Notification};
use crate::pool::Pool;
use crate::queue::core::Refusal;
use crate::report::reason::Rejection;

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
    pub fn push(&self, id: u32, key: &[u8], notification: Notification) -> Result<(), NotTaken> {
        let handler = Arc::clone(notification.handler());
        let running = self.running.load();
        let Some(running) = running.as_ref() else {
            return Err(self.refuse(&handler, Rejection::EngineDown, &notification, None));
        };
        let pools = running.pools.load();
        let pool = pools.get(&id);
        if !handler.host_type.admit() {
            return Err(self.refuse(&handler, Rejection::Shutdown, &notification, None));
        }
        let Some(pool) = pool else {
            handler.host_type.take_back();
            return Err(NotTaken::NotOpen);
        };
        let (mut pool, mut pushed) = (pool, pool.push(key, notification));
        // Looked for after the push: a pool has an heir before it is closed.
        while let (Err((Refusal::NotOpen, _)), Some(heir)) = (&pushed, pool.heir()) {
            let Err((_, notification)) = pushed else {
                break;
            };
            (pool, pushed) = (heir, heir.push(key, notification));
        }
        if pushed.is_err() {
            handler.host_type.take_back();
        }
        match pushed {
            Ok(()) => {
                handler.host_type.count_pushed();
                Ok(())
            }
            Err((Refusal::NotOpen, _)) => Err(NotTaken::NotOpen),
            Err((Refusal::Full, notification)) => {
                Err(self.refuse(&handler, Rejection::QueueFull, &notification, Some(pool)))
            }
            Err((Refusal::Broken, notification)) => {
                Err(self.refuse(&handler, Rejection::PoolConfig, &notification, Some(pool)))
            }
        }
    }

    fn refuse(
        &self,
        handler: &Arc<Handler>,
        reason: Rejection,
        notification: &Notification,
        pool: Option<&Arc<Pool>>,
    ) -> NotTaken {
        handler.host_type.count_pushed();
        self.count_rejection(handler, reason, notification.names().sender, || {
            match (reason, pool) {
                (Rejection::QueueFull, Some(pool)) => pool.describe_bounds(),
                (Rejection::PoolConfig, Some(pool)) => pool.defect().unwrap_or_default().to_owned(),
                (Rejection::Shutdown, _) => "the module is being stopped".to_owned(),
                _ => "the engine does not run".to_owned(),
            }
        });
        NotTaken::Rejected(reason)
    }

    /// A notification that never came as far as a pool.
    pub fn reject(&self, handler: &Arc<Handler>, reason: Rejection, sender: &[u8], text: &str) {
        handler.host_type.count_pushed();
        self.count_rejection(handler, reason, sender, || text.to_owned());
    }

    fn count_rejection(
        &self,
        handler: &Arc<Handler>,
        reason: Rejection,
        sender: &[u8],
        text: impl FnOnce() -> String,
    ) {
        handler.host_type.count_rejected();
        handler.rejected.add(reason);
        self.rejections.add(handler, reason, sender, text);
        self.outcomes.ring();
    }
}
