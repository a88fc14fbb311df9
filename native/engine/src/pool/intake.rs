//! Where records that are on disk alone come in: a pool's queue.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant as Monotonic};

use notification::{Handler, HostType, MessageId, Notification, PushError, Refused, RejectReason};
use queue::Share;
use spool::Record;
use tokio::time::Instant;

use super::{Follows, Pool, Queued, WhatIsFull};
use crate::delivery::Tried;
use crate::spools::{Came, Finder, Found, HandlerHash, Kept, NotIn, Row, Spools, Wants, refill};

/// The way from a pool's spool into the pool.
struct Intake {
    pool: Weak<Pool>,
    spools: Arc<Spools>,
}

impl Pool {
    /// Lets what the pool's spool holds come in, if it has one and the pool takes notifications.
    pub(crate) fn attach_spool(self: &Arc<Self>) {
        let Some(spool) = self.spools.of(&self.name) else {
            return;
        };
        let finder = Arc::new(Intake {
            pool: Arc::downgrade(self),
            spools: Arc::clone(&self.spools),
        });
        let (heard, handle) = (Arc::downgrade(&spool), self.handle.clone());
        let [pool, roomy, sharing] = [(); 3].map(|()| Arc::downgrade(self));
        spool.set_wants(Wants {
            pool: self.id,
            takes: Box::new(move || {
                let pool = pool.upgrade();
                pool.is_some_and(|pool| pool.core().phase().takes())
            }),
            has_room: Box::new(move |parts| {
                let pool = roomy.upgrade();
                pool.is_some_and(|pool| pool.bounds.have_free(parts))
            }),
            shares: Box::new(move |handlers| {
                let pool = sharing.upgrade();
                pool.map_or_else(Vec::new, |pool| pool.shares_of(handlers))
            }),
            ask: Box::new(move || {
                if let Some(spool) = heard.upgrade() {
                    handle.spawn(refill(spool, Arc::clone(&finder)));
                }
            }),
        });
    }

    /// How much of the pool's memory each of these handlers uses.
    fn shares_of(&self, hashes: &[HandlerHash]) -> Vec<Share> {
        let mut shares: HashMap<HandlerHash, Share> = HashMap::new();
        let wanted: HashSet<HandlerHash> = hashes.iter().copied().collect();
        self.spools.each_kept(|handler| {
            let hash = HandlerHash::of_handler(handler);
            if wanted.contains(&hash) {
                let share = shares.entry(hash).or_insert(Share::Small);
                *share = self.share_of(handler).max(*share);
            }
        });
        // One that is not there any more uses nothing.
        let share = |hash| shares.get(hash).copied().unwrap_or(Share::Small);
        hashes.iter().map(share).collect()
    }

    /// A queue's item for a record that came in.
    fn restored(
        notification: Notification,
        message_id: MessageId,
        row: Option<Row>,
        came: Came,
    ) -> Queued {
        // A clock that was set back makes nothing older than it is.
        let age = spool::now_ms().saturating_sub(came.created);
        let age = u64::try_from(age).unwrap_or_default();
        let now = Instant::now();
        // A machine that has just started knows no earlier time.
        let accepted_at = now
            .checked_sub(Duration::from_millis(age))
            .unwrap_or_else(|| Instant::from_std(Monotonic::now()));
        let tried = Tried {
            id: Some(message_id),
            attempts: came.history.attempts,
            kept: row.map(|row| Kept::new(row, came.history)),
            ..Tried::default()
        };
        Queued {
            notification,
            accepted_at,
            tried: Some(Box::new(tried)),
            destination: None,
        }
    }
}

impl Finder for Intake {
    type Follows = Follows;

    fn find(&self, record: &Record) -> Found {
        self.spools.find(record)
    }

    fn holds_back(&self, handler: &Handler) -> bool {
        let pool = self.pool.upgrade();
        pool.is_some_and(|pool| pool.holds_back(handler))
    }

    fn push(
        &self,
        record: &Record,
        notification: Notification,
        row: Option<Row>,
        came: Came,
    ) -> Result<Follows, (Option<Row>, NotIn)> {
        let Some(mut pool) = self.pool.upgrade() else {
            return Err((row, NotIn::Closed));
        };
        let host_type = Arc::clone(&notification.handler().host_type);
        let key = [&u32::from(host_type.id).to_ne_bytes(), &*record.lane].concat();
        let counted = Counted::new(&host_type, came.earlier);
        let id = MessageId::parse(&record.message_id).unwrap_or_else(MessageId::new);
        let mut item = Pool::restored(notification, id, row, came);
        loop {
            let Refused { item: back, why } = match pool.put(&key, item) {
                Ok(follows) => {
                    counted.stays();
                    return Ok(follows);
                }
                Err(refused) => refused,
            };
            item = back;
            match pool.heir() {
                Some(heir) if why == PushError::NotOpen => pool = heir,
                _ => {
                    drop(counted);
                    let why = match why {
                        PushError::Rejected(RejectReason::QueueFull) => {
                            match pool.what_is_full(&key, &item) {
                                WhatIsFull::Pool => NotIn::Full,
                                WhatIsFull::Lane => NotIn::LaneFull,
                                WhatIsFull::AlwaysForIt => NotIn::TooLarge,
                            }
                        }
                        _ => NotIn::Closed,
                    };
                    return Err((item.take_kept().map(Kept::into_row), why));
                }
            }
        }
    }
}

/// Counts a notification as in memory before it can have an outcome, and no more so when this is dropped.
struct Counted<'a> {
    host_type: &'a HostType,
    /// Whether an earlier run of the node had accepted it.
    earlier: bool,
}

impl<'a> Counted<'a> {
    fn new(host_type: &'a HostType, earlier: bool) -> Self {
        if earlier {
            host_type.take_over();
        } else {
            host_type.come_in();
        }
        Self { host_type, earlier }
    }

    /// It is in the queue.
    fn stays(self) {
        mem::forget(self);
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if self.earlier {
            self.host_type.take_back();
        } else {
            self.host_type.leave_on_disk();
        }
    }
}
