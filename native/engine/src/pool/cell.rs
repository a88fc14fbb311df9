//! What a worker's task and the rest of the engine share: a call to work, a word that it is over.
//!
//! Every worker that is taken out of the park gets exactly one call, and waits for it before it parks
//! again; so whoever is in the park is asleep, and nobody is there twice.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use notification::FailureReason;
use notification::sync::{AtomicBool, AtomicWaker, Mutex};

/// What others see of a worker: a bell, and a way to cancel what it does.
#[derive(Debug, Default)]
pub struct Cell {
    woken: AtomicBool,
    waker: AtomicWaker,
    busy: Mutex<Option<Busy>>,
    cancelled: AtomicBool,
}

#[derive(Debug)]
struct Busy {
    group: u32,
    cancelled: Option<FailureReason>,
}

impl Cell {
    /// Ends the worker's park.
    pub fn wake(&self) {
        // Exchanged, where a store would do: the model checker keeps only exchanges in one order.
        self.woken.swap(true, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Whether [`Cell::wake`] was called since this last said so; otherwise `cx` is woken by it.
    pub fn poll_woken(&self, cx: &Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.woken.swap(false, Ordering::AcqRel) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Cancels the request in flight, if it belongs to `group`.
    pub fn cancel(&self, group: Option<u32>, reason: FailureReason) {
        let mut busy = self.busy.lock();
        if let Some(busy) = busy
            .as_mut()
            .filter(|busy| group.is_none_or(|group| group == busy.group))
        {
            busy.cancelled = Some(reason);
            self.cancelled.store(true, Ordering::Release);
            self.waker.wake();
        }
    }

    /// A request of `group` begins. Called under the queue's lock, in the step that takes its
    /// notification: whoever then looks for what to cancel finds it either waiting or here.
    pub fn begin(&self, group: u32) {
        let mut busy = self.busy.lock();
        *busy = Some(Busy {
            group,
            cancelled: None,
        });
        // With the lock held, or a cancellation in between would be forgotten.
        self.cancelled.store(false, Ordering::Release);
    }

    /// It is over.
    pub fn end(&self) {
        *self.busy.lock() = None;
    }

    /// Why the present request is cancelled, if it is; otherwise `cx` is woken when it is.
    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<FailureReason> {
        self.waker.register(cx.waker());
        if !self.cancelled.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        let reason = self.busy.lock().as_ref().and_then(|busy| busy.cancelled);
        reason.map_or(Poll::Pending, Poll::Ready)
    }
}
