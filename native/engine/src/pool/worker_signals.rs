//! Shared between a worker's task and its pool: the wake-up signal and the cancellation signal.
//!
//! A worker that is taken out of the park gets exactly one wake-up, and waits for it before it parks
//! again; so every parked worker is asleep, and none is parked twice.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use notification::sync::{AtomicBool, AtomicWaker, Mutex};
use notification::{FailureReason, HostTypeId};

/// The signals to one worker: a wake-up, and the cancellation of its request.
#[derive(Debug, Default)]
pub struct WorkerSignals {
    woken: AtomicBool,
    waker: AtomicWaker,
    busy: Mutex<Option<Busy>>,
    cancelled: AtomicBool,
}

#[derive(Debug)]
struct Busy {
    host_type: HostTypeId,
    cancelled: Option<FailureReason>,
}

impl WorkerSignals {
    /// Wakes the parked worker.
    pub fn wake(&self) {
        // A swap, although a store would do: the model checker keeps only swaps in one order.
        self.woken.swap(true, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Ready if [`WorkerSignals::wake`] was called since this last returned ready; otherwise that call will wake
    /// `cx`.
    pub fn poll_woken(&self, cx: &Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.woken.swap(false, Ordering::AcqRel) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Cancels the request in flight if it belongs to `host_type` (to any, with `None`).
    pub fn cancel(&self, host_type: Option<HostTypeId>, reason: FailureReason) {
        let mut busy = self.busy.lock();
        if let Some(busy) = busy
            .as_mut()
            .filter(|busy| host_type.is_none_or(|host_type| host_type == busy.host_type))
        {
            busy.cancelled = Some(reason);
            self.cancelled.store(true, Ordering::Release);
            self.waker.wake();
        }
    }

    /// A request of `host_type` begins. Called under the queue's lock, in the step that takes its
    /// notification: a cancellation after that step finds the notification either waiting or here.
    pub fn begin(&self, host_type: HostTypeId) {
        let mut busy = self.busy.lock();
        *busy = Some(Busy {
            host_type,
            cancelled: None,
        });
        // Cleared while the lock is held; otherwise a concurrent cancellation would be lost.
        self.cancelled.store(false, Ordering::Release);
    }

    /// The request has ended.
    pub fn end(&self) {
        *self.busy.lock() = None;
    }

    /// Ready with the reason if the present request is cancelled; otherwise `cx` is woken when that
    /// happens.
    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<FailureReason> {
        self.waker.register(cx.waker());
        if !self.cancelled.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        let reason = self.busy.lock().as_ref().and_then(|busy| busy.cancelled);
        reason.map_or(Poll::Pending, Poll::Ready)
    }
}
