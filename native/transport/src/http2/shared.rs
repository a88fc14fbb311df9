//! A pool's present connection, or the attempt to make one, which all requests that need it share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use notification::FailureReason;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::timeout;

use super::{Http2, Room};
use crate::dial::Dialled;
use crate::error::AttemptError;

/// A connection, and how it was made.
type Made = (Http2, Arc<Dialled>);

/// `None` if the attempt took too long.
type Making = Shared<BoxFuture<'static, Option<Result<Made, AttemptError>>>>;

/// The pool's present connection, or the attempt to make one.
pub struct SharedHttp2 {
    present: Mutex<Option<Making>>,
    /// How long one attempt may take.
    allowed: Duration,
    room: Arc<watch::Sender<Room>>,
    closed: AtomicBool,
}

impl std::fmt::Debug for SharedHttp2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedHttp2").finish_non_exhaustive()
    }
}

impl SharedHttp2 {
    /// Starts without a connection; an attempt to make one may take up to `allowed`.
    #[must_use]
    pub fn new(allowed: Duration) -> Self {
        Self {
            present: Mutex::default(),
            allowed,
            room: Arc::new(watch::Sender::new(None)),
            closed: AtomicBool::new(false),
        }
    }

    /// A receiver for the number of streams that the endpoint accepts at once.
    pub fn room(&self) -> watch::Receiver<Room> {
        self.room.subscribe()
    }

    /// The channel on which connections report how many streams the endpoint accepts.
    #[must_use]
    pub fn told(&self) -> Arc<watch::Sender<Room>> {
        Arc::clone(&self.room)
    }

    /// Returns the present connection if it accepts requests, otherwise one made by `make`. It has no
    /// time limit of its own: if an attempt that a request has joined takes too long, the request goes
    /// on with the next attempt, for as long as the request itself has time.
    pub async fn get(
        &self,
        make: impl Fn() -> BoxFuture<'static, Result<(Http2, Dialled), AttemptError>>,
    ) -> Result<Made, AttemptError> {
        loop {
            if let Some(made) = self.making(&make).await {
                return made;
            }
        }
    }

    /// The present attempt. Starts a new one if there is none or its connection accepts no more
    /// requests.
    fn making(
        &self,
        make: impl Fn() -> BoxFuture<'static, Result<(Http2, Dialled), AttemptError>>,
    ) -> Making {
        let mut present = self.present.lock();
        if let Some(making) = present.as_ref().filter(|making| is_of_use(making)) {
            return making.clone();
        }
        let (made, room) = (timeout(self.allowed, make()), Arc::clone(&self.room));
        // Use a separate task, so that the attempt ends even if no request waits for it any more.
        let made = tokio::spawn(async move {
            let made = made.await.ok();
            if !matches!(made, Some(Ok(_))) {
                // The endpoint's limit is unknown; lift it, so that requests need not fail one at a
                // time.
                room.send_if_modified(|room| {
                    let unknown = room.is_none();
                    *room = room.or(Some(usize::MAX));
                    unknown
                });
            }
            made.map(|made| made.map(|(link, dialled)| (link, Arc::new(dialled))))
        });
        let failed =
            |error: JoinError| AttemptError::last(FailureReason::InternalError, error.to_string());
        let making = made
            .map(move |made| made.unwrap_or_else(|error| Some(Err(failed(error)))))
            .boxed()
            .shared();
        if !self.closed.load(Ordering::Acquire) {
            *present = Some(making.clone());
        }
        making
    }

    /// Ends the pool's connection once the requests on it are over, because the pool is closing.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Drop the pool's handle on the connection outside the lock.
        let present = self.present.lock().take();
        if let Some(Some(Ok((link, _)))) = present.and_then(|making| making.peek().cloned()) {
            link.leave();
        }
    }
}

fn is_of_use(making: &Making) -> bool {
    match making.peek() {
        Some(Some(Ok((link, _)))) => link.is_usable(),
        Some(_) => false,
        // One whose requests have all given up may hang: a new request makes its own.
        None => making.strong_count().is_some_and(|holders| holders > 1),
    }
}
