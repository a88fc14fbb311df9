//! A worker: one of the `workers` of a pool, with at most one request in flight and a connection of its
//! own.
//!
//! It delivers what the queue hands out until there is nothing to deliver, then parks with its
//! connection and watches the connection. `delivery` says what became of a notification; here it gets
//! its outcome, and the worker its next notification.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use notification::fail_point;
use queue::Turn;
use tokio::time::Instant;
use transport::link::Link;

use crate::delivery::{self, Delivered, Opened, Timer};
use crate::pool::in_flight::{After, InFlight};
use crate::pool::{Pool, WorkerSignals};
use futures_util::FutureExt;
use futures_util::future::poll_fn;

/// RAII guard of a worker's place in its pool: dropping it returns the place, however the worker ends.
#[derive(Debug)]
pub struct Seat {
    pool: Arc<Pool>,
    opened: Arc<Opened>,
    signals: Arc<WorkerSignals>,
    left: bool,
    /// Whether the worker has begun. A worker that has not begun is dropped by a runtime that has
    /// ended, which would drop the replacement in the same way, and so on.
    begun: bool,
}

impl Seat {
    /// Creates the seat of a worker that the queue has already counted.
    pub fn new(pool: Arc<Pool>, opened: Arc<Opened>, signals: Arc<WorkerSignals>) -> Self {
        Self {
            pool,
            opened,
            signals,
            left: false,
            begun: false,
        }
    }

    fn take_or_park(&mut self) -> Turn<InFlight, Arc<WorkerSignals>, Arc<Opened>> {
        let turn = {
            let now = Instant::now();
            let mut core = self.pool.core();
            let turn = core.take_or_park(Arc::clone(&self.signals), now);
            if let Turn::Work(taken) = &turn {
                self.signals.begin(taken.item.host_type());
            }
            let left = core.leftovers();
            drop(core);
            self.pool.clear_up(left);
            turn
        };
        match turn {
            Turn::Work(taken) => Turn::Work(self.pool.in_flight(&self.opened, taken)),
            Turn::Parked(step) => Turn::Parked(step),
            Turn::Leave => {
                self.left = true;
                Turn::Leave
            }
        }
    }

    /// Leaves the park for good. Returns false if the queue has chosen this worker meanwhile.
    fn leave_park(&mut self) -> bool {
        let signals = &self.signals;
        self.left = self.pool.core().unpark(|other| Arc::ptr_eq(other, signals));
        self.left
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pool.forget_worker(&self.signals);
        if self.left || self.leave_park() {
            return;
        }
        let step = self.pool.core().lost_worker();
        // A runtime that ends drops its tasks and accepts no new ones; a panic leaves the runtime
        // running.
        if self.begun && std::thread::panicking() {
            self.pool.follow(step);
        }
    }
}

/// Starts a worker that the queue has already counted.
pub(crate) fn start(pool: Arc<Pool>, opened: Arc<Opened>, signals: Arc<WorkerSignals>) {
    let handle = pool.handle().clone();
    handle.spawn(run(Seat::new(pool, opened, signals)));
}

/// Runs a worker from its start to its end.
pub async fn run(mut seat: Seat) {
    seat.begun = true;
    let (mut link, mut timer): (Option<Link>, _) = (None, Timer::default());
    loop {
        fail_point::point("look");
        match seat.take_or_park() {
            Turn::Work(first) => {
                let mut next = Some(first);
                while let Some(job) = next {
                    next = guarded(&seat, &mut link, &mut timer, job).await;
                    // Yield now and then: a hundred thousand notifications that have expired, or whose
                    // URL is invalid, end one after the other without waiting for anything.
                    tokio::task::coop::consume_budget().await;
                }
            }
            Turn::Parked(step) => {
                seat.pool.follow(step);
                if !parked(&seat, &mut link).await {
                    if seat.leave_park() {
                        return;
                    }
                    // The queue has already chosen this worker, so a wake-up is in flight. Wait for it;
                    // otherwise it would end the next park, and the queue would not know.
                    poll_fn(|cx| seat.signals.poll_woken(cx)).await;
                }
            }
            Turn::Leave => return,
        }
    }
}

/// Delivers one notification. A panic during delivery costs only the notification and the connection.
async fn guarded(
    seat: &Seat,
    link: &mut Option<Link>,
    timer: &mut Timer,
    job: InFlight,
) -> Option<InFlight> {
    let served = AssertUnwindSafe(serve(seat, link, timer, job));
    let next = served.catch_unwind().await.unwrap_or_else(|_| {
        *link = None;
        None
    });
    if next.is_none() {
        seat.signals.end();
    }
    next
}

/// Delivers one notification and ends it. Returns the next one if there is one. If the rest of the
/// response takes time, the notification's lane does not wait for it.
async fn serve(
    seat: &Seat,
    link: &mut Option<Link>,
    timer: &mut Timer,
    mut job: InFlight,
) -> Option<InFlight> {
    let Seat {
        pool,
        opened,
        signals,
        ..
    } = seat;
    let counters = &pool.counters;
    job.collect().await;
    let (mut ending, rest) = loop {
        let cancelled = |cx: &mut Context<'_>| signals.poll_cancelled(cx);
        let (part, begins) = job.job();
        let Delivered { judgement, rest } = delivery::deliver(
            opened,
            counters,
            (&mut *link, &mut *timer),
            part,
            cancelled,
            begins,
        )
        .await;
        job = match job.go_on(opened, judgement).await {
            After::Conclude(job, judgement) => break (Some((job, judgement)), rest),
            After::Again(job) => job,
        };
        // Another part of the batch goes over the same connection.
        if let Some(rest) = rest {
            rest.read(link, timer, |cx| signals.poll_cancelled(cx).map(drop))
                .await;
        }
    };
    if let Some(rest) = rest {
        rest.read(link, timer, |cx| {
            if let Some((job, judgement)) = ending.take() {
                job.conclude(judgement);
            }
            signals.poll_cancelled(cx).map(drop)
        })
        .await;
        fail_point::point("read");
    }
    ending.and_then(|(job, judgement)| job.conclude_and_take(signals, opened, judgement))
}

/// Waits for a wake-up. Returns false if there is no reason to stay: no connection, or a long time
/// idle.
async fn parked(seat: &Seat, link: &mut Option<Link>) -> bool {
    let mut idle = pin!(tokio::time::sleep(seat.opened.endpoint.max_idle()));
    poll_fn(|cx| {
        if seat.signals.poll_woken(cx).is_ready() {
            return Poll::Ready(true);
        }
        if let Some(kept) = link {
            if kept.poll_usable(cx) && idle.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            *link = None;
        }
        Poll::Ready(false)
    })
    .await
}
