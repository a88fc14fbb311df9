//! Brings records that are on disk alone into a pool's queue, in their order, as it has room.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Weak};
use std::time::Duration;

use notification::{FailureReason, Handler, Notification};
use scopeguard::ScopeGuard;
use spool::{History, Loaded, Packed, Record};
use tokio::sync::oneshot;

use super::Row;
use super::coming_in::BroughtIn;
use super::lanes::{Most, most_in_memory};
use super::pool_spool::PoolSpool;
use super::record;
use super::window::ReadFrom;

/// How many records are read at once, and of how many bytes.
const AT_ONCE: u32 = 512;
const BYTES_AT_ONCE: u64 = 4 << 20;
/// The pause after a disk that could not be read.
const PAUSE: Duration = Duration::from_secs(1);
/// The pauses after a queue that is full although few of these records are in it: the first, and the longest.
const ROOM: Duration = Duration::from_millis(50);
const LONGEST_ROOM: Duration = Duration::from_millis(250);
/// How often the queue is looked at for room while records wait until enough of those in memory have ended.
const LOOK: Duration = Duration::from_millis(100);

/// What is known of the handler of a record.
#[derive(Debug)]
pub enum Found {
    /// It runs.
    Runs(Arc<Handler>),
    /// It may run later: its host type is stopped, or the node has only begun to start.
    MayCome,
    /// It is not configured any more.
    Gone,
}

/// Where records come in.
pub trait Finder: Send + Sync + 'static {
    /// What is to follow when the queue has taken a notification, and no lock is held any more. It is done when this is
    /// dropped.
    type Follows: Send;

    /// The handler of a record.
    fn find(&self, record: &Record) -> Found;
    /// Whether this handler leaves too little room in the queue for others.
    fn holds_back(&self, handler: &Handler) -> bool;
    /// Puts a notification into the queue. If the queue does not take it, the row comes back.
    fn push(
        &self,
        record: &Record,
        notification: Notification,
        row: Option<Row>,
        came: Came,
    ) -> Result<Self::Follows, (Option<Row>, NotIn)>;
}

/// What a record brings besides its notification.
#[derive(Debug)]
pub struct Came {
    /// When it was handed over, in milliseconds since the epoch.
    pub created: i64,
    /// Its attempts so far.
    pub history: History,
    /// Whether an earlier run of the node had accepted it.
    pub earlier: bool,
}

/// Why a record did not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotIn {
    /// The queue is full.
    Full,
    /// The notification's lane is full.
    LaneFull,
    /// No lane ever has room for it.
    TooLarge,
    /// Its handler does not run.
    NoHandler,
    /// The pool does not take anything now.
    Closed,
    /// Records before it are to come in first, which were not when it was read.
    Rewound,
}

/// Brings records in until all are in memory or the pool does not take more. Only one call works at a time.
pub(crate) async fn refill<F: Finder>(spool: Arc<PoolSpool>, finder: Arc<F>) {
    if spool.begin_to_look_for_room() {
        tokio::spawn(look_for_room(Arc::downgrade(&spool)));
    }
    let mut pause = ROOM;
    while spool.begin_refill() {
        // Whatever becomes of this task, another one can begin.
        let runs = scopeguard::guard(&spool, |spool| {
            spool.end_refill();
        });
        let before = spool.progress();
        let end = bring_all(&spool, &*finder).await;
        spool.tell_what_was_given_up();
        if end.is_some() && end != Some(NotIn::Closed) && spool.is_low() {
            if spool.progress() != before {
                pause = ROOM;
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_ROOM.min(2 * pause);
        }
        if ScopeGuard::into_inner(runs).end_refill() {
            // Perhaps another pool wants them now.
            return spool.want();
        }
        if end == Some(NotIn::Closed) || !spool.is_low() {
            return;
        }
    }
}

/// Looks now and then whether the queue has room, as long as records are on disk alone.
async fn look_for_room(spool: Weak<PoolSpool>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if !spool.upgrade().is_some_and(|spool| spool.look_for_room()) {
            return;
        }
    }
}

async fn bring_all(spool: &Arc<PoolSpool>, finder: &impl Finder) -> Option<NotIn> {
    loop {
        match spool.bring_early(|record| bring_early(finder, record)) {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => break,
            Err(end) => return Some(end),
        }
    }
    while let Some(from) = spool.begin_to_read() {
        let disk = spool.disk()?;
        let next = disk.next();
        let (reply, answer) = oneshot::channel();
        disk.load(from.after, AT_ONCE, BYTES_AT_ONCE, move |found| {
            // The task may have ended with the engine.
            let _ = reply.send(found);
        });
        drop(disk);
        let Ok(Ok(records)) = answer.await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if records.is_empty() && spool.is_done(from, next) {
            return None;
        }
        for loaded in records {
            match unless_it_panics(spool, finder, from, &loaded) {
                Ok(()) => {}
                Err(NotIn::Rewound) => break,
                Err(end) => return Some(end),
            }
        }
        tokio::task::yield_now().await;
    }
    None
}

/// What becomes of a record that is not given to the queue.
type NotQueued = BroughtIn<()>;

/// A record whose way into the queue ends with a panic becomes a dead letter, as one whose delivery does, so that it is
/// not tried for ever while all others wait. If it is in the queue nevertheless, it stays there.
fn unless_it_panics(
    spool: &Arc<PoolSpool>,
    finder: &impl Finder,
    from: ReadFrom,
    loaded: &Loaded,
) -> Result<(), NotIn> {
    let came_in = AssertUnwindSafe(|| bring_in(spool, finder, from, loaded));
    panic::catch_unwind(came_in).unwrap_or_else(|_| {
        spool.bring_in(from, loaded, Most::ANY, |row, _| {
            let reason = FailureReason::InternalError.as_str();
            NotQueued::GivenUp(row, loaded.history.clone(), reason)
        })
    })
}

fn bring_in<F: Finder>(
    spool: &Arc<PoolSpool>,
    finder: &F,
    from: ReadFrom,
    loaded: &Loaded,
) -> Result<(), NotIn> {
    let Loaded {
        record, history, ..
    } = loaded;
    let found = finder.find(record);
    let handler = match found {
        Found::Runs(handler) => handler,
        Found::MayCome => {
            return spool.bring_in(from, loaded, Most::ANY, |row, _| NotQueued::Skipped(row));
        }
        Found::Gone => {
            return spool.bring_in(from, loaded, Most::ANY, |row, _| {
                NotQueued::GivenUp(row, history.clone(), "handler_gone")
            });
        }
    };
    let most = Most {
        of_lane: most_in_memory(&handler.policy),
        holds_back: finder.holds_back(&handler),
    };
    let Some(notification) = record::restore(record, handler) else {
        return spool.bring_in(from, loaded, Most::ANY, |row, _| {
            NotQueued::GivenUp(row, history.clone(), "too_large")
        });
    };
    spool.bring_in(from, loaded, most, |row, earlier| {
        let came = Came {
            created: record.created,
            history: history.clone(),
            earlier,
        };
        match finder.push(record, notification, Some(row), came) {
            Ok(follows) => BroughtIn::Queued(follows),
            Err((Some(row), NotIn::TooLarge)) => {
                BroughtIn::GivenUp(row, history.clone(), "too_large")
            }
            Err((row, why)) => BroughtIn::Not(row, why),
        }
    })
}

/// A record that is in no file.
fn bring_early<F: Finder>(finder: &F, packed: &Packed) -> Result<Option<F::Follows>, NotIn> {
    let Some(record) = &packed.unpack() else {
        return Ok(None);
    };
    let Found::Runs(handler) = finder.find(record) else {
        return Err(NotIn::NoHandler);
    };
    let Some(notification) = record::restore(record, handler) else {
        return Ok(None);
    };
    let came = Came {
        created: record.created,
        history: History::default(),
        earlier: false,
    };
    let push = AssertUnwindSafe(|| finder.push(record, notification, None, came));
    match panic::catch_unwind(push) {
        Ok(pushed) => pushed.map(Some).map_err(|(_, why)| why),
        // It is kept aside until there is a file.
        Err(_) => Err(NotIn::NoHandler),
    }
}

#[cfg(test)]
mod tests;
