//! The state that a connection's users and its driver share: how many streams are open, how many may
//! be, and whether the connection accepts more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use h2::client::SendRequest;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::payload::Payload;
use crate::error::AttemptError;

/// How many streams may be open before the peer has said how many it accepts.
pub(super) const BEFORE_SETTINGS: usize = 1;

/// Why a connection accepts no more requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// It is too old, has idled for too long, or is no longer needed: it sends GOAWAY after the last
    /// stream.
    Leave,
    /// It may be dead: it is dropped after the last stream, without GOAWAY.
    GivenUp,
    /// It is closed already.
    Closed,
}

/// The state that users and driver share.
#[derive(Debug)]
pub(super) struct State {
    inner: Mutex<Inner>,
    /// Notifies requests that there may be room for a stream, or that there will be none.
    freed: Notify,
    /// Notifies the driver that the state has changed.
    pub(super) changed: Notify,
    /// When the peer was last heard.
    heard: Mutex<Option<Instant>>,
    /// How many requests the peer has answered.
    answered: AtomicUsize,
    /// What ended the connection, if h2's error does not say it.
    pub(super) why: OnceLock<AttemptError>,
}

#[derive(Debug)]
struct Inner {
    sender: Option<SendRequest<Payload>>,
    most: usize,
    open: usize,
    /// When the last stream ended.
    idle_since: Instant,
    end: Option<End>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                sender: None,
                most: BEFORE_SETTINGS,
                open: 0,
                idle_since: Instant::now(),
                end: None,
            }),
            freed: Notify::new(),
            changed: Notify::new(),
            heard: Mutex::default(),
            answered: AtomicUsize::new(0),
            why: OnceLock::new(),
        }
    }
}

impl State {
    pub(super) fn open(&self, sender: SendRequest<Payload>) {
        self.inner.lock().sender = Some(sender);
    }

    pub(super) fn sender(&self) -> Option<SendRequest<Payload>> {
        self.inner.lock().sender.clone()
    }

    /// Drops the sender, because no new streams are wanted: h2 then ends the connection after the last
    /// stream.
    pub(super) fn take_sender(&self) {
        // Drop it outside the lock, because the drop wakes the connection's task.
        let sender = self.inner.lock().sender.take();
        drop(sender);
    }

    pub(super) fn is_open(&self) -> bool {
        self.inner.lock().end.is_none()
    }

    /// Accepts no more streams from now on. An earlier reason stays, unless the new one is worse.
    pub(super) fn end(&self, end: End) {
        let changed = {
            let mut inner = self.inner.lock();
            let worse = inner.end.is_none_or(|before| before < end);
            if worse {
                inner.end = Some(end);
            }
            worse
        };
        if changed {
            self.freed.notify_waiters();
            self.changed.notify_one();
        }
    }

    pub(super) fn ended(&self) -> Option<End> {
        self.inner.lock().end
    }

    /// Since when no stream has been open; `None` while one is open.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let inner = self.inner.lock();
        (inner.open == 0).then_some(inner.idle_since)
    }

    /// Sets how many streams the peer accepts at once.
    pub(super) fn set_most(&self, most: usize) {
        self.inner.lock().most = most;
        self.freed.notify_waiters();
    }

    /// Records that the peer has sent something.
    pub(super) fn hear(&self) {
        *self.heard.lock() = Some(Instant::now());
    }

    pub(super) fn heard(&self) -> Option<Instant> {
        *self.heard.lock()
    }

    /// Counts a request that the peer has answered.
    pub(super) fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// The error for a request that ended with `error`.
    pub(super) fn explain(&self, error: &h2::Error) -> AttemptError {
        let why = self.why.get().filter(|_| error.is_io());
        why.cloned().unwrap_or_else(|| AttemptError::from_h2(error))
    }
}

/// The right to one stream; dropping it frees the stream's place.
#[derive(Debug)]
pub(super) struct Turn(Arc<State>);

impl Turn {
    /// Waits for room. Returns `None` if the connection accepts no more streams.
    pub(super) async fn wait(state: &Arc<State>) -> Option<Self> {
        // Fast path: nearly always there is room.
        if let Poll::Ready(turn) = Self::take(state) {
            return turn;
        }
        loop {
            let mut freed = std::pin::pin!(state.freed.notified());
            // From here on, no notification is missed.
            freed.as_mut().enable();
            if let Poll::Ready(turn) = Self::take(state) {
                return turn;
            }
            freed.await;
        }
    }

    fn take(state: &Arc<State>) -> Poll<Option<Self>> {
        let mut inner = state.inner.lock();
        if inner.end.is_some() {
            return Poll::Ready(None);
        }
        if inner.open < inner.most {
            inner.open += 1;
            return Poll::Ready(Some(Self(Arc::clone(state))));
        }
        Poll::Pending
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let last_of_an_ending_one = {
            let mut inner = self.0.inner.lock();
            inner.open -= 1;
            if inner.open == 0 {
                inner.idle_since = Instant::now();
            }
            inner.open == 0 && inner.end.is_some()
        };
        self.0.freed.notify_one();
        if last_of_an_ending_one {
            self.0.changed.notify_one();
        }
    }
}
