//! Draining and closing: when a pool is stopped, a host type leaves or the engine ends.
//!
//! A draining pool goes on delivering what it has accepted. What is left when the time is over fails
//! with `shutdown`: waiting notifications are removed a few at a time, so that the lock is never held
//! long, and requests in flight are cancelled.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use notification::{FailureReason, HostTypeId, PushError, Refused, RejectReason};
use tokio::time::Instant;

use super::{Pool, Reported, WorkerSignals};

/// How many lanes and notifications are visited under one lock.
const AT_ONCE: usize = 256;

impl Pool {
    /// Stops accepting notifications; accepted ones are still delivered.
    pub fn drain(self: &Arc<Self>) {
        let (steps, quiet) = {
            let mut core = self.core();
            (core.drain(), core.is_quiet())
        };
        self.tell_if_quiet(quiet);
        self.follow_all(steps);
    }

    /// Lets a draining pool accept notifications again, with its connections. Returns false if it is
    /// too late.
    pub fn resume(self: &Arc<Self>) -> bool {
        let resumed = self.core().resume();
        if resumed && self.opened().is_some() {
            self.attach_spool();
        }
        resumed
    }

    /// Drains for at most `allowed`, then ends the pool: what is left fails with `shutdown`.
    pub async fn close(self: Arc<Self>, allowed: Duration) {
        self.drain();
        // A pool that never becomes quiet ends all the same, when the time is over.
        let _ = tokio::time::timeout(allowed, self.quiet()).await;
        let parked = self.core().close();
        let text = "the pool was stopped before its turn came";
        self.fail_all_in_turns(None, FailureReason::Shutdown, text)
            .await;
        self.disconnect(parked);
    }

    /// Ends the pool at once: what is waiting or in flight fails with `reason`. Must not run on an
    /// engine thread, which this may block for a fifth of a second.
    pub(crate) fn end(self: &Arc<Self>, reason: FailureReason, text: &str) {
        if reason == FailureReason::EngineDown {
            // Before the pool is closed: what finds it closed asks why.
            self.engine_stopped.store(true, Ordering::Release);
        }
        let parked = self.core().close();
        self.fail_all(None, reason, text);
        self.disconnect(parked);
    }

    /// Makes the parked workers leave with their connections, and closes the connection that they
    /// share.
    fn disconnect(&self, parked: Vec<Arc<WorkerSignals>>) {
        wake(parked);
        if let Some(opened) = self.opened() {
            opened.endpoint.close();
        }
    }

    /// Fails what is waiting or in flight for `host_type` (for any, with `None`). Must not run on
    /// an engine thread, which this may block for a fifth of a second.
    fn fail_all(
        self: &Arc<Self>,
        host_type: Option<HostTypeId>,
        reason: FailureReason,
        text: &str,
    ) {
        let (reason, text) = self.why_it_ends(reason, text);
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = self.fail_some(host_type, from, reason, &text);
        }
        self.cancel(host_type, reason);
    }

    /// Like `fail_all`, but on an engine thread: it yields to other tasks in between. If the engine
    /// stops meanwhile, the engine fails the rest.
    pub(crate) async fn fail_all_in_turns(
        self: &Arc<Self>,
        host_type: Option<HostTypeId>,
        reason: FailureReason,
        text: &str,
    ) {
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let (reason, text) = self.why_it_ends(reason, text);
            cursor = self.fail_some(host_type, from, reason, &text);
            tokio::task::yield_now().await;
        }
        let (reason, _) = self.why_it_ends(reason, text);
        self.cancel(host_type, reason);
    }

    /// The reason and the text for what ends because something is stopped: those of the engine, if that has
    /// stopped as well.
    pub(super) fn why_it_ends(
        &self,
        reason: FailureReason,
        text: &str,
    ) -> (FailureReason, Arc<str>) {
        let engine_stopped = self.engine_stopped.load(Ordering::Acquire);
        let (reason, text) = if engine_stopped && reason == FailureReason::Shutdown {
            (FailureReason::EngineDown, "the engine was stopped")
        } else {
            (reason, text)
        };
        (reason, format!("pool {}: {text}", self.name).into())
    }

    /// Fails a few waiting notifications, starting at lane number `from`. Returns where to go on.
    fn fail_some(
        self: &Arc<Self>,
        host_type: Option<HostTypeId>,
        from: usize,
        reason: FailureReason,
        text: &Arc<str>,
    ) -> Option<usize> {
        let (items, next, left) = {
            let mut core = self.core();
            let (items, next) = core.purge(host_type, from, AT_ONCE);
            (items, next, core.leftovers())
        };
        self.clear_up(left);
        for item in items {
            self.end_waiting(item, reason, text);
        }
        next
    }

    /// Cancels the requests in flight.
    fn cancel(&self, host_type: Option<HostTypeId>, reason: FailureReason) {
        for signals in self.signals.lock().iter() {
            signals.cancel(host_type, reason);
        }
        let quiet = self.core().is_quiet();
        self.tell_if_quiet(quiet);
    }

    /// Marks the pool as one that cannot be opened for now, for this reason: new notifications are
    /// rejected, until it opens after all. Returns false if it is open already, or has ended.
    /// [`Pool::fail_what_waits`] fails those that wait.
    pub(crate) fn fail_to_open(&self, text: &Arc<str>) -> bool {
        self.core().fail_to_open(Arc::clone(text))
    }

    /// Fails what waited for a pool that could not be opened, for this reason.
    pub(crate) async fn fail_what_waits(self: &Arc<Self>, text: &str) {
        self.fail_all_in_turns(None, FailureReason::PoolConfig, text)
            .await;
    }

    /// Hands the waiting notifications over to `other`, which opens in this pool's place, and ends this
    /// pool. Those for which `other` has no room fail. A later notification goes to `other`
    /// ([`Pool::heir`]), behind those that waited here, so that its lane stays in order.
    ///
    /// A pool has one heir. A second hand-over, even a concurrent one, helps the first, so that no lane
    /// is split. Returns false if this pool was configured, or has ended.
    pub fn hand_over(self: &Arc<Self>, other: Arc<Self>) -> bool {
        let Some(heir) = self.core().hand_over(other) else {
            return false;
        };
        while self.hand_over_some(&heir) {}
        self.end(FailureReason::Shutdown, "the pool was never opened");
        true
    }

    /// Hands over some notifications; returns false if none is left. It moves several under one lock;
    /// otherwise sessions that go on pushing could keep this from ending.
    fn hand_over_some(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut refused = Vec::new();
        let (mut more, mut on_disk) = (true, 0);
        let mut core = self.core();
        for _ in 0..AT_ONCE {
            let Some((key, _, item)) = core.remove_next(Instant::now()) else {
                more = false;
                break;
            };
            match other.take_over(&key, item) {
                Ok(cost) => self.give_up_room(cost),
                Err(not_taken) => {
                    core.not_handed_over();
                    refused.push(not_taken);
                }
            }
        }
        let left = core.leftovers();
        drop(core);
        self.clear_up(left);
        for Refused { item, why } in refused {
            let (reason, text) = match why {
                PushError::Rejected(RejectReason::PoolConfig) => (
                    FailureReason::PoolConfig,
                    other.defect().unwrap_or_default(),
                ),
                PushError::Rejected(_) => {
                    let text = format!("{} has no room for it", other.describe_bounds());
                    (FailureReason::QueueFull, text.into())
                }
                PushError::NotOpen => {
                    other.why_it_ends(FailureReason::Shutdown, "it was stopped meanwhile")
                }
            };
            let reported = self.report_failure(item, reason, &text);
            on_disk += u64::from(reported == Reported::OnDisk);
        }
        self.core().forget_failed(on_disk);
        more
    }

    async fn quiet(&self) {
        loop {
            let notified = self.quiet.notified();
            if self.core().is_quiet() {
                return;
            }
            notified.await;
        }
    }
}

fn wake(parked: Vec<Arc<WorkerSignals>>) {
    for signals in parked {
        signals.wake();
    }
}
