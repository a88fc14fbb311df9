//! A pool: its queue under a lock, its workers, and the way from hand-over to outcome.
//!
//! A step of the queue may ask for an action (wake a worker, start one, start the expiry timer). The
//! pool performs it after it has released the lock. The rules of the queue are in `queue`; what a
//! worker does with a notification is in `worker` and `delivery`.

mod address;
mod alarm;
mod batch;
mod breaker;
mod counts;
mod destinations;
pub mod in_flight;
mod intake;
pub mod look;
pub mod opening;
mod queued;
mod reporting;
mod room;
mod taking;
#[cfg(test)]
mod tests;
pub mod timer;
pub mod winding_up;
mod worker_signals;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use notification::PoolId;
use notification::sync::AtomicBool;
use parking_lot::Mutex;
use payload::FormStyle;
use queue::{Bound, Budget, Core, LaneLimits, Parts, PoolBounds, Rules, Step, Taken};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use transport::endpoint::Endpoint;
use transport::notices::Notices;

use crate::delivery::Opened;
use crate::report::counters::PoolCounters;
use crate::report::outcomes::Outcomes;
use crate::settings::{PoolOptions, PoolSettings};
use crate::spools::Spools;
pub use address::EndpointState;
pub(crate) use batch::{Batch, Companion};
pub use counts::PoolCounts;
use destinations::Destinations;
use opening::Progress;
pub use queued::Queued;
pub(crate) use reporting::Reported;
pub(crate) use taking::{Follows, WhatIsFull};
pub use worker_signals::WorkerSignals;

/// What a pool has in its phases.
#[derive(Debug)]
pub enum Inside {}

impl Parts for Inside {
    type Options = PoolOptions;
    type Opened = Arc<Opened>;
    type Heir = Arc<Pool>;
}

type PoolCore = Core<Queued, Arc<WorkerSignals>, Inside>;
type PoolStep = Step<Arc<WorkerSignals>, Arc<Opened>>;

/// One incarnation of a pool.
#[derive(Debug)]
pub struct Pool {
    /// The pool's number: unique in the engine and never reused.
    pub id: PoolId,
    /// The pool's name, for reports.
    pub name: Box<str>,
    core: Mutex<PoolCore>,
    /// Whether items wait for company that may come ([`Core::lingering`]).
    lingering: Arc<AtomicBool>,
    /// How far the opening has come.
    progress: Arc<watch::Sender<Progress>>,
    /// Cuts a pause between two tries to open short.
    try_again: Arc<Notify>,
    bounds: Arc<PoolBounds>,
    rejected: AtomicU64,
    outcomes: Arc<Outcomes>,
    /// The counters of all pools of this name.
    pub(crate) counters: Arc<PoolCounters>,
    notices: Arc<Notices>,
    spools: Arc<Spools>,
    destinations: Destinations,
    handle: Handle,
    /// Starts a worker that the queue has already counted.
    start: fn(Arc<Pool>, Arc<Opened>, Arc<WorkerSignals>),
    /// The signals of all workers, to cancel their requests.
    signals: Mutex<Vec<Arc<WorkerSignals>>>,
    quiet: Notify,
    /// Whether the pool has ended because the engine has.
    engine_stopped: AtomicBool,
    /// Rings the alarm, which wakes postponed lanes.
    bell: Arc<Notify>,
}

/// Bounds of one pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// The most pending notifications.
    pub items: usize,
    /// The most bytes of pending notifications.
    pub bytes: usize,
    /// The part of both that one lane may use.
    pub lane: LaneLimits,
}

impl Pool {
    pub(crate) fn new(
        id: PoolId,
        name: &str,
        limits: PoolLimits,
        (node, spools): (Arc<Bound>, Arc<Spools>),
        report: (Arc<Outcomes>, Arc<PoolCounters>, Arc<Notices>),
        handle: Handle,
        start: fn(Arc<Self>, Arc<Opened>, Arc<WorkerSignals>),
    ) -> Arc<Self> {
        let (outcomes, counters, notices) = report;
        let core = Core::with_room(limits.lane, limits.items);
        Arc::new(Self {
            id,
            name: name.into(),
            lingering: core.lingering(),
            core: Mutex::new(core),
            progress: Arc::new(watch::Sender::new(Progress::Reading)),
            try_again: Arc::default(),
            bounds: Arc::new(PoolBounds::new(
                Budget::new(limits.items, limits.bytes),
                node,
            )),
            rejected: AtomicU64::new(0),
            outcomes,
            counters,
            notices,
            spools,
            destinations: Destinations::default(),
            handle,
            start,
            signals: Mutex::default(),
            quiet: Notify::new(),
            engine_stopped: AtomicBool::new(false),
            bell: Arc::default(),
        })
    }

    /// Sets the options to open with; only the first call counts.
    pub(crate) fn configure(&self, options: PoolOptions) {
        self.core().configure(options);
    }

    /// Opens the pool with these settings: delivery begins.
    pub(crate) fn open(
        self: &Arc<Self>,
        settings: PoolSettings,
        endpoint: Endpoint,
        form_style: FormStyle,
    ) {
        let rules = Rules {
            workers: settings.workers.get(),
            when_busy: settings.when_busy,
            max_waiting: settings.max_waiting,
            call_timeout: settings.call_timeout,
        };
        let room = endpoint.room();
        if let Some(mut room) = room {
            let now = *room.borrow_and_update();
            // No step to perform: the pool is not open yet.
            drop(self.core().set_room(now));
            self.handle.spawn(room::follow(Arc::downgrade(self), room));
        }
        let opened = Opened::new(settings, endpoint, form_style);
        let staff = self.core().open(rules, Arc::new(opened));
        for _ in 0..staff.workers {
            self.start_worker(Arc::clone(&staff.with));
        }
        if let Some(call_timeout) = staff.timer {
            self.follow(Step::Time(call_timeout));
        }
        self.attach_spool();
    }

    /// Performs a step of the queue. The caller must have released the lock.
    pub(crate) fn follow(self: &Arc<Self>, step: PoolStep) {
        match step {
            Step::Nothing => {}
            Step::Wake(signals) => signals.wake(),
            Step::Start(opened) => self.start_worker(opened),
            Step::Time(call_timeout) => {
                let pool = Arc::clone(self);
                self.handle.spawn(timer::expire(pool, call_timeout));
            }
            Step::Alarm => drop(self.handle.spawn(alarm::run(self))),
            Step::Ring => self.bell.notify_one(),
        }
    }

    /// Performs several steps of the queue.
    pub(crate) fn follow_all(self: &Arc<Self>, steps: Vec<PoolStep>) {
        for step in steps {
            self.follow(step);
        }
    }

    fn start_worker(self: &Arc<Self>, opened: Arc<Opened>) {
        let signals = Arc::new(WorkerSignals::default());
        self.signals.lock().push(Arc::clone(&signals));
        (self.start)(Arc::clone(self), opened, signals);
    }

    /// The runtime on which the pool's tasks run.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn core(&self) -> parking_lot::MutexGuard<'_, PoolCore> {
        self.core.lock()
    }

    /// What the pool is open with, or was.
    pub(crate) fn opened(&self) -> Option<Arc<Opened>> {
        self.core().phase().opened().cloned()
    }

    pub(crate) fn forget_worker(&self, signals: &Arc<WorkerSignals>) {
        self.signals
            .lock()
            .retain(|other| !Arc::ptr_eq(other, signals));
    }

    pub(crate) fn tell_if_quiet(&self, quiet: bool) {
        if quiet {
            self.quiet.notify_waiters();
        }
    }

    /// The pool's settings, once it is open.
    #[must_use]
    pub fn settings(&self) -> Option<Arc<PoolSettings>> {
        self.opened().map(|opened| Arc::clone(&opened.settings))
    }

    /// The pool to which this pool is or was handed over.
    #[must_use]
    pub fn heir(&self) -> Option<Arc<Self>> {
        self.core().phase().heir().cloned()
    }

    /// Whether this pool is `other`, or was handed over to `other`, directly or through others.
    pub(crate) fn is_or_becomes(&self, other: &Arc<Self>) -> bool {
        self.id == other.id
            || std::iter::successors(self.heir(), |pool| pool.heir())
                .any(|pool| pool.id == other.id)
    }

    /// Why the pool is not open, once that is known.
    #[must_use]
    pub fn defect(&self) -> Option<Arc<str>> {
        self.core().phase().defect().cloned()
    }

    fn is_over(&self) -> bool {
        self.core().phase().is_over()
    }

    pub(crate) fn in_flight(
        self: &Arc<Self>,
        opened: &Opened,
        taken: Taken<Queued>,
    ) -> in_flight::InFlight {
        in_flight::InFlight::new(Arc::clone(self), opened, taken)
    }
}
